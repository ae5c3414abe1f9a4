package policy

import (
	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// permissionKind is the kind of what a question without a record was answered: the
// kind its list filter has. The asking stands at the action of the question.
func (a *asking) permissionKind(d *model.Decision) model.PermissionKind {
	switch {
	case !d.Allow && d.Code != model.ReasonStepUp:
		return model.PermittedNever
	case a.always():
		return model.PermittedAlways
	}
	return model.PermittedConditionally
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

// isVoid tells whether a denial denies no record: the subject lacks what its scope
// compares, or its condition is false whatever the record.
func (g grant) isVoid(a *asking) bool {
	if g.cond != nil && !g.cond.canBe(a, condition.True) && !g.cond.canBe(a, condition.Unknown) {
		return true
	}
	return g.scope.ways(a) == 0 && g.scope.kind != scopeShared && g.scope.kind != scopeEveryone
}
