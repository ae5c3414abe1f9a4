package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// PutRole adds a role or changes its mark. The offices always require MFA. To take a mark
// off on the host is break-glass: where the tenant has administrators it needs a reason.
func (s *Service) PutRole(ctx context.Context, caller model.Caller, tenant string, r model.Role, create bool, reason string) (int64, error) {
	r.ID = Bare("role", r.ID)
	check := checkBare
	if create { // a mark can still be set on what was let in before
		check = checkGroup
	}
	if err := check("role", r.ID); err != nil {
		return 0, err
	}
	if model.IsOffice(r.ID) && !r.RequireMFA {
		return 0, model.Errorf(model.CodeInvalidRequest, "%s is an office, and the offices always require a second factor", r.ID)
	}
	return s.commit(ctx, func(tx store.Tx) (revision int64, e audit.Entry, err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant, roleChange(r.ID)); err != nil {
			return 0, e, err
		}
		was, err := tx.Role(ctx, tenant, r.ID)
		switch {
		case err == nil && create:
			return 0, e, model.Errorf(model.CodeConflict, "the role %q is already there", r.ID)
		case errors.Is(err, store.ErrNotFound) && !create:
			return 0, e, unknownRole(tenant, r.ID)
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return 0, e, err
		}
		e = act(caller, tenant, audit.RoleChanged, reason, nil)
		e.Roles = []string{r.Key()}
		if was.RequireMFA && !r.RequireMFA && caller.Kind != model.CallerUser {
			if e.Class, err = BreakGlass(ctx, tx, tenant, reason); err != nil {
				return 0, e, err
			}
		}
		if was == r {
			return revision, e, errNothing
		}
		return revision, e, tx.PutRole(ctx, tenant, r)
	})
}

// DeleteRole removes a role nobody holds. Rows of the policy that name it stay
// and match nobody.
func (s *Service) DeleteRole(ctx context.Context, caller model.Caller, tenant, role string) (int64, error) {
	role = Bare("role", role)
	if model.IsOffice(role) {
		return 0, model.Errorf(model.CodeInvalidRequest, "%s is an office and cannot be removed", role)
	}
	var revision int64
	err := s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant, roleChange(role)); err != nil {
			return err
		}
		holders, err := tx.Assignments(ctx, tenant, "", role)
		if err != nil {
			return err
		}
		if len(holders) > 0 {
			return model.Errorf(model.CodeConflict, "%d members still hold the role %q; `rolegate role unassign` first", len(holders), role)
		}
		deleted, err := tx.DeleteRole(ctx, tenant, role)
		if err != nil {
			return err
		}
		if !deleted {
			return unknownRole(tenant, role)
		}
		e := act(caller, tenant, audit.RoleDeleted, "", nil)
		e.Roles = []string{model.RolePrefix + role}
		return s.Log.AppendIn(ctx, tx, e)
	})
	return revision, err
}

// Assign gives a member a role within a window, replacing an earlier window. A
// window that is over gives nothing and is CodeInvalidRequest; an import takes it.
func (s *Service) Assign(ctx context.Context, caller model.Caller, tenant string, a model.Assignment, reason string) (int64, error) {
	a.Member, a.Role = MemberKey(a.Member), Bare("role", a.Role)
	if a.EndedAt(s.Now()) {
		return 0, model.Errorf(model.CodeInvalidRequest, "an assignment of %s to %s would have ended already, at %s; `rolegate role unassign` takes a role away",
			a.Role, a.Member, a.Until.UTC().Format(time.RFC3339))
	}
	if err := notByPerson(caller, a.Role); err != nil {
		return 0, err
	}
	return s.commit(ctx, func(tx store.Tx) (revision int64, e audit.Entry, err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant, memberChange(a.Member)); err != nil {
			return 0, e, err
		}
		if err := Registered(ctx, tx, tenant, a.Member); err != nil {
			return 0, e, err
		}
		was, err := tx.Assignments(ctx, tenant, a.Member, a.Role)
		if err != nil {
			return 0, e, err
		}
		class, err := s.assign(ctx, tx, tenant, a, reason, new(inherited))
		if err != nil {
			return 0, e, err
		}
		is, err := tx.Assignments(ctx, tenant, a.Member, a.Role)
		if err != nil {
			return 0, e, err
		}
		e = act(caller, tenant, audit.RoleAssigned, reason, map[string]any{"from": a.From, "until": a.Until})
		e.Class, e.Roles, e.Person = class, []string{model.RolePrefix + a.Role}, a.Member
		if slices.Equal(was, is) {
			return revision, e, errNothing
		}
		return revision, e, nil
	})
}

// assign writes one assignment after every check but the member's existence. in
// is shared by the assignments of one act. To give an office so is break-glass.
func (s *Service) assign(ctx context.Context, tx store.Queries, tenant string, a model.Assignment, reason string, in *inherited) (class audit.Class, err error) {
	class = audit.ClassAdmin
	if model.IsOffice(a.Role) {
		if class, err = BreakGlass(ctx, tx, tenant, reason); err != nil {
			return "", err
		}
	}
	return class, s.give(ctx, tx, tenant, a, in)
}

// give is assign, but for the question who may give an office.
func (s *Service) give(ctx context.Context, tx store.Queries, tenant string, a model.Assignment, in *inherited) error {
	if err := checkAssignment(a); err != nil {
		return err
	}
	if _, err := tx.Role(ctx, tenant, a.Role); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return unknownRole(tenant, a.Role)
		}
		return err
	}
	held, err := s.held(ctx, tx, tenant, a)
	if err != nil {
		return err
	}
	if err := s.withinRoles(a.Member, held); err != nil {
		return err
	}
	if err := s.withinInherited(ctx, tx, tenant, a.Member, held, in); err != nil {
		return err
	}
	if model.IsOffice(a.Role) {
		if err := oneOffice(ctx, tx, tenant, a); err != nil {
			return err
		}
		if err := s.keepsOffices(ctx, tx, tenant, a.Member, a.Role, &a); err != nil {
			return err
		}
	}
	return tx.PutAssignment(ctx, tenant, a)
}

// WithinRoles refuses one role more than a member can hold.
func (s *Service) WithinRoles(ctx context.Context, tx store.Directory, tenant string, a model.Assignment) error {
	held, err := s.held(ctx, tx, tenant, a)
	if err != nil {
		return err
	}
	return s.withinRoles(a.Member, held)
}

// held is the roles a member holds with the assignment, now or later. What has
// ended is not held any more. It is none at all where nothing is added: with an
// assignment that has ended, and with a new window for a role that is held.
func (s *Service) held(ctx context.Context, tx store.Directory, tenant string, a model.Assignment) (roles []string, err error) {
	now := s.Now()
	if a.EndedAt(now) {
		return nil, nil
	}
	there, err := tx.Assignments(ctx, tenant, a.Member, "")
	if err != nil {
		return nil, err
	}
	roles = []string{a.Role}
	for _, h := range there {
		switch {
		case h.EndedAt(now):
		case h.Role == a.Role:
			return nil, nil
		default:
			roles = append(roles, h.Role)
		}
	}
	return roles, nil
}

func (s *Service) withinRoles(member string, held []string) error {
	if most := s.Limits.DirectRoles; len(held) > most {
		return model.Exceeded(model.SettingDirectRoles, int64(most), "%s holds %d roles already", member, len(held)-1)
	}
	return nil
}

// inherited counts what roles inherit together under the policy in force, once
// it was asked for.
type inherited struct{ count func(roles []string) int }

// withinInherited refuses roles that inherit too many others together. What a
// single role inherits was bounded when the policy was published.
func (s *Service) withinInherited(ctx context.Context, tx store.Policies, tenant, member string, held []string, in *inherited) (err error) {
	if len(held) < 2 {
		return nil
	}
	if in.count == nil {
		if in.count, err = s.Inheritance(ctx, tx, tenant); err != nil {
			return err
		}
	}
	if n, most := in.count(held), s.Limits.InheritedRoles; n > most {
		return model.Exceeded(model.SettingInheritedRoles, int64(most), "the roles of %s would inherit %d others together", member, n)
	}
	return nil
}

// checkAssignment refuses what no directory could make sense of.
func checkAssignment(a model.Assignment) error {
	if err := checkMember(a.Member); err != nil {
		return err
	}
	if err := checkBare("role", a.Role); err != nil {
		return err
	}
	for _, t := range []time.Time{a.From, a.Until} {
		if !t.IsZero() && t.UnixMicro() == 0 { // stored as no bound at all
			return model.Errorf(model.CodeInvalidRequest, "the assignment of %s to %s is bounded by the first moment of 1970, which some programs send for none; leave it out for none", a.Role, a.Member)
		}
	}
	if !a.From.IsZero() && !a.Until.IsZero() && !a.From.Before(a.Until) {
		return model.Errorf(model.CodeInvalidRequest, "the assignment of %s to %s ends before it begins", a.Role, a.Member)
	}
	if model.IsOffice(a.Role) && !strings.HasPrefix(a.Member, "user:") {
		return model.Errorf(model.CodeOfficeConflict, "%s is an office: it is held by users themselves, not by %s", a.Role, a.Member)
	}
	return nil
}

// oneOffice refuses a second office for one account, whatever the windows.
func oneOffice(ctx context.Context, tx store.Directory, tenant string, a model.Assignment) error {
	held, err := tx.Assignments(ctx, tenant, a.Member, "")
	if err != nil {
		return err
	}
	for _, h := range held {
		if model.IsOffice(h.Role) && h.Role != a.Role {
			return model.Errorf(model.CodeOfficeConflict, "one account cannot hold two offices, and %s already holds %s", a.Member, h.Role)
		}
	}
	return nil
}

// Unassign takes a role away. It is felt at the next decision.
func (s *Service) Unassign(ctx context.Context, caller model.Caller, tenant, member, role, reason string) (int64, error) {
	member, role = MemberKey(member), Bare("role", role)
	if err := notByPerson(caller, role); err != nil {
		return 0, err
	}
	var revision int64
	err := s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant, memberChange(member)); err != nil {
			return err
		}
		if model.IsOffice(role) {
			if err := s.keepsOffices(ctx, tx, tenant, member, role, nil); err != nil {
				return err
			}
		}
		gone, err := tx.DeleteAssignment(ctx, tenant, member, role)
		if err != nil {
			return err
		}
		if !gone {
			return model.Errorf(model.CodeNotFound, "the role %q is not held by %s", role, member)
		}
		e := act(caller, tenant, audit.RoleUnassigned, reason, nil)
		e.Roles, e.Person = []string{model.RolePrefix + role}, member
		return s.Log.AppendIn(ctx, tx, e)
	})
	return revision, err
}

// keepsOffices refuses to take an office's last holder who can log in, or its
// last holder at all, when member loses office ("" for all that member holds), or
// has instead another window of it. Who does not hold it yet, or any more, is no
// holder; and to whom holds it without an end only another such is a successor, or
// time would take the last one.
func (s *Service) keepsOffices(ctx context.Context, tx store.Queries, tenant, member, office string, instead *model.Assignment) error {
	held, err := tx.Assignments(ctx, tenant, member, office)
	if err != nil {
		return err
	}
	now := s.Now()
	for _, h := range held {
		if !model.IsOffice(h.Role) || !h.ActiveAt(now) {
			continue
		}
		succeeds := func(a model.Assignment) bool { return a.ActiveAt(now) && (a.Until.IsZero() || !h.Until.IsZero()) }
		if instead != nil && succeeds(*instead) {
			continue
		}
		holders, err := tx.Assignments(ctx, tenant, "", h.Role)
		if err != nil {
			return err
		}
		others, usable, loses := 0, 0, false
		for _, o := range holders {
			if !succeeds(o) {
				continue
			}
			can, err := CanLogIn(ctx, tx, tenant, o.Member)
			switch {
			case err != nil:
				return err
			case o.Member == member:
				loses = can
			default:
				others++
				if can {
					usable++
				}
			}
		}
		if others == 0 || loses && usable == 0 {
			return model.Errorf(model.CodeLastOfficeHolder, "the last holder of the office %s, or the last without an end to it, is %s; give it to someone else first", h.Role, member)
		}
	}
	return nil
}

// Roles lists a tenant's roles and who holds them, in order.
func (s *Service) Roles(ctx context.Context, tenant string) ([]model.Role, []model.Assignment, error) {
	if _, err := Tenant(ctx, s.Store, tenant); err != nil {
		return nil, nil, err
	}
	d, err := s.Store.LoadDirectory(ctx, tenant)
	return d.Roles, d.Assignments, err
}

// Registered refuses a member the directory does not know.
func Registered(ctx context.Context, tx store.Directory, tenant, member string) error {
	typ, id, ok := strings.Cut(member, ":")
	if !ok {
		return checkMember(member)
	}
	if typ == "team" {
		_, err := tx.Team(ctx, tenant, id)
		if errors.Is(err, store.ErrNotFound) {
			return model.Errorf(model.CodeNotFound, "tenant %q has no team %q", tenant, id)
		}
		return err
	}
	_, err := tx.Subject(ctx, tenant, typ, id)
	if errors.Is(err, store.ErrNotFound) {
		return model.Errorf(model.CodeUserUnknown, "tenant %q has no subject %q", tenant, member)
	}
	return err
}

func unknownRole(tenant, role string) error {
	return model.Errorf(model.CodeRoleUnknown, "tenant %q has no role %q; `rolegate role list` shows them, `rolegate role add` adds one", tenant, role)
}

func roleChange(role string) store.Change { return store.Change{Kind: store.ChangedRole, Key: role} }

func memberChange(member string) store.Change {
	return store.Change{Kind: store.ChangedMember, Key: member}
}
