package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"rolegate/internal/login"
	"rolegate/internal/policy"
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
	h.login.before = func(ctx context.Context) { reqctx.From(ctx).MarkRecorded() }
	h.login.err = &model.Error{Code: model.CodeLoginFailed}
	h.want(h.post("/v1/login", goodLogin), 401, model.CodeLoginFailed)
	if len(h.recorder.entries) > 0 {
		t.Errorf("recorded twice: %v", h.recorder.entries)
	}

	// What no route takes is nobody's, but below what must be accounted for.
	h = newHarness(t)
	h.call("GET", "/nowhere", "")
	h.call("GET", "/v1/explain", "")
	h.call("GET", "/v1/login", "")
	h.call("BREW", "/v1/login/nowhere/secret", "")
	h.post("/access/v1/nowhere", "{}")
	anonymous := model.Caller{Kind: model.CallerAnonymous}
	want = []recorded{
		{anonymous, "GET /v1/login*", model.CodeMethodNotAllowed}, {anonymous, "OTHER /v1/login*", model.CodeNotFound},
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

func TestSecurityHeaders(t *testing.T) {
	h := newHarness(t)
	for name, a := range map[string]answer{
		"good":   h.call("GET", "/healthz", ""),
		"error":  h.post("/v1/login", "{"),
		"404":    h.call("GET", "/nowhere", ""),
		"405":    h.call("GET", "/v1/login", ""),
		"denied": h.post("/access/v1/evaluation", "{}"),
		"no one": h.call("POST", "/v1/logout", "", as("user-token")),
	} {
		for header, want := range map[string]string{
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "no-referrer",
			"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
			"Cache-Control":             "no-store",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s: %q, want %q", name, header, got, want)
			}
		}
	}
	h = newHarness(t)
	h.server.Issuer = "http://localhost:8080"
	if got := h.call("GET", "/healthz", "").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("without TLS: %s", got)
	}
}

func TestRequestID(t *testing.T) {
	longest := strings.Repeat("x", 4096)
	for _, id := range []string{"1", "a b", "7f1c-é"[:5], `"quoted", {json}`, "a\tb", "中文", longest} {
		h := newHarness(t)
		for status, a := range map[int]answer{
			200: h.decide("evaluation", aliceReads, header("X-Request-ID", id)),
			400: h.decide("evaluation", "{}", header("X-Request-ID", id)),
			401: h.post("/access/v1/evaluation", aliceReads, header("X-Request-ID", id)),
			404: h.post("/access/v1/nothing", aliceReads, header("X-Request-ID", id)),
			405: h.call("GET", "/access/v1/evaluation", "", header("X-Request-ID", id)),
			413: h.decide("evaluation", strings.Repeat(" ", 256<<10+1), header("X-Request-ID", id)),
		} {
			if got := a.Header.Values("X-Request-ID"); a.StatusCode != status || len(got) != 1 || got[0] != id {
				t.Errorf("%d: X-Request-ID: %q, want %q (%d)", a.StatusCode, got, id, status)
			}
		}
	}
	h := newHarness(t)
	h.lenient = true
	for _, ids := range [][]string{{"a", "b"}, {"a", "a"}} {
		if got := h.decide("evaluation", aliceReads, header("X-Request-ID", ids...)).Header.Values("X-Request-ID"); len(got) != 1 || got[0] != "a" {
			t.Errorf("%q is answered %q", ids, got)
		}
	}
	if got := h.decide("evaluation", aliceReads, header("X-Request-ID", "")).Header.Get("X-Request-ID"); got != h.lastLog()["trace_id"] {
		t.Errorf("an empty one is answered %q", got)
	}
	a := h.call("GET", "/healthz", "")
	if got := a.Header.Get("X-Request-ID"); got == "" || got != h.lastLog()["trace_id"] {
		t.Errorf("without one of its own: %q, trace id %v", got, h.lastLog()["trace_id"])
	}
}

func TestPathsAndMethods(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/", "/v1", "/v1/login/", "//v1/login", "/v1//login", "/./v1/login", "/x/../v1/login", "/V1/login",
		"/v1/login%2Ftotp", "/v1/login%00", "/v1/login;x", "/v1/%6cogin", "/metrics", "/readyz", "/debug/pprof/", `/v1\login`, "/access/v1/search", "/access/v1/search/role"} {
		a := h.callUnchecked(path, goodLogin)
		h.want(a, 404, model.CodeNotFound)
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} {
		a := h.call(method, "/access/v1/evaluation", aliceReads, as("client-token"))
		h.want(a, 405, model.CodeMethodNotAllowed)
		if got := a.Header.Get("Allow"); got != "POST" {
			t.Errorf("%s: Allow: %s", method, got)
		}
	}
	for _, method := range []string{"POST", "HEAD", "OPTIONS"} {
		if a := h.call(method, "/healthz", ""); a.StatusCode != 405 || a.Header.Get("Allow") != "GET" {
			t.Errorf("%s /healthz: %d, Allow: %s", method, a.StatusCode, a.Header.Get("Allow"))
		}
	}
	h.want(h.call("PROPFIND", "/nowhere", ""), 404, model.CodeNotFound)
	for _, name := range []string{"X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri"} {
		if a := h.call("GET", "/v1/login", "", header(name, "/healthz")); a.StatusCode != 405 {
			t.Errorf("%s has an effect: %d", name, a.StatusCode)
		}
	}
	if h.login.got != nil || h.decider.got != nil {
		t.Error("a service was called")
	}
}

func TestBearer(t *testing.T) {
	for _, good := range []string{"Bearer user-token", "bearer user-token", "BEARER user-token"} {
		h := newHarness(t)
		h.want(h.call("POST", "/v1/logout", "", header("Authorization", good)), 204, "")
	}
	for _, bad := range [][]string{
		nil, {""}, {"Bearer"}, {"Bearer "}, {"Bearer  user-token"}, {"Bearer\tuser-token"}, {"user-token"}, {"Basic user-token"},
		{"Bearer user-token "}, {"Bearer user-token, Bearer user-token"}, {"Bearer user-token", "Bearer user-token"}, {"Bearer user-token", "Basic x"},
		{"Bearer user token"}, {"Bearer \"user-token\""}, {"Bearer ="}, {"Bearer usér"}, {"Bearer " + strings.Repeat("x", 8200)},
	} {
		h := newHarness(t)
		a := h.call("POST", "/v1/logout", "access_token=user-token", header("Authorization", bad...), header("Cookie", "access_token=user-token"),
			header("Content-Type", "application/x-www-form-urlencoded"), func(r *http.Request) { r.URL.RawQuery = "access_token=user-token" })
		h.want(a, 401, model.CodeUnauthorized)
		want := `Bearer realm="rolegate", error="invalid_token"`
		if bad == nil {
			want = `Bearer realm="rolegate"`
		}
		if got := a.Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%.40q: WWW-Authenticate: %s", bad, got)
		}
	}
}

func TestCORS(t *testing.T) {
	const crm = "https://crm.example.com"
	preflightFor := func(h *harness, method, path, origin string) answer {
		return h.call("OPTIONS", path, "", header("Origin", origin), header("Access-Control-Request-Method", method),
			header("Access-Control-Request-Headers", "authorization,content-type"))
	}
	preflight := func(h *harness, path, origin string) answer { return preflightFor(h, "POST", path, origin) }
	h := newHarness(t)
	h.server.CORSOrigins = []string{crm}
	for _, r := range walk(t) {
		if !forPages(r.path) {
			continue
		}
		a := preflightFor(h, r.method, r.path, crm)
		if a.StatusCode != 200 || a.Header.Get("Access-Control-Allow-Origin") != crm || a.Header.Get("Access-Control-Allow-Methods") != r.method ||
			a.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s %s: %d %v", r.method, r.path, a.StatusCode, a.Header)
		}
	}
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		a := h.call("OPTIONS", "/v1/me/devices/x", "", header("Origin", crm), header("Access-Control-Request-Method", method),
			header("Access-Control-Request-Headers", "authorization,content-type,rolegate-device"))
		if a.StatusCode != 200 || a.Header.Get("Access-Control-Allow-Origin") != crm || a.Header.Get("Access-Control-Allow-Methods") != method {
			t.Errorf("%s of one's own account: %d %v", method, a.StatusCode, a.Header)
		}
	}
	a := h.call("GET", "/v1/me/sessions", "", header("Origin", crm))
	for _, name := range []string{"WWW-Authenticate", "Retry-After", deviceHeader, revisionHeader} {
		if !slices.Contains(strings.Split(a.Header.Get("Access-Control-Expose-Headers"), ", "), http.CanonicalHeaderKey(name)) {
			t.Errorf("a page cannot read %s: %v", name, a.Header)
		}
	}
	a = h.post("/v1/login", goodLogin, header("Origin", crm))
	if a.Header.Get("Access-Control-Allow-Origin") != crm || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("headers %v", a.Header)
	}
	if a = h.post("/v1/login", "{", header("Origin", crm)); a.Header.Get("Access-Control-Allow-Origin") != crm {
		t.Error("a page cannot read why its login failed")
	}
	for _, origin := range []string{"null", "", "*", "http://crm.example.com", "https://crm.example.com.evil.example", "https://evilcrm.example.com",
		"https://crm.example.com:443", "https://CRM.example.com", "https://crm.example.com/"} {
		for _, a := range []answer{preflight(h, "/v1/login", origin), h.post("/v1/login", goodLogin, header("Origin", origin))} {
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("origin %q is allowed as %q", origin, got)
			}
		}
	}
	for _, path := range []string{"/access/v1/evaluation", "/oauth2/token", "/healthz", "/.well-known/jwks.json", "/nowhere", "/v1/admin/users", "/v1/me"} {
		if a := preflight(h, path, crm); a.StatusCode < 400 || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
		}
	}
	h = newHarness(t)
	if a := preflight(h, "/v1/login", crm); a.StatusCode != 405 || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("with no origins: %d %v", a.StatusCode, a.Header)
	}
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		proxies, peer string
		headers       []option
		want          string
	}{
		{"", "203.0.113.9:1234", nil, "203.0.113.9"},
		{"", "203.0.113.9:1234", []option{header("X-Forwarded-For", "198.51.100.1"), header("X-Real-IP", "198.51.100.1"), header("True-Client-IP", "198.51.100.1"), header("Forwarded", "for=198.51.100.1")}, "203.0.113.9"},
		{"", "[::ffff:203.0.113.9]:1234", nil, "203.0.113.9"},
		{"", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"", "@", nil, ""},
		{"10.0.0.0/8", "10.0.0.1:1234", []option{header("X-Forwarded-For", "198.51.100.1")}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", []option{header("X-Forwarded-For", "1.1.1.1, 198.51.100.1, 10.0.0.2")}, "198.51.100.1"},
		{"10.0.0.0/8", "203.0.113.9:1234", []option{header("X-Forwarded-For", "198.51.100.1")}, "203.0.113.9"},
		{"10.0.0.0/8", "10.0.0.1:1234", []option{header("X-Forwarded-For", "198.51.100.1, garbage")}, "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", nil, "10.0.0.1"},
	} {
		h := newHarness(t)
		if c.proxies != "" {
			h.server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.proxies)}
		}
		var got reqctx.Request
		h.login.before = func(ctx context.Context) {
			got.Address, got.UserAgent, got.TraceID = reqctx.From(ctx).Address, reqctx.From(ctx).UserAgent, reqctx.From(ctx).TraceID
		}
		h.post("/v1/login", goodLogin, append(c.headers, header("User-Agent", strings.Repeat("é", 200)), func(r *http.Request) { r.RemoteAddr = c.peer })...)
		if got.Address != c.want || got.UserAgent != strings.Repeat("é", 128) || got.TraceID != h.lastLog()["trace_id"] {
			t.Errorf("%s behind %q: address %q, want %q; %q", c.peer, c.proxies, got.Address, c.want, got.UserAgent)
		}
		if strings.Contains(h.logs.String(), "203.0.113.9") || strings.Contains(h.logs.String(), "198.51") {
			t.Errorf("the log holds an address: %s", h.logs)
		}
	}
}

func TestLogAndMetrics(t *testing.T) {
	h := newHarness(t)
	h.decide("evaluation", aliceReads)
	h.call("GET", "/invite/SECRETinvite", "")
	line := h.lastLog()
	for _, attr := range []string{"method", "route", "status", "duration_ms", "trace_id"} {
		if line[attr] == nil {
			t.Errorf("no %s in %v", attr, line)
		}
	}
	if line["route"] != "/invite/{invite}" || line["msg"] != "request" {
		t.Errorf("log %v", line)
	}
	h.call("GET", "/invite/SECRETinvite/x", "")
	h.call("DELETE", "/invite/SECRETinvite", "")
	h.call("BREW", "/SECRETinvite", "")
	if strings.Contains(h.logs.String(), "SECRETinvite") || strings.Contains(h.logs.String(), "BREW") {
		t.Errorf("the log holds what a path says: %s", h.logs)
	}
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetType() == dto.MetricType_COUNTER {
				got[f.GetName()+labels(m)] = m.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{
		"rolegate_decisions_total code=allowed outcome=allow":                             1,
		"rolegate_http_requests_total method=POST route=/access/v1/evaluation status=200": 1,
		"rolegate_http_requests_total method=GET route=/invite/{invite} status=200":       1,
		"rolegate_http_requests_total method=GET route=unmatched status=404":              1,
		"rolegate_http_requests_total method=DELETE route=unmatched status=405":           1,
		"rolegate_http_requests_total method=OTHER route=unmatched status=404":            1,
		"rolegate_problems_total code=method_not_allowed":                                 1,
		"rolegate_problems_total code=not_found":                                          2,
		"rolegate_problems_total code=revision_unavailable":                               0, // there from the start
	}
	for _, budget := range append(slices.Clone(login.Budgets), budgetRequests) {
		want["rolegate_throttled_total budget="+budget] = 0 // likewise
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each request has its line, but for decisions that went well: those only where
// somebody wants them all.
func TestLogLevels(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(h *harness)
		want string
	}{
		"decision": {func(h *harness) { h.decide("evaluation", aliceReads) }, "DEBUG"},
		"denial": {func(h *harness) {
			h.decider.answer = deciding("101")
			h.decide("evaluation", aliceReads)
		}, "DEBUG"},
		"batch":          {func(h *harness) { h.decide("evaluations", batchOf(2)) }, "DEBUG"},
		"no question":    {func(h *harness) { h.decide("evaluation", "{}") }, "INFO"},
		"no caller":      {func(h *harness) { h.post("/access/v1/evaluation", aliceReads) }, "INFO"},
		"login":          {func(h *harness) { h.post("/v1/login", goodLogin) }, "INFO"},
		"fault":          {func(h *harness) { h.decider.err = errors.New("oh"); h.decide("evaluation", aliceReads) }, "ERROR"},
		"fault in batch": {func(h *harness) { h.decider.answer = faulty; h.decide("evaluations", batchOf(2)) }, "ERROR"},
	} {
		h := newHarness(t)
		c.ask(h)
		if line := h.lastLog(); line["level"] != c.want || line["msg"] != "request" {
			t.Errorf("%s: %v, want level %s", name, line, c.want)
		}
		h = newHarness(t)
		h.server.Logger = slog.New(slog.NewJSONHandler(h.logs, nil))
		if c.ask(h); (h.logs.Len() == 0) != (c.want == "DEBUG") {
			t.Errorf("%s: at the usual level the log has %q", name, h.logs)
		}
	}
}

func faulty(policy.Request) model.Decision {
	return model.Decision{Code: model.CodeInternal, Cause: errors.New("oh")}
}

func labels(m *dto.Metric) string {
	var b strings.Builder
	for _, l := range m.Label {
		fmt.Fprintf(&b, " %s=%s", l.GetName(), l.GetValue())
	}
	return b.String()
}

func TestWithoutMetrics(t *testing.T) {
	h := newHarness(t)
	h.server.Metrics = nil
	h.want(h.decide("evaluation", aliceReads), 200, "")
}
