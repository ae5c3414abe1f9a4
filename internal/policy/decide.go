package policy

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// Inputs is what a decision needs besides the question and the snapshot: live
// facts that are looked up per request.
type Inputs struct {
	Assurance              model.Assurance // what the person's token proves; zero: nothing
	Stored                 *model.Resource // the registered record, or nil
	TrustSubjectProperties bool            // subject.properties overlay what conditions see of the subject
	Client                 string          // who asks: request.client of conditions
	Now                    time.Time
	Held                   time.Time // when the subject holds the roles that count; zero is Now
}

// Decide answers a question. Whatever the outcome, the decision says why. A
// fault of ours is a denial with CodeInternal and its Cause.
func (s *Snapshot) Decide(q *model.Question, in *Inputs) model.Decision {
	return s.decide(q, in, index{})
}

// decide answers by an engine.
func (s *Snapshot) decide(q *model.Question, in *Inputs, e engine) model.Decision {
	a := askings.Get().(*asking)
	defer a.release()
	a.Snapshot, a.q, a.in, a.engine, a.now = s, q, in, e, in.Now
	a.need.rule = noRule
	d := model.Decision{
		AnyRecord:  q.Resource.ID == model.AnyRecord,
		Revision:   s.tenant.Revision,
		PolicyHash: s.rules.hash,
		Assurance:  in.Assurance,
	}
	if d.Code = a.admit(); d.Code == model.ReasonAllowed {
		out, err := a.answer()
		if err == nil && out.code == model.ReasonAllowed && a.need.rule == noRule {
			d.Fields, err = a.fieldsOf(q.Action.Name)
		}
		if err != nil {
			d.Code, d.Fields = model.CodeInternal, nil
			d.Cause = fmt.Errorf("decide %s on %s: %w", a.at.action, a.object.name, err)
		} else {
			a.conclude(&d, out)
		}
	}
	if a.keys != nil {
		d.Roles = a.keys.roles
	}
	return d
}

// asking is one question in the course of being answered. It is used again for
// others, and never outlives the call.
type asking struct {
	*Snapshot
	q      *model.Question
	in     *Inputs
	engine engine
	now    time.Time

	who    *member
	keys   *holder
	object *object
	record record
	ask    fieldAsk
	need   demand // what assurance lacks, over this action and those it requires
	sight  sight

	at        target // the action being asked about: the question's or one it requires
	anyRecord bool   // a question without a record
	denied    reach  // of anyRecord: what denials take away everywhere

	mostIDs int // of a list in a filter

	facts condition.Facts // once gathered
	user  userFacts
}

var askings = sync.Pool{New: func() any { return new(asking) }}

// release forgets everything and gives the asking back.
func (a *asking) release() {
	room := a.sight.room
	*a = asking{}
	a.sight.room = room
	askings.Put(a)
}

// outcome is the answer about one action, leaving assurance aside.
type outcome struct {
	code     model.Code // ReasonAllowed, or the first gate that is closed
	rule     ruleID
	closed   []string // of ReasonFieldsClosed
	required string   // of ReasonRequiredAction
}

// admit passes the gates that need no rows.
func (a *asking) admit() model.Code {
	if a.tenant.Disabled {
		return model.ReasonTenantDisabled
	}
	if !complete(a.q) || checkWords(a.q) != nil {
		return model.ReasonItemInvalid
	}
	var bad *Malformed
	if a.ask, bad = readFieldAsk(a.q.Action.Properties); bad != nil {
		return model.ReasonItemInvalid
	}
	if a.who = a.people.find(a.q.Subject.Type, a.q.Subject.ID); a.who == nil {
		return model.ReasonSubjectUnknown
	}
	held := a.now
	if !a.in.Held.IsZero() {
		held = a.in.Held
	}
	a.keys = a.people.holderAt(a.who, a.rules, held.UnixNano())
	if a.who.disabled {
		return model.ReasonSubjectDisabled
	}
	a.at = a.rules.target(a.q.Resource.Type, a.q.Action.Name)
	if a.object = a.at.object; a.object == nil {
		return model.ReasonObjectUnknown
	}
	a.anyRecord = a.q.Resource.ID == model.AnyRecord
	a.record = a.people.newRecord(a.q.Resource, a.in.Stored)
	return model.ReasonAllowed
}

// complete tells whether the question has all its parts.
func complete(q *model.Question) bool {
	for _, s := range [...]string{q.Subject.Type, q.Subject.ID, q.Action.Name, q.Resource.Type, q.Resource.ID} {
		if s == "" || len(s) > maxID {
			return false
		}
	}
	return true
}

// answer asks about the action, and then about all it requires: the same record,
// context and properties.
func (a *asking) answer() (outcome, error) {
	out, err := a.askAction()
	if err != nil || out.code != model.ReasonAllowed {
		return out, err
	}
	for _, required := range a.at.requires() {
		a.at = a.rules.target(a.object.name, required)
		sub, err := a.askAction()
		if err != nil {
			return sub, err
		}
		if sub.code != model.ReasonAllowed {
			return outcome{code: model.ReasonRequiredAction, rule: sub.rule, required: required}, nil
		}
	}
	return out, nil
}

// askAction asks about one action: whether it means something, and then the
// engine.
func (a *asking) askAction() (outcome, error) {
	switch {
	case !a.at.known:
		return outcome{code: model.ReasonActionUnknown, rule: noRule}, nil
	case !a.object.enabled():
		return outcome{code: model.ReasonObjectDisabled, rule: noRule}, nil
	}
	return a.askEngine()
}

// askEngine runs the passes for one action. What assurance lacks is noted and
// not held against the action yet: see conclude.
func (a *asking) askEngine() (outcome, error) {
	if a.anyRecord {
		a.denied = a.takenAway()
	}
	grants, err := a.engine.grants(a)
	switch {
	case err != nil:
		return outcome{}, err
	case !grants.allow && grants.rule != noRule:
		return outcome{code: model.ReasonDenied, rule: grants.rule}, nil
	case !grants.allow:
		return outcome{code: model.ReasonNotGranted, rule: noRule}, nil
	}
	restrictions, err := a.askRestrictions()
	switch {
	case err != nil:
		return outcome{}, err
	case !restrictions.allow:
		return outcome{code: model.ReasonRestricted, rule: restrictions.rule}, nil
	}
	closed, err := a.refused(a.at.action)
	switch {
	case err != nil:
		return outcome{}, err
	case len(closed.fields) > 0:
		return outcome{code: model.ReasonFieldsClosed, rule: closed.rule, closed: closed.fields}, nil
	}
	return outcome{code: model.ReasonAllowed, rule: grants.rule}, a.askAssurance()
}

// askRestrictions asks about the record as it is and, where an update says what
// it changes, as it would be: nobody moves a record out of what binds it.
func (a *asking) askRestrictions() (verdict, error) {
	v, err := a.engine.restrictions(a)
	if err != nil || !v.allow || a.at.action != "update" || len(a.ask.changes) == 0 {
		return v, err
	}
	a.asChanged(true)
	v, err = a.engine.restrictions(a)
	a.asChanged(false)
	return v, err
}

// asChanged makes the record asked about what an update would make of it, or what
// it is. Without a record it is what every record would have.
func (a *asking) asChanged(changed bool) {
	a.record.changes, a.facts.Fixed = nil, nil
	if !changed {
		return
	}
	a.record.changes = a.ask.changes
	if a.anyRecord {
		a.conditionFacts().Fixed = a.settled(a.ask.changes)
	}
}

// askAssurance notes what would help when the assurance pass fails. Casbin stops
// at the first failing row; a person who comes back must satisfy them all.
func (a *asking) askAssurance() error {
	v, err := a.engine.assurance(a)
	if err != nil || v.allow {
		return err
	}
	if v.rule == noRule {
		return errors.New("assurance failed without a rule")
	}
	if a.need.rule == noRule {
		a.need.rule = v.rule
	}
	for _, r := range a.at.from {
		r.proofs().each(a.keys, func(e *rowRef) {
			if p := a.rules.proofs[e.what]; !a.assured(p) {
				a.need.add(p)
			}
		})
	}
	return nil
}

// conclude writes the outcome into the decision. Only now assurance counts:
// whoever is told to step up is let through once they have.
func (a *asking) conclude(d *model.Decision, out outcome) {
	d.Code, d.Closed, d.Required = out.code, out.closed, out.required
	rule := out.rule
	if out.code == model.ReasonAllowed && a.need.rule != noRule {
		stepUp := a.need.stepUp
		d.Code, d.StepUp, rule = model.ReasonStepUp, &stepUp, a.need.rule
	}
	d.Rule = a.rules.rule(rule)
	d.Allow = d.Code == model.ReasonAllowed
}

// userFacts is what conditions see of the subject: what is stored, and over it
// what the caller says, if it is trusted to.
type userFacts struct {
	who     *member
	overlay map[string]any
}

func (u *userFacts) Attribute(name string) (value any, sent bool) {
	if v, said := u.overlay[name]; said {
		return v, true
	}
	return u.who.Attribute(name)
}

// conditionFacts gathers what conditions look at, once a question.
func (a *asking) conditionFacts() *condition.Facts {
	f := &a.facts
	if f.Record != nil {
		return f
	}
	a.user.who = a.who
	if a.in.TrustSubjectProperties {
		a.user.overlay = a.q.Subject.Properties
	}
	ip, _ := a.q.Context["ip"].(string)
	id := a.who.user()
	if id == "" {
		id = a.who.key // records name users; a client called like one is not it
	}
	*f = condition.Facts{
		Record: &a.record, User: &a.user,
		UserID: id, Roles: a.keys.roles, Teams: a.who.teams, Unit: a.who.unit,
		Action: a.q.Action.Properties, Context: a.q.Context, IP: ip,
		Time: a.now, ACR: a.in.Assurance.Level, AMR: a.in.Assurance.Methods, Client: a.in.Client,
		Below: a.below, Units: a.unitsUnder,
	}
	if a.in.Assurance.Level > 0 {
		f.AuthAge, f.HasAuth = a.now.Sub(a.in.Assurance.AuthTime), true
	}
	return f
}

// below tells whether a unit is root or below it.
func (a *asking) below(unit, root string) bool { return a.people.units.within(unit, root, 0) }

func (a *asking) unitsUnder(root string) (ids []string, cut bool) {
	return a.people.units.under(root, 0, a.mostIDs)
}

// settled are the changes that every record would have: the directory's own word
// on a user or team stands above them.
func (a *asking) settled(changes map[string]any) map[string]any {
	own := a.object.ownAttributes()
	if len(own) == 0 {
		return changes
	}
	changes = maps.Clone(changes)
	for _, name := range own {
		delete(changes, name)
	}
	return changes
}
