package directory

import (
	"fmt"
	"strings"

	"rolegate/model"
)

// check names the entries that are bad beside what the directory already holds:
// unknown members and roles, and cycles in the three trees.
func (in importFile) check(there model.Directory) []model.Detail {
	var bad []model.Detail
	members, roles := map[string]bool{}, map[string]bool{}
	for _, list := range [][]model.Subject{there.Subjects, in.Subjects} {
		for _, s := range list {
			members[s.Key()] = true
		}
	}
	for _, list := range [][]model.Team{there.Teams, in.Teams} {
		for _, t := range list {
			members["team:"+t.ID] = true
		}
	}
	for _, r := range there.Roles {
		roles[r.ID] = true
	}
	for _, r := range in.Roles {
		roles[r] = true
	}
	for i, a := range in.Assignments {
		path := fmt.Sprintf("assignments[%d]", i)
		if !members[a.Member] {
			bad = append(bad, model.Detail{Path: path, Reason: fmt.Sprintf("%q is neither registered nor in this file", a.Member)})
		}
		if !roles[a.Role] {
			bad = append(bad, model.Detail{Path: path, Reason: fmt.Sprintf("the role %q is neither known nor in this file's roles", a.Role)})
		}
	}
	return append(bad, in.cycles(there)...)
}

// cycles names the entries of the file through which a reporting line or tree
// would bite its own tail.
func (in importFile) cycles(there model.Directory) []model.Detail {
	managers, units, territories := map[string]string{}, map[string]string{}, map[string]string{}
	for _, list := range [][]model.Subject{there.Subjects, in.Subjects} {
		for _, s := range list {
			if s.Type == "user" {
				managers[s.ID] = s.Manager
			}
		}
	}
	for _, list := range [][]model.Unit{there.Units, in.Units} {
		for _, u := range list {
			units[u.ID] = u.Parent
		}
	}
	for _, list := range [][]model.Territory{there.Territories, in.Territories} {
		for _, t := range list {
			territories[t.ID] = t.Parent
		}
	}
	var bad []model.Detail
	report := func(path string, parents map[string]string, id string) {
		if cycle := cycleFrom(parents, id); cycle != nil {
			bad = append(bad, model.Detail{Path: path, Reason: "goes in a circle: " + strings.Join(cycle, " → ")})
		}
	}
	for i, s := range in.Subjects {
		if s.Type == "user" {
			report(fmt.Sprintf("subjects[%d].manager", i), managers, s.ID)
		}
	}
	for i, u := range in.Units {
		report(fmt.Sprintf("units[%d].parent", i), units, u.ID)
	}
	for i, t := range in.Territories {
		report(fmt.Sprintf("territories[%d].parent", i), territories, t.ID)
	}
	return bad
}

// cycleFrom follows parents from id and returns the way round if it comes back
// to id, else nil.
func cycleFrom(parents map[string]string, id string) []string {
	way := []string{id}
	seen := map[string]bool{id: true}
	for next := parents[id]; next != ""; next = parents[next] {
		way = append(way, next)
		if next == id {
			return way
		}
		if seen[next] {
			return nil // a circle further up, which its own entries report
		}
		seen[next] = true
	}
	return nil
}
