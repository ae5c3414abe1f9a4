package tree

import (
	"fmt"

	"github.com/transparency-dev/merkle/compact"
)

// Omitted is a run of entries of which nothing is kept but what the tree over them
// needs: the roots of the largest perfect subtrees that they fill. Not safe for
// concurrent use.
type Omitted struct{ r *compact.Range }

// NewOmitted is a run of no entries that begins at an index.
func NewOmitted(index int64) *Omitted { return &Omitted{ranges.NewEmptyRange(uint64(index))} }

// Append adds an entry to the run by its LeafHash.
func (o *Omitted) Append(leafHash []byte) {
	if err := o.r.Append(leafHash, nil); err != nil {
		panic(err) // a range takes one leaf more
	}
}

// Size is the number of entries.
func (o *Omitted) Size() int64 { return int64(o.r.End() - o.r.Begin()) }

// Bytes are the hashes, from the left.
func (o *Omitted) Bytes() []byte { return join(o.r.Hashes()) }

// AppendOmitted adds n entries by what Omitted.Bytes gave of them. Each node that
// becomes known is told to visit, which may be nil: the roots of the subtrees, and
// what they complete.
func (f *Frontier) AppendOmitted(n int64, hashes []byte, visit func(n Node, hash []byte)) error {
	begin := f.r.End()
	end := begin + uint64(n)
	if n < 0 || int64(end) < 0 || len(hashes)%HashSize != 0 {
		return fmt.Errorf("%d bytes for %d omitted entries", len(hashes), n)
	}
	r, err := ranges.NewRange(begin, end, split(hashes))
	if err != nil {
		return fmt.Errorf("%d hashes for %d omitted entries", len(hashes)/HashSize, n)
	}
	if visit != nil {
		for i, node := range compact.RangeNodes(begin, end, nil) {
			visit(node, r.Hashes()[i])
		}
	}
	return f.r.AppendRange(r, visit)
}
