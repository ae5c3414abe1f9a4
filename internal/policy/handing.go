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

// Giver is a person who gives, with what they have: what is given, or comes back to
// somebody, is compared with it, as of one revision of the tenant and from memory. Not
// safe for concurrent use.
type Giver struct {
	view     *View
	person   string // bare id
	now      int64
	rows     []Row
	asks     []asked         // what the conditions of the rows ask of who asks
	mine     map[string]bool // subjects of rows that are the person's
	inherits inheritance
	catalog  *Catalog           // nil for none
	named    map[string]bool    // by rows or their conditions
	handed   map[string]Handing // what was asked about already
}

// Giver is a person as of a revision of the tenant at least, with the rows that are their
// own, their roles' and teams' and those for everybody. The roles are those of a moment,
// held; zero is now. Somebody unknown is CodeForbidden.
func (s *Service) Giver(ctx context.Context, tenant string, revision int64, person string, held time.Time) (*Giver, error) {
	view, err := s.viewAt(ctx, tenant, revision)
	if err != nil {
		return nil, err
	}
	doc, err := parseKept(view.rules.text, nil)
	if err != nil {
		return nil, err
	}
	m := view.people.find("user", person)
	if m == nil {
		return nil, model.Errorf(model.CodeForbidden, "nobody of that name is registered")
	}
	now := s.Now()
	if held.IsZero() {
		held = now
	}
	mine := map[string]bool{everything: true, m.key: true}
	for _, team := range m.teams {
		mine[teamPrefix+team] = true
	}
	for _, r := range view.RolesOf(m.key, held) {
		mine[r] = true
	}
	c := newGiver(doc.Rows, mine, view.rules.inherits)
	c.view, c.person, c.now, c.catalog = view, person, now.UnixNano(), view.rules.catalog
	return c, nil
}

// newGiver has rows alone, and knows nobody.
func newGiver(rows []Row, mine map[string]bool, inherits inheritance) *Giver {
	c := &Giver{rows: rows, asks: asksOf(rows), mine: mine, inherits: inherits, named: map[string]bool{}, handed: map[string]Handing{}}
	for i := range rows {
		c.named[rows[i].Cells[colSubject]] = true
		for _, subject := range c.asks[i].subjects {
			c.named[subject] = true
		}
	}
	return c
}

// closed are subjects of rows and the roles that they inherit.
func (c *Giver) closed(subjects ...string) map[string]bool {
	all := map[string]bool{}
	for _, r := range c.inherits.closure(subjects) {
		all[r] = true
	}
	return all
}

// Handing compares the rows of what is given with the person's. What is given is
// "role:boss" with all it inherits, or the rows somebody has by themselves or by a
// team: "user:ann", "team:emea".
//
// It errs on the side of "beyond". A grant is within if the person has the same
// one, or one without its bounds: the object or action may be *, the scope all,
// the condition none. Relative scopes are compared by name: who may read what they
// own may let others read what those own. A row that takes something from the
// person and not from the role makes all it touches beyond. A row of anybody's
// whose condition may ask for the role, the team or the user gives by it what it
// allows, and what it no longer takes. A condition that may no longer hold for what the
// person has beside what is given keeps the right from the person, and one that may come
// to hold for it takes from the person alone. What a p4 row asks is left out: it says how
// sure we must be, and not what may be done. So are records that were shared with a role
// by its name: the policy does not know them.
func (c *Giver) Handing(given string) Handing {
	known := given
	if !strings.HasPrefix(given, model.RolePrefix) && !c.named[given] && !c.mine[given] {
		kind, _, _ := strings.Cut(given, ":")
		known = kind + ":" // no row tells it from others of its kind
	}
	h, met := c.handed[known]
	if !met {
		h = c.compare(part{subjects: c.closed(given), counts: func(int) bool { return true }})
		c.handed[known] = h
	}
	return h
}

// part is what is compared with what a person has.
type part struct {
	subjects map[string]bool
	counts   func(row int) bool
	// whole tells that the subjects are all that somebody has: rows of others do not
	// count, and what a row asks for that neither they nor the person have tells no one
	// of them from the other.
	whole bool
	gone  map[string]bool // what is lost: of rows that ask for it, the person who has it may have nothing
	binds []*Row          // take something from the person, beside those that can be seen to
}

// compare compares those rows of a part that count.
func (c *Giver) compare(p part) Handing {
	rows, mine, given := c.rows, c.mine, p.subjects
	lacking := func(subject string) bool { return kindOnly(subject) || !mine[subject] || p.gone[subject] }
	apart := func(subject string) bool {
		return lacking(subject) && (kindOnly(subject) || mine[subject] || given[subject])
	}
	added := func(subject string) bool { return meets(given, subject, func(key string) bool { return !mine[key] }) }
	keeps := func(subject string) bool { return mine[subject] && !given[subject] } // from the person what others get
	alone := func(subject string) bool { return meets(mine, subject, func(key string) bool { return !given[key] }) }
	var have []*Row
	bound := slices.Clone(p.binds)
	for i := range rows {
		r := &rows[i]
		subject := r.Cells[colSubject]
		switch {
		case r.Kind == Assurance || !mine[subject]:
		case r.allows():
			if !slices.ContainsFunc(c.asks[i].subjects, lacking) && !slices.ContainsFunc(c.asks[i].against, keeps) {
				have = append(have, r)
			}
		case !given[subject] && subject != everything || slices.ContainsFunc(c.asks[i].with, alone):
			bound = append(bound, r)
		}
	}
	handing := HandingNothing
	for i := range rows {
		r := &rows[i]
		subject, object := r.Cells[colSubject], r.Cells[colObject]
		gives := given[subject] && r.allows() || !p.whole && slices.ContainsFunc(c.asks[i].subjects, added)
		if !gives || !p.counts(i) {
			continue
		}
		shared := p.whole && mine[subject] && !slices.ContainsFunc(c.asks[i].subjects, apart) && !slices.ContainsFunc(c.asks[i].against, keeps)
		within := r.allows() && (shared || slices.ContainsFunc(have, func(h *Row) bool { return h.covers(r) && !c.secures(h, r) })) &&
			!slices.ContainsFunc(bound, func(d *Row) bool { return d.touches(r) })
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

// meets tells whether a subject that a condition asks for is one of some keys that count;
// where it may come to any of its kind, whether one of those is.
func meets(keys map[string]bool, subject string, counts func(key string) bool) bool {
	if !kindOnly(subject) {
		return keys[subject] && counts(subject)
	}
	for key := range keys {
		if strings.HasPrefix(key, subject) && counts(key) {
			return true
		}
	}
	return false
}

// kindOnly tells the subjects that a condition asks for where it may come to any.
func kindOnly(subject string) bool { return strings.HasSuffix(subject, ":") }

// asked are the subjects that a condition asks for: those by whom it may come to hold, and
// those by whom it may no longer (condition.AsksFor).
type asked struct{ subjects, with, against []string }

// asksOf is what the condition of each row asks for.
func asksOf(rows []Row) []asked {
	all, met := make([]asked, len(rows)), map[string]asked{}
	for i := range rows {
		text := rows[i].condition()
		if !strings.Contains(text, "user") { // by whatever spelling, it is not about who asks
			continue
		}
		a, known := met[text]
		if !known {
			a = asked{with: anybody, against: anybody}
			if c, err := condition.Compile(text, nil); err == nil {
				a.with, a.against = c.AsksFor()
			}
			a.subjects = slices.Concat(a.with, a.against)
			met[text] = a
		}
		all[i] = a
	}
	return all
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
func (c *Giver) secures(all, one *Row) bool {
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
