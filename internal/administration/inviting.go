package administration

import (
	"context"
	"slices"

	"rolegate/internal/login"
	"rolegate/model"
)

// StillInvites tells whether a person may, at a revision of the tenant, hold an invitation
// of a user that they made in their hands. It is asked when the invitation is used, so that
// no order of things, an import, a new policy or the loss of a right among them, makes it
// open what its maker could not give.
//
// How sure we are of the maker was asked when they made it, and is not again.
func (s *Service) StillInvites(ctx context.Context, tenant string, revision int64, by, user string) (bool, error) {
	maker, err := s.Store.User(ctx, tenant, by)
	if err != nil || maker.Disabled {
		return false, ignoring(err, notFound)
	}
	caller := model.Caller{Kind: model.CallerUser, ID: by, Tenant: tenant, Grounds: &model.Grounds{Revision: revision}}
	at := newStanding(&Officer{Service: s, tenant: tenant, caller: caller},
		login.Session{Caller: caller, Assurance: model.Assurance{Level: 3, AuthTime: s.Now()}})
	err = at.mayInvite(ctx, user)
	if err == nil {
		err = at.either(ctx, user, Invite, Create)
	}
	return err == nil, ignoring(err, refusal)
}

// either is nil if the person may do one of the acts to a user.
func (at *standing) either(ctx context.Context, user string, actions ...string) (err error) {
	for _, action := range actions {
		if _, err = at.ask(ctx, Users, action, user, user); err == nil || !refusal(err) {
			return err
		}
	}
	return err
}

// refusal tells a no from a fault.
func refusal(err error) bool {
	return slices.Contains([]model.Code{model.CodeForbidden, model.CodeStepUp, model.CodeOfficeReserved, model.CodeRoleUnknown}, model.CodeOf(err))
}

func ignoring(err error, is func(error) bool) error {
	if err == nil || is(err) {
		return nil
	}
	return err
}
