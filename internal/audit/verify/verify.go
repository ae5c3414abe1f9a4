// Package verify checks a log without keys and without trusting whoever keeps it:
// an exported bundle, or the store of a running service.
//
//	Source ──Entries──▶ hash ──▶ tree ──▶ matches every checkpoint and tile,
//	                     │                 and what the auditor has kept
//	                     ├──▶ segments: there and unaltered, or destroyed by a valid act
//	                     └──▶ order: numbers without a gap, times that do not run back
//
// Everything streams: memory holds the acts, the sources and the right edge of the
// tree. Whatever is wrong is a Fault that names the entry, and the rest is checked
// all the same.
package verify

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
)

// Options are what the auditor has kept. All may be empty.
type Options struct {
	Policy   *Policy   // who signs
	Known    [][]byte  // older checkpoints, notes
	Receipts []Receipt // what answers said
	Proofs   [][]byte  // C2SP tlog-proof
	// Accepted is what somebody has answered for, oldest first; of a whole log.
	Accepted []Accepted
	// Floor is how long sealed data has to be kept, in whole days, whatever an act
	// says of itself; 0: as long as the acts say.
	Floor time.Duration
	// Head is an error where a head, of a log that is still written, is not as its writer
	// left it, which needs a key; nil: not asked.
	Head func(h store.Head) error
}

// LegalFloor is how long sealed data has to be kept where nobody says otherwise: six
// months, which are 184 days at most (Cybersecurity Law of the PRC, article 23(3)).
const LegalFloor = 184 * day

// Receipt is what an answer said of the entry that records it.
type Receipt struct {
	Index    int64
	LeafHash []byte
}

// Run verifies a source. What is wrong with the log is in the report; an error
// says that the source could not be read, so that nothing is known of it, or that
// what was kept is no such thing.
func Run(ctx context.Context, source Source, o Options) (Report, error) {
	r := &run{report: Report{Unproven: unproven}, o: o}
	err := r.all(ctx, source)
	var f *Fault
	if errors.As(err, &f) {
		r.report.fault(f)
		r.report.Partial, err = true, nil
	}
	r.conclude()
	return r.report, err
}

// run is one verification.
type run struct {
	report Report
	o      Options
	about  About

	acts  acts
	tree  *grown
	kept  kept
	order order
	check segments
}

func (r *run) all(ctx context.Context, source Source) (err error) {
	r.about, err = source.About(ctx)
	r.head()
	if err != nil {
		return err
	}
	r.report.Origin, r.report.Tenant = r.about.Origin, hex.EncodeToString(r.about.Tenant)
	r.report.From, r.report.To = r.about.From, r.about.To
	if r.kept, err = readKept(r.o, r.about.Origin); err != nil {
		return err
	}
	for a, err := range source.Acts(ctx) {
		if err != nil {
			return err
		}
		if err := r.acts.add(a, r.report.fault); err != nil {
			return err
		}
	}
	r.acts.floor = r.o.Floor
	r.acts.judge(r.report.fault)
	r.check.acts, r.order.bySource = &r.acts, map[string]*written{}
	r.tree = growTree(ctx, source, r)
	defer r.tree.stop()
	if err := r.tree.reached(); err != nil {
		return err
	}
	n := 0
	for item, err := range source.Entries(ctx) {
		if errors.As(err, &disturbed{}) && !r.check.missing {
			continue // it was read before it was destroyed
		}
		if err != nil {
			return err
		}
		if err := r.item(&item); err != nil {
			return err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return r.end()
}

// head says first whether what the rest is held against is the log's own.
func (r *run) head() {
	if h := r.about.Head; h != nil && r.o.Head != nil && r.o.Head(*h) != nil {
		r.report.fault(&Fault{Status: Tamper, Index: -1, End: -1,
			What: "the log's head does not have its MAC: entries at its end may have been put in by hand"})
	}
}

// item takes what comes next.
func (r *run) item(it *Item) error {
	index := r.tree.size()
	switch {
	case it.Stray:
		wrong := [][]byte{it.Leaf}
		for i := range it.Sealed {
			wrong = append(wrong, bytesOf(&it.Sealed[i].Segment)...)
		}
		r.report.fault(Tampered(it.Index, "index %d: something is stored where the log has no entry", it.Index).of(wrong...))
		return nil
	case it.Index != index:
		return Malformed("entry %d comes where entry %d is due", it.Index, index)
	case it.Omitted > 0:
		return r.omitted(it)
	case it.Hash != nil:
		return r.foreign(it)
	case it.Leaf == nil:
		r.report.fault(Tampered(index, "entry %d is missing", index))
		return r.tree.leaf(nil)
	}
	r.entry(it)
	return r.tree.leaf(tree.LeafHash(it.Leaf))
}

// entry checks a whole entry.
func (r *run) entry(it *Item) {
	r.report.Entries++
	l := &r.check.leaf
	if err := l.Read(it.Leaf); err != nil {
		r.report.fault(Tampered(it.Index, "entry %d cannot be read: %v", it.Index, err))
		return
	}
	r.order.follows(it.Index, l, &r.report)
	if l.Act {
		r.acts.seen(it, &r.report)
	}
	if own := it.Index >= r.about.From && it.Index < r.about.To && r.isOwn(l.Tenant); !own && !l.Act {
		r.report.fault(Tampered(it.Index, "entry %d is none of this part of the log", it.Index))
	}
	r.check.entry(it, &r.report)
}

func (r *run) isOwn(tenant []byte) bool {
	return r.about.Tenant == nil || bytes.Equal(tenant, r.about.Tenant)
}

// foreign takes an entry of another tenant by its hash.
func (r *run) foreign(it *Item) error {
	if r.about.Tenant == nil {
		r.report.fault(Tampered(it.Index, "entry %d is missing, and only its hash is there", it.Index))
	}
	if len(it.Hash) != tree.HashSize {
		return Malformed("entry %d: a hash of %d bytes", it.Index, len(it.Hash))
	}
	r.report.Foreign++
	r.order.skipped(1)
	return r.tree.leaf(slices.Clone(it.Hash))
}

// omitted takes entries that lie outside of the part.
func (r *run) omitted(it *Item) error {
	if end := it.Index + it.Omitted; end < it.Index || it.Index < r.about.To && end > r.about.From {
		r.report.fault(&Fault{Status: Tamper, Index: it.Index, End: max(end, it.Index+1), What: "entries of this part of the log are left out"})
	}
	r.report.Omitted += it.Omitted
	r.order.skipped(it.Omitted)
	return r.tree.omitted(it.Omitted, it.Hashes)
}

// end holds what came against what was claimed.
func (r *run) end() error {
	r.report.Sources = len(r.order.bySource)
	if err := r.tree.end(); err != nil {
		return err
	}
	size := r.tree.size()
	if size != r.about.Size {
		first, last := min(size, r.about.Size), max(size, r.about.Size)
		r.report.Partial = true
		r.report.fault(&Fault{Status: Tamper, Index: first, End: last, What: "the log is said to have " + entries(r.about.Size) + ", and has " + entries(size)})
	} else {
		r.tree.said(r.about)
	}
	r.acts.unseen(&r.report)
	r.kept.end(size, &r.report)
	return nil
}

// conclude decides what came of it, where nothing was wrong.
func (r *run) conclude() {
	r.kept.tell(r.tree != nil && r.tree.broken, &r.report)
	a := r.report.Anchors
	r.report.Tail = r.report.Size - max(a.Known, a.Witnessed)
	if r.report.Status == OK && (a == (Anchors{}) || r.kept.apart > 0) {
		r.report.Status = Unanchored
	}
	r.report.Shredded, r.report.Classes = r.check.shredded(), r.order.counts()
	r.report.Result = results[r.report.Status]
	r.notes()
}

// notes says what was not checked.
func (r *run) notes() {
	a := r.report.Anchors
	note := func(text string) { r.report.Notes = append(r.report.Notes, text) }
	if r.o.Policy == nil {
		note("signatures were not checked: no policy and no key was given")
	}
	switch {
	case r.kept.apart > 0:
		note(fmt.Sprintf("of the checkpoints that were kept %d could not be held against the log: the entries they end with are left out of this part of it", r.kept.apart))
	case r.report.Status == Unanchored:
		note("UNANCHORED: nothing that was kept apart from the log was given, so it may have been rewritten as a whole")
	}
	if a.Known == 0 && a.Witnessed == 0 && r.report.Status == OK {
		note("receipts fix the entries they are of and no others: keep a checkpoint, or proofs, to fix all that is before them")
	}
	if r.report.Partial {
		note("not all of it was verified: what is wrong kept the rest from being read")
	}
	if r.about.Tenant != nil || r.report.Omitted > 0 {
		note("this is a part of the log: what the other entries are cannot be seen, nor whether one of them belonged here")
	}
}
