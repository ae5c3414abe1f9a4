package search

import (
	"context"
	"slices"
	"time"

	"rolegate/internal/store"
)

// walk is one way through a part of the log, upwards or downwards.
type walk struct {
	store Store
	store.Stretch
	left int // bytes that may still be read
}

// spend notes that bytes were read; spent tells whether these were enough.
func (w *walk) spend(bytes int) { w.left -= bytes }
func (w *walk) spent() bool     { return w.left <= 0 }

// start is the first index of the way, and step what leads to the next.
func (w *walk) start() int64 {
	if w.Backwards {
		return w.Until - 1
	}
	return w.From
}

func (w *walk) step() int64 {
	if w.Backwards {
		return -1
	}
	return 1
}

// over tells whether an index is past the way's end.
func (w *walk) over(at int64) bool { return at < w.From || at >= w.Until }

// end is an index past it.
func (w *walk) end() int64 {
	if w.Backwards {
		return w.From - 1
	}
	return w.Until
}

// rest is the part of the way from an index on.
func (w *walk) rest(at int64) store.Stretch {
	s := w.Stretch
	if w.Backwards {
		s.Until = min(s.Until, at+1)
	} else {
		s.From = max(s.From, at)
	}
	return s
}

// source knows where to look.
type source interface {
	// seek gives the first index on the way, from at on, where to look, or one past
	// the way's end.
	seek(ctx context.Context, w *walk, at int64) (int64, error)
}

// meet goes from at to the first index at which all sources would look. ok is false
// where there is none, or where enough was read: then it is from where to go on.
func (w *walk) meet(ctx context.Context, sources []source, at int64) (_ int64, ok bool, err error) {
	began := at
	for agreed := 0; agreed < len(sources); agreed++ {
		next, err := sources[agreed].seek(ctx, w, at)
		if err != nil || w.over(next) {
			return w.end(), false, err
		}
		if next != at {
			at, agreed = next, -1
		}
		if w.spent() && at != began {
			return at, false, nil
		}
	}
	return at, true, nil
}

// summaries looks where summaries say that what is wanted may be, and where there
// are none.
type summaries struct {
	wanted wanted
	seen   [levels]group
}

// group is what neighbouring summaries said: from the first on, whether to look.
type group struct {
	read  bool
	first int64
	look  [grouped]bool
}

const grouped = 32

func (s *summaries) seek(ctx context.Context, w *walk, at int64) (int64, error) {
	for level := levels - 1; level >= 0 && !w.over(at); level-- {
		shift := bits * (level + 1)
		n := at >> shift
		look, err := s.ask(ctx, w, level, n)
		if err != nil {
			return 0, err
		}
		if look {
			continue
		}
		if at = (n + 1) << shift; w.Backwards {
			at = n<<shift - 1
		}
		if w.spent() {
			return at, nil
		}
		level = levels
	}
	return at, nil
}

func (s *summaries) ask(ctx context.Context, w *walk, level int, n int64) (look bool, err error) {
	g := &s.seen[level]
	if first := n - n%grouped; !g.read || g.first != first {
		found, err := w.store.SummariesFrom(ctx, level, first, first+grouped, s.wanted.detail(level))
		if err != nil {
			return false, err
		}
		*g = group{read: true, first: first}
		for i := range g.look {
			g.look[i] = true
		}
		for i := range found {
			g.look[found[i].N-first] = s.wanted.mayBeIn(&found[i])
			w.spend(100 + len(found[i].Tenants) + len(found[i].Keys) + len(found[i].Requests))
		}
	}
	return g.look[n-g.first], nil
}

// listed looks where an index of the database says.
type listed struct {
	list  func(ctx context.Context, s store.Stretch, limit int) ([]int64, error)
	ahead []int64
	whole bool // there is nothing after ahead
}

const listAhead = 256

func (l *listed) seek(ctx context.Context, w *walk, at int64) (int64, error) {
	for {
		i := slices.IndexFunc(l.ahead, func(idx int64) bool { return idx == at || (idx > at) != w.Backwards })
		if i >= 0 {
			l.ahead = l.ahead[i:]
			return l.ahead[0], nil
		}
		if l.whole {
			return w.end(), nil
		}
		var err error
		if l.ahead, err = l.list(ctx, w.rest(at), listAhead); err != nil {
			return 0, err
		}
		l.whole = len(l.ahead) < listAhead
		w.spend(50 * len(l.ahead))
	}
}

func (s *Search) ofPerson(ref []byte) source {
	return &listed{list: func(ctx context.Context, st store.Stretch, limit int) ([]int64, error) {
		return s.Store.IndicesOf(ctx, ref, st, limit)
	}}
}

func (s *Search) ofRecord(tags [][]byte) source {
	return &listed{list: func(ctx context.Context, st store.Stretch, limit int) ([]int64, error) {
		return s.Store.IndicesTagged(ctx, tags, st, limit)
	}}
}

// narrow cuts off what is outside of the filter's times at both ends.
func (w *walk) narrow(ctx context.Context, f *Filter) error {
	if f.From.IsZero() && f.Until.IsZero() {
		return nil
	}
	want := f.wanted()
	want.times = true
	for _, backwards := range []bool{false, true} {
		n := *w
		n.Backwards, n.left = backwards, w.left
		at, err := (&summaries{wanted: want}).seek(ctx, &n, n.start())
		if err != nil {
			return err
		}
		w.left = n.left
		if backwards {
			w.Until = min(w.Until, max(at+1, w.From))
		} else {
			w.From = max(w.From, min(at, w.Until))
		}
	}
	return nil
}

// tags are those of a record in the months the filter asks for.
func (s *Search) tags(ctx context.Context, f *Filter) ([][]byte, error) {
	months, err := s.Log.Months(ctx, f.Tenant)
	if err != nil {
		return nil, err
	}
	var tags [][]byte
	for _, m := range months {
		if !either(f.Class, m.Class) || !f.From.IsZero() && m.Month < monthOf(f.From) || !f.Until.IsZero() && m.Month > monthOf(f.Until) {
			continue
		}
		tag, err := s.Log.Tag(ctx, f.Tenant, m.Class, m.Month, f.record())
		if notFound(err) { // the key was destroyed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }
