package policy

import "math"

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
//
// Whether such records exist is not asked, so the answer may be yes where there
// is nothing to see. It is never yes where the filter is never.
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

// ways gives the ways of the scope for one subject.
func (s scope) ways(f *Facts) reach {
	who := f.who
	if s.kind == scopeAll {
		return reachAll
	}
	only := func(has bool, r reach) reach {
		if has {
			return r
		}
		return 0
	}
	own := only(who.user != "", reachOwned)
	assigned := only(who.user != "", reachAssigned)
	inUnit := only(who.unit != "", reachUnit)
	switch s.kind {
	case scopeOwn:
		return own
	case scopeCreated:
		return only(who.user != "", reachCreated)
	case scopeAssigned:
		return assigned
	case scopeUnassigned:
		return reachUnowned
	case scopeTeam:
		return own | only(len(who.teams) > 0, reachTeam)
	case scopeSubtree:
		return own | assigned | only(f.org.hasReports(who.user), reports(s.depth))
	case scopeUnit:
		return own | inUnit
	case scopeUnitTree:
		return own | inUnit | only(who.unit != "", reachBelowUnit)
	case scopeUnitHead:
		return only(f.org.headsAny(who.user), reachHeaded)
	case scopeTerritory:
		return only(len(who.territories) > 0, reachTerritory)
	case scopeAccount:
		return only(len(who.accounts) > 0, reachAccount)
	case scopeContact:
		return only(who.contact != "", reachContact)
	}
	return 0
}

// reachesAny is the scope test of a question without a record. Only a denial of
// everything denies by itself; lesser ones are taken off what grants reach.
func (s scope) reachesAny(f *Facts, denies bool) bool {
	if denies {
		return s.kind == scopeAll
	}
	return s.ways(f)&^f.denied != 0
}
