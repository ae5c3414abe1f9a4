package login

import (
	"context"
	"errors"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var errInvite = model.Errorf(model.CodeInviteInvalid, "this invitation is unknown, already used or expired; ask whoever invited you for a new one")

// AcceptInvite burns an invitation and sets the password it was made for, then
// goes on as a login does. A password that breaks a rule leaves the invitation
// as it was.
func (s *Service) AcceptInvite(ctx context.Context, invite, pass string) (Result, error) {
	hash := token.Hash(invite)
	inv, err := s.Store.Invite(ctx, hash, s.Now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Result{}, err
	}
	t, user, err := s.invited(ctx, inv)
	if err != nil {
		return Result{}, err
	}
	if user.ID == "" {
		return Result{}, s.noInvite(ctx, inv)
	}
	due, err := s.mfaDue(ctx, t, user.ID)
	if err != nil {
		return Result{}, err
	}
	if err := s.rules(t, user, due).Check(pass); err != nil {
		return Result{}, s.refuse(ctx, failure(t.ID, user.ID, audit.InviteFailed, model.CodeOf(err)), err)
	}
	phc, err := s.Hasher.Hash(ctx, pass)
	if err != nil {
		return Result{}, err
	}
	old := user.PasswordHash
	user.PasswordHash = phc
	res, err := s.proceed(ctx, t, user, proof{Methods: []string{"pwd"}, At: s.Now()}, audit.InviteAccepted, func(tx store.Tx) error {
		return s.setInvitedPassword(ctx, tx, hash, user, old)
	})
	if errors.Is(err, errInvite) {
		return Result{}, s.refuse(ctx, failure(t.ID, user.ID, audit.InviteFailed, model.CodeInviteInvalid), errInvite)
	}
	return res, err
}

// invited finds whom a live invitation is for; zero values where nobody may use it.
func (s *Service) invited(ctx context.Context, inv store.Invite) (model.Tenant, model.User, error) {
	if inv.User == "" {
		return model.Tenant{}, model.User{}, nil
	}
	t, err := s.Store.Tenant(ctx, inv.Tenant)
	if err != nil {
		return model.Tenant{}, model.User{}, err
	}
	user, err := s.Store.User(ctx, inv.Tenant, inv.User)
	if err != nil {
		return model.Tenant{}, model.User{}, err
	}
	if t.Disabled || user.Disabled {
		return t, model.User{}, nil
	}
	return t, user, nil
}

// noInvite refuses an invitation that nobody may use.
func (s *Service) noInvite(ctx context.Context, inv store.Invite) error {
	return s.miss(ctx, failure(inv.Tenant, inv.User, audit.InviteFailed, model.CodeInviteInvalid), errInvite)
}

// setInvitedPassword settles who uses the invitation and ends whatever the old
// password had opened.
func (s *Service) setInvitedPassword(ctx context.Context, tx store.Tx, hash []byte, user model.User, old string) error {
	if used, err := tx.UseInvite(ctx, hash, s.Now()); err != nil || !used {
		return cmpErr(err, errInvite)
	}
	if set, err := tx.SetPassword(ctx, user.Tenant, user.ID, old, user.PasswordHash); err != nil || !set {
		return cmpErr(err, errInvite)
	}
	return s.endOld(ctx, tx, user, "")
}

// refuse records a refusal and returns it; when the record cannot be written,
// that is the answer instead.
func (s *Service) refuse(ctx context.Context, e audit.Entry, answer error) error {
	if err := s.Log.Append(ctx, e); err != nil {
		return err
	}
	return answer
}

// cmpErr is err where there is one, else what follows from an update that took no effect.
func cmpErr(err error, lost *model.Error) error {
	if err != nil {
		return err
	}
	return lost
}
