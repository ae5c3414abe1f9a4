package login

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/internal/totp"
	"rolegate/model"
)

// Enrol makes a pending device for an enrolment ticket and shows its secret,
// this once. Asking again replaces the pending device.
func (s *Service) Enrol(ctx context.Context, ticket string) (Enrolment, error) {
	secret := totp.NewSecret()
	device := totp.Default(secret)
	id := rand.Text()
	sealed, err := s.KEK.Seal(secret, devicePlace(id))
	if err != nil {
		return Enrolment{}, err
	}
	var user model.User
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		refused = nil
		tk, err := tx.Ticket(ctx, token.Hash(ticket), s.Now())
		if err != nil || tk.Purpose != store.TicketEnrol {
			refused = notFound(err, errTicket)
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, refused)
		}
		if _, user, err = s.holder(ctx, tx, tk); err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, err)
		}
		if tk.Device != "" {
			if err := tx.DeleteDevice(ctx, tk.Device); err != nil {
				return err
			}
		}
		err = tx.InsertDevice(ctx, store.Device{
			ID: id, Tenant: tk.Tenant, User: tk.User, Name: "TOTP", Secret: sealed,
			Algorithm: device.Algorithm, Digits: device.Digits, Period: device.Period, CreatedAt: s.Now(),
		})
		if err != nil {
			return err
		}
		if ok, err := tx.SetTicketDevice(ctx, tk.Hash, id, s.Now()); err != nil || !ok {
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
	uri := totp.URI(s.issuerName(), user.Username, device)
	png, err := totp.QR(uri)
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{DeviceID: id, Secret: totp.Base32(secret), OTPAuthURI: uri, QRPNG: png}, nil
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
func (s *Service) ConfirmEnrolment(ctx context.Context, ticket, code string) (Result, error) {
	codes, err := s.prepareCodes(ctx, ticket, code)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		tk, err := s.attempt(ctx, tx, ticket, store.TicketEnrol)
		var t model.Tenant
		var user model.User
		if err == nil {
			t, user, err = s.holder(ctx, tx, tk)
		}
		if err == nil {
			err = s.confirm(ctx, tx, tk, code)
		}
		if err == nil {
			err = endTicket(ctx, tx, tk, s)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, err)
		}
		if err := s.replaceFactors(ctx, tx, tk, codes); err != nil {
			return err
		}
		methods := []string{"pwd", "otp", "mfa"}
		p := proof{Methods: methods, At: s.Now(), Level: 2}
		tokens, err := s.issue(ctx, tx, t, user, p)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens, RecoveryCodes: codes.plain}
		return s.Log.AppendIn(ctx, tx, success(user, audit.EnrolConfirmed, p))
	})
	return answer(res, err, refused)
}

// prepareCodes makes and hashes recovery codes outside the transaction, and
// only when ticket and code look right, since ten hashes are not for the asking.
// Whether they are right is settled afterwards, in the transaction.
func (s *Service) prepareCodes(ctx context.Context, ticket, code string) (recoveryCodes, error) {
	tk, err := s.Store.Ticket(ctx, token.Hash(ticket), s.Now())
	if err != nil || tk.Device == "" || tk.Tries >= TicketTries {
		return recoveryCodes{}, nil // refused in the transaction
	}
	d, err := s.Store.Device(ctx, tk.Device)
	if err != nil {
		return recoveryCodes{}, nil
	}
	if _, ok, err := s.match(d, code); err != nil || !ok {
		return recoveryCodes{}, nil
	}
	return s.newRecoveryCodes(ctx, tk.Tenant, tk.User)
}

// confirm takes the code's step on the ticket's own pending device.
func (s *Service) confirm(ctx context.Context, tx store.Factors, tk store.Ticket, code string) error {
	if tk.Device == "" {
		return errTicket
	}
	d, err := tx.Device(ctx, tk.Device)
	if err != nil {
		return notFound(err, errTicket)
	}
	step, ok, err := s.match(d, code)
	if err != nil {
		return err
	}
	if !ok {
		return errCode
	}
	if ok, err := tx.ConfirmDevice(ctx, d.ID, step, s.Now()); err != nil || !ok {
		return cmpErr(err, errCode)
	}
	return nil
}

// replaceFactors leaves the confirmed device and the new codes as the person's
// only ones, and ends the sessions opened without them.
func (s *Service) replaceFactors(ctx context.Context, tx store.Tx, tk store.Ticket, codes recoveryCodes) error {
	if len(codes.rows) == 0 {
		return errCode // the clock passed a step between preparing and confirming: not answered without codes
	}
	if err := tx.DeleteDevices(ctx, tk.Tenant, tk.User, tk.Device); err != nil {
		return err
	}
	if err := tx.ReplaceRecoveryCodes(ctx, tk.Tenant, tk.User, codes.rows); err != nil {
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
