package review

import (
	"strings"
	"time"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Bounds of the cases of one policy.
const (
	MaxCases     = 1 << 20 // bytes of their text
	maxQuestions = 10_000  // how many there may be
)

// Cases are the questions whose answers a policy's authors expect of it. They
// are kept beside the document, as YAML; docs/policy-changes.md says how they are
// written. The zero value has none.
type Cases struct {
	Text string // they were read from
	list []expectation
}

// expectation is one case.
type expectation struct {
	name     string
	line     int
	made     bool // the subject is made up: somebody who is registered nowhere
	subject  model.Subject
	roles    []string // of a subject made up, bare
	question model.Question
	acr      int
	age      time.Duration // since the proof
	at       time.Time     // zero: now
	want     string        // allow or deny
	code     model.Code    // "" for any
}

// made-up subjects are called so, as which records can name them as owner.
const (
	madeUpType = "user"
	madeUpID   = "me"
)

// Len is how many there are.
func (c Cases) Len() int { return len(c.list) }

// ParseCases reads cases. They are accepted whole or refused whole: the error is
// a *model.Error of CodeCasesInvalid whose Details list every mistake with its
// line, or of CodeLimitExceeded.
func ParseCases(text string) (Cases, error) {
	if len(text) > MaxCases {
		return Cases{}, model.Errorf(model.CodeLimitExceeded, "the cases have %d bytes, more than the limit of 1 MiB", len(text))
	}
	r := &reader{}
	list := r.cases(text)
	if len(r.problems) > 0 {
		return Cases{}, refused(r.problems...)
	}
	return Cases{text, list}, nil
}

// Run asks each case of a view, at a moment, in their order. Only what a case
// says is known of its record: nothing registered is looked up, but for users and
// teams as records.
func (c Cases) Run(view *policy.View, now time.Time) []model.CaseResult {
	results := make([]model.CaseResult, len(c.list))
	for i := range c.list {
		results[i] = c.list[i].run(view, now)
	}
	return results
}

func (e *expectation) run(view *policy.View, now time.Time) model.CaseResult {
	if !e.at.IsZero() {
		now = e.at
	}
	if e.made {
		view = view.With(e.subject, e.roles)
	}
	q := e.question
	in := policy.Inputs{Now: now}
	if e.acr > 0 {
		in.Assurance = model.Assurance{Level: e.acr, AuthTime: now.Add(-e.age)}
	}
	d := view.Decide(&q, &in)
	r := model.CaseResult{
		Name: e.name, Line: e.line, Want: e.want, WantCode: e.code, Got: deny, Code: d.Code,
		Rule:    model.ExplainedRule{Row: d.Rule.Text, Name: d.Rule.Name, Line: d.Rule.Line},
		Subject: q.Subject.Type + ":" + q.Subject.ID, Action: q.Action.Name, Object: q.Resource.Type, Record: q.Resource.ID,
	}
	if d.Allow {
		r.Got = allow
	}
	if len(e.roles) > 0 {
		r.Subject = model.RolePrefix + strings.Join(e.roles, ", "+model.RolePrefix)
	}
	r.Passed = r.Got == r.Want && (e.code == "" || e.code == d.Code)
	return r
}
