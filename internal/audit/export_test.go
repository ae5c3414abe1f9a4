package audit

import (
	"context"
	"time"
)

// MakeRecord does everything for an entry but store it.
func MakeRecord(ctx context.Context, l *Log, e Entry) error {
	_, err := l.record(ctx, nil, &e)
	return err
}

// FillQueue queues appends whose callers have gone until no more fit.
func FillQueue(l *Log) (n int) {
	for {
		a := newAppending(nil)
		a.state.Store(givenUp)
		if l.commits.put(a) != nil {
			return n
		}
		n++
	}
}

// Rest is how long a buffer that is so full rests after a batch that took so
// long and whose last record has waited so long.
func Rest(full int64, took, waited time.Duration) time.Duration {
	now := time.Now()
	b := &buffer{log: &Log{now: func() time.Time { return now }}}
	b.full.Store(full)
	return b.rest(took, now.Add(-waited))
}

// Keep is a turn of the watch that renews the hold and looks for gaps.
func Keep(ctx context.Context, l *Log) error { return l.watch.keep(ctx) }

// Refuse counts a decision that a buffer had no room for.
func Refuse(l *Log) { l.buffer.Load().refuse("full", errFull) }

// Trust has the log forget that a buffer has lost a record.
func Trust(l *Log) { l.buffer.Load().lost.Store(0) }

// Bounds are those of floods, by the names of their sources.
type Bounds struct {
	Limits          map[string]int64
	Sources, Counts int
}

// StepFlood has the log, which was started, count floods by a clock of the test's,
// and do what is due at each call of step.
func StepFlood(l *Log, b Bounds, clock func() time.Duration) (step func()) {
	f := newFlood(l, l.buffer.Load() != nil)
	if was := l.flood.Swap(f); was != nil {
		was.cancel()
		<-was.ended
	}
	close(f.ended)
	f.clock = func() int64 { return int64(clock()) }
	f.bounds = bounds{map[origin]int64{}, b.Sources, b.Counts}
	for name, limit := range b.Limits {
		f.bounds.limits[origin(name)] = limit
	}
	return func() {
		select {
		case <-f.wanted:
		default:
			if !f.held && !f.buffered {
				return
			}
		}
		f.step(context.Background())
	}
}

// WriteFlood writes what is counted.
func WriteFlood(l *Log) error { return l.flood.Load().write(context.Background()) }

// FloodSize is how many sources and counts are in memory.
func FloodSize(l *Log) (sources, counts int) {
	f := l.flood.Load()
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.tallies), len(f.counts)
}

// Crash ends the log as a crash of its process would: what is in memory is gone.
func Crash(l *Log) {
	l.closing.Do(func() {
		if f := l.flood.Load(); f != nil {
			f.mu.Lock()
			f.closed = true
			f.mu.Unlock()
			f.cancel()
			<-f.ended
		}
		if l.watch != nil {
			l.watch.close()
		}
		l.commits.close(context.Background())
	})
}

// SetMostBehind bounds how far a tree may be behind until restore is called.
func SetMostBehind(n int64) (restore func()) {
	was := mostBehind
	mostBehind = n
	return func() { mostBehind = was }
}

// RecordTags are the tags that an entry's record gets.
func RecordTags(ctx context.Context, l *Log, e Entry) ([][]byte, error) {
	r, err := l.record(ctx, nil, &e)
	return r.tags, err
}

// SetLinger bounds how long transactions wait for company; call it before the first.
func SetLinger(l *Log, most time.Duration) { l.commits.linger = most }

// PersonIndex is by what the log finds a person's key in the keystore.
func PersonIndex(l *Log, tenant, person string) []byte {
	return l.people.index(personID{tenant, person})
}

// IndexUnder is PersonIndex with another pepper.
func IndexUnder(pepper []byte, tenant, person string) []byte {
	return (&people{pepper: pepper}).index(personID{tenant, person})
}
