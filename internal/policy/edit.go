package policy

import (
	"context"
	"errors"
	"maps"
	"strings"

	"rolegate/internal/store"
	"rolegate/model"
)

// edit brings a view up to date by what changed: each thing is read again, and
// only what holds it is copied. A view is never written to.
type edit struct {
	ctx  context.Context
	c    *Snapshots
	slot *slot
	view View
	done map[store.Change]bool

	people   *roster // the copy being edited; nil before the first edit of people
	managers bool    // a reporting line changed
	reload   bool    // this kind of change reads everything again
}

// apply reads again what a change names; twice the same is once.
func (e *edit) apply(ch store.Change) error {
	if e.done[ch] {
		return nil
	}
	e.done[ch] = true
	switch ch.Kind {
	case store.ChangedPolicy, store.ChangedTenant:
		return e.policy(ch.Kind)
	case store.ChangedSubject:
		return e.subject(ch.Key)
	case store.ChangedMember:
		return e.assignments(ch.Key)
	case store.ChangedRole:
		return e.role(ch.Key)
	case store.ChangedResource:
		return e.resource(ch.Key)
	}
	// Groups, the whole directory, and kinds a newer version has written.
	e.reload = true
	return nil
}

// policy compiles again, if document or catalogue are others.
func (e *edit) policy(kind store.ChangeKind) error {
	if kind == store.ChangedTenant && e.view.rules.catalog.Text == catalogText(e.view.tenant) {
		return nil
	}
	rules, err := e.c.loadRules(e.ctx, e.slot, e.view.tenant)
	if err == nil {
		e.view.Snapshot = &Snapshot{e.view.tenant, rules, e.view.people}
	}
	return err
}

// edited is the roster that may be written to.
func (e *edit) edited() *roster {
	if e.people == nil {
		copied := *e.view.Snapshot.people
		copied.types = maps.Clone(copied.types)
		e.people = &copied
	}
	return e.people
}

func (e *edit) subject(key string) error {
	typ, id, _ := strings.Cut(key, ":")
	if !nameable(typ, id) {
		return nil
	}
	r := e.edited()
	before := r.find(typ, id)
	row, err := e.c.Store.Subject(e.ctx, e.view.tenant.ID, typ, id)
	if errors.Is(err, store.ErrNotFound) {
		if before != nil {
			r.types[typ] = r.types[typ].without(id)
			r.attributes -= sizeOf(before.extra().attributes)
		}
		e.managers = e.managers || before != nil && before.manager != ""
		return nil
	}
	if err != nil {
		return err
	}
	m := newMember(&row, interner{})
	if typ == "user" {
		u, err := e.c.Store.User(e.ctx, e.view.tenant.ID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		m.disabled = u.Disabled
	}
	given, err := e.held(m.key)
	if err != nil {
		return err
	}
	for _, a := range given {
		m.hold(a)
	}
	e.managers = e.managers || m.manager != "" && before == nil || before != nil && before.manager != m.manager
	r.attributes += sizeOf(row.Attributes)
	if before != nil {
		r.attributes -= sizeOf(before.extra().attributes)
	}
	r.types[typ] = r.table(typ).with(m)
	return nil
}

// held reads the assignments of a member.
func (e *edit) held(member string) ([]assignment, error) {
	rows, err := e.c.Store.Assignments(e.ctx, e.view.tenant.ID, member, "")
	if err != nil {
		return nil, err
	}
	var given []assignment
	for _, a := range rows {
		given = append(given, newAssignment(a))
	}
	return given, nil
}

func (e *edit) assignments(key string) error {
	given, err := e.held(key)
	if err != nil {
		return err
	}
	r := e.edited()
	if team, ok := strings.CutPrefix(key, teamPrefix); ok {
		roles := maps.Clone(r.teams.roles)
		roles[team] = given
		r.teams = newTeamRoles(roles)
		return nil
	}
	typ, id, _ := strings.Cut(key, ":")
	if m := r.find(typ, id); m != nil {
		r.types[typ] = r.types[typ].with(m.holding(given))
	}
	return nil
}

// holding is the member with other roles.
func (m *member) holding(given []assignment) *member {
	other := &member{key: m.key, idAt: m.idAt, teams: m.teams, unit: m.unit, manager: m.manager, disabled: m.disabled}
	if m.more != nil {
		kept := *m.more
		kept.windowed = nil
		other.more = &kept
	}
	for _, a := range given {
		other.hold(a)
	}
	return other
}

func (e *edit) role(id string) error {
	role, err := e.c.Store.Role(e.ctx, e.view.tenant.ID, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	r := e.edited()
	r.mfa = maps.Clone(r.mfa)
	r.mfa[model.RolePrefix+id] = role.RequireMFA || model.IsOffice(id)
	return nil
}

func (e *edit) resource(key string) error {
	typ, id, _ := strings.Cut(key, ":")
	records, err := e.view.records.reread(e.ctx, e.c.Store, e.view.tenant.ID, typ, id)
	if err == nil {
		e.view.records = records
	}
	return err
}

// finish is the view with all that was applied.
func (e *edit) finish() *View {
	s := e.view.Snapshot
	if e.people != nil {
		if e.managers {
			e.people.reporting = e.people.newReporting()
		}
		s = &Snapshot{e.view.tenant, s.rules, e.people}
	}
	return newView(s, e.view.records)
}
