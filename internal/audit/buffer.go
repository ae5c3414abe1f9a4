package audit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/model"
)

const (
	bufferLimit = 65536                 // weight of what is kept in memory, see held
	flushWeight = 1024                  // of a batch that is sealed and written together
	flushEvery  = 50 * time.Millisecond // a record waits this long for company; its commit has as long again
	stallLimit  = 2 * time.Second       // without progress for longer, no more is taken
	retryPause  = 50 * time.Millisecond

	// While the queue has room and nothing in it is old, flushing leaves the
	// processors to answers: it rests this many times as long as sealing a batch
	// took, but no longer than the longest rest.
	restFactor  = 10
	longestRest = 80 * time.Millisecond
	restUntil   = time.Second // of age

	accountEvery = time.Second
	durableFor   = 10 * time.Second // after a record was lost
)

// buffer keeps the records of decisions in memory until they are written, a
// thousand at a time. Sealing runs beside writing:
//
//	add ──▶ queue ──▶ seal: drafts, keys, records ──▶ write ──▶ committer
//
// Nothing is dropped in silence: what does not fit is refused and counted, in place of
// what cannot be written for a fault of its own stands an entry that says so, and what
// a crash takes is found out by whoever looks at held sources next. Where not even that
// entry can be written nothing is given up, and no more is taken until it can. After a
// loss decisions are durable for a while: those that cannot be recorded are refused.
// At ordinary load a record is written within about a tenth of a second, under a
// burst within about a second and a half.
type buffer struct {
	log   *Log
	queue chan *held
	full  atomic.Int64 // weight of what is in queue
	ready chan *flush
	wrote chan struct{} // closed when all is written, or given up
	done  sync.WaitGroup

	mu     sync.RWMutex // held for reading while something is put into the queue
	closed bool
	ctx    context.Context // ends when Close waits no longer
	hurry  context.CancelFunc
	gone   atomic.Bool // something was given up then

	flushing atomic.Int64 // batches under way
	progress atomic.Int64 // when the first of them began or the last one ended, see clock
	refused  atomic.Int64 // not yet recorded
	lost     atomic.Int64 // when a record turned out to be at fault, see clock; 0: never
}

// held is a decision in memory, with what its context had for the record.
type held struct {
	entry   Entry
	request reqctx.Request // not the context's own, which would keep the whole request and its answer
	at      time.Time
	weight  int64
}

// weight is about how many single decisions take as much memory as the entry: a
// member of a batch, or a person among those a search found records of, takes half
// as much as a decision by itself; a name in a list little.
func (e *Entry) weight() int64 {
	return 1 + max(int64(len(e.Items)), int64(len(e.Others)), e.Count/8)/2
}

var errStalled = errors.New("records in memory cannot be written, or the tenants' revisions not be read")

// clock is monotonic time; the log's own may be set back.
func clock() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()

func startBuffer(l *Log) *buffer {
	b := &buffer{log: l, queue: make(chan *held, bufferLimit), ready: make(chan *flush, 1), wrote: make(chan struct{})}
	b.ctx, b.hurry = context.WithCancel(context.Background())
	l.metrics.watch("buffered", func() float64 { return float64(len(b.queue)) })
	b.done.Go(b.sealAll)
	b.done.Go(b.writeAll)
	b.done.Go(b.accountAll)
	return b
}

// add takes a decision into memory. An error means that it was not taken and
// the answer must be no.
func (b *buffer) add(ctx context.Context, e Entry) error {
	req := reqctx.From(ctx)
	h := &held{entry: e, at: b.log.now(), weight: e.weight(),
		request: reqctx.Request{TraceID: req.TraceID, Address: req.Address, UserAgent: req.UserAgent}}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return errClosed
	}
	if b.stalled() || b.log.watch.stale() {
		return b.refuse("stalled", errStalled)
	}
	// One that is heavier than all there may be is taken when there is nothing else.
	if full := b.full.Add(h.weight); full > bufferLimit && full > h.weight {
		b.full.Add(-h.weight)
		return b.refuse("full", errFull)
	}
	b.queue <- h // each weighs something, so there is room
	return nil
}

func (b *buffer) refuse(reason string, err error) error {
	b.refused.Add(1)
	b.log.metrics.refused.WithLabelValues(reason).Inc()
	return err
}

// stalled tells whether there is something to write and nothing has been
// written for too long.
func (b *buffer) stalled() bool {
	return b.flushing.Load() > 0 && clock()-b.progress.Load() > int64(stallLimit)
}

// loses tells whether a record was lost lately, or is about to be.
func (b *buffer) loses() bool {
	at := b.lost.Load()
	return at != 0 && clock()-at < int64(durableFor)
}

func (b *buffer) begin() {
	if b.flushing.Load() == 0 {
		b.progress.Store(clock())
	}
	b.flushing.Add(1)
}

func (b *buffer) end() {
	b.progress.Store(clock())
	b.flushing.Add(-1)
}

func (b *buffer) sealAll() {
	defer close(b.ready)
	for h := range b.queue {
		batch := b.gather(h)
		b.begin()
		began := clock()
		sealed := b.seal(batch)
		took := clock() - began
		b.ready <- sealed
		select {
		case <-b.ctx.Done():
		case <-time.After(b.rest(time.Duration(took), batch[len(batch)-1].at)):
		}
	}
}

// rest says how long to pause after a batch that took so long to seal and whose
// last record is from then; what waits is hardly older. There is no rest when
// the queue is half full or what waits is old: a short burst is answered first
// and written after, a stream is written as it comes.
func (b *buffer) rest(took time.Duration, last time.Time) time.Duration {
	if b.halfFull() || b.log.now().Sub(last) >= restUntil {
		return 0
	}
	return min(restFactor*took, longestRest)
}

func (b *buffer) halfFull() bool { return b.full.Load() >= bufferLimit/2 }

// gather takes what comes within flushEvery, up to flushWeight.
func (b *buffer) gather(first *held) []*held {
	var batch []*held
	weight := int64(0)
	take := func(h *held) {
		batch = append(batch, h)
		weight += h.weight
		b.full.Add(-h.weight)
	}
	take(first)
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for weight < flushWeight {
		select {
		case h, ok := <-b.queue:
			if !ok {
				return batch
			}
			take(h)
		case <-timer.C:
			return batch
		}
	}
	return batch
}

// accountAll records the count of refusals now and then, also when no decision follows
// one. Nobody else does, so none is recorded twice.
func (b *buffer) accountAll() {
	ticker := time.NewTicker(accountEvery)
	defer ticker.Stop()
	for {
		select {
		case <-b.wrote:
			b.account()
			return
		case <-ticker.C:
			if !b.halfFull() && !b.stalled() && !b.log.watch.stale() {
				b.account()
			}
		}
	}
}

// insist does something until it works, as long as Close waits. A fault of the record
// itself loses the record, once the log says so; what is given up at the end leaves the
// source held.
func (b *buffer) insist(do func() error) {
	for {
		if b.ctx.Err() != nil {
			b.gone.Store(true)
			return
		}
		err := do()
		switch {
		case err == nil:
			return
		case !outage(err):
			b.lost.Store(clock())
			if b.tell(Gap, 1) == nil {
				b.log.metrics.lost.Inc()
				return
			}
		}
		select {
		case <-b.ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// account records what was refused since the last time, while Close waits.
func (b *buffer) account() {
	if n := b.refused.Load(); n > 0 && b.ctx.Err() == nil && b.tell(Overflow, n) == nil {
		b.refused.Add(-n)
	}
}

// tell records how many decisions were refused or lost. It waits for the fate of the
// entry: one that is given up while its transaction goes on would be made again.
func (b *buffer) tell(what Activity, n int64) error {
	r, err := b.log.record(b.ctx, nil, &Entry{Class: ClassSystem, Activity: what, Outcome: OutcomeError, Code: model.CodeAuditUnavailable,
		Count: n, Caller: model.Caller{Kind: model.CallerSystem}})
	if err != nil {
		return err
	}
	return b.commit([]record{r})
}

// close takes no more and writes what there is until ctx ends; what is then left
// is given up, but for a transaction that has begun.
func (b *buffer) close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	close(b.queue)
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.done.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	b.hurry()
	<-done
	if b.gone.Load() || b.refused.Load() > 0 {
		return model.Errorf(model.CodeAuditUnavailable, "not all records in memory could be written before the end")
	}
	return nil
}
