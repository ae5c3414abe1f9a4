package server

import (
	"fmt"
	"net/http"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// evaluation answers one question (AuthZEN 1.0 section 6). A denial is an answer.
func (s *Server) evaluation(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := s.readDecisionBody(r)
	if err != nil {
		return err
	}
	defer body.free()
	if q, ok := scanEvaluation(body.text(), s.Limits.Nesting); ok {
		return s.evaluate(w, r, caller, q)
	}
	tree, err := parse(body.bytes, s.Limits.Nesting)
	if err != nil {
		return err
	}
	return s.evaluateTree(w, r, caller, tree)
}

func (s *Server) evaluateTree(w http.ResponseWriter, r *http.Request, caller model.Caller, tree map[string]any) error {
	q, err := questionOf(tree).read()
	if err != nil {
		return err
	}
	return s.evaluate(w, r, caller, q.Request)
}

func (s *Server) evaluate(w http.ResponseWriter, r *http.Request, caller model.Caller, q policy.Request) error {
	d, err := s.Decider.Evaluate(r.Context(), caller, q)
	if err != nil {
		return err
	}
	s.Metrics.decision(&d)
	if d.Code == model.CodeInternal {
		return faultOf(d)
	}
	a := newAnswerWriter(localized(w, r))
	a.decision(&q.Question, &d, "")
	return a.send(w, r)
}

// evaluations answers many questions in order (AuthZEN 1.0 section 7); without
// any items it is a single evaluation.
func (s *Server) evaluations(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := s.readDecisionBody(r)
	if err != nil {
		return err
	}
	defer body.free()
	if rs, sem, ok := scanEvaluations(body.text(), s.Limits); ok {
		return s.evaluateBatch(w, r, caller, batch{requests: rs}, sem)
	}
	tree, err := parse(body.bytes, s.Limits.Nesting)
	if err != nil {
		return err
	}
	items, err := get(tree, "", "evaluations").optionalArray()
	switch {
	case err != nil:
		return err
	case len(items) == 0:
		return s.evaluateTree(w, r, caller, tree)
	case len(items) > s.Limits.Batch:
		return overSetting(model.CodeLimitExceeded, i18n.TooManyItems, "evaluations", model.SettingBatch, int64(s.Limits.Batch))
	}
	sem, err := semanticOf(tree)
	if err != nil {
		return err
	}
	return s.evaluateBatch(w, r, caller, readBatch(questionOf(tree), items), sem)
}

func (s *Server) evaluateBatch(w http.ResponseWriter, r *http.Request, caller model.Caller, b batch, sem policy.Semantic) error {
	ds, err := s.Decider.EvaluateBatch(r.Context(), caller, b.requests, sem)
	if err != nil {
		return err
	}
	if ds, err = truncate(ds, len(b.requests), sem); err != nil {
		return err
	}
	a := newAnswerWriter(localized(w, r))
	a.raw(`{"evaluations":[`)
	for i := range ds {
		if i > 0 {
			a.raw(",")
		}
		d := &ds[i]
		s.Metrics.decision(d)
		if d.Code == model.CodeInternal {
			eventOf(r.Context()).cause = faultOf(*d)
		}
		a.item(&b.requests[i].Question, b.failure(i), d)
	}
	a.raw("]}")
	return a.send(w, r)
}

// batch is the items of a request, each as understood or with why it is not.
type batch struct {
	requests []policy.Request
	failures []error // why an item is no question, by its place; nil for most batches
}

func (b batch) failure(i int) error {
	if b.failures == nil {
		return nil
	}
	return b.failures[i]
}

// readBatch reads the items, each merged with the defaults first: a default
// that no item uses may be incomplete.
func readBatch(defaults question, items []any) batch {
	b := batch{make([]policy.Request, len(items)), make([]error, len(items))}
	for i, v := range items {
		path := element("evaluations", i)
		o, err := member{v, path}.object()
		var a asked
		if err == nil {
			a, err = defaults.merge(o, path).read()
		}
		if err != nil {
			a.Invalid, b.failures[i] = err.Error(), err
		}
		b.requests[i] = a.Request
	}
	return b
}

const semanticOption = "evaluations_semantic"

func semanticOf(body map[string]any) (policy.Semantic, error) {
	options, err := get(body, "", "options").optionalObject()
	if err != nil {
		return "", err
	}
	m := get(options, "options", semanticOption)
	if m.value == nil {
		return policy.ExecuteAll, nil
	}
	word, _ := m.value.(string)
	if sem := policy.Semantic(word); isSemantic(sem) {
		return sem, nil
	}
	return "", invalid(i18n.Semantic, m.path)
}

func isSemantic(sem policy.Semantic) bool {
	switch sem {
	case policy.ExecuteAll, policy.DenyOnFirstDeny, policy.PermitOnFirstPermit:
		return true
	}
	return false
}

// truncate holds the decider to the semantic: everything is answered, or
// everything up to the first denial or permit.
func truncate(ds []model.Decision, asked int, sem policy.Semantic) ([]model.Decision, error) {
	for i, d := range ds[:min(len(ds), asked)] {
		if sem == policy.DenyOnFirstDeny && !d.Allow || sem == policy.PermitOnFirstPermit && d.Allow {
			return ds[:i+1], nil
		}
	}
	if len(ds) != asked {
		return nil, fmt.Errorf("%d decisions for %d questions", len(ds), asked)
	}
	return ds, nil
}

// faultOf is the error behind a decision that is a fault of ours.
func faultOf(d model.Decision) error {
	return (&model.Error{Code: model.CodeInternal}).Because(d.Cause)
}
