package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// Reason says why no checkpoint may be made.
type Reason string

// Each of them means that the database holds another log than the one that was
// published: a backup was restored, or somebody has altered it.
const (
	Smaller         Reason = "smaller"         // entries or checkpoints that were published are gone
	Forked          Reason = "forked"          // they are not the same
	Missing         Reason = "missing"         // there is a hole
	Unsigned        Reason = "unsigned"        // a stored checkpoint is not of the log's key
	Unauthenticated Reason = "unauthenticated" // the log's head does not have its MAC: entries may have been put in by hand
	Restored        Reason = "restored"        // an operator has said that it is a backup
)

var reasons = [...]Reason{Smaller, Forked, Missing, Unsigned, Unauthenticated, Restored}

// Refusal ends the making of checkpoints until Resume.
type Refusal struct {
	Reason Reason    `json:"reason"`
	Detail string    `json:"detail"` // for operators; names sizes only
	At     time.Time `json:"at"`

	kept bool // in the keystore
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("no checkpoint of this log (%s): %s", r.Reason, r.Detail)
}

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// The rows of the keystore's meta, out of reach of whoever has the log's database
// alone: the last checkpoint that was published, and why there are none any more.
// Both are empty after Resume.
const (
	markName = "log_checkpoint"
	stopName = "log_checkpoint_refused"
)

// Noted is the checkpoint that was published last, as the keystore has it; nil for
// none.
func (p *Publisher) Noted(ctx context.Context) ([]byte, error) {
	noted, err := p.keys.MetaValue(ctx, markName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return noted, err
}

// note keeps a checkpoint apart, unless it has a later one already: of replicas that
// publish at one time the slower one sets nothing back.
func (p *Publisher) note(ctx context.Context, c *published) error {
	for {
		noted, err := p.Noted(ctx)
		if err != nil {
			return err
		}
		if was, err := p.key.Load().Open(noted); err == nil && was.Size >= c.Size {
			return nil
		}
		if swapped, err := p.keys.SwapMeta(ctx, markName, noted, c.Note); swapped || err != nil {
			return err
		}
	}
}

// checkMark holds the stored checkpoints, as a process finds them at its start,
// against the one that was noted apart: a database that was put back to an earlier
// state is consistent in itself.
func (p *Publisher) checkMark(ctx context.Context, key *Key, noted []byte, at *published) error {
	if len(noted) == 0 {
		return nil
	}
	mark, err := key.Open(noted)
	switch {
	case err != nil:
		return refuse(Unsigned, "the checkpoint noted in the keystore is not signed by this log's key")
	case mark.Size > at.Size:
		return refuse(Smaller, "the last stored checkpoint is of %d entries, and one of %d was published", at.Size, mark.Size)
	}
	root, err := tree.NewHashes(at.Size, p.tiles(ctx, at)).Root(mark.Size)
	if err == nil && !bytes.Equal(root, mark.Root) {
		err = refuse(Forked, "the log's first %d entries are not those of the checkpoint that was published", mark.Size)
	}
	return err
}

// mayGoOn refuses as long as a refusal stands, of whichever replica. Once it was
// lifted, the stored checkpoints count and not those this process remembers.
func (p *Publisher) mayGoOn(ctx context.Context) error {
	if r := p.stopped.Load(); r != nil && !r.kept {
		p.keep(ctx, r)
		return r
	}
	kept, err := p.keys.MetaValue(ctx, stopName)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if len(kept) == 0 {
		if p.stopped.Swap(nil) != nil {
			p.latest.Store(nil)
			p.logger.Info("checkpoints of the log are made again, as an operator has decided")
		}
		return nil
	}
	r := &Refusal{kept: true}
	if err := json.Unmarshal(kept, r); err != nil {
		r.Reason, r.Detail = Unsigned, "what the keystore says of it cannot be read"
	}
	if p.stopped.Swap(r) == nil {
		p.logger.Error("no checkpoints of the log are made, by the word of another replica or an earlier start; see \"Checkpoints\" in docs/operations.md", "reason", r.Reason, "detail", r.Detail)
	}
	return r
}

func unauthenticated(head store.Head) error {
	return refuse(Unauthenticated, "the log's head, of %d entries, does not have its MAC: entries at its end may have been put in by hand", head.Size)
}

// worst is the refusal that counts: a log whose head does not have its MAC takes no
// entries any more, which operators have to see whatever else was found, also earlier.
func (p *Publisher) worst(ctx context.Context, r *Refusal) *Refusal {
	if r.Reason == Unauthenticated {
		return r
	}
	head, err := p.store.Head(ctx)
	if err != nil || p.log.CheckHead(head) == nil {
		return r
	}
	worse := unauthenticated(head).(*Refusal)
	worse.Detail += fmt.Sprintf("; and, found before (%s): %s", r.Reason, r.Detail)
	return worse
}

// stop ends the making of checkpoints everywhere. Of several reasons the first stands,
// but for Unauthenticated.
func (p *Publisher) stop(ctx context.Context, r *Refusal) {
	if was := p.stopped.Load(); was != nil && (was.Reason == Unauthenticated || r.Reason != Unauthenticated) {
		return
	}
	r.At = p.now().UTC()
	p.stopped.Store(r)
	p.refused[slices.Index(reasons[:], r.Reason)].Add(1)
	p.logger.Error("THE LOG IS NOT THE ONE THAT WAS PUBLISHED: no checkpoints are made any more until an operator has looked; see \"Checkpoints\" in docs/operations.md",
		"reason", r.Reason, "detail", r.Detail)
	p.keep(context.WithoutCancel(ctx), r)
}

// Restore says that the databases are those of a backup. Where the keystore is, too,
// nothing in them tells: what was published since is not in it either, and the log
// would go on otherwise than it did. So no checkpoints are made until Resume.
func (p *Publisher) Restore(ctx context.Context) error {
	err := p.inTurn(ctx, func() error {
		return refuse(Restored, "a backup was restored; what was published since it was made is not in it")
	})
	if r := p.stopped.Load(); r != nil && r.kept {
		return nil
	}
	return err
}

// keep tells the other replicas, and those who come after this process.
func (p *Publisher) keep(ctx context.Context, r *Refusal) {
	ctx, cancel := context.WithTimeout(ctx, audit.Timeout)
	defer cancel()
	text, err := json.Marshal(r)
	if err == nil {
		err = p.keys.SetMeta(ctx, stopName, text)
	}
	if err != nil {
		p.logger.Warn("that checkpoints are refused could not be noted in the keystore; it will be tried again", "error", err)
		return
	}
	kept := *r
	kept.kept = true
	p.stopped.Store(&kept)
}

// Resume lets checkpoints be made again, of the log as it is stored now. Whoever
// holds a checkpoint of the log as it was can show that it is another one. The
// act is recorded with its reason first; none is CodeReasonRequired.
func (p *Publisher) Resume(ctx context.Context, caller model.Caller, reason string) error {
	if reason == "" {
		return model.Errorf(model.CodeReasonRequired, "whoever holds an earlier checkpoint may see the log as forged after this: say why with --reason; it is recorded")
	}
	err := p.log.TakeOver(ctx, audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogResumed, Outcome: audit.OutcomeOK,
		Caller: caller, Personal: map[string]any{"reason": reason}})
	if err != nil {
		return err
	}
	// In this order: cut off in between, the refusal stands.
	return errors.Join(p.keys.SetMeta(ctx, markName, nil), p.keys.SetMeta(ctx, stopName, nil))
}

// State is what operators see.
type State struct {
	Size    int64    `json:"size"`              // of the checkpoint that is served, in entries
	Behind  int64    `json:"behind"`            // entries after it, when the log was last looked at
	Refused *Refusal `json:"refused,omitempty"` // why there will be no more
}

// State is what operators see.
func (p *Publisher) State() State {
	s := State{Behind: p.behind.Load(), Refused: p.stopped.Load()}
	if at := p.latest.Load(); at != nil {
		s.Size = at.Size
	}
	return s
}

// Register makes the metrics known.
func (p *Publisher) Register(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("rolegate_audit_checkpoint_size", "Entries that the checkpoint this replica serves is of.",
		func() float64 { return float64(p.State().Size) })
	gauge("rolegate_audit_checkpoint_behind", "Entries of the log that no checkpoint covers, when it was last looked at.",
		func() float64 { return float64(p.behind.Load()) })
	gauge("rolegate_audit_checkpoint_stopped", "1 while no checkpoints are made because the log is not the one that was published.", func() float64 {
		if p.stopped.Load() != nil {
			return 1
		}
		return 0
	})
	reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "rolegate_audit_checkpoint_failures_total", Help: "Times that no checkpoint could be made; it is tried again every second.",
	}, func() float64 { return float64(p.failed.Load()) }))
	for i, reason := range reasons {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rolegate_audit_checkpoint_refused_total", Help: "Times that this replica found the log not to be the one that was published.",
			ConstLabels: prometheus.Labels{"reason": string(reason)},
		}, func() float64 { return float64(p.refused[i].Load()) }))
	}
}
