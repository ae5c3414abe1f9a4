package login

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// StepUp takes a one-time code of any of the person's devices and opens a
// session that has proven it now, with the limits of the one it ends. Nothing
// but a one-time code counts here: no recovery code, password or refresh.
func (s *Service) StepUp(ctx context.Context, session Session, code string) (Result, error) {
	caller := session.Caller
	devices, err := s.Store.Devices(ctx, caller.Tenant, caller.ID)
	if err != nil {
		return Result{}, err
	}
	if len(devices) == 0 {
		return Result{}, errNeedsDevice
	}
	if err := s.tryCode(ctx, caller.Tenant, caller.ID); err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	var off int64
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		o, err := s.holderOf(ctx, tx, session)
		if err != nil {
			return err
		}
		if off, err = s.useCode(ctx, tx, caller.Tenant, caller.ID, code); err != nil {
			refused = err
			return s.recordFailure(ctx, tx, o.failure(audit.OTPFailed, err), err)
		}
		if err := s.codeRight(ctx, tx, caller.Tenant, caller.ID); err != nil {
			return err
		}
		if err := s.endRecovered(ctx, tx, o.user); err != nil {
			return err
		}
		p := withOTP(s.Now())
		p.After = &o.session
		tokens, err := s.issue(ctx, tx, o.tenant, o.user, p, true)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens}
		e := success(o.user, audit.SteppedUp, p)
		e.Caller = caller
		return s.Log.AppendIn(ctx, tx, e)
	})
	return accepted(s, off, res, err, refused)
}
