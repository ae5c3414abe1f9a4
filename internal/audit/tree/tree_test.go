package tree

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The tree is that of golang.org/x/mod, which is not ours, at every size; and a
// frontier that was stored goes on as if it had not been.
func TestTreeIsThatOfOthers(t *testing.T) {
	const most = 1100
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(at))
		for i, n := range at {
			hashes[i] = stored[n]
		}
		return hashes, nil
	})
	f := NewFrontier()
	for size := int64(0); size <= most; size++ {
		want, err := tlog.TreeHash(size, read)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Root(); size > 0 && !bytes.Equal(got, want[:]) {
			t.Fatalf("root at %d entries: %x, want %x", size, got, want)
		}
		if f, err = ParseFrontier(size, f.Bytes()); err != nil || f.Size() != size {
			t.Fatalf("frontier of %d entries: size %d, %v", size, f.Size(), err)
		}
		leaf := fmt.Append(nil, "leaf ", size)
		hashes, err := tlog.StoredHashes(size, leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		nodes := 0
		f.Append(LeafHash(leaf), func(n Node, hash []byte) {
			if int(n.Level) != nodes || !bytes.Equal(hash, hashes[nodes][:]) {
				t.Fatalf("node %d of entry %d: level %d, %x", nodes, size, n.Level, hash)
			}
			nodes++
		})
		if nodes != len(hashes) {
			t.Fatalf("entry %d completes %d nodes, want %d", size, nodes, len(hashes))
		}
		stored = append(stored, hashes...)
	}
}

func TestFrontierRefusesAnotherSize(t *testing.T) {
	f := NewFrontier()
	for i := range 7 {
		f.Append(LeafHash([]byte{byte(i)}), nil)
	}
	for _, c := range []struct {
		size int64
		b    []byte
	}{{6, f.Bytes()}, {8, f.Bytes()}, {-1, nil}, {7, f.Bytes()[1:]}, {7, nil}, {0, f.Bytes()}} {
		if _, err := ParseFrontier(c.size, c.b); err == nil {
			t.Errorf("%d bytes are a frontier of %d entries", len(c.b), c.size)
		}
	}
}
