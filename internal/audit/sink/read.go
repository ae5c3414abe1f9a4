package sink

import (
	"context"

	"rolegate/internal/store"
)

// batch is what goes out at once: the events of the entries before to.
type batch struct {
	to     int64
	events [][]byte
	bytes  int
}

// next reads and renders the entries from one on, up to so many and no more than
// fit. Without any the batch ends where it began.
func (s *Sink) next(ctx context.Context, from int64, most int) (batch, error) {
	b := batch{to: from}
	head, err := s.Store.Head(ctx)
	if err == nil {
		err = s.Log.CheckHead(head) // what was put in by hand does not go out
	}
	if err != nil {
		return b, err
	}
	size := head.Size
	for b.to < size && len(b.events) < most {
		page := min(b.to+pageOf, size, b.to+int64(most-len(b.events)))
		full, err := s.page(ctx, &b, page)
		if err != nil || full {
			return b, err
		}
	}
	return b, nil
}

// page adds the entries before to; full means that the next one does not fit.
func (s *Sink) page(ctx context.Context, b *batch, to int64) (full bool, err error) {
	entries, err := s.Store.EntriesBetween(ctx, b.to, to)
	if err != nil {
		return false, err
	}
	if int64(len(entries)) != to-b.to {
		return s.around(ctx, b, to)
	}
	for _, e := range entries {
		if full, err := s.add(ctx, b, e); full || err != nil {
			return full, err
		}
	}
	return false, nil
}

// around reads one by one where an entry is missing: which one that is must be
// known, as the others keep their indices. Whoever verifies the log will find it;
// the sink says so and goes on.
func (s *Sink) around(ctx context.Context, b *batch, to int64) (full bool, err error) {
	for b.to < to {
		entries, err := s.Store.EntriesBetween(ctx, b.to, b.to+1)
		if err != nil {
			return false, err
		}
		if len(entries) == 0 {
			s.metrics.missing.Inc()
			s.Logger.Error("an entry of the log is missing: verify it", "sink", s.Name, "index", b.to)
			b.to++
			continue
		}
		if full, err := s.add(ctx, b, entries[0]); full || err != nil {
			return full, err
		}
	}
	return false, nil
}

// add renders one entry into the batch, unless it does not fit.
func (s *Sink) add(ctx context.Context, b *batch, e store.Entry) (full bool, err error) {
	event, err := s.Render(ctx, b.to, e)
	if err != nil {
		return false, err
	}
	if len(b.events) > 0 && b.bytes+len(event) > mostBytes {
		return true, nil
	}
	b.events, b.bytes = append(b.events, event), b.bytes+len(event)
	b.to++
	return false, nil
}
