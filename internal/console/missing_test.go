package console_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rolegate/internal/testkit"
)

// TestWhoIsLost has a page with the navigation where there is none, if they are logged in;
// whose session has to be renewed for that are strangers, and nothing is renewed.
func TestWhoIsLost(t *testing.T) {
	k := testkit.New(t)
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	for _, path := range []string{"/nothing/here", "/logout"} {
		if v.Get(path); len(v.Page.All(`.menu a[href="/account"]`)) != 1 || len(v.Page.All("form.logout")) != 1 {
			t.Errorf("%s: %s", path, v.Page.Body)
		}
	}
	k.Advance(11 * time.Minute)
	refresh := v.Cookies["__Host-rolegate-refresh"]
	if v.Get("/nothing/here").Want(t, 404, ""); len(v.Page.All(".menu")) > 0 || v.Cookies["__Host-rolegate-refresh"] != refresh {
		t.Error("a page that is not there renews a session")
	}
	v.Get("/account").Want(t, 200, "/account")
	v.Cookies = map[string]string{"__Host-rolegate-access": "none"}
	v.Get("/nothing/here").Want(t, 404, "")
}

// TestHead asks for the head of pages, which is that of a GET.
func TestHead(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	for _, c := range []struct {
		path, token string
		status      int
		allow       string
	}{
		{"/login", "", 200, ""}, {"/account", ann.Access, 200, ""}, {"/account", "", 303, ""}, {"/console/people", ann.Access, 403, ""},
		{"/nothing/here", "", 404, ""}, {"/logout", "", 405, "POST"}, {"/v1/me/sessions", ann.Access, 405, "GET"}, {"/healthz", "", 200, ""},
	} {
		req, err := http.NewRequest("HEAD", k.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		req.AddCookie(&http.Cookie{Name: "__Host-rolegate-access", Value: c.token})
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.status || len(body) > 0 || res.Header.Get("Allow") != c.allow {
			t.Errorf("HEAD %s: %d %q, Allow %q, %v", c.path, res.StatusCode, body, res.Header.Get("Allow"), err)
		}
	}
	if a := k.Call("PUT", "/login", "", nil); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("PUT /login: %d, Allow %q", a.Status, a.Header.Get("Allow"))
	}
}

// TestTooManyGlances comes with a session's token that is none any more, when an address
// has sent so many that no more are looked at: pages are shown as to a stranger. Once it
// has sent so many requests that nothing is looked at, nobody is told to be logged out
// whose session may go on.
func TestTooManyGlances(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_LOGIN_RATE=3")
	k.MustEnrol("ann")
	v := k.Visitor(t)
	stale := func() *testkit.Visitor { v.Cookies["__Host-rolegate-refresh"] = "none"; return v }
	refresh := func() int {
		return k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": "none"}).Status
	}
	for range 12 {
		if got := refresh(); got != http.StatusUnauthorized {
			t.Fatalf("a refresh: %d", got)
		}
	}
	stale().Get("/account").Want(t, 200, "/login") // what is no token past the limit is looked at, and is none
	stale().Get("/login").Want(t, 200, "/login")
	stale().Submit("form[action='/login']", "username", "ann", "password", testkit.Password).Want(t, 200, "/login").One(t, "#code")

	for range 80 { // 60 are heard at once
		refresh()
	}
	stale().Post("/logout").Want(t, http.StatusTooManyRequests, "/logout")
	stale().Get("/account").Want(t, http.StatusTooManyRequests, "/account")
}

// TestWhatIsNotThere asks for what there is none of: a reader gets a page in their
// language, a program a problem.
func TestWhatIsNotThere(t *testing.T) {
	k := testkit.New(t)
	for _, c := range []struct {
		method, path, language string
		status                 int
		title                  string
	}{
		{"GET", "/nothing/here", "en", 404, "Not found"},
		{"GET", "/nothing/here", "zh-CN", 404, "未找到"},
		{"GET", "/logout", "en", 405, "Method not allowed"},
		{"GET", "/assets/none/app.css", "zh-CN", 404, "未找到"},
	} {
		v := k.Visitor(t)
		v.Language = c.language
		page := v.Get(c.path).Want(t, c.status, c.path)
		if got := page.Text("h1"); got != c.title || len(page.All(`a[href="/"]`)) == 0 {
			t.Errorf("%s %s, %s: the title is %q:\n%s", c.method, c.path, c.language, got, page.Body)
		}
		if len(page.All(`main a[href="`+c.path+`"]`)) > 0 {
			t.Errorf("%s %s: it would have the reader try again", c.method, c.path)
		}
		if strings.Contains(page.Header.Get("Content-Security-Policy"), "unsafe") || page.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: policy %q", c.method, c.path, page.Header.Get("Content-Security-Policy"))
		}
	}
	for path, accept := range map[string]string{"/nothing/here": "*/*", "/v1/nothing": "text/html", "/access/v1/nothing": "text/html", "/logout": "application/json"} {
		req, err := http.NewRequest("GET", k.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		if a := k.Send(req); a.Code() != "not_found" && a.Code() != "method_not_allowed" {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
	}
}
