package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// A known device is a browser or an app that a person has logged in with. It
// holds a secret that proves nothing: every factor is asked for as ever. Only
// what strangers try elsewhere does not slow its logins.
const (
	KnownDeviceTTL = 90 * 24 * time.Hour // since the last login from it
	knownGrace     = time.Minute         // how long the secret before the last one counts, for parallel tabs
	knownDevices   = 20                  // of one person; the ones not used longest are forgotten
)

type deviceKey struct{}

// DeviceCookie is the cookie that holds a known device's secret in a browser.
const DeviceCookie = "__Host-rolegate-device"

// WithDevice says which known device's secret came with a request. It is a claim
// like any other that the request makes, looked at where it matters.
func WithDevice(ctx context.Context, secret string) context.Context {
	return context.WithValue(ctx, deviceKey{}, secret)
}

// ClaimsDevice tells whether a secret came with a request.
func ClaimsDevice(ctx context.Context) bool { return ctx.Value(deviceKey{}) != nil }

// device is the known device behind the request's secret, of whomever it is; a
// zero value where there is none.
func (s *Service) device(ctx context.Context, q store.KnownDevices) (d store.KnownDevice, fresh bool, err error) {
	secret, _ := ctx.Value(deviceKey{}).(string)
	if secret == "" {
		return d, false, nil
	}
	hash, now := token.Hash(secret), s.Now()
	d, err = q.KnownDevice(ctx, hash, now)
	if err != nil {
		return store.KnownDevice{}, false, ignore(err, store.ErrNotFound)
	}
	if subtle.ConstantTimeCompare(d.Hash, hash) == 1 {
		return d, true, nil
	}
	if now.Sub(d.UsedAt).Abs() > knownGrace {
		return store.KnownDevice{}, false, nil
	}
	return d, false, nil
}

// knownAs is the id of the user's device that the request comes from, "" for none.
func (s *Service) knownAs(ctx context.Context, user model.User) (string, error) {
	d, _, err := s.device(ctx, s.Store)
	if err != nil || user.ID == "" || d.Tenant != user.Tenant || d.User != user.ID {
		return "", err
	}
	return d.ID, nil
}

// KnownDevice is the id of the known device that a request comes from, whoever's
// it is, "" for none: for limits on requests that do not say who makes them.
func (s *Service) KnownDevice(ctx context.Context) (string, error) {
	d, _, err := s.device(ctx, s.Store)
	return d.ID, err
}

// know makes the device that a full login came from a known one, or gives one
// that is known its next secret. "" leaves the device with what it has.
func (s *Service) know(ctx context.Context, tx store.Tx, u model.User) (secret string, err error) {
	d, fresh, err := s.device(ctx, tx)
	if err != nil {
		return "", err
	}
	now := s.Now()
	secret, hash := token.NewSecret()
	if d.Tenant == u.Tenant && d.User == u.ID {
		if !fresh { // another tab was given the next one
			return "", nil
		}
		rotated, err := tx.RotateKnownDevice(ctx, d.ID, d.Hash, hash, now, now.Add(KnownDeviceTTL))
		if err != nil || !rotated {
			return "", err
		}
		return secret, nil
	}
	return secret, tx.InsertKnownDevice(ctx, store.KnownDevice{ID: rand.Text(), Tenant: u.Tenant, User: u.ID, Hash: hash,
		CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(KnownDeviceTTL)}, knownDevices)
}

// ForgetDevices makes all of a person's devices unknown, after a change of the
// password or of a second factor.
func (s *Service) ForgetDevices(ctx context.Context, tx store.Tx, tenant, user string) error {
	_, err := tx.DeleteKnownDevices(ctx, tenant, user)
	return err
}

// KnownDevices lists the caller's, the last used first; current is the id of the
// one the request comes from.
func (s *Service) KnownDevices(ctx context.Context, caller model.Caller) (devices []store.KnownDevice, current string, err error) {
	d, _, err := s.device(ctx, s.Store)
	if err != nil {
		return nil, "", err
	}
	devices, err = s.Store.KnownDevices(ctx, caller.Tenant, caller.ID, s.Now())
	return devices, d.ID, err
}

// ForgetDevice makes one of the caller's devices unknown; CodeNotFound where the
// caller has none of that id.
func (s *Service) ForgetDevice(ctx context.Context, caller model.Caller, id string) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error {
		gone, err := tx.DeleteKnownDevice(ctx, caller.Tenant, caller.ID, id)
		if err != nil {
			return err
		}
		if !gone {
			return errNoDevice
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.DeviceForgotten,
			Outcome: audit.OutcomeOK, Caller: caller})
	})
}

var errNoDevice = model.Errorf(model.CodeNotFound, "you have no such device")
