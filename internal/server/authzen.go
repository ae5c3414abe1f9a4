package server

import (
	"fmt"
	"net/http"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// evaluation answers one question (AuthZEN 1.0 section 6). A denial is an answer.
func (s *Server) evaluation(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := s.decodeAuthZEN(w, r)
	if err != nil {
		return err
	}
	return s.evaluate(w, r, caller, body)
}

func (s *Server) evaluate(w http.ResponseWriter, r *http.Request, caller model.Caller, body map[string]any) error {
	q, err := questionOf(body).read()
	if err != nil {
		return err
	}
	d, err := s.Decider.Evaluate(r.Context(), caller, q.Request)
	if err != nil {
		return err
	}
	s.Metrics.decision(d)
	if d.Code == model.CodeInternal {
		return faultOf(d)
	}
	return reply(w, http.StatusOK, answerOf(localized(w, r), q.Question, d))
}

// evaluations answers many questions in order (AuthZEN 1.0 section 7); without
// any items it is a single evaluation.
func (s *Server) evaluations(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := s.decodeAuthZEN(w, r)
	if err != nil {
		return err
	}
	items, err := get(body, "", "evaluations").optionalArray()
	switch {
	case err != nil:
		return err
	case len(items) == 0:
		return s.evaluate(w, r, caller, body)
	case len(items) > s.Limits.Batch:
		return overSetting(model.CodeLimitExceeded, i18n.TooManyItems, "evaluations", model.SettingBatch, int64(s.Limits.Batch))
	}
	sem, err := semanticOf(body)
	if err != nil {
		return err
	}
	b := readBatch(questionOf(body), items)
	ds, err := s.Decider.EvaluateBatch(r.Context(), caller, b.requests(), sem)
	if err != nil {
		return err
	}
	if ds, err = truncate(ds, len(items), sem); err != nil {
		return err
	}
	for _, d := range ds {
		s.Metrics.decision(d)
	}
	return reply(w, http.StatusOK, s.batchAnswer(w, r, b, ds))
}

func (s *Server) batchAnswer(w http.ResponseWriter, r *http.Request, b batch, ds []model.Decision) api.EvaluationsAnswer {
	lang := localized(w, r)
	answer := api.EvaluationsAnswer{Evaluations: make([]api.Decision, len(ds))}
	for i, d := range ds {
		answer.Evaluations[i] = itemAnswer(lang, b[i], d)
		if d.Code == model.CodeInternal {
			eventOf(r.Context()).cause = faultOf(d)
		}
	}
	return answer
}

// batch is the items of a request, each as understood or with why it is not.
type batch []item

type item struct {
	asked
	err error // why the item is no question; nil for most
}

// readBatch reads the items, each merged with the defaults first: a default
// that no item uses may be incomplete.
func readBatch(defaults question, items []any) batch {
	b := make(batch, len(items))
	for i, v := range items {
		path := element("evaluations", i)
		o, err := member{v, path}.object()
		if err == nil {
			b[i].asked, err = defaults.merge(o, path).read()
		}
		if err != nil {
			b[i].Invalid, b[i].err = err.Error(), err
		}
	}
	return b
}

func (b batch) requests() []policy.Request {
	rs := make([]policy.Request, len(b))
	for i := range b {
		rs[i] = b[i].Request
	}
	return rs
}

func semanticOf(body map[string]any) (policy.Semantic, error) {
	options, err := get(body, "", "options").optionalObject()
	if err != nil {
		return "", err
	}
	const name = "evaluations_semantic"
	m := get(options, "options", name)
	if m.value == nil {
		return policy.ExecuteAll, nil
	}
	word, _ := m.value.(string)
	switch sem := policy.Semantic(word); sem {
	case policy.ExecuteAll, policy.DenyOnFirstDeny, policy.PermitOnFirstPermit:
		return sem, nil
	}
	return "", invalid(i18n.Semantic, m.path)
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
