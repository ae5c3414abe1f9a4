package policy

import (
	"slices"
	"strconv"
	"strings"
)

// maxSubtree bounds N of subtree:N. Whoever needs more means subtree.
const maxSubtree = 32

// scope is the parsed scope column of a p row: which records the row reaches.
type scope struct {
	kind  scopeKind
	depth int // of scopeSubtree: N, or 0 for any depth
}

type scopeKind uint8

const (
	scopeInvalid    scopeKind = iota // the zero value reaches nothing
	scopeAll                         // any record
	scopeOwn                         // owner is the subject
	scopeCreated                     // created_by is the subject
	scopeAssigned                    // assignees contains the subject
	scopeUnassigned                  // owner is null or empty
	scopeTeam                        // own, or teams shares one with the subject's
	scopeSubtree                     // owner or an assignee is the subject or reports to it
	scopeUnit                        // own, or unit is the subject's
	scopeUnitTree                    // own, or unit is the subject's or below it
	scopeUnitHead                    // the subject heads unit or a unit above it
	scopeTerritory                   // territory is one of the subject's or below one
	scopeAccount                     // account is one of the subject's
	scopeContact                     // contacts contains the subject's contact
	scopeShared                      // shares names the subject, its roles or teams
	scopeEveryone                    // shares names *
)

var scopeKinds = map[string]scopeKind{
	"all":        scopeAll,
	"own":        scopeOwn,
	"created":    scopeCreated,
	"assigned":   scopeAssigned,
	"unassigned": scopeUnassigned,
	"team":       scopeTeam,
	"subtree":    scopeSubtree,
	"unit":       scopeUnit,
	"unit_tree":  scopeUnitTree,
	"unit_head":  scopeUnitHead,
	"territory":  scopeTerritory,
	"account":    scopeAccount,
	"contact":    scopeContact,
	"shared":     scopeShared,
	"everyone":   scopeEveryone,
}

// parseScope reads a scope column. Each scope has one spelling, so that equal
// rows are equal text.
func parseScope(s string) (scope, bool) {
	if n, found := strings.CutPrefix(s, "subtree:"); found {
		depth, err := strconv.Atoi(n)
		if err != nil || depth < 1 || depth > maxSubtree || strconv.Itoa(depth) != n {
			return scope{}, false
		}
		return scope{kind: scopeSubtree, depth: depth}, true
	}
	kind, ok := scopeKinds[s]
	return scope{kind: kind}, ok
}

// String is the scope as rows spell it.
func (s scope) String() string {
	if s.depth > 0 {
		return "subtree:" + strconv.Itoa(s.depth)
	}
	for name, kind := range scopeKinds {
		if kind == s.kind {
			return name
		}
	}
	return ""
}

func isScope(s string) bool { _, ok := parseScope(s); return ok }

// scopeHelp lists the scopes for the reason of a refused row.
const scopeHelp = "all, own, created, assigned, unassigned, team, subtree, subtree:1 … subtree:32, unit, unit_tree, unit_head, " +
	"territory, account, contact, shared, everyone"

// reaches tells whether the record asked about lies in the scope.
func (s scope) reaches(a *asking) truth {
	who, rec := a.who, &a.record
	user := who.user()
	isWho := func(id string) bool { return id == user }
	switch s.kind {
	case scopeAll:
		return yes
	case scopeOwn:
		return rec.one("user", "owner", isWho)
	case scopeCreated:
		return rec.one("user", "created_by", isWho)
	case scopeAssigned:
		return rec.some("user", "assignees", func(id string) bool { return id != "" && id == user })
	case scopeUnassigned:
		return rec.isNone("user", "owner")
	case scopeTeam:
		return rec.one("user", "owner", isWho).or(rec.some("team", "teams", who.inTeam))
	case scopeSubtree:
		below := func(id string) bool { return a.people.reporting.within(id, user, s.depth) }
		return rec.one("user", "owner", below).or(rec.some("user", "assignees", below))
	case scopeUnit:
		return rec.one("user", "owner", isWho).or(rec.one("unit", "unit", func(id string) bool { return id == who.unit }))
	case scopeUnitTree:
		return rec.one("user", "owner", isWho).or(rec.one("unit", "unit", func(id string) bool { return a.people.units.within(id, who.unit, 0) }))
	case scopeUnitHead:
		return rec.one("unit", "unit", func(id string) bool { return anyAbove(a.people.units, id, a.people.headed[user]) })
	case scopeTerritory:
		return rec.one("territory", "territory", func(id string) bool { return anyAbove(a.people.territories, id, who.extra().territories) })
	case scopeAccount:
		return rec.one("account", "account", who.hasAccount)
	case scopeContact:
		return rec.some("contact", "contacts", func(id string) bool { return id != "" && id == who.extra().contact })
	case scopeShared:
		return rec.shares(a.at.action, a.now, a.isSharedWith)
	case scopeEveryone:
		return rec.shares(a.at.action, a.now, func(to string) bool { return to == everything })
	}
	return no
}

// anyAbove tells whether one of the roots is id or above it.
func anyAbove(f *forest, id string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return f.within(id, root, 0) })
}

// isSharedWith tells whether what a share names is the subject, one of its roles
// or one of its teams.
func (a *asking) isSharedWith(to string) bool {
	return to == a.who.key || a.keys.hasRole(to) || a.who.inTeamKey(to)
}
