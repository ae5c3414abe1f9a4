package search

import (
	"context"

	"rolegate/internal/store"
)

// tilesAtOnce bounds a turn of Summarize: some 16,000 entries, a tenth of a second.
const tilesAtOnce = 64

// Summarize writes the next summaries of what is full, a turn of them; more tells
// that others are due. Several processes may do it at once: the summary of the same
// entries is the same.
func (s *Search) Summarize(ctx context.Context) (more bool, err error) {
	size, err := s.Store.LogSize(ctx)
	if err != nil {
		return false, err
	}
	first, err := s.Store.NextSummary(ctx, 0)
	if err != nil {
		return false, err
	}
	full := size / width()
	until := min(full, first+tilesAtOnce)
	var next []store.Summary
	for n := first; n < until; n++ {
		leaves, err := s.Store.LeavesAt(ctx, run(n))
		if err != nil {
			return false, err
		}
		next = append(next, summarize(n, leaves))
	}
	if err := s.Store.InsertSummaries(ctx, next); err != nil {
		return false, err
	}
	below := max(first, until)
	for level := 1; level < levels; level++ {
		if below, err = s.summarizeAbove(ctx, level, below); err != nil {
			return false, err
		}
	}
	return until < full, nil
}

// summarizeAbove writes the summaries of a level that are full, of which there are so
// many of the level below, and tells how many there are then.
func (s *Search) summarizeAbove(ctx context.Context, level int, below int64) (int64, error) {
	n, err := s.Store.NextSummary(ctx, level)
	for ; err == nil && (n+1)*width() <= below; n++ {
		var of []store.Summary
		if of, err = s.Store.SummariesFrom(ctx, level-1, n*width(), (n+1)*width(), store.WithKeysAndTotals); err == nil {
			err = s.Store.InsertSummaries(ctx, []store.Summary{above(level, n, of)})
		}
	}
	return n, err
}

// run is the indices of the n-th run of entries.
func run(n int64) []int64 {
	indices := make([]int64, width())
	for i := range indices {
		indices[i] = n*width() + int64(i)
	}
	return indices
}
