package audit

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/model"
)

const (
	countsEvery = time.Minute     // counts are written when they are so old
	beatEvery   = time.Second     // while there are any, the store is told so
	beatFor     = 2 * time.Second // and without having been told for longer, none are added
	countsBatch = 256             // written at a time
)

// kind tells counts apart: denials of one source that have these in common.
type kind struct {
	source   source
	tenant   string
	class    Class
	activity Activity
	code     model.Code
	actor    model.CallerKind
}

// count is denials of one kind in memory.
type count struct {
	entry   Entry  // what is the same in all of them
	network string // likewise
	n       int64
	since   int64 // when the first was counted, see clock
}

func startFlood(l *Log, buffered bool) *flood {
	f := newFlood(l, buffered)
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	l.metrics.watchFlood(func() float64 {
		f.mu.Lock()
		defer f.mu.Unlock()
		return float64(len(f.tallies))
	})
	go f.run(ctx)
	return f
}

func newFlood(l *Log, buffered bool) *flood {
	return &flood{log: l, buffered: buffered, bounds: defaultBounds, clock: clock, wanted: make(chan struct{}, 1), cancel: func() {}, ended: make(chan struct{}),
		seed: maphash.MakeSeed(), tallies: map[uint64]int64{}, counts: map[kind]*count{}}
}

// count counts a denial of a source. f.mu is held.
func (f *flood) count(s source, e *Entry, network string) {
	k := kind{s, e.Tenant, e.Class, e.Activity, e.Code, e.Caller.Kind}
	c := f.counts[k]
	if c == nil && len(f.counts) >= f.bounds.counts {
		k.source = source{origin: ofCrowd, tenant: e.Tenant}
		c = f.counts[k]
	}
	now := f.clock()
	if c == nil {
		if len(f.counts) == 0 {
			f.oldest = now
		}
		c = newCount(e, network, now)
		f.counts[k.clone()] = c
	}
	c.n++
	c.keepCommon(e, network)
}

// clone lets go of the request whose texts the kind has.
func (k kind) clone() kind {
	k.source.tenant, k.source.asked, k.source.name = strings.Clone(k.source.tenant), strings.Clone(k.source.asked), strings.Clone(k.source.name)
	k.tenant, k.code = strings.Clone(k.tenant), model.Code(strings.Clone(string(k.code)))
	return k
}

func newCount(e *Entry, network string, now int64) *count {
	own := Entry{Tenant: strings.Clone(e.Tenant), Class: e.Class, Activity: e.Activity, Outcome: e.Outcome, Code: model.Code(strings.Clone(string(e.Code)))}
	own.Caller = model.Caller{Kind: e.Caller.Kind, ID: strings.Clone(e.Caller.ID), Tenant: own.Tenant}
	own.Person, own.Service = strings.Clone(e.Person), strings.Clone(e.Service)
	own.Object, own.Op, own.Rule = strings.Clone(e.Object), strings.Clone(e.Op), strings.Clone(e.Rule)
	own.PolicyHash, own.Revision = bytes.Clone(e.PolicyHash), e.Revision
	return &count{entry: own, network: network, since: now}
}

// keepCommon forgets what is not the same in e.
func (c *count) keepCommon(e *Entry, network string) {
	own := &c.entry
	for _, v := range [...]struct {
		own  *string
		with string
	}{
		{&own.Person, e.Person}, {&own.Caller.ID, e.Caller.ID}, {&own.Service, e.Service}, {&c.network, network},
		{&own.Object, e.Object}, {&own.Op, e.Op}, {&own.Rule, e.Rule},
	} {
		if *v.own != v.with {
			*v.own = ""
		}
	}
	if !bytes.Equal(own.PolicyHash, e.PolicyHash) {
		own.PolicyHash = nil
	}
	if own.Revision != e.Revision {
		own.Revision = 0
	}
}

// tell is the entry of a count: it has no request of its own.
func (c *count) tell(now time.Time, age time.Duration) Entry {
	e := c.entry
	e.Count, e.Since = c.n, now.Add(-age)
	if c.network != "" {
		e.Personal = map[string]any{"network": c.network}
	}
	return e
}

// run goes on until ctx ends: when a denial could be counted it tells the store,
// and then each second what is due, until there are no counts any more.
func (f *flood) run(ctx context.Context) {
	defer close(f.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wanted:
		}
		for !f.step(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(beatEvery):
			}
		}
	}
}

// step does what is due, and tells whether the store holds nothing of counts any
// more.
func (f *flood) step(ctx context.Context) (over bool) {
	if f.emptied() {
		return f.release(ctx) == nil
	}
	if err := f.hold(ctx); err != nil {
		return false // nothing is counted until the store answers
	}
	f.mu.Lock()
	due := f.stuck || len(f.counts) > 0 && f.clock()-f.oldest >= int64(countsEvery)
	f.mu.Unlock()
	if due {
		_ = f.write(ctx) // what could not be written is there at the next step
	}
	return false
}

// emptied stops the counting where there is nothing to count.
func (f *flood) emptied() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open || len(f.counts) > 0 {
		return false
	}
	f.open = false
	return true
}

// hold says in the store that this process has counts in memory, and lives. It
// goes the way of entries: counts are worth something only while these can be
// written, and it does not compete with them for the log's head.
func (f *flood) hold(ctx context.Context) error {
	began := f.clock()
	f.held = true // also where the store could not tell that it is
	a := newAppending(nil)
	a.hold = f.log.now().Add(holdFor)
	if err := f.log.commits.put(a); err != nil {
		return err
	}
	if err := a.fate(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.beat = true, began
	return nil
}

// release says that it has none. Until it could, it goes on to say that it lives:
// a process that falls silent is taken for dead.
func (f *flood) release(ctx context.Context) error {
	if f.buffered || !f.held {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := f.log.store.HoldSource(ctx, f.log.source, time.Time{})
	f.held = err != nil
	return err
}

// write writes what is counted. What it cannot write is counted on; a commit
// that the database has made but could not tell of is so counted twice: rather
// too many than none.
func (f *flood) write(ctx context.Context) error {
	f.mu.Lock()
	taken := f.counts
	f.counts = map[kind]*count{}
	f.mu.Unlock()
	ctx = reqctx.With(ctx, &reqctx.Request{}) // of no request
	var failed error
	for kinds := range slices.Chunk(slices.Collect(maps.Keys(taken)), countsBatch) {
		if err := f.writeSome(ctx, taken, kinds); err != nil {
			failed = err
		}
	}
	f.back(taken)
	return failed
}

// writeSome writes counts of some kinds, and takes away those that are written.
func (f *flood) writeSome(ctx context.Context, taken map[kind]*count, kinds []kind) error {
	var failed []error
	waiting := map[kind]*appending{}
	for _, k := range kinds {
		r, err := f.record(ctx, taken[k])
		if err == nil {
			waiting[k], err = f.log.commits.begin([]record{r})
		}
		failed = append(failed, err)
	}
	for k, a := range waiting {
		err := a.fate(ctx)
		if err == nil {
			delete(taken, k)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (f *flood) record(ctx context.Context, c *count) (record, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	e := c.tell(f.log.now(), time.Duration(f.clock()-c.since))
	return f.log.record(ctx, nil, &e)
}

// back puts counts back that could not be written. Until they are nothing is
// added.
func (f *flood) back(left map[kind]*count) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stuck = len(left) > 0
	for k, c := range left {
		if added := f.counts[k]; added != nil {
			c.keepCommon(&added.entry, added.network)
			c.n += added.n
		}
		f.counts[k] = c
		f.oldest = min(f.oldest, c.since)
	}
}

// close counts no more, and writes what is counted until ctx ends.
func (f *flood) close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	<-f.ended
	for {
		err := f.write(ctx)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return unavailable(err)
		case <-time.After(retryPause):
		}
	}
	return f.release(ctx)
}
