package app

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf"
	"rolegate/internal/audit/sink"
	"rolegate/internal/store"
	"rolegate/model"
)

// The values of ROLEGATE_AUDIT_PROFILE.
const (
	profilePseudonymous = "pseudonymous"
	profileFull         = "full"
)

// checkSinks never repeats what may be secret.
func checkSinks(c Config) error {
	for _, p := range c.AuditAllow {
		if n, err := netip.ParsePrefix(p); err != nil || n.Addr().Is4In6() {
			return settingError("ROLEGATE_AUDIT_WEBHOOK_ALLOW: %q is not a CIDR such as 10.0.0.0/8", p)
		}
	}
	switch {
	case c.AuditProfile != profilePseudonymous && c.AuditProfile != profileFull && c.AuditProfile != "":
		return settingError("ROLEGATE_AUDIT_PROFILE is %s or %s, not %q", profilePseudonymous, profileFull, c.AuditProfile)
	case c.AuditWebhook == "" && c.AuditSecret == "":
		return nil
	case c.AuditWebhook == "" || c.AuditSecret == "":
		return settingError("ROLEGATE_AUDIT_WEBHOOK and ROLEGATE_AUDIT_WEBHOOK_SECRET go together; only one is set")
	}
	if _, err := sink.ParseSecrets(c.AuditSecret); err != nil {
		return settingError("ROLEGATE_AUDIT_WEBHOOK_SECRET %v", err)
	}
	if err := sink.CheckURL(c.AuditWebhook, strings.HasPrefix(c.Issuer, "http://"), prefixes(c.AuditAllow)); err != nil {
		return settingError("ROLEGATE_AUDIT_WEBHOOK %v", err)
	}
	return nil
}

// openSinks makes the ways out of the log that are set. That names go out by one
// is an entry of the log before the first of them does: whoever asks later what
// became of a person's data finds since when there is a copy, and where.
func (a *App) openSinks(ctx context.Context) ([]*sink.Sink, error) {
	c := a.Config
	mk := ocsf.Maker{Version: buildVersion(), Issuer: c.Issuer}
	render := sink.Pseudonymous(mk, a.now)
	if c.AuditProfile == profileFull {
		render = sink.Full(mk, a.now, a.Log)
	}
	var sinks []*sink.Sink
	if err := a.takeOverCursors(ctx); err != nil {
		return nil, err
	}
	add := func(name, to string, target sink.Target) error {
		sinks = append(sinks, a.newSink(name, target, render))
		if c.AuditProfile != profileFull {
			return nil
		}
		return a.Log.Append(ctx, audit.Entry{Class: audit.ClassSystem, Activity: audit.SinkStarted, Outcome: audit.OutcomeOK,
			Object: "audit_sink", Op: name, Caller: model.Caller{Kind: model.CallerSystem}, Personal: map[string]any{"to": to}})
	}
	if c.AuditFile != "" {
		f, err := sink.OpenFile(c.AuditFile)
		if err != nil {
			return nil, settingError("ROLEGATE_AUDIT_FILE: %v", err)
		}
		if err := add(fileSink, c.AuditFile, f); err != nil {
			return nil, err
		}
	}
	if c.AuditWebhook != "" {
		keys, err := sink.ParseSecrets(c.AuditSecret)
		if err != nil {
			return nil, settingError("ROLEGATE_AUDIT_WEBHOOK_SECRET %v", err)
		}
		w, err := sink.NewWebhook(sink.WebhookOptions{URL: c.AuditWebhook, Secrets: keys, Allow: prefixes(c.AuditAllow),
			Agent: strings.TrimSuffix("Rolegate/"+buildVersion(), "/"), Now: a.now})
		if err != nil {
			return nil, err
		}
		if err := add(webhookSink, w.Place(), w); err != nil {
			return nil, err
		}
	}
	return sinks, nil
}

// The names of sinks.
const (
	fileSink    = "file"
	webhookSink = "webhook"
)

// newSink makes the sink of a name; one that is never run needs neither target nor render.
func (a *App) newSink(name string, target sink.Target, render sink.Render) *sink.Sink {
	row := leftName + name
	return sink.New(sink.Options{Name: name, Store: a.Store, Log: a.Log, Moved: a.cursorMoved(name), CutOff: a.sinkCutOff(name), Target: target, Render: render,
		Left: func(ctx context.Context) (bool, error) {
			left, err := a.Keystore.MetaValue(ctx, row)
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return len(left) > 0, err
		},
		SetLeft: func(ctx context.Context, left bool) error {
			var value []byte
			if left {
				value = []byte(a.now().UTC().Format(time.RFC3339))
			}
			return a.Keystore.SetMeta(ctx, row, value)
		},
		Alone: a.Config.DatabaseURL == "", Now: a.now, Logger: a.Logger})
}

// The rows of the keystore's meta: since when the cursors of sinks have MACs; and, with
// a sink's name behind it, since when its cursor has left the log's beginning.
const (
	cursorsName = "log_sinks_authenticated"
	leftName    = "log_sink_left_"
)

// takeOverCursors believes the cursors of an earlier release, which have no MAC, and
// records where they are: once, also those of sinks that are not set now.
func (a *App) takeOverCursors(ctx context.Context) error {
	if _, err := a.Keystore.MetaValue(ctx, cursorsName); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, name := range []string{fileSink, webhookSink} {
		position, err := a.newSink(name, nil, nil).TakeOver(ctx)
		if err == nil && position > 0 {
			err = a.Log.Append(ctx, cursorEntry(name, audit.OutcomeOK, position, position))
		}
		if err != nil {
			return err
		}
	}
	err := a.Keystore.InsertMeta(ctx, cursorsName, []byte(a.now().UTC().Format(time.RFC3339)))
	if errors.Is(err, store.ErrExists) {
		return nil // another replica was first
	}
	return err
}

// cursorMoved records that a sink's cursor was altered past the service.
func (a *App) cursorMoved(name string) func(context.Context, store.Tx, int64, int64) error {
	return func(ctx context.Context, tx store.Tx, claimed, from int64) error {
		e := cursorEntry(name, audit.OutcomeError, claimed, from)
		e.Code = model.CodeLogAltered
		return a.Log.AppendIn(ctx, tx, e)
	}
}

// sinkCutOff records how far this process has sent the log.
func (a *App) sinkCutOff(name string) func(context.Context, int64) error {
	return func(ctx context.Context, at int64) error {
		return a.Log.Append(ctx, audit.Entry{Class: audit.ClassSystem, Activity: audit.JobCutOff, Outcome: audit.OutcomeError, Code: model.CodeStopping, Op: "sink " + name, Count: at,
			Caller: model.Caller{Kind: model.CallerSystem}})
	}
}

func cursorEntry(name string, outcome audit.Outcome, claimed, from int64) audit.Entry {
	return audit.Entry{Class: audit.ClassSystem, Activity: audit.SinkCursor, Outcome: outcome, Object: "audit_sink", Op: name, Count: from,
		Caller: model.Caller{Kind: model.CallerSystem}, Personal: map[string]any{"claimed": claimed}}
}
