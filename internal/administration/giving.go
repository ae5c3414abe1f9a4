package administration

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

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

// bareRole refuses a role by the name it has in rows: package directory would take the
// prefix off once what has it was asked about.
func bareRole(role string) error {
	if strings.HasPrefix(role, model.RolePrefix) {
		return model.Errorf(model.CodeRoleUnknown, "%q is no role: roles are named without %s here", role, model.RolePrefix)
	}
	return nil
}

// mayGive tells whether the person may give the role to a user, and so take it:
// they have the right to, the user is not above them, and the role does not reach beyond
// what they may hand on. What it withholds, mayFree is about.
func (at *standing) mayGive(ctx context.Context, role, user string) error {
	if err := at.notSelf(user); err != nil {
		return err
	}
	if err := bareRole(role); err != nil {
		return err
	}
	if model.IsOffice(role) {
		return model.Errorf(model.CodeOfficeReserved, "the role %s is an office: it is given on the host, or by two holders of two offices", role)
	}
	if err := at.notAbove(ctx, user); err != nil {
		return err
	}
	return at.mayHand(ctx, model.RolePrefix+role, role, user)
}

// mayAssign tells whether the person may give a role within a window, and so put an end
// to one that is held.
func (at *standing) mayAssign(ctx context.Context, a model.Assignment) error {
	typ, id, _ := strings.Cut(a.Member, ":")
	user := ""
	give := func(at *standing) error { return at.mayGive(ctx, a.Role, user) }
	switch typ {
	case "team":
		give = func(at *standing) error { return at.mayGiveToTeam(ctx, a.Role, id) }
	case "user":
		user = id
	}
	if err := give(at); err != nil {
		return err
	}
	if !a.EndedAt(at.Now()) { // by a window that is over nothing is given
		if err := at.forAsLong(ctx, a.Until, give); err != nil {
			return err
		}
	}
	held, err := at.rolesOf(ctx, a.Member)
	i := slices.IndexFunc(held, func(h model.Assignment) bool { return h.Role == a.Role && !h.EndedAt(at.Now()) })
	if err != nil || i < 0 || !a.From.After(held[i].From) && (a.Until.IsZero() || !held[i].Until.IsZero() && !a.Until.Before(held[i].Until)) {
		return err
	}
	return at.mayFree(ctx, a.Member, model.RolePrefix+a.Role, a.Role, user, give)
}

// mayTake tells whether the person may take the role from a user.
func (at *standing) mayTake(ctx context.Context, role, user string) error {
	give := func(at *standing) error { return at.mayGive(ctx, role, user) }
	if err := give(at); err != nil {
		return err
	}
	return at.mayFree(ctx, "user:"+user, model.RolePrefix+role, role, user, give)
}

// mayFree tells whether the person may give what comes back, for ever, to somebody who
// loses a role, a team or, who being "", a role's mark; see policy.Giver.Freeing. id and
// user are as of mayHand; give tells whether they have the right to the act, as they do now.
func (at *standing) mayFree(ctx context.Context, who, lost, id, user string, give func(*standing) error) error {
	return at.lastingly(ctx, func(at *standing) error {
		gives, err := at.giver(ctx)
		if err != nil {
			return err
		}
		freed := gives.Freeing(who, lost)
		if freed == policy.HandingNothing {
			return nil
		}
		if err := give(at); err != nil {
			return err
		}
		switch freed {
		case policy.HandingWithin:
			return nil
		case policy.HandingBeyond:
			_, err := at.ask(ctx, Roles, AssignBeyond, id, user)
			return err
		}
		return model.Errorf(model.CodeForbidden, "what %s withholds is not yours to give", lost)
	})
}

// lastingly tells whether the person may give something that has no end: now, and for ever.
func (at *standing) lastingly(ctx context.Context, give func(*standing) error) error {
	if err := give(at); err != nil {
		return err
	}
	return at.forAsLong(ctx, time.Time{}, give)
}

// forAsLong tells whether the person may still give what they give when it ends; zero is
// never.
func (at *standing) forAsLong(ctx context.Context, until time.Time, give func(*standing) error) error {
	if limited, err := at.limited(ctx); err != nil || !limited {
		return err
	}
	then := *at
	then.gives = nil
	if then.held = until.Add(-time.Microsecond); until.IsZero() || until.After(forEver) {
		then.held = forEver
	}
	err := give(&then)
	if refusal(err) {
		err = model.Errorf(model.CodeForbidden, "what you give ends no later than your own right to give it")
	}
	return err
}

// forEver is later than all windows that have an end.
var forEver = time.Unix(0, math.MaxInt64-1)

// limited tells whether a role of the person's has an end.
func (at *standing) limited(ctx context.Context) (bool, error) {
	me, err := at.self(ctx)
	if err != nil {
		return false, err
	}
	for _, member := range membersOf(at.caller.ID, me) {
		held, err := at.rolesOf(ctx, member)
		if err != nil || slices.ContainsFunc(held, func(a model.Assignment) bool { return !a.Until.IsZero() && !a.EndedAt(at.Now()) }) {
			return true, err
		}
	}
	return false, nil
}

// mayHand tells whether the person may hand what the policy gives to a subject on to
// a user; id is what the policy is asked about it.
func (at *standing) mayHand(ctx context.Context, subject, id, user string) error {
	if _, err := at.ask(ctx, Roles, Assign, id, user); err != nil {
		return err
	}
	gives, err := at.giver(ctx)
	if err != nil {
		return err
	}
	switch handing := gives.Handing(subject); {
	case handing >= policy.HandingWithin:
		return nil
	case handing == policy.HandingBeyond:
		_, err := at.ask(ctx, Roles, AssignBeyond, id, user)
		return err
	}
	return model.Errorf(model.CodeForbidden, "%s administers Rolegate in ways you cannot yourself", subject)
}

// giver is the person as the policy sees who gives.
func (at *standing) giver(ctx context.Context) (gives *policy.Giver, err error) {
	if at.gives == nil {
		at.gives, err = at.Service.Policy.Giver(ctx, at.tenant, at.caller.Grounds.Revision, at.caller.ID, at.held)
	}
	return at.gives, err
}

// mayHandOwn is mayHand of what rows of the policy give to a user or team by name, which
// takes no right where they give nothing.
func (at *standing) mayHandOwn(ctx context.Context, member, user string) error {
	gives, err := at.giver(ctx)
	if err != nil || gives.Handing(member) == policy.HandingNothing {
		return err
	}
	return at.mayHand(ctx, member, member, user)
}

// mayInvite tells whether the person may hold an invitation of a user in their
// hands. It opens an account that has no second factor, so whoever makes it must
// be able to give, for ever, all that the user holds, now or later, themselves or by a
// team, and what rows of the policy give to the user or the team by name.
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
	return at.lastingly(ctx, func(at *standing) error { return at.mayGiveAll(ctx, user, members, held) })
}

// mayGiveAll tells whether the person may give a user roles, and what rows of the policy
// give by their names to members: the user and teams.
func (at *standing) mayGiveAll(ctx context.Context, user string, members, roles []string) error {
	for _, role := range roles {
		if err := at.mayGive(ctx, role, user); err != nil {
			return err
		}
	}
	for _, member := range members {
		if err := at.mayHandOwn(ctx, member, user); err != nil {
			return err
		}
	}
	return nil
}

// mayEnable tells whether the person may let a user in again: it gives them what they
// hold, for ever. An office comes back by the holder of one.
func (at *standing) mayEnable(ctx context.Context, user string) error {
	if err := at.notSelf(user); err != nil {
		return err
	}
	members, held, err := at.heldBy(ctx, user)
	if err != nil {
		return err
	}
	held = slices.DeleteFunc(held, model.IsOffice)
	return at.lastingly(ctx, func(at *standing) error {
		if err := at.notAbove(ctx, user); err != nil {
			return err
		}
		return at.mayGiveAll(ctx, user, members, held)
	})
}

// notAbove keeps people, by whatever act, from somebody who administers Rolegate in ways
// they cannot, now or later. Whoever holds an office now is kept from nobody: the offices
// watch all, and one another.
func (at *standing) notAbove(ctx context.Context, user string) error {
	if user == "" || user == at.caller.ID {
		return nil
	}
	return at.noneAbove(ctx, "user:"+user)
}

// noneAbove is notAbove for a user, or all users in a team, as a member.
func (at *standing) noneAbove(ctx context.Context, member string) error {
	if office, err := at.inOffice(ctx); err != nil || office {
		return err
	}
	gives, err := at.giver(ctx)
	if err != nil {
		return err
	}
	switch above := gives.Above(member); {
	case above.Office:
		return model.Errorf(model.CodeOfficeReserved, "who holds an office, as %s does, is administered by the holder of one, or on the host", above.User)
	case above.User != "":
		return model.Errorf(model.CodeForbidden, "%s administers Rolegate in ways you cannot yourself", above.Subject)
	}
	return nil
}

// inOffice tells whether the person holds an office, when the roles that count are held.
func (at *standing) inOffice(ctx context.Context) (bool, error) {
	if !at.held.IsZero() {
		held, err := at.rolesOf(ctx, at.caller.String())
		return slices.ContainsFunc(held, func(a model.Assignment) bool { return model.IsOffice(a.Role) && a.ActiveAt(at.held) }), err
	}
	_, err := at.Directory.OfficeOf(ctx, at.Store, at.tenant, at.caller.String())
	if model.CodeOf(err) == model.CodeForbidden {
		return false, nil
	}
	return err == nil, err
}

// heldBy lists the user and the user's teams, as members, and the roles they are
// assigned, but for what has ended.
func (at *standing) heldBy(ctx context.Context, user string) (members, roles []string, err error) {
	subject, err := at.user(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	members = membersOf(user, subject)
	for _, member := range members {
		held, err := at.rolesOf(ctx, member)
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

// membersOf are a user and the user's teams, as members.
func membersOf(user string, is model.Subject) []string {
	members := []string{"user:" + user}
	for _, team := range is.Teams {
		members = append(members, "team:"+team)
	}
	return members
}

// Assign gives a user a role within a window; the assignment's member is the user.
func (o *Officer) Assign(ctx context.Context, user string, a model.Assignment, reason string) (revision int64, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return 0, err
	}
	a.Member = "user:" + user
	err = o.settle(ctx, a.Role, user, func(at *standing) error {
		if err := at.mayAssign(ctx, a); err != nil {
			return err
		}
		revision, err = o.Directory.Assign(ctx, at.caller, o.tenant, a, reason)
		return err
	})
	return revision, err
}

// Unassign takes a role from a user. Who may give it, and what it withholds, may take it.
func (o *Officer) Unassign(ctx context.Context, user, role, reason string) (revision int64, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return 0, err
	}
	err = o.settle(ctx, role, user, func(at *standing) error {
		if err := at.mayTake(ctx, role, user); err != nil {
			return err
		}
		revision, err = o.Directory.Unassign(ctx, at.caller, o.tenant, "user:"+user, role, reason)
		return err
	})
	return revision, err
}
