package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

const (
	pollEvery  = 250 * time.Millisecond // of the tenants' revisions
	staleLimit = 2 * time.Second        // revisions read longer ago are no ground for an answer
	holdEvery  = 10 * time.Second       // how often this process says that it lives
	holdFor    = 45 * time.Second       // and how long that counts
)

// Options say how a service keeps its log.
type Options struct {
	// Buffered: the records of decisions are written behind the answers. What is
	// in memory when the process dies is lost, and that is recorded.
	Buffered bool
	// Alone: no other process works on the store, so whoever said that it holds
	// records is dead.
	Alone bool
}

// Start begins a service's log: it records the gaps that processes left which
// died with records in memory, and where buffered takes decisions into memory
// from now on. It goes on until Close.
func (l *Log) Start(ctx context.Context, o Options) error {
	w := &watch{log: l, options: o, ended: make(chan struct{})}
	if err := w.findGaps(ctx, o.Alone); err != nil {
		return err
	}
	if o.Buffered {
		if err := w.hold(ctx); err != nil {
			return err
		}
		if err := w.poll(ctx); err != nil {
			return err
		}
	} else if o.Alone {
		return nil // nothing can happen that this process does not do itself
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	l.watch = w
	if o.Buffered {
		l.buffer.Store(startBuffer(l))
	}
	go w.run(watching)
	return nil
}

// watch does what has to be done again and again while a service runs.
type watch struct {
	log     *Log
	options Options
	polled  atomic.Int64 // when the revisions were last read, see clock
	cancel  context.CancelFunc
	ended   chan struct{}
}

func (w *watch) close() {
	w.cancel()
	<-w.ended
}

// stale tells whether the revisions were read too long ago.
func (w *watch) stale() bool { return clock()-w.polled.Load() > int64(staleLimit) }

// run polls and, beside that so that neither waits for the other, says that this
// process lives and looks for gaps. A poll that keeps failing stops the buffer.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	var turns sync.WaitGroup
	if w.options.Buffered {
		turns.Go(func() { repeat(ctx, pollEvery, w.poll) })
	}
	turns.Go(func() { repeat(ctx, holdEvery, w.keep) })
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
			wait = min(every, pollEvery)
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

// poll reads all tenants' revisions, which the store notes. The time that
// counts is that before the reading.
func (w *watch) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	began := clock()
	if _, err := w.log.store.TenantRevisions(ctx); err != nil {
		return err
	}
	w.polled.Store(began)
	return nil
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
