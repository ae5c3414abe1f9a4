package app

import (
	"context"

	"rolegate/internal/i18n"
	"rolegate/internal/server"
	"rolegate/model"
)

// ExplainRequest is a question to be explained: the body of POST /v1/explain
// without its page.
type ExplainRequest struct {
	Tenant   string
	Question []byte
	After    string // those who could are listed behind this id
	Limit    int    // and no more than these
}

func (r ExplainRequest) tenant() string { return r.Tenant }

// ExplainPolicy gives a decision with all its reasons, in English (see decision
// 0011). The next token of who could is the id the next page begins behind.
var ExplainPolicy = Operation[ExplainRequest, model.Explanation]{"policy-explain", func(ctx context.Context, a *App, caller model.Caller, r ExplainRequest) (model.Explanation, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return model.Explanation{}, err
	}
	if r.Limit < 0 {
		return model.Explanation{}, model.Errorf(model.CodeInvalidRequest, "the limit of those who could is %d; it cannot be negative", r.Limit)
	}
	q, err := server.ReadExplain(r.Question, a.Config.Limits())
	if err != nil {
		return model.Explanation{}, err
	}
	q.After, q.Limit = r.After, min(r.Limit, a.Config.Limits().Results)
	caller.Tenant = r.Tenant
	out, err := a.Policy.Explain(ctx, caller, q)
	if err != nil {
		return model.Explanation{}, err
	}
	e := out.Explanation
	if q.WhoCould {
		e.WhoCould = &model.ExplainedHolders{Type: q.Question.Subject.Type, Results: out.WhoCould.Results}
		if out.WhoCould.More {
			e.WhoCould.Next = out.WhoCould.After
		}
	}
	i18n.Explain(i18n.English, &e)
	return e, nil
}}
