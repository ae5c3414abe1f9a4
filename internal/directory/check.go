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
	for _, s := range append(values(in.Subjects), there.Subjects...) {
		members[s.Key()] = true
	}
	for _, t := range append(values(in.Teams), there.Teams...) {
		members["team:"+t.ID] = true
	}
	for _, r := range there.Roles {
		roles[r.ID] = true
	}
	for _, r := range in.Roles {
		roles[r.v] = true
	}
	for _, e := range in.Assignments {
		a, path := e.v, fmt.Sprintf("assignments[%d]", e.i)
		if !members[a.Member] {
			bad = append(bad, model.Detail{Path: path, Code: model.CodeUserUnknown, Reason: model.Say("%q is neither registered nor in this file", a.Member)})
		}
		if !roles[a.Role] {
			bad = append(bad, model.Detail{Path: path, Code: model.CodeRoleUnknown, Reason: model.Say("the role %q is neither known nor in this file's roles", a.Role)})
		}
	}
	return append(bad, in.cycles(there)...)
}

// cycles names the entries of the file through which a reporting line or tree
// would bite its own tail.
func (in importFile) cycles(there model.Directory) []model.Detail {
	managers, units, territories := map[string]string{}, map[string]string{}, map[string]string{}
	for _, s := range append(there.Subjects, values(in.Subjects)...) {
		if s.Type == "user" {
			managers[s.ID] = s.Manager
		}
	}
	for _, u := range append(there.Units, values(in.Units)...) {
		units[u.ID] = u.Parent
	}
	for _, t := range append(there.Territories, values(in.Territories)...) {
		territories[t.ID] = t.Parent
	}
	var bad []model.Detail
	report := func(path string, parents map[string]string, id string) {
		if cycle := cycleFrom(parents, id); cycle != nil {
			bad = append(bad, model.Detail{Path: path, Code: model.CodeInvalidRequest, Reason: model.Say("goes in a circle: %s", strings.Join(cycle, " → "))})
		}
	}
	for _, s := range in.Subjects {
		if s.v.Type == "user" {
			report(fmt.Sprintf("subjects[%d].manager", s.i), managers, s.v.ID)
		}
	}
	for _, u := range in.Units {
		report(fmt.Sprintf("units[%d].parent", u.i), units, u.v.ID)
	}
	for _, t := range in.Territories {
		report(fmt.Sprintf("territories[%d].parent", t.i), territories, t.v.ID)
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

func values[T any](list []numbered[T]) []T {
	out := make([]T, len(list))
	for i, e := range list {
		out[i] = e.v
	}
	return out
}
