package tree

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// grown is a tree with its tiles, and with the hashes of golang.org/x/mod, which
// is not ours.
type grown struct {
	edge   *Edge
	full   map[Tile][]byte
	stored []tlog.Hash
	leaves int64
}

func newGrown() *grown { return &grown{edge: &Edge{}, full: map[Tile][]byte{}} }

func (g *grown) grow(t interface{ Fatal(...any) }, to int64) {
	for ; g.leaves < to; g.leaves++ {
		leaf := fmt.Append(nil, "leaf ", g.leaves)
		g.edge.Append(LeafHash(leaf), func(tile Tile, hashes []byte) {
			if _, twice := g.full[tile]; twice {
				t.Fatal("told twice: ", tile)
			}
			g.full[tile] = hashes
		})
		hashes, err := tlog.StoredHashes(g.leaves, leaf, g)
		if err != nil {
			t.Fatal(err)
		}
		g.stored = append(g.stored, hashes...)
	}
}

// ReadHashes is tlog's.
func (g *grown) ReadHashes(at []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(at))
	for i, n := range at {
		hashes[i] = g.stored[n]
	}
	return hashes, nil
}

// tile is any, also one of an earlier tree.
func (g *grown) tile(t Tile) ([]byte, error) {
	if hashes, ok := g.edge.Tile(t); ok {
		return hashes, nil
	}
	hashes, ok := g.full[Tile{t.Level, t.N, TileWidth}]
	if !ok {
		return nil, errors.New("no " + t.Path())
	}
	return hashes[:t.Width*HashSize], nil
}

// Tiles, roots and proofs are those of golang.org/x/mod, at sizes where tiles end
// and in between.
func TestEdgeIsTheTreeOfOthers(t *testing.T) {
	g := newGrown()
	for _, size := range []int64{0, 1, 2, 3, 255, 256, 257, 511, 512, 767, 65535, 65536, 65537, 66000} {
		g.grow(t, size)
		want, err := tlog.TreeHash(size, g)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.edge.Root(); size > 0 && !bytes.Equal(got, want[:]) {
			t.Fatalf("root at %d: %x, want %x", size, got, want)
		}
		for _, tile := range Tiles(size) {
			got, err := g.tile(tile)
			if err != nil {
				t.Fatal(err)
			}
			want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: tile.Level, N: tile.N, W: tile.Width}, g)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s of %d entries differs (%v)", tile.Path(), size, err)
			}
		}
		again, err := NewEdge(size, g.tile)
		if err != nil || again.Size() != size || !bytes.Equal(again.Root(), g.edge.Root()) {
			t.Fatalf("the edge of %d entries, put together again: %v", size, err)
		}
		if size > 0 {
			if _, err := NewEdge(size-1, g.tile); err != nil {
				t.Fatalf("the edge of an earlier tree: %v", err)
			}
		}
	}
}

func TestProofsHoldElsewhere(t *testing.T) {
	g := newGrown()
	g.grow(t, 66_000)
	root := func(t *rapid.T, size int64) tlog.Hash {
		h, err := tlog.TreeHash(size, g)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := NewHashes(g.leaves, g.tile).Root(size)
		if err != nil || !bytes.Equal(ours, h[:]) {
			t.Fatalf("root of %d: %x (%v), want %x", size, ours, err, h)
		}
		return h
	}
	of := func(hashes [][]byte) (p []tlog.Hash) {
		for _, h := range hashes {
			p = append(p, tlog.Hash(h))
		}
		return p
	}
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.Int64Range(1, g.leaves).Draw(t, "to")
		from := rapid.Int64Range(1, to).Draw(t, "from")
		tree := rapid.SampledFrom([]int64{to, g.leaves}).Draw(t, "tree")
		consistent, err := NewHashes(tree, g.tile).Consistency(from, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(of(consistent), to, root(t, to), from, root(t, from)); err != nil {
			t.Fatalf("from %d to %d: %v", from, to, err)
		}
		included, err := NewHashes(tree, g.tile).Inclusion(from-1, to)
		if err != nil {
			t.Fatal(err)
		}
		leaf := tlog.RecordHash(fmt.Append(nil, "leaf ", from-1))
		if err := tlog.CheckRecord(of(included), to, root(t, to), from-1, leaf); err != nil {
			t.Fatalf("entry %d in %d: %v", from-1, to, err)
		}
	})
	h := NewHashes(100, g.tile)
	for _, c := range [][2]int64{{-1, 100}, {100, 100}, {0, 101}, {5, 0}} {
		if _, err := h.Inclusion(c[0], c[1]); err == nil {
			t.Errorf("entry %d is in a tree of %d", c[0], c[1])
		}
	}
	for _, c := range [][2]int64{{0, 100}, {-1, 100}, {101, 100}, {1, 101}} {
		if _, err := h.Consistency(c[0], c[1]); err == nil {
			t.Errorf("a tree of %d begins one of %d", c[0], c[1])
		}
	}
}

// What was cloned is not touched by what grows.
func TestCloneGrowsApart(t *testing.T) {
	g := newGrown()
	g.grow(t, 300)
	c := g.edge.Clone()
	was := c.Root()
	g.grow(t, 600)
	if !bytes.Equal(c.Root(), was) || c.Size() != 300 {
		t.Error("a clone grew along")
	}
	for _, tile := range []Tile{{0, 1, 44}, {0, 1, 1}} {
		if _, ok := c.Tile(tile); !ok {
			t.Errorf("%s is not on the edge of 300", tile.Path())
		}
	}
	for _, tile := range []Tile{{0, 1, 45}, {0, 1, 0}, {0, 0, 256}, {0, 2, 1}, {1, 0, 2}, {2, 0, 1}, {EntryLevel, 1, 1}} {
		if _, ok := c.Tile(tile); ok {
			t.Errorf("%s is on the edge of 300", tile.Path())
		}
	}
}
