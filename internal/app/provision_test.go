package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// keeper is a client that keeps a tenant's directory.
type keeper struct {
	*testkit.Kit
	token string
}

func keeperOf(k *testkit.Kit, id, tenant string, scopes ...string) keeper {
	secret := k.AddClient(model.Client{ID: id, Tenant: tenant, Scopes: scopes})
	return keeper{k, k.TokenFor(id, secret)}
}

// request makes a request; headers are pairs of name and value.
func (k keeper) request(method, path, body string, headers ...string) *http.Request {
	k.T.Helper()
	req, err := http.NewRequest(method, k.URL+"/v1/admin/"+path, strings.NewReader(body))
	if err != nil {
		k.T.Fatal(err)
	}
	if method == "PUT" || method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+k.token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// do sends a request and holds the answer to the contract.
func (k keeper) do(method, path, body string, headers ...string) testkit.Answer {
	k.T.Helper()
	return k.Send(k.request(method, path, body, headers...))
}

// plain is do without the contract, whose library does not decode paths as we do.
func (k keeper) plain(method, path, body string, headers ...string) testkit.Answer {
	k.T.Helper()
	a, err := testkit.Do(k.request(method, path, body, headers...))
	if err != nil {
		k.T.Fatal(err)
	}
	return a
}

func (k keeper) refused(what string, a testkit.Answer, status int, code model.Code) {
	k.T.Helper()
	if a.Status != status || a.Text("code") != string(code) {
		k.T.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Raw, status, code)
	}
}

// entries are one of each kind, each with another content and a wrong one.
var entries = []struct{ path, first, second, wrong string }{
	{"subjects/user/ann", `{"attributes":{"region":"EU"},"teams":["emea"]}`, `{"type":"user","id":"ann","unit":"sales"}`, `{"id":"bob"}`},
	{"teams/apac", `{}`, `{"id":"team:apac"}`, `{"id":"emea"}`},
	{"units/east", `{"parent":"sales"}`, `{"id":"unit:east","heads":["user:ann"]}`, `{"parent":"east"}`},
	{"territories/north", `{"parent":"world"}`, `{"id":"north"}`, `{"parent":"north"}`},
	{"resources/contact/101", `{"attributes":{"owner":"ann"}}`, `{"attributes":{"owner":"bob","n":1.5}}`, `{"attributes":[]}`},
	{"assignments/user:ann/sales-rep", `{}`, `{"member":"ann","role":"role:sales-rep","until":"2100-01-01T00:00:00Z"}`, `{"from":"0001-01-01T00:00:00Z"}`},
}

// The life of an entry of each kind, with its conditions, revisions and records.
func TestProvisioning(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		for _, e := range entries {
			revision := func() int64 {
				row, err := k.App.Store.Tenant(ctx, model.DefaultTenant)
				if err != nil {
					t.Fatal(err)
				}
				return row.Revision
			}
			wrote := func(a testkit.Answer, status int, outcome string, moved int64, before int64) string {
				t.Helper()
				k.Want(a, status, "outcome", outcome, "revision", float64(before+moved))
				if now := revision(); now != before+moved {
					t.Errorf("%s: the revision went from %d to %d", e.path, before, now)
				}
				return a.Header.Get("ETag")
			}
			size := audittest.Size(t, k.App.Store)
			c.refused("nothing there", c.do("GET", e.path, ""), 404, model.CodeNotFound)
			c.refused("nothing to delete", c.do("DELETE", e.path, ""), 404, model.CodeNotFound)
			c.refused("nothing to match", c.do("PUT", e.path, e.first, "If-Match", "*"), 412, model.CodePrecondition)
			c.refused("nothing to match", c.do("DELETE", e.path, "", "If-Match", "*"), 412, model.CodePrecondition)
			c.refused("wrong", c.do("PUT", e.path, e.wrong), 400, model.CodeInvalidRequest)
			if got := audittest.Size(t, k.App.Store) - size; got != 5 {
				t.Errorf("%s: %d entries of 5 refusals", e.path, got)
			}

			at := revision()
			size = audittest.Size(t, k.App.Store)
			first := wrote(c.do("PUT", e.path, e.first, "If-None-Match", "*"), 201, "created", 1, at)
			if got := audittest.Size(t, k.App.Store) - size; got != 1 {
				t.Errorf("%s: %d entries of one PUT", e.path, got)
			}
			c.refused("there already", c.do("PUT", e.path, e.first, "If-None-Match", "*"), 412, model.CodePrecondition)
			size = audittest.Size(t, k.App.Store)
			if again := wrote(c.do("PUT", e.path, e.first), 200, "unchanged", 0, at+1); again != first || first == "" {
				t.Errorf("%s: ETag %s, then %s", e.path, first, again)
			}
			if got := audittest.Size(t, k.App.Store) - size; got != 1 {
				t.Errorf("%s: %d entries of a PUT that changes nothing", e.path, got)
			}
			second, moved := first, int64(0)
			if e.path != "teams/apac" { // which has nothing to change
				second = wrote(c.do("PUT", e.path, e.second, "If-Match", `"x", `+first), 200, "changed", 1, at+1)
				moved = 1
				c.refused("stale", c.do("PUT", e.path, e.first, "If-Match", first), 412, model.CodePrecondition)
				c.refused("stale", c.do("DELETE", e.path, "", "If-Match", first), 412, model.CodePrecondition)
			}
			c.refused("weak", c.do("PUT", e.path, e.first, "If-Match", "W/"+second), 412, model.CodePrecondition)
			c.refused("no list of tags", c.do("PUT", e.path, e.first, "If-Match", "x"), 400, model.CodeInvalidRequest)
			c.refused("no list of tags", c.do("DELETE", e.path, "", "If-Match", ""), 400, model.CodeInvalidRequest)
			c.refused("a query", c.do("PUT", e.path+"?dry_run=true", e.first), 400, model.CodeInvalidRequest)

			got := c.do("GET", e.path, "")
			if got.Status != 200 || got.Header.Get("ETag") != second {
				t.Errorf("%s: %d %s %s, want %s", e.path, got.Status, got.Header.Get("ETag"), got.Raw, second)
			}
			c.refused("read as it was", c.do("GET", e.path, "", "If-Match", `"x"`), 412, model.CodePrecondition)
			if a := c.do("GET", e.path, "", "If-None-Match", "W/"+second); a.Status != 304 || len(a.Raw) > 0 || a.Header.Get("ETag") != second {
				t.Errorf("%s: %d %s", e.path, a.Status, a.Raw)
			}
			// What is read may be written back, and changes nothing.
			wrote(c.do("PUT", e.path, string(got.Raw), "If-Match", second), 200, "unchanged", 0, at+1+moved)
			collection, _, _ := strings.Cut(e.path, "/")
			list := c.do("GET", collection, "")
			if list.Status != 200 || !strings.Contains(string(list.Raw), strings.ReplaceAll(second, `"`, `\"`)) {
				t.Errorf("%s: %d %s lacks %s", collection, list.Status, list.Raw, second)
			}
			if e.path != "subjects/user/ann" && e.path != "assignments/user:ann/sales-rep" {
				wrote(c.do("DELETE", e.path, "", "If-Match", second), 200, "deleted", 1, at+1+moved)
				c.refused("deleted", c.do("GET", e.path, ""), 404, model.CodeNotFound)
			}
		}
	})
}

// Of many that send the same ETag exactly one wins, whatever they want: the
// others are told. The same of many that make an entry, and of many that delete one.
func TestOneWritesWithTheSameETag(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		k.Want(c.do("PUT", "subjects/user/ann", `{}`), 201)
		for _, e := range entries {
			if strings.HasPrefix(e.path, "teams/") { // one content only
				continue
			}
			body := func(i int) string {
				switch {
				case strings.HasPrefix(e.path, "assignments/"):
					return fmt.Sprintf(`{"until":"2100-01-01T00:00:%02dZ"}`, i)
				case strings.HasPrefix(e.path, "units/"), strings.HasPrefix(e.path, "territories/"):
					return fmt.Sprintf(`{"parent":"p%d"}`, i)
				}
				return fmt.Sprintf(`{"attributes":{"n":%d}}`, i)
			}
			path := strings.Replace(e.path, "/ann", "/zoe", 1)
			statuses := func(method string, headers ...string) map[int]int {
				return c.together(12, func(i int) *http.Request { return c.request(method, path, body(i), headers...) })
			}
			if got := statuses("PUT", "If-None-Match", "*"); got[201] != 1 || got[412] != 11 {
				t.Errorf("%s made by %v", path, got)
			}
			tag := c.do("GET", path, "").Header.Get("ETag")
			k.Want(c.do("PUT", path, body(30), "If-Match", tag), 200)
			tag = c.do("GET", path, "").Header.Get("ETag")
			if got := statuses("PUT", "If-Match", tag); got[200] != 1 || got[412] != 11 {
				t.Errorf("%s changed by %v", path, got)
			}
			tag = c.do("GET", path, "").Header.Get("ETag")
			if got := statuses("DELETE", "If-Match", tag); got[200] != 1 || got[412] != 11 {
				t.Errorf("%s deleted by %v", path, got)
			}
		}
	})
}

// together sends n requests at once and counts the statuses of the answers.
func (k keeper) together(n int, request func(i int) *http.Request) map[int]int {
	k.T.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	start := make(chan struct{})
	for i := range n {
		req := request(i)
		wg.Go(func() {
			<-start
			a, err := testkit.Do(req)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				k.T.Error(err)
			}
			got[a.Status]++
		})
	}
	close(start)
	wg.Wait()
	return got
}

// Ids of any spelling come back as they went in, and name nothing else.
func TestProvisionedIDsAreExact(t *testing.T) {
	k := testkit.New(t)
	c := keeperOf(k, "hr", model.DefaultTenant, "directory")
	ids := map[string]string{
		"a%2Fb": "a/b", "a%252Fb": "a%2Fb", "100%25": "100%", "two%20words": "two words", "a+b": "a+b", "%E4%B8%AD": "中", "中": "中",
		"..": "..", "%2e%2e": "..", ".%2F..%2F..": "./../..", "%2Fetc": "/etc", "a%3Fb": "a?b", "a%23b": "a#b", "a;b": "a;b", "a%5Cb": `a\b`,
		"user:x": "user:x", "%2A%2A": "**", "a%2f": "a/", "%41": "A", "a%3Bb=c": "a;b=c",
	}
	for sent, id := range ids {
		a := c.plain("PUT", "resources/contact/"+sent, `{"attributes":{"spelled":"x"}}`)
		if a.Status != 201 && a.Status != 200 {
			t.Errorf("%s: %d %s", sent, a.Status, a.Raw)
			continue
		}
		if _, err := k.App.Store.Resource(ctx, model.DefaultTenant, "contact", id); err != nil {
			t.Errorf("%s is not kept as %q: %v", sent, id, err)
		}
		if a := c.plain("GET", "resources/contact/"+sent, ""); a.Text("id") != id || a.Text("type") != "contact" {
			t.Errorf("%s is read as %s", sent, a.Raw)
		}
	}
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	rows, err := k.App.Store.Resources(ctx, model.DefaultTenant, "contact", "", 1000)
	if err != nil || len(rows) != len(want) {
		t.Errorf("%d are kept (%v), want %d", len(rows), err, len(want))
	}
	for path, want := range map[string]model.Code{
		"resources/contact/%2A": model.CodeInvalidRequest, "resources/contact/%00": model.CodeInvalidRequest, "resources/contact/%FF": model.CodeInvalidRequest,
		"resources/contact/a%E2%80%8Bb": model.CodeInvalidRequest, "resources/contact/" + strings.Repeat("x", 257): model.CodeInvalidRequest,
		"resources/contact/a%0Ab": model.CodeInvalidRequest, "resources/%2A/x": model.CodeInvalidRequest, "resources/contact/": model.CodeNotFound,
		"resources/contact": model.CodeNotFound, "resources//x": model.CodeInvalidRequest, "resources/contact/a/b": model.CodeNotFound,
		"teams/team:emea": model.CodeInvalidRequest, "teams/a,b": model.CodeInvalidRequest, "units/unit:x": model.CodeInvalidRequest, "subjects/role/x": model.CodeInvalidRequest,
		"subjects/team/x": model.CodeInvalidRequest, "subjects/a:b/x": model.CodeInvalidRequest, "assignments/ann/sales-rep": model.CodeInvalidRequest,
		"assignments/user:ann/role:sales-rep": model.CodeInvalidRequest, "assignments/role:a/sales-rep": model.CodeInvalidRequest, "../admin/teams/x/..": model.CodeNotFound,
	} {
		for _, method := range []string{"PUT", "GET", "DELETE"} {
			a := c.plain(method, path, `{}`)
			ok := a.Text("code") == string(want) || method != "PUT" && (a.Status == 404 || a.Status == 405 || a.Status == 400)
			if !ok || a.Status == 200 || a.Status >= 500 {
				t.Errorf("%s %s: %d %s, want %s", method, path, a.Status, a.Raw, want)
			}
		}
	}
}

// Bodies that are no entry, or too much of one, leave nothing.
func TestHostileEntries(t *testing.T) {
	k := testkit.New(t)
	c := keeperOf(k, "hr", model.DefaultTenant, "directory")
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	many := `"x"` + strings.Repeat(`,"x"`, 1000)
	for body, want := range map[string]model.Code{
		``: model.CodeInvalidRequest, `[]`: model.CodeInvalidRequest, `null`: model.CodeInvalidRequest, `{} {}`: model.CodeInvalidRequest,
		`{"unit":"a","unit":"b"}`: model.CodeInvalidRequest, `{"Unit":"a"}`: model.CodeInvalidRequest, "{\"unit\":\"\xff\"}": model.CodeInvalidRequest,
		`{"disabled":false}`: model.CodeInvalidRequest, `{"password":"x"}`: model.CodeInvalidRequest, `{"username":"x"}`: model.CodeInvalidRequest,
		`{"tenant":"other"}`: model.CodeInvalidRequest, `{"require_mfa":false}`: model.CodeInvalidRequest, `{"roles":["sales-rep"]}`: model.CodeInvalidRequest,
		`{"type":"client"}`: model.CodeInvalidRequest, `{"id":"bob"}`: model.CodeInvalidRequest, `{"id":"user:ann"}`: model.CodeInvalidRequest,
		`{"teams":"emea"}`: model.CodeInvalidRequest, `{"teams":["a,b"]}`: model.CodeInvalidRequest, `{"teams":[""]}`: model.CodeInvalidRequest,
		`{"unit":"*"}`: model.CodeInvalidRequest, `{"manager":"ann"}`: model.CodeInvalidRequest, `{"manager":"a\u0000"}`: model.CodeInvalidRequest,
		`{"attributes":{"":1}}`: model.CodeInvalidRequest, `{"attributes":{"n":1e999}}`: model.CodeInvalidRequest, `{"attributes":` + deep + `}`: model.CodeInvalidRequest,
		`{"territories":[` + many + `]}`:                                model.CodeLimitExceeded,
		`{"attributes":{"a":"` + strings.Repeat("x", 65<<10) + `"}}`:    model.CodeLimitExceeded,
		`{"attributes":{"a":[` + strings.Repeat("1,", 20000) + `1]}}`:   model.CodeLimitExceeded,
		`{"contact":"` + strings.Repeat("x", 300) + `"}`:                model.CodeInvalidRequest,
		`{"attributes":{"a":"` + strings.Repeat("x", 300<<10) + `"}}`:   model.CodeTooLarge,
		`{"attributes":{"` + strings.Repeat("x", 257) + `":"too long"}`: model.CodeInvalidRequest,
	} {
		a := c.do("PUT", "subjects/user/ann", body)
		if a.Text("code") != string(want) {
			t.Errorf("%.60s: %d %s, want %s", body, a.Status, a.Raw, want)
		}
	}
	a := c.do("PUT", "subjects/user/ann", `{}`, "Content-Type", "text/plain")
	c.refused("no JSON", a, 415, model.CodeUnsupportedMedia)
	if a := c.do("GET", "subjects/user/ann", ""); a.Status != 404 {
		t.Errorf("one of them was taken: %s", a.Raw)
	}
	for _, q := range []string{"limit=-1", "limit=x", "limit=+1", "limit=1&limit=1", "limit=", "token=x", "token=", "typ=user", "type=", "%zz", "role=x"} {
		c.refused(q, c.plain("GET", "subjects?"+q, ""), 400, model.CodeInvalidRequest)
	}
	for _, q := range []string{"dry_run=yes", "dry_run=True", "dry_run=1", "dry_run=", "dry_run=true&dry_run=false", "dryrun=true"} {
		c.refused(q, c.plain("POST", "import?"+q, `{"teams":[{"id":"x"}]}`), 400, model.CodeInvalidRequest)
	}
	c.refused("nothing was imported", c.do("GET", "teams/x", ""), 404, model.CodeNotFound)
}

// Who may: a client with the scope, in the tenant of its token and in no other.
func TestProvisioningStaysInItsTenant(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other"}); err != nil {
			t.Fatal(err)
		}
		c, other := keeperOf(k, "hr", model.DefaultTenant, "directory"), keeperOf(k, "hr-other", "other", "directory")
		without := keeperOf(k, "crm", model.DefaultTenant, "decide", "explain", "audit")
		nobody, person := c, c
		nobody.token, person.token = "", k.MustEnrol("admin", "system-admin").Access
		k.Want(c.do("PUT", "subjects/user/ann", `{"unit":"sales"}`), 201)
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			c.refused(method, without.do(method, "subjects/user/ann", `{}`), 403, model.CodeForbidden)
			c.refused(method, nobody.do(method, "subjects/user/ann", `{}`), 401, model.CodeUnauthorized)
			c.refused(method, person.do(method, "subjects/user/ann", `{}`), 401, model.CodeUnauthorized)
		}
		c.refused("list", without.do("GET", "subjects", ""), 403, model.CodeForbidden)
		c.refused("import", without.do("POST", "import", `{}`), 403, model.CodeForbidden)
		c.refused("another tenant", other.do("GET", "subjects/user/ann", ""), 404, model.CodeNotFound)
		c.refused("another tenant", other.do("DELETE", "subjects/user/ann", ""), 404, model.CodeNotFound)
		if a := other.do("GET", "subjects", ""); a.Status != 200 || strings.Contains(string(a.Raw), "ann") {
			t.Errorf("another tenant sees %s", a.Raw)
		}
		k.Want(other.do("PUT", "subjects/user/ann", `{"unit":"theirs"}`), 201)
		if a := c.do("GET", "subjects/user/ann", ""); a.Text("unit") != "sales" {
			t.Errorf("another tenant wrote %s", a.Raw)
		}
		// A page's token is good for nobody else.
		k.Want(c.do("PUT", "subjects/user/bob", `{}`), 201)
		token := nextToken(c.do("GET", "subjects?limit=1", ""))
		c.refused("another's token", other.do("GET", "subjects?token="+token, ""), 400, model.CodeInvalidRequest)
		c.refused("another list's token", c.do("GET", "teams?token="+token, ""), 400, model.CodeInvalidRequest)
		c.refused("another filter", c.do("GET", "subjects?type=user&token="+token, ""), 400, model.CodeInvalidRequest)
		c.refused("another limit", c.do("GET", "subjects?limit=2&token="+token, ""), 400, model.CodeInvalidRequest)

		// A tenant that is switched off, and a client that is.
		off := true
		if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other", Disabled: &off}); err != nil {
			t.Fatal(err)
		}
		c.refused("tenant off", other.do("GET", "subjects/user/ann", ""), 403, model.CodeTenantDisabled)
		c.refused("tenant off", other.do("PUT", "subjects/user/ann", `{}`), 403, model.CodeTenantDisabled)
		c.refused("tenant off", other.do("POST", "import", `{}`), 403, model.CodeTenantDisabled)
		if _, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "hr"}, Disabled: true}); err != nil {
			t.Fatal(err)
		}
		c.refused("client off", c.do("PUT", "subjects/user/ann", `{}`), 401, model.CodeUnauthorized)
	})
}

func nextToken(a testkit.Answer) string {
	page, _ := a.Body["page"].(map[string]any)
	token, _ := page["next_token"].(string)
	return token
}

// Lists are whole and in order, whatever the size of their pages.
func TestListsPage(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		var file []string
		for i := range 25 {
			file = append(file, fmt.Sprintf(`{"type":"contact","id":"%02d"},{"type":"deal","id":"%02d","attributes":{"a":"%s"}}`, i, i, strings.Repeat("x", i)))
		}
		k.Want(c.do("POST", "import", `{"resources":[`+strings.Join(file, ",")+`]}`), 200)
		for _, of := range []struct {
			query string
			want  int
		}{{"", 50}, {"type=deal", 25}, {"type=nothing", 0}} {
			for _, limit := range []string{"", "limit=1", "limit=7", "limit=25", "limit=50", "limit=100000"} {
				seen, last, pages := map[string]bool{}, "", 0
				path := "resources?" + strings.Trim(of.query+"&"+limit, "&")
				for token := ""; ; pages++ {
					a := c.do("GET", strings.Trim(path+token, "?&"), "")
					k.Want(a, 200)
					for _, r := range a.Body["results"].([]any) {
						e := r.(map[string]any)["entry"].(map[string]any)
						key := fmt.Sprint(e["type"], " ", e["id"])
						if seen[key] || key <= last {
							t.Fatalf("%s: %s after %s", path, key, last)
						}
						seen[key], last = true, key
					}
					next := nextToken(a)
					if next == "" {
						break
					}
					token = "&token=" + next
				}
				if len(seen) != of.want {
					t.Errorf("%s: %d entries on %d pages, want %d", path, len(seen), pages+1, of.want)
				}
			}
		}
		a := c.do("GET", "resources?limit=0", "")
		k.Want(a, 200)
		if nextToken(a) == "" || len(a.Body["results"].([]any)) > 0 {
			t.Errorf("a page of none: %s", a.Raw)
		}
		// One page, one entry in the log.
		leaf := audittest.One(t, k.App.Store, func() { k.Want(c.do("GET", "resources", ""), 200) })
		if leaf.Activity != audit.DirectoryRead || leaf.Count != 50 || leaf.Class != audit.ClassAdmin || leaf.Service != "hr" {
			t.Errorf("recorded %+v", leaf.Leaf)
		}
	})
}
