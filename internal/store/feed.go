package store

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Feed keeps up with what other processes commit, by reading the tenants'
// revisions into the store's Revisions.
//
//	a commit elsewhere ─▶ notice ─▶ read that tenant's ──┐
//	a quarter of a second ────────▶ read all tenants' ───┴─▶ Revisions ─▶ who waits, who asks next
//
// A notice only hurries: it is never believed, since it can be lost, late or
// anybody's. What counts is what was read, and when.
type Feed struct {
	store Store

	began     time.Time
	read      atomic.Int64 // when a reading of all revisions that went well began, since began
	running   atomic.Bool
	listening atomic.Bool
	notices   atomic.Int64
	failures  atomic.Int64

	mu    sync.Mutex // held for heard
	heard map[string]bool
	wake  chan struct{} // has room for one: something was heard
}

const (
	// PollEvery is how often all revisions are read.
	PollEvery = 250 * time.Millisecond
	// StaleAfter is when revisions that were read are no ground for an answer any more.
	StaleAfter = 2 * time.Second

	readTimeout  = 2 * time.Second
	firstPause   = 50 * time.Millisecond // before listening again
	longestPause = 5 * time.Second
)

// NewFeed makes a feed that knows nothing yet: call Read, then Run.
func NewFeed(st Store) *Feed {
	return &Feed{store: st, began: time.Now(), heard: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Read reads all tenants' revisions now.
func (f *Feed) Read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	at := time.Since(f.began) // what is committed from here on may be missed
	if _, err := f.store.TenantRevisions(ctx); err != nil {
		f.failures.Add(1)
		return err
	}
	f.read.Store(int64(at))
	return nil
}

// Run goes on until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	f.running.Store(true)
	defer f.running.Store(false)
	var parts sync.WaitGroup
	parts.Go(func() { f.poll(ctx) })
	parts.Go(func() { f.listen(ctx) })
	parts.Go(func() { f.follow(ctx) })
	parts.Wait()
}

func (f *Feed) poll(ctx context.Context) {
	ticker := time.NewTicker(PollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = f.Read(ctx) // counted; what it means is in Age
		}
	}
}

// listen listens again whenever that breaks, at ever longer intervals while the
// database is away. What was said meanwhile is read by the next poll.
func (f *Feed) listen(ctx context.Context) {
	pause := firstPause
	for {
		err := f.store.Listen(ctx, func(n Notice) {
			if n == (Notice{}) {
				f.listening.Store(true)
				pause = firstPause
			}
			f.hear(n)
		})
		f.listening.Store(false)
		if ctx.Err() != nil || errors.Is(err, errors.ErrUnsupported) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause)): // not all replicas at once
		}
		pause = min(2*pause, longestPause)
	}
}

// hear notes that a tenant has moved, unless that is known.
func (f *Feed) hear(n Notice) {
	if n.Tenant != "" {
		f.notices.Add(1)
		if f.store.Revisions().Known(n.Tenant) >= n.Revision {
			return
		}
	}
	f.mu.Lock()
	f.heard[n.Tenant] = true
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// follow reads the revisions of the tenants that were heard of: all that were
// named during one reading are read by the next.
func (f *Feed) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		f.mu.Lock()
		heard := f.heard
		f.heard = map[string]bool{}
		f.mu.Unlock()
		if heard[""] { // it has only begun to listen
			_ = f.Read(ctx)
			continue
		}
		reading, cancel := context.WithTimeout(ctx, readTimeout)
		if _, err := f.store.TenantRevisions(reading, slices.Collect(maps.Keys(heard))...); err != nil {
			f.failures.Add(1)
		}
		cancel()
	}
}

// Age is how old the knowledge of other processes' commits is; 0 where no other
// process is looked for.
func (f *Feed) Age() time.Duration {
	if !f.running.Load() {
		return 0
	}
	return time.Since(f.began) - time.Duration(f.read.Load())
}

// Stale tells whether the knowledge is too old to answer from.
func (f *Feed) Stale() bool { return f.Age() > StaleAfter }

// FeedState is what operators see of a feed.
type FeedState struct {
	Running   bool          // other processes are looked for
	Age       time.Duration // of what is known of them
	Listening bool          // notices arrive
	Notices   int64         // that came
	Failures  int64         // readings that failed
}

// State is the feed's state now.
func (f *Feed) State() FeedState {
	return FeedState{f.running.Load(), f.Age(), f.listening.Load(), f.notices.Load(), f.failures.Load()}
}
