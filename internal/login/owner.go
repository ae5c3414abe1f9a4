package login

import (
	"context"
	"slices"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// owner is who acts on their own factors, as the transaction that acts sees them.
type owner struct {
	tenant  model.Tenant
	user    model.User
	session store.Session
	devices []store.Device // confirmed
	caller  model.Caller
}

// owner looks again at what a request was let in by: between that and now the
// session may have ended, or a first device may have been added, which a
// password alone must not touch.
func (s *Service) owner(ctx context.Context, tx store.Tx, session Session) (owner, error) {
	o, err := s.holderOf(ctx, tx, session)
	if err == nil && o.session.ACR < 2 && len(o.devices) > 0 {
		return o, errStepUp
	}
	return o, err
}

// holderOf is owner for whoever is about to prove a second factor. The tenant's
// row comes first, so that of two changes one waits for the other.
func (s *Service) holderOf(ctx context.Context, tx store.Tx, session Session) (owner, error) {
	o := owner{caller: session.Caller}
	if _, err := tx.Bump(ctx, session.Caller.Tenant); err != nil {
		return o, err
	}
	var err error
	if o.session, err = tx.Session(ctx, session.Caller.Session); err != nil {
		return o, notFound(err, errUnauthorized)
	}
	if o.tenant, o.user, err = s.alive(ctx, tx, o.session); err != nil {
		return o, err
	}
	if o.session.Restricted {
		return o, errReEnrolOnly
	}
	o.devices, err = tx.Devices(ctx, o.user.Tenant, o.user.ID)
	return o, err
}

// device is a confirmed device of the owner's. Another person's is as unknown as
// one that never was.
func (o owner) device(id string) (store.Device, error) {
	i := slices.IndexFunc(o.devices, func(d store.Device) bool { return d.ID == id })
	if i < 0 {
		return store.Device{}, errNoSuchDevice
	}
	return o.devices[i], nil
}

// did is the entry of something the owner did.
func (o owner) did(a audit.Activity) audit.Entry {
	e := success(o.user, a, proof{Methods: o.session.AMR, Level: o.session.ACR})
	e.Caller = o.caller
	return e
}

// entry is did, of a device.
func (o owner) entry(a audit.Activity, d store.Device) audit.Entry {
	e := o.did(a)
	e.Personal["device"], e.Personal["name"] = d.ID, d.Name
	return e
}

// failure is the entry of what the owner was refused.
func (o owner) failure(a audit.Activity, refused error) audit.Entry {
	e := failure(o.user.Tenant, o.user.ID, a, model.CodeOf(refused))
	e.Caller, e.Level = o.caller, o.session.ACR
	return e
}
