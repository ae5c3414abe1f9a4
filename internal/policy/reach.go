package policy

import (
	"math"

	"rolegate/internal/policy/condition"
)

// reach is a set of ways a record can be connected with a subject: one bit a
// way. It answers the question without a record, "may she do this at all?":
// is there any way left in which a grant reaches records and no denial does?
// That is the question whether the list filter, (OR of granted scopes) AND NOT
// (OR of denied scopes), is more than "never":
//
//   - A scope is the union of its ways: team is "owner is the subject" and, for
//     somebody in a team, "teams shares one with the subject's".
//   - A grant for which the subject lacks what it compares reaches nothing:
//     territory for somebody without territories.
//   - shared and everyone reach nothing: a share lives on a record.
//   - A denial matters as far as it covers ways wholly: own granted and team
//     denied is never; own denied and team granted leaves the team's records.
//   - A condition counts for what it can still be once the record alone is
//     open: a grant whose condition can never be true grants nothing, a denial
//     whose condition can be false takes nothing away wholly.
//
// Whether such records exist is not asked, so the answer may be yes where there
// is nothing to see.
type reach uint64

const (
	reachOwned reach = 1 << iota
	reachCreated
	reachAssigned
	reachUnowned
	reachTeam
	reachUnit
	reachBelowUnit
	reachHeaded
	reachTerritory
	reachAccount
	reachContact
	reachDeeper // reports further below than maxSubtree
	reachReport // reports at distance 1, and with the bits above it 2 to maxSubtree
)

const reachAll reach = math.MaxUint64

// reports are the ways of people at distance 1 to depth; 0 is any distance.
func reports(depth int) reach {
	if depth == 0 {
		return reports(maxSubtree) | reachDeeper
	}
	return reachReport * (1<<depth - 1)
}

// ways gives the ways of the scope for the subject asked about.
func (s scope) ways(a *asking) reach {
	who := a.who
	if s.kind == scopeAll {
		return reachAll
	}
	only := func(has bool, r reach) reach {
		if has {
			return r
		}
		return 0
	}
	own := only(who.user() != "", reachOwned)
	assigned := only(who.user() != "", reachAssigned)
	inUnit := only(who.unit != "", reachUnit)
	switch s.kind {
	case scopeOwn:
		return own
	case scopeCreated:
		return only(who.user() != "", reachCreated)
	case scopeAssigned:
		return assigned
	case scopeUnassigned:
		return reachUnowned
	case scopeTeam:
		return own | only(len(who.teams) > 0, reachTeam)
	case scopeSubtree:
		return own | assigned | only(who.user() != "" && a.people.reporting.hasBelow(who.user()), reports(s.depth))
	case scopeUnit:
		return own | inUnit
	case scopeUnitTree:
		return own | inUnit | only(who.unit != "" && a.people.units.hasBelow(who.unit), reachBelowUnit)
	case scopeUnitHead:
		return only(len(a.people.headed[who.user()]) > 0, reachHeaded)
	case scopeTerritory:
		return only(len(who.extra().territories) > 0, reachTerritory)
	case scopeAccount:
		return only(len(who.extra().accounts) > 0, reachAccount)
	case scopeContact:
		return only(who.extra().contact != "", reachContact)
	}
	return 0
}

// coversWholly tells whether a denial takes away all of its scope: its condition
// is never surely false, whatever the record.
func (g grant) coversWholly(a *asking) bool {
	return g.cond == nil || !g.cond.canBe(a, condition.False)
}

// mayHold tells whether there can be a record for which the condition holds.
func (g grant) mayHold(a *asking) bool {
	return g.cond == nil || g.cond.canBe(a, condition.True)
}

// takenAway is what denials take away everywhere from a question without a
// record.
func (a *asking) takenAway() (taken reach) {
	for _, r := range a.at.from {
		if r == nil {
			continue
		}
		r.denials.each(a.keys, func(e *rowRef) {
			if g := a.rules.grants[e.what]; g.coversWholly(a) {
				taken |= g.scope.ways(a)
			}
		})
	}
	return taken
}
