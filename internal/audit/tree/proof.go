package tree

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Hashes finds the hash of a node by the tiles of a tree of one size. It keeps the
// tiles it has read, so it is made for one proof. Not safe for concurrent use.
type Hashes struct {
	size int64
	read func(Tile) ([]byte, error)
	have map[Tile][]byte
}

// NewHashes reads tiles with read, each once and with all the hashes that a tree
// of that size has in it.
func NewHashes(size int64, read func(Tile) ([]byte, error)) *Hashes {
	return &Hashes{size, read, map[Tile][]byte{}}
}

// node is the hash of a perfect subtree.
func (h *Hashes) node(n Node) ([]byte, error) {
	level, inside := int(n.Level)/tileLevels, int(n.Level)%tileLevels
	first := int64(n.Index) << inside // of the hashes below it at the tile's level
	t := Tile{level, first / TileWidth, TileWidth}
	if all := h.size >> (level * tileLevels); t.N == all/TileWidth {
		t.Width = int(all % TileWidth)
	}
	hashes, ok := h.have[t]
	if !ok {
		var err error
		if hashes, err = h.read(t); err != nil {
			return nil, err
		}
		h.have[t] = hashes
	}
	from := int(first%TileWidth) * HashSize
	to := from + HashSize<<inside
	if to > len(hashes) {
		return nil, fmt.Errorf("%s has %d bytes of hashes, and %d are needed", t.Path(), len(hashes), to)
	}
	return Perfect(hashes[from:to]), nil
}

func (h *Hashes) nodes(ids []compact.NodeID) ([][]byte, error) {
	hashes := make([][]byte, len(ids))
	for i, id := range ids {
		var err error
		if hashes[i], err = h.node(id); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (h *Hashes) prove(p proof.Nodes, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	hashes, err := h.nodes(p.IDs)
	if err != nil {
		return nil, err
	}
	return p.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
}

// Inclusion proves that an entry is in the first size entries (RFC 6962, section
// 2.1.1): the hashes from the leaf's sibling up. 0 <= index < size, which is at
// most the tree's.
func (h *Hashes) Inclusion(index, size int64) ([][]byte, error) {
	if index < 0 || size > h.size {
		return nil, fmt.Errorf("no proof of entry %d in a tree of %d, of which there are %d", index, size, h.size)
	}
	return h.prove(proof.Inclusion(uint64(index), uint64(size)))
}

// Consistency proves that the first from entries are the beginning of the first to
// (RFC 6962, section 2.1.2). 0 < from <= to, which is at most the tree's.
func (h *Hashes) Consistency(from, to int64) ([][]byte, error) {
	if from < 1 || to > h.size {
		return nil, fmt.Errorf("no proof from %d to %d entries, of which there are %d", from, to, h.size)
	}
	return h.prove(proof.Consistency(uint64(from), uint64(to)))
}

// Root is the root of the first size entries, which are at most the tree's.
func (h *Hashes) Root(size int64) ([]byte, error) {
	if size < 0 || size > h.size {
		return nil, fmt.Errorf("no root of %d entries, of which there are %d", size, h.size)
	}
	hashes, err := h.nodes(compact.RangeNodes(0, uint64(size), nil))
	if err != nil {
		return nil, err
	}
	f, err := ParseFrontier(size, bytes.Join(hashes, nil))
	if err != nil {
		return nil, err
	}
	return f.Root(), nil
}
