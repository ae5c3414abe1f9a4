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
	if err := onlyMembers(tree, "", "subject", "action", "resource", "context", "who_could", "page"); err != nil {
		return e, sealer, err
	}
	for name, members := range map[string][]string{"subject": {"type", "id", "properties"}, "action": {"name", "properties"},
		"resource": {"type", "id", "properties"}, "page": {"token", "limit"}} {
		if o, isObject := tree[name].(map[string]any); isObject {
			if err := onlyMembers(o, name, members...); err != nil {
				return e, sealer, err
			}
		}
	}
	a, err := questionOf(tree).read()
	if err != nil {
		return e, sealer, err
	}
	e.Request = a.Request
	if e.WhoCould, err = get(tree, "", "who_could").optionalBool(); err != nil {
		return e, sealer, err
	}
	page, err := get(tree, "", "page").optionalObject()
	if err != nil {
		return e, sealer, err
	}
	if sealer, err = s.pagesOf(caller, a.Question, page); err != nil {
		return e, sealer, err
	}
	at, err := sealer.read(page, s.Limits.Results)
	e.After, e.Limit = at.after, at.limit
	return e, sealer, err
}

// onlyMembers refuses members an object must not have, the first by name.
func onlyMembers(o map[string]any, path string, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(names, name) {
			return invalid(i18n.Unknown, shorten(get(o, path, name).path))
		}
	}
	return nil
}
