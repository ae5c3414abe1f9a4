// Package page is what all pages for people share: who may see one, what stays of a
// browser between two, and how they look. The pages themselves are in the packages
// beside it, each with its templates and its texts.
//
//	request ─▶ server.page ─▶ Frame: cookies ─▶ session ─▶ right ─▶ handler(Visit) ─▶ Render or Redirect
//	            bounded,                                               │ error
//	            recorded                    Fail: the form once more, a step-up, a login, or a sentence
//
// A page calls the same services as the API and knows no rule of its own. What changes
// anything is a POST of a form, answered by a redirect (303), so that going back or
// reloading repeats nothing.
package page

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/model"
)

// Endpoint is what the server makes an http.Handler of, see server.Page.
type Endpoint = interface {
	Permission() string
	Language(r *http.Request) i18n.Lang
	Slow() bool
	Serve(w http.ResponseWriter, r *http.Request, caller *model.Caller) error
	Fail(w http.ResponseWriter, r *http.Request, problem api.Problem, err error)
}

// Login is what every page needs of the login service.
type Login interface {
	AuthenticateUser(ctx context.Context, raw string) (login.Session, error)
	Refresh(ctx context.Context, refreshToken string) (login.Result, error)
	Sufficient(ctx context.Context, session login.Session) error
	Fresh(ctx context.Context, session login.Session) error
	FreshFactor(ctx context.Context, session login.Session) error
	Devices(ctx context.Context, session login.Session) ([]login.Device, error)
	KnownDevice(ctx context.Context) (string, error)
}

// Administration is what every page needs of the administration by people.
type Administration interface {
	Enter(ctx context.Context, session login.Session, authenticate func(context.Context) (login.Session, error),
		fresh func(context.Context, login.Session) error, object, action string) (*administration.Officer, error)
	May(ctx context.Context, session login.Session, object, action string) bool
}

// Frame is around all pages. Fill it, let each area add its pages, and they are
// mounted; all fields are required.
type Frame struct {
	Login          Login
	Administration Administration
	Limits         model.Limits
	Now            func() time.Time
	PageKey        func(parts ...[]byte) []byte    // as server.Server has it
	MayCall        func(ctx context.Context) error // refuses who has sent too many requests

	router   chi.Router
	endpoint func(Endpoint) http.Handler
	sections []Section
}

// Mount has the areas add their pages to a router. The page it gives is no page of
// theirs: it fails for whoever asks for one that is not there.
func (f *Frame) Mount(r chi.Router, endpoint func(Endpoint) http.Handler, areas ...func(*Frame)) Endpoint {
	f.router, f.endpoint = r, endpoint
	bare := f.New(embed.FS{}, nil) // has no page of its own
	bare.addAssets()
	for _, add := range areas {
		add(f)
	}
	return &kind{area: bare, permission: "public"}
}

// Area is a group of pages with their templates and texts.
type Area struct {
	*Frame
	templates map[i18n.Lang]map[string]func() *template.Template // by file name
	texts     Texts
	documents map[string]bool // patterns whose forms bring documents
	reopens   map[string]bool // patterns whose forms can be shown again without their secrets
	imports   map[string]bool // patterns whose forms take as long as an import
	twice     map[string]func(v *Visit) error
}

// kind is one page's handler with who may call it.
type kind struct {
	area       *Area
	permission string
	path       string
	admit      func(v *Visit) error
	serve      func(v *Visit) error
}

// Public adds a page that is the same for everybody; nothing is recorded of it.
func (a *Area) Public(method, path string, h func(v *Visit) error) {
	a.add(method, path, "public", func(*Visit) error { return nil }, h)
}

// Open adds a page that anybody may call: the steps of a login. Who has a session has
// it, see Visit.Session.
func (a *Area) Open(method, path string, h func(v *Visit) error) {
	a.add(method, path, "open", (*Visit).glance, h)
}

// Person adds a page for whoever has a session that is enough for what is required of
// them now.
func (a *Area) Person(method, path string, h func(v *Visit) error) {
	a.add(method, path, "person", (*Visit).sufficient, h)
}

// Fresh is Person with a factor proven in the last five minutes.
func (a *Area) Fresh(method, path string, h func(v *Visit) error) {
	a.add(method, path, "person(fresh)", func(v *Visit) error {
		if err := v.sufficient(); err != nil {
			return err
		}
		return a.Login.Fresh(v.Context(), *v.Session)
	}, h)
}

// Any is Person with any live session, also one that can only enrol again or is below
// what is required by now.
func (a *Area) Any(method, path string, h func(v *Visit) error) {
	a.add(method, path, "person(any)", (*Visit).authenticate, h)
}

// Officer adds a page for people to whom the policy gives a right over one of
// Rolegate's own objects, as the API has it (administration.Service.Enter).
func (a *Area) Officer(method, path, object, action string, h func(v *Visit, o *administration.Officer) error) {
	var admitted = func(v *Visit) error {
		if err := v.authenticate(); err != nil {
			return err
		}
		o, err := v.Enter(object, action)
		v.officer = o
		return err
	}
	a.add(method, path, "officer("+object+":"+action+")", admitted, func(v *Visit) error { return h(v, v.officer) })
}

func (a *Area) add(method, path, permission string, admit, serve func(*Visit) error) {
	a.router.Method(method, path, a.endpoint(&kind{a, permission, path, admit, serve}))
}

// Permission is as server.Page has it.
func (k *kind) Permission() string { return k.permission }

// Language is as server.Page has it: chosen by the reader, or by the browser.
func (k *kind) Language(r *http.Request) i18n.Lang { return language(r) }

// Slow is as server.Page has it, see Area.Imports.
func (k *kind) Slow() bool { return k.area.imports[k.path] }

// Serve is as server.Page has it.
func (k *kind) Serve(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
	v := k.area.visit(w, r, caller)
	if err := k.serveTo(v); err != nil {
		return &failed{v, err}
	}
	return nil
}

func (k *kind) serveTo(v *Visit) error {
	if err := k.admit(v); err != nil {
		if model.CodeOf(err) == model.CodeUnauthorized && v.again() {
			return nil
		}
		return err
	}
	if v.R.Method == http.MethodPost {
		if err := v.parse(); err != nil {
			return err
		}
	}
	return k.serve(v)
}
