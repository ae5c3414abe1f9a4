package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// forwardPath is what a proxy that repeats the request puts before its path.
const forwardPath = "/v1/forward-auth/path"

// forwardMethods are those a route of the catalogue can name, and those proxies
// ask with.
var forwardMethods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// What a request that passes carries to the CRM, and what any answer carries to
// a proxy that shows its own pages. Proxies replace what the client sent under
// these names: see docs/forward-auth.md.
const (
	headerSubject  = "Rolegate-Subject"  // the person's id, percent-encoded
	headerTenant   = "Rolegate-Tenant"   //
	headerRevision = "Rolegate-Revision" // the tenant's revision the decision is of
	headerFilter   = "Rolegate-Filter"   // record: about that record | always: about every record | conditional: ask about which
	headerFields   = "Rolegate-Fields"   // whole: no field is hidden or masked | partial: ask which
	headerCode     = "Rolegate-Code"     // the code of the decision or problem
)

// forwardHeaders answers a proxy that says in headers what it received: Traefik,
// Caddy, and nginx as we configure it. No other header is looked at.
func (s *Server) forwardHeaders(w http.ResponseWriter, r *http.Request, p proxied) error {
	method, err := onlyHeader(r, "X-Forwarded-Method")
	if err != nil {
		return err
	}
	target, err := onlyHeader(r, "X-Forwarded-Uri")
	if err != nil {
		return err
	}
	return s.forward(w, r, p, method, target)
}

// forwardRequest answers a proxy that repeats what it received behind a prefix:
// Envoy. No header is looked at.
func (s *Server) forwardRequest(w http.ResponseWriter, r *http.Request, p proxied) error {
	// Not r.URL: it has been decoded. What is not below the prefix as it is
	// spelled is no path of the CRM's, and no path at all.
	target, found := strings.CutPrefix(r.RequestURI, forwardPath)
	if !found {
		target = ""
	}
	return s.forward(w, r, p, r.Method, target)
}

// onlyHeader is the value of a header that a proxy sets itself, so more or less
// than one is its mistake.
func onlyHeader(r *http.Request, name string) (string, error) {
	values := r.Header[name]
	if len(values) != 1 || values[0] == "" {
		return "", invalid(i18n.HeaderOnce, name)
	}
	return values[0], nil
}

func (s *Server) forward(w http.ResponseWriter, r *http.Request, p proxied, method, target string) error {
	f, err := s.Decider.Forward(r.Context(), p.proxy, policy.ForwardRequest{
		User: p.person.Caller.ID, AccessToken: p.token, Method: method, Target: target,
	})
	if err != nil {
		return err
	}
	s.Metrics.decision(&f.Decision)
	switch {
	case f.Code == model.CodeInternal:
		return faultOf(f.Decision)
	case !f.Allow:
		s.forwardDenial(w, r, &f)
	default:
		pass(w, r, p, &f)
	}
	return nil
}

// pass lets the request through. 200 is the only status that every proxy takes
// for a yes.
func pass(w http.ResponseWriter, r *http.Request, p proxied, f *policy.Forwarded) {
	eventOf(r.Context()).routine = true
	h := w.Header()
	h.Set(headerSubject, url.PathEscape(p.person.Caller.ID))
	h.Set(headerTenant, p.proxy.Tenant)
	h.Set(headerRevision, strconv.FormatInt(f.Revision, 10))
	h.Set(headerCode, string(f.Code))
	switch {
	case f.AnyRecord && f.Everything:
		h.Set(headerFilter, "always")
	case f.AnyRecord:
		h.Set(headerFilter, "conditional")
	default: // said as well: a proxy may make anything of a header that is not there
		h.Set(headerFilter, "record")
	}
	h.Set(headerFields, "partial")
	if f.Fields != nil && len(f.Fields.Hidden)+len(f.Fields.Masked) == 0 {
		h.Set(headerFields, "whole")
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// forwardDenial answers a denial: 401 where the person can mend it by logging in
// or stepping up, else 403.
func (s *Server) forwardDenial(w http.ResponseWriter, r *http.Request, f *policy.Forwarded) {
	eventOf(r.Context()).routine = true
	f = tellable(f)
	h := w.Header()
	h.Set(headerCode, string(f.Code))
	h.Set(headerRevision, strconv.FormatInt(f.Revision, 10))
	status, title := http.StatusForbidden, model.CodeForbidden
	switch f.Code {
	case model.ReasonStepUp, model.ReasonSessionInvalid, model.ReasonTokenRequired:
		status, title = http.StatusUnauthorized, model.CodeUnauthorized
		h.Set("WWW-Authenticate", challenge(r))
		if f.StepUp != nil {
			h.Set("WWW-Authenticate", stepUpChallenge(f.StepUp))
		}
	}
	lang := localized(w, r)
	trace := reqctx.From(r.Context()).TraceID
	write(w, "application/problem+json", status, api.Problem{
		Type:     "urn:rolegate:problem:" + string(f.Code),
		Title:    i18n.Title(lang, title),
		Status:   status,
		Detail:   string(i18n.AppendUserReason(nil, lang, i18n.Told{Question: &f.Question, Decision: &f.Decision})),
		Instance: "urn:rolegate:trace:" + trace,
		Code:     string(f.Code),
		TraceID:  trace,
	})
}

// tellable is what the person may know of a denial. Of a record that is not
// registered nothing is known, so other rows deny it than one that is: told apart,
// they tell which ids there are. The log has the decision as it was made. The
// other codes are of no use for that: they hold for every id, or, as a step-up,
// are of a record that is otherwise open to the person.
func tellable(f *policy.Forwarded) *policy.Forwarded {
	if id := f.Question.Resource.ID; id == "" || id == model.AnyRecord {
		return f
	}
	switch f.Code {
	case model.ReasonDenied, model.ReasonRestricted, model.ReasonRequiredAction:
		told := *f
		told.Decision = model.Decision{Code: model.ReasonNotGranted, Revision: f.Revision}
		return &told
	}
	return f
}

// stepUpChallenge says which authentication would help (RFC 9470 section 3).
func stepUpChallenge(need *model.StepUp) string {
	c := fmt.Sprintf(`Bearer realm=%q, error=%q, error_description="More, or more recent, authentication is needed", acr_values="%d"`,
		realm, string(model.ReasonStepUp), need.ACR)
	if need.MaxAge > 0 {
		c += fmt.Sprintf(`, max_age="%d"`, need.MaxAge/time.Second)
	}
	return c
}

// forwardProblem is problem with the code in a header too: nginx shows nothing
// else of an answer that is no yes.
func (s *Server) forwardProblem(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set(headerCode, string(codeOf(r, err)))
	s.problem(w, r, err)
}
