package search

import (
	"context"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// MaxSpans bounds the spans of time that are counted at once.
const MaxSpans = 100

// Counted is what Count found.
type Counted struct {
	// Spans are the totals from each moment that was given up to the next one.
	Spans []Totals
	// Before, where it is set, says that enough was read before all was seen: what is
	// older than about that moment is not in the totals, or not all of it.
	Before time.Time
	// Read is how many entries were read one by one, Unreadable how many of these are
	// no leaf that this release can read.
	Read, Unreadable int
}

// Count is Sum for a reader, recorded as one entry.
func (s *Search) Count(ctx context.Context, r Reader, moments []time.Time) (Counted, error) {
	c, err := s.Sum(ctx, r.Ref, moments)
	if err != nil {
		return Counted{}, err
	}
	e := r.entry(audit.LogCounted)
	e.Personal = map[string]any{"filters": map[string]any{"from": moments[0].UTC().Format(time.RFC3339),
		"until": moments[len(moments)-1].UTC().Format(time.RFC3339), "spans": len(moments) - 1}}
	return c, s.Log.Append(ctx, e)
}

// Sum adds up a tenant's logins and decisions between moments, which ascend: the
// totals of summaries where all of a run is in one span, entries one by one at the
// edges and where there are no summaries. It reads no more than a page of a search
// may, the newest first. Like a search it proves nothing.
func (s *Search) Sum(ctx context.Context, tenant []byte, moments []time.Time) (Counted, error) {
	if len(moments) < 2 || len(moments) > MaxSpans+1 || !slices.IsSortedFunc(moments, time.Time.Compare) {
		return Counted{}, model.Errorf(model.CodeInvalidRequest, "there must be 2 to %d moments, in order", MaxSpans+1)
	}
	size, err := s.Store.LogSize(ctx)
	if err != nil {
		return Counted{}, err
	}
	c := counting{
		walk:    &walk{store: s.Store, left: s.budget(), Stretch: store.Stretch{Until: size, Backwards: true}},
		tenant:  tenant,
		Counted: Counted{Spans: make([]Totals, len(moments)-1)},
	}
	for _, m := range moments {
		c.edges = append(c.edges, bound(m, 0))
	}
	if err := c.narrow(ctx, &Filter{From: moments[0], Until: moments[len(moments)-1]}); err != nil {
		return Counted{}, err
	}
	err = c.count(ctx)
	return c.Counted, err
}

// counting is one Count on its way.
type counting struct {
	*walk
	Counted
	tenant []byte
	edges  []int64 // Unix microseconds
	seen   [levels]summed
}

// summed are neighbouring summaries, by their places from the first on; nil: none.
type summed struct {
	read  bool
	first int64
	of    [grouped]*store.Summary
}

// count goes down from the newest entry: by the widest run that ends here and lies in
// one span, or by the entries of the narrowest.
func (c *counting) count(ctx context.Context) error {
	seen := c.edges[len(c.edges)-1]
	for at := c.start(); !c.over(at); {
		if c.spent() {
			c.Before = time.UnixMicro(seen).UTC()
			return nil
		}
		run, err := c.widest(ctx, at)
		if err != nil {
			return err
		}
		if run != nil {
			if span, in := c.span(run.Oldest); in {
				totals, _ := totalsIn(run.Totals, c.tenant)
				c.Spans[span].add(totals)
			}
			seen = min(seen, run.Oldest)
			at = run.N<<(bits*(run.Level+1)) - 1
			continue
		}
		from := max(at>>bits<<bits, c.From)
		oldest, err := c.readRun(ctx, from, at)
		if err != nil {
			return err
		}
		seen, at = min(seen, oldest), from-1
	}
	return nil
}

// widest is the summary of the widest run of entries that ends at an index, has
// totals, and has them in one span, or outside of all; nil for none.
func (c *counting) widest(ctx context.Context, at int64) (*store.Summary, error) {
	for level := levels - 1; level >= 0; level-- {
		shift := bits * (level + 1)
		n := at >> shift
		if (at+1)>>shift == n { // it goes on behind
			continue
		}
		sum, err := c.ask(ctx, level, n)
		if err != nil {
			return nil, err
		}
		if sum == nil || len(sum.Totals) == 0 {
			continue
		}
		_, ok := totalsIn(sum.Totals, c.tenant)
		a, _ := c.span(sum.Oldest)
		b, _ := c.span(sum.Newest)
		if ok && a == b {
			return sum, nil
		}
	}
	return nil, nil
}

func (c *counting) ask(ctx context.Context, level int, n int64) (*store.Summary, error) {
	g := &c.seen[level]
	if first := n - n%grouped; !g.read || g.first != first {
		found, err := c.store.SummariesFrom(ctx, level, first, first+grouped, store.WithTotals)
		if err != nil {
			return nil, err
		}
		*g = summed{read: true, first: first}
		for i := range found {
			g.of[found[i].N-first] = &found[i]
			c.spend(100 + len(found[i].Totals))
		}
	}
	return g.of[n-g.first], nil
}

// readRun counts the entries of some indices one by one, and gives the oldest time.
func (c *counting) readRun(ctx context.Context, from, to int64) (oldest int64, err error) {
	indices := make([]int64, 0, to-from+1)
	for i := from; i <= to; i++ {
		indices = append(indices, i)
	}
	found, err := c.read(ctx, indices)
	oldest = maxTime
	for _, e := range found {
		c.Read++
		l, err := audit.Decode(e.Leaf)
		if err != nil {
			c.Unreadable++
			continue
		}
		oldest = min(oldest, l.Time)
		if span, in := c.span(l.Time); in && slices.Equal(l.Tenant, c.tenant) {
			c.Spans[span].add(totalsOf(&l))
		}
	}
	return oldest, err
}

// span is which span a time is in: -1 is before all, and past the last one behind.
func (c *counting) span(at int64) (n int, in bool) {
	n, exact := slices.BinarySearch(c.edges, at)
	if !exact {
		n--
	}
	return n, n >= 0 && n < len(c.Spans)
}
