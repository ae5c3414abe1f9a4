package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
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
	h.want(h.call("HEAD", "/healthz", ""), 200, "")
	for _, method := range []string{"POST", "OPTIONS"} {
		if a := h.call(method, "/healthz", ""); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
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
		if bad == nil || !strings.HasPrefix(bad[0], "Bearer") { // who brought no token of ours is told of none (RFC 6750 section 3.1)
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
	for _, budget := range login.Locks {
		want["rolegate_locks_total budget="+budget] = 0
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

// A crowd that is turned away is in a metric, and warned of once a minute: it is no fault
// of ours, and a line at Error for each would hide those that are. That the database takes
// too long is one.
func TestACrowdIsWarnedOfOnce(t *testing.T) {
	h := newHarness(t)
	for i, want := range []string{"WARN", "INFO", "INFO"} {
		h.login.err = model.Errorf(model.CodeBusy, "no worker").Because(errors.New("came free"))
		h.want(h.post("/v1/login", goodLogin), 503, model.CodeBusy)
		if line := h.lastLog(); line["level"] != want || line["code"] != string(model.CodeBusy) {
			t.Errorf("%d: %v, want level %s", i, line, want)
		}
	}
	h.login.err = context.DeadlineExceeded
	h.want(h.post("/v1/login", goodLogin), 503, model.CodeBusy)
	if line := h.lastLog(); line["level"] != "ERROR" {
		t.Errorf("a fault of ours: %v", line)
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
