package policy

import (
	"context"
	"slices"

	"rolegate/model"
)

// Handing says how far the rights of a role go beyond those of the person who is
// to give it to somebody.
type Handing uint8

const (
	// HandingAdministers: the role administers Rolegate in a way the person does
	// not. It is never theirs to give.
	HandingAdministers Handing = iota
	// HandingBeyond: the role reaches records or fields that the person's own rows
	// do not.
	HandingBeyond
	// HandingWithin: each right of the role is one the person has too, or has wider.
	HandingWithin
)

// Handing compares the rows of a role, with all it inherits, with the rows of a
// person: their own, their roles' and teams' and those for everybody.
//
// It errs on the side of "beyond". A grant is within if the person has the same
// one, or one without its bounds: the object or action may be *, the scope all,
// the condition none. Relative scopes are compared by name: who may read what they
// own may let others read what those own. A row that takes something from the
// person and not from the role makes all it touches beyond. What a p4 row asks is
// left out: it says how sure we must be, and not what may be done.
func (s *Service) Handing(ctx context.Context, tenant string, revision int64, person, role string) (Handing, error) {
	view, err := s.viewAt(ctx, tenant, revision)
	if err != nil {
		return HandingAdministers, err
	}
	doc, err := parseKept(view.rules.text, nil)
	if err != nil {
		return HandingAdministers, err
	}
	m := view.people.find("user", person)
	if m == nil {
		return HandingAdministers, model.Errorf(model.CodeForbidden, "nobody of that name is registered")
	}
	mine := map[string]bool{everything: true, m.key: true}
	for _, team := range m.teams {
		mine[teamPrefix+team] = true
	}
	for _, r := range view.RolesOf(m.key, s.Now()) {
		mine[r] = true
	}
	given := map[string]bool{}
	for _, r := range inheritance(view.rules.inherits).closure([]string{model.RolePrefix + role}) {
		given[r] = true
	}
	return compareRows(doc.Rows, mine, given), nil
}

func compareRows(rows []Row, mine, given map[string]bool) Handing {
	var have, bound []*Row
	for i := range rows {
		r := &rows[i]
		subject := r.Cells[colSubject]
		switch {
		case r.Kind == Assurance:
		case r.allows() && mine[subject]:
			have = append(have, r)
		case !r.allows() && mine[subject] && !given[subject] && subject != everything:
			bound = append(bound, r)
		}
	}
	handing := HandingWithin
	for i := range rows {
		r := &rows[i]
		if !given[r.Cells[colSubject]] || !r.allows() {
			continue
		}
		within := slices.ContainsFunc(have, func(h *Row) bool { return h.covers(r) }) &&
			!slices.ContainsFunc(bound, func(d *Row) bool { return d.touches(r) })
		object := r.Cells[colObject]
		switch {
		case within:
		case r.Kind == Grant && (ownObject(object) || object == everything):
			return HandingAdministers
		default:
			handing = HandingBeyond
		}
	}
	return handing
}

// allows tells the rows that give something.
func (r *Row) allows() bool {
	switch r.Kind {
	case Grant:
		return r.Cells[colEffect] == allow
	case FieldRule:
		return r.Cells[colVerdict] == allow
	}
	return false
}

// covers tells whether a row gives all that another gives.
func (r *Row) covers(other *Row) bool {
	wide := func(column int, all string) bool {
		return r.Cells[column] == all || r.Cells[column] == other.Cells[column]
	}
	if r.Kind != other.Kind || !wide(colObject, everything) || !wide(colAction, everything) { // colAction is colField
		return false
	}
	if r.Kind == FieldRule {
		return r.Cells[colAccess] == other.Cells[colAccess]
	}
	return wide(colScope, "all") && wide(colCond, "")
}

// touches tells whether a row that takes something away may take it from what
// another gives. A field rule touches whatever is given of its object.
func (r *Row) touches(other *Row) bool {
	meet := func(column int) bool {
		a, b := r.Cells[column], other.Cells[column]
		return a == b || a == everything || b == everything
	}
	return meet(colObject) && (r.Kind == FieldRule || other.Kind == FieldRule || meet(colAction))
}
