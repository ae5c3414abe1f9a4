package policy

import (
	"maps"
	"slices"

	"rolegate/model"
)

// Under is the view of the same people and records under another document, for
// asking what that would change. It is nobody's policy in force: do not answer
// requests by it. A condition that does not suit the catalogue is refused with
// CodePolicyInvalid.
func (v *View) Under(doc *Document) (*View, error) {
	rules, err := compile(doc, v.rules.catalog, toPublish)
	if err != nil {
		return nil, err
	}
	return newView(&Snapshot{v.tenant, rules, v.people}, v.records), nil
}

// UnderCatalog is the view of the same people and policy under another catalogue,
// likewise.
func (v *View) UnderCatalog(catalog *Catalog) (*View, error) {
	doc, err := parseKept(v.rules.text, nil)
	if err != nil {
		return nil, spoiled(v.tenant.ID, err)
	}
	rules, err := compile(doc, catalog, toPublish)
	if err != nil {
		return nil, err
	}
	return newView(&Snapshot{v.tenant, rules, v.people}, v.records), nil
}

// With is the view with one subject more, who holds roles (bare ids) for ever. A
// registered subject of the same key is not there meanwhile; reporting lines stay
// as they are.
func (v *View) With(s model.Subject, roles []string) *View {
	m := newMember(&s, interner{})
	for _, role := range roles {
		m.hold(newAssignment(model.Assignment{Role: role}))
	}
	people := *v.people
	people.types = maps.Clone(people.types)
	people.types[s.Type] = people.table(s.Type).with(m)
	return newView(&Snapshot{v.tenant, v.rules, &people}, v.records)
}

// Subjects lists who is registered, by type and then by id in byte order.
func (s *Snapshot) Subjects() []model.Entity {
	var all []model.Entity
	for _, typ := range slices.Sorted(maps.Keys(s.people.types)) {
		for _, id := range s.people.types[typ].ids() {
			all = append(all, model.Entity{Type: typ, ID: id})
		}
	}
	return all
}

// Words gives each object that means something, with the actions that do on it,
// sorted.
func (s *Snapshot) Words() map[string][]string {
	words := make(map[string][]string, len(s.rules.objects))
	for name, o := range s.rules.objects {
		words[name] = s.rules.actionsOf(o)
	}
	return words
}

// NewView is the view of a snapshot, for who has one without a store: nothing is
// registered as a record there.
func NewView(s *Snapshot) *View { return newView(s, newRecords(nil, func() {})) }
