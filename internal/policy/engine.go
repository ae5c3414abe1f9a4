package policy

import "rolegate/model"

// engine answers the passes of crm.conf over the rows and role assignments of
// one tenant at one moment. There are two: the index, which answers, and Casbin's
// own enforcer, which is the reference (see casbin.go). Everything else about a
// decision is the same code.
//
// An error means that a pass could not be answered; its verdict denies.
type engine interface {
	// grants is e/m over the p rows: granted, and not taken away. The rule is
	// the first denial that matches, else the first grant.
	grants(a *asking) (verdict, error)
	// restrictions is e2/m2 over the p2 rows. The rule is the first that fails.
	restrictions(a *asking) (verdict, error)
	// assurance is e2/m4 over the p4 rows. The rule is the first that fails.
	assurance(a *asking) (verdict, error)
	// field is one of the passes over the p3 rows that name exactly the field
	// asked for ("*" included).
	field(a *asking, pass FieldPass, field string, access Access) (verdict, error)

	// opens and viewAll are all field passes together: whether a field is open
	// for an access, and what a reader sees of the fields that have a name.
	opens(a *asking, field string, access Access) (bool, error)
	viewAll(a *asking) (*model.Fields, error)
}

// verdict is the outcome of one pass. The zero value denies.
type verdict struct {
	allow bool
	rule  ruleID // the row that decided, or noRule
}

// index is the engine by compiled rows.
type index struct{}

func (index) grants(a *asking) (verdict, error) {
	denial := noRule
	for _, r := range a.at.from {
		if r != nil && len(r.denials) > 0 {
			denial = r.denials.first(a.keys, denial, a.denies)
		}
	}
	if denial != noRule {
		return verdict{rule: denial}, nil
	}
	allowed := noRule
	for _, r := range a.at.from {
		if r != nil && len(r.allows) > 0 {
			allowed = r.allows.first(a.keys, allowed, a.allows)
		}
	}
	return verdict{allowed != noRule, allowed}, nil
}

func (index) restrictions(a *asking) (verdict, error) {
	failed := noRule
	for _, r := range a.at.from {
		if limits := r.limits(); len(limits) > 0 {
			failed = limits.first(a.keys, failed, a.restricts)
		}
	}
	return verdict{failed == noRule, failed}, nil
}

func (index) assurance(a *asking) (verdict, error) {
	failed := noRule
	for _, r := range a.at.from {
		if proofs := r.proofs(); len(proofs) > 0 {
			failed = proofs.first(a.keys, failed, func(what int32) bool { return !a.assured(a.rules.proofs[what]) })
		}
	}
	return verdict{failed == noRule, failed}, nil
}

func (index) field(a *asking, pass FieldPass, field string, access Access) (verdict, error) {
	found := noRule
	for _, o := range [2]*object{a.object, a.rules.any} {
		rows := o.fields.rows[fieldKey{field, access}]
		if rows == nil {
			continue
		}
		l := rows.denials
		switch pass {
		case DeniedToAll:
			l = rows.everyone
		case Opened:
			l = rows.allows
		}
		found = l.first(a.keys, found, func(int32) bool { return true })
	}
	return verdict{(found != noRule) == (pass == Opened), found}, nil
}

func (index) opens(a *asking, field string, access Access) (bool, error) {
	open, others := a.sees(access)
	if i, named := a.sight.table.index[field]; named {
		return open.has(i), nil
	}
	return others, nil
}

func (index) viewAll(a *asking) (*model.Fields, error) {
	if a.rules.nothingAboutFields(a.object) {
		return followsRecord, nil
	}
	read, _ := a.sees(AccessRead)
	unmask, _ := a.sees(AccessUnmask)
	update, _ := a.sees(AccessUpdate)
	return a.rules.fieldViews.get(a.sight.table, read, unmask, update), nil
}

// allows is the test of an allow row: it reaches a record only if its scope and
// its condition surely do.
func (a *asking) allows(what int32) bool {
	if what == everythingGranted && !a.anyRecord {
		return true
	}
	g := a.rules.grants[what]
	if a.anyRecord {
		return g.scope.ways(a)&^a.denied != 0 && g.mayHold(a)
	}
	return g.reaches(a) == yes
}

// denies is the test of a deny row: it reaches a record unless its scope or its
// condition surely does not.
func (a *asking) denies(what int32) bool {
	g := a.rules.grants[what]
	if a.anyRecord { // lesser denials are taken off what grants reach
		return g.scope.kind == scopeAll && g.coversWholly(a)
	}
	return g.reaches(a) != no
}

// restricts is the test of a restriction: its condition does not surely hold.
func (a *asking) restricts(what int32) bool {
	g := a.rules.grants[what]
	if a.anyRecord {
		return !g.mayHold(a)
	}
	return g.reaches(a) != yes
}

// reaches tells whether the record lies in the scope and meets the condition.
func (g grant) reaches(a *asking) truth {
	t := g.scope.reaches(a)
	if g.cond == nil || t == no {
		return t
	}
	return t.and(g.cond.eval(a))
}
