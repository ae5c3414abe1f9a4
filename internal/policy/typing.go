package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"rolegate/internal/policy/condition"
)

// conditions are those compiled before: a new revision of a policy compiles only
// what is new in it.
var conditions condition.Cache

// typing compiles conditions with the types a catalogue gives to objects' fields.
type typing struct {
	catalog *Catalog          // nil: nothing is declared
	hashes  map[string]string // object → its declared types, as text
}

func newTyping(cat *Catalog) *typing { return &typing{cat, map[string]string{}} }

// compile compiles a condition about records of an object. Of object "*", and of
// one whose fields are not declared, any type may come.
func (t *typing) compile(object, text string) (*condition.Condition, error) {
	if !t.declares(object) {
		return conditions.Compile(text, "", nil, "")
	}
	fields := t.catalog.Objects[object].Fields
	return conditions.Compile(text, object, func(field string) string { return fields[field].Type }, t.hash(object))
}

// declares tells whether the catalogue declares fields of the object.
func (t *typing) declares(object string) bool {
	o := t.catalog.object(object)
	return o != nil && len(o.Fields) > 0
}

// hash tells the declared types of an object from others.
func (t *typing) hash(object string) string {
	if h, made := t.hashes[object]; made {
		return h
	}
	var b strings.Builder
	fields := t.catalog.Objects[object].Fields
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteString(name + " " + cmp.Or(fields[name].Type, "any") + "\n")
	}
	t.hashes[object] = b.String()
	return b.String()
}
