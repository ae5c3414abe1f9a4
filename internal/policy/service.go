package policy

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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

// Service answers questions from the tenants' snapshots and records each answer
// before it is given. All fields are required; safe for concurrent use.
type Service struct {
	Store     store.Store
	Log       *audit.Log
	Assurer   Assurer
	Now       func() time.Time
	Snapshots *Snapshots
	Limits    model.Limits
}

// Evaluate answers one question. An error means there is no answer: the caller
// must be told no.
func (s *Service) Evaluate(ctx context.Context, caller model.Caller, r Request) (model.Decision, error) {
	a, err := s.decide(ctx, caller, r)
	if err != nil {
		return model.Decision{}, err
	}
	if err := s.Log.Append(ctx, s.entry(caller, a)); err != nil {
		return model.Decision{}, err
	}
	return a.Decision, nil
}

// EvaluateBatch answers questions in order, cut short as the semantic says
// (AuthZEN section 7.1.2), and records them as one entry with its members.
func (s *Service) EvaluateBatch(ctx context.Context, caller model.Caller, rs []Request, sem Semantic) ([]model.Decision, error) {
	out := make([]model.Decision, 0, len(rs))
	answers := make([]answered, 0, len(rs))
	for _, r := range rs {
		a, err := s.decide(ctx, caller, r)
		if err != nil {
			return nil, err
		}
		answers, out = append(answers, a), append(out, a.Decision)
		if sem == DenyOnFirstDeny && !a.Allow || sem == PermitOnFirstPermit && a.Allow {
			break
		}
	}
	if err := s.Log.Append(ctx, s.batchEntry(caller, answers)); err != nil {
		return nil, err
	}
	return out, nil
}

// answered is a question with its decision and, for the record, whose data the
// question is about: the record itself or whom one of its attributes names, as
// the catalogue says; "" where it is about nobody's.
type answered struct {
	model.Decision
	request     Request
	dataSubject string
	object      string // of the question, "" unless policy or catalogue have the word
	action      string // likewise
}

// decide answers without recording.
func (s *Service) decide(ctx context.Context, caller model.Caller, r Request) (answered, error) {
	a := answered{request: r}
	snap, err := s.Snapshots.Current(ctx, caller.Tenant)
	if err != nil {
		return a, err
	}
	if snap.Revision() < r.MinRevision {
		return a, model.Errorf(model.CodeRevisionBehind, "this answer would be of revision %d, and at least %d was asked for", snap.Revision(), r.MinRevision)
	}
	if r.Invalid != "" {
		a.Decision = model.Decision{Code: model.ReasonItemInvalid, Detail: map[string]string{"reason": r.Invalid}, Revision: snap.Revision()}
		return a, nil
	}
	stored, err := s.stored(ctx, caller.Tenant, r.Question.Resource)
	if err != nil {
		return a, err
	}
	a.dataSubject = snap.dataSubject(r.Question.Resource, stored)
	a.object, a.action = snap.words.literal(r.Question.Resource.Type, r.Question.Action.Name)
	a.Decision, err = s.decideOn(ctx, caller, r, snap, stored)
	return a, err
}

// stored is the registered record a question is about, or nil.
func (s *Service) stored(ctx context.Context, tenant string, r model.Entity) (*model.Resource, error) {
	if r.ID == model.AnyRecord {
		return nil, nil
	}
	found, err := s.Store.Resource(ctx, tenant, r.Type, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &found, err
}

func (s *Service) decideOn(ctx context.Context, caller model.Caller, r Request, snap View, stored *model.Resource) (model.Decision, error) {
	in := Inputs{Now: s.Now(), Stored: stored, TrustSubjectProperties: caller.Client.TrustSubjectProperties}
	q := r.Question
	if q.Subject.Type == "user" {
		u, err := s.Store.User(ctx, caller.Tenant, q.Subject.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return model.Decision{}, err
		}
		in.SubjectDisabled = u.Disabled
	}
	refused := func(code model.Code) (model.Decision, error) {
		if !snap.knows(q.Subject) {
			code = model.ReasonSubjectUnknown
		}
		return model.Decision{Code: code, Revision: snap.Revision(), PolicyHash: snap.PolicyHash(),
			Detail: map[string]string{"subject": q.Subject.Type + ":" + q.Subject.ID, "action": q.Action.Name, "object": q.Resource.Type}}, nil
	}
	switch {
	case r.AccessToken != nil:
		var err error
		in.Assurance, err = s.assurance(ctx, caller.Tenant, q.Subject, *r.AccessToken)
		if model.CodeOf(err) == model.CodeUnauthorized {
			return refused(model.ReasonSessionInvalid)
		}
		if err != nil {
			return model.Decision{}, err
		}
	case caller.Client.RequireToken && q.Subject.Type == "user":
		return refused(model.ReasonTokenRequired)
	}
	return snap.Decide(q, in), nil
}

// assurance reads a forwarded token; only users have them.
func (s *Service) assurance(ctx context.Context, tenant string, subject model.Entity, raw string) (model.Assurance, error) {
	if subject.Type != "user" {
		return model.Assurance{}, model.Errorf(model.CodeUnauthorized, "only a user has an access token")
	}
	return s.Assurer.Assurance(ctx, tenant, subject.ID, raw)
}

// RequiresMFA tells whether a role the subject holds now is marked, or is an office.
func (s *Service) RequiresMFA(ctx context.Context, tenant, subject string) (bool, error) {
	snap, err := s.Snapshots.Current(ctx, tenant)
	if err != nil {
		return false, err
	}
	return snap.RequiresMFA(subject), nil
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
	var about map[string]any
	if e.Personal, about = a.personal(); about != nil {
		e.Others = []audit.Part{{Person: a.dataSubject, Personal: about}}
	}
	return e
}

// batchEntry is the one record of a batch: a leaf with its members, and for each
// person in it a segment with what concerns them.
func (s *Service) batchEntry(caller model.Caller, answers []answered) audit.Entry {
	e := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.EvaluatedBatch,
		Outcome: audit.OutcomeOK, Service: caller.ID, Caller: caller}
	var people []string
	members := map[string][]map[string]any{}
	add := func(who string, what map[string]any, i int) {
		if members[who] == nil {
			people = append(people, who)
		}
		what["item"] = i
		members[who] = append(members[who], what)
	}
	for i, a := range answers {
		e.Items = append(e.Items, itemOf(a))
		e.Revision, e.PolicyHash = a.Revision, a.PolicyHash
		asked, about := a.personal()
		add(a.person(), asked, i)
		if about != nil {
			add(a.dataSubject, about, i)
		}
	}
	for _, who := range people {
		e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who, "members": members[who]}})
	}
	return e
}

// person is whose key seals the question: the subject's, if it is one of ours.
// Anybody can ask about any number of names; they share one key.
func (a answered) person() string {
	switch a.Code {
	case model.ReasonSubjectUnknown, model.ReasonItemInvalid, model.ReasonTenantDisabled:
		return ""
	}
	return a.request.Question.Subject.Type + ":" + a.request.Question.Subject.ID
}

// personal is what is sealed for the subject of the question and, where the
// record is about another person, for that one.
func (a answered) personal() (asked, about map[string]any) {
	q := a.request.Question
	resource := q.Resource.Type + ":" + q.Resource.ID
	asked = map[string]any{"subject": q.Subject.Type + ":" + q.Subject.ID, "action": q.Action.Name}
	if who := a.person(); who == "" || a.dataSubject == "" || a.dataSubject == who {
		asked["resource"] = resource
		return asked, nil
	}
	return asked, map[string]any{"resource": resource, "person": a.dataSubject}
}

func itemOf(a answered) audit.Item {
	item := audit.Item{Outcome: audit.OutcomeDeny, Code: a.Code}
	if a.Allow {
		item.Outcome = audit.OutcomeAllow
	}
	item.Object, item.Op = a.object, a.action
	if a.Rule != nil {
		item.Rule = fmt.Sprintf("%s:%d", a.Rule.Kind, a.Rule.Line)
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
