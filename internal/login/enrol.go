package login

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"slices"

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
		if err := tx.DeletePending(ctx, tk.Tenant, tk.User); err != nil {
			return err
		}
		row := store.Device{
			ID: id, Tenant: tk.Tenant, User: tk.User, Name: "TOTP",
			Algorithm: device.Algorithm, Digits: device.Digits, Period: device.Period, CreatedAt: s.Now(),
		}
		if row.Secret, err = s.KEK.Seal(secret, devicePlace(row)); err != nil {
			return err
		}
		if err := tx.InsertDevice(ctx, row); err != nil {
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
	tk, err := s.countAttempt(ctx, ticket, store.TicketEnrol, audit.EnrolFailed)
	if err != nil {
		return Result{}, err
	}
	if err := s.tryCode(ctx, tk.Tenant, tk.User); err != nil {
		return Result{}, err
	}
	codes, err := s.prepareCodes(ctx, tk, code)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		t, user, err := s.holder(ctx, tx, tk)
		if err == nil {
			err = s.confirm(ctx, tx, tk, code, codes)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.EnrolFailed, err)
		}
		if err := endTicket(ctx, tx, tk, s); err != nil {
			return err // rolls back what the code settled; the refusal is recorded with the request
		}
		if err := s.replaceFactors(ctx, tx, tk, codes); err != nil {
			return err
		}
		if err := s.codeRight(ctx, tx, tk.Tenant, tk.User); err != nil {
			return err
		}
		p := proof{Methods: []string{"pwd", "otp", "mfa"}, At: s.Now(), Level: 2}
		tokens, err := s.issue(ctx, tx, t, user, p, false)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens, RecoveryCodes: codes.plain}
		return s.Log.AppendIn(ctx, tx, success(user, audit.EnrolConfirmed, p))
	})
	return answer(res, err, refused)
}

// prepareCodes makes and hashes recovery codes outside the transaction, and
// only for an attempt that was counted and looks right: ten hashes are not for
// the asking. Whether it is right is settled afterwards, in the transaction.
func (s *Service) prepareCodes(ctx context.Context, tk store.Ticket, code string) (recoveryCodes, error) {
	d, err := s.Store.Device(ctx, tk.Device)
	if errors.Is(err, store.ErrNotFound) {
		return recoveryCodes{}, nil // refused in the transaction
	}
	if err != nil {
		return recoveryCodes{}, err
	}
	if _, ok, err := s.match(d, code); err != nil || !ok {
		return recoveryCodes{}, nil // likewise
	}
	return s.newRecoveryCodes(ctx, tk.Tenant, tk.User)
}

// confirm takes the code's step on the ticket's own pending device.
func (s *Service) confirm(ctx context.Context, tx store.Factors, tk store.Ticket, code string, codes recoveryCodes) error {
	if err := mayEnrol(ctx, tx, tk); err != nil {
		return err
	}
	d, err := tx.Device(ctx, tk.Device)
	if err != nil {
		return notFound(err, errTicket)
	}
	step, ok, err := s.match(d, code)
	if err != nil {
		return err
	}
	if !ok || len(codes.rows) == 0 { // or the next time step began since codes were prepared
		return errCode
	}
	if ok, err := tx.ConfirmDevice(ctx, d.ID, step, s.Now()); err != nil || !ok {
		return cmpErr(err, errCode)
	}
	return nil
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
// only ones, and ends the sessions opened without them.
func (s *Service) replaceFactors(ctx context.Context, tx store.Tx, tk store.Ticket, codes recoveryCodes) error {
	if err := tx.DeleteDevices(ctx, tk.Tenant, tk.User, tk.Device); err != nil {
		return err
	}
	if err := tx.ReplaceRecoveryCodes(ctx, tk.Tenant, tk.User, codes.rows); err != nil {
		return err
	}
	if err := s.ForgetDevices(ctx, tx, tk.Tenant, tk.User); err != nil {
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
