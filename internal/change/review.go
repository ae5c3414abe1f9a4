package change

import (
	"context"
	"slices"
	"time"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/internal/store"
	"rolegate/model"
)

// reviewed is what is looked at of a document: itself beside the one in force, which
// is what publishing it would replace, and the people there are under each.
type reviewed struct {
	draft         Draft
	inForce       Revision
	before, after *policy.Document
	now, then     *policy.View
}

// review reads a draft for looking at it. One with bad rows is CodePolicyInvalid, and
// every one is named.
func (s *Service) review(ctx context.Context, tenant, id string) (r reviewed, err error) {
	d, err := s.Draft(ctx, tenant, id)
	if err != nil {
		return r, err
	}
	r, err = s.beside(ctx, tenant, d.Document)
	r.draft = d
	return r, err
}

// beside reads a document beside the one in force. One with bad rows is
// CodePolicyInvalid, and every one is named; then nothing behind it is read.
func (s *Service) beside(ctx context.Context, tenant, document string) (r reviewed, err error) {
	if r.inForce, err = s.Current(ctx, tenant); err != nil {
		return r, err
	}
	if r.before, err = policy.Parse(r.inForce.Text); err != nil {
		return r, err
	}
	if r.after, err = s.Policy.ReadDraft(ctx, tenant, document); err != nil {
		return r, err
	}
	if r.now, err = s.Policy.Snapshots.Current(ctx, tenant); err != nil {
		return r, err
	}
	r.then, err = r.now.Under(r.after)
	return r, err
}

// bad tells whether a review ended because of the rows that were to be looked at.
func (r *reviewed) bad(err error) bool { return r.before != nil && r.now == nil && ofWriting(err) }

// Look is a draft with all that is to be seen of it before anybody decides.
type Look struct {
	Draft   Draft
	InForce Revision // what publishing it would replace

	Bad      error // rows that cannot be published, a *model.Error; then the rest is not known
	Findings []model.Finding
	Changes  []model.RowChange
	BadCases error // cases that cannot be read, likewise; then there are no results
	Results  []model.CaseResult
}

// Look looks at a draft, whatever is wrong with what it says.
func (s *Service) Look(ctx context.Context, tenant, id string) (Look, error) {
	r, err := s.review(ctx, tenant, id)
	l := Look{Draft: r.draft, InForce: r.inForce}
	if err != nil {
		if !r.bad(err) {
			return Look{}, err
		}
		l.Bad = err
		return l, nil
	}
	if l.Findings, err = s.findings(ctx, r); err != nil {
		return Look{}, err
	}
	l.Changes = review.Diff(r.before, r.after)
	if l.Results, err = s.run(r.draft.Cases, r.then); err != nil {
		if !ofWriting(err) {
			return Look{}, err
		}
		l.BadCases = err
	}
	return l, nil
}

// Back is a rollback with all that is to be seen of it before anybody decides: what
// is said of a draft, said of what would be in force again.
type Back struct {
	To      Revision
	InForce Revision // what it would replace

	Bad      error // rows that cannot be published any more, a *model.Error; then the rest is not known
	Findings []model.Finding
	Changes  []model.RowChange
}

// LookBack looks at going back to the policy of a revision; CodeNotFound for none.
func (s *Service) LookBack(ctx context.Context, tenant string, revision int64) (Back, error) {
	old, err := s.Revision(ctx, tenant, revision)
	if err != nil {
		return Back{}, err
	}
	r, err := s.beside(ctx, tenant, old.Text)
	b := Back{To: old, InForce: r.inForce}
	if err != nil {
		if !r.bad(err) {
			return Back{}, err
		}
		b.Bad = err
		return b, nil
	}
	b.Findings, err = s.findings(ctx, r)
	b.Changes = review.Diff(r.before, r.after)
	return b, err
}

// ofWriting tells whether an error is about what somebody wrote.
func ofWriting(err error) bool {
	switch model.CodeOf(err) {
	case model.CodePolicyInvalid, model.CodeCasesInvalid, model.CodeLimitExceeded:
		return true
	}
	return false
}

// Check lists what is noticed about a draft and what it changes of the policy in
// force; see review.Findings and LockedOut.
func (s *Service) Check(ctx context.Context, tenant, id string) ([]model.Finding, error) {
	r, err := s.review(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.findings(ctx, r)
}

// findings are what is noticed about a document, and first of all that it would be the
// last.
func (s *Service) findings(ctx context.Context, r reviewed) ([]model.Finding, error) {
	found := review.Findings(r.before, r.after, r.now.Catalog())
	locked, err := s.LockedOut(ctx, r.inForce.Tenant, r.now, r.then)
	if locked != nil {
		found = slices.Insert(found, 0, *locked)
	}
	return found, err
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

// Recorded reads requests of the log, for somebody who may: whose, and how that is told,
// is the business of who has the right.
type Recorded func(ctx context.Context) (Sampled, error)

// Sampled are recorded requests of some time. Of is how many there were then, 0 where that
// is not known.
type Sampled struct {
	From, Until time.Time
	Of          int
	More        bool // there are others than these
	Asked       []policy.Recalled
	Counted     int
}

// Simulate tells who would gain and lose what by a draft: the people there are, each
// asking for whatever the policies have words for, also about registered records; and,
// unless recorded is nil, what would be answered otherwise than it was.
func (s *Service) Simulate(ctx context.Context, tenant, id string, recorded Recorded) (model.Simulated, error) {
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
	if err != nil {
		return done, err
	}
	if more {
		done.Left = moreRecords(done.Left, len(records))
	}
	if recorded == nil {
		done.Left = append(done.Left, model.Unseen{What: model.UnseenRequests})
		return done, nil
	}
	done.Recorded, err = s.replay(ctx, &r, recorded)
	return done, err
}

// replay asks recorded requests again.
func (s *Service) replay(ctx context.Context, r *reviewed, recorded Recorded) (*model.Recorded, error) {
	sample, err := recorded(ctx)
	if err != nil {
		return nil, err
	}
	done, err := review.Replay(ctx, r.now, r.then, review.Requests{Each: sample.Asked, Counted: sample.Counted,
		Stored: func(ctx context.Context, e model.Entity) (*model.Resource, error) {
			return r.now.Registered(ctx, s.Store, e)
		}})
	if err != nil {
		return nil, err
	}
	done.From, done.Until = sample.From, sample.Until
	if sample.More {
		done.Left = append([]model.Unseen{{What: model.UnseenRequests, Of: sample.Of, Looked: len(sample.Asked) + sample.Counted}}, done.Left...)
	}
	return &done, nil
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
