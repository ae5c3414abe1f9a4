package server

import (
	"maps"
	"net/http"
	"slices"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// explain answers a question as an evaluation does, with all its reasons.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := readJSON(nil, r, model.CodeUnsupportedMedia, s.decisionBody())
	if err != nil {
		return err
	}
	tree, err := parse(body, s.Limits.Nesting)
	if err != nil {
		return err
	}
	q, sealer, err := s.readExplain(caller, tree)
	if err != nil {
		return err
	}
	out, err := s.Decider.Explain(r.Context(), caller, q)
	if err != nil {
		return err
	}
	if q.WhoCould {
		out.Explanation.WhoCould = &model.ExplainedHolders{Type: q.Question.Subject.Type, Results: out.WhoCould.Results}
		if out.WhoCould.More {
			out.Explanation.WhoCould.Next = sealer.seal(place{after: out.WhoCould.After, limit: q.Limit})
		}
	}
	i18n.Explain(localized(w, r), &out.Explanation)
	return reply(w, http.StatusOK, out.Explanation)
}

// readExplain checks a request for an explanation: an evaluation's, and whether
// those who could are wanted, and which page of them.
func (s *Server) readExplain(caller model.Caller, tree map[string]any) (e policy.ExplainRequest, sealer pages, err error) {
	if e, err = readExplained(tree); err != nil {
		return e, sealer, err
	}
	page, err := get(tree, "", "page").optionalObject()
	if err != nil {
		return e, sealer, err
	}
	if sealer, err = s.pagesOf(caller, e.Question, page); err != nil {
		return e, sealer, err
	}
	at, err := sealer.read(page, s.Limits.Results)
	e.After, e.Limit = at.after, at.limit
	return e, sealer, err
}

// ReadExplain reads the body of a request for an explanation, but for its page,
// for those who ask without HTTP. Errors carry a code and say what is wrong where.
func ReadExplain(body []byte, limits model.Limits) (policy.ExplainRequest, error) {
	if int64(len(body)) > limits.Request {
		return policy.ExplainRequest{}, overSetting(model.CodeTooLarge, i18n.RequestTooLarge, "", model.SettingRequest, limits.Request)
	}
	tree, err := parse(body, limits.Nesting)
	if err != nil {
		return policy.ExplainRequest{}, err
	}
	return readExplained(tree)
}

func readExplained(tree map[string]any) (e policy.ExplainRequest, err error) {
	if err := onlyMembers(tree, "", "subject", "action", "resource", "context", "who_could", "page"); err != nil {
		return e, err
	}
	for _, part := range []struct {
		name    string
		members []string
	}{{"subject", entityMembers}, {"action", []string{"name", "properties"}}, {"resource", entityMembers}, {"page", []string{"token", "limit"}}} {
		if o, isObject := tree[part.name].(map[string]any); isObject {
			if err := onlyMembers(o, part.name, part.members...); err != nil {
				return e, err
			}
		}
	}
	a, err := questionOf(tree).read()
	if err != nil {
		return e, err
	}
	e.Request = a.Request
	e.WhoCould, err = get(tree, "", "who_could").optionalBool()
	return e, err
}

var entityMembers = []string{"type", "id", "properties"}

// onlyMembers refuses members an object must not have, the first by name.
func onlyMembers(o map[string]any, path string, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(names, name) {
			return invalid(i18n.Unknown, clipped(get(o, path, name).path))
		}
	}
	return nil
}
