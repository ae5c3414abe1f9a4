package server

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/login"
	"rolegate/model"
)

func TestLoginStepsPassTheirArguments(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"/v1/invite/accept", `{"invite":"i","password":"p"}`, []string{"invite", "i", "p"}},
		{"/v1/login", `{"username":"u","password":"p"}`, []string{"login", "default", "u", "p"}},
		{"/v1/login", `{"tenant":"t","username":"u","password":" p\u0000ä "}`, []string{"login", "t", "u", " p\x00ä "}},
		{"/v1/login/totp", `{"ticket":"t","code":"000000"}`, []string{"totp", "t", "000000"}},
		{"/v1/login/recovery", `{"ticket":"t","code":"c"}`, []string{"recovery", "t", "c"}},
		{"/v1/login/enrol", `{"ticket":"t"}`, []string{"enrol", "t"}},
		{"/v1/login/enrol/confirm", `{"ticket":"t","code":"123456"}`, []string{"confirm", "t", "123456"}},
		{"/v1/token/refresh", `{"refresh_token":"r"}`, []string{"refresh", "r"}},
	} {
		h := newHarness(t)
		h.want(h.post(c.path, c.body), 200, "")
		if diff := cmp.Diff(c.want, h.login.got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.path, c.body, diff)
		}
		if len(h.recorder.entries) > 0 {
			t.Errorf("%s: recorded twice: %v", c.path, h.recorder.entries)
		}
	}
}

func TestLoginAnswers(t *testing.T) {
	tokens := &login.Tokens{AccessToken: "A", RefreshToken: "R", ExpiresIn: 10 * time.Minute}
	for name, c := range map[string]struct {
		result login.Result
		want   map[string]any
	}{
		"tokens": {
			login.Result{Status: login.StatusOK, Tokens: tokens},
			map[string]any{"status": "ok", "access_token": "A", "token_type": "Bearer", "expires_in": 600.0, "refresh_token": "R"},
		},
		"recovery codes": {
			login.Result{Status: login.StatusOK, Tokens: tokens, RecoveryCodes: []string{"a", "b"}},
			map[string]any{"status": "ok", "access_token": "A", "token_type": "Bearer", "expires_in": 600.0, "refresh_token": "R", "recovery_codes": []any{"a", "b"}},
		},
		"re-enrol only": {
			login.Result{Status: login.StatusOK, Tokens: tokens, Ticket: "T", ExpiresIn: 5 * time.Minute},
			map[string]any{"status": "ok", "access_token": "A", "token_type": "Bearer", "expires_in": 600.0, "refresh_token": "R", "ticket": "T", "ticket_expires_in": 300.0},
		},
		"second factor": {
			login.Result{Status: login.StatusMFARequired, Ticket: "T", Factors: []string{"totp", "recovery"}, ExpiresIn: 5 * time.Minute},
			map[string]any{"status": "mfa_required", "ticket": "T", "factors": []any{"totp", "recovery"}, "expires_in": 300.0},
		},
		"never tokens before the second factor": {
			login.Result{Status: login.StatusMFARequired, Ticket: "T", Factors: []string{"totp"}, Tokens: tokens, RecoveryCodes: []string{"a"}, ExpiresIn: 5 * time.Minute},
			map[string]any{"status": "mfa_required", "ticket": "T", "factors": []any{"totp"}, "expires_in": 300.0},
		},
		"first device": {
			login.Result{Status: login.StatusEnrolmentRequired, Ticket: "T", Factors: []string{"totp"}, ExpiresIn: 5 * time.Minute},
			map[string]any{"status": "enrolment_required", "ticket": "T", "factors": []any{"totp"}, "expires_in": 300.0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.login.result = c.result
			a := h.post("/v1/login", `{"username":"u","password":"p"}`)
			if diff := cmp.Diff(c.want, a.json(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: %s", got)
			}
		})
	}
}

func TestEnrolAnswer(t *testing.T) {
	h := newHarness(t)
	got := h.post("/v1/login/enrol", `{"ticket":"t"}`).json(t)
	want := map[string]any{"device_id": "d1", "secret": "GEZDGNBV", "otpauth_uri": "otpauth://totp/x", "qr_png": base64.StdEncoding.EncodeToString([]byte("png"))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLogout(t *testing.T) {
	h := newHarness(t)
	a := h.call("POST", "/v1/logout", "", as("user-token"))
	h.want(a, 204, "")
	if len(a.body) > 0 || h.login.caller.Session != "s1" || a.Header.Get("Rolegate-Revision") != "43" {
		t.Errorf("body %q, caller %+v, headers %v", a.body, h.login.caller, a.Header)
	}
	h.want(h.call("POST", "/v1/logout", "", as("client-token")), 401, model.CodeUnauthorized)
	h.want(h.call("POST", "/v1/logout", ""), 401, model.CodeUnauthorized)
}

func TestLoginRefusals(t *testing.T) {
	for code, status := range map[model.Code]int{
		model.CodeLoginFailed: 401, model.CodeTicketInvalid: 401, model.CodeCodeInvalid: 401, model.CodeInviteInvalid: 401,
		model.CodeTokenInvalid: 401, model.CodePasswordRejected: 422, model.CodeBusy: 503, model.CodeStoreUnavailable: 503,
		model.CodeStorageFull: 503, model.CodeAuditUnavailable: 503, model.CodeInternal: 500,
	} {
		h := newHarness(t)
		h.login.err = &model.Error{Code: code}
		h.want(h.post("/v1/invite/accept", `{"invite":"i","password":"p"}`), status, code)
	}
}
