package login

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// WrongCode refuses a one-time or recovery code, with what helps whoever has a
// wrong clock. Nothing in it tells a code that was used from one that never was.
type WrongCode struct {
	At       time.Time     // our time
	Off      time.Duration // how far the device's clock is off, about; below zero it is slow; 0 unknown
	Recovery bool          // it was to be a recovery code, which no clock makes
	Removed  *Removed      // the device it is of, which is a factor no more; nil for none
}

func (w *WrongCode) Error() string { return errCode.Error() }

// Unwrap gives model.CodeOf its code.
func (w *WrongCode) Unwrap() error { return errCode }

func (s *Service) wrong() *WrongCode { return &WrongCode{At: s.Now()} }

func (s *Service) wrongRecovery() *WrongCode { return &WrongCode{At: s.Now(), Recovery: true} }

// withOTP is how somebody proved who they are who entered a one-time code.
func withOTP(now time.Time) proof {
	return proof{Methods: []string{"pwd", "otp", "mfa"}, At: now, Level: 2}
}

// VerifyTOTP is the second step with a one-time code. The attempt is counted
// before the code is looked at, and the code's time step is taken by a
// conditional update, so of any number of parallel requests one succeeds.
func (s *Service) VerifyTOTP(ctx context.Context, ticket, code string) (Result, error) {
	tk, err := s.tryTicket(ctx, ticket, store.TicketMFA, audit.OTPFailed, s.tryCode)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	var off int64
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		t, user, err := s.holder(ctx, tx, tk)
		if err == nil {
			off, err = s.useCode(ctx, tx, tk.Tenant, tk.User, code)
		}
		if err == nil {
			err = endTicket(ctx, tx, tk, s)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.OTPFailed, err)
		}
		if err := s.codeRight(ctx, tx, tk.Tenant, tk.User); err != nil {
			return err
		}
		if err := s.setChosen(ctx, tx, tk, user); err != nil {
			return err
		}
		if err := s.endRecovered(ctx, tx, user); err != nil {
			return err
		}
		p := withOTP(s.Now())
		tokens, err := s.issue(ctx, tx, t, user, p, true)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens}
		return s.Log.AppendIn(ctx, tx, success(user, audit.LoginSucceeded, p))
	})
	return accepted(s, off, res, err, refused)
}

// accepted is the answer to a code. Where it was accepted it counts how many time steps
// it was off.
func accepted[T any](s *Service, off int64, res T, err, refused error) (T, error) {
	if err == nil && refused == nil && s.Offset != nil {
		s.Offset(off)
	}
	return answer(res, err, refused)
}

// answer is the outcome of a step whose transaction committed a refusal or a
// result, or failed.
func answer[T any](res T, err, refused error) (T, error) {
	if err == nil {
		err = refused
	}
	if err != nil {
		var none T
		return none, err
	}
	return res, nil
}

// liveTicket refuses by reading what is no ticket of the purpose, or a spent one, as any
// secret that is none: anybody can make one up, and for a write SQLite has one place. One
// of the future is of a clock that went back, and would live as much longer.
func (s *Service) liveTicket(ctx context.Context, secret string, purpose store.TicketPurpose, failed audit.Activity) error {
	now := s.Now()
	tk, err := s.Store.Ticket(ctx, token.Hash(secret), now)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || tk.Purpose != purpose || tk.Tries >= TicketTries || tk.CreatedAt.Sub(now) > TicketTTL {
		return s.miss(ctx, failure(tk.Tenant, tk.User, failed, model.CodeTicketInvalid), errTicket)
	}
	return nil
}

// tryTicket counts one attempt, on the ticket and with try on its account, and
// commits that before the code is looked at or anything is hashed.
func (s *Service) tryTicket(ctx context.Context, ticket string, purpose store.TicketPurpose, failed audit.Activity,
	try func(ctx context.Context, tenant, user string) error) (tk store.Ticket, err error) {
	if err := s.liveTicket(ctx, ticket, purpose, failed); err != nil {
		return store.Ticket{}, err
	}
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		tk, refused = s.attempt(ctx, tx, ticket, purpose)
		if refused != nil {
			return s.recordRefusal(ctx, tx, tk, failed, refused)
		}
		return nil
	})
	if err == nil {
		err = refused
	}
	if err == nil {
		err = try(ctx, tk.Tenant, tk.User)
	}
	return tk, err
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

// holder is the ticket's tenant and user, if both may still log in. It takes the
// tenant's row, so that what is read after it is still so when the step is settled, and
// comes first as in a step-up, which takes the device and the counters after it.
func (s *Service) holder(ctx context.Context, tx store.Tx, tk store.Ticket) (model.Tenant, model.User, error) {
	if _, err := tx.Bump(ctx, tk.Tenant); err != nil {
		return model.Tenant{}, model.User{}, err
	}
	t, err := tx.TenantHead(ctx, tk.Tenant)
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

// useCode takes the code's time step on the one device it belongs to, and tells how
// many steps that is off. A device whose secret does not open matches nothing, and is
// the error unless another one matches.
func (s *Service) useCode(ctx context.Context, tx store.Tx, tenant, user, code string) (off int64, err error) {
	devices, err := tx.Devices(ctx, tenant, user)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	var broken error
	for _, d := range devices {
		m, err := s.match(d, code, now)
		if err != nil {
			broken = errors.Join(broken, err)
		}
		if !m.ok {
			continue
		}
		if used, err := tx.UseStep(ctx, d.ID, m.step, m.drift, now); err != nil || used {
			return m.off, err
		}
	}
	if broken != nil {
		return 0, broken
	}
	return 0, s.wrongCode(ctx, tx, tenant, user, devices, code, now)
}

// matched is what a code is of a device, if anything.
type matched struct {
	ok    bool
	step  int64
	drift int64 // to be stored with the step
	off   int64 // steps it is ahead of the present one; below zero it is behind
}

// match opens the device's secret and compares. A secret that does not open, or
// is too short, is an error, never a match.
func (s *Service) match(d store.Device, code string, now time.Time) (matched, error) {
	device, err := s.open(d)
	if err != nil {
		return matched{}, err
	}
	step, ok, err := totp.Match(device, code, now, stateOf(d), s.window())
	if err != nil {
		return matched{}, fmt.Errorf("device %s: %w", d.ID, err)
	}
	return matched{ok: ok, step: step, drift: s.window().Learn(device, step, now), off: step - totp.Step(now, d.Period)}, nil
}

// wrongCode is the refusal of a code that none of the devices takes. Where it is
// of another time near by, it says how far the device's clock is off; of a time
// to come only once that step cannot be used any more. Where it is of a device that was
// removed, it says of which.
func (s *Service) wrongCode(ctx context.Context, tx store.Tx, tenant, user string, devices []store.Device, code string, now time.Time) (err error) {
	w := &WrongCode{At: now}
	if w.Removed, err = s.removed(ctx, tx, tenant, user, code, now); err != nil {
		return err
	}
	if w.Removed != nil {
		return w
	}
	for _, d := range devices {
		device, err := s.open(d)
		if err != nil {
			continue // match has said so
		}
		off, step, ok, err := totp.Off(device, code, now, stateOf(d), s.window())
		if err != nil || !ok {
			continue
		}
		if step > totp.Step(now, d.Period) {
			told, err := tx.TellStep(ctx, d.ID, step, totp.Oldest(now, d.Period))
			if err != nil {
				return err
			}
			if !told {
				continue
			}
		}
		w.Off = off
		return w
	}
	return w
}

// open gives the device its secret back.
func (s *Service) open(d store.Device) (totp.Device, error) {
	secret, err := s.KEK.Open(d.Secret, devicePlace(d))
	if err != nil {
		return totp.Device{}, fmt.Errorf("device %s: %w", d.ID, err)
	}
	return totp.Device{Secret: secret, Algorithm: d.Algorithm, Digits: d.Digits, Period: d.Period}, nil
}

func stateOf(d store.Device) totp.State {
	return totp.State{LastStep: d.LastStep, Drift: d.Drift, Told: d.ToldStep}
}

func (s *Service) window() totp.Window { return totp.Window(s.TOTPSkew > 0) }

// devicePlace ties the secret to the device and to whose it is: in another
// person's row it does not open.
func devicePlace(d store.Device) keyring.Place {
	return keyring.Place{Table: "totp_devices", Row: fmt.Sprintf("%q %q %q", d.Tenant, d.User, d.ID), Column: "secret"}
}

// recordRefusal commits the entry of a refused step with a ticket.
func (s *Service) recordRefusal(ctx context.Context, tx store.Tx, tk store.Ticket, a audit.Activity, refused error) error {
	return s.recordFailure(ctx, tx, failure(tk.Tenant, tk.User, a, model.CodeOf(refused)), refused)
}

// recordFailure commits the entry of a refused step: outcome deny for what the
// person got wrong, error for a fault of ours. A fault of the store is returned
// and rolls the step back.
func (s *Service) recordFailure(ctx context.Context, tx store.Tx, e audit.Entry, refused error) error {
	if w, ok := errors.AsType[*WrongCode](refused); ok && w.Removed != nil {
		e.Personal["device"], e.Personal["name"] = w.Removed.ID, w.Removed.Name
	}
	switch e.Code {
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
