package throttle

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// Line is a counter that a try is charged to.
type Line struct {
	Budget string // for metrics
	Key    []byte
	About  []byte // the account that an unlock frees; nil for none
	Rule   Rule
	// Own says that only the account's own person, or a device that is known as
	// theirs, can be charged to it. Such tries find room to wait where strangers'
	// do not.
	Own bool
	// FirstOf, where set, is the key of an earlier line: this one counts only
	// what that one counts as its first. At its limit it refuses all the same.
	FirstOf []byte
	// Begins, where set, records that a time of refusal begins, in the
	// transaction that settles it: once, not for each try that is refused. refused
	// tells whether the try of ctx is the first of those; else it is the last that
	// was taken, and what becomes of it is not known yet.
	Begins func(ctx context.Context, tx store.Tx, refused bool) error
}

// Try is a try that was charged, to give back what it was charged to.
type Try struct{ lines []Line }

// Bounds of the ledger.
const (
	batch        = 64               // tries in one transaction
	maxQueue     = 1024             // tries that wait for one
	maxStrangers = maxQueue / 2     // of them with a line that is not Own
	patience     = 5 * time.Second  // how long a transaction may take
	recall       = 10 * time.Second // how long a refusal is repeated from memory
	retold       = time.Hour        // how long the begin of a bucket's refusals is not recorded again
)

// Ledger charges tries to counters in the database. Tries that come while others
// are being settled are settled together afterwards, so there is never more than
// one transaction of it going on, whatever comes in; what was refused a moment
// ago is refused from memory, without one. Its zero value is ready, and it is
// safe for concurrent use.
type Ledger struct {
	// Refused is told the budget of each try that is refused; optional.
	Refused func(budget string)
	// Locked is told the budget of each ladder whose wait has begun, once that is
	// committed; optional.
	Locked func(budget string)

	mu        sync.Mutex // held for the fields below
	queue     []*job
	strangers int // in the queue
	running   bool
	refused   generations[refusal]

	settled atomic.Int64
}

// refusal is what memory holds of a counter that is at its limit.
type refusal struct {
	at, until time.Time // when it was found, and when a try will be taken
	told      time.Time // when its begin was recorded
}

// job is one charge, or one that is taken back, waiting to be settled.
type job struct {
	ctx    context.Context
	lines  []Line
	back   bool
	done   chan struct{}
	result settlement
}

// stranger tells whether somebody may be trying who has shown nothing yet.
func (j *job) stranger() bool {
	return slices.ContainsFunc(j.lines, func(l Line) bool { return !l.Own })
}

// settlement is what became of a job.
type settlement struct {
	charged []Line
	refuser Line // of a charge that was refused
	wait    time.Duration
	begun   []Line
	err     error
}

// Charge charges a try to all lines, or refuses it: the error is then of
// model.CodeTooManyAttempts, and says how long to wait.
func (l *Ledger) Charge(ctx context.Context, s store.Store, now func() time.Time, lines []Line) (Try, error) {
	if line, wait := l.remembered(lines, now()); wait > 0 {
		return Try{}, l.refuse(line, wait)
	}
	r := l.settle(ctx, s, now, &job{ctx: ctx, lines: lines})
	switch {
	case r.err != nil:
		return Try{}, r.err
	case r.wait > 0:
		return Try{}, l.refuse(r.refuser, r.wait)
	}
	return Try{r.charged}, nil
}

// Undo takes a try back that came to nothing: nobody learned from it whether it
// was right. A failure to do so leaves it counted.
func (l *Ledger) Undo(ctx context.Context, s store.Store, now func() time.Time, t Try) {
	if len(t.lines) > 0 {
		l.settle(context.WithoutCancel(ctx), s, now, &job{ctx: ctx, lines: t.lines, back: true})
	}
}

// Right gives back what a right answer gives back, in the transaction that
// settles the answer. It tells whether one of the counters was refusing.
func (l *Ledger) Right(ctx context.Context, tx store.Tx, t Try) (refusing bool, err error) {
	return giveBack(ctx, tx, t, Rule.right)
}

// Back is Undo in the transaction that settles what came of the try. It tells whether one
// of the counters was refusing.
func (l *Ledger) Back(ctx context.Context, tx store.Tx, t Try) (refusing bool, err error) {
	return giveBack(ctx, tx, t, Rule.undo)
}

func giveBack(ctx context.Context, tx store.Tx, t Try, give func(Rule, *store.Counter)) (refusing bool, err error) {
	if len(t.lines) == 0 {
		return false, nil
	}
	b, err := lock(ctx, tx, t.lines)
	if err != nil {
		return false, err
	}
	for _, line := range t.lines {
		c := b.get(line)
		if ladder, ok := line.Rule.(Ladder); ok && ladder.refuses(c) {
			refusing = true
		}
		give(line.Rule, &c)
		b.set(line, c)
	}
	return refusing, b.write(ctx, tx)
}

// Of is the try that lines would make, to give back what others charged.
func Of(lines ...Line) Try { return Try{lines} }

// Forget forgets what is remembered of refusals, after counters were removed.
func (l *Ledger) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = generations[refusal]{}
}

// Settled counts the transactions.
func (l *Ledger) Settled() int64 { return l.settled.Load() }

func (l *Ledger) refuse(line Line, wait time.Duration) error {
	if l.Refused != nil {
		l.Refused(line.Budget)
	}
	return TooMany(wait)
}

// maxRetryAfter is what is said of a wait that time does not end.
const maxRetryAfter = 24 * time.Hour

// TooMany is the refusal.
func TooMany(wait time.Duration) error {
	return &model.Error{Code: model.CodeTooManyAttempts, RetryAfter: min(wait, maxRetryAfter)}
}

// remembered is the first line that was found at its limit a moment ago.
func (l *Ledger) remembered(lines []Line, now time.Time) (Line, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines {
		r, ok := l.refused.get(string(line.Key))
		if ok && !now.Before(r.at) && now.Before(r.until) && now.Sub(r.at) < recall {
			return line, r.until.Sub(now)
		}
	}
	return Line{}, 0
}

// settle queues the job and waits for it, or for its caller to go away.
func (l *Ledger) settle(ctx context.Context, s store.Store, now func() time.Time, j *job) settlement {
	j.done = make(chan struct{})
	l.mu.Lock()
	stranger := j.stranger()
	if len(l.queue) >= maxQueue || stranger && l.strangers >= maxStrangers {
		l.mu.Unlock()
		return settlement{err: model.Errorf(model.CodeBusy, "too many attempts are waiting to be counted")}
	}
	l.queue = append(l.queue, j)
	if stranger {
		l.strangers++
	}
	if !l.running {
		l.running = true
		go l.run(s, now)
	}
	l.mu.Unlock()
	select {
	case <-j.done:
		return j.result
	case <-ctx.Done():
		return settlement{err: ctx.Err()}
	}
}

// run settles what is queued, until nothing is.
func (l *Ledger) run(s store.Store, now func() time.Time) {
	for {
		l.mu.Lock()
		n := min(len(l.queue), batch)
		if n == 0 {
			l.running = false
			l.mu.Unlock()
			return
		}
		jobs := slices.Clone(l.queue[:n])
		l.queue = slices.Delete(l.queue, 0, n)
		for _, j := range jobs {
			if j.stranger() {
				l.strangers--
			}
		}
		l.mu.Unlock()

		ctx, cancel := context.WithTimeout(context.Background(), patience)
		at := now()
		err := s.InTx(ctx, func(tx store.Tx) error { return l.settleAll(ctx, tx, at, jobs) })
		cancel()
		l.settled.Add(1)
		for _, j := range jobs {
			if err != nil {
				j.result = settlement{err: err}
			}
			l.remember(j.result, at)
			l.tellLocks(j.result)
			close(j.done)
		}
	}
}

func (l *Ledger) tellLocks(s settlement) {
	if l.Locked == nil {
		return
	}
	for _, line := range s.begun {
		if _, ok := line.Rule.(Ladder); ok {
			l.Locked(line.Budget)
		}
	}
}

// settleAll works the jobs out one after the other over counters it has locked.
func (l *Ledger) settleAll(ctx context.Context, tx store.Tx, now time.Time, jobs []*job) error {
	var lines []Line
	for _, j := range jobs {
		lines = append(lines, j.lines...)
	}
	b, err := lock(ctx, tx, lines)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, j := range jobs {
		if j.back {
			j.result = settlement{}
			for _, line := range j.lines {
				c := b.get(line)
				line.Rule.undo(&c)
				b.set(line, c)
			}
			continue
		}
		j.result = b.charge(j.lines, now)
		if r := &j.result; r.wait > 0 && !told[string(r.refuser.Key)] && l.untold(r.refuser, now) {
			told[string(r.refuser.Key)] = true
			r.begun = []Line{r.refuser}
		}
	}
	if err := b.write(ctx, tx); err != nil {
		return err
	}
	for _, j := range jobs {
		for _, line := range j.result.begun {
			if line.Begins != nil {
				if err := line.Begins(context.WithoutCancel(j.ctx), tx, j.result.wait > 0); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// untold tells whether the line is a bucket whose refusals were not recorded for
// long. (A ladder tells by itself when they begin.)
func (l *Ledger) untold(line Line, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, _ := l.refused.get(string(line.Key))
	_, bucket := line.Rule.(Bucket)
	return bucket && (r.told.IsZero() || now.Sub(r.told).Abs() > retold)
}

// remember notes a refusal, once it is committed.
func (l *Ledger) remember(s settlement, now time.Time) {
	if s.wait == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, _ := l.refused.get(string(s.refuser.Key))
	if len(s.begun) > 0 {
		r.told = now
	}
	r.at, r.until = now, now.Add(min(s.wait, maxRetryAfter))
	l.refused.put(string(s.refuser.Key), r)
}

// book is locked counters while they are worked out.
type book struct {
	was, is map[string]store.Counter
}

// lock locks the counters of the lines, in the order of their keys, so that
// transactions meet at the first they share.
func lock(ctx context.Context, tx store.Tx, lines []Line) (*book, error) {
	keys := make([][]byte, len(lines))
	for i, line := range lines {
		keys[i] = line.Key
	}
	slices.SortFunc(keys, bytes.Compare)
	counters, err := tx.LockCounters(ctx, slices.CompactFunc(keys, bytes.Equal))
	b := &book{was: map[string]store.Counter{}, is: map[string]store.Counter{}}
	for _, c := range counters {
		b.was[string(c.Key)], b.is[string(c.Key)] = c, c
	}
	return b, err
}

func (b *book) get(line Line) store.Counter { return b.is[string(line.Key)] }

func (b *book) set(line Line, c store.Counter) {
	c.About, c.ExpiresAt = line.About, line.Rule.expires(&c)
	b.is[string(line.Key)] = c
}

// charge charges all lines, or none.
func (b *book) charge(lines []Line, now time.Time) (r settlement) {
	taken := map[string]store.Counter{}
	for _, line := range lines {
		c := b.get(line)
		if wait := line.Rule.take(&c, now); wait > 0 {
			b.set(line, c) // without the try, but with what a clock that went back has changed
			return settlement{refuser: line, wait: wait}
		}
		if line.FirstOf != nil && taken[string(line.FirstOf)].Tries != 1 {
			continue
		}
		taken[string(line.Key)] = c
		r.charged = append(r.charged, line)
	}
	for _, line := range r.charged {
		c := taken[string(line.Key)]
		b.set(line, c)
		if ladder, ok := line.Rule.(Ladder); ok && ladder.begins(c) {
			r.begun = append(r.begun, line)
		}
	}
	return r
}

// write writes what has changed, and takes away the rows that locking made.
func (b *book) write(ctx context.Context, tx store.Tx) error {
	var changed []store.Counter
	for key, is := range b.is {
		was := b.was[key]
		if is.Tries != was.Tries || !is.At.Equal(was.At) || is.Tries == 0 {
			changed = append(changed, is)
		}
	}
	return tx.PutCounters(ctx, changed)
}
