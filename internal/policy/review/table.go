package review

import (
	"strconv"
	"strings"

	"rolegate/internal/policy"
	"rolegate/model"
)

const (
	everything = "*"
	allow      = "allow"
	deny       = "deny"
)

// table is a document's rows, to be found by whom and what they are about.
type table struct {
	rows     []model.PolicyRow // in the order of lines, links included
	links    []int             // places of links in rows
	inherits map[string][]string
	chains   map[string][]string // see chain; a cache
	at       map[place][]int
	asked    bool // some condition looks at user.roles

	catalog *policy.Catalog
	pairs   map[[2]string]int // object and action, either may be *: rows of them that are no field rules
	objects map[string]int    // rows of an object
	fields  map[[2]string]int // field rules of an object that name a field
	allowed map[[2]string]int // as pairs, allow rows only

	starObjects, starActions int // allow rows for every object, and for every action
}

// place is what rows are found by. What is the action, or of a p3 row its field
// and access.
type place struct{ kind, effect, subject, object, what string }

func newTable(d *policy.Document, catalog *policy.Catalog) *table {
	t := &table{
		inherits: map[string][]string{}, chains: map[string][]string{}, at: map[place][]int{}, catalog: catalog,
		pairs: map[[2]string]int{}, objects: map[string]int{}, fields: map[[2]string]int{}, allowed: map[[2]string]int{},
	}
	if d == nil {
		return t
	}
	t.rows = d.Parts()
	for i := range t.rows {
		r := &t.rows[i]
		if r.Kind == "g" {
			t.inherits[r.Subject] = append(t.inherits[r.Subject], r.Inherits)
			t.links = append(t.links, i)
			continue
		}
		t.asked = t.asked || strings.Contains(r.Condition, "roles")
		t.at[placeOf(r)] = append(t.at[placeOf(r)], i)
		t.objects[r.Object]++
		pair := [2]string{r.Object, r.Action}
		switch {
		case r.Kind == "p3":
			t.fields[[2]string{r.Object, r.Field}]++
			continue
		case r.Kind == "p" && r.Effect == allow:
			t.allowed[pair]++
			t.starObjects += count(r.Object == everything)
			t.starActions += count(r.Action == everything)
		}
		t.pairs[pair]++
	}
	return t
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func placeOf(r *model.PolicyRow) place {
	return place{r.Kind, r.Effect, r.Subject, r.Object, whatOf(r)}
}

func whatOf(r *model.PolicyRow) string {
	if r.Kind == "p3" {
		return r.Field + "\x00" + r.Access
	}
	return r.Action
}

// chain is whom rows name that apply to every subject to which rows of this one
// apply: itself, what it inherits, and everybody.
func (t *table) chain(subject string) []string {
	if c, known := t.chains[subject]; known {
		return c
	}
	met := map[string]bool{}
	var all []string
	for todo := []string{subject, everything}; len(todo) > 0; {
		key := todo[0]
		todo = todo[1:]
		if !met[key] {
			met[key] = true
			all = append(all, key)
			todo = append(todo, t.inherits[key]...)
		}
	}
	t.chains[subject] = all
	return all
}

// inheritsFrom tells whether whoever has the one is or has the other.
func (t *table) inheritsFrom(subject, other string) bool {
	for _, key := range t.chain(subject) {
		if key == other {
			return true
		}
	}
	return false
}

// covering finds a row of an effect, other than one at a place in rows, that is
// about all that a row is about, and of which so much holds.
func (t *table) covering(r *model.PolicyRow, effect string, except int, holds func(s, r *model.PolicyRow) bool) (int, bool) {
	for _, subject := range t.chain(r.Subject) {
		for _, object := range both(r.Object) {
			for _, what := range t.whats(r, effect, subject) {
				for _, i := range t.at[place{r.Kind, effect, subject, object, what}] {
					if i != except && holds(&t.rows[i], r) {
						return i, true
					}
				}
			}
		}
	}
	return 0, false
}

// whats is where rows stand that are about the action, or the field, of a row. To
// a field rule only those of its very field matter, but for denials to everybody,
// which close whatever other rows say.
func (t *table) whats(r *model.PolicyRow, effect, subject string) []string {
	switch {
	case r.Kind != "p3":
		return both(r.Action)
	case subject == everything && effect == deny && r.Field != everything:
		return []string{whatOf(r), everything + "\x00" + r.Access}
	}
	return []string{whatOf(r)}
}

// both is a name and the star, once.
func both(name string) []string {
	if name == everything {
		return []string{everything}
	}
	return []string{name, everything}
}

// says tells whether a row, which is about all that another is about, says as
// much: allows all it allows, denies all it denies, asks for all it asks for.
func says(s, r *model.PolicyRow) bool {
	switch r.Kind {
	case "p":
		return policy.ScopeCovers(s.Scope, r.Scope) && (s.Condition == "" || s.Condition == r.Condition)
	case "p2":
		return s.Condition == r.Condition
	case "p4":
		return s.ACR >= r.ACR && seconds(s.MaxAge) <= seconds(r.MaxAge)
	}
	return true
}

// seconds is a max_age; any age is more than all there are.
func seconds(maxAge string) int64 {
	n, err := strconv.ParseInt(maxAge, 10, 64)
	if err != nil {
		return 1 << 40
	}
	return n
}

// object is the catalogue's entry, or nil.
func (t *table) object(name string) *policy.Object {
	if t.catalog == nil {
		return nil
	}
	return t.catalog.Objects[name]
}

// knows tells whether an object means something.
func (t *table) knows(object string) bool { return t.object(object) != nil || t.objects[object] > 0 }

// knowsPair tells whether an action means something on an object that does; of "*",
// whether every action does. Rows for every action of every object give none its
// meaning. less is how many rows of the very pair are not to count.
func (t *table) knowsPair(object, action string, less int) bool {
	entry := t.object(object)
	if entry != nil {
		if _, listed := entry.Actions[action]; listed {
			return true
		}
	}
	if t.pairs[[2]string{object, action}] > less || object == everything {
		return t.pairs[[2]string{object, action}] > less
	}
	return action != everything && t.pairs[[2]string{everything, action}] > 0 || entry == nil && t.pairs[[2]string{object, everything}] > 0
}

// alone tells whether a row is the only one by which a word of it means
// something: without it, questions with that word are answered otherwise, whatever
// the row itself says.
func (t *table) alone(r *model.PolicyRow) bool {
	if r.Object != everything && t.object(r.Object) == nil && t.objects[r.Object] == 1 {
		return true
	}
	switch {
	case r.Kind == "p3":
		return r.Field != everything && !t.lists(r.Object, r.Field) &&
			t.fields[[2]string{r.Object, r.Field}] == 1 && (r.Object == everything || t.fields[[2]string{everything, r.Field}] == 0)
	case r.Action != everything:
		return !t.knowsPair(r.Object, r.Action, 1)
	case r.Object != everything && t.object(r.Object) == nil:
		return t.pairs[[2]string{r.Object, everything}] == 1
	}
	return false
}

// names tells whether a field of an object has a name: answers list the fields
// that have, and say of no other that it is hidden.
func (t *table) names(object, field string) bool {
	return t.lists(object, field) || t.fields[[2]string{object, field}] > 0 || t.fields[[2]string{everything, field}] > 0
}

// lists tells whether the catalogue lists a field of an object.
func (t *table) lists(object, field string) bool {
	entry := t.object(object)
	if entry == nil {
		return false
	}
	_, listed := entry.Fields[field]
	return listed
}
