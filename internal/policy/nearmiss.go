package policy

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rolegate/model"
)

// Bounds of the search for what would have helped: rows of roles that are not
// held, and roles that are tried.
const (
	maxMissRows = 10_000
	maxTried    = 1_000
)

// addMisses lists grants of the action that do not reach, the nearest first:
// those of what the subject is, by how much is in the way, and then those of
// roles and teams it is not in. Rows that name another person stay unnamed.
func (x *explaining) addMisses(r *model.ActionReasons) {
	type miss struct {
		row          rowRef
		missed       []model.Missed
		held, weight int
	}
	var found []miss
	add := func(e rowRef, held int, first ...model.Missed) {
		missed := append(first, x.missedBy(x.rules.grants[e.what])...)
		m := miss{row: e, missed: missed, held: held}
		for _, what := range missed {
			m.weight += weights[what]
		}
		found = append(found, m)
	}
	for _, e := range x.rows(allowsOf, func(int32) bool { return true }) {
		if len(found) == maxReasons {
			r.Unlisted++
			continue
		}
		add(e, 0)
	}
	others := x.rowsOfOthers()
	r.Unlisted += max(0, len(others)-maxMissRows)
	for _, e := range others[:min(len(others), maxMissRows)] {
		switch holder := x.rules.names[e.subject]; {
		case !strings.HasPrefix(holder, model.RolePrefix) && !strings.HasPrefix(holder, teamPrefix):
		case x.heldAtAnotherTime(holder):
			add(e, 1, model.MissedWindow)
		default:
			add(e, 2, model.MissedRole)
		}
	}
	slices.SortStableFunc(found, func(a, b miss) int { return cmp.Or(cmp.Compare(a.held, b.held), cmp.Compare(a.weight, b.weight)) })
	for _, m := range found[:min(len(found), maxMisses)] {
		r.Misses = append(r.Misses, x.missing(m.row, m.missed))
	}
	r.Unlisted += max(0, len(found)-maxMisses)
}

// weights are how far away what is missed is: an attribute is sent more easily
// than another record is found.
var weights = map[model.Missed]int{model.MissedScopeUnknown: 1, model.MissedConditionUnknown: 1, model.MissedScope: 2, model.MissedCondition: 2, model.MissedDenied: 3}

// missing is the reason of a grant that does not reach.
func (x *explaining) missing(e rowRef, missed []model.Missed) model.Reason {
	g := x.rules.grants[e.what]
	m := model.Reason{Kind: model.ReasonMiss, Code: model.ReasonNotGranted, Rule: x.rule(e.rule), Holder: x.rules.names[e.subject], Scope: g.scope.String(), Missed: missed}
	switch {
	case slices.Contains(missed, model.MissedWindow):
		m.Paths, m.More = x.pathsTo(m.Holder, false)
	case !slices.Contains(missed, model.MissedRole):
		m.Paths, m.More = x.paths(m.Holder)
	}
	x.look(&m, g)
	return m
}

// rowsOfOthers are the grants of the action whose subject the holder is not.
func (x *explaining) rowsOfOthers() (others []rowRef) {
	for _, r := range x.at.from {
		if r == nil {
			continue
		}
		for _, e := range r.allows {
			if !x.keys.has(e.subject) {
				others = append(others, e)
			}
		}
	}
	slices.SortFunc(others, byRule)
	return others
}

func (x *explaining) heldAtAnotherTime(role string) bool {
	paths, _ := x.pathsTo(role, false)
	return len(paths) > 0
}

// wouldHelp lists the roles each of which, held besides, would make the answer
// yes, proof of identity aside. Each is tried by the same function that decides.
func (x *explaining) wouldHelp() []string {
	helping := []string{}
	for _, role := range x.candidates() {
		if !x.keys.hasRole(role) && x.allowedWith(role) && len(helping) < maxReasons {
			helping = append(helping, role)
		}
	}
	return helping
}

// candidates are the roles that rows, conditions and the record's shares name, or
// where those are too many those that the action is granted to.
func (x *explaining) candidates() []string {
	roles := map[string]bool{}
	add := func(key string) {
		if strings.HasPrefix(key, model.RolePrefix) && len(roles) <= maxTried {
			roles[key] = true
		}
	}
	for _, key := range x.rules.names {
		add(key)
	}
	for role := range x.rules.inherits {
		add(role)
	}
	for _, g := range x.rules.grants[:min(len(x.rules.grants), maxMissRows)] {
		if g.cond == nil {
			continue
		}
		for _, literal := range roleLiteral.FindAllStringSubmatch(g.cond.text, -1) {
			add(literal[1])
		}
	}
	shares, _ := x.record.list("shares")
	for _, entry := range shares {
		if s, ok := readShare(entry); ok {
			add(s.to)
		}
	}
	if len(roles) > maxTried {
		clear(roles)
		for _, e := range x.rowsOfOthers() {
			if add(x.rules.names[e.subject]); len(roles) == maxTried {
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(roles))
}

// roleLiteral finds roles in conditions, as in 'role:lead' in user.roles. It may
// find too much: what is found is only tried.
var roleLiteral = regexp.MustCompile(`['"](role:[^'"]+)['"]`)

// allowedWith decides the question for the subject with one more role.
func (x *explaining) allowedWith(role string) bool {
	a := &asking{Snapshot: x.Snapshot, q: x.q, in: x.in, engine: x.engine, now: x.now}
	a.need.rule = noRule
	if a.admit() != model.ReasonAllowed {
		return false
	}
	a.keys = x.rules.with(x.keys, role)
	out, err := a.answer()
	return err == nil && out.code == model.ReasonAllowed
}

// with is a holder that also holds a role. It is not kept to be shared.
func (rs *ruleset) with(h *holder, role string) *holder {
	roles := inheritance(rs.inherits).closure(append(slices.Clone(h.roles), role))
	ids := slices.Clone(h.ids)
	for _, key := range roles {
		if id, named := rs.subjects[key]; named {
			ids = append(ids, id)
		}
	}
	return newHolder(ids, len(rs.names), roles)
}
