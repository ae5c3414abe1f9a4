package policy

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
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
// before it is given. All fields but Sampler are required; safe for concurrent
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
}

// answerTries bounds how often a question is answered again because the tenant
// changed meanwhile.
const answerTries = 10

// settle answers and records until the tenant stood still meanwhile.
func (s *Service) settle(ctx context.Context, caller model.Caller, minRevision int64, answer func(model.Caller, *View) (audit.Entry, error)) error {
	for range answerTries {
		view, err := s.view(ctx, caller.Tenant, minRevision)
		if err != nil {
			return err
		}
		if caller, err = s.upToDate(ctx, caller, view); err != nil {
			return err
		}
		entry, err := answer(caller, view)
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

// decideScope is what a client needs to be answered.
const decideScope = "decide"

// upToDate is the caller as of the view: a client that was looked at before the
// tenant's last change is looked at again.
func (s *Service) upToDate(ctx context.Context, caller model.Caller, view *View) (model.Caller, error) {
	if caller.Revision >= view.Revision() {
		return caller, nil
	}
	caller, err := s.Callers.Recheck(ctx, caller)
	if err == nil && caller.Kind == model.CallerClient && !caller.HasScope(decideScope) {
		err = model.Errorf(model.CodeForbidden, "the client has lost the scope %s", decideScope)
	}
	return caller, err
}

// view is the tenant as of at least a revision.
func (s *Service) view(ctx context.Context, tenant string, minRevision int64) (*View, error) {
	view, err := s.Snapshots.Latest(ctx, tenant)
	if err == nil && view.Revision() < minRevision {
		view, err = s.Snapshots.Current(ctx, tenant)
	}
	if err == nil && view.Revision() < minRevision {
		err = model.Errorf(model.CodeRevisionBehind, "this answer would be of revision %d, and at least %d was asked for", view.Revision(), minRevision)
	}
	return view, err
}

// Evaluate answers one question. An error means there is no answer: the caller
// must be told no.
func (s *Service) Evaluate(ctx context.Context, caller model.Caller, r Request) (model.Decision, error) {
	var a answered
	err := s.settle(ctx, caller, r.MinRevision, func(caller model.Caller, view *View) (audit.Entry, error) {
		var err error
		if a, err = s.decide(ctx, caller, view, &r); err != nil {
			return audit.Entry{}, err
		}
		return s.entry(caller, a), nil
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
	var minRevision int64
	for _, r := range rs {
		minRevision = max(minRevision, r.MinRevision)
	}
	var out []model.Decision
	err := s.settle(ctx, caller, minRevision, func(caller model.Caller, view *View) (audit.Entry, error) {
		out = make([]model.Decision, 0, len(rs))
		answers := make([]answered, 0, len(rs))
		for i := range rs {
			a, err := s.decide(ctx, caller, view, &rs[i])
			if err != nil {
				return audit.Entry{}, err
			}
			answers, out = append(answers, a), append(out, a.Decision)
			if sem == DenyOnFirstDeny && !a.Allow || sem == PermitOnFirstPermit && a.Allow {
				break
			}
		}
		return s.batchEntry(caller, view, answers), nil
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
}

// decide answers without recording.
func (s *Service) decide(ctx context.Context, caller model.Caller, view *View, r *Request) (answered, error) {
	a := answered{request: r}
	if r.Invalid != "" {
		a.Decision = model.Decision{Code: model.ReasonItemInvalid, Revision: view.Revision()}
		return a, nil
	}
	q := &r.Question
	stored, err := view.record(ctx, s.Store, q.Resource)
	if err != nil {
		return a, err
	}
	a.dataSubject = view.dataSubject(q.Resource, stored)
	a.object, a.action = view.rules.literal(q.Resource.Type, q.Action.Name)
	a.Decision, err = s.decideOn(ctx, caller, view, r, stored)
	return a, err
}

// decideOn answers about a record with what is stored of it.
func (s *Service) decideOn(ctx context.Context, caller model.Caller, view *View, r *Request, stored *model.Resource) (d model.Decision, err error) {
	q := &r.Question
	in := Inputs{Now: s.Now(), Stored: stored, Client: caller.ID, TrustSubjectProperties: caller.Client.TrustSubjectProperties}
	if in.Assurance, err = s.assurance(ctx, caller, q.Subject, r.AccessToken); err != nil {
		code, denied := denials[model.CodeOf(err)]
		if !denied {
			return d, err
		}
		if !view.knows(q.Subject) {
			code = model.ReasonSubjectUnknown
		}
		return model.Decision{Code: code, Revision: view.Revision(), PolicyHash: view.PolicyHash()}, nil
	}
	d = view.Decide(q, &in)
	s.Sampler.offer(view.Snapshot, q, &in, &d)
	return d, nil
}

// denials are what a token that is missing or not valid makes of a question.
var denials = map[model.Code]model.Code{
	model.CodeUnauthorized:    model.ReasonSessionInvalid,
	model.ReasonTokenRequired: model.ReasonTokenRequired,
}

// assurance is what the person's own token proves. Only users have one, and only
// of them a client can be made to send it.
func (s *Service) assurance(ctx context.Context, caller model.Caller, subject model.Entity, token *string) (model.Assurance, error) {
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

// entry is the record of one decision. Words that only the request vouches for
// stay out of the leaf: anybody could write an address where an action is due. The
// record's id lies under the key of whom the record is about.
func (s *Service) entry(caller model.Caller, a answered) audit.Entry {
	item := itemOf(a)
	e := audit.Entry{
		Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: item.Outcome, Code: a.Code,
		Roles: a.Roles, Object: item.Object, Op: item.Op, Rule: item.Rule, PolicyHash: a.PolicyHash,
		Revision: a.Revision, Service: caller.ID, Caller: caller, Person: a.person(),
		Level: a.Assurance.Level, Age: ageOf(a.Assurance, s.Now()),
	}
	asked, about := a.personal()
	e.Personal = map[string]any{"subject": asked.Subject, "action": asked.Action}
	if about.Person == "" {
		e.Personal["resource"] = asked.Resource
	} else {
		e.Others = []audit.Part{{Person: about.Person, Personal: map[string]any{"resource": about.Resource, "person": about.Person}}}
	}
	return e
}

// batchEntry is the one record of a batch: a leaf with its members, and for each
// person in it a segment with what concerns them.
func (s *Service) batchEntry(caller model.Caller, view *View, answers []answered) audit.Entry {
	e := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.EvaluatedBatch,
		Outcome: audit.OutcomeOK, Service: caller.ID, Caller: caller, Revision: view.Revision(), PolicyHash: view.PolicyHash()}
	e.Items = make([]audit.Item, len(answers))
	var people []string
	members := map[string][]audit.Member{}
	add := func(who string, m audit.Member) {
		if members[who] == nil {
			people = append(people, who)
		}
		members[who] = append(members[who], m)
	}
	for i, a := range answers {
		e.Items[i] = itemOf(a)
		asked, about := a.personal()
		asked.Item, about.Item = i, i
		add(a.person(), asked)
		if about.Person != "" {
			add(about.Person, about)
		}
	}
	for _, who := range people {
		e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who, "members": members[who]}})
	}
	return e
}

// person is whose key seals the question: the subject's, if it is one of ours.
// Anybody can ask about any number of names; they share one key.
func (a *answered) person() string {
	switch a.Code {
	case model.ReasonSubjectUnknown, model.ReasonItemInvalid, model.ReasonTenantDisabled:
		return ""
	}
	return a.request.Question.Subject.Type + ":" + a.request.Question.Subject.ID
}

// personal is what is sealed for the subject of the question and, where the
// record is about another person, for that one.
func (a *answered) personal() (asked, about audit.Member) {
	q := &a.request.Question
	resource := q.Resource.Type + ":" + q.Resource.ID
	asked = audit.Member{Subject: q.Subject.Type + ":" + q.Subject.ID, Action: q.Action.Name}
	if who := a.person(); who == "" || a.dataSubject == "" || a.dataSubject == who {
		asked.Resource = resource
		return asked, about
	}
	return asked, audit.Member{Resource: resource, Person: a.dataSubject}
}

func itemOf(a answered) audit.Item {
	item := audit.Item{Outcome: audit.OutcomeDeny, Code: a.Code}
	if a.Allow {
		item.Outcome = audit.OutcomeAllow
	}
	item.Object, item.Op = a.object, a.action
	if !a.Rule.IsZero() {
		item.Rule = a.Rule.Kind + ":" + strconv.Itoa(a.Rule.Line)
	}
	return item
}

func ageOf(a model.Assurance, now time.Time) int64 {
	if a.Level == 0 {
		return -1
	}
	return int64(now.Sub(a.AuthTime) / time.Second)
}

// ShortHash is how people see a policy's hash.
func ShortHash(h []byte) string {
	s := hex.EncodeToString(h)
	return s[:min(12, len(s))]
}
