package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"rolegate/api"
)

// Check asks one question. The error is nil only if it is allowed; a denial comes
// with its Decision, in the error as well.
func (c *Client) Check(ctx context.Context, q Question) (Decision, error) {
	if err := q.aboutOne(); err != nil {
		return Decision{}, err
	}
	body, err := encode(api.EvaluationRequest{Subject: q.subject(), Action: q.action(), Resource: q.resource(), Context: q.context()})
	if err != nil {
		return Decision{}, err
	}
	a, err := c.call(ctx, http.MethodPost, "/access/v1/evaluation", q.header(), body)
	if err != nil {
		return Decision{}, err
	}
	d, err := readDecision(a.members)
	if err != nil {
		return Decision{}, unavailable(err)
	}
	d.Receipt = a.receipt
	d.askedBy(q)
	return d, d.Err()
}

// CheckAll asks whether all of several things are allowed, in one call: merging
// is to update the one and to delete the other. It stops at the first denial,
// which is the last decision and the error. At most 1,000 questions.
func (c *Client) CheckAll(ctx context.Context, qs ...Question) ([]Decision, error) {
	ds, err := c.batch(ctx, api.DenyOnFirstDeny, qs)
	if err != nil {
		return nil, err
	}
	return ds, ds[len(ds)-1].Err()
}

// CheckAny asks whether one of several things is allowed, in one call. It stops
// at the first that is, which is the last decision. At most 1,000 questions.
func (c *Client) CheckAny(ctx context.Context, qs ...Question) ([]Decision, error) {
	ds, err := c.batch(ctx, api.PermitOnFirstPermit, qs)
	if err != nil {
		return nil, err
	}
	return ds, ds[len(ds)-1].Err()
}

// CheckEach asks several questions in one call and answers each in its place. The
// error is nil wherever there are answers: each decision has its own, Err. At
// most 1,000 questions.
func (c *Client) CheckEach(ctx context.Context, qs ...Question) ([]Decision, error) {
	return c.batch(ctx, api.ExecuteAll, qs)
}

func (c *Client) batch(ctx context.Context, semantic api.EvaluationsOptionsEvaluationsSemantic, qs []Question) ([]Decision, error) {
	if len(qs) == 0 { // of which AuthZEN would make a single question
		return nil, &RefusedError{Code: "invalid_request", Detail: "nothing was asked"}
	}
	req := api.EvaluationsRequest{Options: api.EvaluationsOptions{EvaluationsSemantic: semantic}}
	for _, q := range qs {
		if err := q.aboutOne(); err != nil {
			return nil, err
		}
		req.Evaluations = append(req.Evaluations, api.EvaluationItem{Subject: q.subject(), Action: q.action(), Resource: q.resource(), Context: q.context()})
	}
	body, err := encode(req)
	if err != nil {
		return nil, err
	}
	a, err := c.call(ctx, http.MethodPost, "/access/v1/evaluations", qs[0].header(), body)
	if err != nil {
		return nil, err
	}
	ds, err := readDecisions(a.members, semantic, len(qs))
	if err != nil {
		return nil, unavailable(err)
	}
	for i := range ds {
		ds[i].Receipt = a.receipt
		ds[i].askedBy(qs[i])
	}
	return ds, nil
}

// readDecisions reads the answers to n questions: as many as the semantic says,
// and cut off only behind what ends them.
func readDecisions(members map[string]json.RawMessage, semantic api.EvaluationsOptionsEvaluationsSemantic, n int) ([]Decision, error) {
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(members["evaluations"], &items); err != nil {
		return nil, fmt.Errorf("the answer's evaluations: %w", err)
	}
	if len(items) == 0 || len(items) > n {
		return nil, fmt.Errorf("%d answers to %d questions", len(items), n)
	}
	ds := make([]Decision, len(items))
	for i, item := range items {
		d, err := readDecision(item)
		if err != nil {
			return nil, err
		}
		last := i == len(items)-1
		ends := semantic == api.DenyOnFirstDeny && !d.Allow || semantic == api.PermitOnFirstPermit && d.Allow
		if ends && !last || last && !ends && len(items) < n {
			return nil, fmt.Errorf("%d answers to %d questions do not end where %s says", len(items), n, semantic)
		}
		ds[i] = d
	}
	return ds, nil
}

// readDecision reads a decision: only the member "decision", in these letters,
// with the value true lets through.
func readDecision(members map[string]json.RawMessage) (Decision, error) {
	var d Decision
	switch raw := members["decision"]; {
	case bytes.Equal(raw, []byte("true")):
		d.Allow = true
	case !bytes.Equal(raw, []byte("false")):
		return Decision{}, errors.New("an answer without a decision")
	}
	for name := range members {
		if name != "decision" && strings.EqualFold(name, "decision") {
			return Decision{}, fmt.Errorf("an answer with a decision and a %q", name)
		}
	}
	if raw, ok := members["context"]; ok {
		if err := json.Unmarshal(raw, &d.Context); err != nil {
			return Decision{}, fmt.Errorf("the answer's context: %w", err)
		}
	}
	return d, nil
}
