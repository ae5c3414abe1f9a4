package review

import (
	"maps"
	"slices"
	"strings"

	"rolegate/model"
)

// nobodyLeft gives what some row let somebody do to Rolegate itself, and no row
// lets anybody do any more, an object at a time. Whether those whom rows still let
// are there to do it is not a document's to tell.
func nobodyLeft(was, now *table) (found []model.Finding) {
	lost := map[string]*model.Finding{} // by object
	lacking := map[string][]string{}
	for i := range was.rows {
		r := &was.rows[i]
		for _, object := range was.ownObjects(r) {
			for _, action := range was.actionsOf(object, r.Action) {
				if slices.Contains(lacking[object], action) || !was.lets(object, action) || now.lets(object, action) {
					continue
				}
				if lost[object] == nil {
					f := finding(model.FindingNobody, r)
					f.New, f.Line = true, now.lineOf(r.Text)
					lost[object] = &f
				}
				lacking[object] = append(lacking[object], action)
			}
		}
	}
	for _, object := range slices.Sorted(maps.Keys(lost)) {
		f := lost[object]
		slices.Sort(lacking[object])
		f.Word = object + ": " + strings.Join(lacking[object], ", ")
		found = append(found, *f)
	}
	return found
}

// ownObjects are those of ours that an allow row is about.
func (t *table) ownObjects(r *model.PolicyRow) (objects []string) {
	switch {
	case r.Kind != "p" || r.Effect != allow:
	case strings.HasPrefix(r.Object, ownPrefix):
		objects = append(objects, r.Object)
	case r.Object == everything && t.catalog != nil:
		for name := range t.catalog.Objects {
			if strings.HasPrefix(name, ownPrefix) {
				objects = append(objects, name)
			}
		}
	}
	return objects
}

// actionsOf spells out the star, where the catalogue knows the object.
func (t *table) actionsOf(object, action string) []string {
	if o := t.object(object); o != nil && action == everything {
		return slices.Sorted(maps.Keys(o.Actions))
	}
	return []string{action}
}

// lets tells whether some row allows an action that no denial takes away whole.
func (t *table) lets(object, action string) bool {
	for i := range t.rows {
		r := t.rows[i]
		if r.Kind != "p" || r.Effect != allow || r.Object != object && r.Object != everything ||
			r.Action != action && r.Action != everything && action != everything {
			continue
		}
		r.Object, r.Action = object, action
		if _, gone := t.overridden(-1, &r); !gone {
			return true
		}
	}
	return false
}

// lineOf is where a row stands, 0 for nowhere.
func (t *table) lineOf(text string) int {
	for i := range t.rows {
		if t.rows[i].Text == text {
			return t.rows[i].Line
		}
	}
	return 0
}
