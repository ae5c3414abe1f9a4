package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/reqctx"
	"rolegate/model"
)

const goodLogin = `{"username":"u","password":"p"}`

func TestEveryErrorCodeHasAStatus(t *testing.T) {
	source, err := os.ReadFile("../../model/error.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	for _, m := range codes {
		if _, ok := outcomes[model.Code(m[1])]; !ok {
			t.Errorf("%s is answered as an internal error", m[1])
		}
	}
	for code, to := range outcomes { // what is no answer is recorded each, whoever floods
		if want := to.status >= 500 && !to.asked && code != model.CodeBusy; code.Fault() != want {
			t.Errorf("%s is answered %d, and our fault is %v", code, to.status, code.Fault())
		}
	}
	if len(codes) != len(outcomes) {
		t.Errorf("%d codes, %d outcomes", len(codes), len(outcomes))
	}
}

func TestProblem(t *testing.T) {
	h := newHarness(t)
	h.login.err = fmt.Errorf("login: %w", &model.Error{Code: model.CodePasswordRejected, Message: "the password must have at least 8 characters"})
	a := h.post("/v1/invite/accept", `{"invite":"i","password":"p"}`)
	v := h.want(a, 422, model.CodePasswordRejected)
	trace := v["trace_id"].(string)
	want := map[string]any{"type": "urn:rolegate:problem:password_rejected", "title": "Password not accepted", "status": 422.0,
		"detail": "The password must have at least 8 characters.", "instance": "urn:rolegate:trace:" + trace,
		"code": "password_rejected", "trace_id": trace}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(trace) || h.lastLog()["trace_id"] != trace {
		t.Errorf("trace id %q, log %v", trace, h.lastLog())
	}
	if a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Content-Language") != "en" {
		t.Errorf("headers %v", a.Header)
	}

	a = h.post("/v1/invite/accept", `{"invite":"i","password":"p"}`, header("Accept-Language", "zh-CN"))
	v = h.want(a, 422, model.CodePasswordRejected)
	if v["title"] != "密码不符合要求" || a.Header.Get("Content-Language") != "zh-CN" || !strings.Contains(a.Header.Get("Vary"), "Accept-Language") {
		t.Errorf("%s %v", a.body, a.Header)
	}
	if errs := v["errors"].([]any); errs[0].(map[string]any)["reason"] != "The password must have at least 8 characters." {
		t.Errorf("the exact reason is lost: %s", a.body)
	}
}

func TestProblemListsEveryPlace(t *testing.T) {
	h := newHarness(t)
	h.login.err = &model.Error{Code: model.CodeConflict, Message: "two of them", Details: []model.Detail{{Line: 3, Column: 4, Reason: model.Say("a")}, {Path: "x[1]", Reason: model.Say("b")}}}
	v := h.want(h.callUnchecked("/v1/login", goodLogin), 409, model.CodeConflict)
	want := []any{map[string]any{"line": 3.0, "column": 4.0, "reason": "a"}, map[string]any{"path": "x[1]", "reason": "b"}}
	if diff := cmp.Diff(want, v["errors"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownErrorsSayNothing(t *testing.T) {
	for _, err := range []error{
		errors.New("dial tcp 10.1.2.3: password=hunter2"),
		&model.Error{Code: model.CodeInternal, Message: "hunter2"},
		&model.Error{Code: model.CodeKeyWrong, Message: "hunter2"},
		(&model.Error{Code: model.CodeStoreUnavailable, Message: "hunter2"}).Because(errors.New("hunter2")),
		&model.Error{Code: "no_such_code", Message: "hunter2"},
	} {
		h := newHarness(t)
		h.login.err = err
		a := h.callUnchecked("/v1/login", goodLogin)
		if a.StatusCode < 500 || strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%v: %d %s", err, a.StatusCode, a.body)
		}
		if line := h.lastLog(); !strings.Contains(line["error"].(string), "hunter2") || line["level"] != "ERROR" || strings.Count(h.logs.String(), "\n") != 1 {
			t.Errorf("the cause is not logged once: %s", h.logs)
		}
	}
}

// callUnchecked posts JSON, for answers the contract does not list for a route.
func (h *harness) callUnchecked(path, body string, options ...option) answer {
	h.t.Helper()
	h.free = true
	defer func() { h.free = false }()
	return h.post(path, body, options...)
}

func TestBusy(t *testing.T) {
	for _, err := range []error{&model.Error{Code: model.CodeBusy}, fmt.Errorf("hash: %w", context.DeadlineExceeded)} {
		h := newHarness(t)
		h.login.err = err
		a := h.post("/v1/login", goodLogin)
		h.want(a, 503, model.CodeBusy)
		if a.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
		}
	}
}

func TestPanic(t *testing.T) {
	h := newHarness(t)
	h.login.before = func(context.Context) { panic("oh no") }
	a := h.post("/v1/login", goodLogin)
	h.want(a, 500, model.CodeInternal)
	if strings.Contains(string(a.body), "oh no") || !strings.Contains(h.logs.String(), "oh no") {
		t.Errorf("%s\n%s", a.body, h.logs)
	}
	if len(h.recorder.entries) != 1 || h.recorder.entries[0].code != model.CodeInternal {
		t.Errorf("records %v", h.recorder.entries)
	}
	a = h.token("grant_type=client_credentials", basic("crm", "s"))
	if h.want(a, 500, model.CodeInternal)["error"] != "server_error" {
		t.Errorf("%s", a.body)
	}
}

func TestPanicHalfWay(t *testing.T) {
	h := newHarness(t)
	h.server.Pages = fakePages{}
	handler := h.server.observe(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("half"))
		panic("oh no")
	}))
	h.handler = withRouteContext(handler)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want the connection to be dropped", v)
		}
		if h.lastLog()["code"] != "internal" {
			t.Errorf("log %s", h.logs)
		}
	}()
	h.call("GET", "/healthz", "")
}

func TestCancelled(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.login.before = func(context.Context) { cancel() }
	h.login.err = fmt.Errorf("wait for a worker: %w", (&model.Error{Code: model.CodeBusy}).Because(context.Canceled))
	a := h.post("/v1/login", goodLogin, func(r *http.Request) { *r = *r.WithContext(ctx) })
	h.want(a, statusCancelled, model.CodeCancelled)
	if line := h.lastLog(); line["level"] != "INFO" || line["code"] != "cancelled" || line["error"] != nil {
		t.Errorf("log %v", line)
	}
	// The record is written though the request's own context has ended.
	if len(h.recorder.entries) != 1 || h.recorder.entries[0].code != model.CodeCancelled || h.recorder.ctxErr != nil {
		t.Errorf("records %v, context %v", h.recorder.entries, h.recorder.ctxErr)
	}
}

func TestFailuresAreRecorded(t *testing.T) {
	h := newHarness(t)
	h.want(h.post("/v1/login", "{"), 400, model.CodeInvalidRequest)
	want := []recorded{{model.Caller{Kind: model.CallerAnonymous}, "POST /v1/login", model.CodeInvalidRequest}}
	if diff := cmp.Diff(want, h.recorder.entries, cmp.AllowUnexported(recorded{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	h = newHarness(t)
	h.login.before = func(ctx context.Context) { reqctx.From(ctx).MarkFailed() }
	h.login.err = &model.Error{Code: model.CodeLoginFailed}
	h.want(h.post("/v1/login", goodLogin), 401, model.CodeLoginFailed)
	if len(h.recorder.entries) > 0 {
		t.Errorf("recorded twice: %v", h.recorder.entries)
	}

	// What no route takes is nobody's, but below what must be accounted for; another method
	// of what is for everybody, too.
	h = newHarness(t)
	h.call("GET", "/nowhere", "")
	h.call("POST", "/healthz", "")
	h.call("POST", "/v1/audit/checkpoint", "")
	h.call("GET", "/v1/explain", "")
	h.call("DELETE", "/v1/admin/users/ann", "")
	h.call("GET", "/v1/login", "")
	h.call("BREW", "/v1/login/nowhere/secret", "")
	h.post("/access/v1/nowhere", "{}")
	anonymous := model.Caller{Kind: model.CallerAnonymous}
	want = []recorded{
		{anonymous, "GET /v1/explain", model.CodeMethodNotAllowed}, {anonymous, "DELETE /v1/admin/users/{id}", model.CodeMethodNotAllowed},
		{anonymous, "GET /v1/login", model.CodeMethodNotAllowed}, {anonymous, "OTHER /v1/login*", model.CodeNotFound},
		{anonymous, "POST /access/v1/*", model.CodeNotFound},
	}
	if diff := cmp.Diff(want, h.recorder.entries, cmp.AllowUnexported(recorded{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnrecordedFailureIsNotAnswered(t *testing.T) {
	for path, ask := range map[string]func(h *harness) answer{
		"login":  func(h *harness) answer { return h.post("/v1/login", "{") },
		"token":  func(h *harness) answer { return h.token("grant_type=password") },
		"decide": func(h *harness) answer { return h.post("/access/v1/evaluation", "{}") },
		"logout": func(h *harness) answer { return h.call("POST", "/v1/logout", "") },
	} {
		h := newHarness(t)
		h.recorder.err = errors.New("disk on fire")
		a := ask(h)
		h.want(a, 503, model.CodeAuditUnavailable)
		if a.Header.Get("Retry-After") == "" || a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: headers %v", path, a.Header)
		}
		if !strings.Contains(h.logs.String(), "disk on fire") {
			t.Errorf("%s: the cause is not logged", path)
		}
	}
	h := newHarness(t) // the service already found the log unavailable: it is not tried again
	h.login.err = &model.Error{Code: model.CodeAuditUnavailable}
	h.want(h.post("/v1/login", goodLogin), 503, model.CodeAuditUnavailable)
	if len(h.recorder.entries) > 0 {
		t.Errorf("records %v", h.recorder.entries)
	}
}
