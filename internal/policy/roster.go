package policy

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rolegate/model"
)

const teamPrefix = "team:"

// roster is everybody of a tenant and how they stand to each other. It knows
// nothing of the policy. Immutable: a change makes another that shares what did
// not change (see with).
type roster struct {
	types      map[string]*table[*member] // subject type → its subjects
	teams      *teamRoles
	mfa        map[string]bool // "role:id" → its holders need a second factor
	attributes int64           // bytes that the members' attributes take, about
	groups
}

// teamRoles are the roles teams carry.
type teamRoles struct {
	number uint64                  // see numbers
	roles  map[string][]assignment // by bare team id
}

func newTeamRoles(roles map[string][]assignment) *teamRoles {
	return &teamRoles{numbers.Add(1), roles}
}

// groups are teams and trees.
type groups struct {
	known       map[string]bool // registered teams, bare ids
	reporting   *forest         // users
	units       *forest
	territories *forest
	headed      map[string][]string // user → units the user heads
}

// find gives a subject, or nil.
func (r *roster) find(typ, id string) *member {
	return r.types[typ].find(id)
}

// findKey is find by "type:id".
func (r *roster) findKey(key string) *member {
	typ, id, _ := strings.Cut(key, ":")
	return r.find(typ, id)
}

// all yields every member, in no order.
func (r *roster) all() iter.Seq[*member] {
	return func(yield func(*member) bool) {
		for _, of := range r.types {
			for m := range of.all() {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// member is a registered subject.
type member struct {
	key      string   // "type:id"
	idAt     int32    // where the id begins in key
	teams    []string // bare ids, sorted
	unit     string   // bare id
	manager  string   // bare id of a user
	roles    []string // held directly and for ever, "role:id"
	disabled bool     // a user who may not log in
	more     *more    // what few have; nil for none

	// bound is what the member may match under one policy: a cache, made anew
	// when policy or team roles are others.
	bound atomic.Pointer[binding]
}

// more is what few members have.
type more struct {
	territories, accounts []string // bare ids, sorted
	contact               string
	attributes            map[string]any
	windowed              []assignment // roles held directly for a time
}

var nothingMore = &more{}

// id is the member's id among those of its type.
func (m *member) id() string { return m.key[m.idAt:] }

// user is the bare id of a user; empty for subjects of other types, which own
// and manage nothing.
func (m *member) user() string {
	if m.idAt != int32(len("user:")) || m.key[:m.idAt] != "user:" {
		return ""
	}
	return m.id()
}

func (m *member) extra() *more { return cmp.Or(m.more, nothingMore) }

func (m *member) inTeam(id string) bool     { return slices.Contains(m.teams, id) }
func (m *member) hasAccount(id string) bool { return slices.Contains(m.extra().accounts, id) }
func (m *member) inTeamKey(key string) bool {
	id, ok := strings.CutPrefix(key, teamPrefix)
	return ok && m.inTeam(id)
}

// Attribute is what is stored of the subject: it is known to have nothing else.
func (m *member) Attribute(name string) (value any, sent bool) {
	return m.extra().attributes[name], true
}

// assignment is a role within a window of time.
type assignment struct {
	role        string // "role:id"
	from, until int64  // nanoseconds since 1970; until is exclusive
}

const (
	always = math.MinInt64
	never  = math.MaxInt64
)

func (a assignment) windowed() bool        { return a.from != always || a.until != never }
func (a assignment) activeAt(t int64) bool { return a.from <= t && t < a.until }

func newAssignment(a model.Assignment) assignment {
	return assignment{role: model.RolePrefix + a.Role, from: nanos(a.From, always), until: nanos(a.Until, never)}
}

// nanos is t as a number, and beyond what fits the end it is beyond of.
func nanos(t time.Time, zero int64) int64 {
	switch {
	case t.IsZero():
		return zero
	case t.Year() < 1700:
		return always
	case t.Year() > 2200:
		return never
	}
	return t.UnixNano()
}

// newRoster reads a directory. Subjects whose key would be ambiguous (see
// nameable) are left out, and with that unknown.
func newRoster(dir model.Directory) *roster {
	r := &roster{types: map[string]*table[*member]{}, teams: newTeamRoles(map[string][]assignment{}), mfa: map[string]bool{}}
	words := interner{}
	for i := range dir.Subjects {
		if s := &dir.Subjects[i]; nameable(s.Type, s.ID) {
			r.table(s.Type).put(newMember(s, words))
			r.attributes += sizeOf(s.Attributes)
		}
	}
	for _, id := range dir.Disabled {
		if m := r.find("user", id); m != nil {
			m.disabled = true
		}
	}
	for _, a := range dir.Assignments {
		r.assign(a, words)
	}
	for _, role := range dir.Roles {
		if role.RequireMFA {
			r.mfa[role.Key()] = true
		}
	}
	for _, office := range model.Offices {
		r.mfa[model.RolePrefix+office] = true
	}
	r.groups = newGroups(dir, r)
	return r
}

// table is the subjects of a type, in a roster that is being made.
func (r *roster) table(typ string) *table[*member] {
	if r.types[typ] == nil {
		r.types[typ] = newTable((*member).id, 0)
	}
	return r.types[typ]
}

// assign gives a role to a subject or team. Roles get roles by the document
// alone, and unregistered members get nothing.
func (r *roster) assign(a model.Assignment, words interner) {
	given := newAssignment(a)
	given.role = words.same(given.role)
	if team, ok := strings.CutPrefix(a.Member, teamPrefix); ok {
		r.teams.roles[team] = append(r.teams.roles[team], given)
		return
	}
	if m := r.findKey(a.Member); m != nil && m.key == a.Member {
		m.hold(given)
	}
}

func newMember(s *model.Subject, words interner) *member {
	m := &member{
		key:     s.Key(),
		idAt:    int32(len(s.Type) + 1),
		teams:   words.bare("team", s.Teams),
		unit:    words.same(bare("unit", s.Unit)),
		manager: words.same(bare("user", s.Manager)),
	}
	if s.Type != "user" {
		m.manager = ""
	}
	if len(s.Territories)+len(s.Accounts)+len(s.Attributes) > 0 || s.Contact != "" {
		m.more = &more{
			territories: words.bare("territory", s.Territories),
			accounts:    words.bare("account", s.Accounts),
			contact:     bare("contact", s.Contact),
			attributes:  s.Attributes,
		}
	}
	return m
}

// hold gives a member that is being made a role.
func (m *member) hold(given assignment) {
	if !given.windowed() {
		m.roles = append(m.roles, given.role)
		return
	}
	if m.more == nil {
		m.more = &more{}
	}
	m.more.windowed = append(m.more.windowed, given)
}

// nameable tells whether a subject's key means that subject and nothing else:
// "role:" and "team:" keys are roles' and teams', and a colon in the type would
// give two subjects one key. The directory refuses such subjects; here they
// are as good as not registered.
func nameable(typ, id string) bool {
	return typ != "" && id != "" && typ != "role" && typ != "team" && !strings.Contains(typ, ":")
}

func newGroups(dir model.Directory, r *roster) groups {
	g := groups{known: map[string]bool{}, headed: map[string][]string{}}
	for _, t := range dir.Teams {
		g.known[bare("team", t.ID)] = true
	}
	units := make(map[string]string, len(dir.Units))
	for _, u := range dir.Units {
		units[u.ID] = bare("unit", u.Parent)
		for _, head := range u.Heads {
			if head = bare("user", head); head != "" {
				g.headed[head] = append(g.headed[head], u.ID)
			}
		}
	}
	g.units = newForest(units)
	territories := make(map[string]string, len(dir.Territories))
	for _, t := range dir.Territories {
		territories[t.ID] = bare("territory", t.Parent)
	}
	g.territories = newForest(territories)
	g.reporting = r.newReporting()
	return g
}

// newReporting numbers the reporting lines.
func (r *roster) newReporting() *forest {
	managers := map[string]string{}
	for m := range r.types["user"].all() {
		if m.manager != "" {
			managers[m.id()] = m.manager
		}
	}
	return newForest(managers)
}

// links yields who is given what in Casbin's g at a moment: subject → role,
// subject → team, team → role. A row whose subject is a team so reaches the
// team's members.
func (r *roster) links(now int64, yield func(member, role string)) {
	for team, given := range r.teams.roles {
		for _, a := range given {
			if a.activeAt(now) {
				yield(teamPrefix+team, a.role)
			}
		}
	}
	for m := range r.all() {
		for _, role := range m.roles {
			yield(m.key, role)
		}
		for _, a := range m.extra().windowed {
			if a.activeAt(now) {
				yield(m.key, a.role)
			}
		}
		for _, team := range m.teams {
			yield(m.key, teamPrefix+team)
		}
	}
}

// requiresMFA tells whether one of the roles is marked, or is an office.
func (r *roster) requiresMFA(roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return r.mfa[role] })
}

// interner gives equal words one string, and equal lists one slice: most people
// share their unit, manager and teams with others.
type interner map[string]any

func (in interner) same(s string) string {
	if s == "" {
		return ""
	}
	if w, met := in[s].(string); met {
		return w
	}
	s = strings.Clone(s)
	in[s] = s
	return s
}

// bare gives the ids without their kind, sorted, without blanks and repeats;
// nil for none.
func (in interner) bare(kind string, list []string) []string {
	if len(list) == 0 {
		return nil
	}
	key := kind + "\x00" + strings.Join(list, "\x00")
	if ids, met := in[key].([]string); met {
		return ids
	}
	ids := make([]string, 0, len(list))
	for _, id := range list {
		if id = bare(kind, id); id != "" {
			ids = append(ids, in.same(id))
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	in[key] = ids
	return ids
}
