package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rolegate/model"
)

// maxPaths bounds the paths of one reason.
const maxPaths = 8

// source is an assignment by which the subject gets a role: its own, or that of a
// team it is in.
type source struct {
	assignment
	through []string // the subject, and the team
	active  bool
	chains  map[string][]string // every role it leads to → the roles on the way, ends included
}

// sourcesOf gathers the assignments of the subject, also those whose window does
// not contain the moment.
func (x *explaining) sourcesOf() []source {
	if x.sources != nil {
		return x.sources
	}
	add := func(given assignment, through ...string) {
		x.sources = append(x.sources, source{assignment: given, through: through,
			active: given.activeAt(x.now.UnixNano()), chains: x.rules.chains(given.role)})
	}
	x.sources = []source{}
	for _, role := range x.who.roles {
		add(assignment{role, always, never}, x.who.key)
	}
	for _, given := range x.who.extra().windowed {
		add(given, x.who.key)
	}
	for _, team := range x.who.teams {
		for _, given := range x.people.teams.roles[team] {
			add(given, x.who.key, teamPrefix+team)
		}
	}
	return x.sources
}

// chains gives the shortest way of inheritance to each role that a role leads to.
func (rs *ruleset) chains(role string) map[string][]string {
	chains := map[string][]string{role: {role}}
	for todo := []string{role}; len(todo) > 0; todo = todo[1:] {
		for _, next := range rs.inherits[todo[0]] {
			if chains[next] == nil {
				chains[next] = append(slices.Clone(chains[todo[0]]), next)
				todo = append(todo, next)
			}
		}
	}
	return chains
}

// paths says how the subject is what a row names: itself, everybody, a member of
// the team, or by each assignment that leads to the role.
func (x *explaining) paths(holder string) (paths []model.RolePath, more int) {
	switch {
	case holder == everything, holder == x.who.key:
		return []model.RolePath{{Path: []string{x.who.key}}}, 0
	case strings.HasPrefix(holder, teamPrefix):
		return []model.RolePath{{Path: []string{x.who.key, holder}}}, 0
	}
	return x.pathsTo(holder, true)
}

// pathsTo lists the assignments that lead to a role now, or those that do at
// another time.
func (x *explaining) pathsTo(role string, active bool) (paths []model.RolePath, more int) {
	for _, s := range x.sourcesOf() {
		if chain := s.chains[role]; chain != nil && s.active == active {
			paths = append(paths, model.RolePath{Path: slices.Concat(s.through, chain), From: moment(s.from), Until: moment(s.until)})
		}
	}
	slices.SortStableFunc(paths, func(a, b model.RolePath) int {
		return cmp.Or(cmp.Compare(len(a.Path), len(b.Path)), slices.Compare(a.Path, b.Path), a.From.Compare(b.From), a.Until.Compare(b.Until))
	})
	if more = len(paths) - maxPaths; more > 0 {
		return paths[:maxPaths], more
	}
	return paths, 0
}

// moment is the time of a window's end; the zero time for none.
func moment(nanos int64) time.Time {
	if nanos == always || nanos == never {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
