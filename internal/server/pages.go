package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// Pages adds its own routes to a router. Every handler it adds is an endpoint made of
// a Page, so that pages are bounded, recorded and told of in the log as the API is.
type Pages interface {
	// Mount also gives the page that fails where no route takes a browser's request.
	// Whatever a page looks up for who has shown nothing yet, it asks mayCall before.
	Mount(r chi.Router, endpoint func(Page) http.Handler, mayCall func(context.Context) error) (missing Page)
}

// Page is what the server needs to know of a page.
type Page = interface {
	// Permission tells who may call it, as routes.go spells that.
	Permission() string
	// Language is what its reader reads.
	Language(r *http.Request) i18n.Lang
	// Slow tells whether it has the time of an import, and its form, too.
	Slow() bool
	// Serve answers; it sets the caller as soon as it knows one, and has written nothing
	// where it fails.
	Serve(w http.ResponseWriter, r *http.Request, caller *model.Caller) error
	// Fail shows a failure, told as the API tells it. Headers that go with its status are
	// set, and it is in the log.
	Fail(w http.ResponseWriter, r *http.Request, problem api.Problem, err error)
}

// page makes an endpoint of a page. What changes anything comes from our own pages:
// their cookies are a person's rights, so pages of a CRM are strangers here.
func (s *Server) page(p Page) http.Handler {
	fromOwnPage := s.fromOrigins(i18n.ForeignForm)
	show := func(w http.ResponseWriter, r *http.Request, err error) {
		p.Fail(w, r, s.problemOf(w, r, p.Language(r), err), err)
	}
	if p.Permission() == "public" {
		return paged{endpoint{permission: "public", HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
			if err := safely(func() error { return p.Serve(w, r, &model.Caller{}) }); err != nil {
				show(w, r, err)
			}
		}}}
	}
	e := s.recorded(p.Permission(), show, func(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
		if err := fromOwnPage(r); err != nil {
			return err
		}
		r = fromDevice(r)
		if p.Permission() == "open" {
			if err := s.mayCall(r.Context()); err != nil {
				return err
			}
		}
		if p.Slow() {
			moreTime(w)
		}
		return p.Serve(w, r, caller)
	})
	if p.Slow() {
		e = slowly(e)
	}
	return paged{e}
}

// ofAPI begin the paths that programs call, whatever they say they accept.
var ofAPI = []string{"/v1/", "/access/", "/oauth2/", "/.well-known/", "/healthz"}

func ofProgram(path string) bool {
	return slices.ContainsFunc(ofAPI, func(begins string) bool { return strings.HasPrefix(path, begins) })
}

// forReader tells whether somebody with a browser waits for the answer.
func forReader(r *http.Request) bool {
	return !ofProgram(r.URL.Path) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// paged is the endpoint of a page, which is for people and so no part of the contract.
type paged struct{ endpoint }

// IsPage tells so.
func (paged) IsPage() bool { return true }
