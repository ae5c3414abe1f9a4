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
}

// Evaluate answers one question. An error means there is no answer: the caller
// must be told no.
func (s *Service) Evaluate(ctx context.Context, caller model.Caller, r Request) (model.Decision, error) {
	d, err := s.decide(ctx, caller, r)
	if err != nil {
		return model.Decision{}, err
	}
	if err := s.Log.Append(ctx, s.entry(caller, r, d)); err != nil {
		return model.Decision{}, err
	}
	return d, nil
}

// EvaluateBatch answers questions in order, cut short as the semantic says
// (AuthZEN section 7.1.2), and records them as one entry with its members.
func (s *Service) EvaluateBatch(ctx context.Context, caller model.Caller, rs []Request, sem Semantic) ([]model.Decision, error) {
	out := make([]model.Decision, 0, len(rs))
	for _, r := range rs {
		d, err := s.decide(ctx, caller, r)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
		if sem == DenyOnFirstDeny && !d.Allow || sem == PermitOnFirstPermit && d.Allow {
			break
		}
	}
	if err := s.Log.Append(ctx, s.batchEntry(caller, rs, out)); err != nil {
		return nil, err
	}
	return out, nil
}

// decide answers without recording.
func (s *Service) decide(ctx context.Context, caller model.Caller, r Request) (model.Decision, error) {
	snap, err := s.Snapshots.Current(ctx, caller.Tenant)
	if err != nil {
		return model.Decision{}, err
	}
	if r.Invalid != "" {
		return model.Decision{Code: model.ReasonItemInvalid, Detail: map[string]string{"reason": r.Invalid}, Revision: snap.Revision()}, nil
	}
	in := Inputs{Now: s.Now(), TrustSubjectProperties: caller.Client.TrustSubjectProperties}
	q := r.Question
	if q.Subject.Type == "user" {
		u, err := s.Store.User(ctx, caller.Tenant, q.Subject.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return model.Decision{}, err
		}
		in.SubjectDisabled = u.Disabled
	}
	if q.Resource.ID != model.AnyRecord {
		stored, err := s.Store.Resource(ctx, caller.Tenant, q.Resource.Type, q.Resource.ID)
		switch {
		case err == nil:
			in.Stored = &stored
		case !errors.Is(err, store.ErrNotFound):
			return model.Decision{}, err
		}
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

// entry is the record of one decision. Names that only the request vouches for
// are sealed: anybody could write an address where a resource type is due.
func (s *Service) entry(caller model.Caller, r Request, d model.Decision) audit.Entry {
	q := r.Question
	item := itemOf(r, d)
	e := audit.Entry{
		Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: item.Outcome, Code: d.Code,
		Roles: d.Roles, Object: item.Object, Op: item.Op, Rule: item.Rule, PolicyHash: d.PolicyHash,
		Revision: d.Revision, Service: caller.ID, Caller: caller, Person: person(q, d),
		Personal: personal(q),
	}
	e.Level, e.Age = d.Assurance.Level, ageOf(d.Assurance, s.Now())
	return e
}

// batchEntry is the one record of a batch: a leaf with its members, and for each
// of its subjects a segment with the questions about them.
func (s *Service) batchEntry(caller model.Caller, rs []Request, ds []model.Decision) audit.Entry {
	e := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.EvaluatedBatch,
		Outcome: audit.OutcomeOK, Service: caller.ID, Caller: caller}
	var people []string
	asked := map[string][]map[string]any{}
	for i, d := range ds {
		e.Items = append(e.Items, itemOf(rs[i], d))
		e.Revision, e.PolicyHash = d.Revision, d.PolicyHash
		who := person(rs[i].Question, d)
		if asked[who] == nil {
			people = append(people, who)
		}
		asked[who] = append(asked[who], personal(rs[i].Question))
	}
	for _, who := range people {
		e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who, "members": asked[who]}})
	}
	return e
}

// person is whose key seals a question: the subject's, if it is one of ours.
// Anybody can ask about any number of names; they share one key.
func person(q model.Question, d model.Decision) string {
	switch d.Code {
	case model.ReasonSubjectUnknown, model.ReasonItemInvalid, model.ReasonTenantDisabled:
		return ""
	}
	return q.Subject.Type + ":" + q.Subject.ID
}

func itemOf(r Request, d model.Decision) audit.Item {
	item := audit.Item{Outcome: audit.OutcomeDeny, Code: d.Code}
	if d.Allow {
		item.Outcome = audit.OutcomeAllow
	}
	switch d.Code {
	case model.ReasonObjectUnknown, model.ReasonItemInvalid, model.ReasonSessionInvalid, model.ReasonTokenRequired, model.ReasonSubjectUnknown:
	case model.ReasonActionUnknown:
		item.Object = r.Question.Resource.Type
	default:
		item.Object, item.Op = r.Question.Resource.Type, r.Question.Action.Name
	}
	if d.Rule != nil {
		item.Rule = fmt.Sprintf("%s:%d", d.Rule.Kind, d.Rule.Line)
	}
	return item
}

func personal(q model.Question) map[string]any {
	return map[string]any{"subject": q.Subject.Type + ":" + q.Subject.ID, "action": q.Action.Name,
		"resource": q.Resource.Type + ":" + q.Resource.ID}
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
