package policy

import (
	"cmp"
	"slices"
)

// rowRef is a row in a list: 12 bytes, since there may be millions.
type rowRef struct {
	rule    ruleID
	subject subjectID
	what    int32 // place in ruleset.grants, or for p4 rows in ruleset.proofs
}

// rowList is rows of one kind for one object and action: in document order, or,
// if it is long, by subject and then in document order, so that what somebody
// matches is found by what they are instead of by going through all rows.
type rowList []rowRef

// longList is the length from which a list is ordered by subject.
const longList = 256

func (l rowList) isLong() bool { return len(l) >= longList }

// finished is the list in the order it is searched in, and no larger than it is.
func (l rowList) finished() rowList {
	if len(l) == 0 {
		return nil
	}
	l = slices.Clone(l)
	if l.isLong() {
		slices.SortFunc(l, func(a, b rowRef) int {
			return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.rule, b.rule))
		})
	}
	return slices.Clip(l)
}

// first gives the first row before a bound whose subject the holder is and that
// matches; the bound where there is none.
func (l rowList) first(h *holder, bound ruleID, matches func(what int32) bool) ruleID {
	if !l.isLong() {
		for i := range l {
			e := &l[i]
			if e.rule >= bound {
				break
			}
			if h.has(e.subject) && matches(e.what) {
				return e.rule
			}
		}
		return bound
	}
	for _, id := range h.ids {
		for i := l.start(id); i < len(l) && l[i].subject == id && l[i].rule < bound; i++ {
			if matches(l[i].what) {
				bound = l[i].rule
				break
			}
		}
	}
	return bound
}

// each calls do for every row whose subject the holder is.
func (l rowList) each(h *holder, do func(*rowRef)) {
	if !l.isLong() {
		for i := range l {
			if h.has(l[i].subject) {
				do(&l[i])
			}
		}
		return
	}
	for _, id := range h.ids {
		for i := l.start(id); i < len(l) && l[i].subject == id; i++ {
			do(&l[i])
		}
	}
}

// start is where a subject's rows begin in a long list.
func (l rowList) start(id subjectID) int {
	i, _ := slices.BinarySearchFunc(l, id, func(e rowRef, id subjectID) int { return cmp.Compare(e.subject, id) })
	return i
}
