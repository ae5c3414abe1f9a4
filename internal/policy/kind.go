package policy

import (
	"rolegate/api/filter"
	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// permissionKind is the kind of what a question without a record was answered: the
// kind its list filter has. The asking stands at the action of the question.
func (a *asking) permissionKind(d *model.Decision) model.PermissionKind {
	switch {
	case !d.Allow && d.Code != model.ReasonStepUp:
		if a.shared(d.Code) {
			return model.PermittedConditionally
		}
		return model.PermittedNever
	case a.always():
		return model.PermittedAlways
	}
	return model.PermittedConditionally
}

// shared tells whether a question without a record, which is denied by a code, lets
// through what is shared all the same: shares live on records, so only a list
// filter knows of them. A filter that cannot be made lets something through.
func (a *asking) shared(code model.Code) bool {
	if code != model.ReasonNotGranted && code != model.ReasonRequiredAction || !a.grantsShared(a.at) {
		return false
	}
	l, err := a.Snapshot.Filter(a.q, a.in, sharedIDs)
	return err != nil || l.Filter.Kind != filter.Never || l.Code == model.ReasonStepUp
}

// sharedIDs bounds the lists of a filter that is only asked whether it is never.
const sharedIDs = 1

// grantsShared tells whether a row about the action, or one it requires, grants
// what is shared.
func (a *asking) grantsShared(at target) (some bool) {
	for _, r := range at.from {
		if r != nil {
			r.allows.each(a.keys, func(e *rowRef) {
				kind := a.rules.grants[e.what].scope.kind
				some = some || kind == scopeShared || kind == scopeEveryone
			})
		}
	}
	for _, required := range at.requires() {
		some = some || a.grantsShared(a.rules.target(a.object.name, required))
	}
	return some
}

// always tells whether a question without a record, which is allowed, would be
// allowed about every record a list can have.
func (s *Snapshot) always(q *model.Question, in *Inputs) bool {
	a := asking{Snapshot: s, q: q, in: in, engine: index{}, now: in.Now}
	return a.admit() == model.ReasonAllowed && a.always()
}

// always tells whether the action and all it requires reach every record there
// can be whose attributes are known, as a list's columns are.
func (a *asking) always() bool {
	asked := a.at
	defer func() { a.at = asked }()
	if !a.reachesAll() {
		return false
	}
	for _, required := range asked.requires() {
		if a.at = a.rules.target(a.object.name, required); !a.reachesAll() {
			return false
		}
	}
	return true
}

// reachesAll tells whether the action at hand is granted whatever the record, and
// neither a denial nor a restriction can take that away.
func (a *asking) reachesAll() bool {
	granted, open := false, true
	for _, r := range a.at.from {
		if r == nil {
			continue
		}
		r.allows.each(a.keys, func(e *rowRef) {
			g := a.rules.grants[e.what]
			granted = granted || g.scope.kind == scopeAll && g.surelyHolds(a)
		})
		r.denials.each(a.keys, func(e *rowRef) { open = open && a.rules.grants[e.what].isVoid(a) })
		r.limits().each(a.keys, func(e *rowRef) { open = open && a.rules.grants[e.what].surelyHolds(a) })
	}
	return granted && open
}

// surelyHolds tells whether the condition is true of every record.
func (g grant) surelyHolds(a *asking) bool {
	return g.cond == nil || !g.cond.canBe(a, condition.False) && !g.cond.canBe(a, condition.Unknown)
}

// isVoid tells whether a denial denies no record: its condition is false whatever
// the record. One whose scope compares what the subject lacks is not void: it
// denies a record whose attribute says nothing.
func (g grant) isVoid(a *asking) bool {
	return g.cond != nil && !g.cond.canBe(a, condition.True) && !g.cond.canBe(a, condition.Unknown)
}
