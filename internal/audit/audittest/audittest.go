// Package audittest reads a log back for tests: its entries, each decoded, and what
// they seal for one person. It appears in tests only.
package audittest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
)

// Entry is an entry of the log and the row it was read from.
type Entry struct {
	audit.Leaf
	Row store.Entry
}

// From gives the entries from an index on.
func From(t testing.TB, st store.Entries, index int64) (found []Entry) {
	t.Helper()
	for {
		page, err := st.EntriesFrom(context.Background(), index+int64(len(found)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return found
		}
		for _, row := range page {
			leaf, err := audit.Decode(row.Leaf)
			if err != nil {
				t.Fatalf("entry %d: %v", index+int64(len(found)), err)
			}
			found = append(found, Entry{leaf, row})
		}
	}
}

// Size is how many entries there are.
func Size(t testing.TB, st store.Entries) int64 {
	t.Helper()
	n, err := st.LogSize(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Left gives the entries that do leaves.
func Left(t testing.TB, st store.Entries, do func()) []Entry {
	t.Helper()
	before := Size(t, st)
	do()
	return From(t, st, before)
}

// One gives the only entry that do leaves.
func One(t testing.TB, st store.Entries, do func()) Entry {
	t.Helper()
	left := Left(t, st, do)
	if len(left) != 1 {
		t.Fatalf("%d entries are left, want one", len(left))
	}
	return left[0]
}

// Activities are those of entries, in order.
func Activities(of []Entry) (all []audit.Activity) {
	for _, e := range of {
		all = append(all, e.Activity)
	}
	return all
}

// Count is how many entries of an activity the log has.
func Count(t testing.TB, st store.Entries, activity audit.Activity) (n int) {
	t.Helper()
	for _, e := range From(t, st, 0) {
		if e.Activity == activity {
			n++
		}
	}
	return n
}

// Unseal gives what an entry seals for a person, "type:id"; store.ErrNotFound where
// it seals nothing for them.
func Unseal(ctx context.Context, log *audit.Log, e Entry, person string) (map[string]any, error) {
	ref, err := log.Pseudonym(ctx, e.Tenant, person)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(e.Segments, func(s audit.SegRef) bool { return bytes.Equal(s.Ref, ref) })
	if at < 0 {
		return nil, store.ErrNotFound
	}
	opened, err := log.Reveal(ctx, e.Leaf, e.Row)
	if err != nil {
		return nil, err
	}
	if opened[at] == nil {
		return nil, errors.New("it cannot be opened")
	}
	return opened[at], nil
}

// Put stores rows behind the log's end, whatever they are, as the log itself would.
func Put(t testing.TB, st store.Store, log *audit.Log, rows []store.Entry) {
	t.Helper()
	ctx := t.Context()
	err := st.InTx(ctx, func(tx store.Tx) error {
		head, _, err := tx.TakeHead(ctx, []byte("put"), 0)
		if err != nil {
			return err
		}
		frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
		if err != nil {
			return err
		}
		for _, row := range rows {
			frontier.Append(tree.LeafHash(row.Leaf), nil)
		}
		return tx.ExtendTree(ctx, head.Size, rows, log.HeadOf(frontier))
	})
	if err != nil {
		t.Fatal(err)
	}
}
