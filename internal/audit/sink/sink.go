// Package sink sends the log out: each entry behind the head becomes an event and
// goes to a file or a webhook, in order and at least once.
//
//	entries ──▶ render ──▶ batch ──▶ target: it is safe there
//	   ▲                                │
//	   └──────────── cursor ◀───────────┘
//
// The cursor is a row of the log's database (store.Job "sink/NAME"), so a sink that
// was away goes on where it was, for however long. It has a MAC: one that was moved by
// hand is not believed, and said (Options.Moved). One replica at a time delivers,
// see lease. Appends neither wait for a sink nor know of it: what is behind the head
// is read like by anybody else, and a transaction of the cursor's is one row.
package sink

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"rolegate/internal/store"
)

// Target is where events go.
type Target interface {
	// Deliver returns nil once all events, a JSON object each, are safe at the target.
	// After an error the same ones come again; some of them may be there already. It
	// is not called twice at once.
	Deliver(ctx context.Context, events [][]byte) error
	Close() error
}

// Refusal is an error of a target that says how to go on.
type Refusal struct {
	After    time.Duration // not sooner than this
	TooLarge bool          // fewer events at once
	Err      error
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Render makes an entry the event that goes out. An error means to try again.
type Render func(ctx context.Context, index int64, e store.Entry) ([]byte, error)

// Log is what a sink asks the log for beside its entries.
type Log interface {
	CheckHead(h store.Head) error
	MAC(kind string, of []byte) []byte
}

// Bounds of a batch, and so of what a sink has in memory: one event may be larger
// by itself.
const (
	mostEvents = 256
	mostBytes  = 1 << 20
	pageOf     = 32 // entries that are read at once
)

// timing is how long a sink waits for what.
type timing struct {
	poll     time.Duration // for entries, and for another replica
	lease    time.Duration // without a sign of life the holder is dead
	renew    time.Duration // how often the holder gives one
	first    time.Duration // after a failure; twice as long after each
	longest  time.Duration
	measure  time.Duration // how often the lag is looked at
	database time.Duration // bounds a transaction
}

var usual = timing{poll: time.Second, lease: 15 * time.Second, renew: 3 * time.Second, first: time.Second, longest: time.Minute,
	measure: 5 * time.Second, database: 2 * time.Second}

// Options say what goes out where.
type Options struct {
	Name   string // of the sink: "file" or "webhook"
	Store  store.Store
	Log    Log
	Target Target
	Render Render
	// Moved records, in the transaction that puts it right, that the cursor was altered
	// by hand to stand at claimed, and that the sink goes on at from.
	Moved func(ctx context.Context, tx store.Tx, claimed, from int64) error
	// Left tells what SetLeft has noted last, apart from the log's database: whether the
	// cursor has left the beginning, so that one at 0, or without a row, was altered by
	// hand. false before the first SetLeft.
	Left    func(ctx context.Context) (bool, error)
	SetLeft func(ctx context.Context, left bool) error
	// CutOff records that the process stops delivering at an entry, with others behind
	// it.
	CutOff func(ctx context.Context, at int64) error
	// Alone: no other process works on the store, so whoever delivered is dead.
	Alone  bool
	Now    func() time.Time
	Logger *slog.Logger
}

// Sink is one way out.
type Sink struct {
	Options
	timing  timing
	metrics *metrics

	told time.Time // when a failure was last logged; of the delivering goroutine
}

// New makes a sink that does nothing until Run.
func New(o Options) *Sink {
	return &Sink{Options: o, timing: usual, metrics: newMetrics(o.Name)}
}

// job is the name of the cursor's row.
func (s *Sink) job() string { return "sink/" + s.Name }

// Run delivers until ctx ends, whenever this replica is the one to do it. It
// closes the target.
func (s *Sink) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { s.measureEvery(ctx) })
	parts.Go(func() {
		for ctx.Err() == nil {
			s.turn(ctx)
		}
		if err := s.Target.Close(); err != nil {
			s.Logger.Warn("a sink of the log could not be closed", "sink", s.Name, "error", err)
		}
	})
	parts.Wait()
}

// turn waits for the lease, and delivers for as long as it is held.
func (s *Sink) turn(ctx context.Context) {
	l, from, ok := s.acquire(ctx)
	if !ok {
		return
	}
	s.metrics.holder.Set(1)
	defer s.metrics.holder.Set(0)
	holding, end := context.WithCancel(ctx)
	defer end()
	var keeping sync.WaitGroup
	if !s.Alone {
		keeping.Go(func() { defer end(); l.keep(holding) })
	}
	s.deliver(holding, l, from)
	end()
	keeping.Wait()
	if l.release(context.WithoutCancel(ctx)) && ctx.Err() != nil {
		s.stopped(context.WithoutCancel(ctx), l.at)
	}
}

// stopped says how far this process has come, unless that is as far as one can.
func (s *Sink) stopped(ctx context.Context, at int64) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.database)
	defer cancel()
	head, err := s.Store.Head(ctx)
	if err == nil && at < head.Size {
		err = s.CutOff(ctx, at)
	}
	if err != nil {
		s.Logger.Warn("how far a sink of the log has come could not be recorded; its cursor has it", "sink", s.Name, "at", at, "error", err)
	}
}

// deliver hands over batch after batch until ctx ends or the lease is lost. The
// cursor follows only what is safe at the target.
func (s *Sink) deliver(ctx context.Context, l *lease, from int64) {
	most := mostEvents
	for ctx.Err() == nil {
		var b batch
		if !s.insist(ctx, "read", func() (err error) { b, err = s.next(ctx, from, most); return err }) {
			return
		}
		if b.to == from {
			sleep(ctx, s.timing.poll)
			continue
		}
		smaller := false
		deliver := func() error {
			err := s.Target.Deliver(ctx, b.events)
			var r *Refusal
			if smaller = errors.As(err, &r) && r.TooLarge && len(b.events) > 1; smaller {
				return nil
			}
			return err
		}
		if len(b.events) > 0 && !s.insist(ctx, "target", deliver) {
			return
		}
		if smaller {
			s.metrics.failures.WithLabelValues("target").Inc()
			most = max(1, len(b.events)/2)
			continue
		}
		from = b.to
		lost := false
		move := func() error {
			err := l.move(ctx, from)
			if lost = errors.Is(err, errLost); lost {
				return nil
			}
			return err
		}
		if !s.insist(ctx, "cursor", move) || lost {
			return
		}
		s.metrics.delivered.Add(float64(len(b.events)))
		most = min(2*most, mostEvents)
	}
}

// insist does something until it works, at ever longer intervals; false means that
// ctx ended before.
func (s *Sink) insist(ctx context.Context, what string, do func() error) bool {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		err := do()
		if err == nil {
			if attempt > 0 {
				s.told = time.Time{}
				s.Logger.Info("a sink of the log goes on", "sink", s.Name)
			}
			return true
		}
		if ctx.Err() == nil {
			s.failed(what, err)
			sleep(ctx, s.pause(attempt, err))
		}
	}
	return false
}

// failed counts a failure, and says so at most once a minute.
func (s *Sink) failed(what string, err error) {
	s.metrics.failures.WithLabelValues(what).Inc()
	if now := time.Now(); s.told.IsZero() || now.Sub(s.told) >= time.Minute {
		s.told = now
		s.Logger.Error("a sink of the log is stuck; nothing is lost, and it is tried again", "sink", s.Name, "at", what, "error", err)
	}
}

// pause is how long to wait after a failure: longer each time, never the same on
// two replicas, and as long as the target asks for.
func (s *Sink) pause(attempt int, err error) time.Duration {
	d := min(s.timing.first<<min(attempt, 20), s.timing.longest)
	d = d/2 + rand.N(d/2+1)
	var r *Refusal
	if errors.As(err, &r) {
		d = max(d, r.After)
	}
	return d
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
