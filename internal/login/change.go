package login

import (
	"context"
	"errors"

	"rolegate/internal/audit"
	"rolegate/internal/password"
	"rolegate/internal/store"
	"rolegate/internal/throttle"
	"rolegate/model"
)

var errPassword = model.Errorf(model.CodePasswordWrong, "the current password is wrong")

// ChangePassword replaces a person's password by one that keeps the rules. The
// session must be fresh (see Fresh), and still the current password is asked
// for: whoever finds an unlocked screen has the one and not the other.
//
// What the old password had opened ends: every other session with its tokens,
// tickets, and an invitation that waits. The session it is changed in goes on
// under a new id, with its limits and no more assurance than it had.
func (s *Service) ChangePassword(ctx context.Context, session Session, current, next string) (Result, error) {
	if len(current) > password.MaxBytes {
		return Result{}, model.Errorf(model.CodeInvalidRequest, "the current password is longer than %d bytes", password.MaxBytes)
	}
	t, user, err := s.self(ctx, session)
	if err != nil {
		return Result{}, err
	}
	row, err := s.Store.Session(ctx, session.Caller.Session)
	if err != nil {
		return Result{}, notFound(err, errUnauthorized)
	}
	due, err := s.mfaDue(ctx, t, user.ID)
	if err != nil {
		return Result{}, err
	}
	if err := enough(ctx, s.Store, user, session.Assurance.Level, due); err != nil { // as issue would, after two hashes
		return Result{}, s.refuse(ctx, changeFailed(session, model.CodeOf(err)), err)
	}
	if err := s.checkCurrent(ctx, user, session, current); err != nil {
		return Result{}, err
	}
	rules, err := s.rules(ctx, t, user, due)
	if err != nil {
		return Result{}, err
	}
	if err := s.checkNext(rules, current, next); err != nil {
		return Result{}, s.refuse(ctx, changeFailed(session, model.CodeOf(err)), err)
	}
	hash, err := s.Hasher.Hash(ctx, next)
	if err != nil {
		return Result{}, err
	}
	var tokens Tokens
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := s.unchanged(ctx, tx, user); errors.Is(err, errLogin) {
			return errUnauthorized // disabled, or another change was first and ended this session
		} else if err != nil {
			return err
		}
		if set, err := tx.SetPassword(ctx, t.ID, user.ID, user.PasswordHash, hash); err != nil || !set {
			return cmpErr(err, errUnauthorized)
		}
		if err := s.endOld(ctx, tx, user, session.Caller.Session); err != nil {
			return err
		}
		p := proof{Methods: session.Assurance.Methods, At: session.Assurance.AuthTime, Level: session.Assurance.Level, After: &row}
		if tokens, err = s.issue(ctx, tx, t, user, p, due); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{
			Tenant: t.ID, Class: audit.ClassLogin, Activity: audit.PasswordChanged, Outcome: audit.OutcomeOK,
			Level: p.level(), Caller: session.Caller, Person: "user:" + user.ID, Personal: map[string]any{"methods": p.Methods},
		})
	})
	if err != nil {
		return Result{}, err
	}
	return Result{Status: StatusOK, Tokens: &tokens}, nil
}

// checkCurrent charges a try before it hashes. Somebody without a password has
// none that is right, at the same cost.
func (s *Service) checkCurrent(ctx context.Context, user model.User, session Session, current string) error {
	if err := s.tryPassword(ctx, user.Tenant, user.ID); err != nil {
		return s.refuse(ctx, changeFailed(session, model.CodeOf(err)), err)
	}
	ok, _, err := s.Hasher.Verify(password.Ahead(ctx), user.PasswordHash, current)
	if err != nil {
		return s.unheard(ctx, err, throttle.Of(s.passwordLine(user.Tenant, user.ID)))
	}
	if !ok || user.PasswordHash == "" {
		return s.refuse(ctx, changeFailed(session, model.CodePasswordWrong), errPassword)
	}
	return s.Store.InTx(ctx, func(tx store.Tx) error { return s.passwordRight(ctx, tx, user.Tenant, user.ID) })
}

func (s *Service) checkNext(rules password.Rules, current, next string) error {
	if next == current {
		return &password.Rejected{Reasons: []password.Reason{password.Unchanged}}
	}
	return rules.Check(next)
}

// endOld ends what a password that is gone had opened, but for the session keep,
// which may be "".
func (s *Service) endOld(ctx context.Context, tx store.Tx, u model.User, keep string) error {
	now := s.Now()
	if _, err := tx.EndSessions(ctx, u.Tenant, u.ID, keep, now); err != nil {
		return err
	}
	if _, err := tx.EndTickets(ctx, u.Tenant, u.ID, now); err != nil {
		return err
	}
	if err := tx.EndInvites(ctx, u.Tenant, u.ID, now); err != nil {
		return err
	}
	return s.ForgetDevices(ctx, tx, u.Tenant, u.ID)
}

func changeFailed(session Session, code model.Code) audit.Entry {
	e := failure(session.Caller.Tenant, session.Caller.ID, audit.ChangeFailed, code)
	e.Caller = session.Caller
	return e
}
