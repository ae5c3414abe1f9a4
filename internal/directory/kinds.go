package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// Subjects are keyed by type and id. Deleting one takes its roles away and, of a
// user, disables the account and ends its sessions; managers, heads and shares
// that name it stay and mean nobody.
func (s *Service) Subjects() Collection[model.Subject] {
	return Collection[model.Subject]{s, kind[model.Subject]{
		name:  "subject",
		clean: cleanSubject,
		key:   func(v model.Subject) store.Key { return store.Key{v.Type, v.ID} },
		changes: func(k store.Key) []store.Change {
			return []store.Change{subjectChange(k[0] + ":" + k[1]), memberChange(k[0] + ":" + k[1])}
		},
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Subject, error) {
			return q.Subject(ctx, tenant, k[0], k[1])
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Subject, error) {
			return q.PageSubjects(ctx, tenant, p.Of[0], p.After, p.Limit)
		},
		put: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, v model.Subject) error {
			if v.Type == "user" {
				if err := noCircle(v.ID, v.Manager, "manager", func(id string) (string, error) {
					m, err := tx.Subject(ctx, tenant, "user", id)
					return m.Manager, err
				}); err != nil {
					return err
				}
			}
			return tx.PutSubject(ctx, tenant, v)
		},
		drop:  dropSubject,
		wrote: audit.SubjectPut, dropped: audit.SubjectDeleted,
		about: func(k store.Key) audit.Entry { return audit.Entry{Person: k[0] + ":" + k[1]} },
	}}
}

func dropSubject(ctx context.Context, s *Service, tx store.Tx, tenant string, k store.Key) error {
	key := k[0] + ":" + k[1]
	held, err := tx.Assignments(ctx, tenant, key, "")
	if err != nil {
		return err
	}
	for _, a := range held {
		if err := reserved(a.Role); err != nil {
			return err
		}
	}
	if _, err := tx.DeleteAssignments(ctx, tenant, key); err != nil {
		return err
	}
	if k[0] == "user" {
		if err := s.shut(ctx, tx, tenant, k[1]); err != nil {
			return err
		}
	}
	_, err = tx.DeleteSubject(ctx, tenant, k[0], k[1])
	return err
}

// shut disables the account of a user, if there is one, and ends what it opened.
// The account stays: nobody else gets its name, and only people and the host open it
// again.
func (s *Service) shut(ctx context.Context, tx store.Tx, tenant, id string) error {
	there, err := tx.SetUserDisabled(ctx, tenant, id, true)
	if err != nil || !there {
		return err
	}
	return s.endAll(ctx, tx, tenant, id)
}

// endAll ends whatever opens an account, now or in a while: sessions, logins that are half
// done, invitations.
func (s *Service) endAll(ctx context.Context, tx store.Tx, tenant, id string) error {
	now := s.Now()
	if _, err := tx.EndSessions(ctx, tenant, id, "", now); err != nil {
		return err
	}
	if _, err := tx.EndTickets(ctx, tenant, id, now); err != nil {
		return err
	}
	return tx.EndInvites(ctx, tenant, id, now)
}

// Teams are keyed by id. One that has members, or roles, is in use.
func (s *Service) Teams() Collection[model.Team] {
	return Collection[model.Team]{s, kind[model.Team]{
		name:    "team",
		clean:   cleanTeam,
		key:     func(v model.Team) store.Key { return store.Key{v.ID} },
		changes: groupsChange,
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Team, error) {
			return q.Team(ctx, tenant, k[0])
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Team, error) {
			return q.PageTeams(ctx, tenant, p.After, p.Limit)
		},
		put: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, v model.Team) error {
			return tx.PutTeam(ctx, tenant, v)
		},
		drop: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, k store.Key) error {
			held, err := tx.Assignments(ctx, tenant, "team:"+k[0], "")
			if err != nil {
				return err
			}
			if len(held) > 0 {
				return inUse("team", k[0], "role", held[0].Role)
			}
			if err := unused(ctx, tx, tenant, "team", k[0], func(s model.Subject) bool { return slices.Contains(s.Teams, k[0]) }); err != nil {
				return err
			}
			_, err = tx.DeleteTeam(ctx, tenant, k[0])
			return err
		},
		wrote: audit.TeamPut, dropped: audit.TeamDeleted,
		about: aboutGroup,
	}}
}

// Units are keyed by id. One that has members, or others below it, is in use.
func (s *Service) Units() Collection[model.Unit] {
	return Collection[model.Unit]{s, kind[model.Unit]{
		name:    "unit",
		clean:   cleanUnit,
		key:     func(v model.Unit) store.Key { return store.Key{v.ID} },
		changes: groupsChange,
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Unit, error) {
			return q.Unit(ctx, tenant, k[0])
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Unit, error) {
			return q.PageUnits(ctx, tenant, p.After, p.Limit)
		},
		put: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, v model.Unit) error {
			if err := noCircle(v.ID, v.Parent, "parent", func(id string) (string, error) {
				u, err := tx.Unit(ctx, tenant, id)
				return u.Parent, err
			}); err != nil {
				return err
			}
			return tx.PutUnit(ctx, tenant, v)
		},
		drop: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, k store.Key) error {
			err := each(ctx, tx.PageUnits, tenant, func(u model.Unit) (store.Key, error) {
				if u.Parent == k[0] {
					return store.Key{}, inUse("unit", k[0], "unit", u.ID)
				}
				return store.Key{u.ID}, nil
			})
			if err != nil {
				return err
			}
			if err := unused(ctx, tx, tenant, "unit", k[0], func(s model.Subject) bool { return s.Unit == k[0] }); err != nil {
				return err
			}
			_, err = tx.DeleteUnit(ctx, tenant, k[0])
			return err
		},
		wrote: audit.UnitPut, dropped: audit.UnitDeleted,
		about: aboutGroup,
	}}
}

// Territories are keyed by id. One that has members, or others below it, is in use.
func (s *Service) Territories() Collection[model.Territory] {
	return Collection[model.Territory]{s, kind[model.Territory]{
		name:    "territory",
		clean:   cleanTerritory,
		key:     func(v model.Territory) store.Key { return store.Key{v.ID} },
		changes: groupsChange,
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Territory, error) {
			return q.Territory(ctx, tenant, k[0])
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Territory, error) {
			return q.PageTerritories(ctx, tenant, p.After, p.Limit)
		},
		put: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, v model.Territory) error {
			if err := noCircle(v.ID, v.Parent, "parent", func(id string) (string, error) {
				t, err := tx.Territory(ctx, tenant, id)
				return t.Parent, err
			}); err != nil {
				return err
			}
			return tx.PutTerritory(ctx, tenant, v)
		},
		drop: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, k store.Key) error {
			err := each(ctx, tx.PageTerritories, tenant, func(t model.Territory) (store.Key, error) {
				if t.Parent == k[0] {
					return store.Key{}, inUse("territory", k[0], "territory", t.ID)
				}
				return store.Key{t.ID}, nil
			})
			if err != nil {
				return err
			}
			if err := unused(ctx, tx, tenant, "territory", k[0], func(s model.Subject) bool { return slices.Contains(s.Territories, k[0]) }); err != nil {
				return err
			}
			_, err = tx.DeleteTerritory(ctx, tenant, k[0])
			return err
		},
		wrote: audit.TerritoryPut, dropped: audit.TerritoryDeleted,
		about: aboutGroup,
	}}
}

// Resources are keyed by type and id.
func (s *Service) Resources() Collection[model.Resource] {
	return Collection[model.Resource]{s, kind[model.Resource]{
		name:    "resource",
		clean:   cleanResource,
		key:     func(v model.Resource) store.Key { return store.Key{v.Type, v.ID} },
		changes: func(k store.Key) []store.Change { return []store.Change{store.ResourceChange(k[0], k[1])} },
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Resource, error) {
			return q.Resource(ctx, tenant, k[0], k[1])
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Resource, error) {
			return q.PageResources(ctx, tenant, p.Of[0], p.After, p.Limit)
		},
		put: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, v model.Resource) error {
			return tx.PutResource(ctx, tenant, v)
		},
		drop: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, k store.Key) error {
			_, err := tx.DeleteResource(ctx, tenant, k[0], k[1])
			return err
		},
		wrote: audit.ResourcePut, dropped: audit.ResourceDeleted,
		about: func(k store.Key) audit.Entry {
			return audit.Entry{Object: k[0], Personal: map[string]any{"resource": k[0] + ":" + k[1]}}
		},
	}}
}

// Assignments are keyed by member, "type:id" or "team:id", and bare role. Both
// have to be there.
func (s *Service) Assignments() Collection[model.Assignment] {
	return Collection[model.Assignment]{s, kind[model.Assignment]{
		name: "assignment",
		clean: func(a model.Assignment, l model.Limits) (model.Assignment, error) {
			if err := reserved(Bare("role", a.Role)); err != nil {
				return a, err
			}
			return cleanAssignment(a, l)
		},
		key:     func(v model.Assignment) store.Key { return store.Key{v.Member, v.Role} },
		changes: func(k store.Key) []store.Change { return []store.Change{memberChange(k[0])} },
		find: func(ctx context.Context, q store.Queries, tenant string, k store.Key) (model.Assignment, error) {
			if k[0] == "" || k[1] == "" { // which would mean any
				return model.Assignment{}, store.ErrNotFound
			}
			found, err := q.Assignments(ctx, tenant, k[0], k[1])
			if err == nil && len(found) == 0 {
				err = store.ErrNotFound
			}
			if err != nil {
				return model.Assignment{}, err
			}
			return found[0], nil
		},
		page: func(ctx context.Context, q store.Queries, tenant string, p Query) ([]model.Assignment, error) {
			return q.PageAssignments(ctx, tenant, p.Of[0], p.Of[1], p.After, p.Limit)
		},
		put: func(ctx context.Context, s *Service, tx store.Tx, tenant string, v model.Assignment) error {
			if err := Registered(ctx, tx, tenant, v.Member); err != nil {
				return err
			}
			_, err := s.assign(ctx, tx, tenant, v, "", new(inherited))
			return err
		},
		drop: func(ctx context.Context, _ *Service, tx store.Tx, tenant string, k store.Key) error {
			if err := reserved(k[1]); err != nil {
				return err
			}
			_, err := tx.DeleteAssignment(ctx, tenant, k[0], k[1])
			return err
		},
		wrote: audit.RoleAssigned, dropped: audit.RoleUnassigned,
		about: func(k store.Key) audit.Entry {
			return audit.Entry{Person: k[0], Roles: []string{model.RolePrefix + k[1]}}
		},
	}}
}

func groupsChange(store.Key) []store.Change { return []store.Change{{Kind: store.ChangedGroups}} }

func aboutGroup(k store.Key) audit.Entry {
	return audit.Entry{Personal: map[string]any{"id": k[0]}}
}

// reserved refuses to give or take an office.
func reserved(role string) error {
	if model.IsOffice(role) {
		return model.Errorf(model.CodeOfficeReserved, "the role %s is an office: it is given and taken on the host, or given by two holders of two offices", role)
	}
	return nil
}

// notByPerson keeps the offices out of any single person's reach: neither given
// nor taken, nor is their holder invited anew.
func notByPerson(caller model.Caller, role string) error {
	if caller.Kind == model.CallerUser {
		return reserved(role)
	}
	return nil
}

func inUse(kind, id, by, name string) error {
	return model.Errorf(model.CodeInUse, "the %s %q is in use by the %s %q", noun(kind), id, noun(by), name)
}

// unused refuses to delete a group that a subject is in: whoever makes another
// one of its name would find the old members in it.
func unused(ctx context.Context, tx store.Tx, tenant, kind, id string, in func(model.Subject) bool) error {
	page := func(ctx context.Context, tenant string, after store.Key, limit int) ([]model.Subject, error) {
		return tx.PageSubjects(ctx, tenant, "", after, limit)
	}
	return each(ctx, page, tenant, func(s model.Subject) (store.Key, error) {
		if in(s) {
			return store.Key{}, inUse(kind, id, "subject", s.Key())
		}
		return store.Key{s.Type, s.ID}, nil
	})
}

// each goes through all entries of a kind, until look has an error; look gives
// the entry's key.
func each[T any](ctx context.Context, page func(context.Context, string, store.Key, int) ([]T, error), tenant string, look func(T) (store.Key, error)) error {
	var after store.Key
	for {
		rows, err := page(ctx, tenant, after, eachRows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if after, err = look(row); err != nil {
				return err
			}
		}
		if len(rows) < eachRows {
			return nil
		}
	}
}

const eachRows = 1000

// noCircle refuses a parent from which the way up leads back to id. What is not
// there has no parent.
func noCircle(id, parent, member string, up func(id string) (string, error)) error {
	way := []string{id}
	seen := map[string]bool{}
	for at := parent; at != "" && !seen[at]; {
		way = append(way, at)
		if at == id {
			e := model.Errorf(model.CodeInvalidRequest, "the %s goes in a circle", noun(member))
			e.Details = []model.Detail{{Path: member, Code: model.CodeInvalidRequest, Reason: model.Say("goes in a circle: %s", strings.Join(way, " → "))}}
			return e
		}
		seen[at] = true
		next, err := up(at)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		at = next
	}
	return nil
}

// spell is a key as people read it.
func spell(k store.Key) string {
	if k[1] == "" {
		return fmt.Sprintf("%q", k[0])
	}
	return fmt.Sprintf("%q %q", k[0], k[1])
}
