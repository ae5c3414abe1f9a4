package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	data any
}

func (a *again) Error() string { return a.err.Error() }
func (a *again) Unwrap() error { return a.err }

// Again has a failure told at the top of a page, which is filled with what was
// entered: whatever the reader can mend. Others, and those that a login or a step-up
// mends, are told as ever.
func (v *Visit) Again(err error, name string, data any) error {
	switch code := model.CodeOf(err); code {
	case model.CodeUnauthorized, model.CodeStepUp, model.CodeReEnrolOnly, model.CodeInternal:
		return err
	}
	return &again{err, name, data}
}

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
	if err := v.fail(problem, err); err != nil {
		http.Error(w, problem.Title, problem.Status) // a page that cannot be shown
	}
}

func (v *Visit) fail(problem api.Problem, err error) error {
	if model.Code(problem.Code) == model.CodePrecondition { // people send no If-Match
		problem.Title, problem.Detail = v.T("moved.first"), v.T("moved.what")
	}
	look := Look{Visit: v, Problem: &problem}
	if a, ok := errors.AsType[*again](err); ok {
		look.Data = a.data
		if a.name == "stepup.html" {
			look.Kept, look.Fields = v.interrupted()
		}
		return v.render(problem.Status, a.name, look)
	}
	posted := v.R.Method == http.MethodPost
	switch model.Code(problem.Code) {
	case model.CodeUnauthorized:
		if !posted {
			return v.toLogin(v.R.URL.RequestURI())
		}
		if look.Kept, look.Fields = v.kept(); look.Fields == nil {
			return v.toLogin(v.here())
		}
		return v.render(problem.Status, "ended.html", look)
	case model.CodeStepUp:
		if v.HTMX() {
			v.W.Header().Set("HX-Redirect", StepUpPath+"?"+url.Values{"next": {v.here()}}.Encode())
		}
		look.Kept = v.R.URL.RequestURI()
		if posted {
			look.Kept, look.Fields = v.kept()
		}
		look.Problem = nil
		return v.render(problem.Status, "stepup.html", look)
	}
	return v.render(problem.Status, "failed.html", look)
}

// toLogin is the login, which comes back here.
func (v *Visit) toLogin(next string) error {
	return v.Redirect(LoginPath + "?" + url.Values{"next": {next}}.Encode())
}

// here is the address of the page the visitor is on: of a form that is sent, the one
// it was on.
func (v *Visit) here() string {
	if v.R.Method == http.MethodGet {
		return v.R.URL.RequestURI()
	}
	if u, err := url.Parse(v.R.Referer()); err == nil && u.Host == v.R.Host {
		return Local(u.RequestURI())
	}
	return "/"
}

// Field is one of a form that was interrupted.
type Field struct{ Name, Value string }

// secrets are fields that are never written back into a page.
var secrets = []string{"password", "current", "new", "code", "ticket", "invite"}

// kept is a form as it was sent, where to, and what in: nil where it had a secret in
// it, which has to be entered anew.
func (v *Visit) kept() (to string, fields []Field) {
	if v.R.PostForm == nil && v.parse() != nil {
		return "", nil
	}
	for name, values := range v.R.PostForm {
		if slices.Contains(secrets, name) {
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
