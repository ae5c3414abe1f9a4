package policy

import (
	"context"
	"errors"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// Assurer verifies the person's own access token that a CRM backend forwards.
type Assurer interface {
	// Assurance is what the token proves about user in tenant; CodeUnauthorized
	// when it is not valid for both.
	Assurance(ctx context.Context, tenant, user, raw string) (model.Assurance, error)
}

// Callers looks at a caller again.
type Callers interface {
	// Recheck is the client as it is now; CodeUnauthorized when it may no longer call.
	Recheck(ctx context.Context, caller model.Caller) (model.Caller, error)
}

// Service answers questions from the tenants' snapshots and records each answer
// before it is given. All fields but Sampler and RevisionWait are required; safe for concurrent
// use.
//
// A question is answered from memory. The record commits only while the tenant
// is still at the revision that was answered from; when it moved on, the question
// is answered again. So what was taken away before an answer is recorded is felt
// by it, on every replica.
type Service struct {
	Store     store.Store
	Log       *audit.Log
	Assurer   Assurer
	Callers   Callers
	Now       func() time.Time
	Snapshots *Snapshots
	Limits    model.Limits
	Sampler   *Sampler // re-checks some decisions against Casbin; optional

	// RevisionWait bounds how long a question waits for the revision it demands,
	// where the tenant has not reached it; 0: not at all.
	RevisionWait time.Duration
}

// answerTries bounds how often a question is answered again because the tenant
// changed meanwhile.
const answerTries = 10

// settle answers and records until the tenant stood still meanwhile. What the
// caller demands of all its answers holds for this one; minRevision is what the
// question demands beside it, and is for answer to insist on.
func (s *Service) settle(ctx context.Context, caller model.Caller, minRevision int64, answer func(model.Caller, *View, time.Time) (audit.Entry, error)) error {
	return s.settleAs(ctx, caller, decideScope, minRevision, answer)
}

// settleAs is settle for those with another scope.
func (s *Service) settleAs(ctx context.Context, caller model.Caller, scope string, minRevision int64, answer func(model.Caller, *View, time.Time) (audit.Entry, error)) error {
	demanded, until := caller.MinRevision, time.Now().Add(s.RevisionWait)
	for range answerTries {
		view, err := s.view(ctx, caller.Tenant, max(minRevision, demanded), until)
		if err != nil {
			return err
		}
		if err := view.reaches(demanded); err != nil {
			return err
		}
		if caller, err = s.upToDate(ctx, caller, scope, view); err != nil {
			return err
		}
		_, end := tracing.Part(ctx, "decide")
		entry, err := answer(caller, view, s.Now())
		end()
		if err != nil {
			return err
		}
		err = s.Log.AppendDecision(ctx, entry)
		var moved *audit.Moved
		if !errors.As(err, &moved) {
			return err
		}
	}
	return model.Errorf(model.CodeBusy, "tenant %q changes faster than this question can be answered", caller.Tenant)
}

// What a client needs to be answered.
const (
	decideScope  = "decide"
	explainScope = "explain"
)

// upToDate is the caller as of the view: a client that was looked at before the
// tenant's last change is looked at again.
func (s *Service) upToDate(ctx context.Context, caller model.Caller, scope string, view *View) (model.Caller, error) {
	if caller.Revision >= view.Revision() {
		return caller, nil
	}
	caller, err := s.Callers.Recheck(ctx, caller)
	if err == nil && caller.Kind == model.CallerClient && !caller.HasScope(scope) {
		err = model.Errorf(model.CodeForbidden, "the client has lost the scope %s", scope)
	}
	return caller, err
}

// Evaluate answers one question. An error means there is no answer: the caller
// must be told no.
func (s *Service) Evaluate(ctx context.Context, caller model.Caller, r Request) (model.Decision, error) {
	var a answered
	err := s.settle(ctx, caller, r.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		err := view.reaches(r.MinRevision)
		if err != nil {
			return audit.Entry{}, err
		}
		if a, err = s.decide(ctx, caller, view, &r, now); err != nil {
			return audit.Entry{}, err
		}
		return entryOf(caller, a, now), nil
	})
	if err != nil {
		return model.Decision{}, err
	}
	return a.Decision, nil
}

// EvaluateBatch answers questions in order, all as of one revision, cut short as
// the semantic says (AuthZEN section 7.1.2), and records them as one entry with
// its members.
func (s *Service) EvaluateBatch(ctx context.Context, caller model.Caller, rs []Request, sem Semantic) ([]model.Decision, error) {
	var out []model.Decision
	var newest int64
	for i := range rs {
		newest = max(newest, rs[i].MinRevision)
	}
	err := s.settle(ctx, caller, newest, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		out = make([]model.Decision, 0, len(rs))
		answers := make([]answered, 0, len(rs))
		for i := range rs {
			if err := ctx.Err(); err != nil { // nobody waits any more
				return audit.Entry{}, err
			}
			a, err := s.decide(ctx, caller, view, &rs[i], now)
			if err != nil {
				return audit.Entry{}, err
			}
			answers, out = append(answers, a), append(out, a.Decision)
			if sem == DenyOnFirstDeny && !a.Allow || sem == PermitOnFirstPermit && a.Allow {
				break
			}
		}
		return batchEntry(caller, view, answers), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// answered is a question with its decision and, for the record, whose data the
// question is about: the record itself or whom one of its attributes names, as
// the catalogue says; "" where it is about nobody's.
type answered struct {
	model.Decision
	request     *Request
	dataSubject string
	object      string // of the question, "" unless policy or catalogue have the word
	action      string // likewise
	minimal     bool   // the record leaves out which record was asked about
}

// decide answers without recording.
func (s *Service) decide(ctx context.Context, caller model.Caller, view *View, r *Request, now time.Time) (answered, error) {
	a := answered{request: r}
	switch {
	case r.Invalid != "":
		a.Decision = model.Decision{Code: model.ReasonItemInvalid, Revision: view.Revision()}
		return a, nil
	case view.reaches(r.MinRevision) != nil: // an item of a batch; its neighbours are answered
		a.Decision = model.Decision{Code: model.CodeRevisionBehind, Revision: view.Revision()}
		return a, nil
	}
	q := &r.Question
	stored, err := view.record(ctx, s.Store, q.Resource)
	if err != nil {
		return a, err
	}
	a.dataSubject = view.dataSubject(q.Resource, stored)
	a.object, a.action = view.rules.literal(q.Resource.Type, q.Action.Name)
	a.minimal = view.minimal(q)
	a.Decision, err = s.decideOn(ctx, caller, view, r, stored, now)
	return a, err
}

// decideOn answers about a record with what is stored of it.
func (s *Service) decideOn(ctx context.Context, caller model.Caller, view *View, r *Request, stored *model.Resource, now time.Time) (d model.Decision, err error) {
	in, denied, err := s.inputs(ctx, caller, view, r, stored, now)
	if err != nil || denied != "" {
		return view.denial(denied), err
	}
	d = view.Decide(&r.Question, &in)
	s.Sampler.offer(view.Snapshot, &r.Question, &in, &d)
	return d, nil
}

// clientOf is what conditions see as request.client, and leaves as their service: an
// operator or an officer is none, and no leaf names a person.
func clientOf(caller model.Caller) string {
	if caller.Kind != model.CallerClient {
		return ""
	}
	return caller.ID
}

// inputs are the live facts of a question, or the code with which it is denied
// without looking further.
func (s *Service) inputs(ctx context.Context, caller model.Caller, view *View, r *Request, stored *model.Resource, now time.Time) (in Inputs, denied model.Code, err error) {
	in = Inputs{Now: now, Stored: stored, Client: clientOf(caller), TrustSubjectProperties: caller.Client.TrustSubjectProperties}
	in.Assurance, denied, err = s.assurance(ctx, caller, view, r.Question.Subject, r.AccessToken, now)
	if denied != "" && !view.knows(r.Question.Subject) {
		denied = model.ReasonSubjectUnknown
	}
	return in, denied, err
}

// denials are what a token that is missing or not valid makes of a question.
var denials = map[model.Code]model.Code{
	model.CodeUnauthorized:    model.ReasonSessionInvalid,
	model.ReasonTokenRequired: model.ReasonTokenRequired,
}

// assurance is what the person's own token proves, or the code with which a
// question is denied for its sake: it is missing, not valid, or of a session that
// proves less than is required of the person as of the view.
func (s *Service) assurance(ctx context.Context, caller model.Caller, view *View, subject model.Entity, token *string, now time.Time) (a model.Assurance, denied model.Code, err error) {
	a, err = s.proven(ctx, caller, subject, token)
	switch {
	case err == nil && view.demandsMore(subject, a, now):
		return a, model.ReasonStepUp, nil
	case err == nil:
		return a, "", nil
	}
	denied, is := denials[model.CodeOf(err)]
	if !is {
		return a, "", err
	}
	return a, denied, nil
}

// proven is what the person's own token proves. Only users have one, and only of
// them a client can be made to send it.
func (s *Service) proven(ctx context.Context, caller model.Caller, subject model.Entity, token *string) (model.Assurance, error) {
	switch {
	case token == nil && caller.Client.RequireToken && subject.Type == "user":
		return model.Assurance{}, model.Errorf(model.ReasonTokenRequired, "this client must send the person's token")
	case token == nil:
		return model.Assurance{}, nil
	case subject.Type != "user":
		return model.Assurance{}, model.Errorf(model.CodeUnauthorized, "only a user has an access token")
	}
	return s.Assurer.Assurance(ctx, caller.Tenant, subject.ID, *token)
}

// RequiresMFA tells whether a role the subject holds now is marked, or is an office.
func (s *Service) RequiresMFA(ctx context.Context, tenant, subject string) (bool, error) {
	snap, err := s.Snapshots.Current(ctx, tenant)
	if err != nil {
		return false, err
	}
	return snap.RequiresMFA(subject, s.Now()), nil
}

// Addresses lists the e-mail addresses among the stored attributes of a subject
// ("user:alice"): strings, alone or in a list, with an @; none where nobody is registered so.
// It reads that row alone: a password is chosen also where the tenant's policy cannot be read.
func (s *Service) Addresses(ctx context.Context, tenant, subject string) ([]string, error) {
	typ, id, _ := strings.Cut(subject, ":")
	row, err := s.Store.Subject(ctx, tenant, typ, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return addresses(row.Attributes), err
}
