package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"rolegate/api/client"
)

type server struct {
	gate  *client.Client
	store *store
	log   *slog.Logger
}

// routes is the whole surface. A route about one record is protected beside its
// path; what depends on the body, or is about many records, the handler asks.
func (s *server) routes() http.Handler {
	r := chi.NewRouter()
	r.With(s.gate.Require("open", "contact", client.AnyOf)).Get("/contacts", s.handle(s.listContacts))
	r.Post("/contacts", s.handle(s.createContact))
	r.With(s.gate.Require("read", "contact", s.contact)).Get("/contacts/{id}", s.handle(s.getContact))
	r.With(s.gate.Require("read", "contact", s.contact)).Patch("/contacts/{id}", s.handle(s.updateContact))
	r.With(s.gate.Require("delete", "contact", s.contact)).Delete("/contacts/{id}", s.handle(s.deleteContact))
	r.With(s.gate.Require("read", "contact", s.contact)).Post("/contacts/{id}/merge", s.handle(s.mergeContacts))

	r.Get("/permissions", s.handle(s.permissions))

	r.Get("/deals", s.handle(s.listDeals))
	r.Get("/deals.csv", s.handle(s.exportDeals))
	r.With(s.gate.Require("read", "deal", s.deal)).Get("/deals/{id}", s.handle(s.getDeal))
	return r
}

// permissions tells the user interface which menus and buttons to show. It is no
// substitute for asking when one is used.
func (s *server) permissions(w http.ResponseWriter, r *http.Request) error {
	q, err := s.gate.Ask(r, "", "")
	if err != nil {
		return err
	}
	p, err := s.gate.Permissions(r.Context(), q.Subject, "")
	if err != nil {
		return err
	}
	buttons := map[string]bool{}
	for object, of := range p.Objects {
		for action := range of.Actions {
			buttons[object+"."+action] = p.May(action, object)
		}
	}
	return reply(w, http.StatusOK, buttons)
}

// errBadRequest and errChanged are mistakes of the caller that are no matter of access.
var (
	errBadRequest = errors.New("bad request")
	errChanged    = errors.New("the record has changed meanwhile; please try again")
)

// handle answers for a handler that fails.
func (s *server) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		var denied *client.DeniedError
		var stepUp *client.StepUpError
		switch {
		case err == nil:
		case errors.Is(err, errBadRequest):
			http.Error(w, err.Error(), http.StatusBadRequest)
		case errors.Is(err, errChanged):
			http.Error(w, err.Error(), http.StatusConflict)
		default: // 401 with a challenge, 403, 404, 503, 500
			if !errors.As(err, &denied) && !errors.As(err, &stepUp) && !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrNoToken) {
				s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			client.WriteError(w, r, err)
		}
	}
}

// decode reads a body of JSON without unknown members.
func decode(w http.ResponseWriter, r *http.Request, to any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	return nil
}

func reply(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}
