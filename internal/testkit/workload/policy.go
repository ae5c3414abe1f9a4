package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A line of inheritance is Depth roles: the first inherits the second, and so
// on. The last is what most people hold.

// above tells whether role i inherits the next.
func (s Shape) above(i int) bool { return (i+1)%s.Depth != 0 && i+1 < s.Roles }

// policy writes the document and notes what each role has rows for.
func (t *Tenant) policy(rng *rand.Rand) string {
	w := &writer{Tenant: t, rng: rng, cell: make([]int32, t.shape.Objects*t.shape.Actions)}
	for i := range w.cell {
		w.cell[i] = int32(i)
	}
	w.grants()
	if t.shape.Conditions {
		w.restrictions()
	}
	w.fieldRules()
	for i := range t.shape.Roles {
		if t.shape.above(i) {
			fmt.Fprintf(&w.text, "g, role:%s, role:%s\n", t.names.roles[i], t.names.roles[i+1])
			t.Links++
		}
	}
	return w.text.String()
}

// writer writes the rows of one document.
type writer struct {
	*Tenant
	rng  *rand.Rand
	text strings.Builder
	cell []int32 // all cells, in an order that is shuffled on
}

// grants writes the p rows: each role has rows for its own choice of cells, a
// row for each, so that none is written twice.
func (w *writer) grants() {
	s := w.shape
	w.cells = make([][]int32, s.Roles)
	for role := range s.Roles {
		n := share(s.Rows, s.Roles, role)
		for i := range n { // the first n of a shuffle
			j := i + w.rng.IntN(len(w.cell)-i)
			w.cell[i], w.cell[j] = w.cell[j], w.cell[i]
			w.grant(role, i, w.cell[i])
		}
		w.cells[role] = append([]int32(nil), w.cell[:n]...)
	}
}

// grant writes the i-th row of a role. A few roles have one row with a
// wildcard, one row in 64 denies.
func (w *writer) grant(role, i int, cell int32) {
	s := w.shape
	object, action := w.names.objects[int(cell)/s.Actions], w.names.actions[int(cell)%s.Actions]
	scope, condition, effect := w.scope(), "", "allow"
	denies := w.rng.IntN(64) == 0
	switch {
	case role == 0 && i == 0:
		object, action, scope = "*", "*", "all"
	case role%4 == 1 && i == 1:
		action = "*"
	case role%16 == 2 && i == 2:
		object = "*"
	case s.Conditional > 0 && w.Rows%(s.Rows/s.Conditional) == 3 && w.Rows/(s.Rows/s.Conditional) < s.Conditional:
		scope, condition = "all", quoted(w.condition())
		if !s.Conditions {
			condition = ""
		}
	case denies:
		effect = "deny"
	}
	w.row("p", "role:"+w.names.roles[role], object, action, scope, condition, effect)
}

func (w *writer) row(cells ...string) {
	for i, c := range cells {
		if i > 0 {
			w.text.WriteString(", ")
		}
		w.text.WriteString(c)
	}
	w.text.WriteByte('\n')
	w.Rows++
}

// scopes in the shares that people ask for them, in hundredths.
var scopes = []struct {
	name  string
	share int
}{
	{"all", 24}, {"own", 16}, {"team", 14}, {"subtree", 11}, {"subtree:1", 4}, {"unit", 7}, {"unit_tree", 7},
	{"territory", 4}, {"created", 3}, {"assigned", 3}, {"shared", 2}, {"unit_head", 1}, {"account", 1},
	{"contact", 1}, {"unassigned", 1}, {"everyone", 1},
}

func (w *writer) scope() string {
	if !w.shape.Scoped {
		return "all"
	}
	n := w.rng.IntN(100)
	for _, s := range scopes {
		if n -= s.share; n < 0 {
			return s.name
		}
	}
	return "all"
}

// condition draws one of the forms that conditions take in CRMs.
func (w *writer) condition() string {
	switch w.rng.IntN(12) {
	case 0:
		return fmt.Sprintf("record.amount < %d", 1000*(1+w.rng.IntN(90)))
	case 1:
		return "record.stage in ['open', 'qualified', 'won']"
	case 2:
		return "record.region == user.region"
	case 3:
		return fmt.Sprintf("record.amount <= %d && record.stage != 'lost'", 1000*(1+w.rng.IntN(90)))
	case 4:
		return "record.name.startsWith('" + string(rune('A'+w.rng.IntN(26))) + "')"
	case 5:
		return "record.tags.exists(x, x in ['vip', 'partner'])"
	case 6:
		return "below(record.unit, user.unit)"
	case 7:
		return "record.updated_at > request.time - duration('720h')"
	case 8:
		return "'role:" + w.names.roles[w.rng.IntN(len(w.names.roles))] + "' in user.roles"
	case 9:
		return "inCIDR(request.ip, '10.0.0.0/8')"
	case 10:
		return "!(record.stage == 'lost') || user.level >= 3"
	default:
		return "has(record.region) && record.region in ['north', 'east']"
	}
}

// restrictions writes the p2 rows: what is locked stays so for all but one role.
func (w *writer) restrictions() {
	for i := range w.shape.Restricting {
		object := w.names.objects[i%len(w.names.objects)]
		action := w.names.actions[i/len(w.names.objects)%len(w.names.actions)]
		condition := "record.stage != 'locked' || 'role:" + w.names.roles[0] + "' in user.roles"
		if i%4 == 3 {
			condition = fmt.Sprintf("record.amount < %d || user.level >= 2", 500_000+i)
		}
		w.row("p2", "*", object, action, quoted(condition), "deny")
	}
}

// fieldRules writes the p3 rows, as many for each role and object: what is
// secured or masked is opened, other fields are closed.
func (w *writer) fieldRules() {
	s := w.shape
	pairs := s.Roles * s.Objects
	for pair := range pairs {
		role, object := w.names.roles[pair/s.Objects], w.names.objects[pair%s.Objects]
		first := w.rng.IntN(max(1, s.Fields))
		for i := range share(s.FieldRules, pairs, pair) {
			field := (first + i*7) % s.Fields // 7 and 40, or 13, have no divisor in common: no field twice
			access, effect := [...]string{"read", "update", "read", "unmask"}[w.rng.IntN(4)], "deny"
			if is := fieldOf(field); strings.Contains(is, "secured") || access == "unmask" || w.rng.IntN(2) == 0 {
				effect = "allow"
			}
			w.row("p3", "role:"+role, object, w.names.fields[field], access, effect)
		}
	}
}

// share is the i-th of n parts of total, the rest going to the first.
func share(total, n, i int) int {
	if i < total%n {
		return total/n + 1
	}
	return total / n
}

// quoted spells a condition as a CSV cell: commas would end it.
func quoted(s string) string {
	if strings.ContainsAny(s, `,"`) {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
