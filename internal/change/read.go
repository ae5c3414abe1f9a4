package change

import (
	"context"
	"errors"

	"rolegate/internal/store"
	"rolegate/model"
)

// Draft is one of a tenant's; CodeNotFound for none.
func (s *Service) Draft(ctx context.Context, tenant, id string) (Draft, error) {
	return find(ctx, s.Store, tenant, id)
}

func find(ctx context.Context, q store.Drafts, tenant, id string) (Draft, error) {
	d, err := q.Draft(ctx, tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		return d, model.Errorf(model.CodeNotFound, "there is no draft %q", id)
	}
	return d, err
}

// Drafts lists those something can still come of, and behind them the last others;
// of each the last edited first, texts left out.
func (s *Service) Drafts(ctx context.Context, tenant string) ([]Draft, error) {
	return s.Store.ListDrafts(ctx, tenant, maxListed)
}

// Revisions lists the published policies before a revision, or all (0), newest first,
// texts left out; at most 200 of them.
func (s *Service) Revisions(ctx context.Context, tenant string, before int64, limit int) ([]Revision, error) {
	return s.Store.ListPolicies(ctx, tenant, before, min(limit, maxListed))
}

// Revision is one published policy; CodeNotFound where that revision was none's.
func (s *Service) Revision(ctx context.Context, tenant string, revision int64) (Revision, error) {
	p, err := s.Store.Policy(ctx, tenant, revision)
	if errors.Is(err, store.ErrNotFound) {
		return p, model.Errorf(model.CodeNotFound, "no policy was published as revision %d", revision)
	}
	return p, err
}

// Current is the policy in force: of revision 0 and empty before the first.
func (s *Service) Current(ctx context.Context, tenant string) (Revision, error) {
	return inForce(ctx, s.Store, tenant)
}

func inForce(ctx context.Context, q store.Policies, tenant string) (Revision, error) {
	p, err := q.CurrentPolicy(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return Revision{Tenant: tenant}, nil
	}
	return p, err
}
