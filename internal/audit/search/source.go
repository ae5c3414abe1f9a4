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

// further is the one of two indices that is further on the way.
func (w *walk) further(a, b int64) int64 {
	if w.Backwards {
		return min(a, b)
	}
	return max(a, b)
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

// look lists what an index of the database has of a stretch; see store.Found.
type look func(ctx context.Context, s store.Stretch, limit int) (found []int64, next int64, err error)

// listed looks where an index of the database says.
type listed struct {
	look   look
	within store.Stretch // and nowhere else
	looked bool
	ahead  []int64
	next   int64 // what is not ahead is from here on
}

const listAhead = 256

// blockCost is what a look without a find spends, in bytes that could have been read.
const blockCost = 256

func (l *listed) seek(ctx context.Context, w *walk, at int64) (int64, error) {
	asked, own := at, walk{Stretch: l.within}
	if own.Backwards = w.Backwards; own.From >= own.Until {
		return w.end(), nil
	}
	if at = w.further(at, own.start()); own.over(at) {
		return w.end(), nil
	}
	for {
		i := slices.IndexFunc(l.ahead, func(idx int64) bool { return w.further(idx, at) == idx })
		if i >= 0 {
			l.ahead = l.ahead[i:]
			return l.ahead[0], nil
		}
		if l.ahead = nil; l.looked {
			at = w.further(at, l.next)
		}
		if own.over(at) {
			return w.end(), nil
		}
		if w.spent() && at != asked { // nothing is at asked; at is where to go on
			return at, nil
		}
		var err error
		if l.ahead, l.next, err = l.look(ctx, own.rest(at), listAhead); err != nil {
			return 0, err
		}
		if l.looked = true; w.further(at, l.next) == at { // the log is no longer as long as it was
			return w.end(), nil
		}
		w.spend(50*len(l.ahead) + int(max(at-l.next, l.next-at)>>10)*blockCost)
	}
}

// anyOf looks where one of them would.
type anyOf []source

func (a anyOf) seek(ctx context.Context, w *walk, at int64) (int64, error) {
	next := w.end()
	for _, s := range a {
		found, err := s.seek(ctx, w, at)
		if err != nil {
			return 0, err
		}
		if w.further(next, found) == next {
			next = found
		}
	}
	return next, nil
}

func (s *Search) ofPerson(w *walk, ref []byte) source {
	return &listed{within: w.Stretch, look: func(ctx context.Context, st store.Stretch, limit int) ([]int64, int64, error) {
		return s.Store.IndicesOf(ctx, ref, st, limit)
	}}
}

// ofRecord looks for the tags of each month where the log is of that month.
func (s *Search) ofRecord(ctx context.Context, w *walk, f *Filter) (source, error) {
	tags, err := s.tags(ctx, f)
	if err != nil {
		return nil, err
	}
	var of anyOf
	for month, tags := range tags {
		n := *w
		if err := n.narrow(ctx, month.filter()); err != nil {
			return nil, err
		}
		w.left = n.left
		of = append(of, &listed{within: n.Stretch, look: func(ctx context.Context, st store.Stretch, limit int) ([]int64, int64, error) {
			return s.Store.IndicesTagged(ctx, tags, st, limit)
		}})
	}
	return of, nil
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

// month is one of a calendar in UTC, such as 2026-11.
type month string

// filter asks for entries of the month.
func (m month) filter() *Filter {
	first, err := time.Parse("2006-01", string(m))
	if err != nil { // no month of ours: wherever it is
		return &Filter{}
	}
	return &Filter{From: first, Until: first.AddDate(0, 1, 0)}
}

// tags are those of a record in the months the filter asks for, of all classes.
func (s *Search) tags(ctx context.Context, f *Filter) (map[month][][]byte, error) {
	months, err := s.Log.Months(ctx, f.Tenant)
	if err != nil {
		return nil, err
	}
	tags := map[month][][]byte{}
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
		tags[month(m.Month)] = append(tags[month(m.Month)], tag)
	}
	return tags, nil
}

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }
