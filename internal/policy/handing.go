package policy

import (
	"context"
	"slices"
	"strings"
	"time"

	"rolegate/internal/policy/condition"
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
// whose condition may ask for the role, the team or the user gives by it what it
// allows, and what it no longer takes. What a p4 row asks is left out: it says how sure we must be, and not
// what may be done. So are records that were shared with a role by its name: the
// policy does not know them.
//
// The person's roles are those of a moment, held; zero is now.
func (s *Service) Handing(ctx context.Context, tenant string, revision int64, person, given string, held time.Time) (Handing, error) {
	_, c, err := s.compares(ctx, tenant, revision, person, held)
	if err != nil {
		return HandingAdministers, err
	}
	return c.handing(c.closed(given)), nil
}

// comparison is of what is given with what a person has who gives it.
type comparison struct {
	rows     []Row
	mine     map[string]bool // subjects of rows that are the person's
	inherits inheritance
	catalog  *Catalog // nil for none
}

// compares begins a comparison with what a person has at a moment, zero for now.
func (s *Service) compares(ctx context.Context, tenant string, revision int64, person string, held time.Time) (*View, *comparison, error) {
	view, err := s.viewAt(ctx, tenant, revision)
	if err != nil {
		return nil, nil, err
	}
	doc, err := parseKept(view.rules.text, nil)
	if err != nil {
		return nil, nil, err
	}
	m := view.people.find("user", person)
	if m == nil {
		return nil, nil, model.Errorf(model.CodeForbidden, "nobody of that name is registered")
	}
	if held.IsZero() {
		held = s.Now()
	}
	c := &comparison{rows: doc.Rows, mine: map[string]bool{everything: true, m.key: true}, inherits: view.rules.inherits, catalog: view.rules.catalog}
	for _, team := range m.teams {
		c.mine[teamPrefix+team] = true
	}
	for _, r := range view.RolesOf(m.key, held) {
		c.mine[r] = true
	}
	return view, c, nil
}

// closed are subjects of rows and the roles that they inherit.
func (c *comparison) closed(subjects ...string) map[string]bool {
	all := map[string]bool{}
	for _, r := range c.inherits.closure(subjects) {
		all[r] = true
	}
	return all
}

// handing compares what is given.
func (c *comparison) handing(given map[string]bool) Handing {
	return c.compare(given, func(*Row) bool { return true })
}

// compare compares those rows of what is given that count.
func (c *comparison) compare(given map[string]bool, counts func(*Row) bool) Handing {
	rows, mine := c.rows, c.mine
	lacking := func(subject string) bool { return kindOnly(subject) || !mine[subject] }
	added := func(subject string) bool {
		if !kindOnly(subject) {
			return given[subject] && !mine[subject]
		}
		for key := range given { // some of the kind that the person is not
			if strings.HasPrefix(key, subject) && !mine[key] {
				return true
			}
		}
		return false
	}
	asks := asksOf(rows)
	var have, bound []*Row
	for i := range rows {
		r := &rows[i]
		subject := r.Cells[colSubject]
		switch {
		case r.Kind == Assurance:
		case r.allows() && mine[subject]:
			if !slices.ContainsFunc(asks[i], lacking) {
				have = append(have, r)
			}
		case !r.allows() && mine[subject] && !given[subject] && subject != everything:
			bound = append(bound, r)
		}
	}
	handing := HandingNothing
	for i := range rows {
		r := &rows[i]
		if !(given[r.Cells[colSubject]] && r.allows()) && !slices.ContainsFunc(asks[i], added) || !counts(r) {
			continue
		}
		within := r.allows() && slices.ContainsFunc(have, func(h *Row) bool { return h.covers(r) && !c.secures(h, r) }) &&
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

// kindOnly tells the subjects that a condition asks for where it may come to any.
func kindOnly(subject string) bool { return strings.HasSuffix(subject, ":") }

// asksOf lists for each row whom its condition asks for (condition.AsksFor).
func asksOf(rows []Row) [][]string {
	asks, met := make([][]string, len(rows)), map[string][]string{}
	for i := range rows {
		text := rows[i].condition()
		if !strings.Contains(text, "user") { // by whatever spelling, it is not about who asks
			continue
		}
		subjects, known := met[text]
		if !known {
			subjects = anybody
			if c, err := condition.Compile(text, nil); err == nil {
				subjects = c.AsksFor()
			}
			met[text] = subjects
		}
		asks[i] = subjects
	}
	return asks
}

// anybody is whom a condition may ask for that nobody can read.
var anybody = []string{model.RolePrefix, teamPrefix, "user:"}

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

// secures tells whether a rule for all fields does not open the field of another rule,
// since only one that names it does.
func (c *comparison) secures(all, one *Row) bool {
	if c.catalog == nil || one.Kind != FieldRule || all.Cells[colField] != everything || one.Cells[colField] == everything {
		return false
	}
	for name, o := range c.catalog.Objects {
		if on := one.Cells[colObject]; (on == name || on == everything) && o.Fields[one.Cells[colField]].Secured {
			return true
		}
	}
	return false
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
