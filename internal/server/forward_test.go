package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Forward answers as answer says, or yes.
func (f *fakeDecider) Forward(ctx context.Context, caller model.Caller, fr policy.ForwardRequest) (policy.Forwarded, error) {
	f.caller, f.forwarded = caller, append(f.forwarded, fr)
	if f.err != nil {
		return policy.Forwarded{}, f.err
	}
	if caller.MinRevision > 42 {
		return policy.Forwarded{}, &policy.Behind{Revision: 42, Demanded: caller.MinRevision}
	}
	if f.forward != nil {
		return *f.forward, nil
	}
	return policy.Forwarded{Decision: model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42, Fields: &model.Fields{}}}, nil
}

func (f *fakeLogin) Person(ctx context.Context, raw string) (login.Session, error) {
	if f.person != nil && raw == "user-token" {
		return *f.person, nil
	}
	return f.AuthenticateUser(ctx, raw)
}

func (f *fakeLogin) AuthenticateClientSecret(ctx context.Context, id, secret string) (model.Caller, error) {
	if id != "crm:1" || secret != "s%c" {
		return model.Caller{}, &model.Error{Code: model.CodeUnauthorized}
	}
	return f.AuthenticateClient(ctx, "client-token")
}

// ask is what a proxy asks about GET /api/contacts/17.
func (h *harness) ask(options ...option) answer {
	h.t.Helper()
	return h.call("GET", "/v1/forward-auth", "", append([]option{
		as("user-token"), header(proxyAuthorization, "Bearer client-token"),
		header("X-Forwarded-Method", "GET"), header("X-Forwarded-Uri", "/api/contacts/17?a=%2F"),
	}, options...)...)
}

func without(name string) option { return func(r *http.Request) { r.Header.Del(name) } }

func TestForwardedRequestReachesTheDecider(t *testing.T) {
	h := newHarness(t)
	a := h.ask()
	h.want(a, 200, "")
	fr := policy.ForwardRequest{User: "alice", AccessToken: "user-token", Method: "GET", Target: "/api/contacts/17?a=%2F"}
	if len(h.decider.forwarded) != 1 || h.decider.forwarded[0] != fr || h.decider.caller.ID != "crm" {
		t.Errorf("asked %+v as %s, want %+v", h.decider.forwarded, h.decider.caller, fr)
	}
	for name, want := range map[string]string{headerSubject: "alice", headerTenant: "default", headerRevision: "42", headerFields: "whole",
		headerFilter: "record", headerCode: "allowed", "Cache-Control": "no-store", "WWW-Authenticate": ""} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(a.body) > 0 || len(h.recorder.entries) > 0 {
		t.Errorf("body %q, failures %v", a.body, h.recorder.entries)
	}
}

// Envoy repeats method and path behind the prefix; headers say nothing there.
func TestForwardedPathReachesTheDecider(t *testing.T) {
	for target, want := range map[string]string{
		"/v1/forward-auth/path/api/contacts/17?x=1":      "/api/contacts/17?x=1",
		"/v1/forward-auth/path/api/contacts/%2e%2e/x":    "/api/contacts/%2e%2e/x",
		"/v1/forward-auth/path/api/a%2Fb":                "/api/a%2Fb",
		"/v1/forward-auth/path/../../login":              "/../../login",
		"/v1/forward-auth/path//x":                       "//x",
		"/v1/forward-auth/path/":                         "/",
		"http://gate.example.com/v1/forward-auth/path/x": "",
	} {
		h := newHarness(t)
		h.free = true // the contract's router does not know paths with slashes
		h.want(h.call("PATCH", target, "", as("user-token"), header(proxyAuthorization, "Bearer client-token"),
			header("X-Forwarded-Method", "GET"), header("X-Forwarded-Uri", "/api/contacts")), 200, "")
		if got := h.decider.forwarded[0]; got.Method != "PATCH" || got.Target != want {
			t.Errorf("%s: asked about %s %q, want PATCH %q", target, got.Method, got.Target, want)
		}
	}
	h := newHarness(t)
	h.free = true
	for _, target := range []string{"/v1/forward-auth/path?x", "/v1/forward-auth/pathx", "/v1/forward-auth/", "/v1/forward-auth/other/x"} {
		if a := h.call("GET", target, "", as("user-token"), header(proxyAuthorization, "Bearer client-token"),
			header("X-Forwarded-Method", "GET"), header("X-Forwarded-Uri", "/api/contacts")); a.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", target, a.StatusCode)
		}
	}
}

// Who asks comes first, then who it is for, then what it is about.
func TestForwardRefusals(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		change    []option
		status    int
		code      model.Code
		challenge string
	}{
		"no proxy":       {[]option{without(proxyAuthorization)}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"two proxies":    {[]option{header(proxyAuthorization, "Bearer client-token", "Bearer client-token")}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"wrong proxy":    {[]option{header(proxyAuthorization, "Bearer other")}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"a person as it": {[]option{header(proxyAuthorization, "Bearer user-token")}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"other scheme":   {[]option{header(proxyAuthorization, "Digest client-token")}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"wrong secret":   {[]option{header(proxyAuthorization, basic("crm%3A1:s"))}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"no secret":      {[]option{header(proxyAuthorization, basic("crm%3A1:"))}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"broken secret":  {[]option{header(proxyAuthorization, basic("crm%3A1:s%c"))}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"no base64":      {[]option{header(proxyAuthorization, "Basic %%%")}, 401, model.CodeProxyUnauthorized, `Bearer realm="rolegate-proxy"`},
		"no person":      {[]option{without("Authorization")}, 401, model.CodeUnauthorized, `Bearer realm="rolegate"`},
		"two persons":    {[]option{header("Authorization", "Bearer user-token", "Bearer user-token")}, 401, model.CodeUnauthorized, `Bearer realm="rolegate", error="invalid_token"`},
		"wrong person":   {[]option{as("x")}, 401, model.CodeUnauthorized, `Bearer realm="rolegate", error="invalid_token"`},
		"a client as it": {[]option{as("client-token")}, 401, model.CodeUnauthorized, `Bearer realm="rolegate", error="invalid_token"`},
		"no method":      {[]option{without("X-Forwarded-Method")}, 400, model.CodeInvalidRequest, ""},
		"two methods":    {[]option{header("X-Forwarded-Method", "GET", "DELETE")}, 400, model.CodeInvalidRequest, ""},
		"no path":        {[]option{without("X-Forwarded-Uri"), header("X-Original-Uri", "/api/contacts/17"), header("X-Original-Url", "/api/contacts/17"), header("X-Rewrite-Url", "/api/contacts/17")}, 400, model.CodeInvalidRequest, ""},
		"empty path":     {[]option{header("X-Forwarded-Uri", "")}, 400, model.CodeInvalidRequest, ""},
		"two paths":      {[]option{header("X-Forwarded-Uri", "/api/contacts/17", "/x")}, 400, model.CodeInvalidRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			a := h.ask(c.change...)
			h.want(a, c.status, c.code)
			if got := a.Header.Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("challenge %q, want %q", got, c.challenge)
			}
			if got := a.Header.Get(headerCode); got != string(c.code) {
				t.Errorf("%s is %q", headerCode, got)
			}
			if a.Header.Get(headerSubject) != "" || len(h.decider.forwarded) > 0 {
				t.Error("somebody was let in")
			}
			if len(h.recorder.entries) != 1 || h.recorder.entries[0].code != c.code {
				t.Errorf("recorded %v", h.recorder.entries)
			}
		})
	}
	t.Run("id and secret", func(t *testing.T) {
		h := newHarness(t)
		h.want(h.ask(header(proxyAuthorization, basic("crm%3A1:s%25c"))), 200, "")
	})
	t.Run("scope", func(t *testing.T) {
		h := newHarness(t)
		h.login.scopes = []string{"explain"}
		h.want(h.ask(), 403, model.CodeForbidden)
	})
	t.Run("other tenant, or only to enrol", func(t *testing.T) {
		for _, s := range []login.Session{
			{Caller: model.Caller{Kind: model.CallerUser, ID: "alice", Tenant: "emea"}},
			{Caller: model.Caller{Kind: model.CallerUser, ID: "alice", Tenant: "default"}, Restricted: true},
		} {
			h := newHarness(t)
			h.login.person = &s
			h.want(h.ask(), 401, model.CodeUnauthorized)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		h := newHarness(t)
		h.decider.err = &model.Error{Code: model.CodeStoreUnavailable}
		h.want(h.ask(), 503, model.CodeStoreUnavailable)
		h.decider.err = nil
		h.decider.forward = &policy.Forwarded{Decision: model.Decision{Code: model.CodeInternal}}
		h.want(h.ask(), 500, model.CodeInternal)
	})
}

func TestForwardDenials(t *testing.T) {
	for code, status := range map[model.Code]int{
		model.ReasonNotGranted: 403, model.ReasonDenied: 403, model.ReasonRouteUnknown: 403, model.ReasonPathRefused: 403,
		model.ReasonSubjectUnknown: 403, model.ReasonTenantDisabled: 403, model.ReasonObjectDisabled: 403, "": 403,
		model.ReasonSessionInvalid: 401, model.ReasonTokenRequired: 401, model.ReasonStepUp: 401,
	} {
		h := newHarness(t)
		d := model.Decision{Code: code, Revision: 7}
		challenge := ""
		switch {
		case code == model.ReasonStepUp:
			d.StepUp = &model.StepUp{ACR: 2, MaxAge: 5 * time.Minute}
			challenge = `Bearer realm="rolegate", error="insufficient_user_authentication", error_description="More, or more recent, authentication is needed", acr_values="2", max_age="300"`
		case status == 401:
			challenge = `Bearer realm="rolegate", error="invalid_token"`
		}
		h.decider.forward = &policy.Forwarded{Decision: d}
		for lang, want := range map[string]string{"en": "en", "zh-CN": "zh-CN"} {
			a := h.ask(header("Accept-Language", lang))
			h.want(a, status, code)
			if got := a.Header.Get("WWW-Authenticate"); got != challenge {
				t.Errorf("%s: challenge %q, want %q", code, got, challenge)
			}
			if a.Header.Get(headerCode) != string(code) || a.Header.Get(headerSubject) != "" || a.Header.Get("Content-Language") != want {
				t.Errorf("%s: headers %v", code, a.Header)
			}
		}
		if len(h.recorder.entries) > 0 {
			t.Errorf("%s was recorded twice: %v", code, h.recorder.entries)
		}
	}
}

// Why a record is closed would tell the person whether one of that id is
// registered: what looks at it finds nothing in one that is not. What the person
// can act on, or what holds for every id, is told as it is.
func TestForwardDenialsDoNotTellWhichRecordsThereAre(t *testing.T) {
	told := func(code model.Code, id string) answer {
		h := newHarness(t)
		h.decider.forward = &policy.Forwarded{Decision: model.Decision{Code: code, Revision: 7, Required: "update", Rule: model.Rule{Text: "p, row"}},
			Question: model.Question{Subject: model.Entity{Type: "user", ID: "alice"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "contact", ID: id}}}
		return h.ask()
	}
	said := func(a answer) string { // all of it, but for the number of the request
		a.Header.Del("Date")
		trace := regexp.MustCompile(`[0-9a-f]{32}`)
		for name, values := range a.Header {
			a.Header[name] = []string{trace.ReplaceAllString(strings.Join(values, ","), "")}
			if name == "Traceparent" {
				delete(a.Header, name)
			}
		}
		return fmt.Sprint(a.StatusCode, a.Header, trace.ReplaceAllString(string(a.body), ""))
	}
	want := said(told(model.ReasonNotGranted, "17"))
	for _, code := range []model.Code{model.ReasonDenied, model.ReasonRestricted, model.ReasonRequiredAction} {
		if got := said(told(code, "17")); got != want {
			t.Errorf("%s: %s\nwant %s", code, got, want)
		}
		if a := told(code, model.AnyRecord); a.Header.Get(headerCode) != string(code) {
			t.Errorf("%s of a list is told as %s", code, a.Header.Get(headerCode))
		}
	}
	for _, code := range []model.Code{model.ReasonStepUp, model.ReasonSessionInvalid, model.ReasonTokenRequired, model.ReasonSubjectDisabled, model.ReasonObjectDisabled, model.ReasonActionUnknown, model.ReasonTenantDisabled} {
		if a := told(code, "17"); a.Header.Get(headerCode) != string(code) {
			t.Errorf("%s is told as %s", code, a.Header.Get(headerCode))
		}
	}
}

func TestForwardHeaders(t *testing.T) {
	for _, c := range []struct {
		f              policy.Forwarded
		user           string
		subject        string
		filter, fields string
	}{
		{policy.Forwarded{}, "alice", "alice", "record", "partial"}, // a write names no fields here
		{policy.Forwarded{Decision: model.Decision{Fields: &model.Fields{}}}, "王 芳", "%E7%8E%8B%20%E8%8A%B3", "record", "whole"},
		{policy.Forwarded{Decision: model.Decision{Fields: &model.Fields{ReadOnly: []string{"a"}}}}, "a", "a", "record", "whole"},
		{policy.Forwarded{Decision: model.Decision{Fields: &model.Fields{Hidden: []string{"a"}}}}, "a", "a", "record", "partial"},
		{policy.Forwarded{Decision: model.Decision{Fields: &model.Fields{Hidden: []string{"*"}, Open: []string{"a"}}}}, "a", "a", "record", "partial"},
		{policy.Forwarded{Decision: model.Decision{Fields: &model.Fields{Masked: []string{"a"}}}}, "a", "a", "record", "partial"},
		{policy.Forwarded{Decision: model.Decision{AnyRecord: true, Fields: &model.Fields{}}}, "a", "a", "conditional", "whole"},
		{policy.Forwarded{Decision: model.Decision{AnyRecord: true, Fields: &model.Fields{}}, Everything: true}, "a", "a", "always", "whole"},
	} {
		h := newHarness(t)
		c.f.Allow, c.f.Code = true, model.ReasonAllowed
		h.decider.forward = &c.f
		h.login.person = &login.Session{Caller: model.Caller{Kind: model.CallerUser, ID: c.user, Tenant: "default"}}
		a := h.ask()
		h.want(a, 200, "")
		got := [3]string{a.Header.Get(headerSubject), a.Header.Get(headerFilter), a.Header.Get(headerFields)}
		if want := [3]string{c.subject, c.filter, c.fields}; got != want {
			t.Errorf("%+v: %q, want %q", c.f, got, want)
		}
	}
}
