package server

import (
	"net/http"
	"strings"

	"rolegate/api"
	"rolegate/internal/directory"
	"rolegate/internal/i18n"
	"rolegate/internal/store"
	"rolegate/model"
)

// listed is one entry of a list, as an import file has it, and its ETag.
type listed[T any] struct {
	Entry T      `json:"entry"`
	ETag  string `json:"etag"`
}

// listAnswer is a page of a list.
type listAnswer[T any] struct {
	Page    api.Page          `json:"page"`
	Results []listed[T]       `json:"results"`
	Context api.SearchContext `json:"context"`
}

// list answers a page of entries in the order of their keys. It pages as the
// searches do, by a token that is good for the same list of the same client.
func (c collection[T]) list(s *Server) func(http.ResponseWriter, *http.Request, model.Caller) error {
	return func(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
		values, err := query(r, append([]string{"limit", "token"}, c.key[:c.filters]...)...)
		if err != nil {
			return err
		}
		q := directory.Query{}
		for i, name := range c.key[:c.filters] {
			q.Of[i] = values[name]
		}
		sealer, err := s.sealerOf(caller, []byte("list "+c.path+"\x00"+q.Of[0]+"\x00"+q.Of[1]))
		if err != nil {
			return err
		}
		at, err := sealer.readQuery(values, s.Limits.Results)
		if err != nil {
			return err
		}
		q.After, q.Limit = splitKey(at.after), at.limit
		found, err := c.entries.List(r.Context(), caller, caller.Tenant, q)
		if err != nil {
			return err
		}
		a := listAnswer[T]{Results: make([]listed[T], len(found.Entries)), Context: api.SearchContext{Revision: found.Revision}}
		for i, e := range found.Entries {
			a.Results[i] = listed[T]{e.Entry, quoteTag(e.ETag)}
		}
		a.Page.Count = len(found.Entries)
		if found.More {
			a.Page.NextToken = sealer.seal(place{after: joinKey(found.After), limit: at.limit})
		}
		return reply(w, http.StatusOK, a)
	}
}

// readQuery takes the place from a query, as read does from a page object.
func (p pages) readQuery(values map[string]string, most int) (place, error) {
	limit, limited, err := number(values, "limit")
	if err != nil {
		return place{}, err
	}
	at := place{limit: most}
	if limited {
		at.limit = min(limit, most)
	}
	token, there := values["token"]
	if !there {
		return at, nil
	}
	from, ok := p.open(token)
	switch {
	case !ok:
		return at, invalid(i18n.QueryToken, "token")
	case limited && at.limit != min(from.limit, most):
		return at, invalid(i18n.QueryLimit, "limit")
	}
	from.limit = min(from.limit, most)
	return from, nil
}

// No part of a key holds NUL.
func joinKey(k store.Key) string { return k[0] + "\x00" + k[1] }

func splitKey(s string) (k store.Key) {
	k[0], k[1], _ = strings.Cut(s, "\x00")
	return k
}
