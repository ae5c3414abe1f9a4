package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

const (
	rowLimit   = 2048 // rows of a transaction: a record is one, and one for each person and each record in it
	queueLimit = 8192 // appends that wait for one

	// linger bounds how long a transaction waits for company. Whoever was answered
	// by the last one is likely to be back at once: without a little patience
	// callers fall into two halves that wait for each other's commits.
	linger = 2 * time.Millisecond
)

// committer writes what is appended at one time in one transaction.
type committer struct {
	log     *Log
	store   store.Store
	source  []byte
	metrics *metrics
	queue   chan *appending
	linger  time.Duration // see linger

	// Of the last transaction, for the next: how many may come, and how long it
	// pays to wait for them. Of the committer's goroutine alone.
	expected int
	patience time.Duration

	mu      sync.RWMutex // held for reading while something is put into the queue
	closed  bool
	hurry   atomic.Bool // refuse what is left
	stopped chan struct{}
}

// appending is a caller's records on their way: all of them are stored, or none.
type appending struct {
	records []record
	hold    time.Time // say that the process holds records until then; zero: say nothing
	until   time.Time // it is too late
	state   atomic.Int32
	receipt *reqctx.Receipt // for the last of the records, once done says that they are stored
	done    chan error      // has room, so nobody waits for a caller that has gone
}

func newAppending(records []record) *appending {
	return &appending{records: records, until: time.Now().Add(Timeout), done: make(chan error, 1)}
}

// What becomes of an appending, settled by who is first: the committer that
// takes it, or the caller who gives up on it and then has no record.
const (
	waiting int32 = iota
	taken
	givenUp
)

var (
	errFull   = errors.New("more appends are waiting than can be kept")
	errLate   = errors.New("the database did not commit in time")
	errClosed = errors.New("the log is closed")
)

func startCommitter(l *Log) *committer {
	c := &committer{log: l, store: l.store, source: l.source, metrics: l.metrics, queue: make(chan *appending, queueLimit), linger: linger, stopped: make(chan struct{})}
	c.metrics.watch("durable", func() float64 { return float64(len(c.queue)) })
	go c.run()
	return c
}

// append hands records to the committer and waits for their fate until ctx ends,
// which is Timeout after the append began. An error after they were taken leaves open whether they are stored;
// the caller answers no either way.
func (c *committer) append(ctx context.Context, records []record) (*reqctx.Receipt, error) {
	a := newAppending(records)
	if err := c.put(a); err != nil {
		return nil, err
	}
	select {
	case err := <-a.done:
		return a.receipt, err
	case <-ctx.Done():
	}
	if a.state.CompareAndSwap(waiting, givenUp) {
		c.metrics.refused.WithLabelValues("late").Inc()
	}
	return nil, ctx.Err()
}

// begin hands records to the committer without waiting for their fate.
func (c *committer) begin(records []record) (*appending, error) {
	a := newAppending(records)
	return a, c.put(a)
}

// fate waits until it is known whether the records are stored: once ctx has ended
// only if their transaction has begun, which has its own deadline.
func (a *appending) fate(ctx context.Context) error {
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		if a.state.CompareAndSwap(waiting, givenUp) {
			return ctx.Err()
		}
		return <-a.done
	}
}

// put queues an appending, unless the queue is full or closed.
func (c *committer) put(a *appending) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return errClosed
	}
	select {
	case c.queue <- a:
		return nil
	default:
		c.metrics.refused.WithLabelValues("full").Inc()
		return errFull
	}
}

// close refuses what comes, and writes what is queued until ctx ends.
func (c *committer) close(ctx context.Context) {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	select {
	case <-c.stopped:
	case <-ctx.Done():
		c.hurry.Store(true)
		<-c.stopped // a transaction that is running ends by its own deadline
	}
}

func (c *committer) run() {
	defer close(c.stopped)
	for a := range c.queue {
		c.settle(c.gather(a))
	}
}

// gather takes what is queued, up to rowLimit. One that its caller gave up is
// left out, since nobody answers what it records; so is one with little time
// left, which would cut short the transaction of all.
func (c *committer) gather(first *appending) []*appending {
	var batch []*appending
	n := 0
	soon := time.Now().Add(Timeout / 2)
	take := func(a *appending) {
		switch {
		case !a.state.CompareAndSwap(waiting, taken):
		case a.until.Before(soon):
			c.metrics.refused.WithLabelValues("late").Inc()
			a.done <- errLate
		default:
			batch = append(batch, a)
			for _, r := range a.records {
				n += 1 + len(r.sealed) + len(r.tags)
			}
		}
	}
	take(first)
	var enough <-chan time.Time
	for n < rowLimit {
		select {
		case a, ok := <-c.queue:
			if !ok {
				return batch
			}
			take(a)
			continue
		default:
		}
		if len(batch) >= c.expected || c.patience == 0 {
			return batch
		}
		if enough == nil {
			timer := time.NewTimer(c.patience)
			defer timer.Stop()
			enough = timer.C
		}
		select {
		case a, ok := <-c.queue:
			if !ok {
				return batch
			}
			take(a)
		case <-enough:
			return batch
		}
	}
	return batch
}

// settle writes a batch and tells each caller. When the database is fine and
// yet refuses the batch, something in it is at fault: then each is written by
// itself, so that one does not fail its neighbours.
func (c *committer) settle(batch []*appending) {
	for len(batch) > 0 {
		if c.hurry.Load() {
			tell(batch, errClosed)
			return
		}
		moved, err := c.write(batch)
		if err == nil && len(moved) == 0 {
			tell(batch, nil)
			return
		}
		if err != nil {
			if len(batch) == 1 || outage(err) {
				tell(batch, err)
				return
			}
			for _, a := range batch {
				c.settle([]*appending{a})
			}
			return
		}
		batch = slices.DeleteFunc(batch, func(a *appending) bool {
			m, ok := moved[a]
			if ok {
				a.done <- m
			}
			return ok
		})
	}
}

func tell(batch []*appending, err error) {
	for _, a := range batch {
		a.done <- err
	}
}

// outage tells whether an error will pass, and is not of what was to be written.
func outage(err error) bool {
	switch model.CodeOf(err) {
	case model.CodeStoreUnavailable, model.CodeStorageFull:
		return true
	}
	for _, passing := range []error{context.DeadlineExceeded, context.Canceled, errFull, errLate} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// errMoved rolls a batch back in which decisions are out of date.
var errMoved = errors.New("a tenant has moved")

// write commits the batch, or nothing of it when some of its decisions are out
// of date, which it names.
//
// The head is locked first and the tenants' revisions are read after that, by a
// statement of its own: it sees every change that was committed before it
// began, also one this transaction waited for at the head, and each change
// records itself in the log before it commits. So a change is either seen here,
// or its record, and with it its commit, come after this batch. (The revisions
// must not be read in the statement that locks the head: on PostgreSQL that one
// sees the moment before it waited.)
func (c *committer) write(batch []*appending) (moved map[*appending]*Moved, err error) {
	until := batch[0].until
	var all []record
	var hold time.Time
	tenants := map[string]bool{}
	for _, a := range batch {
		if a.until.Before(until) {
			until = a.until
		}
		all = append(all, a.records...)
		if !a.hold.IsZero() {
			hold = a.hold
		}
		for _, r := range a.records {
			if r.decision {
				tenants[r.tenant] = true
			}
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	began := time.Now()
	var revisions map[string]int64
	var first int64
	var hashes [][]byte
	err = c.store.InTx(ctx, func(tx store.Tx) error {
		head, seq, err := tx.TakeHead(ctx, c.source, len(all))
		if err != nil {
			return err
		}
		first = head.Size
		if len(tenants) > 0 {
			if revisions, err = tx.TenantRevisions(ctx, slices.Collect(maps.Keys(tenants))...); err != nil {
				return err
			}
			if moved = outOfDate(batch, revisions); len(moved) > 0 {
				return errMoved
			}
		}
		if !hold.IsZero() {
			if err := tx.HoldSource(ctx, c.source, hold); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			return nil
		}
		hashes, err = c.log.grow(ctx, tx, head, seq, all)
		return err
	})
	for tenant, revision := range revisions {
		c.store.Revisions().Saw(tenant, revision)
	}
	took := time.Since(began)
	c.expected, c.patience = len(batch)+len(c.queue), 0
	if len(batch) > 1 {
		c.patience = min(took/2, c.linger)
	}
	if errors.Is(err, errMoved) {
		c.metrics.moved.Add(float64(len(moved)))
		return moved, nil
	}
	if err == nil && len(all) > 0 {
		c.metrics.committed(len(all), took)
		receipts(batch, first, hashes)
	}
	return nil, err
}

// receipts says of each appending where its last record went.
func receipts(batch []*appending, first int64, hashes [][]byte) {
	end := 0
	for _, a := range batch {
		if end += len(a.records); len(a.records) > 0 {
			a.receipt = &reqctx.Receipt{Index: first + int64(end) - 1, LeafHash: hashes[end-1]}
		}
	}
}

// outOfDate finds the decisions whose tenant is past the revision they were
// made on.
func outOfDate(batch []*appending, revisions map[string]int64) map[*appending]*Moved {
	var moved map[*appending]*Moved
	for _, a := range batch {
		for _, r := range a.records {
			now, there := revisions[r.tenant]
			if !r.decision || there && now <= r.revision {
				continue
			}
			if moved == nil {
				moved = map[*appending]*Moved{}
			}
			moved[a] = &Moved{r.tenant, now}
		}
	}
	return moved
}
