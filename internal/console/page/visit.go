package page

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/administration"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// Visit is one request of a browser and its answer.
type Visit struct {
	W    http.ResponseWriter
	R    *http.Request
	Lang i18n.Lang
	// Session is the visitor's; nil for who is not logged in.
	Session *login.Session

	area    *Area
	caller  *model.Caller
	access  string // the session's access token
	unread  error  // why it was not looked at
	officer *administration.Officer
}

func (a *Area) visit(w http.ResponseWriter, r *http.Request, caller *model.Caller) *Visit {
	return &Visit{W: w, R: r, Lang: language(r), area: a, caller: caller}
}

// Context is the request's.
func (v *Visit) Context() context.Context { return v.R.Context() }

// Param is a part of the path by its name, decoded once.
func (v *Visit) Param(name string) string {
	raw := chi.URLParam(v.R, name)
	if v.R.URL.RawPath == "" { // the router matched what is decoded already
		return raw
	}
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return decoded
}

// Form is a field of the form that was sent, without blanks around it; passwords and
// documents are taken as they are by Raw.
func (v *Visit) Form(name string) string { return strings.TrimSpace(v.R.PostForm.Get(name)) }

// Raw is a field of the form exactly as sent.
func (v *Visit) Raw(name string) string { return v.R.PostForm.Get(name) }

// Query is a parameter of the address.
func (v *Visit) Query(name string) string { return strings.TrimSpace(v.R.URL.Query().Get(name)) }

// HTMX tells whether a part of a page is asked for, to be put into one.
func (v *Visit) HTMX() bool { return v.R.Header.Get("HX-Request") == "true" }

// T is a text of the area, or of all pages, with words: pairs of name and value.
func (v *Visit) T(key string, words ...any) string { return v.area.text(v.Lang, key, words...) }

// Redirect answers with another page of ours, to be fetched anew (303).
func (v *Visit) Redirect(path string) error {
	if v.HTMX() {
		v.W.Header().Set("HX-Redirect", Local(path))
		v.W.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(v.W, v.R, Local(path), http.StatusSeeOther)
	return nil
}

// Done is Redirect with a sentence that the next page says at its top: what was done.
func (v *Visit) Done(path, key string, words ...any) error {
	v.say(v.T(key, words...))
	return v.Redirect(path)
}

// Local is an address of ours, whatever was sent: a path with its query, or "/".
func Local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// authenticate finds the session of the browser's cookies, renewed where its access
// token has expired. To renew it is to look a refresh token up, which anybody can make
// up: that counts as a request to POST /v1/token/refresh does. A HEAD changes nothing.
func (v *Visit) authenticate() error {
	f := v.area.Frame
	errNone := error(&model.Error{Code: model.CodeUnauthorized})
	if raw := cookie(v.R, accessCookie); raw != "" {
		s, err := f.Login.AuthenticateUser(v.Context(), raw)
		if err == nil {
			return v.found(s, raw)
		}
		if model.CodeOf(err) != model.CodeUnauthorized {
			return err
		}
		errNone = err
	}
	refresh := cookie(v.R, refreshCookie)
	if refresh == "" || v.R.Method == http.MethodHead {
		return errNone
	}
	if err := f.MayCall(v.Context()); err != nil {
		return err
	}
	res, err := f.Login.Refresh(v.Context(), refresh)
	if err != nil {
		switch model.CodeOf(err) {
		case model.CodeTokenInvalid, model.CodeUnauthorized, model.CodeTooManyAttempts: // of what is no token, see login.Refresh
			v.forget()
			return (&model.Error{Code: model.CodeUnauthorized}).Because(err)
		}
		return err
	}
	if res.Tokens == nil {
		return errNone
	}
	s, err := f.Login.AuthenticateUser(v.Context(), res.Tokens.AccessToken)
	if err != nil {
		return err
	}
	v.keep(res.Tokens)
	return v.found(s, res.Tokens.AccessToken)
}

func (v *Visit) found(s login.Session, raw string) error {
	v.Session, v.access, *v.caller = &s, raw, s.Caller
	return nil
}

// glance is authenticate where nobody has to be logged in. Where it cannot be told
// who it is, since too many asked, it is nobody: see Unread.
func (v *Visit) glance() error {
	err := v.authenticate()
	switch model.CodeOf(err) {
	case model.CodeUnauthorized:
		reqctx.From(v.Context()).MarkWell() // a session that has ended is not what they came for
		return nil
	case model.CodeTooManyAttempts:
		reqctx.From(v.Context()).MarkWell()
		v.unread = err
		return nil
	default:
		if err == nil {
			*v.caller = model.Caller{Kind: model.CallerAnonymous} // whoever logs in here need not be who did before
		}
		return err
	}
}

// peek is a glance that renews nothing: it costs a stranger's request nothing, and one
// with a token that is no good the check of its signature.
func (v *Visit) peek() {
	if raw := cookie(v.R, accessCookie); raw != "" {
		if s, err := v.area.Login.AuthenticateUser(v.Context(), raw); err == nil {
			v.Session = &s
		}
	}
}

// Unread is why the session could not be looked at that the browser may hold, on pages
// for anybody: whoever is about to end it has to know.
func (v *Visit) Unread() error { return v.unread }

// sufficient is authenticate where the session has to be enough for what is required of
// its person now; the step-up is what makes it so.
func (v *Visit) sufficient() error {
	if err := v.authenticate(); err != nil {
		return err
	}
	switch {
	case v.Session.Restricted:
		return &model.Error{Code: model.CodeReEnrolOnly}
	case v.R.URL.Path == StepUpPath:
		return nil
	}
	return v.area.Login.Sufficient(v.Context(), *v.Session)
}

// Enter lets an officer go on who may do an act, as Area.Officer does: for pages that
// offer one act and show something of another.
func (v *Visit) Enter(object, action string) (*administration.Officer, error) {
	again := func(ctx context.Context) (login.Session, error) { return v.area.Login.AuthenticateUser(ctx, v.access) }
	return v.area.Administration.Enter(v.Context(), *v.Session, again, v.area.Login.FreshFactor, object, action)
}

// May tells whether to offer an act: see administration.Service.May.
func (v *Visit) May(object, action string) bool {
	return v.Session != nil && v.area.Administration.May(v.Context(), *v.Session, object, action)
}
