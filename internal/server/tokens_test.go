package server

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/login"
	"rolegate/internal/token"
	"rolegate/model"
)

// fakeTokens is asked about tokens, and says what it is told to.
type fakeTokens struct {
	auth     login.ClientAuth
	token    string
	worth    login.Introspection
	revision int64
	err      error
}

func (f *fakeTokens) asked(ctx context.Context, a login.ClientAuth, token string) error {
	f.auth, f.token = a, token
	return f.err
}

func (f *fakeTokens) Introspect(ctx context.Context, a login.ClientAuth, token string) (login.Introspection, error) {
	return f.worth, f.asked(ctx, a, token)
}

func (f *fakeTokens) Revoke(ctx context.Context, a login.ClientAuth, token string) (int64, error) {
	return f.revision, f.asked(ctx, a, token)
}

func (h *harness) form(path, form string, options ...option) answer {
	h.t.Helper()
	return h.call("POST", path, form, append([]option{header("Content-Type", "application/x-www-form-urlencoded")}, options...)...)
}

func TestIntrospection(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	person := token.Claims{
		Issuer: "https://gate.example.com", Subject: "alice", Audience: "rolegate", ClientID: "rolegate", Tenant: "default", ID: "j1",
		IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute), SessionID: "s1", AuthTime: at, ACR: "2", AMR: []string{"pwd", "otp"},
	}
	client := token.Claims{
		Issuer: "https://gate.example.com", Subject: "crm", Audience: "rolegate", ClientID: "crm", Tenant: "default", ID: "j2",
		IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute), Scope: "decide",
	}
	for name, c := range map[string]struct {
		worth login.Introspection
		want  map[string]any
	}{
		"not active": {login.Introspection{Claims: person, Username: "alice"}, map[string]any{"active": false}},
		"person": {login.Introspection{Active: true, Claims: person, Username: "Alice"}, map[string]any{
			"active": true, "token_type": "Bearer", "iss": "https://gate.example.com", "sub": "alice", "aud": "rolegate", "client_id": "rolegate",
			"tenant": "default", "username": "Alice", "iat": 1.8e9, "exp": 1.8e9 + 600, "jti": "j1", "sid": "s1", "auth_time": 1.8e9,
			"acr": "2", "amr": []any{"pwd", "otp"}}},
		"client": {login.Introspection{Active: true, Claims: client}, map[string]any{
			"active": true, "token_type": "Bearer", "iss": "https://gate.example.com", "sub": "crm", "aud": "rolegate", "client_id": "crm",
			"tenant": "default", "iat": 1.8e9, "exp": 1.8e9 + 600, "jti": "j2", "scope": "decide"}},
	} {
		h := newHarness(t)
		h.tokens.worth = c.worth
		a := h.form("/oauth2/introspect", "token=t1&token_type_hint=whatever", basic("crm", "s"))
		h.want(a, 200, "")
		if diff := cmp.Diff(c.want, a.json(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: headers %v", name, a.Header)
		}
		if h.tokens.token != "t1" || h.tokens.auth != (login.ClientAuth{ClientID: "crm", ClientSecret: "s"}) {
			t.Errorf("%s: asked %+v", name, h.tokens)
		}
	}
}

func TestRevocation(t *testing.T) {
	for name, c := range map[string]struct {
		form    string
		options []option
		want    login.ClientAuth
	}{
		"basic":         {"token=t1", []option{basic("crm", "s")}, login.ClientAuth{ClientID: "crm", ClientSecret: "s"}},
		"post":          {"token=t1&client_id=crm&client_secret=s", nil, login.ClientAuth{ClientID: "crm", ClientSecret: "s"}},
		"public client": {"token=t1&client_id=rolegate&token_type_hint=refresh_token", nil, login.ClientAuth{ClientID: "rolegate"}},
		"public name with a secret": {"token=t1&client_id=rolegate&client_secret=s", nil,
			login.ClientAuth{ClientID: "rolegate", ClientSecret: "s"}},
		"assertion": {"token=t1&client_id=rolegate&client_assertion=a.b.c&client_assertion_type=" + url.QueryEscape(assertionType), nil,
			login.ClientAuth{ClientID: "rolegate", Assertion: "a.b.c"}},
	} {
		for revision, header := range map[int64]string{0: "", 7: "7"} {
			h := newHarness(t)
			h.tokens.revision = revision
			a := h.form("/oauth2/revoke", c.form, c.options...)
			h.want(a, 200, "")
			if h.tokens.token != "t1" || h.tokens.auth != c.want {
				t.Errorf("%s: asked %+v", name, h.tokens)
			}
			if len(a.body) > 0 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get(revisionHeader) != header {
				t.Errorf("%s: %q %v", name, a.body, a.Header)
			}
		}
	}
}

func TestTokenQuestionsRefused(t *testing.T) {
	good := basic("crm", "s")
	for name, c := range map[string]struct {
		form    string
		options []option
		err     error
		status  int
		word    string
		code    model.Code
	}{
		"no credentials":  {"token=t1", nil, nil, 401, "invalid_client", model.CodeInvalidClient},
		"id alone":        {"token=t1&client_id=crm", nil, nil, 401, "invalid_client", model.CodeInvalidClient},
		"bearer":          {"token=t1", []option{as("client-token")}, nil, 401, "invalid_client", model.CodeInvalidClient},
		"bearer and name": {"token=t1&client_id=rolegate", []option{as("user-token")}, nil, 401, "invalid_client", model.CodeInvalidClient},
		"no token":        {"token=", []option{good}, nil, 400, "invalid_request", model.CodeInvalidRequest},
		"token twice":     {"token=a&token=b", []option{good}, nil, 400, "invalid_request", model.CodeInvalidRequest},
		"JSON":            {`{"token":"t1"}`, []option{good, header("Content-Type", "application/json")}, nil, 415, "invalid_request", model.CodeUnsupportedMedia},
		"wrong secret":    {"token=t1", []option{good}, &model.Error{Code: model.CodeInvalidClient}, 401, "invalid_client", model.CodeInvalidClient},
		"no scope":        {"token=t1", []option{good}, &model.Error{Code: model.CodeForbidden}, 400, "unauthorized_client", model.CodeForbidden},
		"no log":          {"token=t1", []option{good}, &model.Error{Code: model.CodeAuditUnavailable}, 503, "temporarily_unavailable", model.CodeAuditUnavailable},
	} {
		for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
			h := newHarness(t)
			h.lenient = true
			h.tokens.err = c.err
			a := h.form(path, c.form, c.options...)
			v := h.want(a, c.status, c.code)
			if v["error"] != c.word || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %v %v", path, name, v, a.Header)
			}
		}
	}
	// Being public is enough to end a token, not to ask about one.
	h := newHarness(t)
	h.want(h.form("/oauth2/introspect", "token=t1&client_id=rolegate"), 401, model.CodeInvalidClient)
	// Nor does the query count.
	h.want(h.form("/oauth2/introspect?token=t1", "", basic("crm", "s")), 400, model.CodeInvalidRequest)
}
