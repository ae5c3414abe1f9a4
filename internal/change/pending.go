package change

import (
	"context"
	"errors"

	"rolegate/internal/policy"
	"rolegate/model"
)

// The bodies follow in the next commits.
var errPending = errors.New("not written yet")

func (s *Service) Create(ctx context.Context, caller model.Caller, tenant, title string) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Save(ctx context.Context, caller model.Caller, tenant, id string, version int64, e Edit) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Submit(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Withdraw(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Decide(ctx context.Context, caller model.Caller, tenant, id string, version int64, approve bool, comment string) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Publish(ctx context.Context, caller model.Caller, tenant, id string, version int64, reason string) (policy.Published, error) {
	return policy.Published{}, errPending
}
func (s *Service) Rebase(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, []Conflict, error) {
	return Draft{}, nil, errPending
}
func (s *Service) Rollback(ctx context.Context, caller model.Caller, tenant string, revision int64, reason string) (policy.Published, error) {
	return policy.Published{}, errPending
}
func (s *Service) Draft(ctx context.Context, tenant, id string) (Draft, error) {
	return Draft{}, errPending
}
func (s *Service) Drafts(ctx context.Context, tenant string) ([]Draft, error) { return nil, errPending }
func (s *Service) Revisions(ctx context.Context, tenant string, before int64, limit int) ([]Revision, error) {
	return nil, errPending
}
func (s *Service) Revision(ctx context.Context, tenant string, revision int64) (Revision, error) {
	return Revision{}, errPending
}
func (s *Service) Current(ctx context.Context, tenant string) (Revision, error) {
	return Revision{}, errPending
}
func (s *Service) Notices(ctx context.Context, caller model.Caller, tenant string) ([]Notice, error) {
	return nil, errPending
}
