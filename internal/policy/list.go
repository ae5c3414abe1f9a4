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

// rowList is rows of one kind for one object and action, in document order. A long
// one is also ordered by subject, so that what somebody matches is found by
// what they are instead of by going through all rows.
type rowList struct {
	rows      []rowRef
	bySubject []int32 // places in entries, by subject and then by order; nil for a short list
}

// longList is the length from which a list is ordered by subject, too.
const longList = 256

func (l *rowList) finish() {
	l.rows = slices.Clip(l.rows)
	if len(l.rows) < longList {
		return
	}
	l.bySubject = make([]int32, len(l.rows))
	for i := range l.bySubject {
		l.bySubject[i] = int32(i)
	}
	slices.SortFunc(l.bySubject, func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.rows[a].subject, l.rows[b].subject), cmp.Compare(a, b))
	})
}

// first gives the first row before a bound whose subject the holder is and that
// matches; the bound where there is none.
func (l *rowList) first(h *holder, bound ruleID, matches func(what int32) bool) ruleID {
	if l.bySubject == nil {
		for i := range l.rows {
			e := &l.rows[i]
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
		for i := l.start(id); i < len(l.bySubject); i++ {
			e := &l.rows[l.bySubject[i]]
			if e.subject != id || e.rule >= bound {
				break
			}
			if matches(e.what) {
				bound = e.rule
				break
			}
		}
	}
	return bound
}

// each calls do for every row whose subject the holder is.
func (l *rowList) each(h *holder, do func(*rowRef)) {
	if l.bySubject == nil {
		for i := range l.rows {
			if e := &l.rows[i]; h.has(e.subject) {
				do(e)
			}
		}
		return
	}
	for _, id := range h.ids {
		for i := l.start(id); i < len(l.bySubject); i++ {
			e := &l.rows[l.bySubject[i]]
			if e.subject != id {
				break
			}
			do(e)
		}
	}
}

// start is where a subject's rows begin in a long list.
func (l *rowList) start(id subjectID) int {
	i, _ := slices.BinarySearchFunc(l.bySubject, id, func(i int32, id subjectID) int {
		return cmp.Compare(l.rows[i].subject, id)
	})
	return i
}
