package change

import (
	"context"
	"errors"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
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
		err = noRevision(revision)
	}
	return p, err
}

func noRevision(revision int64) error {
	return model.Errorf(model.CodeNotFound, "no policy was published as revision %d", revision)
}

// published is Revision with an empty policy for revision 0, before the first.
func (s *Service) published(ctx context.Context, tenant string, revision int64) (Revision, error) {
	if revision == 0 {
		return Revision{Tenant: tenant}, nil
	}
	return s.Revision(ctx, tenant, revision)
}

// Compare tells what changes from one published policy to another, row by row;
// revision 0 is the empty one before the first.
func (s *Service) Compare(ctx context.Context, tenant string, from, to int64) ([]model.RowChange, error) {
	var docs [2]*policy.Document
	for i, revision := range []int64{from, to} {
		r, err := s.published(ctx, tenant, revision)
		if err != nil {
			return nil, err
		}
		if docs[i], err = policy.Parse(r.Text); err != nil {
			return nil, err
		}
	}
	return review.Diff(docs[0], docs[1]), nil
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
