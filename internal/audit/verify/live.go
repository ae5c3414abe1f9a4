package verify

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"rolegate/internal/audit/skim"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// Live is the log of a store, up to the head it had when Live was made. Others may
// append to it meanwhile. Where nothing can be held against that head, About says so by
// a Fault.
func Live(ctx context.Context, st Store) (Source, error) {
	head, err := st.Head(ctx)
	if err != nil {
		return nil, err
	}
	l := &live{store: st, about: About{Size: head.Size, To: head.Size, Head: &head}}
	f, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	if err != nil || head.TreeSize > head.Size {
		l.wrong = &Fault{Status: Tamper, Index: -1, End: -1, What: fmt.Sprintf("the log's head says that there are %s, and has no tree over them", entries(head.Size))}
		if err == nil { // it has one over more
			l.wrong.Index, l.wrong.End = head.Size, head.TreeSize
		}
		return l, nil
	}
	for f.Size() < head.Size { // it is none of the log's making (Options.Head); the rest is held against what is stored
		until := min(f.Size()+page, head.Size)
		stored, err := st.StoredFrom(ctx, f.Size(), until, false)
		if err != nil {
			return nil, err
		}
		for _, s := range stored {
			if s.Index == f.Size() {
				f.Append(tree.LeafHash(s.Leaf), nil)
			}
		}
		if f.Size() < until {
			break // what is missing is found when it is verified
		}
	}
	l.about.Root, l.about.Frontier = f.Root(), f.Bytes()
	last, err := st.LastCheckpoint(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return l, nil
	}
	if c, failed := parseCheckpoint(last.Note); failed == nil {
		l.about.Origin = c.origin
	}
	return l, err
}

// Store is what a live log needs of one.
type Store interface {
	store.Entries
	store.Checkpoints
}

// page is how many entries are read at a time: some megabytes at most.
const page = 1024

// mostEmpty bounds how many pages with nothing in them are read one after the other: a
// head, and an entry that was put in, may say that there are as many as can be counted.
const mostEmpty = 100

type live struct {
	store Store
	about About
	wrong *Fault // nothing can be held against the head
}

func (l *live) About(context.Context) (About, error) {
	if l.wrong != nil {
		return l.about, l.wrong
	}
	return l.about, nil
}

// ends tells whether the log is over at an index, whatever its head says: there is
// nothing any more, or not for so many pages.
func (l *live) ends(ctx context.Context, at int64, empty int) (bool, error) {
	if empty > mostEmpty {
		return true, nil
	}
	leaves, err := l.store.LeavesFrom(ctx, at, 1)
	return err == nil && len(leaves) == 0, err
}

// Acts reads all leaves.
func (l *live) Acts(ctx context.Context) iter.Seq2[ActEntry, error] {
	return l.actsFrom(ctx, 0, l.about.Size)
}

func (l *live) actsFrom(ctx context.Context, from, until int64) iter.Seq2[ActEntry, error] {
	return func(yield func(ActEntry, error) bool) {
		var leaf skim.Leaf
		for empty := 0; from < until; from += page {
			stored, err := l.store.StoredFrom(ctx, from, min(from+page, until), false)
			over := false
			if empty++; len(stored) > 0 {
				empty = 0
			} else if err == nil {
				over, err = l.ends(ctx, from, empty)
			}
			if err != nil {
				yield(ActEntry{}, err)
				return
			}
			if over {
				return // Entries says so
			}
			for _, s := range stored {
				if leaf.Read(s.Leaf) == nil && leaf.Act && !yield(ActEntry{s.Index, s.Leaf}, nil) {
					return
				}
			}
		}
	}
}

// Entries yields what is stored, whatever it is; and, if what was read has been
// destroyed meanwhile, an error, since no picture of it is whole.
func (l *live) Entries(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		next, empty := int64(0), 0
		for from := int64(math.MinInt64); from < l.about.Size; from = next {
			until := min(max(from, 0)+page, l.about.Size)
			stored, err := l.store.StoredFrom(ctx, from, until, true)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, s := range stored {
				for ; s.Leaf != nil && next < s.Index; next++ {
					if !yield(Item{Index: next}, nil) {
						return
					}
				}
				it := Item{Index: s.Index, Leaf: s.Leaf, Sealed: s.Sealed}
				if s.Leaf == nil || s.Index < 0 {
					it.Stray = true
				} else {
					next++
				}
				if !yield(it, nil) {
					return
				}
			}
			if empty++; len(stored) > 0 {
				empty = 0
			}
			if next < until && l.about.Size-next > page {
				over, err := l.ends(ctx, next, empty)
				if over {
					err = &Fault{Status: Tamper, Index: next, End: l.about.Size, What: fmt.Sprintf("from entry %d on there is nothing, and the log's head says that there are %s", next, entries(l.about.Size))}
				}
				if err != nil {
					yield(Item{}, err)
					return
				}
			}
			for ; next < until; next++ {
				if !yield(Item{Index: next}, nil) {
					return
				}
			}
		}
		for s, err := range l.beyond(ctx) {
			if !yield(s, err) {
				return
			}
		}
	}
}

// beyond looks at what is behind the log's end.
func (l *live) beyond(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if err := l.undisturbed(ctx); err != nil && !yield(Item{}, err) {
			return
		}
		for range 5 {
			head, err := l.store.Head(ctx)
			if err != nil {
				yield(Item{}, err)
				return
			}
			stored, err := l.store.StoredFrom(ctx, head.Size, math.MaxInt64, true)
			if err != nil {
				yield(Item{}, err)
				return
			}
			now, err := l.store.Head(ctx)
			if err != nil {
				yield(Item{}, err)
				return
			}
			if now.Size != head.Size {
				continue // some of it may have been appended
			}
			for _, s := range stored {
				if !yield(Item{Index: s.Index, Leaf: s.Leaf, Sealed: s.Sealed, Stray: true}, nil) {
					return
				}
			}
			return
		}
	}
}

// disturbed is the error that what was read has been destroyed meanwhile: who missed
// nothing of it may go on.
type disturbed struct{ error }

func (d disturbed) Unwrap() error { return d.error }

// undisturbed looks whether sealed data was destroyed while the entries were read.
func (l *live) undisturbed(ctx context.Context) error {
	head, err := l.store.Head(ctx)
	if err != nil {
		return err
	}
	for a, err := range l.actsFrom(ctx, l.about.Size, head.Size) {
		if err != nil {
			return err
		}
		if executes(a.Leaf) {
			return disturbed{model.Errorf(model.CodeConflict, "sealed data was destroyed by rule while the log was read (entry %d); do it again", a.Index)}
		}
	}
	return nil
}

func (l *live) Checkpoints(ctx context.Context) iter.Seq2[store.Checkpoint, error] {
	return func(yield func(store.Checkpoint, error) bool) {
		for size := int64(math.MinInt64); ; {
			found, err := l.store.CheckpointsFrom(ctx, size, page)
			if err != nil {
				yield(store.Checkpoint{}, err)
				return
			}
			for _, c := range found {
				// A later one is of a log that has grown since; one that is
				// of no log that was is found by looking at the head again.
				if c.Size > l.about.Size {
					if head, err := l.store.Head(ctx); err != nil || c.Size <= head.Size {
						if err != nil {
							yield(store.Checkpoint{}, err)
						}
						return
					}
				}
				if !yield(c, nil) {
					return
				}
				size = c.Size + 1
			}
			if len(found) < page {
				return
			}
		}
	}
}

// Tiles are those of the tree as it was; others have come since.
func (l *live) Tiles(ctx context.Context, level int) iter.Seq2[store.Tile, error] {
	return func(yield func(store.Tile, error) bool) {
		const tiles = 128 // 1 MiB
		for n := int64(math.MinInt64); ; {
			found, err := l.store.TilesFrom(ctx, level, n, tiles)
			if err != nil {
				yield(store.Tile{}, err)
				return
			}
			for _, t := range found {
				if _, end := Span(level, t.N); end > l.about.Size {
					head, err := l.store.Head(ctx)
					if err != nil {
						yield(store.Tile{}, err)
						return
					}
					if end <= head.Size {
						return
					}
				}
				if !yield(t, nil) {
					return
				}
				n = t.N + 1
			}
			if len(found) < tiles {
				return
			}
		}
	}
}
