package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"rolegate/internal/console"
	"rolegate/internal/login"
	"rolegate/model"
)

// Every route has a limiter, or a written reason why it has none; and those
// that have one are stopped by it, before anything is looked at.
func TestEveryRouteIsLimitedOrSaysWhyNot(t *testing.T) {
	for _, route := range walk(t) {
		kind, _, _ := strings.Cut(route.permission, "(")
		if strings.HasPrefix(route.permission, "person") {
			kind = route.permission
		}
		limit, ok := limited[kind]
		if !ok || limit.why == "" {
			t.Errorf("%s %s: nothing says how often somebody may call a route for %s", route.method, route.path, kind)
			continue
		}
		h := newHarness(t)
		h.lenient = true
		h.server.Pages = &console.Pages{}
		h.server.LoginRate = 1 // 20 requests at once
		status := 0
		path := strings.NewReplacer("{invite}", "x", "{tenant}", "default", "/*", "/x").Replace(route.path)
		for range 21 {
			status = h.call(route.method, path, "not json").StatusCode
		}
		if limit.requests != (status == http.StatusTooManyRequests) {
			t.Errorf("%s %s, for %s: the 21st request is answered %d", route.method, route.path, kind, status)
		}
		if !route.page {
			continue
		}
		for range 21 { // whose session is to be renewed, which whoever makes a token up can ask for
			status = h.call(route.method, path, "not json", header("Cookie", "__Host-rolegate-refresh=made-up")).StatusCode
		}
		if renews := kind != "public"; renews != (status == http.StatusTooManyRequests) {
			t.Errorf("%s %s, for %s: the 21st renewal is answered %d", route.method, route.path, kind, status)
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	h := newHarness(t)
	h.server.LoginRate = 1
	h.server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's
	known := h.server.Known.(*fakeKnown)
	from := func(addr string) option { return header("X-Forwarded-For", addr) }
	until := func(o ...option) (n int, last answer) {
		for n = 0; n < 50; n++ {
			if last = h.post("/v1/login", goodLogin, o...); last.StatusCode == http.StatusTooManyRequests {
				return n, last
			}
		}
		return n, last
	}
	n, a := until(from("203.0.113.7"))
	if n != 20 {
		t.Errorf("%d requests are answered", n)
	}
	h.want(a, http.StatusTooManyRequests, model.CodeTooManyAttempts)
	if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 6 {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	if e := h.recorder.entries; len(e) != 1 || e[0].code != model.CodeTooManyAttempts {
		t.Errorf("recorded: %v", e)
	}
	if n, _ = until(from("203.0.113.8")); n != 20 {
		t.Errorf("%d requests of a neighbour are answered", n)
	}
	if n, _ = until(from("2001:db8:0:1::1")); n != 20 {
		t.Errorf("%d requests from IPv6 are answered", n)
	}
	if n, _ = until(from("2001:db8:0:1:ffff::2")); n != 0 {
		t.Errorf("%d more are from the same /64", n)
	}
	sum := 0
	for i := range 20 {
		n, _ = until(from(fmt.Sprintf("2001:db8:5:%x::1", i)))
		sum += n
	}
	if sum < 16*20 || sum > 17*20 { // some come free meanwhile
		t.Errorf("%d requests from one /48 are answered, want 16 times those of a /64", sum)
	}
	if n, _ = until(from("2001:db8:6:1::1")); n != 20 {
		t.Errorf("%d requests of the next /48 are answered", n)
	}
	known.id = "k1"
	if n, _ = until(from("203.0.113.7"), header(deviceHeader, "s3cret")); n != 20 {
		t.Errorf("%d requests of a known device are answered, whatever its neighbours do", n)
	}
}

func TestKnownDeviceIsGivenItsSecret(t *testing.T) {
	h := newHarness(t)
	h.login.result = login.Result{Status: login.StatusOK, Tokens: &login.Tokens{AccessToken: "a", RefreshToken: "r", ExpiresIn: 600e9, Device: "s3cret"}}
	for path, body := range map[string]string{
		"/v1/login": goodLogin, "/v1/login/totp": `{"ticket":"t","code":"123456"}`,
		"/v1/login/enrol/confirm": `{"ticket":"t","code":"123456"}`, "/v1/invite/accept": `{"invite":"i","password":"p"}`,
	} {
		a := h.post(path, body)
		const want = "__Host-rolegate-device=s3cret; Path=/; Max-Age=7776000; HttpOnly; Secure; SameSite=Strict"
		if got := a.Header.Get("Set-Cookie"); got != want {
			t.Errorf("%s: Set-Cookie %q", path, got)
		}
		a = h.post(path, body, header(deviceHeader, "new"))
		if a.Header.Get("Set-Cookie") != "" || a.Header.Get(deviceHeader) != "s3cret" {
			t.Errorf("%s, asked for the header: %v", path, a.Header)
		}
	}
	h.login.result.Tokens.Device = ""
	if a := h.post("/v1/login", goodLogin); a.Header.Get("Set-Cookie") != "" {
		t.Error("a device that keeps its secret is sent a cookie")
	}
}

func TestKnownDevices(t *testing.T) {
	h := newHarness(t)
	as := header("Authorization", "Bearer user-token")
	a := h.call("GET", "/v1/me/known-devices", "", as)
	devices := a.json(t)["devices"].([]any)
	if a.StatusCode != 200 || len(devices) != 2 || devices[1].(map[string]any)["current"] != true {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a = h.call("DELETE", "/v1/me/known-devices/k1", "", as); a.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	h.want(h.call("DELETE", "/v1/me/known-devices/other", "", as), 404, model.CodeNotFound)
	h.want(h.call("GET", "/v1/me/known-devices", ""), 401, model.CodeUnauthorized)
}
