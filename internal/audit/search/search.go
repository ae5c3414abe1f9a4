// Package search finds entries of the log again.
//
//	filter ─▶ where to look ─────────────────────────────┬─▶ leaves ─▶ page, cursor
//	            summaries of runs of entries: what, when  │     exactly what is asked for
//	            a person's pseudonym: what is sealed      │
//	            a record's tags: what is about it ────────┘
//
// Where to look is a hint, and the leaf decides, but for whom and which record an
// entry is about, which no leaf says: the keystore knows a person's pseudonym and
// the months' keys that tags are made with. Where such a key or what it sealed was
// destroyed, nothing is found by it any more; the entry itself is found by all else.
//
// A page costs no more than so much reading: where what is looked for is rare it
// ends early, with what it has and from where to go on. Nothing here is a proof:
// whoever can write to the database can hide from a search, and not from verify.
package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// Store is what a search needs of it.
type Store interface {
	LogSize(ctx context.Context) (int64, error)
	EntriesBetween(ctx context.Context, from, to int64) ([]store.Entry, error)
	store.Found
}

// Search finds entries. Safe for concurrent use.
type Search struct {
	Store Store
	Log   *audit.Log
	// Budget is how many bytes of the log a page may read before it ends early; 0:
	// DefaultBudget.
	Budget int
}

// DefaultBudget is some 50,000 entries, a quarter of a second.
const DefaultBudget = 16 << 20

func (s *Search) budget() int { return cmp.Or(s.Budget, DefaultBudget) }

// Order is the order of the results.
type Order string

const (
	Newest Order = "newest" // first
	Oldest Order = "oldest" // first
)

// Cursor is where a page ended. All pages of a search are of the log as it was when
// the search began, whatever has come since.
type Cursor struct {
	Next int64 // entries from this index on are to come, or, newest first, those below
	Size int64 // how many entries there were
}

// String is what ParseCursor reads.
func (c Cursor) String() string { return fmt.Sprintf("%d-%d", c.Next, c.Size) }

// ParseCursor reads a cursor; ok is false for anything else.
func ParseCursor(s string) (c Cursor, ok bool) {
	next, size, _ := strings.Cut(s, "-")
	n, err1 := strconv.ParseUint(next, 10, 62)
	m, err2 := strconv.ParseUint(size, 10, 62)
	c = Cursor{int64(n), int64(m)}
	return c, err1 == nil && err2 == nil && n <= m && c.String() == s
}

// Entry is an entry that was found.
type Entry struct {
	Index int64
	Leaf  audit.Leaf
	Bytes []byte // the leaf as it is stored, and hashed
}

// Page is a part of what there is.
type Page struct {
	Entries []Entry
	// Next is where the next page begins, which may be empty; nil after the last.
	Next *Cursor
	// Early: it ended before it was full, since enough was read. What else there is
	// comes with the next page.
	Early bool
	// Looked is how many entries were looked at, Unreadable how many of them are no
	// leaf that this release can read.
	Looked, Unreadable int
}

// Find gives a page of up to limit entries: the first, or the one after a cursor
// that a page of the same filter and order gave. The same cursor gives the same
// page again; only one that ended early may then reach further.
func (s *Search) Find(ctx context.Context, f Filter, o Order, limit int, after *Cursor) (Page, error) {
	at := Cursor{}
	if after != nil {
		at = *after
	}
	size, err := s.Store.LogSize(ctx)
	if err != nil {
		return Page{}, err
	}
	if after == nil {
		if at.Size = size; o == Newest {
			at.Next = size
		}
	}
	w := &walk{store: s.Store, left: s.budget(), Stretch: store.Stretch{From: at.Next, Until: min(at.Size, size)}}
	if o == Newest {
		w.Stretch = store.Stretch{Until: min(at.Next, size), Backwards: true}
	}
	if err := w.narrow(ctx, &f); err != nil {
		return Page{}, err
	}
	sources, err := s.sources(ctx, w, &f)
	if err != nil || sources == nil {
		return Page{}, err
	}
	return w.page(ctx, &f, sources, limit, at.Size)
}

// sources are where to look for what the filter asks; none where there is nothing
// to be found.
func (s *Search) sources(ctx context.Context, w *walk, f *Filter) (from []source, err error) {
	if f.Subject != "" {
		ref, err := s.Log.Pseudonym(ctx, f.Tenant, f.Subject)
		if notFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		from = append(from, s.ofPerson(w, ref))
	}
	if f.record() != "" {
		of, err := s.ofRecord(ctx, w, f)
		if err != nil {
			return nil, err
		}
		from = append(from, of)
	}
	if from == nil {
		from = []source{&summaries{wanted: f.wanted()}}
	}
	return from, nil
}

// leavesAtOnce bounds how many leaves are read at a time.
const leavesAtOnce = 256

// page walks until it has enough.
func (w *walk) page(ctx context.Context, f *Filter, sources []source, limit int, size int64) (p Page, err error) {
	next := func(at int64) *Cursor {
		if w.over(at) {
			return nil
		}
		if w.Backwards {
			at++ // those below
		}
		return &Cursor{at, size}
	}
	at := w.start()
	if limit <= 0 {
		p.Next = next(at)
		return p, nil
	}
	for n := min(2*limit, leavesAtOnce); !w.over(at); n = min(2*n, leavesAtOnce) {
		var look []int64
		for ok := true; len(look) < n; at += w.step() {
			if at, ok, err = w.meet(ctx, sources, at); err != nil {
				return Page{}, err
			}
			if !ok {
				break
			}
			look = append(look, at)
		}
		found, err := w.read(ctx, look)
		if err != nil {
			return Page{}, err
		}
		for _, e := range found {
			p.Looked++
			leaf, err := audit.Decode(e.Leaf)
			if err != nil {
				p.Unreadable++
				continue
			}
			if !f.matches(&leaf) {
				continue
			}
			p.Entries = append(p.Entries, Entry{e.Index, leaf, e.Leaf})
			if len(p.Entries) == limit {
				p.Next = next(e.Index + w.step())
				return p, nil
			}
		}
		if w.spent() {
			p.Next = next(at)
			p.Early = p.Next != nil
			return p, nil
		}
	}
	return p, nil
}

// read gives the leaves of the indices, in the order of the way.
func (w *walk) read(ctx context.Context, look []int64) ([]store.Numbered, error) {
	found, err := w.store.LeavesAt(ctx, look)
	for _, e := range found {
		w.spend(64 + len(e.Leaf))
	}
	if w.Backwards {
		slices.Reverse(found)
	}
	return found, err
}

func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
