package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"rolegate/internal/store"
)

// entry makes one whose leaf is the text, with n segments.
func entry(text string, n int) store.Entry {
	e := store.Entry{Leaf: []byte(text)}
	for i := range n {
		e.Sealed = append(e.Sealed, store.Segment{Ref: []byte{0, byte(i)}, Salt: []byte("s"), Commitment: []byte("c"),
			Ciphertext: fmt.Append(nil, text, i)})
	}
	return e
}

var entryTests = []storeTest{
	{"Entries/RoundTrip", func(t *testing.T, f fixture) {
		ctx := t.Context()
		size, err := f.LogSize(ctx)
		same(t, "LogSize of none", size, err, 0)
		none, err := f.EntriesFrom(ctx, 0, 10)
		same(t, "EntriesFrom none", none, err, nil)
		// More than one statement's worth, some with the same person twice.
		var want []store.Entry
		for i := range 150 {
			want = append(want, entry(fmt.Sprint("leaf", i), i%3))
		}
		want[1].Sealed = append(want[1].Sealed, want[1].Sealed[0])
		first, err := f.AppendEntries(ctx, want[:5])
		same(t, "AppendEntries", first, err, 0)
		first, err = f.AppendEntries(ctx, want[5:])
		same(t, "AppendEntries", first, err, 5)
		first, err = f.AppendEntries(ctx, nil)
		same(t, "AppendEntries of none", first, err, 150)
		size, err = f.LogSize(ctx)
		same(t, "LogSize", size, err, 150)
		for _, c := range [][3]int{{0, 1000, 150}, {3, 4, 7}, {149, 10, 150}, {150, 10, 150}} {
			got, err := f.EntriesFrom(ctx, int64(c[0]), c[1])
			same(t, fmt.Sprintf("EntriesFrom %d, %d", c[0], c[1]), got, err, append([]store.Entry(nil), want[c[0]:c[2]]...))
			got, err = f.EntriesBetween(ctx, int64(c[0]), int64(c[0]+c[1]))
			same(t, fmt.Sprintf("EntriesBetween %d, %d", c[0], c[0]+c[1]), got, err, append([]store.Entry(nil), want[c[0]:c[2]]...))
		}
	}},
	{"Entries/RolledBackAppendLeavesNoGap", func(t *testing.T, f fixture) {
		ctx := t.Context()
		boom := errors.New("boom")
		for range 3 {
			err := f.InTx(ctx, func(tx store.Tx) error {
				if _, err := tx.AppendEntries(ctx, []store.Entry{entry("lost", 2)}); err != nil {
					return err
				}
				return boom
			})
			wantErr(t, "InTx", err, boom)
			_, err = f.AppendEntries(ctx, []store.Entry{entry("kept", 1)})
			f.must(err)
		}
		got, err := f.EntriesFrom(ctx, 0, 10)
		same(t, "EntriesFrom", got, err, []store.Entry{entry("kept", 1), entry("kept", 1), entry("kept", 1)})
	}},
	{"Entries/GaplessAndReadableInOrderWhileManyAppend", func(t *testing.T, f fixture) {
		ctx := t.Context()
		const writers, each = 20, 5
		stop := make(chan struct{})
		var reader sync.WaitGroup
		reader.Go(func() {
			for next := int64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				got, err := f.EntriesFrom(ctx, next, 1000)
				if err != nil {
					t.Error(err)
					return
				}
				next += int64(len(got))
				size, err := f.LogSize(ctx)
				if err != nil || size < next {
					t.Errorf("LogSize = %d, %v after %d entries were read", size, err, next)
					return
				}
			}
		})
		var mu sync.Mutex
		owner := map[int64]string{}
		together(t, writers, func(w int) error {
			for i := range each {
				name := fmt.Sprint("writer", w, "-", i)
				first, err := f.AppendEntries(ctx, []store.Entry{entry(name, 1), entry(name, 0)})
				if err != nil {
					return err
				}
				mu.Lock()
				owner[first], owner[first+1] = name, name
				mu.Unlock()
			}
			return nil
		})
		close(stop)
		reader.Wait()
		got, err := f.EntriesFrom(ctx, 0, 1000)
		f.must(err)
		if len(got) != 2*writers*each || len(owner) != len(got) {
			t.Fatalf("%d entries with %d numbers, want %d", len(got), len(owner), 2*writers*each)
		}
		for i, e := range got {
			if !bytes.Equal(e.Leaf, []byte(owner[int64(i)])) {
				t.Errorf("entry %d is %q, want %q", i, e.Leaf, owner[int64(i)])
			}
		}
	}},
	{"Entries/NumbersOfASource", func(t *testing.T, f fixture) {
		ctx := t.Context()
		boom := errors.New("boom")
		take := func(source string, n int, end error) (index, seq int64) {
			t.Helper()
			err := f.InTx(ctx, func(tx store.Tx) (err error) {
				var head store.Head
				if head, seq, err = tx.TakeHead(ctx, []byte(source), n); err != nil {
					return err
				}
				index = head.Size
				entries := make([]store.Entry, n)
				for i := range entries {
					entries[i] = entry(fmt.Sprint(source, seq+int64(i)), 1)
				}
				if err := tx.ExtendTree(ctx, index, entries, store.Head{Size: index + int64(n)}); err != nil {
					return err
				}
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
			return index, seq
		}
		for i, c := range []struct {
			source     string
			n          int
			end        error
			index, seq int64
		}{{"a", 2, nil, 0, 1}, {"b", 1, nil, 2, 1}, {"a", 3, boom, 3, 3}, {"a", 100, nil, 3, 3}, {"b", 1, nil, 103, 2}} {
			if index, seq := take(c.source, c.n, c.end); index != c.index || seq != c.seq {
				t.Errorf("%d: %d entries of %s got index %d and number %d, want %d and %d", i, c.n, c.source, index, seq, c.index, c.seq)
			}
		}
		got, err := f.EntriesFrom(ctx, 0, 200)
		if err != nil || len(got) != 104 || string(got[102].Leaf) != "a102" {
			t.Errorf("%d entries, %v", len(got), err)
		}
	}},
	// A revision that another transaction committed while this one waited for the
	// head is read after it: a revocation is in the log and in force at once.
	{"Entries/WhatWaitsForTheHeadSeesWhatItWaitedFor", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		held, waiting := make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- f.InTx(ctx, func(tx store.Tx) error {
				if _, err := tx.Bump(ctx, "t"); err != nil {
					return err
				}
				if _, err := tx.AppendEntries(ctx, []store.Entry{entry("revocation", 0)}); err != nil {
					return err
				}
				close(held)
				<-waiting
				time.Sleep(50 * time.Millisecond) // the other one is waiting by now, or sees the commit anyway
				return nil
			})
		}()
		<-held
		close(waiting)
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			head, _, err := tx.TakeHead(ctx, []byte("s"), 1)
			if err != nil {
				return err
			}
			got, err := tx.TenantRevisions(ctx, "t")
			same(t, "TenantRevisions behind the revocation", got, err, map[string]int64{"t": 1})
			return tx.InsertEntries(ctx, head.Size, []store.Entry{entry("decision", 0)})
		}))
		f.must(<-done)
	}},
	{"Entries/HeldSources", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.must(f.HoldSource(ctx, []byte("a"), now))
		f.must(f.HoldSource(ctx, []byte("b"), now.Add(time.Second)))
		f.must(f.HoldSource(ctx, []byte("c"), now))
		f.must(f.HoldSource(ctx, []byte("c"), time.Time{}))
		got, err := f.LapsedSources(ctx, now)
		same(t, "LapsedSources", got, err, [][]byte{[]byte("a")})
		took, err := f.EndSource(ctx, []byte("b"), now)
		no(t, "EndSource of one that is alive", took, err)
		wins(t, "EndSource", 10, 1, func(int) (bool, error) { return f.EndSource(ctx, []byte("a"), now) })
		f.must(f.InTx(ctx, func(tx store.Tx) error { // holding and counting are apart
			head, seq, err := tx.TakeHead(ctx, []byte("b"), 1)
			same(t, "number of a held source", seq, err, 1)
			return tx.InsertEntries(ctx, head.Size, []store.Entry{entry("x", 0)})
		}))
		got, err = f.LapsedSources(ctx, now.Add(time.Hour))
		same(t, "LapsedSources later", got, err, [][]byte{[]byte("b")})
	}},
	// The tree's end and the MAC are kept with the head, and are as old as the
	// transaction that set them; a release that knows of neither leaves the tree behind.
	{"Entries/Head", func(t *testing.T, f fixture) {
		ctx := t.Context()
		head, err := f.Head(ctx)
		same(t, "Head of none", head, err, store.Head{})
		after := func(i int, size int64) store.Head {
			return store.Head{Size: size, TreeSize: size, Frontier: fmt.Append(nil, "frontier ", i), MAC: fmt.Append(nil, "mac ", i)}
		}
		boom := errors.New("boom")
		var want store.Head
		for i, end := range []error{nil, boom, nil} {
			err := f.InTx(ctx, func(tx store.Tx) error {
				head, _, err := tx.TakeHead(ctx, []byte("s"), 2)
				same(t, "TakeHead", head, err, want)
				if err := tx.SetHead(ctx, after(i, head.Size+2)); err != nil {
					return err
				}
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
			if end == nil {
				want = after(i, want.Size+2)
			}
		}
		head, err = f.Head(ctx)
		same(t, "Head", head, err, want)
		for i := range int64(2) {
			_, err = f.AppendEntries(ctx, []store.Entry{entry("older", 0)})
			f.must(err)
			head, err = f.Head(ctx)
			same(t, "Head after an older release", head, err, store.Head{Size: want.Size + i + 1, TreeSize: want.Size, Frontier: want.Frontier})
		}
	}},
	{"Entries/LeavesFrom", func(t *testing.T, f fixture) {
		ctx := t.Context()
		for i := range 5 {
			_, err := f.AppendEntries(ctx, []store.Entry{entry(fmt.Sprint("leaf", i), i%3)})
			f.must(err)
		}
		for _, c := range []struct {
			from  int64
			limit int
			want  [][]byte
		}{{0, 2, [][]byte{[]byte("leaf0"), []byte("leaf1")}}, {4, 9, [][]byte{[]byte("leaf4")}}, {5, 9, nil}, {0, 0, nil}, {0, -1, nil}} {
			got, err := f.LeavesFrom(ctx, c.from, c.limit)
			same(t, fmt.Sprintf("LeavesFrom %d, %d", c.from, c.limit), got, err, c.want)
		}
	}},
	// Behind the store's back rows get lost and appear; StoredFrom shows them as they are.
	{"Entries/Stored", func(t *testing.T, f fixture) {
		ctx := t.Context()
		var entries []store.Entry
		for i := range 4 {
			entries = append(entries, entry(fmt.Sprint("leaf", i), i))
		}
		_, err := f.AppendEntries(ctx, entries[:3])
		f.must(err)
		f.must(f.InsertEntries(ctx, 7, entries[3:]))
		stored := func(index int64, e store.Entry) store.Stored {
			s := store.Stored{Index: index, Leaf: e.Leaf}
			for i, segment := range e.Sealed {
				s.Sealed = append(s.Sealed, store.StoredSegment{Place: int64(i), Segment: segment})
			}
			return s
		}
		all := []store.Stored{stored(0, entries[0]), stored(1, entries[1]), stored(2, entries[2]), stored(7, entries[3])}
		for _, c := range []struct {
			from, until int64
			want        []store.Stored
		}{{math.MinInt64, math.MaxInt64, all}, {1, 3, all[1:3]}, {3, 7, nil}, {7, 8, all[3:]}, {2, 2, nil}} {
			got, err := f.StoredFrom(ctx, c.from, c.until, true)
			same(t, fmt.Sprintf("StoredFrom %d, %d", c.from, c.until), got, err, c.want)
		}
		got, err := f.StoredFrom(ctx, 7, 8, false)
		same(t, "StoredFrom without segments", got, err, []store.Stored{{Index: 7, Leaf: entries[3].Leaf}})
	}},
}
