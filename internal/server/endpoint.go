package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/administration"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// endpoint is a handler with its permission, which the list of routes shows.
type endpoint struct {
	http.HandlerFunc
	permission string
}

// Permission tells who may call the endpoint.
func (e endpoint) Permission() string { return e.permission }

// public serves what is the same for everybody. Failures are not recorded: they
// are nobody's.
func (s *Server) public(h func(http.ResponseWriter, *http.Request) error) endpoint {
	return endpoint{permission: "public", HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
		if err := safely(func() error { return h(w, r) }); err != nil {
			s.problem(w, r, err)
		}
	}}
}

// open serves anybody: the steps of a login.
func (s *Server) open(h func(http.ResponseWriter, *http.Request) error) endpoint {
	fromOwnPage := s.ownPages()
	h = s.metered(h)
	return s.recorded("open", s.problem, func(w http.ResponseWriter, r *http.Request, _ *model.Caller) error {
		if err := fromOwnPage(r); err != nil {
			return err
		}
		return h(w, r)
	})
}

// clientSecret serves a client that sends its secret, or an assertion in its
// place, and fails as OAuth wants.
func (s *Server) clientSecret(h func(http.ResponseWriter, *http.Request) error) endpoint {
	return s.oauth("client secret", s.heard(true, h))
}

// clientOrHolder is clientSecret for where a public client may come with nothing
// but the token it is about.
func (s *Server) clientOrHolder(h func(http.ResponseWriter, *http.Request) error) endpoint {
	return s.oauth("client secret or holder", s.heard(false, h))
}

func (s *Server) oauth(permission string, h func(http.ResponseWriter, *http.Request) error) endpoint {
	return s.recorded(permission, s.oauthError, func(w http.ResponseWriter, r *http.Request, _ *model.Caller) error {
		return h(w, r)
	})
}

// person serves whoever holds a person's access token with a live session that
// may do more than enrol again, and proves what is required of the person now.
func (s *Server) person(h func(http.ResponseWriter, *http.Request, login.Session) error) endpoint {
	return s.personal("person", func(w http.ResponseWriter, r *http.Request, session login.Session) error {
		if err := s.sufficient(r, session); err != nil {
			return err
		}
		return h(w, r, session)
	})
}

func (s *Server) sufficient(r *http.Request, session login.Session) error {
	switch {
	case session.Restricted:
		return errReEnrolOnly
	case mending[chi.RouteContext(r.Context()).RoutePattern()]:
		return nil
	}
	return s.Login.Sufficient(r.Context(), session)
}

// freshPerson is person for what nobody may do with a token that was left lying
// about: the second factor, or the password where there is none, was proven
// within login.FreshFor.
func (s *Server) freshPerson(h func(http.ResponseWriter, *http.Request, login.Session) error) endpoint {
	return s.personal("person(fresh)", func(w http.ResponseWriter, r *http.Request, session login.Session) error {
		if err := s.sufficient(r, session); err != nil {
			return err
		}
		if err := s.Login.Fresh(r.Context(), session); err != nil {
			return err
		}
		return h(w, r, session)
	})
}

// anyPerson is person for what a session that can only enrol again may do, too.
func (s *Server) anyPerson(h func(http.ResponseWriter, *http.Request, login.Session) error) endpoint {
	return s.personal("person(any)", h)
}

var errReEnrolOnly = &model.Error{Code: model.CodeReEnrolOnly}

func (s *Server) personal(permission string, h func(http.ResponseWriter, *http.Request, login.Session) error) endpoint {
	fromOwnPage := s.ownPages()
	return s.recorded(permission, s.problem, func(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
		if err := fromOwnPage(r); err != nil {
			return err
		}
		raw, err := bearer(r)
		if err != nil {
			return err
		}
		session, err := s.Login.AuthenticateUser(r.Context(), raw)
		if err != nil {
			return err
		}
		*caller = session.Caller
		return h(w, r, session)
	})
}

// officer serves a person to whom the policy gives a right over one of Rolegate's
// own objects; over which records of it, the act itself settles. To change
// anything takes a second factor proven lately, and so does the log.
func (s *Server) officer(object, action string, h func(http.ResponseWriter, *http.Request, *administration.Officer) error) endpoint {
	return s.personal("officer("+object+":"+action+")", func(w http.ResponseWriter, r *http.Request, session login.Session) error {
		raw, err := bearer(r)
		if err != nil {
			return err
		}
		again := func(ctx context.Context) (login.Session, error) { return s.Login.AuthenticateUser(ctx, raw) }
		o, err := s.Administration.Enter(r.Context(), session, again, s.Login.FreshFactor, object, action)
		if err != nil {
			return err
		}
		return h(w, r, o)
	})
}

// client serves a client whose access token has the scope. What its request
// demands of the answer's revision goes along with the caller.
func (s *Server) client(scope string, h func(http.ResponseWriter, *http.Request, model.Caller) error) endpoint {
	return s.recorded("client("+scope+")", s.problem, func(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
		raw, err := bearer(r)
		if err != nil {
			return err
		}
		c, err := s.Login.AuthenticateClient(r.Context(), raw)
		if err != nil {
			return err
		}
		*caller = c
		if !c.HasScope(scope) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q, error=%q, scope=%q", realm, "insufficient_scope", scope))
			return bad(model.CodeForbidden, i18n.ScopeMissing, "", i18n.Words{"scope": scope})
		}
		if c.MinRevision, err = demandedRevision(r); err != nil {
			return err
		}
		return h(w, r, c)
	})
}

// requestTimeout bounds a request as a whole, so that one waiting for a database
// that does not answer gives its place up.
const requestTimeout = 20 * time.Second

// recorded runs h and, when it fails, sees to it that the failure is in the log
// before it is answered. h sets the caller as soon as it knows one.
func (s *Server) recorded(permission string, fail func(http.ResponseWriter, *http.Request, error),
	h func(http.ResponseWriter, *http.Request, *model.Caller) error) endpoint {
	return endpoint{permission: permission, HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
		caller := model.Caller{Kind: model.CallerAnonymous}
		x := exchangeOf(r.Context())
		x.answer.caller = &caller
		if x.timeout == 0 { // no other was set
			x.limit(requestTimeout)
		}
		defer x.end()
		if err := safely(func() error { return h(w, r, &caller) }); err != nil {
			fail(w, r, s.record(r, caller, err))
		}
	}}
}

// recordTimeout bounds how long the record of a failure may take.
const recordTimeout = 5 * time.Second

// record makes sure the failure has its entry, beside those of what the request did
// before it failed, and returns what to answer. A
// caller that hangs up does not get away unrecorded. Where nobody knows whether the
// service's own entry was committed there may be two: that says more than none.
func (s *Server) record(r *http.Request, caller model.Caller, failure error) error {
	code := codeOf(r, failure)
	if code == model.CodeAuditUnavailable || reqctx.From(r.Context()).Failed() {
		return failure
	}
	return s.recordAs(r, caller, chi.RouteContext(r.Context()).RoutePattern(), code, failure)
}

func (s *Server) recordAs(r *http.Request, caller model.Caller, pattern string, code model.Code, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), recordTimeout)
	defer cancel()
	route := methodName(r) + " " + pattern
	if err := s.Recorder.RecordFailure(ctx, caller, route, code); err != nil {
		return model.Errorf(model.CodeAuditUnavailable, "the record of this request could not be written, so it was refused").
			Because(errors.Join(fmt.Errorf("record %s of %s: %w", code, route, err), failure))
	}
	return failure
}

// safely turns a panic into an error, so that it is answered, recorded and
// logged like any other fault of ours.
func safely(f func() error) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler: // net/http's own way to drop a connection
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f()
}
