package server

import (
	"encoding/binary"
	"fmt"

	"github.com/go-json-experiment/json"

	"rolegate/internal/i18n"
	"rolegate/internal/token"
	"rolegate/model"
)

// place is where a page of a search begins, and how many results it may have.
type place struct {
	after string
	limit int
}

// pages seals the places of one search into tokens. The key is the request's own:
// a token that is another request's, client's or tenant's does not open.
type pages struct{ token.Places }

// pagesOf derives the key from everything that must stay as it was from page to
// page; the kind of search shows in what the question lacks. What the person
// proves and the revision that is demanded may be newer.
func (s *Server) pagesOf(caller model.Caller, q model.Question, page map[string]any) (pages, error) {
	request, err := json.Marshal(struct {
		Question model.Question
		Page     any
	}{q, page["properties"]}, json.Deterministic(true))
	if err != nil {
		return pages{}, fmt.Errorf("spell the request of a page: %w", err)
	}
	return s.sealerOf(caller, request)
}

// sealerOf derives the key from whatever spells a request without doubt.
func (s *Server) sealerOf(caller model.Caller, request []byte) (pages, error) {
	p, err := token.NewPlaces(s.PageKey, []byte(caller.Tenant), []byte(caller.ID), request)
	return pages{p}, err
}

// read takes the place from a request's page object. Without a limit it is the
// token's, or all there may be; a limit above that is cut to it.
func (p pages) read(page map[string]any, most int) (place, error) {
	at := place{limit: most}
	limit := get(page, "page", "limit")
	if limit.value != nil {
		n, err := limit.count()
		if err != nil {
			return at, err
		}
		at.limit = int(min(n, float64(most)))
	}
	if _, err := get(page, "page", "properties").optionalObject(); err != nil {
		return at, err
	}
	sent := get(page, "page", "token")
	if sent.value == nil {
		return at, nil
	}
	text, ok := sent.value.(string)
	if !ok {
		return at, invalid(i18n.WantString, sent.path)
	}
	from, ok := p.open(text)
	switch {
	case !ok:
		return at, invalid(i18n.PageToken, sent.path)
	case limit.value != nil && at.limit != min(from.limit, most):
		return at, invalid(i18n.PageLimit, limit.path)
	}
	from.limit = min(from.limit, most) // the setting may be lower by now
	return from, nil
}

func (p pages) seal(at place) string {
	return p.Seal(append(binary.AppendUvarint(nil, uint64(at.limit)), at.after...))
}

func (p pages) open(sealed string) (place, bool) {
	plain, ok := p.Open(sealed)
	if !ok {
		return place{}, false
	}
	limit, n := binary.Uvarint(plain)
	return place{after: string(plain[max(n, 0):]), limit: int(limit)}, n > 0
}
