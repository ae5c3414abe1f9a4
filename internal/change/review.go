package change

import (
	"context"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/internal/store"
	"rolegate/model"
)

// reviewed is what is looked at of a draft: its document beside the one in force,
// which is what publishing it would replace, and the people there are under each.
type reviewed struct {
	draft         Draft
	before, after *policy.Document
	now, then     *policy.View
}

// review reads a draft for looking at it. One with bad rows is CodePolicyInvalid, and
// every one is named.
func (s *Service) review(ctx context.Context, tenant, id string) (r reviewed, err error) {
	if r.draft, err = s.Draft(ctx, tenant, id); err != nil {
		return r, err
	}
	current, err := s.Current(ctx, tenant)
	if err != nil {
		return r, err
	}
	if r.before, err = policy.Parse(current.Text); err != nil {
		return r, err
	}
	if r.after, err = s.Policy.ReadDraft(ctx, tenant, r.draft.Document); err != nil {
		return r, err
	}
	if r.now, err = s.Policy.Snapshots.Current(ctx, tenant); err != nil {
		return r, err
	}
	r.then, err = r.now.Under(r.after)
	return r, err
}

// Check lists what is noticed about a draft and what it changes of the policy in
// force; see review.Findings.
func (s *Service) Check(ctx context.Context, tenant, id string) ([]model.Finding, error) {
	r, err := s.review(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return review.Findings(r.before, r.after, r.now.Catalog()), nil
}

// Diff tells what a draft changes of the policy in force, row by row.
func (s *Service) Diff(ctx context.Context, tenant, id string) ([]model.RowChange, error) {
	r, err := s.review(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return review.Diff(r.before, r.after), nil
}

// Test asks a draft's cases of the people there are, under its document.
func (s *Service) Test(ctx context.Context, tenant, id string) ([]model.CaseResult, error) {
	r, err := s.review(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.run(r.draft.Cases, r.then)
}

func (s *Service) run(text string, view *policy.View) ([]model.CaseResult, error) {
	cases, err := review.ParseCases(text)
	if err != nil {
		return nil, err
	}
	return cases.Run(view, s.Now()), nil
}

// What a simulation looks at; it says itself what it leaves out.
const (
	simulatedSubjects = 500
	simulatedRecords  = 1_000
)

// Simulate tells who would gain and lose what by a draft: the people there are, each
// asking for whatever the policies have words for, also about registered records.
func (s *Service) Simulate(ctx context.Context, tenant, id string) (model.Simulated, error) {
	r, err := s.review(ctx, tenant, id)
	if err != nil {
		return model.Simulated{}, err
	}
	records, err := s.Store.PageResources(ctx, tenant, "", store.Key{}, simulatedRecords+1)
	if err != nil {
		return model.Simulated{}, err
	}
	more := len(records) > simulatedRecords
	records = records[:min(len(records), simulatedRecords)]
	done, err := review.Simulate(ctx, r.now, r.then, review.Roster(r.now, r.then, records, simulatedSubjects, policy.Inputs{Now: s.Now()}))
	if more {
		done.Left = moreRecords(done.Left, len(records))
	}
	return done, err
}

// moreRecords says that there are more records than were read, how many is not known.
func moreRecords(left []model.Unseen, read int) []model.Unseen {
	for i := range left {
		if left[i].What == model.UnseenRecords {
			left[i].Of = 0
			return left
		}
	}
	return append(left, model.Unseen{What: model.UnseenRecords, Looked: read})
}
