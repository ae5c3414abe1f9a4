package server

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"rolegate/internal/login"
	"rolegate/model"
)

func basic(id, secret string) option {
	return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
}

func (h *harness) token(form string, options ...option) answer {
	h.t.Helper()
	return h.call("POST", "/oauth2/token", form, append([]option{header("Content-Type", "application/x-www-form-urlencoded")}, options...)...)
}

func TestClientToken(t *testing.T) {
	const grant = "grant_type=client_credentials"
	for name, c := range map[string]struct {
		form    string
		options []option
		want    login.ClientCredentials
	}{
		"basic":            {grant, []option{basic("crm", "s3cret")}, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: "s3cret"}}},
		"basic, encoded":   {grant, []option{basic("crm%20a", "a%3Ab%2Bc")}, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm a", ClientSecret: "a:b+c"}}},
		"post":             {grant + "&client_id=crm&client_secret=a%2Bb", nil, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: "a+b"}}},
		"scope and tenant": {grant + "&scope=decide+audit&tenant=acme", []option{basic("crm", "s")}, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: "s"}, Scope: "decide audit", Tenant: "acme"}},
		"same id twice":    {grant + "&client_id=crm", []option{basic("crm", "s")}, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: "s"}}},
		"assertion": {grant + "&client_assertion=a.b.c&client_assertion_type=" + url.QueryEscape(assertionType), nil,
			login.ClientCredentials{ClientAuth: login.ClientAuth{Assertion: "a.b.c"}}},
		"assertion and id": {grant + "&client_id=crm&client_assertion=a.b.c&client_assertion_type=" + url.QueryEscape(assertionType), nil,
			login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", Assertion: "a.b.c"}}},
		"empty and unknown parameters": {grant + "&scope=&tenant=&client_secret=&resource=x&resource=y&more=z", []option{basic("crm", "s")},
			login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: "s"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			a := h.token(c.form, c.options...)
			h.want(a, 200, "")
			if diff := cmp.Diff(c.want, h.login.creds); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			want := map[string]any{"access_token": "client-token", "token_type": "Bearer", "expires_in": 600.0, "scope": "decide"}
			if diff := cmp.Diff(want, a.json(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Pragma") != "no-cache" {
				t.Errorf("headers %v", a.Header)
			}
		})
	}
}

func TestTokenErrors(t *testing.T) {
	const grant = "grant_type=client_credentials"
	good := basic("crm", "s")
	for name, c := range map[string]struct {
		form    string
		options []option
		status  int
		word    string
		code    model.Code
	}{
		"no grant":             {"scope=decide", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"password grant":       {"grant_type=password&username=a&password=b", []option{good}, 400, "unsupported_grant_type", model.CodeUnsupportedGrant},
		"refresh grant":        {"grant_type=refresh_token&refresh_token=x", nil, 400, "unsupported_grant_type", model.CodeUnsupportedGrant},
		"other case":           {"grant_type=Client_Credentials", []option{good}, 400, "unsupported_grant_type", model.CodeUnsupportedGrant},
		"grant twice":          {grant + "&" + grant, []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"unknown twice":        {grant + "&x=1&x=2", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"scope twice":          {grant + "&scope=a&scope=b", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"bad escape":           {grant + "&scope=%zz", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"two credentials":      {grant + "&client_id=crm&client_secret=s", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"two ids":              {grant + "&client_id=other", []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"assertion and secret": {grant + "&client_assertion=a.b.c&client_id=crm&client_secret=s&client_assertion_type=" + url.QueryEscape(assertionType), nil, 400, "invalid_request", model.CodeInvalidRequest},
		"assertion and basic":  {grant + "&client_assertion=a.b.c&client_assertion_type=" + url.QueryEscape(assertionType), []option{good}, 400, "invalid_request", model.CodeInvalidRequest},
		"assertion, no type":   {grant + "&client_assertion=a.b.c", nil, 401, "invalid_client", model.CodeInvalidClient},
		"SAML assertion":       {grant + "&client_assertion=a&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer", nil, 401, "invalid_client", model.CodeInvalidClient},
		"public client":        {grant + "&client_id=rolegate", nil, 401, "invalid_client", model.CodeInvalidClient},
		"JSON":                 {`{"grant_type":"client_credentials"}`, []option{good, header("Content-Type", "application/json")}, 415, "invalid_request", model.CodeUnsupportedMedia},
		"no credentials":       {grant, nil, 401, "invalid_client", model.CodeInvalidClient},
		"no secret":            {grant + "&client_id=crm", nil, 401, "invalid_client", model.CodeInvalidClient},
		"empty basic":          {grant, []option{basic("", "")}, 401, "invalid_client", model.CodeInvalidClient},
		"broken basic":         {grant, []option{header("Authorization", "Basic %%%")}, 401, "invalid_client", model.CodeInvalidClient},
		"bad escape, basic":    {grant, []option{basic("crm", "a%zz")}, 401, "invalid_client", model.CodeInvalidClient},
		"bearer":               {grant, []option{as("client-token")}, 401, "invalid_client", model.CodeInvalidClient},
		"two headers":          {grant, []option{header("Authorization", "Basic Y3JtOnM=", "Basic Y3JtOnM=")}, 401, "invalid_client", model.CodeInvalidClient},
		"wrong secret":         {grant, []option{basic("crm", "wrong")}, 401, "invalid_client", model.CodeInvalidClient},
		"secret in the query":  {grant, []option{func(r *http.Request) { r.URL.RawQuery = "client_id=crm&client_secret=s" }}, 401, "invalid_client", model.CodeInvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.lenient = true
			a := h.token(c.form, c.options...)
			v := h.want(a, c.status, c.code)
			if v["error"] != c.word || v["error_description"] == "" || v["trace_id"] == "" {
				t.Errorf("%s", a.body)
			}
			if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", a.Header)
			}
			if got := a.Header.Get("WWW-Authenticate"); (got != "") != (c.status == 401) || got != "" && got != `Basic realm="rolegate", charset="UTF-8"` {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			if len(h.recorder.entries) != 1 || h.recorder.entries[0].code != c.code || h.recorder.entries[0].route != "POST /oauth2/token" {
				t.Errorf("records %v", h.recorder.entries)
			}
		})
	}
}

func TestTokenErrorsOfTheService(t *testing.T) {
	for code, want := range map[model.Code]struct {
		status int
		word   string
	}{
		model.CodeInvalidScope:       {400, "invalid_scope"},
		model.CodeClientTenantNeeded: {400, "invalid_request"},
		model.CodeTenantUnknown:      {400, "invalid_request"},
		model.CodeForbidden:          {400, "unauthorized_client"},
		model.CodeBusy:               {503, "temporarily_unavailable"},
		model.CodeAuditUnavailable:   {503, "temporarily_unavailable"},
		model.CodeInternal:           {500, "server_error"},
	} {
		h := newHarness(t)
		h.login.err = &model.Error{Code: code, Message: `it is "so" – or not`}
		a := h.token("grant_type=client_credentials", basic("crm", "s"))
		v := h.want(a, want.status, code)
		if v["error"] != want.word {
			t.Errorf("%s: error %v, want %s", code, v["error"], want.word)
		}
		if want.status == 400 && v["error_description"] != "It is 'so' ? or not." {
			t.Errorf("%s: description %q", code, v["error_description"])
		}
		if (a.Header.Get("Retry-After") != "") != (want.status == 503) {
			t.Errorf("%s: Retry-After: %s", code, a.Header.Get("Retry-After"))
		}
	}
}

// A program has no device for one-time codes.
func TestTooManyAttemptsOfAClient(t *testing.T) {
	h := newHarness(t)
	h.login.err = &model.Error{Code: model.CodeTooManyAttempts, RetryAfter: time.Minute}
	a := h.token("grant_type=client_credentials", basic("crm", "s"))
	v := h.want(a, 429, model.CodeTooManyAttempts)
	if v["error"] != "temporarily_unavailable" || v["error_description"] != "There were too many attempts. Try again when the time in Retry-After is over." || a.Header.Get("Retry-After") != "60" {
		t.Errorf("%s, Retry-After %s", a.body, a.Header.Get("Retry-After"))
	}
}

// TestStandardOAuthClient is how most CRM backends will come.
func TestStandardOAuthClient(t *testing.T) {
	h := newHarness(t)
	srv := httptest.NewServer(h.server.Handler())
	defer srv.Close()
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		config := clientcredentials.Config{ClientID: "crm a", ClientSecret: "s:+%", TokenURL: srv.URL + "/oauth2/token",
			Scopes: []string{"decide", "audit"}, EndpointParams: url.Values{"tenant": {"acme"}}, AuthStyle: style}
		token, err := config.Token(t.Context())
		if err != nil || token.AccessToken != "client-token" || !token.Valid() || token.Type() != "Bearer" {
			t.Fatalf("style %v: %+v, %v", style, token, err)
		}
		want := login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm a", ClientSecret: "s:+%"}, Scope: "decide audit", Tenant: "acme"}
		if diff := cmp.Diff(want, h.login.creds); diff != "" {
			t.Errorf("style %v (-want +got):\n%s", style, diff)
		}
		config.ClientSecret = "wrong"
		_, err = config.Token(t.Context())
		e, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok || e.ErrorCode != "invalid_client" || e.ErrorDescription != "Client authentication failed." {
			t.Errorf("style %v: %v", style, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestJWKS(t *testing.T) {
	h := newHarness(t)
	a := h.call("GET", "/.well-known/jwks.json", "")
	h.want(a, 200, "")
	etag := a.Header.Get("ETag")
	if a.Header.Get("Cache-Control") != "public, max-age=300" || len(etag) != 34 {
		t.Errorf("headers %v", a.Header)
	}
	for _, known := range []string{`"x", W/` + etag, "*"} { // RFC 9110 section 13.1.2
		a = h.call("GET", "/.well-known/jwks.json", "", header("If-None-Match", known))
		h.want(a, 304, "")
		if len(a.body) > 0 || a.Header.Get("ETag") != etag {
			t.Errorf("%s: %s %v", known, a.body, a.Header)
		}
	}
	for _, other := range []string{`"x"`, "x", `"` + etag[1:17] + `"`} {
		h.want(h.call("GET", "/.well-known/jwks.json", "", header("If-None-Match", other)), 200, "")
	}
	h.login.err = errors.New("no keys")
	a = h.call("GET", "/.well-known/jwks.json", "")
	h.want(a, 500, model.CodeInternal)
	if a.Header.Get("Cache-Control") != "no-store" || len(h.recorder.entries) > 0 {
		t.Errorf("headers %v, records %v", a.Header, h.recorder.entries)
	}
}

// Clients look for the document between the issuer's host and its path (RFC 8414
// section 3.1); some look below it.
func TestMetadataOfAnIssuerWithAPath(t *testing.T) {
	for _, path := range []string{"/base", "/a/b.c", ""} {
		h := newHarness(t)
		h.server.Issuer, h.free = "https://gate.example.com/a/b.c", true // the contract has no issuer's path
		if path == "/base" {
			h.server.Issuer = "https://gate.example.com/base"
		}
		a := h.call("GET", "/.well-known/oauth-authorization-server"+path, "")
		h.want(a, 200, "")
		if got := a.json(t)["issuer"]; got != h.server.Issuer {
			t.Errorf("%s: issuer %v", path, got)
		}
	}
	h := newHarness(t)
	h.free = true
	h.want(h.call("GET", "/.well-known/oauth-authorization-server/base", ""), 404, model.CodeNotFound)
}

func TestMetadataNamesTheIssuerOnly(t *testing.T) {
	h := newHarness(t)
	a := h.call("GET", "/.well-known/oauth-authorization-server", "", header("X-Forwarded-Host", "evil.example"),
		header("X-Forwarded-Proto", "http"), func(r *http.Request) { r.Host = "evil.example" })
	want := map[string]any{
		"issuer": "https://gate.example.com", "token_endpoint": "https://gate.example.com/oauth2/token",
		"jwks_uri": "https://gate.example.com/.well-known/jwks.json", "grant_types_supported": []any{"client_credentials"},
		"response_types_supported": []any{}, "scopes_supported": []any{"decide", "explain", "directory", "audit"},
		"ui_locales_supported":   []any{"zh-CN", "en"},
		"introspection_endpoint": "https://gate.example.com/oauth2/introspect",
		"revocation_endpoint":    "https://gate.example.com/oauth2/revoke",
	}
	methods := []any{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		want[endpoint+"_endpoint_auth_methods_supported"] = methods
		want[endpoint+"_endpoint_auth_signing_alg_values_supported"] = []any{"ES256", "EdDSA", "RS256"}
	}
	want["revocation_endpoint_auth_methods_supported"] = append(slices.Clone(methods), "none")
	if diff := cmp.Diff(want, a.json(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
