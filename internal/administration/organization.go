package administration

import (
	"context"
	"slices"
	"time"

	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Organization is Rolegate's own object that rights over teams, trees and reporting
// lines are about.
const (
	Organization = "rolegate.organization"
	Update       = "update"
)

// Entries are the organization's entries of one kind, as people keep them: package
// directory's, by right, and with what each write gives to somebody held against what
// the person may give.
type Entries[T any] struct {
	o    *Officer
	kept directory.Collection[T]
	id   func(store.Key) (id, of string) // of the record that the policy is asked about
	key  func(T) store.Key
	// gives refuses a write by which somebody gets, or loses, what the person may not
	// give. was is the zero value of what is new.
	gives func(at *standing, ctx context.Context, was, is T) error
}

// Teams are the tenant's. A person makes and deletes teams; what roles one has is
// AssignTeam's.
func (o *Officer) Teams() Entries[model.Team] {
	return Entries[model.Team]{o, o.Directory.Teams(), group("team"), func(v model.Team) store.Key { return store.Key{v.ID} }, nil}
}

// Units are the tenant's.
func (o *Officer) Units() Entries[model.Unit] {
	return Entries[model.Unit]{o, o.Directory.Units(), group("unit"), func(v model.Unit) store.Key { return store.Key{v.ID} }, (*standing).mayPutUnit}
}

// Territories are the tenant's.
func (o *Officer) Territories() Entries[model.Territory] {
	return Entries[model.Territory]{o, o.Directory.Territories(), group("territory"), func(v model.Territory) store.Key { return store.Key{v.ID} }, (*standing).mayPutTerritory}
}

// Members are the tenant's subjects: who is where, and reports to whom. People delete
// none; an account that nobody should use is disabled.
func (o *Officer) Members() Entries[model.Subject] {
	return Entries[model.Subject]{o, o.Directory.Subjects(), func(k store.Key) (id, of string) {
		if k[0] == "user" {
			of = k[1]
		}
		return k[0] + ":" + k[1], of
	}, func(v model.Subject) store.Key { return store.Key{v.Type, v.ID} }, (*standing).mayPutMember}
}

func group(kind string) func(store.Key) (id, of string) {
	return func(k store.Key) (id, of string) { return kind + ":" + k[0], "" }
}

// Get reads an entry.
func (e Entries[T]) Get(ctx context.Context, key store.Key) (found directory.Stored[T], err error) {
	id, of := e.id(key)
	at, err := e.o.right(ctx, id, of)
	if err != nil {
		return found, err
	}
	return e.kept.Get(ctx, at.caller, e.o.tenant, key)
}

// List reads a page of entries. Those that the person may not read are left out, so it
// may have fewer than were asked for and yet not be the last.
func (e Entries[T]) List(ctx context.Context, q directory.Query) (p directory.Page[T], err error) {
	at, err := e.o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return p, err
	}
	if p, err = e.kept.List(ctx, at.caller, e.o.tenant, q); err != nil {
		return p, err
	}
	p.Entries = slices.DeleteFunc(p.Entries, func(s directory.Stored[T]) bool {
		id, of := e.id(e.key(s.Entry))
		_, err := at.ask(ctx, e.o.object, e.o.action, id, of)
		return err != nil
	})
	return p, nil
}

// Put makes the entry, or replaces it whole.
func (e Entries[T]) Put(ctx context.Context, entry T, cond directory.Condition) (w directory.Written, err error) {
	if entry, err = e.kept.Clean(entry); err != nil {
		return w, err
	}
	key := e.key(entry)
	id, of := e.id(key)
	err = e.o.settle(ctx, id, of, func(at *standing) error {
		if e.gives != nil {
			was, err := e.kept.Peek(ctx, e.o.tenant, key)
			if err == nil {
				err = e.gives(at, ctx, was, entry)
			}
			if err != nil {
				return err
			}
		}
		w, err = e.kept.Put(ctx, at.caller, e.o.tenant, entry, cond)
		return err
	})
	return w, err
}

// Delete deletes the entry; CodeInUse says what still refers to it. Subjects are never
// deleted by people.
func (e Entries[T]) Delete(ctx context.Context, key store.Key, cond directory.Condition) (w directory.Written, err error) {
	if _, subjects := any(e.kept).(directory.Collection[model.Subject]); subjects {
		return w, errForbidden
	}
	id, of := e.id(key)
	err = e.o.settle(ctx, id, of, func(at *standing) error {
		if e.gives != nil {
			var none T
			was, err := e.kept.Peek(ctx, e.o.tenant, key)
			if err == nil {
				err = e.gives(at, ctx, was, none)
			}
			if err != nil {
				return err
			}
		}
		w, err = e.kept.Delete(ctx, at.caller, e.o.tenant, key, cond)
		return err
	})
	return w, err
}

var (
	errBelowSelf = model.Errorf(model.CodeForbidden, "nobody brings people, units or territories below themselves")
	errOwnTeam   = model.Errorf(model.CodeForbidden, "nobody lets others into a team they are in")
)

// mayPutMember refuses what people must not do to a subject by saying where it is: to
// their own, to somebody above them, to move it to where they may do nothing to it, to
// let it into a team, or out of one, that has, or withholds, what they may not give, into
// a team they are in, and to bring it below themselves.
func (at *standing) mayPutMember(ctx context.Context, was, is model.Subject) error {
	of := ""
	if is.Type == "user" {
		if of = is.ID; of == at.caller.ID {
			return at.notSelf(of)
		}
		if err := at.notAbove(ctx, of); err != nil {
			return err
		}
		if _, err := at.decide(ctx, policy.Act{Object: at.object, Action: at.action, ID: is.Key(), Of: of, Becomes: &is}); err != nil {
			return err
		}
	}
	me, err := at.self(ctx)
	if err != nil {
		return err
	}
	for _, team := range differing(was.Teams, is.Teams) {
		if slices.Contains(is.Teams, team) && slices.Contains(me.Teams, team) {
			return errOwnTeam
		}
		give := func(at *standing) error { return at.mayGiveTeam(ctx, team, of) }
		if err := give(at); err != nil {
			return err
		}
		if slices.Contains(is.Teams, team) {
			err = at.forAsLong(ctx, time.Time{}, give)
		} else {
			err = at.mayFree(ctx, is.Key(), "team:"+team, "team:"+team, of, func(at *standing) error {
				if _, err := at.ask(ctx, at.object, at.action, is.Key(), of); err != nil {
					return err
				}
				return give(at)
			})
		}
		if err != nil {
			return err
		}
	}
	below, err := at.leadsTo(is.Manager, func(id string) (string, error) {
		m, err := at.user(ctx, id)
		return m.Manager, err
	}, func(id string) bool { return id == at.caller.ID })
	if err == nil && below && is.Manager != was.Manager {
		err = errBelowSelf
	}
	if err != nil || is.Unit == "" || is.Unit == was.Unit {
		return err
	}
	return at.notOwnUnit(ctx, is.Unit)
}

// notOwnUnit refuses what would be in a unit that the person is in or heads, or below it.
func (at *standing) notOwnUnit(ctx context.Context, unit string) error {
	me, err := at.self(ctx)
	if err != nil {
		return err
	}
	mine, err := at.leadsTo(unit, func(id string) (string, error) {
		u, err := at.unit(ctx, id)
		return u.Parent, err
	}, func(id string) bool { return id == me.Unit })
	if err == nil && !mine {
		mine, err = at.heads(ctx, unit)
	}
	if err == nil && mine {
		err = errBelowSelf
	}
	return err
}

// mayPutUnit refuses to make oneself the head of a unit, to take it from somebody above
// who heads it, or to bring one below a unit that one heads or is in.
func (at *standing) mayPutUnit(ctx context.Context, was, is model.Unit) error {
	for _, head := range was.Heads {
		if slices.Contains(is.Heads, head) {
			continue
		}
		if err := at.notAbove(ctx, head); err != nil {
			return err
		}
	}
	if slices.Contains(is.Heads, at.caller.ID) && !slices.Contains(was.Heads, at.caller.ID) {
		return errBelowSelf
	}
	if is.Parent == "" || is.Parent == was.Parent {
		return nil
	}
	return at.notOwnUnit(ctx, is.Parent)
}

// mayPutTerritory refuses to bring a territory below one that is one's own.
func (at *standing) mayPutTerritory(ctx context.Context, was, is model.Territory) error {
	if is.Parent == "" || is.Parent == was.Parent {
		return nil
	}
	me, err := at.self(ctx)
	if err != nil {
		return err
	}
	mine, err := at.leadsTo(is.Parent, func(id string) (string, error) {
		t, err := at.territory(ctx, id)
		return t.Parent, err
	}, func(id string) bool { return slices.Contains(me.Territories, id) })
	if err == nil && mine {
		err = errBelowSelf
	}
	return err
}

// self is where the person is.
func (at *standing) self(ctx context.Context) (model.Subject, error) {
	return at.user(ctx, at.caller.ID)
}

// What the directory says, read once. What is not there is the zero value.

func (at *standing) user(ctx context.Context, id string) (model.Subject, error) {
	return once(at.subjects, id, func() (model.Subject, error) { return at.Store.Subject(ctx, at.tenant, "user", id) })
}

func (at *standing) unit(ctx context.Context, id string) (model.Unit, error) {
	return once(at.units, id, func() (model.Unit, error) { return at.Store.Unit(ctx, at.tenant, id) })
}

func (at *standing) territory(ctx context.Context, id string) (model.Territory, error) {
	return once(at.territories, id, func() (model.Territory, error) { return at.Store.Territory(ctx, at.tenant, id) })
}

func (at *standing) rolesOf(ctx context.Context, member string) ([]model.Assignment, error) {
	return once(at.roles, member, func() ([]model.Assignment, error) { return at.Store.Assignments(ctx, at.tenant, member, "") })
}

func once[T any](known map[string]T, id string, read func() (T, error)) (T, error) {
	if v, ok := known[id]; ok {
		return v, nil
	}
	v, err := read()
	if notFound(err) {
		err = nil
	}
	if err == nil {
		known[id] = v
	}
	return v, err
}

// heads tells whether the person heads a unit, or one above it.
func (at *standing) heads(ctx context.Context, unit string) (bool, error) {
	var heads []string
	return at.leadsTo(unit, func(id string) (string, error) {
		u, err := at.unit(ctx, id)
		heads = append(heads, u.Heads...)
		return u.Parent, err
	}, func(string) bool { return slices.Contains(heads, at.caller.ID) })
}

// maxUp bounds a way up, which may go in a circle that was there before it was refused.
const maxUp = 1000

// leadsTo goes up from id, id included, until it comes to what is looked for. What is
// not there has nothing above it.
func (at *standing) leadsTo(id string, up func(id string) (string, error), found func(id string) bool) (bool, error) {
	for range maxUp {
		if id == "" {
			return false, nil
		}
		next, err := up(id)
		if err != nil {
			return false, err
		}
		if found(id) {
			return true, nil
		}
		id = next
	}
	return true, nil // in doubt no
}

// differing are what is in one of two lists only.
func differing(a, b []string) (d []string) {
	for _, of := range [][2][]string{{a, b}, {b, a}} {
		for _, id := range of[0] {
			if !slices.Contains(of[1], id) {
				d = append(d, id)
			}
		}
	}
	return d
}

// mayGiveTeam tells whether the person may give a user all that a team has: its roles,
// now or later, and what rows of the policy give to it by its name.
func (at *standing) mayGiveTeam(ctx context.Context, team, user string) error {
	member := "team:" + team
	held, err := at.rolesOf(ctx, member)
	if err != nil {
		return err
	}
	for _, a := range held {
		if a.EndedAt(at.Now()) {
			continue
		}
		if err := at.mayGive(ctx, a.Role, user); err != nil {
			return err
		}
	}
	return at.mayHandOwn(ctx, member, user)
}

// mayGiveToTeam tells whether the person may give the role to a team, and so take it:
// to all who are in it or will be, and so not to one they are in themselves.
func (at *standing) mayGiveToTeam(ctx context.Context, role, team string) error {
	me, err := at.self(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(me.Teams, team) {
		return model.Errorf(model.CodeForbidden, "nobody gives roles to a team they are in")
	}
	if err := at.noneAbove(ctx, "team:"+team); err != nil {
		return err
	}
	return at.mayGive(ctx, role, "")
}

// AssignTeam gives a team a role within a window.
func (o *Officer) AssignTeam(ctx context.Context, team string, a model.Assignment, reason string) (revision int64, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return 0, err
	}
	a.Member = "team:" + team
	err = o.settle(ctx, a.Role, "", func(at *standing) error {
		if err := at.mayAssign(ctx, a); err != nil {
			return err
		}
		revision, err = o.Directory.Assign(ctx, at.caller, o.tenant, a, reason)
		return err
	})
	return revision, err
}

// UnassignTeam takes a role from a team.
func (o *Officer) UnassignTeam(ctx context.Context, team, role, reason string) (revision int64, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return 0, err
	}
	err = o.settle(ctx, role, "", func(at *standing) error {
		give := func(at *standing) error { return at.mayGiveToTeam(ctx, role, team) }
		if err := give(at); err != nil {
			return err
		}
		if err := at.mayFree(ctx, "team:"+team, model.RolePrefix+role, role, "", give); err != nil {
			return err
		}
		revision, err = o.Directory.Unassign(ctx, at.caller, o.tenant, "team:"+team, role, reason)
		return err
	})
	return revision, err
}

// RolesOfTeam are a team's, for whoever may read the team.
func (o *Officer) RolesOfTeam(ctx context.Context, team string) ([]model.Assignment, error) {
	if _, err := o.right(ctx, "team:"+team, ""); err != nil {
		return nil, err
	}
	return o.Store.Assignments(ctx, o.tenant, "team:"+team, "")
}
