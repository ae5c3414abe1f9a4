package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
)

// root is that of the stored leaves, computed by golang.org/x/mod.
func root(t testing.TB, st store.Store) (root tlog.Hash, size int64) {
	t.Helper()
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (hashes []tlog.Hash, err error) {
		for _, n := range at {
			hashes = append(hashes, stored[n])
		}
		return hashes, nil
	})
	leaves, err := st.LeavesFrom(t.Context(), 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	if root, err = tlog.TreeHash(int64(len(leaves)), read); err != nil {
		t.Fatal(err)
	}
	return root, int64(len(leaves))
}

// wantTree checks that the head has the tree over all that is stored.
func wantTree(t testing.TB, st store.Store) {
	t.Helper()
	head, err := st.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	if err != nil {
		t.Fatal(err)
	}
	want, size := root(t, st)
	if head.Size != size || head.TreeSize != size || !bytes.Equal(f.Root(), want[:]) {
		t.Errorf("the head has %d entries, a tree of %d and root %x; stored are %d with root %x", head.Size, head.TreeSize, f.Root(), size, want[:])
	}
}

// The tree is that of what is stored, whoever appends and whatever is rolled back;
// and each receipt is of the record it was given for.
func TestTreeGrowsWithTheLog(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		f := newFixture(t, st)
		var mu sync.Mutex
		receipts := map[string]*reqctx.Receipt{}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range 20 {
					req := &reqctx.Request{TraceID: fmt.Sprint(i, "-", n)}
					if err := f.log.AppendDecision(reqctx.With(f.ctx, req), entry); err != nil {
						t.Error(err)
					}
					mu.Lock()
					receipts[req.TraceID] = req.Receipt()
					mu.Unlock()
				}
			})
		}
		wg.Go(func() {
			boom := errors.New("boom")
			for n := range 20 {
				err := st.InTx(f.ctx, func(tx store.Tx) error {
					if err := errors.Join(f.log.AppendIn(f.ctx, tx, entry, entry), f.log.AppendIn(f.ctx, tx, entry)); err != nil || n%2 > 0 {
						return err
					}
					return boom
				})
				if err != nil && err != boom {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		wantTree(t, st)
		rows, err := st.EntriesFrom(f.ctx, 0, 1000)
		if err != nil || len(rows) != 8*20+30 {
			t.Fatalf("%d entries, %v", len(rows), err)
		}
		for trace, r := range receipts {
			if r == nil {
				t.Fatalf("%s has no receipt", trace)
			}
			leaf, err := audit.Decode(rows[r.Index].Leaf)
			if err != nil || leaf.Request != trace || !bytes.Equal(tree.LeafHash(rows[r.Index].Leaf), r.LeafHash) {
				t.Errorf("the receipt of %s is for %d, of %s; %v", trace, r.Index, leaf.Request, err)
			}
		}
	})
}

// What is in a log from before there were trees is in the tree as soon as it is opened.
func TestTreeCatchesUp(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		for range 23 {
			if _, err := st.AppendEntries(t.Context(), []store.Entry{{Leaf: []byte("old")}}); err != nil {
				t.Fatal(err)
			}
		}
		defer audit.SetMostBehind(5)()
		f := newFixture(t, st)
		if err := f.log.Append(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		wantTree(t, st)
	})
}
