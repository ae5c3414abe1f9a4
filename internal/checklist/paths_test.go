package checklist

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit/audittest"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(165, "a path in another spelling is the same or none: nothing odd gets past authentication, and nothing is ever redirected", oddPaths)
	holds(166, "headers that name another method, path or user change nothing", overrides)
	holds(167, "HEAD and OPTIONS tell nothing of what is protected and change nothing", headAndOptions)
	holds(168, "one Authorization header, Bearer in any case and one space count, and nothing beside it: not a second, not a cookie, query or form", authorizations)
	holds(171, "readiness, metrics, pprof and the like are not on the public listener, and the admin listener answers nothing else", listenersApart)
	holds(172, "neither a health checker's name nor a health path within another opens anything", healthTricks)
	holds(175, "a page token that is made up, altered or of another request is 400, without a word of the database; so is one of a console page that lists what its reader may see a part of. In a policy, which is read as a whole, a page is told by a row's name or number", forgedPages)
}

func oddPaths(t *testing.T) {
	k := testkit.New(t)
	bearer := "Authorization: Bearer " + k.ClientToken("crm")
	const canonical = "/access/v1/evaluation"
	if a := wireOne(t, k, wireRequest("POST", canonical, question, asJSON, "Connection: close", bearer)); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	for _, target := range []string{
		"/" + canonical, "//gate.example.com" + canonical, "/." + canonical, "/x/.." + canonical, "/healthz/.." + canonical, "/%2e" + canonical, "/x/%2e%2e" + canonical, "/healthz/%2e%2e" + canonical,
		"/access/./v1/evaluation", "/access//v1/evaluation", "/access/v1/../v1/evaluation", "/access%2Fv1%2Fevaluation", "/access/v1%2fevaluation", "/access/v1/evaluation/", "/access/v1/evaluation/.",
		"/access/v1/evaluation;x", "/access/v1/evaluation;a=b", "/access;/v1/evaluation", "/access/v1/evaluation%00", "/access/v1/evaluation%20", "/access/v1/evaluation%0a", "/ACCESS/V1/EVALUATION", "/Access/v1/evaluation",
		`/access\v1\evaluation`, `/\access/v1/evaluation`, "/access%5cv1%5cevaluation", "/%61ccess/v1/evaluation", "/access/v1/evalu%61tion", "/access/v1/evaluation%2e", "/access/v1/evaluation.json", "/access/v1/evaluation%3f",
		"/access/v1/evaluation%23", "/access/v1/evaluation%ff", "/access/v1/evaluation%c0%af", "/access/v1/evaluation%", "/access/v1/evaluation%zz", "/access/v1/evaluation\x01", "access/v1/evaluation", "*", "?", "/access/v1/evaluation#/healthz",
		"http://gate.example.com" + canonical, "http://evil.example" + canonical, "https://gate.example.com:443" + canonical, "file://" + canonical, "http://evil.example/healthz/.." + canonical,
		canonical + "?", canonical + "?/healthz", canonical + "?x=%2e%2e", "/v1/admin/teams/../../../access/v1/evaluation", "/v1/forward-auth/path/../../../access/v1/evaluation",
	} {
		stranger := wireOne(t, k, wireRequest("POST", target, question, asJSON, "Connection: close"))
		if s := stranger.Status; s != 401 && s != 404 && s != 405 && s != 400 {
			t.Errorf("%q without a token: %d %s", target, s, stranger.Raw)
		}
		known := wireOne(t, k, wireRequest("POST", target, question, asJSON, "Connection: close", bearer))
		if same := known.Status == 200 && stranger.Status == 401; !same && known.Status != 404 && known.Status != 400 && known.Status != 401 && known.Status != 405 {
			t.Errorf("%q: %d %s", target, known.Status, known.Raw)
		}
		for _, a := range []testkit.Answer{stranger, known} {
			if a.Header.Get("Location") != "" {
				t.Errorf("%q redirects to %s", target, a.Header.Get("Location"))
			}
		}
	}
	for _, target := range []string{"//evil.example", "//evil.example/%2e%2e", "/\\evil.example", "/invite//evil.example", "/healthz/", "//healthz", "/.well-known/../healthz"} {
		if a := wireOne(t, k, wireRequest("GET", target, "", "Connection: close")); a.Header.Get("Location") != "" || a.Status >= 300 && a.Status < 400 || a.Status == 200 {
			t.Errorf("%q: %d, Location: %s", target, a.Status, a.Header.Get("Location"))
		}
	}
	onwards(t)
}

func overrides(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice", "sales-rep")
	client := "Authorization: Bearer " + k.ClientToken("crm")
	names := []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Forwarded-Prefix",
		"X_User_Id", "X-User-Id", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Tenant", "Rolegate-Tenant", "X-Forwarded-Host", "X-Host", "Forwarded"}
	headers := func(value string) (hs []string) {
		for _, n := range names {
			hs = append(hs, n+": "+value)
		}
		return hs
	}
	ask := func(path string, more ...string) testkit.Answer {
		a := send(t, k, "POST", path, []byte(question), append(more, asJSON)...)
		for _, own := range []string{"trace_id", "instance"} {
			delete(a.Body, own)
		}
		return a
	}
	for _, value := range []string{"GET", "POST", "/healthz", "/access/v1/evaluation", "alice", "user:alice", alice.ID} {
		for path, auth := range map[string][]string{"/access/v1/evaluation": nil, "/v1/logout": nil, "/v1/login": nil, "/v1/explain": {client}, "/healthz": nil, "/nowhere": nil, "/access/v1/evaluations": {client}} {
			plain, with := ask(path, auth...), ask(path, append(auth, headers(value)...)...)
			if plain.Status != with.Status || fmt.Sprint(plain.Body) != fmt.Sprint(with.Body) {
				t.Errorf("%s with %q: %d %v, not %d %v", path, value, with.Status, with.Body, plain.Status, plain.Body)
			}
		}
	}
	plain, with := send(t, k, "GET", "/.well-known/oauth-authorization-server", nil), send(t, k, "GET", "/.well-known/oauth-authorization-server", nil, headers("evil.example")...)
	if !bytes.Equal(plain.Raw, with.Raw) {
		t.Errorf("metadata follows a header: %s", with.Raw)
	}
}

func headAndOptions(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "directory", "explain"}})
	client := "Authorization: Bearer " + k.TokenFor("crm", secret)
	alice := k.MustEnrol("alice", "sales-rep")
	person := "Authorization: Bearer " + alice.Access
	before := logSize(t, k)
	seen := map[string]bool{}
	for _, r := range wireRoutes(t) {
		if seen[r.path] || strings.HasPrefix(r.path, "/v1/forward-auth") {
			continue // which is about the request it is asked about, and answers as it does to GET
		}
		seen[r.path] = true
		for _, method := range []string{"HEAD", "OPTIONS"} {
			want := 405
			if method == "HEAD" && r.path == "/healthz" { // which protects nothing
				want = 200
			}
			for _, auth := range []string{client, person, "X-None: 1"} {
				a := send(t, k, method, r.path, []byte(`{"id":"x"}`), auth, asJSON)
				if a.Status != want || method == "HEAD" && len(a.Raw) > 0 || method == "OPTIONS" && a.Code() != "method_not_allowed" {
					t.Errorf("%s %s: %d %s", method, r.path, a.Status, a.Raw)
				}
			}
		}
	}
	for _, l := range audittest.From(t, k.App.Store, before) { // where every request has one
		if l.Activity != "request_fail" || l.Code != model.CodeMethodNotAllowed {
			t.Errorf("something happened: %+v", l)
		}
	}
	for _, method := range []string{"HEAD", "OPTIONS"} {
		a := send(t, k, method, "/v1/forward-auth", nil, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /contacts/1")
		if a.Status != 401 || len(a.Raw) > 0 && method == "HEAD" {
			t.Errorf("%s of forward-auth without a client: %d %s", method, a.Status, a.Raw)
		}
	}
	k.Want(k.Post("/v1/logout", alice.Access, nil), 204) // the session lives still
	headsOfPages(t, k)
}

// headsOfPages: a page is as it is for GET, but no session is renewed for it, and the
// sentence is kept that the next page is to say.
func headsOfPages(t *testing.T, k *testkit.Kit) {
	sys := officeHolder(k, "sys", model.SystemAdmin)
	k.Advance(11 * time.Minute) // its access token has expired
	tried := 0
	for _, r := range pages(t) {
		if r.method != http.MethodGet {
			continue
		}
		tried++
		res := browse(t, k, "HEAD", parameter.ReplaceAllString(r.path, "x"), "", accessCookie+"="+sys.Access, refreshCookie+"="+sys.Refresh, "__Host-rolegate-said=eA")
		if set := res.Header.Values("Set-Cookie"); len(set) > 0 || res.StatusCode >= 500 {
			t.Errorf("HEAD %s: %d sets %q", r.path, res.StatusCode, set)
		}
	}
	if tried < 40 {
		t.Errorf("%d pages were tried", tried)
	}
	k.Advance(2 * login.RefreshGrace)
	k.Want(refresh(k, sys.Refresh), 200) // and was not used up
}

func authorizations(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	client := k.ClientToken("crm")
	ask := func(values ...string) int {
		t.Helper()
		var headers []string
		for _, v := range values {
			headers = append(headers, "Authorization: "+v)
		}
		return wireOne(t, k, wireRequest("POST", "/access/v1/evaluation", question, append(headers, asJSON, "Connection: close")...)).Status
	}
	for _, good := range []string{"Bearer " + client, "bearer " + client, "BEARER " + client, "  Bearer " + client + "  "} { // HTTP itself takes white space at the ends away
		if s := ask(good); s != 200 {
			t.Errorf("%.8q…: %d", good, s)
		}
	}
	for what, values := range map[string][]string{
		"none": nil, "empty": {""}, "two": {"Bearer " + client, "Bearer " + client}, "two of different people": {"Bearer " + client, "Bearer " + alice.Access}, "two schemes": {"Bearer " + client, "Basic Y3JtOng="},
		"two in one": {"Bearer " + client + ", Bearer " + client}, "two blanks": {"Bearer  " + client}, "a tab": {"Bearer\t" + client}, "no scheme": {client}, "another scheme": {"Token " + client}, "Basic": {"Basic " + client},
		"quoted": {`Bearer "` + client + `"`}, "a parameter": {"Bearer token=" + client}, "padding": {"Bearer " + client + "="}, "no blank": {"Bearer" + client}, "a word after": {"Bearer " + client + " x"},
		"a person's": {"Bearer " + alice.Access}, "too long": {"Bearer " + strings.Repeat("x", 9000)},
	} {
		if s := ask(values...); s != 401 {
			t.Errorf("%s: %d", what, s)
		}
	}
	elsewhere := url.Values{"access_token": {client}}.Encode()
	for what, text := range map[string]string{
		"query":  wireRequest("POST", "/access/v1/evaluation?"+elsewhere, question, asJSON, "Connection: close"),
		"form":   wireRequest("POST", "/access/v1/evaluation", elsewhere, "Content-Type: application/x-www-form-urlencoded", "Connection: close"),
		"cookie": wireRequest("POST", "/access/v1/evaluation", question, asJSON, "Cookie: access_token="+client+"; Authorization=Bearer "+client, "Connection: close"),
		"proxy":  wireRequest("POST", "/access/v1/evaluation", question, asJSON, "Proxy-Authorization: Bearer "+client, "X-Authorization: Bearer "+client, "Connection: close"),
	} {
		if a := wireOne(t, k, text); a.Status != 401 {
			t.Errorf("a token in the %s: %d", what, a.Status)
		}
	}
	// A cookie of one beside a token of another: the token alone counts.
	a := send(t, k, "POST", "/v1/logout", nil, "Authorization: Bearer "+bob.Access, "Cookie: access_token="+alice.Access+"; session="+alice.Access)
	if a.Status != 204 {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
	if a := k.Post("/v1/logout", bob.Access, nil); a.Status != 401 {
		t.Errorf("bob's session lives: %d", a.Status)
	}
	if a := k.Post("/v1/logout", alice.Access, nil); a.Status != 204 {
		t.Errorf("alice's session was ended by bob: %d", a.Status)
	}
}

func listenersApart(t *testing.T) {
	k := testkit.New(t)
	for _, path := range []string{"/readyz", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1", "/debug/vars", "/docs", "/swagger", "/openapi.yaml", "/api/openapi.yaml",
		"/operations/user-add", "/.git/config", "/.env", "/rolegate.db", "/master.key", "/server-status", "/actuator", "/admin", "/console"} {
		for _, auth := range []string{"X-None: 1", "X-Forwarded-For: 127.0.0.1"} {
			if a := send(t, k, "GET", path, nil, auth); a.Status != 404 || a.Code() != "not_found" {
				t.Errorf("%s on the public listener: %d %.100s", path, a.Status, a.Raw)
			}
		}
	}
	for _, r := range wireRoutes(t) {
		req, err := http.NewRequest(r.method, k.Admin+r.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := testkit.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if r.path != "/healthz" && a.Status != 404 && a.Status != 405 {
			t.Errorf("%s %s on the admin listener: %d", r.method, r.path, a.Status)
		}
	}
	// Flags may hold the passwords of the databases.
	if text := get(t, k.Admin+"/debug/pprof/cmdline"); strings.Contains(text, "-test.") {
		t.Errorf("pprof shows the command line: %.200q", text)
	}
}

func healthTricks(t *testing.T) {
	k := testkit.New(t)
	for _, agent := range []string{"kube-probe/1.31", "GoogleHC/1.0", "ELB-HealthChecker/2.0", "Consul Health Check", "Prometheus/2.53", "oauth2-proxy-health", "rolegate-healthcheck", ""} {
		for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluation?healthz", "/v1/explain", "/v1/filter", "/v1/admin/import", "/v1/logout"} {
			if a := send(t, k, "POST", path, []byte(question), asJSON, "User-Agent: "+agent); a.Status != 401 {
				t.Errorf("%q opens %s: %d", agent, path, a.Status)
			}
		}
	}
	for _, target := range []string{"/healthz/../access/v1/evaluation", "/access/v1/evaluation/healthz", "/healthz/access/v1/evaluation", "/access/v1/evaluation/../../../healthz", "/healthz?/access/v1/evaluation", "/healthz%2f..%2faccess%2fv1%2fevaluation",
		"/access/v1/evaluation;/healthz", "/access/v1/evaluation#/healthz", "/healthz;/../access/v1/evaluation", "/ping", "/ready", "/livez"} {
		a := wireOne(t, k, wireRequest("POST", target, question, asJSON, "User-Agent: kube-probe/1.31", "Connection: close"))
		if a.Status < 400 {
			t.Errorf("%q: %d %s", target, a.Status, a.Raw)
		}
	}
}

func forgedPages(t *testing.T) {
	k := testkit.New(t)
	var teams strings.Builder
	for i := range 5 {
		fmt.Fprintf(&teams, `{"type":"user","id":"u%d"},`, i)
	}
	file := `{"subjects":[` + strings.TrimSuffix(teams.String(), ",") + `],"resources":[{"type":"contact","id":"1","attributes":{"owner":"user:u1"}},{"type":"contact","id":"2","attributes":{"owner":"user:u1"}},{"type":"contact","id":"3","attributes":{"owner":"user:u1"}}],
		"assignments":[{"member":"user:u1","role":"role:sales-rep"}]}`
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "directory"}})
	other := k.AddClient(model.Client{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide", "directory"}})
	client := k.TokenFor("crm", secret)
	if a := send(t, k, "POST", "/v1/admin/import", []byte(file), asJSON, "Authorization: Bearer "+client); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	search := func(client, token string) testkit.Answer {
		return k.Post("/access/v1/search/resource", client, map[string]any{"subject": map[string]any{"type": "user", "id": "u1"}, "action": map[string]any{"name": "read"},
			"resource": map[string]any{"type": "contact"}, "page": map[string]any{"limit": 2, "token": token}})
	}
	list := func(client, token string) testkit.Answer {
		return send(t, k, "GET", "/v1/admin/subjects?limit=2&token="+url.QueryEscape(token), nil, "Authorization: Bearer "+client)
	}
	first := k.Post("/access/v1/search/resource", client, map[string]any{"subject": map[string]any{"type": "user", "id": "u1"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact"}, "page": map[string]any{"limit": 2}})
	page, _ := first.Body["page"].(map[string]any)
	good, _ := page["next_token"].(string)
	a := send(t, k, "GET", "/v1/admin/subjects?limit=2", nil, "Authorization: Bearer "+client)
	goodList := a.Text("next_token")
	if p, ok := a.Body["page"].(map[string]any); ok {
		goodList, _ = p["next_token"].(string)
	}
	if good == "" || goodList == "" || search(client, good).Status != 200 || list(client, goodList).Status != 200 {
		t.Fatalf("no second page: %s %s", first.Raw, a.Raw)
	}
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	forged := []string{"x", "1", "' OR 1=1 --", `"; DROP TABLE users; --`, "%00", "\x00", "../../etc/passwd", "中文", strings.Repeat("A", 4000), strings.Repeat("A", 38), base64.RawURLEncoding.EncodeToString([]byte("user:u3")),
		base64.RawURLEncoding.EncodeToString(raw), good[:len(good)-1], good + "A", good + "=", good + "\n", strings.ToLower(good) + "x", base64.RawURLEncoding.EncodeToString([]byte(`{"after":"' UNION SELECT 1"}`))}
	otherToken := k.TokenFor("other", other)
	answers := []testkit.Answer{search(otherToken, good), list(otherToken, goodList), search(client, goodList), list(client, good)}
	for _, token := range forged {
		answers = append(answers, search(client, token), list(client, token))
	}
	for i, a := range answers {
		text := strings.ToLower(string(a.Raw))
		if a.Status != 400 || a.Code() != "invalid_request" || strings.Contains(text, "sql") || strings.Contains(text, "cipher") || strings.Contains(text, "base64") {
			t.Errorf("forged token %d: %d %s", i, a.Status, a.Raw)
		}
	}
	forgedPlaces(t, k, append(forged, good, goodList))
}

// forgedPlaces are those of pages for people.
func forgedPlaces(t *testing.T, k *testkit.Kit, forged []string) {
	for i := range 60 {
		k.AddClient(model.Client{ID: fmt.Sprint("client-", i), Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	}
	sys, aud := officeHolder(k, "sys", model.SystemAdmin), officeHolder(k, "aud", model.AuditAdmin)
	v := k.VisitorAs(t, sys)
	next := func(path string) string {
		_, place, _ := strings.Cut(testkit.Attr(v.Get(path).One(t, "[rel=next]"), "href"), "after=")
		return place
	}
	place := next("/console/clients")
	v.Get("/console/clients?after="+place).Want(t, 200, "/console/clients")
	log := k.VisitorAs(t, aud)
	paths := []string{"/console/people?", "/console/people/roles?", "/console/people/role?id=sales-rep&", "/console/organization?", "/console/organization/units?",
		"/console/organization/territories?", "/console/organization/lines?", "/console/clients?", "/account/history?", "/console/log?"}
	refused := func(path, token, said string) {
		to := v
		if path == "/console/log?" {
			to = log
		}
		if p := to.Get(path + "after=" + url.QueryEscape(token)); p.Status != 400 || !strings.Contains(p.Text("main"), said) {
			t.Errorf("%s of %q: %d %s", path, token, p.Status, p.Text("main"))
		}
	}
	for _, path := range paths {
		for _, token := range append(forged, place+"A", "A"+place, "client-5", "9-9", "1 x") {
			refused(path, token, "does not go on with this list")
		}
		if path != "/console/clients?" {
			refused(path, place, "does not go on with this list") // another list's
		}
	}
	v.Language, log.Language = "zh-CN", "zh-CN"
	for _, path := range paths {
		refused(path, "x", "不属于此列表")
	}
}
