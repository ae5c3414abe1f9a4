package login

import (
	"context"
	"time"

	"rolegate/model"
)

// FreshFor is how long what a person has proven allows acts on the account
// itself, and administration (OWASP ASVS 5.0 7.5.1, 7.5.3).
const FreshFor = 5 * time.Minute

var errStepUp = model.Errorf(model.CodeStepUp, "this needs a one-time code entered in the last five minutes")

// Fresh refuses a session whose strongest factor was not proven lately. Only who
// has no second factor may rest on the password.
func (s *Service) Fresh(ctx context.Context, session Session) error {
	if age := s.Now().Sub(session.Assurance.AuthTime); session.Restricted || age > FreshFor {
		return errStepUp
	}
	if session.Assurance.Level >= 2 {
		return nil
	}
	devices, err := s.Store.Devices(ctx, session.Caller.Tenant, session.Caller.ID)
	if err == nil && len(devices) > 0 {
		return errStepUp
	}
	return err
}

// FreshFactor is Fresh for what concerns others, as administration does: it never
// rests on a password alone. Who has no device for one-time codes is told to add one.
func (s *Service) FreshFactor(ctx context.Context, session Session) error {
	err := s.Fresh(ctx, session)
	if session.Restricted || session.Assurance.Level >= 2 {
		return err
	}
	devices, err := s.Store.Devices(ctx, session.Caller.Tenant, session.Caller.ID)
	if err == nil && len(devices) == 0 {
		return errNeedsDevice
	}
	if err == nil {
		err = errStepUp
	}
	return err
}
