// Package selfverify has a running service verify its own log: everything that
// package verify checks, from the first entry on, again and again.
//
//	every minute: due? ─▶ lease, so that one replica does it ─▶ verify.Run over the store,
//	    a thousand entries at a time, with rests ─▶ its entry ─▶ keystore: when, what it found
//
// What was found is an entry, a metric, a line of the service's log every hour, and
// part of readiness, on every replica and after every start, until a later pass finds
// nothing. It stops no answer: a log that was altered is evidence, and a CRM that
// stands still makes it no truer.
package selfverify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/verify"
	"rolegate/internal/store"
	"rolegate/model"
)

// Options are what a Verifier works with. Key, Kept and Accepted may be nil.
type Options struct {
	Store store.Store
	Keys  store.Keystore // has what passes have found
	Log   *audit.Log
	// Every is how long after a pass the next is due.
	Every time.Duration
	// Key is that of the log's checkpoints as those who verify write it down (a vkey).
	Key func(ctx context.Context) (string, error)
	// Kept is the checkpoint that is kept apart from the log's database; none is nil.
	Kept func(ctx context.Context) ([]byte, error)
	// Accepted is what Accept has kept, likewise.
	Accepted func(ctx context.Context) ([]byte, error)
	// Alone: no other process works on the store, so whoever has the lease is dead.
	Alone bool

	Now    func() time.Time
	Logger *slog.Logger
}

// Verifier verifies the log. Safe for concurrent use.
type Verifier struct {
	Options
	owner   int64 // this process among those that verify
	metrics *metrics

	turn  chan struct{} // has room for the one pass of this process
	known atomic.Pointer[Known]
	last  atomic.Pointer[Pass] // of this process
	doing atomic.Pointer[progress]

	// Of whoever has the turn.
	ran     time.Duration        // when, by elapsed, this process last verified the log itself, or was made
	reached *progress            // by the last reading
	insists bool                 // the pass under way goes on whoever has the lease
	elapsed func() time.Duration // by a clock that nobody sets

	// Of Run alone.
	toldAt    time.Time
	notBefore time.Time

	mu   sync.Mutex
	base context.Context // Run's; nil while it does not run
	asks *ask            // the one under way; nil for none
}

// New makes one.
func New(o Options) *Verifier {
	var b [8]byte
	rand.Read(b[:])
	v := &Verifier{Options: o, owner: int64(binary.BigEndian.Uint64(b[:]) >> 1), turn: make(chan struct{}, 1)}
	made := time.Now()
	v.elapsed = func() time.Duration { return time.Since(made) }
	v.known.Store(&Known{})
	v.metrics = newMetrics(v)
	return v
}

// Pass is one verification of the whole log.
type Pass struct {
	Began  time.Time     `json:"began"`
	Ended  time.Time     `json:"ended"` // as it was stored
	Took   time.Duration `json:"took_ns"`
	Report verify.Report `json:"report"`
	// Accepted: what was found are the findings that somebody has answered for.
	Accepted bool `json:"accepted,omitempty"`
}

// Failed tells whether something is wrong with the log that nobody has answered for.
func (p *Pass) Failed() bool { return wrong(p.Report) && !p.Accepted }

func wrong(r verify.Report) bool { return r.Status > verify.Unanchored }

const (
	lookEvery = time.Minute // at most: whether a pass is due, and what others found
	looks     = 20          // between two passes, where they come often
	retries   = 24          // between two passes, where the log cannot be read
	tellEvery = time.Hour   // that the log is not in order
	settle    = audit.Timeout
	readings  = 5 // at most, of a pass, where each finds something else
)

// Run verifies when it is due, until ctx ends. At first it only learns what is known:
// a start has enough to do.
func (v *Verifier) Run(ctx context.Context) {
	v.mu.Lock()
	v.base = ctx
	v.mu.Unlock()
	ticker := time.NewTicker(min(lookEvery, max(v.Every/looks, time.Millisecond)))
	defer ticker.Stop()
	err := v.learn(ctx)
	v.remind()
	told := false
	for {
		if err != nil && !told && ctx.Err() == nil {
			v.Logger.Warn("the log could not be verified; it will be tried again", "error", err)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err = v.look(ctx)
	}
}

// look finds out what is known of the log, by whichever replica, and does a pass if
// one is due.
func (v *Verifier) look(ctx context.Context) error {
	if err := v.learn(ctx); err != nil {
		return err
	}
	v.remind()
	if time.Now().Before(v.notBefore) {
		return nil
	}
	_, err := v.pass(ctx, model.Caller{Kind: model.CallerSystem}, false)
	if err != nil && model.CodeOf(err) != model.CodeConflict {
		v.notBefore = time.Now().Add(v.Every / retries)
	}
	return err
}

// remind says every hour that the log is not in order.
func (v *Verifier) remind() {
	k := v.known.Load()
	if !k.Failed || !v.toldAt.IsZero() && time.Since(v.toldAt) < tellEvery {
		return
	}
	v.toldAt = time.Now()
	v.Logger.Error(alarm, "found_at", k.At, "last_good", k.GoodAt, "findings", v.findings())
}

// findings are what this process found last, as far as a line may hold.
func (v *Verifier) findings() []string {
	p := v.last.Load()
	if p == nil || !p.Failed() {
		return []string{"another process found them: run `rolegate audit verify --live`"}
	}
	return findings(p.Report)
}

const shownFindings = 5

func findings(r verify.Report) (texts []string) {
	for _, f := range r.Faults[:min(len(r.Faults), shownFindings)] {
		texts = append(texts, f.What)
	}
	return texts
}

// pass verifies the log, if one is due or asked for and no other replica does; nil
// where it did not. One that found something may come with an error.
func (v *Verifier) pass(ctx context.Context, caller model.Caller, asked bool) (*Pass, error) {
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-v.turn }()
	behind := v.behind()
	v.insists = behind > 1
	claimed, err := v.claim(ctx, asked || behind > 0)
	if err != nil || !claimed {
		return nil, err
	}
	defer v.release(context.WithoutCancel(ctx))
	began := time.Now()
	v.reached = &progress{}
	p := &Pass{Began: v.Now().UTC()}
	p.Report, err = v.found(ctx)
	if err == nil && wrong(p.Report) {
		p.Accepted, err = v.accepted(ctx, p.Report)
	}
	p.Took = time.Since(began)
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), v.recordUnread(context.WithoutCancel(ctx), caller, model.CodeStopping))
	case err != nil:
		v.metrics.failed(unreadable)
		return nil, errors.Join(err, v.recordUnread(ctx, caller, model.CodeOf(err)))
	}
	err = v.finish(ctx, caller, p)
	if err != nil && !p.Failed() {
		return nil, err
	}
	// What is found counts, also where the log is such that it takes no entry of it.
	v.last.Store(p)
	v.ran = v.elapsed()
	v.metrics.took(p)
	v.told(p)
	return p, errors.Join(err, v.learn(ctx))
}

// behind tells by how many intervals this process is late with a pass of its own. Whether
// one is due, and whose turn it is, are rows that whoever alters the log can alter
// as well; its own clock and what it found itself are not. So it verifies the log
// itself at least after each two intervals, or one after it found something; and an
// interval later whoever seems to be at it.
func (v *Verifier) behind() int {
	since := v.elapsed() - v.ran
	if own := v.last.Load(); own != nil && own.Failed() {
		since += v.Every
	}
	return int(max(0, since/v.Every-1))
}

// found is what is wrong with the log. What one reading finds may be the trace of
// others' work, such as an erasure that is under way: what is wrong with the log the
// next one finds as well. One that erasures came in the way of is done again.
func (v *Verifier) found(ctx context.Context) (r verify.Report, err error) {
	var before verify.Report
	for range readings {
		r, err = v.verify(ctx)
		if model.CodeOf(err) == model.CodeConflict && v.renew(ctx) == nil {
			continue
		}
		if err != nil || !wrong(r) {
			break
		}
		if again, ok := r.Again(before); ok {
			return again, nil
		}
		before = r
	}
	return r, err
}

// verify is one reading of the log as it is now.
func (v *Verifier) verify(ctx context.Context) (verify.Report, error) {
	st := &patient{Store: v.Store, ctx: ctx, renew: v.renew, progress: &progress{}}
	v.doing.Store(st.progress)
	v.reached = st.progress
	defer v.doing.Store(nil)
	o, err := v.kept(ctx)
	if err != nil {
		return verify.Report{}, err
	}
	source, err := verify.Live(ctx, st)
	if err != nil {
		return verify.Report{}, err
	}
	if about, err := source.About(ctx); err == nil { // else it is what Run finds
		st.progress.size.Store(about.Size)
	}
	return verify.Run(ctx, source, o)
}

// kept is what the log is held against that is not in its database.
func (v *Verifier) kept(ctx context.Context) (o verify.Options, err error) {
	o.Floor = verify.LegalFloor // or whoever writes an act could write any time into it
	o.Head = v.Log.CheckHead
	a, err := v.acceptance(ctx)
	if err != nil {
		return o, err
	}
	o.Accepted = a.Log
	if v.Key != nil {
		key, err := v.Key(ctx)
		if err != nil {
			return o, err
		}
		if o.Policy, err = verify.KeyPolicy(key); err != nil {
			return o, err
		}
	}
	if v.Kept != nil {
		note, err := v.Kept(ctx)
		if err != nil {
			return o, err
		}
		if len(note) > 0 {
			o.Known = append(o.Known, note)
		}
	}
	return o, nil
}

// told says what came of a pass; that the log is not in order is repeated by remind.
func (v *Verifier) told(p *Pass) {
	r := p.Report
	if !p.Failed() {
		v.Logger.Info("the log was verified", "result", r.Result, "accepted", p.Accepted, "entries", r.Size, "took", p.Took.Round(time.Millisecond))
		return
	}
	v.metrics.failed(kinds[r.Status])
	v.Logger.Error(alarm, "result", r.Result, "entries", r.Size, "faults", int64(len(r.Faults))+r.More, "findings", findings(r))
}

const alarm = `THE LOG DOES NOT VERIFY: it was altered, or is damaged; see "The log does not verify" in docs/operations.md`
