package policy

import (
	"time"

	"rolegate/api/filter"
	"rolegate/internal/policy/condition"
)

// expr is the scope as an expression, exactly where only its truth matters: null
// is unknown then as well as no. Of a denial it is exact in all three values,
// since null is known to be none and a value of another type says nothing.
func (s scope) expr(a *asking, denying bool) filter.Expr {
	x := scopeExpr{denying}
	who, people := a.who, a.people
	var me []string // whoever is no user owns nothing
	if user := who.user(); user != "" {
		me = []string{user}
	}
	switch s.kind {
	case scopeAll:
		return filter.Expr{Op: filter.True}
	case scopeOwn:
		return x.one("user", "owner", me)
	case scopeCreated:
		return x.one("user", "created_by", me)
	case scopeAssigned:
		return x.list("user", "assignees", me)
	case scopeUnassigned:
		return anyOf(notOf(present("owner")), filter.Expr{Op: filter.Equal, Field: "owner", Type: filter.String, Value: ""})
	case scopeTeam:
		return anyOf(x.one("user", "owner", me), x.list("team", "teams", who.teams))
	case scopeSubtree:
		ids, cut := people.reporting.under(who.user(), s.depth, a.mostIDs)
		reports := spelled("user", ids, cut)
		return anyOf(x.among("owner", reports), x.overlaps("assignees", reports))
	case scopeUnit:
		var unit []string
		if who.unit != "" {
			unit = []string{who.unit}
		}
		return anyOf(x.one("user", "owner", me), x.one("unit", "unit", unit))
	case scopeUnitTree:
		return anyOf(x.one("user", "owner", me), x.below(a, "unit", people.units, who.unit))
	case scopeUnitHead:
		return x.below(a, "unit", people.units, people.headed[who.user()]...)
	case scopeTerritory:
		return x.below(a, "territory", people.territories, who.extra().territories...)
	case scopeAccount:
		return x.one("account", "account", who.extra().accounts)
	case scopeContact:
		var contact []string
		if id := who.extra().contact; id != "" {
			contact = []string{id}
		}
		return x.list("contact", "contacts", contact)
	case scopeShared:
		to := append([]string{who.key}, a.keys.roles...)
		for _, team := range who.teams {
			to = append(to, teamPrefix+team)
		}
		return x.shared(a, to)
	case scopeEveryone:
		return x.shared(a, []string{everything})
	}
	return filter.Expr{Op: filter.Unknown} // reaches nothing
}

// scopeExpr writes the parts of a scope.
type scopeExpr struct{ denying bool }

// one is true where a column names one of the ids.
func (x scopeExpr) one(kind, field string, ids []string) filter.Expr {
	return x.among(field, spelled(kind, ids, false))
}

// below is true where the column of this kind of thing names a root or what is
// below one.
func (x scopeExpr) below(a *asking, kind string, f *forest, roots ...string) filter.Expr {
	ids, cut := f.underAny(roots, a.mostIDs)
	return x.among(kind, spelled(kind, ids, cut))
}

// list is true where a column lists one of the ids.
func (x scopeExpr) list(kind, field string, ids []string) filter.Expr {
	return x.overlaps(field, spelled(kind, ids, false))
}

// spelled is the value to find the ids in a column by, in either spelling; none
// can be made of a list that was cut.
func spelled(kind string, ids []string, cut bool) any {
	if cut {
		return condition.Cut{}
	}
	return condition.Spellings(kind+":", ids...)
}

func (x scopeExpr) among(field string, spellings any) filter.Expr {
	return x.exact(field, filter.Expr{Op: filter.In, Field: field, Type: filter.String, Value: spellings})
}

func (x scopeExpr) overlaps(field string, spellings any) filter.Expr {
	return x.exact(field, filter.Expr{Op: filter.Any, Field: field, Type: filter.String, Value: spellings})
}

func (x scopeExpr) shared(a *asking, to []string) filter.Expr {
	s := &filter.Share{To: to, Action: a.at.action, At: a.now.UTC().Format(time.RFC3339Nano)}
	return x.exact("shares", filter.Expr{Op: filter.Shared, Field: "shares", Share: s})
}

// exact makes null no, where it matters that it is not unknown.
func (x scopeExpr) exact(field string, e filter.Expr) filter.Expr {
	if !x.denying {
		return e
	}
	return allOf(present(field), e)
}

func present(field string) filter.Expr { return filter.Expr{Op: filter.Present, Field: field} }
