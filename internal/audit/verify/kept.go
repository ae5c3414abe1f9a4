package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// kept is what the auditor has kept, in the order in which the tree comes to it.
type kept struct {
	known    []checkpoint
	receipts []Receipt
	out      int // that lie among entries that are left out
}

// readKept reads the options; what cannot be read there is the auditor's to mend.
func readKept(o Options, origin string) (k kept, err error) {
	for _, note := range o.Known {
		c, err := parseCheckpoint(note)
		if err != nil {
			return k, fmt.Errorf("the checkpoint that was kept: %w", err)
		}
		if _, err := o.Policy.check(c); err != nil {
			return k, fmt.Errorf("the checkpoint of size %d that was kept: %w", c.size, err)
		}
		if c.origin != origin && origin != "" {
			return k, fmt.Errorf("the checkpoint of size %d that was kept is one of the log %q, not of %q", c.size, c.origin, origin)
		}
		k.known = append(k.known, c)
	}
	slices.SortFunc(k.known, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
	k.receipts = slices.Clone(o.Receipts)
	slices.SortFunc(k.receipts, func(a, b Receipt) int { return cmp.Compare(a.Index, b.Index) })
	return k, nil
}

// reached holds the tree of that size against the checkpoints that were kept.
func (k *kept) reached(size int64, root func() []byte, r *Report) {
	for ; len(k.known) > 0 && k.known[0].size <= size; k.known = k.known[1:] {
		switch c := k.known[0]; {
		case c.size < size:
			k.out++
		case bytes.Equal(c.root, root()):
			r.Anchors.Known = size
		default:
			r.fault(&Fault{Diverge, r.Anchors.Known, max(size, 1), fmt.Sprintf("the first %s are not those of the checkpoint that was kept: one from %d on was altered, taken away or put in", entries(size), r.Anchors.Known)})
		}
	}
}

// leaf holds an entry's hash against its receipts.
func (k *kept) leaf(index int64, hash []byte, r *Report) {
	for ; len(k.receipts) > 0 && k.receipts[0].Index <= index; k.receipts = k.receipts[1:] {
		switch at := k.receipts[0]; {
		case at.Index < index:
			k.out++
		case bytes.Equal(at.LeafHash, hash):
			r.Anchors.Receipts++
		default:
			r.fault(&Fault{Diverge, index, index + 1, fmt.Sprintf("entry %d is not the one of which there is a receipt", index)})
		}
	}
}

// end looks at what the log did not come to.
func (k *kept) end(size int64, r *Report) {
	for _, c := range k.known {
		r.fault(&Fault{Diverge, size, c.size, fmt.Sprintf("there was a checkpoint of %s, and the log has %d: its end was cut off", entries(c.size), size)})
	}
	for _, at := range k.receipts {
		r.fault(&Fault{Diverge, at.Index, at.Index + 1, fmt.Sprintf("there is a receipt of entry %d, and the log has %s", at.Index, entries(size))})
	}
	if k.out > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of what was kept is about entries that are left out of this part of the log", k.out))
	}
}
