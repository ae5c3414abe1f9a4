package policy

import (
	"slices"
	"strings"
	"time"

	"rolegate/model"
)

// MayMatch lists the registered subjects, by type and then by id, that an allow row for
// one of these actions on an object is for: by name, by a role they hold or inherit, by
// a team, or as everybody. All others are denied; of these Decide tells.
func (s *Snapshot) MayMatch(object string, now time.Time, actions ...string) []model.Entity {
	named := s.rules.named(object, actions)
	if named[everybody] {
		return s.Subjects()
	}
	for spreads := true; spreads; { // to roles that inherit
		spreads = false
		for role, inherits := range s.rules.inherits {
			if !named[role] && slices.ContainsFunc(inherits, func(key string) bool { return named[key] }) {
				named[role], spreads = true, true
			}
		}
	}
	at := now.UnixNano()
	s.people.links(at, func(member, role string) {
		if named[role] && strings.HasPrefix(member, teamPrefix) {
			named[member] = true
		}
	})
	matched := map[string]bool{}
	s.people.links(at, func(member, role string) {
		if named[role] {
			matched[member] = true
		}
	})
	return slices.DeleteFunc(s.Subjects(), func(e model.Entity) bool {
		key := e.Type + ":" + e.ID
		return !named[key] && !matched[key]
	})
}

// everybody is how rows name every subject.
const everybody = "*"

// named are the keys that allow rows for these actions on an object name.
func (rs *ruleset) named(object string, actions []string) map[string]bool {
	named := map[string]bool{}
	for _, action := range actions {
		for _, r := range rs.target(object, action).from {
			if r == nil {
				continue
			}
			for _, row := range r.allows {
				named[rs.names[row.subject]] = true
			}
		}
	}
	return named
}
