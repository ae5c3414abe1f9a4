package login

import (
	"context"
	"errors"
	"fmt"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/internal/totp"
	"rolegate/model"
)

var (
	errTicket = model.Errorf(model.CodeTicketInvalid, "this ticket is unknown, expired, used or spent; log in again")
	errCode   = model.Errorf(model.CodeCodeInvalid, "the code is wrong or was already used; wait for the next one, and check that the phone's clock is right")
)

// VerifyTOTP is the second step with a one-time code. The attempt is counted
// before the code is looked at, and the code's time step is taken by a
// conditional update, so of any number of parallel requests one succeeds.
func (s *Service) VerifyTOTP(ctx context.Context, ticket, code string) (Result, error) {
	tk, err := s.countAttempt(ctx, ticket, store.TicketMFA, audit.OTPFailed)
	if err != nil {
		return Result{}, err
	}
	if err := s.tryCode(ctx, tk.Tenant, tk.User); err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		t, user, err := s.holder(ctx, tx, tk)
		if err == nil {
			err = s.useCode(ctx, tx, tk, code)
		}
		if err == nil {
			err = endTicket(ctx, tx, tk, s)
		}
		if err == nil {
			err = s.codeRight(ctx, tx, tk.Tenant, tk.User)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.OTPFailed, err)
		}
		p := proof{Methods: append(tk.Methods, "otp", "mfa"), At: s.Now(), Level: 2}
		tokens, err := s.issue(ctx, tx, t, user, p, true)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens}
		return s.Log.AppendIn(ctx, tx, success(user, audit.LoginSucceeded, p))
	})
	return answer(res, err, refused)
}

// answer is the outcome of a step whose transaction committed a refusal or a
// result, or failed.
func answer(res Result, err, refused error) (Result, error) {
	if err == nil {
		err = refused
	}
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// attempt finds a live ticket of the purpose and counts one attempt on it. On
// refusal it still returns what is known of the ticket, for the record.
func (s *Service) attempt(ctx context.Context, tx store.Tickets, secret string, purpose store.TicketPurpose) (store.Ticket, error) {
	hash, now := token.Hash(secret), s.Now()
	tk, err := tx.Ticket(ctx, hash, now)
	if errors.Is(err, store.ErrNotFound) {
		return store.Ticket{}, errTicket
	}
	if err != nil {
		return store.Ticket{}, err
	}
	if tk.Purpose != purpose {
		return tk, errTicket
	}
	if ok, err := tx.TryTicket(ctx, hash, TicketTries, now); err != nil || !ok {
		return tk, cmpErr(err, errTicket)
	}
	return tk, nil
}

// holder is the ticket's tenant and user, if both may still log in.
func (s *Service) holder(ctx context.Context, tx store.Queries, tk store.Ticket) (model.Tenant, model.User, error) {
	t, err := tx.Tenant(ctx, tk.Tenant)
	if err != nil {
		return model.Tenant{}, model.User{}, err
	}
	user, err := tx.User(ctx, tk.Tenant, tk.User)
	if err != nil {
		return model.Tenant{}, model.User{}, err
	}
	if t.Disabled || user.Disabled {
		return t, user, errTicket
	}
	return t, user, nil
}

// useCode takes the code's time step on the one device it belongs to.
func (s *Service) useCode(ctx context.Context, tx store.Factors, tk store.Ticket, code string) error {
	devices, err := tx.Devices(ctx, tk.Tenant, tk.User)
	if err != nil {
		return err
	}
	for _, d := range devices {
		step, ok, err := s.match(d, code)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		used, err := tx.UseStep(ctx, d.ID, step)
		if err != nil {
			return err
		}
		if used {
			return nil
		}
	}
	return errCode
}

// match opens the device's secret and compares. A secret that does not open, or
// is too short, is an error, never a match.
func (s *Service) match(d store.Device, code string) (step int64, ok bool, err error) {
	secret, err := s.KEK.Open(d.Secret, devicePlace(d))
	if err != nil {
		return 0, false, fmt.Errorf("device %s: %w", d.ID, err)
	}
	device := totp.Device{Secret: secret, Algorithm: d.Algorithm, Digits: d.Digits, Period: d.Period}
	return totp.Match(device, code, s.Now(), d.LastStep)
}

// devicePlace ties the secret to the device and to whose it is: in another
// person's row it does not open.
func devicePlace(d store.Device) keyring.Place {
	return keyring.Place{Table: "totp_devices", Row: fmt.Sprintf("%q %q %q", d.Tenant, d.User, d.ID), Column: "secret"}
}

// recordRefusal commits the entry of a refused step: outcome deny for what the
// person got wrong, error for a fault of ours. A fault of the store is returned
// and rolls the step back.
func (s *Service) recordRefusal(ctx context.Context, tx store.Tx, tk store.Ticket, a audit.Activity, refused error) error {
	if tk.Hash == nil && model.CodeOf(refused) == model.CodeTicketInvalid {
		if err := s.tooManyMisses(ctx); err != nil {
			return err
		}
	}
	e := failure(tk.Tenant, tk.User, a, model.CodeOf(refused))
	switch model.CodeOf(refused) {
	case model.CodeTicketInvalid, model.CodeCodeInvalid:
	case model.CodeInternal:
		e.Outcome = audit.OutcomeError
	default:
		return refused
	}
	return s.Log.AppendIn(ctx, tx, e)
}

// endTicket spends the ticket: of parallel successes with one ticket, one counts.
func endTicket(ctx context.Context, tx store.Tickets, tk store.Ticket, s *Service) error {
	ended, err := tx.EndTicket(ctx, tk.Hash, s.Now())
	if err != nil || !ended {
		return cmpErr(err, errTicket)
	}
	return nil
}
