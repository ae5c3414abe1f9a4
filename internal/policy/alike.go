package policy

import (
	"slices"

	"rolegate/model"
)

// Comparison tells of two policies for the same people which questions they have the
// same rows about. It remembers, and is for one use at a time.
type Comparison struct {
	before, after *Snapshot
	rows          map[comparedRows]bool
	fields        map[string]bool // by object
}

// comparedRows are the rows that whoever may match the same things has about an action.
type comparedRows struct {
	before, after  *holder
	object, action string
}

// Compare makes one of two snapshots, the second of which is the first Under another
// document.
func Compare(before, after *View) *Comparison {
	return &Comparison{before.Snapshot, after.Snapshot, map[comparedRows]bool{}, map[string]bool{}}
}

// Alike tells whether both policies have the same rows about a question, and the subject
// the same roles. Then they answer it alike, whatever the request says beside it and
// whatever the record is.
func (c *Comparison) Alike(q *model.Question, in *Inputs) bool {
	ask := func(s *Snapshot) (a asking, code model.Code) {
		a = asking{Snapshot: s, q: q, in: in, engine: index{}, now: in.Now}
		return a, a.admit()
	}
	a, was := ask(c.before)
	b, is := ask(c.after)
	if was != model.ReasonAllowed || is != model.ReasonAllowed {
		return was == is
	}
	k := comparedRows{a.keys, b.keys, q.Resource.Type, q.Action.Name}
	alike, known := c.rows[k]
	if !known {
		alike = slices.Equal(a.keys.roles, b.keys.roles) && c.sameFields(&a, &b) && slices.Equal(a.rowsAbout(), b.rowsAbout())
		c.rows[k] = alike
	}
	return alike
}

// rowsAbout lists the rows about the action and all it requires, as they are written.
func (a *asking) rowsAbout() (all []string) {
	asked := a.at
	for _, action := range append([]string{asked.action}, asked.requires()...) {
		a.at = a.rules.target(a.object.name, action)
		if !a.at.known {
			all = append(all, "means nothing: "+action)
		}
		for _, r := range a.at.from {
			if r == nil {
				continue
			}
			for _, list := range []rowList{r.allows, r.denials, r.limits(), r.proofs()} {
				list.each(a.keys, func(e *rowRef) { all = append(all, a.rules.rule(e.rule).Text) })
			}
		}
	}
	slices.Sort(all)
	return all
}

// sameFields tells whether both have the same rows about fields of the object, whoever
// these are for: a field that a row closes to somebody has a name in everybody's answer.
func (c *Comparison) sameFields(a, b *asking) bool {
	same, known := c.fields[a.object.name]
	if !known {
		same = slices.Equal(a.fieldRows(), b.fieldRows())
		c.fields[a.object.name] = same
	}
	return same
}

func (a *asking) fieldRows() (all []string) {
	for _, o := range []*object{a.object, a.rules.any} {
		for _, rows := range o.fields.rows {
			for _, list := range []rowList{rows.everyone, rows.allows, rows.denials} {
				for i := range list {
					all = append(all, a.rules.rule(list[i].rule).Text)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
