package audit

import "context"

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
