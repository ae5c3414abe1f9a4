package verify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/skim"
)

// acts are all acts of the log, and what the valid ones have destroyed. They are
// known before the entries stream by, so that of each segment it can be told at
// once whether it must be there; each is then met again in the stream, byte for
// byte, or was no entry of the log.
type acts struct {
	all      []*act           // by index
	next     int              // the one to be met next
	answers  map[int64][]*act // to a request, or to a hold, by its index
	standing []*act           // approvals of standing policies

	floor time.Duration // what is sealed is not to be destroyed sooner

	byRef     map[string][]*act // executions, by index
	byEpoch   map[epoch][]*act
	bySegment map[audit.Segment][]*act
	holds     []hold
}

// act is an entry's act.
type act struct {
	index int64
	sum   [sha256.Size]byte // of the leaf
	leaf  audit.Leaf
	act   *audit.Act
	fault string // of an execution: why it is none
}

type epoch struct{ tenant, epoch string }

// hold keeps what is in its scope from being destroyed.
type hold struct {
	*act
	until int64 // index at which it is lifted
}

// add takes the next act. One that cannot be read is a fault, and counts as none: the
// error is of a list that cannot be gone on with, since one entry that was altered
// must not keep all others from being verified.
func (a *acts) add(e ActEntry, fault func(*Fault)) error {
	if len(a.all) > 0 && e.Index <= a.all[len(a.all)-1].index {
		return Malformed("the acts are not in order")
	}
	l, err := audit.Decode(e.Leaf)
	said := l.Act
	switch {
	case err != nil:
		fault(Tampered(e.Index, "entry %d is an act that cannot be read: %v", e.Index, err))
	case said == nil:
		fault(Tampered(e.Index, "entry %d is listed as an act, and is none", e.Index))
	}
	if said == nil {
		said = &audit.Act{}
	}
	if l.Outcome != audit.OutcomeOK && said.Kind != audit.EraseRefused {
		said = &audit.Act{} // it was tried, and did not come about
	}
	added := &act{index: e.Index, sum: sha256.Sum256(e.Leaf), leaf: l, act: said}
	a.all = append(a.all, added)
	if said.Request != nil {
		if a.answers == nil {
			a.answers = map[int64][]*act{}
		}
		a.answers[*said.Request] = append(a.answers[*said.Request], added)
	}
	if said.Kind == audit.RetentionApproved {
		a.standing = append(a.standing, added)
	}
	return nil
}

// seen meets an act in the stream.
func (a *acts) seen(it *Item, r *Report) {
	for ; a.next < len(a.all) && a.all[a.next].index < it.Index; a.next++ {
		a.lost(r)
	}
	if a.next == len(a.all) || a.all[a.next].index != it.Index {
		r.fault(Tampered(it.Index, "entry %d is an act, and is not listed as one", it.Index))
		return
	}
	if a.all[a.next].sum != sha256.Sum256(it.Leaf) {
		r.fault(Tampered(it.Index, "entry %d is another act than the one listed", it.Index))
	}
	a.next++
}

// unseen looks for acts that were no entries.
func (a *acts) unseen(r *Report) {
	for ; a.next < len(a.all); a.next++ {
		a.lost(r)
	}
}

func (a *acts) lost(r *Report) {
	i := a.all[a.next].index
	r.fault(Tampered(i, "entry %d is listed as an act, and is no entry of the log", i))
}

// judge finds out which executions count. Those that do not are faults.
func (a *acts) judge(fault func(*Fault)) {
	a.byRef, a.byEpoch, a.bySegment = map[string][]*act{}, map[epoch][]*act{}, map[audit.Segment][]*act{}
	for _, e := range a.all {
		switch e.act.Kind {
		case audit.HoldSet:
			a.holds = append(a.holds, hold{e, a.lifted(e)})
			continue
		case audit.EraseExecuted:
			e.fault = a.erasure(e)
		case audit.RetentionExecuted:
			e.fault = a.retention(e)
		default:
			continue
		}
		if e.fault != "" {
			fault(Tampered(e.index, "entry %d: sealed data was destroyed against the rules: %s", e.index, e.fault))
			if e.act.Scope == nil {
				continue
			}
		}
		for _, ref := range e.act.Scope.Refs {
			a.byRef[string(ref)] = append(a.byRef[string(ref)], e)
		}
		for _, m := range e.act.Scope.Epochs {
			k := epoch{string(m.Tenant), m.Epoch}
			a.byEpoch[k] = append(a.byEpoch[k], e)
		}
		for _, s := range e.act.Scope.Segments {
			a.bySegment[s] = append(a.bySegment[s], e)
		}
	}
}

// destroying is the valid act by which the segment must be gone; nil for none. Of a
// segment that is gone, the act must be a later entry; one that is there must not
// have come under a destroyed key either.
func (a *acts) destroying(index int64, place int, l *skim.Leaf, ref *skim.SegRef, later bool) *act {
	return a.covering(index, place, l.Tenant, ref, func(e *act) bool {
		return e.fault == "" && (!later || e.index > index) && !a.young(e, index, l) && a.held(e, index, place, l.Tenant, ref) == nil
	})
}

// young tells whether an entry was not old enough when an act was executed.
func (a *acts) young(e *act, index int64, l *skim.Leaf) bool {
	return index < e.index && e.leaf.Time-l.Time < a.floor.Microseconds()
}

func (a *acts) covering(index int64, place int, tenant []byte, ref *skim.SegRef, ok func(*act) bool) *act {
	if len(a.byRef)+len(a.byEpoch)+len(a.bySegment) == 0 {
		return nil
	}
	may := func(e *act) bool {
		return (len(e.leaf.Tenant) == 0 || bytes.Equal(e.leaf.Tenant, tenant)) && ok(e)
	}
	for _, of := range [][]*act{a.byRef[string(ref.Ref)], a.byEpoch[epoch{string(tenant), string(ref.Epoch)}], a.bySegment[audit.Segment{Index: index, Place: place}]} {
		if i := slices.IndexFunc(of, may); i >= 0 {
			return of[i]
		}
	}
	return nil
}

// held is the hold that kept a segment when an act was executed.
func (a *acts) held(e *act, index int64, place int, tenant []byte, ref *skim.SegRef) *act {
	for _, h := range a.holds {
		if h.index < e.index && e.index < h.until && h.act.act.Scope != nil && (len(h.leaf.Tenant) == 0 || bytes.Equal(h.leaf.Tenant, tenant)) &&
			h.act.act.Scope.Covers(index, place, tenant, audit.SegRef{Ref: ref.Ref, Epoch: string(ref.Epoch)}) {
			return h.act
		}
	}
	return nil
}

// why says of a segment that is missing which act would have covered it.
func (a *acts) why(index int64, place int, l *skim.Leaf, ref *skim.SegRef) (text string) {
	a.covering(index, place, l.Tenant, ref, func(e *act) bool {
		switch h := a.held(e, index, place, l.Tenant, ref); {
		case e.index < index:
			return false
		case e.fault != "":
			text = fmt.Sprintf(" (that of entry %d does not count: %s)", e.index, e.fault)
		case h != nil:
			text = fmt.Sprintf(" (that of entry %d must not, for the hold of entry %d)", e.index, h.index)
		default:
			text = fmt.Sprintf(" (that of entry %d must not: it is kept for %d days, and was %d days old)", e.index, a.floor/day, time.UnixMicro(e.leaf.Time).Sub(time.UnixMicro(l.Time))/day)
		}
		return true
	})
	return text
}

// at is the act of an entry.
func (a *acts) at(index int64) *act {
	i, found := slices.BinarySearchFunc(a.all, index, func(e *act, index int64) int { return cmp.Compare(e.index, index) })
	if !found {
		return nil
	}
	return a.all[i]
}

// executes tells whether an entry's act says that sealed data was destroyed.
func executes(leaf []byte) bool {
	l, err := audit.Decode(leaf)
	return err == nil && l.Act != nil && (l.Act.Kind == audit.EraseExecuted || l.Act.Kind == audit.RetentionExecuted)
}
