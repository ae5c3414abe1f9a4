package policies

import (
	"maps"
	"slices"
	"strings"

	"rolegate/internal/policy"
	"rolegate/model"
)

// everything is any subject, object, action or field.
const everything = "*"

// index is a document's rows by whom and what they are about. Immutable.
type index struct {
	rows     []*model.PolicyRow            // in the order of lines
	of       map[string][]*model.PolicyRow // p, p2, p3 and p4, by subject
	links    map[string][]*model.PolicyRow // g, by the role that inherits
	heirs    map[string][]string           // role → roles that inherit it
	subjects []string                      // everybody, if a row is about all; roles; single subjects
	objects  []string                      // those of the catalogue and of rows, everything first
	catalog  *policy.Catalog
}

func newIndex(doc *policy.Document, cat *policy.Catalog) *index {
	x := &index{of: map[string][]*model.PolicyRow{}, links: map[string][]*model.PolicyRow{}, heirs: map[string][]string{}, catalog: cat}
	parts := doc.Parts()
	subjects, objects := map[string]bool{}, map[string]bool{}
	for i := range parts {
		r := &parts[i]
		x.rows = append(x.rows, r)
		subjects[r.Subject] = true
		if r.Kind == "g" {
			x.links[r.Subject] = append(x.links[r.Subject], r)
			x.heirs[r.Inherits] = append(x.heirs[r.Inherits], r.Subject)
			subjects[r.Inherits] = true
			continue
		}
		x.of[r.Subject] = append(x.of[r.Subject], r)
		objects[r.Object] = true
	}
	for name := range cat.Objects {
		objects[name] = true
	}
	x.subjects = slices.SortedFunc(maps.Keys(subjects), func(a, b string) int {
		if byKind := rank(a) - rank(b); byKind != 0 {
			return byKind
		}
		return strings.Compare(a, b)
	})
	x.objects = slices.Sorted(maps.Keys(objects)) // "*" sorts before letters
	return x
}

// rank has everybody before roles, and those before single subjects.
func rank(subject string) int {
	switch {
	case subject == everything:
		return 0
	case strings.HasPrefix(subject, model.RolePrefix):
		return 1
	}
	return 2
}

// chain is who else's rows a subject is given: roles it inherits, the nearest first,
// and everybody. via tells for each of them through which the subject has it.
func (x *index) chain(subject string) (all []string, via map[string]string) {
	via = map[string]string{subject: ""}
	all = []string{subject}
	for i := 0; i < len(all); i++ {
		for _, l := range x.links[all[i]] {
			if _, met := via[l.Inherits]; !met {
				via[l.Inherits] = all[i]
				all = append(all, l.Inherits)
			}
		}
	}
	if _, met := via[everything]; !met {
		via[everything] = subject
		all = append(all, everything)
	}
	return all, via
}

// borne is a row that bears on a subject, and how it comes to.
type borne struct {
	*model.PolicyRow
	From string   // whose row it is; "" where the subject's own
	Path []string // the subject, …, From
}

// Denies tells what takes away.
func (b borne) Denies() bool { return b.Effect == "deny" }

// Wide tells whether the row is about more than the object or action looked at.
func (b borne) Wide() bool { return b.Object == everything || b.Action == everything }

// Scoped is the scope, and for "subtree:N" the number.
func (b borne) Scoped() scoped { return scopeOf(b.Scope) }

type scoped struct{ Name, Depth string }

func scopeOf(text string) scoped {
	if n, found := strings.CutPrefix(text, "subtree:"); found {
		return scoped{"subtree_n", n}
	}
	return scoped{Name: text}
}

// reach are the rows of a kind that bear on a subject, by object and what is done.
type reach map[[2]string][]borne

// reach gathers the rows of some kinds that bear on a subject: "p", "p2" and "p4" by
// action, "p3" by field.
func (x *index) reach(subject string, kinds ...string) reach {
	all, via := x.chain(subject)
	r := reach{}
	for _, holder := range all {
		var path []string
		from := ""
		if holder != subject {
			from = holder
			for at := holder; at != ""; at = via[at] {
				path = append(path, at)
			}
			slices.Reverse(path)
		}
		for _, row := range x.of[holder] {
			if !slices.Contains(kinds, row.Kind) {
				continue
			}
			what := row.Action
			if row.Kind == "p3" {
				what = row.Field
			}
			key := [2]string{row.Object, what}
			r[key] = append(r[key], borne{row, from, path})
		}
	}
	return r
}

// at are the rows about an object and an action, those about all included; the
// subject's own first.
func (r reach) at(object, action string) (rows []borne) {
	keys := [][2]string{{object, action}, {object, everything}, {everything, action}, {everything, everything}}
	for i, k := range keys {
		if !slices.Contains(keys[:i], k) {
			rows = append(rows, r[k]...)
		}
	}
	slices.SortStableFunc(rows, func(a, b borne) int { return len(a.Path) - len(b.Path) })
	return rows
}

// usual has the actions that every CRM knows in the order people think of them.
var usual = []string{"open", "read", "create", "update", "delete", "export", "import", "assign", "share", "transfer"}

// actions are those of the objects given, in their usual order; those that rows name
// and the catalogue does not are among them.
func (x *index) actions(objects []string) []string {
	met := map[string]bool{}
	for _, o := range objects {
		if entry := x.catalog.Objects[o]; entry != nil {
			for a := range entry.Actions {
				met[a] = true
			}
		}
	}
	for _, r := range x.rows {
		if r.Action != "" && r.Action != everything && slices.Contains(objects, r.Object) {
			met[r.Action] = true
		}
	}
	return slices.SortedFunc(maps.Keys(met), func(a, b string) int {
		i, j := slices.Index(usual, a), slices.Index(usual, b)
		switch {
		case i >= 0 && j >= 0:
			return i - j
		case i >= 0:
			return -1
		case j >= 0:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// knows tells whether the catalogue has an action of an object; everything has all.
func (x *index) knows(object, action string) bool {
	entry := x.catalog.Objects[object]
	if entry == nil {
		return object == everything
	}
	_, ok := entry.Actions[action]
	return ok
}

// line is the row on a line, nil for none.
func (x *index) line(n int) *model.PolicyRow {
	i, found := slices.BinarySearchFunc(x.rows, n, func(r *model.PolicyRow, n int) int { return r.Line - n })
	if !found {
		return nil
	}
	return x.rows[i]
}

// Short is a subject as tables show it: a role by its name.
func Short(subject string) string { return strings.TrimPrefix(subject, model.RolePrefix) }

// pick are the names that a reader may mean: the one of that spelling, or all that
// contain it.
func pick(names []string, said string) []string {
	if said == "" {
		return names
	}
	for _, n := range names {
		if n == said || Short(n) == said {
			return []string{n}
		}
	}
	said = strings.ToLower(said)
	var found []string
	for _, n := range names {
		if strings.Contains(strings.ToLower(Short(n)), said) {
			found = append(found, n)
		}
	}
	return found
}

// following cuts a page out of a list: what comes behind a name, at most n, and behind
// which name the next page begins, "" for none.
func following(names []string, after string, n int) (shown []string, next string) {
	if after != "" {
		if i := slices.Index(names, after); i >= 0 {
			names = names[i+1:]
		}
	}
	if len(names) <= n {
		return names, ""
	}
	return names[:n], names[n-1]
}
