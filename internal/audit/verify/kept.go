package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/transparency-dev/formats/proof"

	"rolegate/internal/audit/tree"
)

// kept is what the auditor has kept, in the order in which the tree comes to it.
type kept struct {
	known    []checkpoint
	receipts []Receipt
	proofs   []inclusion
	faults   []*Fault // of what cannot be held against this log at all
	others   []*Fault // of checkpoints that are of another tree
	out      int      // entries' proofs and receipts that lie among entries that are left out
	apart    int      // checkpoints that do: nothing is known of the trees they are of
}

// readKept reads the options; what cannot be read there is the auditor's to mend.
func readKept(o Options, origin string) (k kept, err error) {
	for _, note := range o.Known {
		c, err := readKnown(note, o.Policy)
		if err != nil {
			return k, err
		}
		k.keep(c, origin)
	}
	for _, b := range o.Proofs {
		p, err := readProof(b, o.Policy)
		if err != nil {
			return k, err
		}
		if k.keep(p.of, origin) {
			k.proofs = append(k.proofs, p)
		}
	}
	slices.SortFunc(k.proofs, func(a, b inclusion) int { return cmp.Compare(a.index, b.index) })
	slices.SortFunc(k.known, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
	k.receipts = slices.Clone(o.Receipts)
	slices.SortFunc(k.receipts, func(a, b Receipt) int { return cmp.Compare(a.Index, b.Index) })
	return k, nil
}

// readKnown reads a checkpoint that was kept.
func readKnown(note []byte, policy *Policy) (checkpoint, error) {
	c, err := parseCheckpoint(note)
	if err != nil {
		return c, fmt.Errorf("the checkpoint that was kept: %w", err)
	}
	if _, err := policy.check(c); err != nil {
		return c, fmt.Errorf("the checkpoint of size %d that was kept: %w", c.size, err)
	}
	return c, nil
}

// keep adds a checkpoint. One of a log of another name is not compared: whoever
// rewrites a log may give it another name, too.
func (k *kept) keep(c checkpoint, origin string) bool {
	if c.origin != origin && origin != "" {
		k.faults = append(k.faults, &Fault{Status: Diverge, Index: 0, End: max(c.size, 1), What: fmt.Sprintf("the checkpoint of size %d that was kept is one of the log %q, not of %q", c.size, c.origin, origin),
			same: fmt.Sprintf("a checkpoint of the log %q, not of %q", c.origin, origin)})
		return false
	}
	k.known = append(k.known, c)
	return true
}

// inclusion is a proof that was kept: that an entry is in the tree of a checkpoint.
type inclusion struct {
	index  int64
	hashes [][]byte
	of     checkpoint
}

func readProof(b []byte, policy *Policy) (p inclusion, err error) {
	var t proof.TLogProof
	if t.Unmarshal(b) != nil || t.Index > math.MaxInt64 {
		return p, errors.New("the proof that was kept is no C2SP tlog-proof")
	}
	p.index = int64(t.Index)
	for _, h := range t.Hashes {
		p.hashes = append(p.hashes, h[:])
	}
	p.of, err = readKnown(t.Checkpoint, policy)
	return p, err
}

// proven holds an entry's hash against proofs of it.
func (k *kept) proven(index int64, hash []byte, r *Report) {
	for ; len(k.proofs) > 0 && k.proofs[0].index <= index; k.proofs = k.proofs[1:] {
		switch p := k.proofs[0]; {
		case p.index < index:
			k.out++
		case tree.CheckInclusion(index, p.of.size, hash, p.hashes, p.of.root):
			r.Anchors.Proofs++
		default:
			r.fault(&Fault{Status: Diverge, Index: index, End: index + 1, What: fmt.Sprintf("entry %d is not the one of which there is a proof", index)})
		}
	}
}

// reached holds the tree of that size against the checkpoints that were kept.
func (k *kept) reached(size int64, root func() []byte, r *Report) {
	for ; len(k.known) > 0 && k.known[0].size <= size; k.known = k.known[1:] {
		switch c := k.known[0]; {
		case c.size < size:
			k.apart++
		case bytes.Equal(c.root, root()):
			r.Anchors.Known = size
		default:
			f := &Fault{Status: Diverge, Index: r.Anchors.Known, End: max(size, 1), kind: "not those of the checkpoint that was kept",
				What: fmt.Sprintf("the first %s are not those of the checkpoint that was kept: one from %d on was altered, taken away or put in", entries(size), r.Anchors.Known)}
			k.others = append(k.others, f.of(root()))
		}
	}
}

// tell reports the checkpoints that are of another tree. Where the log itself shows at
// its end that its tree is another, that counts, and these say it once more: a
// checkpoint that is kept anew each second is not a new finding each second.
func (k *kept) tell(shown bool, r *Report) {
	if shown {
		k.answered(r)
	}
	for _, f := range k.others {
		r.fault(f)
	}
	k.others = nil
}

// answered reports those that the tree has come to as what the log itself has shown:
// somebody has answered for its entries so far. What comes later stands for itself.
func (k *kept) answered(r *Report) {
	for _, f := range k.others {
		r.known(f)
	}
	k.others = nil
}

// leaf holds an entry's hash against its receipts and proofs.
func (k *kept) leaf(index int64, hash []byte, r *Report) {
	k.proven(index, hash, r)
	for ; len(k.receipts) > 0 && k.receipts[0].Index <= index; k.receipts = k.receipts[1:] {
		switch at := k.receipts[0]; {
		case at.Index < index:
			k.out++
		case bytes.Equal(at.LeafHash, hash):
			r.Anchors.Receipts++
		default:
			r.fault(&Fault{Status: Diverge, Index: index, End: index + 1, What: fmt.Sprintf("entry %d is not the one of which there is a receipt", index)})
		}
	}
}

// end looks at what the log did not come to.
func (k *kept) end(size int64, r *Report) {
	for _, f := range k.faults {
		r.fault(f)
	}
	for _, c := range k.known {
		r.fault(&Fault{Status: Diverge, Index: size, End: c.size, What: fmt.Sprintf("there was a checkpoint of %s, and the log has %d: its end was cut off", entries(c.size), size), same: fmt.Sprint("behind the end: was a checkpoint of ", c.size)})
	}
	for _, p := range k.proofs {
		r.fault(&Fault{Status: Diverge, Index: p.index, End: p.index + 1, What: fmt.Sprintf("there is a proof of entry %d, and the log has %s", p.index, entries(size)), same: fmt.Sprint("behind the end: is a proof of ", p.index)})
	}
	for _, at := range k.receipts {
		r.fault(&Fault{Status: Diverge, Index: at.Index, End: at.Index + 1, What: fmt.Sprintf("there is a receipt of entry %d, and the log has %s", at.Index, entries(size)), same: fmt.Sprint("behind the end: is a receipt of ", at.Index)})
	}
	if k.out > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of what was kept is about entries that are left out of this part of the log", k.out))
	}
}
