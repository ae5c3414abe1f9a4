package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// office registers two people's contacts.
func office(k *testkit.Kit) {
	k.T.Helper()
	if _, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(`{"resources": [
		{"type": "contact", "id": "17", "attributes": {"owner": "user:alice"}}, {"type": "contact", "id": "18", "attributes": {"owner": "user:bob"}}]}`)}); err != nil {
		k.T.Fatal(err)
	}
}

// folded is a name as backends read it that take whatever stands between its words
// for one and the same: an underscore (CGI, WSGI, Rack), a dot (PHP), any sign at all
// (lighttpd).
func folded(name string) string {
	return strings.NewReplacer("_", "-", ".", "-", "!", "-").Replace(strings.ToLower(name))
}

// identity is what a request that reached the CRM says of who sent it, under any
// spelling of our names that a backend could take for them.
func identity(h http.Header) map[string]string {
	id := map[string]string{}
	for name, values := range h {
		if name := folded(name); strings.HasPrefix(name, "rolegate-") {
			id[name] += strings.Join(values, ",")
		}
	}
	for name, value := range id {
		if value == "" {
			delete(id, name)
		}
	}
	return id
}

// What passes reaches the CRM as it was sent, with who sent it; what does not
// pass does not reach it.
func TestBehindProxies(t *testing.T) {
	proxies(t, func(t *testing.T, f *front, start func(string)) {
		k := f.kit
		office(k)
		alice := k.MustEnrol("alice", "sales-rep")
		analyst := k.MustEnrol("cyd", "data-analyst")
		start(basicFor(k, "proxy"))

		pass := func(token, line string, filter string, headers ...string) received {
			t.Helper()
			resp, body := f.ask(t, token, line, headers...)
			got := f.crm.taken()
			if resp.StatusCode != 200 || body != "from the CRM" || len(got) != 1 {
				t.Fatalf("%s: %d %s, and the CRM got %v", line, resp.StatusCode, body, got)
			}
			id := identity(got[0].header)
			if id["rolegate-tenant"] != "default" || id["rolegate-revision"] == "" || id["rolegate-fields"] == "" || id["rolegate-filter"] != filter {
				t.Errorf("%s: the CRM was told %v", line, id)
			}
			if id["rolegate-client-authorization"] != "" || id["rolegate-code"] != "" {
				t.Errorf("%s: the CRM was told the proxy's own: %v", line, id)
			}
			return got[0]
		}
		stop := func(token, line string, status int, code string, headers ...string) *http.Response {
			t.Helper()
			resp, body := f.ask(t, token, line, headers...)
			if got := f.crm.taken(); len(got) > 0 {
				t.Fatalf("%s: the CRM got %v", line, got)
			}
			var problem struct{ Code string }
			if resp.StatusCode != status || code != "" && (json.Unmarshal([]byte(body), &problem) != nil || problem.Code != code) {
				t.Fatalf("%s: %d %s, want %d %s", line, resp.StatusCode, body, status, code)
			}
			return resp
		}

		got := pass(alice.Access, "GET /api/contacts/17?tab=a%2Fb&x=../..", "record")
		if got.target != "/api/contacts/17?tab=a%2Fb&x=../.." || identity(got.header)["rolegate-subject"] != "alice" || got.header.Get("Authorization") != "Bearer "+alice.Access {
			t.Errorf("the CRM got %+v", got)
		}
		if got := pass(alice.Access, "PATCH /api/contacts/17\n{\"phone\":\"1\"}", "record", "Content-Type: application/json"); got.method != "PATCH" || got.body != `{"phone":"1"}` {
			t.Errorf("the CRM got %+v", got)
		}
		pass(alice.Access, "GET /api/contacts", "conditional")
		cookie := "Cookie: a=" + strings.Repeat("x", 8000) // more than Rolegate would take, were it told
		pass(alice.Access, "GET /api/contacts/17", "record", cookie, cookie, cookie)
		pass(analyst.Access, "GET /api/deals", "always")

		stop(alice.Access, "GET /api/contacts/18", 403, "not_granted")
		stop(alice.Access, "DELETE /api/contacts/17", 403, "not_granted")
		stop(alice.Access, "GET /api/contacts/99", 403, "not_granted") // nothing is known of it
		stop(alice.Access, "GET /admin", 403, "route_unknown")
		stop(alice.Access, "HEAD /api/contacts/17", 403, "")
		stop(alice.Access, "OPTIONS /api/contacts/17", 403, "route_unknown")
		stop(alice.Access, "PROPFIND /api/contacts/17", 403, "route_unknown")
		resp := stop("", "GET /api/contacts/17", 401, "unauthorized")
		if got := resp.Header["Www-Authenticate"]; len(got) != 1 || !strings.HasPrefix(got[0], `Bearer realm="rolegate"`) {
			t.Errorf("challenge %q", got)
		}
		stop("nonsense", "GET /api/contacts/17", 401, "unauthorized")

		// Step-up: the second factor was proven too long ago, and then again.
		pass(analyst.Access, "POST /api/deals/export", "always")
		k.Advance(6 * time.Minute)
		resp = stop(analyst.Access, "POST /api/deals/export", 401, "insufficient_user_authentication")
		want := `Bearer realm="rolegate", error="insufficient_user_authentication", error_description="More, or more recent, authentication is needed", acr_values="2", max_age="300"`
		if got := resp.Header["Www-Authenticate"]; len(got) != 1 || got[0] != want {
			t.Errorf("challenge %q", got)
		}
		k.Login(analyst)
		pass(analyst.Access, "POST /api/deals/export", "always")

		// A session that has ended is felt at once.
		k.Want(k.Post("/v1/logout", alice.Access, map[string]any{}), 204)
		stop(alice.Access, "GET /api/contacts/17", 401, "unauthorized")

		k.Stop()
		if resp, body := f.ask(t, analyst.Access, "GET /api/deals"); resp.StatusCode != 502 && resp.StatusCode != 503 || len(f.crm.taken()) > 0 {
			t.Errorf("without Rolegate: %d %s", resp.StatusCode, body)
		}
	})
}

// However a path is spelled: either the CRM gets exactly what was decided about,
// or nothing.
func TestPathsBehindProxies(t *testing.T) {
	proxies(t, func(t *testing.T, f *front, start func(string)) {
		office(f.kit)
		alice := f.kit.MustEnrol("alice", "sales-rep")
		start(basicFor(f.kit, "proxy"))
		for _, path := range []string{
			"//api/contacts/17", "/api//contacts/17", "/api/contacts/17/", "/api/contacts/./17", "/api/contacts/18/../17", "/api/contacts/17/../18",
			"/api/contacts/%2e%2e/contacts/17", "/api/contacts/18/%2E%2E/17", "/x/../api/contacts/17", "/api/contacts/17%2F", "/api/contacts/18%2f..%2f17",
			"/api/contacts/17%5C..%5C18", "/api/contacts\\17", "/api/contacts/17;x=1", "/api/contacts/17%3Bx", "/api/contacts;x/17", "/api/contacts/17%00",
			"/api/contacts/17%2500", "/api/contacts/17%253f", "/api/contacts/%2A", "/api/contacts/*", "/api/contacts/17#x", "/api/contacts/17%23", "/api/contacts/17%3Fx",
			"/api/contacts/%c0%ae%c0%ae/17", "/api/contacts/%ff", "/API/contacts/17", "/api/contacts/EXPORT", "/api/contacts/17.json", "/..", "/.", "//", "/%2e%2e/",
			"http://crm.example.com/api/contacts/17/../18", "http://crm.example.com/api/contacts/18", "*", "/api/contacts/18?/api/contacts/17", "/api/contacts/18?x=/../17",
		} {
			resp, body := f.ask(t, alice.Access, "GET "+path)
			if got := f.crm.taken(); len(got) > 0 || resp.StatusCode < 400 {
				t.Errorf("%s: %d %.80s, and the CRM got %v", path, resp.StatusCode, body, got)
			}
		}
		for path, want := range map[string]string{
			"/api/contacts/17?..%2f18": "/api/contacts/17?..%2f18", "/api/%63ontacts/1%37": "/api/%63ontacts/1%37", "/api/contacts/17?": "/api/contacts/17",
			"http://crm.example.com/api/contacts/17": "/api/contacts/17",
		} {
			resp, body := f.ask(t, alice.Access, "GET "+path)
			got := f.crm.taken()
			if resp.StatusCode != 200 || len(got) != 1 || strings.TrimSuffix(got[0].target, "?") != want {
				t.Errorf("%s: %d %.80s, and the CRM got %v", path, resp.StatusCode, body, got)
			}
		}
	})
}

// Paths made of every trap at random: one that reaches the CRM is a contact's, and
// the CRM's reader of paths finds the segments that were sent, each decoded once.
func TestRandomPathsBehindProxies(t *testing.T) {
	pieces := []string{"17", "x", "/", "//", ".", "..", "%2e", "%2E%2e", "%2f", "%2F..", "\\", "%5c", ";", "%3b", "%25", "%252f", "%00", "%7f", "?", "#", "%3f", "%20", "%E4%B8%AD", "%c0%af", "*", "~", "+", "contacts"}
	proxies(t, func(t *testing.T, f *front, start func(string)) {
		analyst := f.kit.MustEnrol("cyd", "data-analyst")
		start(basicFor(f.kit, "proxy"))
		random, passed := rand.New(rand.NewPCG(1, 2)), 0
		for range 300 {
			path := "/api/contacts/"
			for range 1 + random.IntN(4) {
				path += pieces[random.IntN(len(pieces))]
			}
			resp, _ := f.ask(t, analyst.Access, "GET "+path)
			got := f.crm.taken()
			if len(got) == 0 {
				if resp.StatusCode < 400 {
					t.Errorf("%s: %d, and the CRM got nothing", path, resp.StatusCode)
				}
				continue
			}
			passed++
			sent, _, _ := strings.Cut(path, "?")
			id, err := url.PathUnescape(strings.TrimPrefix(sent, "/api/contacts/"))
			u, errGot := url.ParseRequestURI(got[0].target)
			if err != nil || errGot != nil || u.Path != "/api/contacts/"+id || strings.ContainsAny(id, "/\\;%#") || id == "*" || strings.Trim(id, ".") == "" {
				t.Errorf("%s reached the CRM as %s", path, got[0].target)
			}
		}
		if passed < 10 || passed > 200 {
			t.Errorf("%d of 300 passed", passed)
		}
	})
}

// overrides are headers by which a CRM could find another method or path than was
// decided about.
var overrides = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"}

// spellings are a name and what backends take for the same one: with one of the
// separators for each of its hyphens.
func spellings(name, separators string) []string {
	first, rest, more := strings.Cut(name, "-")
	if !more {
		return []string{name}
	}
	var all []string
	for _, s := range spellings(rest, separators) {
		for _, separator := range separators {
			all = append(all, first+string(separator)+s)
		}
	}
	return all
}

// override is a header that a CRM could read as an override, or as what the proxy
// proves itself by; "" without one.
func override(h http.Header) string {
	for name := range h {
		for _, bad := range append(slices.Clone(overrides), "Rolegate-Client-Authorization") {
			if folded(name) == strings.ToLower(bad) {
				return name
			}
		}
	}
	return ""
}

// Nobody but the proxy says who somebody is, or what was asked for.
func TestSpoofedHeadersBehindProxies(t *testing.T) {
	proxies(t, func(t *testing.T, f *front, start func(string)) {
		office(f.kit)
		alice, analyst := f.kit.MustEnrol("alice", "sales-rep"), f.kit.MustEnrol("cyd", "data-analyst")
		start(basicFor(f.kit, "proxy"))
		spoofs := [][]string{
			{"X-Forwarded-Uri: /api/contacts/17", "X-Forwarded-Method: GET"},
			{"X-Forwarded-URI: /api/contacts/17", "X_Forwarded_Uri: /api/contacts/17"},
			{"X-Original-URI: /api/contacts/17", "X-Original-URL: /api/contacts/17", "X-Rewrite-URL: /api/contacts/17", "X-Original-Method: GET"},
			{"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"},
			{"Rolegate-Client-Authorization: Basic x"},
			{"Connection: X-Forwarded-Uri, X-Forwarded-Method, Rolegate-Client-Authorization"},
			{"Connection: Rolegate-Subject, Rolegate-Tenant, Rolegate-Revision, Rolegate-Filter, Rolegate-Fields"},
			{"Connection: close, Rolegate-Filter", "Rolegate-Filter: always", "Rolegate-Fields: whole"},
		}
		for _, name := range []string{"Subject", "Tenant", "Revision", "Filter", "Fields", "Code"} {
			for _, h := range spellings("Rolegate-"+name, "-_.") {
				for _, h := range []string{h, strings.ToLower(h), strings.ToUpper(h), "RoLeGaTe" + h[len("Rolegate"):]} {
					spoofs = append(spoofs, []string{h + ": spoofed"}, []string{h + ": spoofed", h + ": spoofed"})
				}
			}
			spoofs = append(spoofs, []string{"Rolegate-" + name + " : spoofed"}, []string{"Rolegate-" + name + "\t: spoofed"})
		}
		for _, name := range overrides {
			for _, spelled := range spellings(name, "-_.") {
				spoofs = append(spoofs, []string{spelled + ": DELETE"}, []string{strings.ToUpper(spelled) + ": DELETE"}, []string{strings.ToLower(spelled) + ": DELETE"})
			}
		}
		for _, spelled := range spellings("Rolegate-Client-Authorization", "-_.") {
			spoofs = append(spoofs, []string{spelled + ": Basic x"})
		}
		for _, spoof := range spoofs {
			for person, want := range map[*testkit.Person][2]string{alice: {"conditional", "whole"}, analyst: {"always", "partial"}} {
				resp, body := f.ask(t, person.Access, "GET /api/contacts", spoof...)
				got := f.crm.taken()
				if resp.StatusCode == 400 && len(got) == 0 { // which proxies answer to malformed names
					continue
				}
				if resp.StatusCode != 200 || len(got) != 1 {
					t.Errorf("%q: %d %s, and the CRM got %v", spoof, resp.StatusCode, body, got)
					continue
				}
				id := identity(got[0].header)
				if id["rolegate-subject"] != person.ID || id["rolegate-tenant"] != "default" || [2]string{id["rolegate-filter"], id["rolegate-fields"]} != want ||
					id["rolegate-revision"] == "" || strings.Contains(id["rolegate-revision"]+id["rolegate-code"], "spoofed") {
					t.Errorf("%q: the CRM was told %v", spoof, id)
				}
				if name := override(got[0].header); name != "" {
					t.Errorf("%q: %s reached the CRM", spoof, name)
				}
			}
			resp, _ := f.ask(t, alice.Access, "GET /api/contacts/18", spoof...)
			if got := f.crm.taken(); len(got) > 0 || resp.StatusCode != 403 && resp.StatusCode != 400 {
				t.Errorf("%q opened another's contact: %d %v", spoof, resp.StatusCode, got)
			}
		}
		for _, two := range [][]string{
			{"Authorization: Bearer " + alice.Access}, {"authorization: Bearer x"}, {"Authorization: Basic YWRtaW46YWRtaW4="},
		} {
			resp, _ := f.ask(t, alice.Access, "GET /api/contacts/17", two...)
			if got := f.crm.taken(); len(got) > 0 || resp.StatusCode != 401 && resp.StatusCode != 400 {
				t.Errorf("two Authorization headers: %d, and the CRM got %v", resp.StatusCode, got)
			}
		}
		for _, other := range []string{"Connection: Authorization"} {
			resp, _ := f.ask(t, alice.Access, "GET /api/contacts/17", other)
			if got := f.crm.taken(); len(got) > 0 && identity(got[0].header)["rolegate-subject"] != "alice" {
				t.Errorf("%s: %d, and the CRM got %v", other, resp.StatusCode, got)
			}
		}
	})
}

// Another's contact and one that is not registered are denied for different
// reasons, which the log tells apart and the person cannot.
func TestForwardHidesWhichRecordsThereAre(t *testing.T) {
	k := testkit.New(t)
	if _, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(`{"resources": [
		{"type": "contact", "id": "17", "attributes": {"owner": "user:alice", "locked": false}}, {"type": "contact", "id": "18", "attributes": {"owner": "user:bob", "locked": false}}]}`)}); err != nil {
		t.Fatal(err)
	}
	policy := "p, role:sales-rep, contact, read, own, , allow\np, *, contact, read, all, record.locked == true, deny\n"
	if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(policy)}); err != nil {
		t.Fatal(err)
	}
	alice := k.MustEnrol("alice", "sales-rep")
	credentials := basicFor(k, "proxy")
	ask := func(id string, status int, recorded model.Code) testkit.Answer {
		t.Helper()
		var a testkit.Answer
		leaves := k.Recorded(func() { a = k.Send(forwarded(t, k, credentials, alice.Access, "GET", "/api/contacts/"+id)) })
		if a.Status != status || len(leaves) != 1 || leaves[0].Code != recorded {
			t.Fatalf("contact %s: %d %v, recorded %+v, want %s", id, a.Status, a.Body, leaves, recorded)
		}
		for _, own := range []string{"trace_id", "instance"} {
			delete(a.Body, own)
		}
		return a
	}
	ask("17", 200, model.ReasonAllowed)
	bobs, nobodys := ask("18", 403, model.ReasonNotGranted), ask("99", 403, model.ReasonDenied)
	if bobs.Header.Get("Rolegate-Code") != nobodys.Header.Get("Rolegate-Code") || fmt.Sprint(bobs.Body) != fmt.Sprint(nobodys.Body) || len(bobs.Raw) != len(nobodys.Raw) {
		t.Errorf("bob's contact: %s\nnobody's: %s", bobs.Raw, nobodys.Raw)
	}
}

// A proxy that Rolegate does not know lets nothing through.
func TestUnknownProxies(t *testing.T) {
	for name, credentials := range map[string]string{"none": "", "wrong": "Basic cHJveHk6d3Jvbmc=", "a person's": "Bearer PERSON"} {
		t.Run(name, func(t *testing.T) {
			proxies(t, func(t *testing.T, f *front, start func(string)) {
				office(f.kit)
				alice := f.kit.MustEnrol("alice", "sales-rep")
				start(strings.Replace(credentials, "PERSON", alice.Access, 1))
				resp, body := f.ask(t, alice.Access, "GET /api/contacts/17")
				if got := f.crm.taken(); len(got) > 0 || resp.StatusCode != 401 || !strings.Contains(body, `"proxy_unauthorized"`) {
					t.Errorf("%d %s, and the CRM got %v", resp.StatusCode, body, got)
				}
			})
		})
	}
}

// forwarded is the question of a proxy that says in headers what it received.
func forwarded(t *testing.T, k *testkit.Kit, credentials, person, method, target string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL+"/v1/forward-auth", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Rolegate-Client-Authorization": credentials, "X-Forwarded-Method": method, "X-Forwarded-Uri": target} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if person != "" {
		req.Header.Set("Authorization", "Bearer "+person)
	}
	return req
}

// What a proxy's client loses, it has lost at once: its secret is looked at for
// each request.
func TestProxyClients(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		office(k)
		alice := k.MustEnrol("alice", "sales-rep")
		proxy := basicFor(k, "crm-proxy")
		ask := func(credentials string) testkit.Answer {
			return k.Send(forwarded(t, k, credentials, alice.Access, "GET", "/api/contacts/17"))
		}
		k.Want(ask(proxy), 200)
		other := basicFor(k, "other")
		k.Want(ask(other), 200)
		k.Want(ask(proxy+"x"), 401, "code", "proxy_unauthorized")

		secret := k.AddClient(model.Client{ID: "platform", Tenants: []string{"*"}, Scopes: []string{"decide"}})
		all := "Basic " + base64.StdEncoding.EncodeToString([]byte("platform:"+secret))
		k.Want(ask(all), 401, "code", "proxy_unauthorized") // which tenant?
		k.Want(ask("Bearer "+k.TokenFor("platform", secret, "tenant=default")), 200)

		if _, err := app.RotateClient.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "other"}}); err != nil {
			t.Fatal(err)
		}
		k.Want(ask(other), 401, "code", "proxy_unauthorized")
		if _, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm-proxy"}, Disabled: true}); err != nil {
			t.Fatal(err)
		}
		k.Want(ask(proxy), 401, "code", "proxy_unauthorized")
	})
}
