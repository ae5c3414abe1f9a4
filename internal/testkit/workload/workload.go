// Package workload makes the firms that Rolegate is measured with: for each
// tenant the policy document, the catalogue, the directory, and an endless
// stream of questions. The same shape and seed give the same bytes, so figures
// of two versions are about the same work.
//
//	Shape ──Tenant(i)──▶ Tenant ─┬─ Policy, Catalog, Directory
//	                             └─ Questions, Lists, Requests
//
// Write puts a tenant into a store.
package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"rolegate/model"
)

// Shape says how large a workload is. All counts are of one tenant.
type Shape struct {
	Name    string
	Tenants int

	Users   int
	Roles   int
	Depth   int // roles in a line of inheritance
	Objects int
	Actions int // of each object
	Rows    int // p rows
	Links   int // g rows: inheritance and assignments

	// Scoped gives records, units, territories, teams and reporting lines a
	// part in the grants; without it every grant has scope all.
	Scoped      bool
	Teams       int
	Lines       int  // levels of reporting lines
	Branch      int  // people who report to one manager besides the head of all; 0: as it comes
	Fields      int  // of each object
	FieldRules  int  // p3 rows
	Requires    bool // actions require others, as in the starter catalogue
	Conditional int  // grants among Rows that have a condition
	Restricting int  // p2 rows

	// Conditions writes the conditions of the Conditional grants and the p2
	// rows. Without it those grants are unconditional and the p2 rows left out.
	Conditions bool

	// Aim is the share of questions about something that a role of the subject
	// has rows for; the others are about anything. It makes half of them allowed.
	Aim float64

	Seed uint64
}

// The workloads of docs/benchmarks.md.
var (
	Small = Shape{Name: "small", Tenants: 1, Users: 50, Roles: 8, Depth: 2, Objects: 12, Actions: 8,
		Rows: 220, Links: 100, Seed: 1}
	Medium = Shape{Name: "medium", Tenants: 1, Users: 1_000, Roles: 60, Depth: 3, Objects: 60, Actions: 8,
		Rows: 8_680, Links: 2_040, Seed: 2}
	Large = Medium.times("large", 100)
	CRM   = Shape{Name: "crm", Tenants: 1, Users: 1_000, Roles: 60, Depth: 3, Objects: 60, Actions: 12,
		Rows: 15_000, Links: 3_000, Scoped: true, Teams: 80, Lines: 6, Fields: 40, FieldRules: 10_800, Requires: true,
		Conditional: 120, Restricting: 40, Aim: 0.8, Seed: 3}
	Giant = Shape{Name: "giant", Tenants: 1, Users: 120_000, Roles: 2_000, Depth: 5, Objects: 500, Actions: 12,
		Rows: 600_000, Links: 360_000, Scoped: true, Teams: 10_000, Lines: 10, Branch: 30_000, Aim: 1, Seed: 4}
)

// All lists them.
var All = []Shape{Small, Medium, Large, CRM, Giant}

func (s Shape) times(name string, tenants int) Shape {
	s.Name, s.Tenants = name, tenants
	return s
}

// Conditioned is the shape with its conditions written.
func (s Shape) Conditioned() Shape {
	s.Conditions = true
	return s
}

// Tiny is the shape at a scale that takes milliseconds, for runs that only see
// whether everything still works.
func (s Shape) Tiny() Shape {
	cut := func(n, by, least int) int { return min(n, max(n/by, least)) }
	s.Tenants = min(s.Tenants, 3)
	s.Users, s.Links = cut(s.Users, 1000, 50), cut(s.Users, 1000, 50)*2+4
	s.Roles, s.Depth = 8, 2
	s.Objects, s.Rows = min(s.Objects, 12), 220
	s.Teams, s.Branch = min(s.Teams, 5), min(s.Branch, 20)
	s.Fields, s.FieldRules = min(s.Fields, 13), min(s.FieldRules, 100)
	s.Conditional, s.Restricting = min(s.Conditional, 6), min(s.Restricting, 3)
	return s
}

// Tenant is one firm.
type Tenant struct {
	ID        string // "default" where there is one only
	Policy    string // Casbin CSV without member rows: assignments are in Directory
	Catalog   string // YAML
	Directory model.Directory
	Rows      int // p, p2, p3 rows
	Links     int // g rows: inheritance in Policy, assignments in Directory

	shape Shape
	names names
	held  [][]int32 // user → roles assigned to it
	cells [][]int32 // role → what it has rows for: object * Actions + action
	below [][]int32 // user → users who report to it directly
	seed  uint64
}

// Tenant makes the i-th tenant of the workload, 0 <= i < Tenants.
func (s Shape) Tenant(i int) *Tenant {
	t := &Tenant{ID: model.DefaultTenant, shape: s, names: s.names(), seed: s.Seed<<32 | uint64(i)}
	if s.Tenants > 1 {
		t.ID = fmt.Sprintf("t%03d", i)
	}
	rng := rand.New(rand.NewPCG(t.seed, 1))
	t.Catalog = s.catalog(t.names)
	t.Policy = t.policy(rng)
	t.Directory = t.directory(rng)
	return t
}

// names are the ids of everything there is, by number.
type names struct {
	users, roles, objects, actions, teams, units, territories, fields []string
}

// actions are what CRMs do, and what each requires in a catalogue that says so.
var actions = []struct{ name, requires string }{
	{"read", ""}, {"create", ""}, {"update", ""}, {"delete", ""},
	{"export", "read"}, {"share", "read"}, {"assign", "update"}, {"transfer", "update, share"},
	{"open", ""}, {"import", "create"}, {"mass_update", "update"}, {"audit", "read"},
}

const (
	units       = 40
	territories = 100
)

func (s Shape) names() names {
	list := func(format string, n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf(format, i)
		}
		return out
	}
	n := names{
		users:   list("u%06d", s.Users),
		roles:   list("r%04d", s.Roles),
		objects: list("object%03d", s.Objects),
		teams:   list("team%05d", s.Teams),
		fields:  s.fieldNames(),
	}
	for _, a := range actions[:s.Actions] {
		n.actions = append(n.actions, a.name)
	}
	if s.Scoped {
		n.units, n.territories = list("unit%02d", units), list("area%02d", territories)
	}
	return n
}

// catalog declares the objects, with fields where the shape has them.
func (s Shape) catalog(n names) string {
	var b strings.Builder
	b.WriteString("objects:\n")
	for _, object := range n.objects {
		fmt.Fprintf(&b, "  %s:\n    actions:\n", object)
		for _, a := range actions[:s.Actions] {
			if a.requires != "" && s.Requires {
				fmt.Fprintf(&b, "      %s: {requires: [%s]}\n", a.name, a.requires)
			} else {
				fmt.Fprintf(&b, "      %s: {}\n", a.name)
			}
		}
		if s.Fields > 0 {
			b.WriteString("    fields:\n")
			for i, name := range n.fields {
				fmt.Fprintf(&b, "      %s: {%s}\n", name, fieldOf(i))
			}
		}
	}
	return b.String()
}

// known are the fields that records of every object have, which scopes and
// conditions look at.
var known = []struct{ name, is string }{
	{"owner", "type: ref"},
	{"created_by", "type: ref"},
	{"assignees", "type: list of ref"},
	{"teams", "type: list of ref"},
	{"unit", "type: ref"},
	{"territory", "type: ref"},
	{"name", "type: string, class: personal, mask: name"},
	{"phone", "type: string, class: personal, mask: phone"},
	{"amount", "type: number"},
	{"stage", "type: string"},
	{"region", "type: string"},
	{"tags", "type: list of string"},
	{"updated_at", "type: time"},
}

func (s Shape) fieldNames() []string {
	var out []string
	for i := range s.Fields {
		if i < len(known) {
			out = append(out, known[i].name)
		} else {
			out = append(out, fmt.Sprintf("field%02d", i))
		}
	}
	return out
}

// fieldOf is what the catalogue says of the i-th field: three of forty are
// secured, and some have a class.
func fieldOf(i int) string {
	switch {
	case i < len(known):
		return known[i].is
	case i%11 == 5:
		return "type: number, class: sensitive, mask: amount, secured: true"
	case i%7 == 0:
		return "type: string, class: personal, mask: text"
	}
	return "type: " + []string{"string", "number", "bool", "time"}[i%4]
}
