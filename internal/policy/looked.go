package policy

import (
	"slices"

	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// scopeAttributes are those of the record that scopes look at.
var scopeAttributes = map[scopeKind][]string{
	scopeOwn: {"owner"}, scopeUnassigned: {"owner"}, scopeCreated: {"created_by"}, scopeAssigned: {"assignees"},
	scopeTeam: {"owner", "teams"}, scopeSubtree: {"owner", "assignees"}, scopeUnit: {"owner", "unit"}, scopeUnitTree: {"owner", "unit"},
	scopeUnitHead: {"unit"}, scopeTerritory: {"territory"}, scopeAccount: {"account"}, scopeContact: {"contacts"},
	scopeShared: {"shares"}, scopeEveryone: {"shares"},
}

// look says what scope and condition of a row look at, and what they find.
func (x *explaining) look(r *model.Reason, g grant) {
	if !x.anyRecord {
		for _, name := range scopeAttributes[g.scope.kind] {
			r.Looked = append(r.Looked, x.looked(name))
		}
	}
	if g.cond == nil {
		return
	}
	r.Condition, r.Holds = g.cond.text, "unknown"
	cond := x.object.condition(g.cond)
	if cond == nil {
		return
	}
	if x.anyRecord {
		r.Holds = "" // it depends on the record
		return
	}
	r.Holds = cond.Eval(x.conditionFacts()).String()
	r.Absent = cond.Absent(x.conditionFacts())
	for _, name := range cond.Fields() {
		if !slices.ContainsFunc(r.Looked, func(l model.Looked) bool { return l.Name == name }) {
			r.Looked = append(r.Looked, x.looked(name))
		}
	}
}

// looked says what is known of an attribute of the record. A value is told if the
// asker sent it, or if it is an id by which the record belongs to somebody and
// the catalogue does not call it personal, sensitive or secured. Whatever else
// is stored stays in the store.
func (x *explaining) looked(name string) model.Looked {
	l := model.Looked{Name: name, State: model.AttributeKnown}
	v, sent := x.record.Attribute(name)
	switch {
	case !sent:
		l.State = model.AttributeNotSent
	case isNone(v):
		l.State = model.AttributeNone
	case !readable(name, v):
		l.State = model.AttributeUnreadable
	case x.mayTell(name) && isShort(v):
		l.Value = v
	}
	return l
}

func (x *explaining) mayTell(name string) bool {
	if _, own := x.record.own[name]; !own {
		if _, sent := x.record.sent[name]; sent {
			return true
		}
		if _, sent := x.record.changes[name]; sent {
			return true
		}
	}
	f := x.fieldEntry(name)
	_, belongs := builtin[name]
	return belongs && f.Class == "" && !f.Secured
}

// isNone tells whether an attribute is known to be none.
func isNone(v any) bool {
	list, isList := v.([]any)
	return v == nil || v == "" || isList && len(list) == 0
}

// readable tells whether an attribute is of the type scopes read it as.
func readable(name string, v any) bool {
	b, known := builtin[name]
	list, isList := v.([]any)
	_, isText := v.(string)
	switch {
	case name == "shares":
		return isList && !slices.ContainsFunc(list, func(e any) bool { _, ok := readShare(e); return !ok })
	case !known:
		return true
	case b.many:
		return isList && !slices.ContainsFunc(list, func(e any) bool { _, ok := e.(string); return !ok })
	}
	return isText
}

// Bounds of values that are told again.
const (
	maxToldText = 256
	maxToldList = 16
)

func isShort(v any) bool {
	switch v := v.(type) {
	case bool, float64:
		return true
	case string:
		return len(v) <= maxToldText
	case []any:
		return len(v) <= maxToldList && !slices.ContainsFunc(v, func(e any) bool { s, ok := e.(string); return !ok || len(s) > maxToldText })
	}
	return false
}

// missedBy says what keeps a grant from reaching, its holder aside.
func (x *explaining) missedBy(g grant) (missed []model.Missed) {
	if x.anyRecord {
		switch ways := g.scope.ways(x.asking); {
		case ways == 0:
			missed = append(missed, model.MissedScope)
		case ways&^x.denied == 0:
			missed = append(missed, model.MissedDenied)
		}
		if !g.mayHold(x.asking) {
			missed = append(missed, x.missedCondition(g.cond.canBe(x.asking, condition.False)))
		}
		return missed
	}
	switch g.scope.reaches(x.asking) {
	case no:
		missed = append(missed, model.MissedScope)
	case unknown:
		missed = append(missed, model.MissedScopeUnknown)
	}
	if g.cond != nil {
		if t := g.cond.eval(x.asking); t != yes {
			missed = append(missed, x.missedCondition(t == no))
		}
	}
	return missed
}

func (x *explaining) missedCondition(isFalse bool) model.Missed {
	if isFalse {
		return model.MissedCondition
	}
	return model.MissedConditionUnknown
}
