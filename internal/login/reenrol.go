package login

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// A session that a recovery code opened enrols a new device by itself, for as long as it
// lives: the ticket beside it ends after five minutes, and by any login of its person, also
// of somebody who has the password and nothing else. The code would be burnt for nothing
// (decision 0054).

var (
	errNotRecovered = model.Errorf(model.CodeForbidden, "this is for a session that a recovery code opened; add a device among your devices")
	errPendingOver  = model.Errorf(model.CodeConflict, "the device waited too long for its code, or another one took its place; begin anew with a new one")
)

// ReEnrol is Enrol for a session that a recovery code opened; CodeForbidden for another.
func (s *Service) ReEnrol(ctx context.Context, session Session) (Enrolment, error) {
	var secret []byte
	var row store.Device
	var user model.User
	err := s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if _, user, err = s.recovered(ctx, tx, session); err != nil {
			return err
		}
		if row, secret, err = s.newDevice(ctx, tx, user, "TOTP"); err != nil {
			return err
		}
		e := success(user, audit.EnrolStarted, proof{Methods: session.Assurance.Methods})
		e.Caller = session.Caller
		return s.Log.AppendIn(ctx, tx, e)
	})
	if err != nil {
		return Enrolment{}, err
	}
	return s.enrolment(row, user, secret)
}

// ConfirmReEnrolment is ConfirmEnrolment for the device that ReEnrol, or the session's
// ticket, made last; CodeConflict where there is none, or not any more.
func (s *Service) ConfirmReEnrolment(ctx context.Context, session Session, code, form string) (res Result, err error) {
	a := s.formOf(session, form, code)
	again, err := s.twice(ctx, a, func() (err error) {
		res, err = s.confirmReEnrolment(ctx, session, a)
		return err
	})
	if again != nil {
		return Result{Status: StatusOK, RecoveryCodes: again}, nil
	}
	return res, err
}

func (s *Service) confirmReEnrolment(ctx context.Context, session Session, a asked) (Result, error) {
	if !session.Restricted {
		return Result{}, errNotRecovered
	}
	c := session.Caller
	d, err := s.waiting(ctx, s.Store, c)
	if err != nil {
		return Result{}, err
	}
	if err := s.tryCode(ctx, c.Tenant, c.ID); err != nil {
		return Result{}, err
	}
	return s.settleEnrolment(ctx, enroller{
		Ticket: store.Ticket{Tenant: c.Tenant, User: c.ID, Methods: session.Assurance.Methods, Device: d.ID},
		caller: c,
		holder: func(ctx context.Context, tx store.Tx) (model.Tenant, model.User, error) {
			t, u, err := s.recovered(ctx, tx, session)
			if err != nil {
				return t, u, err
			}
			if now, err := s.waiting(ctx, tx, c); err != nil || now.ID != d.ID {
				return t, u, cmpErr(err, errPendingOver)
			}
			return t, u, nil
		},
		end: func(context.Context, store.Tx) error { return nil }, // with all sessions, of parallel ones the device counts once
	}, a)
}

// Recovers tells whether the session, which lives, is one that a recovery code opened for
// the person of the ticket: it enrols, so another code would be burnt for nothing.
func (s *Service) Recovers(ctx context.Context, session Session, ticket string) (bool, error) {
	if !session.Restricted {
		return false, nil
	}
	tk, err := s.Store.Ticket(ctx, token.Hash(ticket), s.Now())
	if err != nil {
		return false, ignore(err, store.ErrNotFound)
	}
	return tk.Tenant == session.Caller.Tenant && tk.User == session.Caller.ID, nil
}

// waiting is the person's device that waits for its first code.
func (s *Service) waiting(ctx context.Context, q store.Factors, c model.Caller) (store.Device, error) {
	d, err := q.PendingDevice(ctx, c.Tenant, c.ID)
	switch {
	case err != nil:
		return d, notFound(err, errPendingOver)
	case s.Now().Sub(d.CreatedAt).Abs() >= PendingTTL:
		return d, errPendingOver
	}
	return d, nil
}

// recovered is whose the session is, where a recovery code opened it and it lives still.
func (s *Service) recovered(ctx context.Context, tx store.Tx, session Session) (model.Tenant, model.User, error) {
	if _, err := tx.Bump(ctx, session.Caller.Tenant); err != nil { // the tenant's row first, as everywhere
		return model.Tenant{}, model.User{}, err
	}
	row, err := tx.Session(ctx, session.Caller.Session)
	if err != nil {
		return model.Tenant{}, model.User{}, notFound(err, errUnauthorized)
	}
	t, u, err := s.alive(ctx, tx, row)
	if err == nil && !row.Restricted {
		err = errNotRecovered
	}
	return t, u, err
}

// endRecovered ends the sessions that recovery codes opened, with their tickets: who has a
// device, or new codes, has lost none, so the codes were used by somebody else, or for
// nothing.
func (s *Service) endRecovered(ctx context.Context, tx store.Tx, u model.User) error {
	live, err := s.liveSessions(ctx, tx, u.Tenant, u.ID)
	if err != nil {
		return err
	}
	for _, session := range live {
		if !session.Restricted {
			continue
		}
		if _, err := s.end(ctx, tx, session); err != nil {
			return err
		}
		e := success(u, audit.SessionRevoked, proof{Methods: session.AMR, Level: session.ACR})
		e.Personal["session"] = session.ID
		if err := s.Log.AppendIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}
