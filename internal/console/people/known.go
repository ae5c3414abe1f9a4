package people

import (
	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// maxKnown bounds what a field suggests; others can be typed all the same.
const maxKnown = 200

// known are names that fields suggest, of what the reader may read.
type known struct{ Roles, Groups, People []string }

// knownRoles suggests roles to whoever may give and list them; offices are not given
// there.
func knownRoles(v *page.Visit) (names []string, err error) {
	if !v.May(administration.Roles, administration.Assign) {
		return nil, nil
	}
	o, err := v.Enter(administration.Roles, administration.Read)
	if model.CodeOf(err) == model.CodeForbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := o.Roles(v.Context(), "", maxKnown)
	for _, r := range found.Roles {
		if !model.IsOffice(r.ID) {
			names = append(names, r.ID)
		}
	}
	return names, err
}

// knownGroups suggests groups of a kind.
func knownGroups(v *page.Visit, o *administration.Officer, kind string) (names []string, err error) {
	found, _, _, err := kinds[kind].list(v.Context(), o, directory.Query{Limit: maxKnown})
	for _, g := range found {
		names = append(names, g.ID)
	}
	return names, err
}

// knownPeople suggests people.
func knownPeople(v *page.Visit, o *administration.Officer) (names []string, err error) {
	found, err := o.Members().List(v.Context(), directory.Query{Of: store.Key{"user"}, After: store.Key{"user", ""}, Limit: maxKnown})
	for _, e := range found.Entries {
		names = append(names, e.Entry.ID)
	}
	return names, err
}
