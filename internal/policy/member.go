package policy

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"rolegate/model"
)

const teamPrefix = "team:"

// member is a registered subject, in place: its teams, trees and effective
// roles at the time the snapshot was made.
type member struct {
	key         string // "type:id"
	user        string // the bare id of a user; empty for subjects of other types, which own and manage nothing
	teams       []string
	unit        string
	territories []string
	accounts    []string
	contact     string
	direct      []string // role keys assigned to the subject itself
	roles       []string // role keys held directly, by team or by inheritance; sorted, shared, never written
}

func (m *member) inTeam(id string) bool     { return slices.Contains(m.teams, id) }
func (m *member) hasAccount(id string) bool { return slices.Contains(m.accounts, id) }
func (m *member) hasRole(key string) bool   { _, ok := slices.BinarySearch(m.roles, key); return ok }
func (m *member) inTeamKey(key string) bool {
	id, ok := strings.CutPrefix(key, teamPrefix)
	return ok && m.inTeam(id)
}

// answersTo tells whether rows of the given subject apply to the member, as
// g(r.sub, p.sub) and the star do for Casbin.
func (m *member) answersTo(rowSubject string) bool {
	return rowSubject == everything || rowSubject == m.key || m.hasRole(rowSubject) || m.inTeamKey(rowSubject)
}

// roster is everybody of a tenant, with the assignments active at one moment.
type roster struct {
	members    map[string]*member
	teamRoles  map[string][]string // bare team id → role keys
	validUntil time.Time           // when the next window opens or closes; zero: never
}

// newRoster indexes the directory as of now. Subjects whose key would be
// ambiguous (see nameable) are left out, and with that unknown.
func newRoster(dir model.Directory, links []RoleLink, now time.Time) *roster {
	r := &roster{members: make(map[string]*member, len(dir.Subjects)), teamRoles: map[string][]string{}}
	for _, s := range dir.Subjects {
		if nameable(s) {
			r.members[s.Key()] = newMember(s)
		}
	}
	for _, a := range dir.Assignments {
		r.watch(a.From, now)
		r.watch(a.Until, now)
		if a.ActiveAt(now) {
			r.assign(a.Member, model.RolePrefix+a.Role)
		}
	}
	closure := newClosure(links)
	for _, m := range r.members {
		slices.Sort(m.direct)
		m.direct = slices.Compact(m.direct)
		held := slices.Clone(m.direct)
		for _, team := range m.teams {
			held = append(held, r.teamRoles[team]...)
		}
		m.roles = closure.of(held)
	}
	return r
}

func newMember(s model.Subject) *member {
	m := &member{
		key:         s.Key(),
		teams:       bareAll("team", s.Teams),
		unit:        bare("unit", s.Unit),
		territories: bareAll("territory", s.Territories),
		accounts:    bareAll("account", s.Accounts),
		contact:     bare("contact", s.Contact),
	}
	if s.Type == "user" {
		m.user = s.ID
	}
	return m
}

// nameable tells whether a subject's key means that subject and nothing else:
// "role:" and "team:" keys are roles' and teams', and a colon in the type would
// give two subjects one key. The directory refuses such subjects; here they
// are as good as not registered.
func nameable(s model.Subject) bool {
	return s.Type != "" && s.ID != "" && s.Type != "role" && s.Type != "team" && !strings.Contains(s.Type, ":")
}

// assign gives a role to a subject or team. Roles get roles by the document
// alone, and unregistered members get nothing.
func (r *roster) assign(key, role string) {
	if team, ok := strings.CutPrefix(key, teamPrefix); ok {
		r.teamRoles[team] = append(r.teamRoles[team], role)
		return
	}
	if m := r.members[key]; m != nil {
		m.direct = append(m.direct, role)
	}
}

// links yields who is given what in Casbin's g: subject → role, subject → team,
// team → role. A row whose subject is a team so reaches the team's members.
func (r *roster) links() iter.Seq2[string, string] {
	return func(yield func(member, role string) bool) {
		for team, roles := range r.teamRoles {
			for _, role := range roles {
				if !yield(teamPrefix+team, role) {
					return
				}
			}
		}
		for _, m := range r.members {
			for _, role := range m.direct {
				if !yield(m.key, role) {
					return
				}
			}
			for _, team := range m.teams {
				if !yield(m.key, teamPrefix+team) {
					return
				}
			}
		}
	}
}

// watch notes that an assignment changes at t.
func (r *roster) watch(t, now time.Time) {
	if t.After(now) && (r.validUntil.IsZero() || t.Before(r.validUntil)) {
		r.validUntil = t
	}
}

// closure finds what roles come with roles, and remembers it: most people hold
// one of a few combinations, and share one slice.
type closure struct {
	inherits map[string][]string
	known    map[string][]string
}

func newClosure(links []RoleLink) *closure {
	c := &closure{inherits: map[string][]string{}, known: map[string][]string{}}
	for _, l := range links {
		c.inherits[l.Role] = append(c.inherits[l.Role], l.Inherits)
	}
	return c
}

func (c *closure) of(held []string) []string {
	slices.Sort(held)
	held = slices.Compact(held)
	key := strings.Join(held, "\x00")
	if roles, ok := c.known[key]; ok {
		return roles
	}
	met := map[string]bool{}
	for todo := held; len(todo) > 0; {
		role := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !met[role] {
			met[role] = true
			todo = append(todo, c.inherits[role]...)
		}
	}
	c.known[key] = slices.Sorted(maps.Keys(met))
	return c.known[key]
}
