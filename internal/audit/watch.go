package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

const (
	holdEvery = 10 * time.Second // how often this process says that it lives
	holdFor   = 45 * time.Second // and how long that counts
)

// Options say how a service keeps its log.
type Options struct {
	// Buffered: the records of decisions are written behind the answers. What is
	// in memory when the process dies is lost, and that is recorded.
	Buffered bool
	// Alone: no other process works on the store, so whoever said that it holds
	// records is dead.
	Alone bool
	// Feed keeps up with other processes; the log runs it until Close, where there
	// can be others or answers rest on it. Nil for one of its own.
	Feed *store.Feed
}

// Start begins a service's log: it records the gaps that processes left which died
// with records in memory, where buffered takes decisions into memory from now on, and
// counts denials that come in floods. It goes on until Close. Where the head does not
// have its MAC it is an error of CodeLogAltered, and nothing has begun.
func (l *Log) Start(ctx context.Context, o Options) error {
	if o.Feed == nil {
		o.Feed = store.NewFeed(l.store)
	}
	head, err := l.store.Head(ctx)
	if err != nil {
		return err
	}
	if err := l.CheckHead(head); err != nil {
		return err
	}
	w := &watch{log: l, options: o, ended: make(chan struct{})}
	if err := w.findGaps(ctx, o.Alone); err != nil {
		return err
	}
	if !o.Buffered && o.Alone { // nothing can happen that this process does not do itself
		l.flood.Store(startFlood(l, false))
		return nil
	}
	if o.Buffered {
		if err := w.hold(ctx); err != nil {
			return err
		}
	}
	if err := o.Feed.Read(ctx); err != nil {
		return err
	}
	if err := w.compareClocks(ctx); err != nil {
		return err
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	l.watch = w
	if o.Buffered {
		l.buffer.Store(startBuffer(l))
	}
	l.flood.Store(startFlood(l, o.Buffered))
	go w.run(watching)
	return nil
}

// watch does what has to be done again and again while a service runs.
type watch struct {
	log     *Log
	options Options
	cancel  context.CancelFunc
	ended   chan struct{}
}

func (w *watch) close() {
	w.cancel()
	<-w.ended
}

// stale tells whether too little is known of other processes to answer from.
func (w *watch) stale() bool { return w.options.Feed.Stale() }

// run keeps up with other processes and, beside that so that none waits for
// another, says that this one lives, and looks for gaps and for destroyed keys. A feed
// that has heard nothing for too long stops the buffer.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	var turns sync.WaitGroup
	turns.Go(func() { w.options.Feed.Run(ctx) })
	turns.Go(func() { repeat(ctx, holdEvery, w.keep) })
	turns.Go(func() { repeat(ctx, clocksEvery, w.compareClocks) })
	turns.Go(func() { repeat(ctx, lookEvery, w.log.people.look) })
	turns.Wait()
}

// repeat does something every so often until ctx ends; what failed sooner.
func repeat(ctx context.Context, every time.Duration, do func(context.Context) error) {
	wait := every
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = every
		if do(ctx) != nil {
			wait = min(every, store.PollEvery)
		}
	}
}

// keep renews the hold and records the gaps of others.
func (w *watch) keep(ctx context.Context) error {
	if w.options.Buffered {
		if err := w.hold(ctx); err != nil {
			return err
		}
	}
	return w.findGaps(ctx, false)
}

// hold says that this process has records in memory and is alive.
func (w *watch) hold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return w.log.store.HoldSource(ctx, w.log.source, w.log.now().Add(holdFor))
}

// findGaps records each process that held records and is dead: how many it had
// nobody knows. all are dead but this one, if no other can be at work.
func (w *watch) findGaps(ctx context.Context, all bool) error {
	now := w.log.now()
	if all {
		now = now.AddDate(100, 0, 0)
	}
	sources, err := w.lapsed(ctx, now)
	if err != nil {
		return err
	}
	for _, source := range sources {
		if bytes.Equal(source, w.log.source) { // whatever its clock says: it lives
			continue
		}
		if err := w.recordGap(ctx, source, now); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) lapsed(ctx context.Context, now time.Time) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return w.log.store.LapsedSources(ctx, now)
}

// recordGap records one dead process, unless another was first.
func (w *watch) recordGap(ctx context.Context, source []byte, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	l := w.log
	err := l.store.InTx(ctx, func(tx store.Tx) error {
		ended, err := tx.EndSource(ctx, source, now)
		if err != nil {
			return err
		}
		if !ended {
			return errEnded
		}
		return l.AppendIn(ctx, tx, Entry{Class: ClassSystem, Activity: Gap, Outcome: OutcomeError,
			Code: model.CodeAuditUnavailable, Service: "source:" + hex.EncodeToString(source), Count: -1,
			Caller: model.Caller{Kind: model.CallerSystem}})
	})
	switch {
	case errors.Is(err, errEnded):
		return nil
	case err == nil:
		l.metrics.gaps.Inc()
	}
	return err
}

var errEnded = errors.New("another process has recorded this gap")
