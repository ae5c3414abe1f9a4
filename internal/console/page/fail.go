package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/model"
)

// StepUpPath is where a form asks for a one-time code and goes on with what it
// interrupted.
const StepUpPath = "/step-up"

// LoginPath is where people log in, HomePath where they come to then.
const (
	LoginPath = "/login"
	HomePath  = "/account"
)

// again is a failure that is told on the form it is about, with what was entered.
type again struct {
	err  error
	name string
	part string // where only a part of a page was asked for
	data any
}

func (a *again) Error() string { return a.err.Error() }
func (a *again) Unwrap() error { return a.err }

// Again has a failure told at the top of a page, which is filled with what was
// entered: whatever the reader can mend. Others, and those that a login or a step-up
// mends, are told as ever.
func (v *Visit) Again(err error, name string, data any) error {
	return v.AgainPart(err, name, "page", data)
}

// AgainPart is Again where a script asked for a part, in which the failure is told.
func (v *Visit) AgainPart(err error, name, part string, data any) error {
	switch code := model.CodeOf(err); code {
	case model.CodeUnauthorized, model.CodeStepUp, model.CodeReEnrolOnly, model.CodeInternal:
		return err
	}
	if !v.HTMX() {
		part = "page"
	}
	return &again{err, name, part, data}
}

// Already answers an act that was refused, since what it wants is so already, as if it had
// been done: mostly a form that comes twice. The log has it as refused.
func (v *Visit) Already(refused error, path, key string, words ...any) error {
	return &already{refused, func() error { return v.Done(path, key, words...) }}
}

type already struct {
	error
	done func() error
}

func (a *already) Unwrap() error { return a.error }

// failed is a failure of a page with its visit, of which Fail shows what is known.
type failed struct {
	v   *Visit
	err error
}

func (f *failed) Error() string { return f.err.Error() }
func (f *failed) Unwrap() error { return f.err }

// Fail is as server.Page has it.
func (k *kind) Fail(w http.ResponseWriter, r *http.Request, problem api.Problem, err error) {
	v := k.area.visit(w, r, &model.Caller{})
	if f, ok := errors.AsType[*failed](err); ok {
		v = f.v
	}
	if k.serve == nil { // there is no page: whoever is logged in is led on all the same
		v.peek()
	}
	if err := v.fail(problem, err); err != nil {
		http.Error(w, problem.Title, problem.Status) // a page that cannot be shown
	}
}

// Exactly is an error whose own words say more to people than the page's of its code.
func Exactly(err error) error { return &exactly{err} }

type exactly struct{ error }

func (e *exactly) Unwrap() error { return e.error }

func (v *Visit) fail(problem api.Problem, err error) error {
	if a, ok := errors.AsType[*already](err); ok && model.CodeOf(a) == model.Code(problem.Code) { // and not that it could not be recorded
		return a.done()
	}
	if model.Code(problem.Code) == model.CodePrecondition { // people send no If-Match
		problem.Title = v.T("overtaken.title")
		if _, ok := errors.AsType[*exactly](err); !ok { // it is said for programs
			problem.Detail = v.T("overtaken.what")
		}
	}
	if errors.Is(err, errPlace) {
		problem.Detail, problem.Errors = v.T("place.other"), nil
	}
	look := Look{Visit: v, Problem: &problem}
	problem.Errors = slices.DeleteFunc(problem.Errors, func(d api.ProblemDetail) bool { // what is said once
		return d.Line == 0 && d.Reason == problem.Detail
	})
	if said := v.wait(problem); said != "" {
		problem.Detail = said
	}
	if a, ok := errors.AsType[*again](err); ok {
		look.Data = a.data
		if a.name == "stepup.html" {
			look.Kept, look.Fields = v.interrupted()
		}
		return v.execute(problem.Status, a.name, a.part, look)
	}
	posted := v.R.Method == http.MethodPost
	switch model.Code(problem.Code) {
	case model.CodeUnauthorized:
		if !posted {
			return v.toLogin(v.R.URL.RequestURI())
		}
		if look.Kept, look.Fields = v.kept(); !slices.ContainsFunc(look.Fields, entered) {
			return v.toLogin(v.here())
		}
		look.Problem = nil // the page says so itself, and in words for who holds no token
		return v.render(problem.Status, "ended.html", look)
	case model.CodeReEnrolOnly: // by way of the login, which knows what is left to do
		return v.toLogin(v.here())
	case model.CodeStepUp:
		if v.HTMX() {
			v.W.Header().Set("HX-Redirect", StepUpPath+"?"+url.Values{"next": {v.here()}}.Encode())
		}
		look.Kept = v.R.URL.RequestURI()
		if posted {
			if look.Kept, look.Fields = v.kept(); look.Fields == nil {
				look.Kept = v.here()
			}
		}
		look.Problem = nil
		return v.render(problem.Status, "stepup.html", look)
	}
	if posted && look.Passing() {
		if look.Kept, look.Fields = v.kept(); !slices.ContainsFunc(look.Fields, entered) {
			look.Fields = nil
		}
	}
	return v.render(problem.Status, "failed.html", look)
}

// wait says how long to wait after too many tries: what the API has in a header.
func (v *Visit) wait(problem api.Problem) string {
	n, err := strconv.Atoi(v.W.Header().Get("Retry-After"))
	if err != nil || model.Code(problem.Code) != model.CodeTooManyAttempts {
		return ""
	}
	switch {
	case n <= 90:
		return v.T("problem.wait.seconds", "n", n)
	case n <= 90*60:
		return v.T("problem.wait.minutes", "n", (n+59)/60)
	}
	return v.T("problem.wait.hours", "n", (n+3599)/3600)
}

// toLogin is the login, which comes back here.
func (v *Visit) toLogin(next string) error {
	return v.Redirect(LoginPath + "?" + url.Values{"next": {next}}.Encode())
}

// here is the address of the page the visitor is on: of a form that was sent, where it
// went, if that is a page, too. Browsers do not tell which one it was on, as our pages
// bid them (see referrerPolicy).
func (v *Visit) here() string {
	if v.R.Method == http.MethodGet || v.area.router.Match(chi.NewRouteContext(), http.MethodGet, v.R.URL.Path) {
		return v.R.URL.RequestURI()
	}
	return "/"
}

// Field is one of a form that was interrupted.
type Field struct{ Name, Value string }

// entered tells what is somebody's work from what a page adds; a press of a button is
// soon done again.
func entered(f Field) bool { return f.Name != "_sent" }

// secrets are fields that are never written back into a page.
var secrets = []string{"password", "current", "new", "code", "ticket", "invite"}

// kept is a form as it was sent, where to, and what in: nil where it had a secret in
// it, which has to be entered anew (see Area.Reopens). Of a step-up it is what that interrupted.
func (v *Visit) kept() (to string, fields []Field) {
	if v.R.PostForm == nil && v.parse() != nil {
		return "", nil
	}
	if v.R.URL.Path == StepUpPath {
		return v.interrupted()
	}
	reopens := v.area.reopens[chi.RouteContext(v.Context()).RoutePattern()]
	for name, values := range v.R.PostForm {
		if slices.Contains(secrets, name) {
			if reopens {
				continue
			}
			return "", nil
		}
		for _, value := range values {
			fields = append(fields, Field{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return v.R.URL.RequestURI(), append(fields, Field{"_sent", "again"})
}

// Packed are the fields in one, for a form that carries them along.
func (l Look) Packed() string {
	values := url.Values{}
	for _, f := range l.Fields {
		values.Add(f.Name, f.Value)
	}
	return values.Encode()
}

// interrupted is what a step-up was asked for: where to go on, and with what.
func (v *Visit) interrupted() (to string, fields []Field) {
	if v.R.Method != http.MethodPost {
		return Local(v.Query("next")), nil
	}
	values, err := url.ParseQuery(v.Raw("_fields"))
	if err != nil {
		return Local(v.Raw("_to")), nil
	}
	for name, of := range values {
		for _, value := range of {
			fields = append(fields, Field{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return Local(v.Raw("_to")), fields
}

// AskCode shows the form that asks for a one-time code, and err, what was wrong with
// the last one.
func (v *Visit) AskCode(err error) error {
	if err != nil {
		return v.Again(err, "stepup.html", nil)
	}
	look := Look{Visit: v}
	look.Kept, look.Fields = v.interrupted()
	return v.render(http.StatusOK, "stepup.html", look)
}

// Resume goes on with what a step-up interrupted: with a form that sends itself, or by
// going there.
func (v *Visit) Resume() error {
	look := Look{Visit: v}
	if look.Kept, look.Fields = v.interrupted(); len(look.Fields) == 0 {
		return v.Redirect(look.Kept)
	}
	return v.render(http.StatusOK, "resume.html", look)
}
