package tree

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Whatever runs of entries are left out, the tree is the same, and so are the nodes
// above what is there.
func TestOmittedRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, parts := NewFrontier(), NewFrontier()
		nodes := map[Node][]byte{}
		saw := func(n Node, hash []byte) {
			if want := nodes[n]; !bytes.Equal(hash, want) {
				t.Fatalf("node %v is %x, want %x", n, hash, want)
			}
		}
		for range rapid.IntRange(1, 8).Draw(t, "runs") {
			o := NewOmitted(whole.Size())
			for range rapid.IntRange(0, 600).Draw(t, "n") {
				h := LeafHash([]byte{byte(whole.Size()), byte(whole.Size() >> 8)})
				whole.Append(h, func(n Node, hash []byte) { nodes[n] = hash })
				o.Append(h)
			}
			if err := parts.AppendOmitted(o.Size(), o.Bytes(), saw); err != nil {
				t.Fatal(err)
			}
			h := LeafHash([]byte("whole"))
			whole.Append(h, func(n Node, hash []byte) { nodes[n] = hash })
			parts.Append(h, saw)
			if whole.Size() != parts.Size() || !bytes.Equal(whole.Root(), parts.Root()) {
				t.Fatalf("the trees of %d and %d entries differ", whole.Size(), parts.Size())
			}
		}
	})
}

func TestOmittedRefusesAnotherNumber(t *testing.T) {
	f := NewFrontier()
	f.Append(LeafHash(nil), nil)
	for _, c := range []struct{ n, hashes int64 }{{-1, 0}, {1, 0}, {1, 2}, {2, 1}, {1 << 62, 1}, {0, 1}} {
		if err := f.AppendOmitted(c.n, make([]byte, c.hashes*HashSize), nil); err == nil {
			t.Errorf("%d hashes are %d entries", c.hashes, c.n)
		}
	}
	if err := f.AppendOmitted(1, make([]byte, HashSize-1), nil); err == nil {
		t.Error("half a hash")
	}
	if err := f.AppendOmitted(0, nil, nil); err != nil || f.Size() != 1 {
		t.Errorf("a run of none: %v", err)
	}
}
