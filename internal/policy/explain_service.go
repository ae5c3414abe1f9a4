package policy

import (
	"context"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// ExplainRequest is a question to be explained.
type ExplainRequest struct {
	Request
	WhoCould bool   // also list who could do it
	After    string // the page of those begins behind this id; "" begins at the first
	Limit    int    // of those at most
}

// Explained is an explanation with the page of who could.
type Explained struct {
	model.Explanation
	WhoCould Found // its zero value where that was not asked
}

// Explain answers a question as Evaluate does, with every reason and whatever the
// decision is, and records that. An error means there is no answer.
func (s *Service) Explain(ctx context.Context, caller model.Caller, r ExplainRequest) (out Explained, err error) {
	err = s.settleAs(ctx, caller, explainScope, r.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		if err := view.reaches(r.MinRevision); err != nil {
			return audit.Entry{}, err
		}
		a, err := s.explain(ctx, caller, view, &r, now, &out)
		if err != nil {
			return audit.Entry{}, err
		}
		return explainedEntry(caller, a, out, now), nil
	})
	if err != nil {
		return Explained{}, err
	}
	return out, nil
}

// explain answers without recording.
func (s *Service) explain(ctx context.Context, caller model.Caller, view *View, r *ExplainRequest, now time.Time, out *Explained) (answered, error) {
	q := &r.Question
	a := answered{request: &r.Request}
	stored, err := view.record(ctx, s.Store, q.Resource)
	if err != nil {
		return a, err
	}
	a.dataSubject = view.dataSubject(q.Resource, stored)
	a.object, a.action = view.rules.literal(q.Resource.Type, q.Action.Name)
	a.minimal = view.minimal(q)
	one := s.remembering()
	if a.Decision, err = one.decideOn(ctx, caller, view, &r.Request, stored, now); err != nil {
		return a, err
	}
	if a.Code == model.CodeInternal {
		return a, (&model.Error{Code: model.CodeInternal}).Because(a.Cause)
	}
	in := Inputs{Now: now, Stored: stored, Client: clientOf(caller), TrustSubjectProperties: caller.Client.TrustSubjectProperties}
	var token model.Code
	if in.Assurance, token, err = one.assurance(ctx, caller, view, q.Subject, r.AccessToken, now); err != nil {
		return a, err
	}
	*out = Explained{Explanation: view.Explain(q, &in, &a.Decision, token)}
	if !r.WhoCould {
		return a, nil
	}
	out.WhoCould, err = s.whoCould(ctx, caller, view, r, now)
	return a, err
}

// whoCould gives one page of the subjects of the question's type who may do it,
// proof of identity aside: nobody but the subject in question has a token here.
// What the caller says of that subject is true of no other.
func (s *Service) whoCould(ctx context.Context, caller model.Caller, view *View, r *ExplainRequest, now time.Time) (Found, error) {
	run := s.searchingWho(caller, view, r, now)
	return run.page(ctx, pageBounds)
}

func (s *Service) searchingWho(caller model.Caller, view *View, r *ExplainRequest, now time.Time) searching {
	sr := SearchRequest{Request: r.Request, Kind: SearchSubject, After: r.After, Limit: r.Limit}
	sr.AccessToken, sr.Question.Subject = nil, model.Entity{Type: r.Question.Subject.Type}
	caller.Client.RequireToken = false
	return searching{s: s, caller: caller, sr: sr, view: view, now: now, proven: true}
}

// WhoCan gives one page of the subjects of the question's type who may do it, proof
// of identity aside, and records that as the search it is. An error means there is no
// answer.
func (s *Service) WhoCan(ctx context.Context, caller model.Caller, r ExplainRequest) (found Found, err error) {
	r.Question.Subject = model.Entity{Type: r.Question.Subject.Type}
	err = s.settleAs(ctx, caller, explainScope, r.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		if err := view.reaches(r.MinRevision); err != nil {
			return audit.Entry{}, err
		}
		run := s.remembering().searchingWho(caller, view, &r, now)
		if found, err = run.page(ctx, pageBounds); err != nil {
			return audit.Entry{}, err
		}
		return run.entry(), nil
	})
	if err != nil {
		return Found{}, err
	}
	return found, nil
}

// explainedEntry is the record of an explanation: that of the decision, under its
// own name, with the number of those who could.
func explainedEntry(caller model.Caller, a answered, out Explained, now time.Time) audit.Entry {
	e := entryOf(caller, a, now)
	e.Activity, e.Count = audit.Explained, int64(len(out.WhoCould.Results))
	return e
}
