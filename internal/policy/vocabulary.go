package policy

import (
	"maps"
	"slices"
)

// vocabulary is what a tenant has words for: the objects and actions its
// catalogue declares or a policy row names. Anything else is answered no, and
// the answer says that the word is unknown, since it mostly is a slip.
type vocabulary struct {
	objects    map[string]*objectWords
	anyActions map[string]bool // actions rows name for object "*"
	anyFields  map[string]bool // fields rows name for object "*"
}

type objectWords struct {
	declared   bool // by the catalogue
	actions    map[string]bool
	everyDo    bool            // a row grants or denies action "*" on it
	fields     map[string]bool // named by the catalogue or by p3 rows
	enumerable bool            // the catalogue declares its fields
}

func newVocabulary(doc *Document, cat *Catalog) *vocabulary {
	v := &vocabulary{objects: map[string]*objectWords{}, anyActions: map[string]bool{}, anyFields: map[string]bool{}}
	for name, o := range cat.Objects {
		w := v.object(name)
		w.declared = true
		w.enumerable = len(o.Fields) > 0
		for action := range o.Actions {
			w.actions[action] = true
		}
		for field := range o.Fields {
			w.fields[field] = true
		}
	}
	for _, r := range doc.Rules {
		v.addRule(r)
	}
	return v
}

func (v *vocabulary) object(name string) *objectWords {
	w := v.objects[name]
	if w == nil {
		w = &objectWords{actions: map[string]bool{}, fields: map[string]bool{}}
		v.objects[name] = w
	}
	return w
}

func (v *vocabulary) addRule(r *Row) {
	object, word := r.Row[colObject], r.Row[colAction]
	named, onAny := v.anyActions, object == everything
	if r.Kind == "p3" {
		named = v.anyFields
	}
	if !onAny {
		w := v.object(object)
		named = w.actions
		if r.Kind == "p3" {
			named = w.fields
		} else if word == everything {
			w.everyDo = true
		}
	}
	if word != everything {
		named[word] = true
	}
}

// knowsAction tells whether the action means anything on a known object. The
// catalogue closes the list of an object's actions but for those that rows
// name; an object without an entry there has any action, once a row says "*".
func (v *vocabulary) knowsAction(object, action string) bool {
	w := v.objects[object]
	if w == nil {
		return false
	}
	return w.actions[action] || v.anyActions[action] || w.everyDo && !w.declared
}

// literal gives back the object and the action where policy or catalogue have
// them word for word, and "" for what only a request says.
func (v *vocabulary) literal(object, action string) (string, string) {
	w := v.objects[object]
	switch {
	case w == nil:
		return "", ""
	case w.actions[action] || v.anyActions[action]:
		return object, action
	}
	return object, ""
}

// fieldsOf lists the fields an answer without named fields speaks about. Where
// the catalogue does not declare the object's fields the list cannot be
// complete, and "*" stands for all the others: a row that hides everything must
// not be lost because nothing has a name.
func (v *vocabulary) fieldsOf(object string) []string {
	names := maps.Clone(v.anyFields)
	w := v.objects[object]
	if w != nil {
		maps.Copy(names, w.fields)
	}
	if w == nil || !w.enumerable {
		names[everything] = true
	}
	return slices.Sorted(maps.Keys(names))
}
