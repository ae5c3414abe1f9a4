package policy

import (
	"context"
	"testing"

	"rolegate/model"
)

// answerTo is Decide for values.
func (s *Snapshot) answerTo(q model.Question, in Inputs) model.Decision { return s.Decide(&q, &in) }

// row is a row of the snapshot's document as answers name it, counted from 0.
func (s *Snapshot) row(i int) model.Rule { return s.rules.rule(ruleID(i)) }

// asking makes a question ready for the passes, past the gates before them.
func (s *Snapshot) asking(t testing.TB, q model.Question, in Inputs) *asking {
	t.Helper()
	a := &asking{Snapshot: s, q: &q, in: &in, engine: index{}, now: in.Now}
	a.need.rule = noRule
	if code := a.admit(); code != model.ReasonAllowed {
		t.Fatalf("%v is answered %s before any pass", q, code)
	}
	return a
}

// sameCaller finds every caller as it was.
type sameCaller struct{}

func (sameCaller) Recheck(_ context.Context, c model.Caller) (model.Caller, error) { return c, nil }
