package search

import (
	"context"
	mathbits "math/bits"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// Wanted is what Sample is to look at.
type Wanted struct {
	From, Until time.Time
	Requests    int           // at most
	For         time.Duration // at most, about; 0: as long as it takes
}

// Sampled is what Sample looked at.
type Sampled struct {
	// Of is how many requests were decided in the time that was wanted, each member of
	// a batch by itself; 0 where there were too many to add up.
	Of int
	// Early: enough was read before there were as many as were wanted.
	Early bool
}

const (
	pages  = 4   // of reading, so much may a sample cost
	pieces = 256 // a sample is of; mathbits.Reverse8 puts them in order
)

// Sample opens decisions of the reader's tenant for whoever may see what entries seal,
// and gives each to a function, which tells how many requests were in it. Where there are
// more than are wanted they are spread over the log between both moments: it is cut into
// pieces of as many entries each, of which the newest decisions are taken. The pieces come
// in an order in which the first are spread, too, so that a sample that ends early is no
// worse than a smaller one. It is not recorded: Told is, before anybody is told anything.
func (s *Search) Sample(ctx context.Context, r Reader, w Wanted, each func(e *Entry, opened []map[string]any) int) (Sampled, error) {
	sum, err := s.Sum(ctx, r.Ref, []time.Time{w.From, w.Until})
	if err != nil {
		return Sampled{}, err
	}
	out := Sampled{Of: int(sum.Spans[0].Allowed + sum.Spans[0].Denied)}
	whole := sum.Before.IsZero() && out.Of <= w.Requests
	if !sum.Before.IsZero() {
		out.Of = 0
	}
	size, err := s.Store.LogSize(ctx)
	if err != nil {
		return Sampled{}, err
	}
	f := Filter{Tenant: r.Ref, Class: audit.ClassDecision, From: w.From, Until: w.Until, evaluations: true}
	all := &walk{store: s.Store, left: pages * s.budget(), Stretch: store.Stretch{Until: size, Backwards: true}}
	if err := all.narrow(ctx, &f); err != nil {
		return Sampled{}, err
	}
	piece := func(n int) int64 { return all.From + (all.Until-all.From)*int64(n)/pieces }
	began, opening, sources := time.Now(), s.Log.Opening(), []source{&summaries{wanted: f.wanted()}}
	for i, missing := 0, w.Requests; i < pieces && missing > 0; i++ {
		if w.For > 0 && time.Since(began) > w.For || all.spent() {
			out.Early = true
			break
		}
		n := int(mathbits.Reverse8(uint8(i)))
		part := &walk{store: s.Store, left: max(1, all.left/(pieces-i)), Stretch: store.Stretch{From: piece(n), Until: piece(n + 1), Backwards: true}}
		limit := missing
		if !whole {
			limit = (missing + pieces - i - 1) / (pieces - i)
		}
		given := part.left
		p, err := part.page(ctx, &f, sources, limit, size)
		if err != nil {
			return Sampled{}, err
		}
		all.spend(given - part.left)
		out.Early = out.Early || p.Early
		took, err := s.openAll(ctx, opening, p.Entries, limit, each)
		if err != nil {
			return Sampled{}, err
		}
		missing -= took
	}
	return out, nil
}

// openAll opens entries and gives them away until there were so many requests in them.
func (s *Search) openAll(ctx context.Context, opening *audit.Opening, entries []Entry, most int, each func(*Entry, []map[string]any) int) (took int, err error) {
	for chunk := range slices.Chunk(entries, leavesAtOnce) {
		indices := make([]int64, len(chunk))
		for i := range chunk {
			indices[i] = chunk[i].Index
		}
		sealed, err := s.Store.SealedAt(ctx, indices)
		if err != nil {
			return took, err
		}
		for i := range chunk {
			if took >= most {
				return took, nil
			}
			e := &chunk[i]
			opened, err := opening.Reveal(ctx, e.Leaf, store.Entry{Leaf: e.Bytes, Sealed: sealed[e.Index]})
			if err != nil {
				return took, err
			}
			took += each(e, opened)
		}
	}
	return took, nil
}

// Told records that a reader was told of what a sample had in it: of how many requests
// it was, for what, and, for each of these people, that it was of theirs.
func (s *Search) Told(ctx context.Context, r Reader, w Wanted, requests int, about map[string]any, people []string) error {
	e := r.entry(audit.LogSampled)
	e.Count = int64(requests)
	e.Personal = map[string]any{"filters": map[string]any{"from": w.From.UTC().Format(time.RFC3339), "until": w.Until.UTC().Format(time.RFC3339)}}
	for name, value := range about {
		e.Personal[name] = value
	}
	for _, person := range people {
		if person == r.Caller.String() {
			continue
		}
		switch _, err := s.Log.Pseudonym(ctx, r.Ref, person); {
		case err == nil:
			e.Others = append(e.Others, audit.Part{Person: person, Personal: map[string]any{"person": person}})
		case !notFound(err):
			return err
		}
	}
	return s.Log.Append(ctx, e)
}
