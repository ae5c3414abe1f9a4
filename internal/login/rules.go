package login

import (
	"context"
	"errors"
	"net/url"

	"rolegate/internal/password"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// rules are what a new password of this user is held against. With a second
// factor due it may be shorter.
func (s *Service) rules(ctx context.Context, t model.Tenant, u model.User, due bool) (password.Rules, error) {
	addresses, err := s.Requirements.Addresses(ctx, t.ID, "user:"+u.ID)
	if err != nil {
		return password.Rules{}, err
	}
	r := password.Rules{
		MinLength: MinPasswordOnly, Breaches: s.Breaches,
		Names: append([]string{u.Username, u.ID, t.ID, FirstPartyClient}, addresses...),
	}
	if due {
		r.MinLength = MinPasswordMFA
	}
	if u, err := url.Parse(s.Issuer); err == nil {
		r.Names = append(r.Names, u.Hostname())
	}
	return r, nil
}

// Strength tells a person, while they type, what a password is worth and whether
// it would be accepted.
type Strength struct {
	password.Strength
	Reasons   []password.Reason // why it would not be; none where it would
	MinLength int
}

// Limit is the number a reason speaks of, 0 where it speaks of none.
func (s Strength) Limit(r password.Reason) int {
	return (&password.Rejected{MinLength: s.MinLength}).Limit(r)
}

// InviteStrength is Strength for whoever holds a live invitation. It does not
// use it up.
func (s *Service) InviteStrength(ctx context.Context, invite, pass string) (Strength, error) {
	inv, err := s.Store.Invite(ctx, token.Hash(invite), s.Now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Strength{}, err
	}
	t, user, err := s.invited(ctx, inv)
	if err != nil {
		return Strength{}, err
	}
	if user.ID == "" {
		return Strength{}, s.noInvite(ctx, inv)
	}
	return s.strength(ctx, t, user, pass)
}

// PasswordStrength is Strength for somebody who is logged in.
func (s *Service) PasswordStrength(ctx context.Context, session Session, pass string) (Strength, error) {
	t, user, err := s.self(ctx, session)
	if err != nil {
		return Strength{}, err
	}
	return s.strength(ctx, t, user, pass)
}

func (s *Service) strength(ctx context.Context, t model.Tenant, u model.User, pass string) (Strength, error) {
	due, err := s.mfaDue(ctx, t, u.ID)
	if err != nil {
		return Strength{}, err
	}
	rules, err := s.rules(ctx, t, u, due)
	if err != nil {
		return Strength{}, err
	}
	reasons, err := rules.Reasons(pass)
	if err != nil {
		return Strength{}, err
	}
	return Strength{Strength: password.Estimate(pass, rules.Names), Reasons: reasons, MinLength: rules.MinLength}, nil
}

// self is the person behind a session, and their tenant.
func (s *Service) self(ctx context.Context, session Session) (model.Tenant, model.User, error) {
	t, err := s.Store.TenantHead(ctx, session.Caller.Tenant)
	if err != nil {
		return t, model.User{}, notFound(err, errUnauthorized)
	}
	u, err := s.Store.User(ctx, session.Caller.Tenant, session.Caller.ID)
	if err != nil {
		return t, u, notFound(err, errUnauthorized)
	}
	return t, u, nil
}
