package policy

import (
	"iter"
	"slices"

	"rolegate/model"
)

// org is who stands where: reporting lines, and the unit and territory trees.
// All ids are bare. Names that nobody registered are kept as names: they match
// themselves and lead nowhere.
type org struct {
	manager         map[string]string   // user → user
	managers        map[string]bool     // users somebody reports to
	unitParent      map[string]string   // unit → unit
	unitHeads       map[string][]string // unit → users
	heads           map[string]bool     // users who head a unit
	territoryParent map[string]string   // territory → territory
}

func newOrg(dir model.Directory) *org {
	o := &org{
		manager: map[string]string{}, managers: map[string]bool{},
		unitParent: map[string]string{}, unitHeads: map[string][]string{}, heads: map[string]bool{},
		territoryParent: map[string]string{},
	}
	for _, s := range dir.Subjects {
		if m := bare("user", s.Manager); s.Type == "user" && m != "" {
			o.manager[s.ID] = m
			o.managers[m] = true
		}
	}
	for _, u := range dir.Units {
		o.unitParent[u.ID] = bare("unit", u.Parent)
		for _, head := range bareAll("user", u.Heads) {
			o.unitHeads[u.ID] = append(o.unitHeads[u.ID], head)
			o.heads[head] = true
		}
	}
	for _, t := range dir.Territories {
		o.territoryParent[t.ID] = bare("territory", t.Parent)
	}
	return o
}

// upwards yields id, its parent, its parent's parent and so on. Cycles are
// refused when they are written; should one be there all the same, Brent's
// method ends the walk after having yielded each of its members.
func upwards(parent map[string]string, id string) iter.Seq[string] {
	return func(yield func(string) bool) {
		mark, power, steps := id, 1, 0
		for id != "" && yield(id) {
			id = parent[id]
			if id == mark {
				return
			}
			if steps++; steps == power {
				mark, power, steps = id, 2*power, 0
			}
		}
	}
}

// reportsTo tells whether user is boss or reports to boss, over at most depth
// steps; 0 is any number.
func (o *org) reportsTo(user, boss string, depth int) bool {
	steps := 0
	for above := range upwards(o.manager, user) {
		if above == boss {
			return true
		}
		if steps++; depth > 0 && steps > depth {
			return false
		}
	}
	return false
}

func (o *org) hasReports(user string) bool { return o.managers[user] }
func (o *org) headsAny(user string) bool   { return o.heads[user] }

// unitWithin tells whether unit is root or below it.
func (o *org) unitWithin(unit, root string) bool {
	for u := range upwards(o.unitParent, unit) {
		if u == root {
			return true
		}
	}
	return false
}

// headedBy tells whether user heads the unit or one above it.
func (o *org) headedBy(unit, user string) bool {
	for u := range upwards(o.unitParent, unit) {
		if slices.Contains(o.unitHeads[u], user) {
			return true
		}
	}
	return false
}

// territoryWithin tells whether the territory is one of roots or below one.
func (o *org) territoryWithin(territory string, roots []string) bool {
	for t := range upwards(o.territoryParent, territory) {
		if slices.Contains(roots, t) {
			return true
		}
	}
	return false
}

// bareAll gives the ids without their kind, sorted, without blanks and repeats.
func bareAll(kind string, list []string) []string {
	out := make([]string, 0, len(list))
	for _, id := range list {
		if id = bare(kind, id); id != "" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
