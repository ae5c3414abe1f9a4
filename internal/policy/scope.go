package policy

import (
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

// scopeHelp lists the scopes for the reason of a refused row.
const scopeHelp = "all, own, created, assigned, unassigned, team, subtree, subtree:1 to subtree:32, unit, unit_tree, unit_head, " +
	"territory, account, contact, shared, everyone"

// reaches tells whether the record of f lies in the scope.
func (s scope) reaches(f *Facts) truth {
	who, rec := f.who, f.record
	switch s.kind {
	case scopeAll:
		return yes
	case scopeOwn:
		return rec.owner.is(who.user)
	case scopeCreated:
		return rec.createdBy.is(who.user)
	case scopeAssigned:
		return rec.assignees.has(who.user)
	case scopeUnassigned:
		return rec.owner.isNone()
	case scopeTeam:
		return rec.owner.is(who.user).or(rec.teams.any(who.inTeam))
	case scopeSubtree:
		below := func(user string) bool { return f.org.reportsTo(user, who.user, s.depth) }
		return rec.owner.matches(below).or(rec.assignees.any(below))
	case scopeUnit:
		return rec.owner.is(who.user).or(rec.unit.is(who.unit))
	case scopeUnitTree:
		below := func(unit string) bool { return f.org.unitWithin(unit, who.unit) }
		return rec.owner.is(who.user).or(rec.unit.matches(below))
	case scopeUnitHead:
		return rec.unit.matches(func(unit string) bool { return f.org.headedBy(unit, who.user) })
	case scopeTerritory:
		return rec.territory.matches(func(t string) bool { return f.org.territoryWithin(t, who.territories) })
	case scopeAccount:
		return rec.account.matches(who.hasAccount)
	case scopeContact:
		return rec.contacts.has(who.contact)
	case scopeShared:
		return rec.shares.any(func(s share) bool { return s.liveFor(f) && s.names(who) })
	case scopeEveryone:
		return rec.shares.any(func(s share) bool { return s.liveFor(f) && s.to == everything })
	}
	return no
}
