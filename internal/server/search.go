package server

import (
	"net/http"

	"rolegate/api"
	"rolegate/internal/policy"
	"rolegate/model"
)

// searchSubject finds who may do this to the resource (AuthZEN 1.0 section 8.4).
func (s *Server) searchSubject(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	return s.searchEntities(w, r, caller, policy.SearchSubject)
}

// searchResource finds what the subject may do this to (AuthZEN 1.0 section 8.5).
func (s *Server) searchResource(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	return s.searchEntities(w, r, caller, policy.SearchResource)
}

func (s *Server) searchEntities(w http.ResponseWriter, r *http.Request, caller model.Caller, kind policy.SearchKind) error {
	p, err := s.search(w, r, caller, kind)
	if err != nil {
		return err
	}
	typ := p.question.Subject.Type
	if kind == policy.SearchResource {
		typ = p.question.Resource.Type
	}
	results := make([]api.FoundEntity, len(p.found.Results))
	for i, id := range p.found.Results {
		results[i] = api.FoundEntity{Type: typ, ID: id}
	}
	return reply(w, http.StatusOK, api.EntitySearchAnswer{Page: p.Page, Results: results, Context: p.context()})
}

// searchAction finds what the subject may do to the resource (AuthZEN 1.0 section 8.6).
func (s *Server) searchAction(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	p, err := s.search(w, r, caller, policy.SearchAction)
	if err != nil {
		return err
	}
	results := make([]api.FoundAction, len(p.found.Results))
	for i, name := range p.found.Results {
		results[i] = api.FoundAction{Name: name}
	}
	return reply(w, http.StatusOK, api.ActionSearchAnswer{Page: p.Page, Results: results, Context: p.context()})
}

// foundPage is one page of a search, before its results are spelled by kind.
type foundPage struct {
	api.Page
	question model.Question
	found    policy.Found
}

func (p foundPage) context() api.SearchContext { return api.SearchContext{Revision: p.found.Revision} }

// search reads a request, finds its page and seals where the next one begins.
func (s *Server) search(w http.ResponseWriter, r *http.Request, caller model.Caller, kind policy.SearchKind) (p foundPage, err error) {
	body, err := s.decodeAuthZEN(r)
	if err != nil {
		return p, err
	}
	a, err := questionOf(body).readFor(kind)
	if err != nil {
		return p, err
	}
	page, err := get(body, "", "page").optionalObject()
	if err != nil {
		return p, err
	}
	sealer, err := s.pagesOf(caller, a.Question, page)
	if err != nil {
		return p, err
	}
	at, err := sealer.read(page, s.Limits.Results)
	if err != nil {
		return p, err
	}
	p.question = a.Question
	p.found, err = s.Decider.Search(r.Context(), caller, policy.SearchRequest{Request: a.Request, Kind: kind, After: at.after, Limit: at.limit})
	if err != nil {
		return p, err
	}
	p.Count = len(p.found.Results)
	if p.found.More {
		p.NextToken = sealer.seal(place{after: p.found.After, limit: at.limit})
	}
	return p, nil
}

// readFor checks the question of a search. What is searched for has no id, and
// one that is sent is not even looked at; an action search has no action.
func (q question) readFor(kind policy.SearchKind) (asked, error) {
	var a asked
	var err error
	if a.Question.Subject, err = readSought(q.subject, kind == policy.SearchSubject); err != nil {
		return a, err
	}
	if kind != policy.SearchAction {
		if a.Question.Action, err = readAction(q.action); err != nil {
			return a, err
		}
	}
	if a.Question.Resource, err = readSought(q.resource, kind == policy.SearchResource); err != nil {
		return a, err
	}
	if err = a.readContext(q.context); err != nil {
		return a, err
	}
	return a, q.check(&a.Question)
}

// readSought reads an entity, without its id where it is what is searched for.
func readSought(m member, sought bool) (e model.Entity, err error) {
	if !sought {
		return readEntity(m)
	}
	o, err := m.object()
	if err != nil {
		return e, err
	}
	if e.Type, err = get(o, m.path, "type").name(); err != nil {
		return e, err
	}
	e.Properties, err = get(o, m.path, "properties").optionalObject()
	return e, err
}
