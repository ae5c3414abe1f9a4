package login

import (
	"context"
	"errors"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var errInvite = model.Errorf(model.CodeInviteInvalid, "this invitation is unknown, used, expired or no longer good; ask whoever invited you for a new one")

// AcceptInvite burns an invitation and goes on as a login with the password that was
// chosen does. Where a second factor is there, the password is set with it and not
// before (setChosen): whoever has the link alone changes nothing. A password that
// breaks a rule leaves the invitation as it was.
func (s *Service) AcceptInvite(ctx context.Context, invite, pass string) (Result, error) {
	inv, err := s.Store.Invite(ctx, token.Hash(invite), s.Now())
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
	rules, err := s.rules(ctx, t, user, due)
	if err != nil {
		return Result{}, err
	}
	if err := rules.Check(pass); err != nil {
		return Result{}, s.refuse(ctx, failure(t.ID, user.ID, audit.InviteFailed, model.CodeOf(err)), err)
	}
	phc, err := s.Hasher.Hash(ctx, pass)
	if err != nil {
		return Result{}, err
	}
	for range inviteTries {
		res, err := s.accept(ctx, inv, t, user, chosen{phc, short(pass)})
		switch {
		case errors.Is(err, errInvite):
			return Result{}, s.refuse(ctx, failure(t.ID, user.ID, audit.InviteFailed, model.CodeInviteInvalid), errInvite)
		case err != errMoved:
			return res, err
		}
		var now model.User
		if t, now, err = s.invited(ctx, inv); err != nil {
			return Result{}, err
		}
		if now.ID == "" {
			return Result{}, s.noInvite(ctx, inv)
		}
	}
	return Result{}, model.Errorf(model.CodeBusy, "tenant %q changes faster than it can be told who may invite", inv.Tenant)
}

// chosen is a password that somebody chose: its hash, and whether it is too short to
// stand alone, as it may be that what asked for a second factor is gone by now.
type chosen struct {
	phc   string
	short bool
}

// inviteTries bounds how often an acceptance begins again because the tenant changed
// meanwhile.
const inviteTries = 20

// accept settles who uses the invitation, if what its maker may do still is as it was
// looked up at t, and what its password opens.
func (s *Service) accept(ctx context.Context, inv store.Invite, t model.Tenant, user model.User, pass chosen) (res Result, err error) {
	due, err := s.mfaDue(ctx, t, user.ID)
	if err != nil {
		return Result{}, err
	}
	due = due || pass.short
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res = Result{}
		p := proof{Methods: []string{"pwd"}, At: s.Now(), Short: pass.short}
		revision, err := tx.Bump(ctx, t.ID) // the tenant's row first, as everywhere
		if err != nil {
			return err
		}
		if inv.MadeBy != "" && revision != t.Revision+1 {
			return errMoved
		}
		if used, err := tx.UseInvite(ctx, inv.Hash, s.Now()); err != nil || !used {
			return cmpErr(err, errInvite)
		}
		if _, err := same(ctx, tx, user); err != nil { // another one was used, or the password changed
			if errors.Is(err, errLogin) {
				err = errInvite
			}
			return err
		}
		devices, err := tx.Devices(ctx, user.Tenant, user.ID)
		if err != nil {
			return err
		}
		if len(devices) > 0 {
			p.Chosen = pass.phc
		} else if err := s.setInvited(ctx, tx, user, pass.phc); err != nil {
			return err
		}
		if res, err = s.nextStep(ctx, tx, t, user, p, due); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, success(user, audit.InviteAccepted, p))
	})
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// setInvited sets a password that was chosen with an invitation, and ends whatever the
// old one had opened.
func (s *Service) setInvited(ctx context.Context, tx store.Tx, user model.User, phc string) error {
	if set, err := tx.SetPassword(ctx, user.Tenant, user.ID, user.PasswordHash, phc); err != nil || !set {
		return cmpErr(err, errInvite)
	}
	return s.endOld(ctx, tx, user, "")
}

// setChosen is setInvited once the second factor of a ticket is proven; most tickets
// hold no password.
func (s *Service) setChosen(ctx context.Context, tx store.Tx, tk store.Ticket, user model.User) error {
	if tk.Password == "" {
		return nil
	}
	return s.setInvited(ctx, tx, user, tk.Password)
}

// invited finds whom a live invitation is for; zero values where nobody may use it.
// One that a person made is worth what that person may do now: whatever the user was
// given since, and whatever its maker has lost, it opens nothing they could not give.
func (s *Service) invited(ctx context.Context, inv store.Invite) (model.Tenant, model.User, error) {
	if inv.User == "" {
		return model.Tenant{}, model.User{}, nil
	}
	t, err := s.Store.TenantHead(ctx, inv.Tenant)
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
	if inv.MadeBy != "" {
		if s.Inviters == nil {
			return t, model.User{}, nil
		}
		may, err := s.Inviters.StillInvites(ctx, t.ID, t.Revision, inv.MadeBy, inv.User)
		if err != nil || !may {
			return t, model.User{}, err
		}
	}
	return t, user, nil
}

// noInvite refuses an invitation that nobody may use.
func (s *Service) noInvite(ctx context.Context, inv store.Invite) error {
	return s.miss(ctx, failure(inv.Tenant, inv.User, audit.InviteFailed, model.CodeInviteInvalid), errInvite)
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
