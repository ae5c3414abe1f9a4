package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rolegate/model"
)

// Inputs is what a decision needs besides the question and the snapshot: live
// facts that are looked up per request.
type Inputs struct {
	Assurance              model.Assurance // what the person's token proves; zero: nothing
	Stored                 *model.Resource // the registered record, or nil
	TrustSubjectProperties bool            // subject.properties may overlay what conditions see of the subject
	SubjectDisabled        bool            // the subject is a disabled user
	Now                    time.Time
}

// Decide answers a question. Whatever the outcome, the decision says why. A
// fault of ours is a denial with CodeInternal and its Cause.
func (s *Snapshot) Decide(q model.Question, in Inputs) model.Decision {
	d, err := s.decide(q, in)
	d.Cause = err
	return d
}

func (s *Snapshot) decide(q model.Question, in Inputs) (model.Decision, error) {
	d := model.Decision{
		AnyRecord:  q.Resource.ID == model.AnyRecord,
		Revision:   s.tenant.Revision,
		PolicyHash: s.doc.Hash,
		Assurance:  in.Assurance,
	}
	a, code := s.admit(q, in)
	if code != model.ReasonAllowed {
		d.Code = code
		if a != nil {
			d.Roles = a.who.roles
		}
		return d, nil
	}
	d.Roles = a.who.roles
	out, err := a.answer(q.Action.Name)
	if err == nil && out.code == model.ReasonAllowed && a.need.rule == nil {
		d.Fields, err = a.fieldsOf(q.Action.Name)
	}
	if err != nil {
		d.Code = model.CodeInternal
		return d, fmt.Errorf("decide %s %s on %s: %w", a.who.key, q.Action.Name, q.Resource.Type, err)
	}
	a.conclude(&d, out)
	return d, nil
}

// asking is one question in the course of being answered.
type asking struct {
	s      *Snapshot
	q      model.Question
	in     Inputs
	who    *member
	record *record
	ask    fieldAsk
	need   demand // what assurance lacks, over this action and those it requires
}

// outcome is the answer about one action, leaving assurance aside.
type outcome struct {
	code     model.Code // ReasonAllowed, or the first gate that is closed
	rule     *Row
	closed   []string // of ReasonFieldsClosed
	required string   // of ReasonRequiredAction
}

// admit passes the gates that need no rows. It returns the asking as soon as
// the subject is known.
func (s *Snapshot) admit(q model.Question, in Inputs) (*asking, model.Code) {
	if s.tenant.Disabled {
		return nil, model.ReasonTenantDisabled
	}
	ask, ok := readFieldAsk(q.Action.Properties)
	if !ok || !wellFormed(q) {
		return nil, model.ReasonItemInvalid
	}
	who := s.people.members[q.Subject.Type+":"+q.Subject.ID]
	if who == nil || strings.Contains(q.Subject.Type, ":") {
		return nil, model.ReasonSubjectUnknown
	}
	a := &asking{s: s, q: q, in: in, who: who, ask: ask}
	if in.SubjectDisabled {
		return a, model.ReasonSubjectDisabled
	}
	if s.words.objects[q.Resource.Type] == nil {
		return a, model.ReasonObjectUnknown
	}
	a.record = newRecord(q.Resource.Properties, s.stored(q.Resource, in.Stored))
	return a, model.ReasonAllowed
}

// wellFormed tells whether the question has all its parts. "*" is no record's
// id, so with properties it asks about nothing; as object or action it would
// match rows by their wildcards.
func wellFormed(q model.Question) bool {
	for _, s := range []string{q.Subject.Type, q.Subject.ID, q.Action.Name, q.Resource.Type, q.Resource.ID} {
		if s == "" || len(s) > maxID {
			return false
		}
	}
	return q.Action.Name != everything && q.Resource.Type != everything &&
		(q.Resource.ID != model.AnyRecord || len(q.Resource.Properties) == 0)
}

// answer asks about one action, and then about those it requires: the same
// record, context and properties. The catalogue has no circles of requirements.
func (a *asking) answer(action string) (outcome, error) {
	object := a.q.Resource.Type
	declared := a.s.cat.Objects[object]
	switch {
	case !a.s.words.knowsAction(object, action):
		return outcome{code: model.ReasonActionUnknown}, nil
	case declared != nil && !declared.Enabled:
		return outcome{code: model.ReasonObjectDisabled}, nil
	}
	out, err := a.askEngine(action)
	if err != nil || out.code != model.ReasonAllowed {
		return out, err
	}
	if declared == nil {
		return out, nil
	}
	for _, required := range declared.Actions[action].Requires {
		sub, err := a.answer(required)
		if err != nil {
			return sub, err
		}
		if sub.code == model.ReasonAllowed {
			continue
		}
		if sub.code == model.ReasonRequiredAction {
			required = sub.required // the one that is denied for its own sake
		}
		return outcome{code: model.ReasonRequiredAction, rule: sub.rule, required: required}, nil
	}
	return out, nil
}

// askEngine runs the passes for one action. What assurance lacks is noted and
// not held against the action yet: see conclude.
func (a *asking) askEngine(action string) (outcome, error) {
	q := Query{Subject: a.who.key, Object: a.q.Resource.Type, Action: action, Facts: a.facts(action)}
	grants, err := a.s.engine.Grants(q)
	switch {
	case err != nil:
		return outcome{}, err
	case !grants.Allow && grants.Rule != nil:
		return outcome{code: model.ReasonDenied, rule: grants.Rule}, nil
	case !grants.Allow:
		return outcome{code: model.ReasonNotGranted}, nil
	}
	restrictions, err := a.s.engine.Restrictions(q)
	switch {
	case err != nil:
		return outcome{}, err
	case !restrictions.Allow:
		return outcome{code: model.ReasonRestricted, rule: restrictions.Rule}, nil
	}
	closed, err := a.gate().refused(action, a.ask)
	switch {
	case err != nil:
		return outcome{}, err
	case len(closed.fields) > 0:
		return outcome{code: model.ReasonFieldsClosed, rule: closed.rule, closed: closed.fields}, nil
	}
	return outcome{code: model.ReasonAllowed, rule: grants.Rule}, a.askAssurance(q)
}

// askAssurance notes what would help when the assurance pass fails. Casbin stops
// at the first failing row; a person who comes back must satisfy them all.
func (a *asking) askAssurance(q Query) error {
	v, err := a.s.engine.Assurance(q)
	if err != nil || v.Allow {
		return err
	}
	if v.Rule == nil {
		return fmt.Errorf("assurance of %s failed without a rule", q.Action)
	}
	a.need.add(v.Rule)
	for r := range matching(a.s.assurances, a.who, q.Object, q.Action) {
		if !assured(q.Facts, r.Row[colACR], r.Row[colMaxAge]) {
			a.need.add(r)
		}
	}
	return nil
}

func (a *asking) facts(action string) *Facts {
	f := &Facts{
		who: a.who, org: a.s.org, record: a.record, action: action,
		assurance: a.in.Assurance, now: a.in.Now,
		anyRecord: a.q.Resource.ID == model.AnyRecord,
	}
	if f.anyRecord {
		for r := range matching(a.s.denials, a.who, a.q.Resource.Type, action) {
			s, _ := parseScope(r.Row[colScope])
			f.denied |= s.ways(f)
		}
	}
	return f
}

func (a *asking) gate() *fieldGate {
	g := &fieldGate{engine: a.s.engine, subject: a.who.key, object: a.q.Resource.Type, strict: a.s.tenant.StrictFields}
	if o := a.s.cat.Objects[g.object]; o != nil {
		g.fields = o.Fields
	}
	return g
}

// fieldsOf tells the backend what to drop and to mask: of the fields named, or
// of all that have a name. A write answers about what it reads back only.
func (a *asking) fieldsOf(action string) (*model.Fields, error) {
	names := slices.Concat(a.ask.fields, a.ask.returned)
	if _, write := writes(action); write {
		names = a.ask.returned
		if len(names) == 0 {
			return nil, nil
		}
	}
	if len(names) == 0 {
		names = a.s.words.fieldsOf(a.q.Resource.Type)
	}
	return a.gate().view(names)
}

// conclude writes the outcome into the decision. Only now assurance counts:
// whoever is told to step up is let through once they have.
func (a *asking) conclude(d *model.Decision, out outcome) {
	d.Code, d.Closed, d.Required = out.code, out.closed, out.required
	if out.rule != nil {
		d.Rule = out.rule.Rule
	}
	if out.code == model.ReasonAllowed && a.need.rule != nil {
		stepUp := a.need.stepUp
		d.Code, d.Rule, d.StepUp = model.ReasonStepUp, a.need.rule.Rule, &stepUp
	}
	d.Allow = d.Code == model.ReasonAllowed
}
