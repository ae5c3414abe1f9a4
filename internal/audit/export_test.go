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
