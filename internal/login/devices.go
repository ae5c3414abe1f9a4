package login

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// MaxDevices is how many confirmed devices a person may have: each is one more
// code that would be right.
const MaxDevices = 5

var (
	errNoSuchDevice   = model.Errorf(model.CodeNotFound, "you have no such device")
	errTooManyDevices = model.Errorf(model.CodeDeviceLimit, "there are %d devices already; remove one first", MaxDevices)
	errLastDevice     = model.Errorf(model.CodeLastDevice, "the last device cannot be removed while a second factor is required; add another one first")
	errNeedsDevice    = model.Errorf(model.CodeDeviceRequired, "this needs a device for one-time codes; add one first")
	errReEnrolOnly    = &model.Error{Code: model.CodeReEnrolOnly}
)

// Device is a confirmed authenticator as its owner sees it.
type Device struct {
	ID        string
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time // zero where it was last used before that was noted
}

func shown(d store.Device) Device { return Device{d.ID, d.Name, d.CreatedAt, d.UsedAt} }

// Confirmed is a device that counts from now on.
type Confirmed struct {
	Device Device
	// Of a person's first device: the session goes on as another one, with what
	// was proven now, and recovery codes are shown.
	Tokens        *Tokens
	RecoveryCodes []string
}

// Devices lists the person's confirmed devices, oldest first.
func (s *Service) Devices(ctx context.Context, session Session) ([]Device, error) {
	rows, err := s.Store.Devices(ctx, session.Caller.Tenant, session.Caller.ID)
	if err != nil {
		return nil, err
	}
	devices := make([]Device, 0, len(rows))
	for _, d := range rows {
		devices = append(devices, shown(d))
	}
	return devices, nil
}

// AddDevice makes a pending device and shows its secret, this once. It takes the
// place of another pending one; confirmed ones stay as they are.
func (s *Service) AddDevice(ctx context.Context, session Session, name string) (Enrolment, error) {
	if err := checkDeviceName(name); err != nil {
		return Enrolment{}, err
	}
	var secret []byte
	var row store.Device
	var user model.User
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, session)
		if err != nil {
			return err
		}
		if len(o.devices) >= MaxDevices {
			return errTooManyDevices
		}
		user = o.user
		if row, secret, err = s.newDevice(ctx, tx, user, name); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, o.entry(audit.EnrolStarted, row))
	})
	if err != nil {
		return Enrolment{}, err
	}
	return s.enrolment(row, user, secret)
}

// ConfirmDevice makes the person's pending device count with a first code, which
// is used by that. Other devices, codes and sessions stay.
//
// A first device is another matter: until now the password was all. The person
// gets recovery codes, every other session ends, and the one that asks is
// replaced by one that has proven both factors, so that none goes on without. The same
// form (Enrolment.Form, or "") with the same code is shown the same recovery codes for a
// minute, without tokens and device.
func (s *Service) ConfirmDevice(ctx context.Context, session Session, id, code, form string) (res Confirmed, err error) {
	a := s.formOf(session, form, code)
	again, err := s.twice(ctx, a, func() (err error) {
		res, err = s.confirmDevice(ctx, session, id, a)
		return err
	})
	if again != nil {
		return Confirmed{RecoveryCodes: again}, nil
	}
	return res, err
}

func (s *Service) confirmDevice(ctx context.Context, session Session, id string, a asked) (Confirmed, error) {
	caller := session.Caller
	d, err := s.pending(ctx, s.Store, caller, id)
	if err != nil {
		return Confirmed{}, err
	}
	if err := s.tryCode(ctx, caller.Tenant, caller.ID); err != nil {
		return Confirmed{}, err
	}
	codes, err := s.firstCodes(ctx, d, a)
	if err != nil {
		return Confirmed{}, err
	}
	var res Confirmed
	var refused error
	var off int64
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Confirmed{}, nil
		o, err := s.owner(ctx, tx, session)
		if err != nil {
			return err
		}
		if d, err = s.pending(ctx, tx, caller, id); err != nil {
			return err
		}
		if len(o.devices) >= MaxDevices { // another was added since
			return errTooManyDevices
		}
		first := len(o.devices) == 0
		if off, err = s.confirm(ctx, tx, d, a.code, !first || len(codes.rows) > 0); err != nil {
			refused = err
			return s.recordFailure(ctx, tx, o.failure(audit.EnrolFailed, err), err)
		}
		if err := s.codeRight(ctx, tx, caller.Tenant, caller.ID); err != nil {
			return err
		}
		if d, err = tx.Device(ctx, d.ID); err != nil {
			return err
		}
		res.Device = shown(d)
		if first {
			res.RecoveryCodes = codes.plain
			if res.Tokens, err = s.firstDevice(ctx, tx, o, codes); err != nil {
				return err
			}
		}
		if err := s.ForgetDevices(ctx, tx, caller.Tenant, caller.ID); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, o.entry(audit.EnrolConfirmed, d))
	})
	return accepted(s, off, res, err, refused)
}

// firstCodes prepares recovery codes for whoever has no device yet.
func (s *Service) firstCodes(ctx context.Context, d store.Device, a asked) (recoveryCodes, error) {
	devices, err := s.Store.Devices(ctx, d.Tenant, d.User)
	if err != nil || len(devices) > 0 {
		return recoveryCodes{}, err
	}
	return s.codesFor(ctx, d, a)
}

// firstDevice gives the person recovery codes and leaves no session that was opened by
// the password alone. What older codes opened ended with the device they were for, and a
// login half done, of the password alone, enrols nothing where there is a device (mayEnrol).
func (s *Service) firstDevice(ctx context.Context, tx store.Tx, o owner, codes recoveryCodes) (*Tokens, error) {
	if err := tx.ReplaceRecoveryCodes(ctx, o.user.Tenant, o.user.ID, codes.rows); err != nil {
		return nil, err
	}
	if _, err := tx.EndSessions(ctx, o.user.Tenant, o.user.ID, o.session.ID, s.Now()); err != nil {
		return nil, err
	}
	p := withOTP(s.Now())
	p.After = &o.session
	tokens, err := s.issue(ctx, tx, o.tenant, o.user, p, true)
	return &tokens, err
}

// pending is the person's pending device, if it is the one that is named and may
// still be confirmed.
func (s *Service) pending(ctx context.Context, q store.Factors, caller model.Caller, id string) (store.Device, error) {
	d, err := q.PendingDevice(ctx, caller.Tenant, caller.ID)
	if err != nil {
		return d, notFound(err, errNoSuchDevice)
	}
	if d.ID != id || s.Now().Sub(d.CreatedAt).Abs() >= PendingTTL {
		return d, errNoSuchDevice
	}
	return d, nil
}

// RenameDevice gives a confirmed device of the person's another name.
func (s *Service) RenameDevice(ctx context.Context, session Session, id, name string) (Device, error) {
	if err := checkDeviceName(name); err != nil {
		return Device{}, err
	}
	var d store.Device
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, session)
		if err != nil {
			return err
		}
		if d, err = o.device(id); err != nil {
			return err
		}
		if err := tx.RenameDevice(ctx, d.Tenant, d.User, d.ID, name); err != nil {
			return err
		}
		e := o.entry(audit.DeviceRenamed, d)
		e.Personal["new_name"] = name
		return s.Log.AppendIn(ctx, tx, e)
	})
	d.Name = name
	return shown(d), err
}

// RemoveDevice removes a confirmed device of the person's. The last one stays
// while a second factor is due; else it takes the recovery codes with it, which
// would recover nothing.
func (s *Service) RemoveDevice(ctx context.Context, session Session, id string) error {
	for range removeTries {
		t, err := s.Store.TenantHead(ctx, session.Caller.Tenant)
		if err != nil {
			return err
		}
		due, err := s.mfaDue(ctx, t, session.Caller.ID)
		if err != nil {
			return err
		}
		if err := s.removeDevice(ctx, session, id, t, due); err != errMoved {
			return err
		}
	}
	return model.Errorf(model.CodeBusy, "tenant %q changes faster than it can be told whether a second factor is required", session.Caller.Tenant)
}

// removeTries bounds how often the removal of a last device begins again because
// the tenant changed meanwhile.
const removeTries = 5

var errMoved = errors.New("what is required may have changed")

// removeDevice removes it, if what is due still is as it was looked up at t.
func (s *Service) removeDevice(ctx context.Context, session Session, id string, t model.Tenant, due bool) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, session)
		if err != nil {
			return err
		}
		d, err := o.device(id)
		if err != nil {
			return err
		}
		if len(o.devices) == 1 {
			switch {
			case due:
				return errLastDevice
			case o.tenant.MFA != t.MFA || o.tenant.SnapshotRevision != t.SnapshotRevision:
				return errMoved
			}
			if err := s.replaceCodes(ctx, tx, o.user, nil); err != nil {
				return err
			}
		}
		if err := tx.DeleteDevice(ctx, d.Tenant, d.User, d.ID, s.Now()); err != nil {
			return err
		}
		if err := s.ForgetDevices(ctx, tx, d.Tenant, d.User); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, o.entry(audit.DeviceRemoved, d))
	})
}
