package login

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/throttle"
	"rolegate/internal/token"
	"rolegate/internal/totp"
	"rolegate/model"
)

// PendingTTL is how long a device waits for its first code (security checklist
// B37).
const PendingTTL = 10 * time.Minute

// Enrol makes a pending device for an enrolment ticket and shows its secret,
// this once. Asking again replaces the pending device.
func (s *Service) Enrol(ctx context.Context, ticket string) (Enrolment, error) {
	if err := s.liveTicket(ctx, ticket, store.TicketEnrol, audit.EnrolFailed); err != nil {
		return Enrolment{}, err
	}
	var secret []byte
	var row store.Device
	var user model.User
	var refused error
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		refused = nil
		tk, err := tx.Ticket(ctx, token.Hash(ticket), s.Now())
		if err != nil || tk.Purpose != store.TicketEnrol {
			refused = notFound(err, errTicket)
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, refused)
		}
		if _, user, err = s.holder(ctx, tx, tk); err == nil {
			err = mayEnrol(ctx, tx, tk)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, err)
		}
		if row, secret, err = s.newDevice(ctx, tx, user, "TOTP"); err != nil {
			return err
		}
		if ok, err := tx.SetTicketDevice(ctx, tk.Hash, row.ID, s.Now()); err != nil || !ok {
			return cmpErr(err, errTicket)
		}
		return s.Log.AppendIn(ctx, tx, success(user, audit.EnrolStarted, proof{Methods: tk.Methods}))
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Enrolment{}, err
	}
	return s.enrolment(row, user, secret)
}

// newDevice makes the user's one pending device.
func (s *Service) newDevice(ctx context.Context, tx store.Factors, user model.User, name string) (store.Device, []byte, error) {
	secret := totp.NewSecret()
	device := totp.Default(secret)
	row := store.Device{
		ID: rand.Text(), Tenant: user.Tenant, User: user.ID, Name: name,
		Algorithm: device.Algorithm, Digits: device.Digits, Period: device.Period, CreatedAt: s.Now(),
	}
	var err error
	if row.Secret, err = s.KEK.Seal(secret, devicePlace(row)); err != nil {
		return row, nil, err
	}
	if err := tx.DeletePending(ctx, user.Tenant, user.ID); err != nil {
		return row, nil, err
	}
	return row, secret, tx.InsertDevice(ctx, row)
}

// enrolment shows a new device.
func (s *Service) enrolment(row store.Device, user model.User, secret []byte) (Enrolment, error) {
	device := totp.Device{Secret: secret, Algorithm: row.Algorithm, Digits: row.Digits, Period: row.Period}
	uri := totp.URI(s.issuerName(), user.Username, device)
	png, err := totp.QR(uri)
	if err != nil {
		return Enrolment{}, err
	}
	form, err := s.newForm(named{user.Tenant, user.ID, row.ID})
	return Enrolment{DeviceID: row.ID, Username: user.Username, Secret: totp.Base32(secret), OTPAuthURI: uri, QRPNG: png, Form: form}, err
}

// issuerName is what an authenticator shows beside the account: "Rolegate
// (crm.example.com)". The host comes from the configured issuer only.
func (s *Service) issuerName() string {
	if u, err := url.Parse(s.Issuer); err == nil && u.Hostname() != "" {
		return "Rolegate (" + u.Hostname() + ")"
	}
	return "Rolegate"
}

// ConfirmEnrolment makes the pending device count with a first code, which is
// used by that, and answers with tokens and recovery codes. Older devices,
// codes and sessions of the person end: there is one device to lose, and none
// that was lost still opens anything.
//
// The same form (Enrolment.Form, or "") with the same code is shown the same recovery
// codes for a minute, without tokens.
func (s *Service) ConfirmEnrolment(ctx context.Context, ticket, code, form string) (res Result, err error) {
	again, err := s.twice(ctx, asked{form, code}, func() (err error) {
		res, err = s.confirmEnrolment(ctx, ticket, asked{form, code})
		return err
	})
	if again != nil {
		return Result{Status: StatusOK, RecoveryCodes: again}, nil
	}
	return res, err
}

func (s *Service) confirmEnrolment(ctx context.Context, ticket string, a asked) (Result, error) {
	tk, err := s.tryTicket(ctx, ticket, store.TicketEnrol, audit.EnrolFailed, s.tryCode)
	if err != nil {
		return Result{}, err
	}
	return s.settleEnrolment(ctx, enroller{
		Ticket: tk,
		caller: model.Caller{Kind: model.CallerAnonymous},
		holder: func(ctx context.Context, tx store.Tx) (model.Tenant, model.User, error) { return s.holder(ctx, tx, tk) },
		end:    func(ctx context.Context, tx store.Tx) error { return endTicket(ctx, tx, tk, s) },
	}, a)
}

// enroller is what an enrolment goes by: a ticket, or what a session says in place of one.
type enroller struct {
	store.Ticket
	caller model.Caller
	holder func(ctx context.Context, tx store.Tx) (model.Tenant, model.User, error) // whose it is, if it is good still
	end    func(ctx context.Context, tx store.Tx) error                             // spends it
}

// settleEnrolment makes the device count, for whoever has the code.
func (s *Service) settleEnrolment(ctx context.Context, by enroller, a asked) (Result, error) {
	tk := by.Ticket
	codes, err := s.prepareCodes(ctx, tk, a)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	var off int64
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		t, user, err := by.holder(ctx, tx)
		if err == nil {
			off, err = s.confirmTicket(ctx, tx, tk, a.code, codes)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, err)
		}
		if err := by.end(ctx, tx); err != nil {
			return err // rolls back what the code settled; the refusal is recorded with the request
		}
		if err := s.codeRight(ctx, tx, tk.Tenant, tk.User); err != nil {
			return err
		}
		if err := s.replaceFactors(ctx, tx, tk, codes); err != nil {
			return err
		}
		p := withOTP(s.Now())
		tokens, err := s.issue(ctx, tx, t, user, p, false)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens, RecoveryCodes: codes.plain}
		e := success(user, audit.EnrolConfirmed, p)
		e.Caller = by.caller
		return s.Log.AppendIn(ctx, tx, e)
	})
	return accepted(s, off, res, err, refused)
}

// prepareCodes makes recovery codes for a ticket whose device and code look right.
func (s *Service) prepareCodes(ctx context.Context, tk store.Ticket, a asked) (recoveryCodes, error) {
	d, err := s.Store.Device(ctx, tk.Device)
	if err != nil {
		return recoveryCodes{}, ignore(err, store.ErrNotFound) // refused in the transaction
	}
	return s.codesFor(ctx, d, a)
}

// codesFor makes and hashes recovery codes outside the transaction, and only for
// an attempt that was counted and looks right: ten hashes are not for the asking.
// Whether it is right is settled afterwards, in the transaction. Where no worker
// came free the try is taken back, unless its sender has gone: of ten hashes some
// were run.
func (s *Service) codesFor(ctx context.Context, d store.Device, a asked) (recoveryCodes, error) {
	if m, err := s.match(d, a.code, s.Now()); err != nil || !m.ok {
		return recoveryCodes{}, nil // refused in the transaction
	}
	codes, err := s.newRecoveryCodes(ctx, d.Tenant, d.User, s.source(a, named{d.Tenant, d.User, d.ID}, s.Now()))
	if err != nil && ctx.Err() == nil {
		err = s.unheard(ctx, err, throttle.Of(s.codeLine(d.Tenant, d.User)))
	}
	return codes, err
}

// confirmTicket takes the code's step on the ticket's own pending device.
func (s *Service) confirmTicket(ctx context.Context, tx store.Tx, tk store.Ticket, code string, codes recoveryCodes) (off int64, err error) {
	if err := mayEnrol(ctx, tx, tk); err != nil {
		return 0, err
	}
	d, err := tx.Device(ctx, tk.Device)
	if err != nil {
		return 0, notFound(err, errTicket)
	}
	return s.confirm(ctx, tx, d, code, len(codes.rows) > 0)
}

// confirm takes the code's step on a pending device, which counts from then on, and
// tells how many steps that is off.
// It is not ready where recovery codes are due and none were prepared, as when
// the code's time came only since.
func (s *Service) confirm(ctx context.Context, tx store.Tx, d store.Device, code string, ready bool) (off int64, err error) {
	now := s.Now()
	m, err := s.match(d, code, now)
	if err != nil {
		return 0, err
	}
	if !m.ok || !ready {
		return 0, s.wrongCode(ctx, tx, d.Tenant, d.User, []store.Device{d}, code, now)
	}
	if ok, err := tx.ConfirmDevice(ctx, d.ID, m.step, m.drift, now); err != nil || ok {
		return m.off, err
	}
	return 0, s.wrong()
}

// mayEnrol refuses a ticket that a password alone opened once a device is there:
// it was enrolled since, perhaps by the person whose password this is. A device
// is replaced after a recovery code only.
func mayEnrol(ctx context.Context, tx store.Factors, tk store.Ticket) error {
	if slices.Contains(tk.Methods, "mfa") {
		return nil
	}
	devices, err := tx.Devices(ctx, tk.Tenant, tk.User)
	if err == nil && len(devices) > 0 {
		return errTicket
	}
	return err
}

// replaceFactors leaves the confirmed device and the new codes as the person's
// only ones, and ends the sessions and tickets opened without them.
func (s *Service) replaceFactors(ctx context.Context, tx store.Tx, tk store.Ticket, codes recoveryCodes) error {
	if err := tx.DeleteDevices(ctx, tk.Tenant, tk.User, tk.Device, s.Now()); err != nil {
		return err
	}
	if err := tx.ReplaceRecoveryCodes(ctx, tk.Tenant, tk.User, codes.rows); err != nil {
		return err
	}
	if err := s.ForgetDevices(ctx, tx, tk.Tenant, tk.User); err != nil {
		return err
	}
	if _, err := tx.EndTickets(ctx, tk.Tenant, tk.User, s.Now()); err != nil {
		return err
	}
	_, err := tx.EndSessions(ctx, tk.Tenant, tk.User, "", s.Now())
	return err
}

// notFound turns a missing row into the refusal it means.
func notFound(err error, refusal *model.Error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return refusal
	}
	return err
}
