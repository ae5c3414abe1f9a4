package checklist

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(156, "every answer, whatever it is, has the headers that keep browsers from guessing, framing, telling and keeping; only documents that are the same for everybody may be kept", headersOfAll)
	holds(157, "every cookie that is set is __Host-, Secure, HttpOnly, SameSite and of the path /", cookies)
	holds(158, "only the exact origins that were named may read an answer, with the cookie of a known device, and only of what people call for themselves; no other origin may, nor `*`", origins)
	holds(159, "what changes anything is refused to pages of other origins, and to bodies that a form can send", crossSite)
	holds(176, "errors are problem documents with type, title, status, code and trace id; the language changes only what people read", problems)
}

// mayBeKept are the answers that are the same for everybody, and how they may be kept:
// the files of the pages have the digest of what is in them in their address.
var mayBeKept = map[string]string{
	"/.well-known/jwks.json":                  "public, max-age=300",
	"/.well-known/oauth-authorization-server": "public, max-age=300",
	"/.well-known/authzen-configuration":      "public, max-age=300",
	"/v1/audit/*":                             "public, max-age=1", // the log's hashes
	"/assets/*":                               "public, max-age=31536000, immutable",
}

// kept is how an answer of a path may be kept, if it is a good one.
func kept(path string) string {
	for _, below := range []string{"/v1/audit/", "/assets/"} {
		if strings.HasPrefix(path, below) {
			return mayBeKept[below+"*"]
		}
	}
	return mayBeKept[path]
}

func headersOfAll(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_ISSUER=https://gate.example.com", "ROLEGATE_CORS_ORIGINS=https://crm.example.com")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain", "directory"}})
	client := k.TokenFor("crm", secret)
	alice := k.MustEnrol("alice", "sales-rep")
	check := func(what string, a testkit.Answer, path string) {
		t.Helper()
		h := a.Header
		csp := h.Get("Content-Security-Policy")
		for name, good := range map[string]bool{
			"X-Content-Type-Options":  h.Get("X-Content-Type-Options") == "nosniff",
			"Referrer-Policy":         h.Get("Referrer-Policy") == "no-referrer" || strings.HasPrefix(h.Get("Content-Type"), "text/html") && h.Get("Referrer-Policy") == "strict-origin",
			"Content-Security-Policy": strings.HasPrefix(csp, "default-src 'none'") && strings.Contains(csp, "frame-ancestors 'none'") && !strings.Contains(csp, "unsafe"),
			"Cache-Control":           h.Get("Cache-Control") == "no-store" || a.Status < 400 && kept(path) != "" && h.Get("Cache-Control") == kept(path),
			"Content-Type":            goodType(a) || goodFile(a, path),
			"Server":                  h.Get("Server") == "" && h.Get("X-Powered-By") == "",
		} {
			if !good {
				t.Errorf("%s: %d %s: %q", what, a.Status, name, h.Values(name))
			}
		}
		if age := regexp.MustCompile(`^max-age=(\d+)`).FindStringSubmatch(h.Get("Strict-Transport-Security")); len(age) != 2 || seconds(age[1]) < 365*24*3600 {
			t.Errorf("%s: Strict-Transport-Security: %q", what, h.Get("Strict-Transport-Security"))
		}
	}
	for _, r := range wireRoutes(t) {
		for who, headers := range map[string][]string{
			"nobody": nil, "a client": {"Authorization: Bearer " + client}, "a person": {"Authorization: Bearer " + alice.Access},
		} {
			if r.path == "/v1/logout" && who == "a person" {
				continue // needed still
			}
			check(r.method+" "+r.path+" of "+who, send(t, k, r.method, r.path, nil, headers...), r.path)
		}
	}
	permissions := send(t, k, "GET", "/v1/permissions?subject=user:alice", nil, "Authorization: Bearer "+client)
	k.Want(permissions, 200)
	for what, a := range map[string]testkit.Answer{
		"answer":      send(t, k, "POST", "/access/v1/evaluation", []byte(question), asJSON, "Authorization: Bearer "+client),
		"login":       send(t, k, "POST", "/v1/login", []byte(`{"username":"alice","password":"`+testkit.Password+`"}`), asJSON),
		"token":       k.AskToken("crm", secret),
		"no token":    k.AskToken("crm", "wrong"),
		"permissions": permissions,
		"unchanged":   send(t, k, "GET", "/v1/permissions?subject=user:alice", nil, "Authorization: Bearer "+client, "If-None-Match: "+permissions.Header.Get("ETag")),
		"no route":    send(t, k, "GET", "/nowhere", nil),
		"too large":   send(t, k, "POST", "/v1/login", make([]byte, 17<<10), asJSON),
		"preflight":   send(t, k, "OPTIONS", "/v1/login", nil, "Origin: https://crm.example.com", "Access-Control-Request-Method: POST"),
		"any options": wireOne(t, k, wireRequest("OPTIONS", "*", "")),
		"logout":      send(t, k, "POST", "/v1/logout", nil, "Authorization: Bearer "+alice.Access),
		"a page":      k.Get("/invite/" + k.Invite("bob")),
	} {
		check(what, a, "")
	}
	pagesOfAll(t, k, check)
	if got := send(t, testkit.New(t), "GET", "/healthz", nil).Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("with an http issuer browsers are told %q", got)
	}
}

// pagesOfAll gives every page to a check, as each may see it, with the files that they
// load and the policy that is downloaded.
func pagesOfAll(t *testing.T, k *testkit.Kit, check func(what string, a testkit.Answer, path string)) {
	t.Helper()
	o := officesOf(t, k)
	k.Login(o.sec)
	draft := k.Call("POST", "/v1/admin/policy/drafts", o.sec.Access, map[string]any{"title": "a draft"})
	k.Want(draft, 201)
	readers := map[string]*testkit.Person{"nobody": nil, "a person": k.MustEnrol("carol", "sales-rep"), "sys": o.sys, "sec": o.sec, "aud": o.aud}
	for _, p := range readers {
		if p != nil {
			k.Login(p)
		}
	}
	saw := map[string]int{} // pages, by what was answered to whom
	files := map[string]bool{}
	look := func(path, who string) {
		a := pageFor(t, k, path, readers[who])
		check("GET "+path+" of "+who, a, path)
		saw[strconv.Itoa(a.Status)+" "+who]++
		if a.Header.Get("Content-Type") == "text/csv; charset=utf-8" {
			saw["policies"]++
		}
		for _, file := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(string(a.Raw), -1) {
			files[file[1]] = true
		}
	}
	for _, r := range pages(t) {
		if r.method != http.MethodGet {
			continue
		}
		path := r.path
		if strings.HasPrefix(path, "/console/changes/{id}") || strings.HasPrefix(path, "/console/policy/drafts/{id}") {
			path = strings.Replace(path, "{id}", draft.Text("id"), 1)
		}
		path = parameter.ReplaceAllString(strings.NewReplacer("{revision}", "1", "{index}", "1").Replace(path), "x")
		for who := range readers {
			look(path, who)
		}
	}
	for file := range files {
		look(file, "nobody")
	}
	if saw["200 a person"] < 8 || saw["200 sys"] < 20 || saw["200 sec"] < 40 || saw["200 aud"] < 10 || saw["303 nobody"] < 50 || saw["policies"] < 2 || len(files) < 4 {
		t.Errorf("too little was seen of pages: %v, %v", saw, files)
	}
}

// pageFor is a page as a browser that somebody, or nobody, logged in with gets it.
func pageFor(t *testing.T, k *testkit.Kit, path string, p *testkit.Person) testkit.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if p != nil {
		req.Header.Set("Cookie", accessCookie+"="+p.Access+"; "+refreshCookie+"="+p.Refresh)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // which follows nothing
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Answer{Status: res.StatusCode, Header: res.Header, Raw: body}
}

// goodFile is goodType for what a page loads, or is downloaded from one.
func goodFile(a testkit.Answer, path string) bool {
	kind := a.Header.Get("Content-Type")
	switch {
	case a.Status != http.StatusOK:
		return false
	case strings.HasSuffix(path, "/policy.csv"):
		return kind == "text/csv; charset=utf-8" && strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment; ")
	case strings.HasPrefix(path, "/assets/"):
		return kind == map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}[path[strings.LastIndex(path, ".")+1:]]
	}
	return false
}

func wireOne(t *testing.T, k *testkit.Kit, text string) testkit.Answer {
	t.Helper()
	answers, _ := wire(t, k, text)
	if len(answers) != 1 {
		t.Fatalf("%q: %d answers", text, len(answers))
	}
	return answers[0]
}

func seconds(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// goodType: text says its charset; JSON has none (RFC 8259 section 11).
func goodType(a testkit.Answer) bool {
	if strings.HasPrefix(string(a.Raw), "gate.example.com/v1/audit\n") { // a checkpoint
		return a.Header.Get("Content-Type") == "text/plain; charset=utf-8"
	}
	switch a.Header.Get("Content-Type") {
	case "application/json", "application/problem+json", "text/html; charset=utf-8":
		return true
	case "":
		return len(a.Raw) == 0
	}
	return false
}

func cookies(t *testing.T) {
	for cookie, want := range map[string]bool{
		"__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Strict":           true,
		"__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=5":   true,
		"a=b; Path=/; Secure; HttpOnly; SameSite=Strict":                  false,
		"__Host-a=b; Path=/v1; Secure; HttpOnly; SameSite=Strict":         false,
		"__Host-a=b; Path=/; HttpOnly; SameSite=Strict":                   false,
		"__Host-a=b; Path=/; Secure; SameSite=Strict":                     false,
		"__Host-a=b; Path=/; Secure; HttpOnly; SameSite=None":             false,
		"__Host-a=b; Path=/; Secure; HttpOnly":                            false,
		"__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Lax; Domain=x.io": false,
	} {
		if goodCookie(cookie) != want {
			t.Fatalf("the check itself is wrong about %q", cookie)
		}
	}
	k := testkit.New(t)
	saw := 0
	k.Saw = func(req *http.Request, a testkit.Answer) {
		saw++
		for _, c := range a.Header.Values("Set-Cookie") {
			if !goodCookie(c) {
				t.Errorf("%s %s sets %q", req.Method, req.URL.Path, c)
			}
		}
	}
	story(t, k)
	if saw < 15 {
		t.Fatalf("the story has %d exchanges", saw)
	}
}

func goodCookie(text string) bool {
	c, err := http.ParseSetCookie(text)
	return err == nil && strings.HasPrefix(c.Name, "__Host-") && c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" &&
		(c.SameSite == http.SameSiteStrictMode || c.SameSite == http.SameSiteLaxMode)
}

func origins(t *testing.T) {
	const crm = "https://crm.example.com"
	k := testkit.New(t, "ROLEGATE_CORS_ORIGINS="+crm)
	preflight := func(path, origin string) testkit.Answer {
		return send(t, k, "OPTIONS", path, nil, "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
	}
	ask := func(path, origin string) testkit.Answer {
		return send(t, k, "POST", path, []byte("{}"), asJSON, "Origin: "+origin)
	}
	none := func(what string, a testkit.Answer) {
		t.Helper()
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", what, name, a.Header.Get(name))
			}
		}
	}
	for _, a := range []testkit.Answer{preflight("/v1/login", crm), ask("/v1/login", crm), preflight("/v1/me/sessions", crm)} {
		if a.Header.Get("Access-Control-Allow-Origin") != crm || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("the CRM's own page cannot log anybody in: %d %v", a.Status, a.Header)
		}
	}
	for _, origin := range []string{"null", "*", "https://evil.example", "http://crm.example.com", "https://crm.example.com.evil.example", "https://evilcrm.example.com",
		"https://crm.example.com:443", "https://crm.example.com:8443", "https://CRM.example.com", "https://crm.example.com/", "https://crm.example.co", "https://x.crm.example.com", "crm.example.com", crm + ", " + crm} {
		none(origin, preflight("/v1/login", origin))
		none(origin, ask("/v1/login", origin))
	}
	for _, a := range []testkit.Answer{preflight("/v1/login", crm), preflight("/v1/login", "https://evil.example"), ask("/v1/login", crm), send(t, k, "POST", "/v1/login", nil)} {
		if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("a cache may give this to another origin: %d, Vary: %q", a.Status, a.Header.Values("Vary"))
		}
	}
	for _, path := range []string{"/access/v1/evaluation", "/v1/filter", "/oauth2/token", "/oauth2/introspect", "/v1/admin/import", "/v1/admin/users", "/v1/admin/offices/requests", "/healthz", "/.well-known/jwks.json", "/nowhere", "/v1/login/"} {
		none(path, preflight(path, crm))
		none(path, ask(path, crm))
	}
}

func crossSite(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_ISSUER=https://gate.example.com", "ROLEGATE_CORS_ORIGINS=https://crm.example.com")
	alice := k.MustEnrol("alice")
	login := []byte(`{"username":"alice","password":"` + testkit.Password + `"}`)
	cookie := "Cookie: " + accessCookie + "=" + alice.Access + "; " + refreshCookie + "=" + alice.Refresh
	for _, foreign := range [][]string{
		{"Origin: https://evil.example"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"},
		{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, {"Origin: https://crm.example.com.evil.example"},
	} {
		a := send(t, k, "POST", "/v1/login", login, append(foreign, asJSON, cookie)...)
		b := send(t, k, "POST", "/v1/logout", nil, append(foreign, "Authorization: Bearer "+alice.Access, cookie)...)
		if a.Status != 403 || b.Status != 403 {
			t.Errorf("%q logs in %d, out %d", foreign, a.Status, b.Status)
		}
		for _, r := range pages(t) {
			if r.method != http.MethodPost {
				continue
			}
			a := send(t, k, "POST", parameter.ReplaceAllString(r.path, "x"), []byte("password=x"), append(foreign, "Content-Type: application/x-www-form-urlencoded", cookie)...)
			if a.Status != 403 || len(a.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s from %q: %d %v", r.path, foreign, a.Status, a.Header.Values("Set-Cookie"))
			}
		}
	}
	if a := send(t, k, "GET", "/account", nil, cookie, "Accept: text/html"); a.Status != 200 {
		t.Errorf("the session was ended from elsewhere: %d", a.Status)
	}
	for _, kind := range []string{"text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		if a := send(t, k, "POST", "/v1/login", login, "Content-Type: "+kind, cookie); a.Status != 415 {
			t.Errorf("%q: %d", kind, a.Status)
		}
	}
	for _, own := range [][]string{
		nil, {"Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: none"}, {"Origin: https://gate.example.com"}, {"Origin: https://crm.example.com", "Sec-Fetch-Site: cross-site"},
	} {
		if a := send(t, k, "POST", "/v1/login", login, append(own, asJSON, cookie)...); a.Status != 200 {
			t.Errorf("%q: %d %s", own, a.Status, a.Raw)
		}
	}
}

func problems(t *testing.T) {
	k := testkit.New(t)
	client := k.ClientToken("crm")
	ours := []string{"urn:rolegate:problem:", "urn:rolegate:trace:"}
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
		headers            []string
	}{
		{"GET", "/nowhere", "", 404, "not_found", nil},
		{"GET", "/v1/login", "", 405, "method_not_allowed", nil},
		{"POST", "/v1/login", "{", 400, "invalid_request", []string{asJSON}},
		{"POST", "/v1/login", "x", 415, "unsupported_media_type", nil},
		{"POST", "/v1/login", strings.Repeat(" ", 17<<10), 413, "request_too_large", []string{asJSON}},
		{"POST", "/v1/login", `{"username":"a","password":"b"}`, 401, "login_failed", []string{asJSON}},
		{"POST", "/access/v1/evaluation", question, 401, "unauthorized", []string{asJSON}},
		{"POST", "/v1/explain", question, 403, "forbidden", []string{asJSON, "Authorization: Bearer " + client}},
	} {
		en := send(t, k, c.method, c.path, []byte(c.body), append(c.headers, "Accept-Language: en")...)
		zh := send(t, k, c.method, c.path, []byte(c.body), append(c.headers, "Accept-Language: zh-CN")...)
		for _, a := range []testkit.Answer{en, zh} {
			if a.Status != c.status || a.Code() != c.code || a.Header.Get("Content-Type") != "application/problem+json" || a.Body["status"] != float64(c.status) ||
				a.Text("type") != ours[0]+c.code || len(a.Text("trace_id")) != 32 || a.Text("instance") != ours[1]+a.Text("trace_id") || a.Text("title") == "" {
				t.Errorf("%s %s: %d %s", c.method, c.path, a.Status, a.Raw)
			}
		}
		if en.Text("title") == zh.Text("title") || en.Text("detail") == zh.Text("detail") || zh.Header.Get("Content-Language") != "zh-CN" {
			t.Errorf("%s %s: not translated: %s", c.method, c.path, zh.Raw)
		}
		for _, member := range []string{"title", "detail", "trace_id", "instance", "errors"} {
			delete(en.Body, member)
			delete(zh.Body, member)
		}
		if len(en.Body) != len(zh.Body) {
			t.Errorf("%v and %v", en.Body, zh.Body)
		}
		for member, v := range en.Body {
			if zh.Body[member] != v {
				t.Errorf("%s %s: %s is %v and %v", c.method, c.path, member, v, zh.Body[member])
			}
		}
	}
}
