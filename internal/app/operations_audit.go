package app

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sort"
	"strconv"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/verify"
	"rolegate/internal/store"
	"rolegate/model"
)

// LogExport says what of the log to export.
type LogExport struct {
	Tenant string // "" for all
	// From and To bound what is exported whole: indices, RFC 3339 times or dates;
	// "" for the beginning and the end.
	From, To string
	Sizes    []int64 // of checkpoints that were kept, see bundle.Selection
	MadeBy   string
}

func (e LogExport) tenant() string { return e.Tenant }

// ExportLog streams a bundle, see bundle.Unpack. That it does is an entry of the
// log, and of the bundle.
var ExportLog = Stream[LogExport, bundle.Written]{"audit-export", func(ctx context.Context, a *App, caller model.Caller, e LogExport, w io.Writer) (bundle.Written, error) {
	s := bundle.Selection{Sizes: e.Sizes, MadeAt: a.now(), MadeBy: e.MadeBy}
	if e.Tenant != "" {
		t, err := a.Store.TenantHead(ctx, e.Tenant)
		if errors.Is(err, store.ErrNotFound) {
			return bundle.Written{}, model.Errorf(model.CodeNotFound, "there is no tenant %q", e.Tenant)
		}
		if err != nil {
			return bundle.Written{}, err
		}
		s.Tenant = t.Ref
	}
	var err error
	if s.From, err = a.index(ctx, "--from", e.From, -leewayOfTimes); err != nil {
		return bundle.Written{}, err
	}
	if s.To, err = a.index(ctx, "--to", e.To, leewayOfTimes); err != nil {
		return bundle.Written{}, err
	}
	if e.To != "" && s.To <= s.From {
		return bundle.Written{}, model.Errorf(model.CodeInvalidRequest, "there is no entry from %s to %s", cmp.Or(e.From, "the beginning"), e.To)
	}
	size, err := a.Store.LogSize(ctx)
	if err != nil {
		return bundle.Written{}, err
	}
	end := size
	if s.To > 0 {
		end = min(size, s.To)
	}
	if err := a.Log.Append(ctx, audit.Entry{Tenant: e.Tenant, Class: audit.ClassAdmin, Activity: audit.LogExported, Outcome: audit.OutcomeOK,
		Count: max(end-s.From, 0), Personal: map[string]any{"from": s.From, "to": s.To}, Caller: caller}); err != nil {
		return bundle.Written{}, err
	}
	// The bundle ends with a checkpoint, unless the log is such that there must be
	// none: then it is the more needed.
	if _, err := a.Checkpoints.Publish(ctx); err != nil {
		a.Logger.Warn("the log is exported without a checkpoint of its end", "error", err)
	}
	live, err := verify.Live(ctx, a.Store)
	if err != nil {
		return bundle.Written{}, err
	}
	files := bundle.NewTar(w)
	written, err := bundle.Write(ctx, live, s, files)
	return written, errors.Join(err, files.Close())
}}

// leewayOfTimes is how much further a range of times reaches: an entry's time may
// be older than that of the one before it, see verify.
const leewayOfTimes = 2 * time.Minute

// index reads an index, or finds that of the first entry of a time.
func (a *App) index(ctx context.Context, flag, text string, leeway time.Duration) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		return 0, model.Errorf(model.CodeInvalidRequest, "%s %s is neither an index nor a time such as 2026-11-01 or 2026-11-01T08:00:00Z", flag, text)
	}
	size, err := a.Store.LogSize(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	n := sort.Search(int(size), func(i int) bool {
		leaves, err := a.Store.LeavesFrom(ctx, int64(i), 1)
		if err != nil || len(leaves) == 0 {
			failed = errors.Join(failed, err)
			return true
		}
		l, err := audit.Decode(leaves[0])
		return err == nil && l.Time >= at.Add(leeway).UnixMicro()
	})
	return int64(n), failed
}
