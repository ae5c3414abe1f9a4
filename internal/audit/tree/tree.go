// Package tree is the Merkle tree of the log: RFC 6962 hashes, the frontier that
// an append needs of all that came before, and where hashes lie in tiles (C2SP
// tlog-tiles).
//
//	Frontier  the roots of the perfect subtrees of a tree; grows leaf by leaf, gives the root
//	Tile      256 hashes of one level, all that a proof is made of
//	Edge      what lies in no full tile yet; grows like the frontier, and tells the tiles it fills
//	Hashes    proofs, of inclusion and of consistency, from tiles
package tree

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// HashSize is the size of every hash here, in bytes: SHA-256.
const HashSize = sha256.Size

var ranges = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// LeafHash is the hash of an entry's leaf: SHA-256 of a zero byte and the leaf
// (RFC 6962, section 2.1).
func LeafHash(leaf []byte) []byte { return rfc6962.DefaultHasher.HashLeaf(leaf) }

// Node is a hash's place: how many levels above the leaves, and the how manieth
// from the left.
type Node = compact.NodeID

// Frontier is a tree without what lies inside it: the roots of its perfect
// subtrees, by which it grows. Not safe for concurrent use.
type Frontier struct{ r *compact.Range }

// NewFrontier is that of a tree of no entries.
func NewFrontier() *Frontier { return &Frontier{ranges.NewEmptyRange(0)} }

// ParseFrontier reads what Bytes wrote of a tree of that size.
func ParseFrontier(size int64, b []byte) (*Frontier, error) {
	if size < 0 || len(b)%HashSize != 0 {
		return nil, fmt.Errorf("a frontier of %d bytes for a tree of %d entries", len(b), size)
	}
	r, err := ranges.NewRange(0, uint64(size), split(b))
	if err != nil {
		return nil, fmt.Errorf("a frontier of %d hashes for a tree of %d entries", len(b)/HashSize, size)
	}
	return &Frontier{r}, nil
}

// Size is the number of entries.
func (f *Frontier) Size() int64 { return int64(f.r.End()) }

// Append adds an entry by its LeafHash. Each node that it completes, the leaf
// itself included, is told to visit, which may be nil.
func (f *Frontier) Append(leafHash []byte, visit func(n Node, hash []byte)) {
	if err := f.r.Append(leafHash, visit); err != nil {
		panic(err) // a range from zero takes one leaf more
	}
}

// Root is the tree's root hash; that of no entries is the hash of nothing.
func (f *Frontier) Root() []byte {
	root, err := f.r.GetRootHash(nil)
	if err != nil {
		panic(err) // a range from zero has a root
	}
	if root == nil {
		return rfc6962.DefaultHasher.EmptyRoot()
	}
	return root
}

// Bytes are the hashes, the largest subtree's first.
func (f *Frontier) Bytes() []byte { return join(f.r.Hashes()) }

// split cuts hashes that lie one behind another; join puts them there.
func split(b []byte) [][]byte {
	hashes := make([][]byte, len(b)/HashSize)
	for i := range hashes {
		hashes[i] = b[i*HashSize : (i+1)*HashSize : (i+1)*HashSize]
	}
	return hashes
}

func join(hashes [][]byte) []byte {
	b := make([]byte, 0, len(hashes)*HashSize)
	for _, h := range hashes {
		b = append(b, h...)
	}
	return b
}
