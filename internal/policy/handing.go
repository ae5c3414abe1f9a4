package policy

import (
	"context"
	"regexp"
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
	// HandingNothing: there is no right in it.
	HandingNothing
)

// Handing compares the rows of what is given with the rows of the person who gives:
// their own, their roles' and teams' and those for everybody. What is given is
// "role:boss" with all it inherits, or the rows somebody has by themselves or by a
// team: "user:ann", "team:emea".
//
// It errs on the side of "beyond". A grant is within if the person has the same
// one, or one without its bounds: the object or action may be *, the scope all,
// the condition none. Relative scopes are compared by name: who may read what they
// own may let others read what those own. A row that takes something from the
// person and not from the role makes all it touches beyond. A row of anybody's
// whose condition may ask for the role gives by it what it allows, and what it no
// longer takes. What a p4 row asks is left out: it says how sure we must be, and not
// what may be done. So are records that were shared with a role by its name: the
// policy does not know them.
func (s *Service) Handing(ctx context.Context, tenant string, revision int64, person, given string) (Handing, error) {
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
	all := map[string]bool{}
	for _, r := range inheritance(view.rules.inherits).closure([]string{given}) {
		all[r] = true
	}
	return compareRows(doc.Rows, mine, all), nil
}

func compareRows(rows []Row, mine, given map[string]bool) Handing {
	lacking := func(role string) bool { return !mine[role] }
	added := func(role string) bool { return given[role] && !mine[role] }
	adds := false // some role that the person has not got
	for key := range given {
		if _, isRole := roleID(key); isRole && added(key) {
			adds = true
		}
	}
	var have, bound []*Row
	for i := range rows {
		r := &rows[i]
		subject := r.Cells[colSubject]
		switch {
		case r.Kind == Assurance:
		case r.allows() && mine[subject]:
			if !r.asksFor(lacking, true) {
				have = append(have, r)
			}
		case !r.allows() && mine[subject] && !given[subject] && subject != everything:
			bound = append(bound, r)
		}
	}
	handing := HandingNothing
	for i := range rows {
		r := &rows[i]
		if !(given[r.Cells[colSubject]] && r.allows()) && !r.asksFor(added, adds) {
			continue
		}
		within := r.allows() && slices.ContainsFunc(have, func(h *Row) bool { return h.covers(r) }) &&
			!slices.ContainsFunc(bound, func(d *Row) bool { return d.touches(r) })
		object := r.Cells[colObject]
		switch {
		case within:
			handing = min(handing, HandingWithin)
		case r.Kind != FieldRule && (ownObject(object) || object == everything):
			return HandingAdministers
		default:
			handing = HandingBeyond
		}
	}
	return handing
}

// A condition asks for roles by their names, as in 'role:boss' in user.roles, or in
// ways that may come to any.
var (
	asksByName = regexp.MustCompile(`['"](role:[^'"\\]+)['"]\s+in\s+user\.roles\b`)
	asksForAny = regexp.MustCompile(`\broles\b`)
)

// asksFor tells whether the row's condition may ask for one of these roles; any is
// the answer where it may ask for any role at all.
func (r *Row) asksFor(these func(role string) bool, any bool) bool {
	rest := r.condition()
	if rest == "" {
		return false
	}
	for _, m := range asksByName.FindAllStringSubmatch(rest, -1) {
		if these(m[1]) {
			return true
		}
	}
	rest = asksByName.ReplaceAllString(rest, "")
	return any && asksForAny.MatchString(rest)
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
