package administration

import (
	"context"
	"slices"
	"strings"

	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/model"
)

// notSelf keeps people from acting on their own rights.
func (at *standing) notSelf(user string) error {
	if user == at.caller.ID {
		return model.Errorf(model.CodeForbidden, "nobody does this to their own account")
	}
	return nil
}

// mayGive tells whether the person may give the role to a user, and so take it:
// they have the right to, and the role does not reach beyond what they may hand on.
func (at *standing) mayGive(ctx context.Context, role, user string) error {
	if err := at.notSelf(user); err != nil {
		return err
	}
	if strings.HasPrefix(role, model.RolePrefix) { // which package directory takes off, once what is left was asked about
		return model.Errorf(model.CodeRoleUnknown, "%q is no role: roles are named without %s here", role, model.RolePrefix)
	}
	if model.IsOffice(role) {
		return model.Errorf(model.CodeOfficeReserved, "the role %s is an office: it is given on the host, or by two holders of two offices", role)
	}
	return at.mayHand(ctx, model.RolePrefix+role, role, user)
}

// bounded refuses a reason nobody would read, where none is due.
func bounded(reason string) error {
	if reason == "" {
		return nil
	}
	return directory.CheckReason(reason)
}

// mayHand tells whether the person may hand what the policy gives to a subject on to
// a user; id is what the policy is asked about it.
func (at *standing) mayHand(ctx context.Context, subject, id, user string) error {
	if _, err := at.ask(ctx, Roles, Assign, id, user); err != nil {
		return err
	}
	handing, err := at.handing(ctx, subject)
	switch {
	case err != nil:
		return err
	case handing >= policy.HandingWithin:
		return nil
	case handing == policy.HandingBeyond:
		_, err := at.ask(ctx, Roles, AssignBeyond, id, user)
		return err
	}
	return model.Errorf(model.CodeForbidden, "%s administers Rolegate in ways you cannot yourself", subject)
}

// handing is the policy's, which at one revision is asked about each subject once.
func (at *standing) handing(ctx context.Context, subject string) (policy.Handing, error) {
	if h, known := at.handed[subject]; known {
		return h, nil
	}
	h, err := at.Service.Policy.Handing(ctx, at.tenant, at.caller.Grounds.Revision, at.caller.ID, subject)
	if err == nil {
		at.handed[subject] = h
	}
	return h, err
}

// mayInvite tells whether the person may hold an invitation of a user in their
// hands. It opens an account that has no second factor, so whoever makes it must
// be able to give all that the user holds, now or later, themselves or by a team,
// and what rows of the policy give to the user or the team by name.
func (at *standing) mayInvite(ctx context.Context, user string) error {
	if err := at.notSelf(user); err != nil {
		return err
	}
	devices, err := at.Store.Devices(ctx, at.tenant, user)
	if err != nil {
		return err
	}
	members, held, err := at.heldBy(ctx, user)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(held, model.IsOffice); i >= 0 {
		return at.mayGive(ctx, held[i], user)
	}
	if len(devices) > 0 {
		return nil // the link alone opens nothing
	}
	for _, role := range held {
		if err := at.mayGive(ctx, role, user); err != nil {
			return err
		}
	}
	for _, member := range members {
		handing, err := at.handing(ctx, member)
		if err == nil && handing < policy.HandingNothing {
			err = at.mayHand(ctx, member, member, user)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mayShut keeps the offices to one another: whoever watches is not shut out by
// somebody with a delegated right, by disabling or again and again by ending sessions,
// nor let in again.
func (at *standing) mayShut(ctx context.Context, user string) error {
	_, held, err := at.heldBy(ctx, user)
	if err != nil || !slices.ContainsFunc(held, model.IsOffice) {
		return err
	}
	_, mine, err := at.heldBy(ctx, at.caller.ID)
	if err == nil && !slices.ContainsFunc(mine, model.IsOffice) {
		err = model.Errorf(model.CodeOfficeReserved, "who holds an office, as %s does, is shut out and let in by the holder of one, or on the host", user)
	}
	return err
}

// heldBy lists the user and the user's teams, as members, and the roles they are
// assigned, but for what has ended.
func (at *standing) heldBy(ctx context.Context, user string) (members, roles []string, err error) {
	members = []string{"user:" + user}
	subject, err := at.Store.Subject(ctx, at.tenant, "user", user)
	if err != nil && !notFound(err) {
		return nil, nil, err
	}
	for _, team := range subject.Teams {
		members = append(members, "team:"+team)
	}
	for _, member := range members {
		held, err := at.Store.Assignments(ctx, at.tenant, member, "")
		if err != nil {
			return nil, nil, err
		}
		for _, a := range held {
			if !a.EndedAt(at.Now()) {
				roles = append(roles, a.Role)
			}
		}
	}
	return members, roles, nil
}

// Assign gives a user a role within a window; the assignment's member is the user.
func (o *Officer) Assign(ctx context.Context, user string, a model.Assignment, reason string) (revision int64, err error) {
	if err := bounded(reason); err != nil {
		return 0, err
	}
	a.Member = "user:" + user
	err = o.settle(ctx, a.Role, user, func(at *standing) error {
		if err := at.mayGive(ctx, a.Role, user); err != nil {
			return err
		}
		revision, err = o.Directory.Assign(ctx, at.caller, o.tenant, a, reason)
		return err
	})
	return revision, err
}

// Unassign takes a role from a user. Who may give it may take it.
func (o *Officer) Unassign(ctx context.Context, user, role, reason string) (revision int64, err error) {
	err = o.settle(ctx, role, user, func(at *standing) error {
		if err := at.mayGive(ctx, role, user); err != nil {
			return err
		}
		revision, err = o.Directory.Unassign(ctx, at.caller, o.tenant, "user:"+user, role, reason)
		return err
	})
	return revision, err
}
