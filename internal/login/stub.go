package login

import (
	"context"

	"rolegate/model"
)

func (s *Service) Recheck(ctx context.Context, caller model.Caller) (model.Caller, error) {
	c, err := s.Store.Client(ctx, caller.ID)
	if err != nil || c.Disabled || !c.MayActIn(caller.Tenant) {
		return model.Caller{}, errUnauthorized
	}
	caller.Client = c
	return caller, nil
}
