package app_test

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// auditRoutes are all routes of the log: an address that each answers where it does,
// and what it is worth.
var auditRoutes = map[string]struct {
	path string
	// entries: it gives those, and not only hashes.
	entries bool
}{
	"/v1/audit/checkpoint":            {"/v1/audit/checkpoint", false},
	"/v1/audit/entries":               {"/v1/audit/entries", true},
	"/v1/audit/entries/{index}":       {"/v1/audit/entries/%d", true},
	"/v1/audit/entries/{index}/proof": {"/v1/audit/entries/0/proof", false},
	"/v1/audit/proof/consistency":     {"/v1/audit/proof/consistency?from=1", false},
	"/v1/audit/tile/entries/*":        {"/v1/audit/tile/entries/000.p/1", true},
	"/v1/audit/tile/{level}/*":        {"/v1/audit/tile/0/000.p/1", false},
}

// enrolTogether enrols a person for each role, "role" or "role/anything": invited
// before there is an administrator, after whom it takes others' consent.
func enrolTogether(k *testkit.Kit, roles ...string) map[string]*testkit.Person {
	k.T.Helper()
	id := func(role string) string { return "person-" + strings.ReplaceAll(role, "/", "-") }
	invited, people := map[string]string{}, map[string]*testkit.Person{}
	for _, role := range roles {
		office, _, _ := strings.Cut(role, "/")
		invited[role] = k.Invite(id(role), office)
	}
	for _, role := range roles {
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invited[role], "password": testkit.Password})
		k.Want(a, 200)
		people[role] = k.FinishEnrolment(id(role), a.Text("ticket"))
	}
	return people
}

// What of R12 the log can keep: of all offices and scopes, on all of its routes,
// audit-admins alone get entries, and what is sealed; and the hashes, where these
// are not for anybody, go to them and to clients with the scope audit.
func TestOfficesAndScopesOnAllRoutesOfTheLog(t *testing.T) {
	golden, err := os.ReadFile("../server/testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(\S+) +(/v1/audit\S*)`).FindAllStringSubmatch(string(golden), -1) {
		if _, ok := auditRoutes[m[2]]; !ok || m[1] != "GET" {
			t.Errorf("%s %s: nobody has said who may", m[1], m[2])
		}
	}
	for _, public := range []bool{true, false} {
		k := testkit.New(t, fmt.Sprintf("ROLEGATE_AUDIT_PUBLIC=%v", public))
		tokens := map[string]string{"nobody": "", "a stranger": "x"}
		for role, p := range enrolTogether(k, "sales-rep", model.SystemAdmin, model.SecurityAdmin, model.AuditAdmin) {
			tokens[role] = p.Access
		}
		for _, scope := range model.Scopes {
			secret := k.AddClient(model.Client{ID: "c-" + scope, Tenant: model.DefaultTenant, Scopes: []string{scope}})
			tokens["client "+scope] = k.TokenFor("c-"+scope, secret)
		}
		if _, err := k.App.Checkpoints.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		a := k.Call("GET", "/v1/audit/entries?activity=user_create&limit=1", tokens[model.AuditAdmin], nil)
		k.Want(a, 200)
		index := results(a)[0]["index"]
		for route, r := range auditRoutes {
			path := r.path
			if strings.Contains(path, "%") {
				path = fmt.Sprintf(path, int64(index.(float64)))
			}
			for who, token := range tokens {
				may := who == model.AuditAdmin || !r.entries && (public || who == "client audit")
				a := getWith(k, path, token)
				switch {
				case may && a.Status != 200:
					t.Errorf("public %v: %s is kept from %s: %d %s", public, route, who, a.Status, a.Raw)
				case !may && a.Status != 401 && a.Status != 403:
					t.Errorf("public %v: %s answers %s with %d", public, route, who, a.Status)
				case !may && (strings.Contains(string(a.Raw), "leaf") || strings.Contains(string(a.Raw), "person-")):
					t.Errorf("public %v: %s tells %s %s", public, route, who, a.Raw)
				}
			}
		}
		k.Stop()
	}
}

// A place in one person's search is nobody else's, in whatever tenant, and of no
// other search.
func TestTokensOfASearchAreOnePersons(t *testing.T) {
	k := testkit.New(t)
	people := enrolTogether(k, model.AuditAdmin, model.AuditAdmin+"/2")
	one, other := people[model.AuditAdmin], people[model.AuditAdmin+"/2"]
	page := func(p *testkit.Person, q url.Values) testkit.Answer {
		return k.Call("GET", "/v1/audit/entries?"+q.Encode(), p.Access, nil)
	}
	asked := func(more ...string) url.Values {
		q := url.Values{"limit": {"1"}, "class": {"admin"}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return q
	}
	a := page(one, asked())
	k.Want(a, 200)
	next := a.Body["page"].(map[string]any)["next_token"].(string)
	k.Want(page(one, asked("token", next)), 200)
	for name, a := range map[string]testkit.Answer{
		"another person":    page(other, asked("token", next)),
		"another filter":    page(one, asked("token", next, "outcome", "ok")),
		"another subject":   page(one, asked("token", next, "subject", "user:"+other.ID)),
		"another order":     page(one, asked("token", next, "order", "oldest")),
		"the list of users": k.Call("GET", "/v1/admin/users?limit=1&token="+next, one.Access, nil),
		"a bit of it":       page(one, asked("token", next[:len(next)-1])),
		"a plain cursor":    page(one, asked("token", "1-2")),
	} {
		if a.Status == 200 {
			t.Errorf("%s goes on with the token", name)
		}
	}
}

// Denials of a flood that are counted are found by whom they were about, and say
// how many there were, and since when.
func TestCountedDenialsAreFound(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	aud := k.MustEnrol("aud", model.AuditAdmin)
	k.MustEnrol("bob", "sales-rep")
	crm := k.ClientToken("crm")
	const many = 600
	for range many {
		k.Want(k.Evaluate(crm, "bob", "delete", "contact", nil), 200)
	}
	k.Stop()
	k = testkit.Start(t, dir)
	var denials, counted int64
	token := []string{}
	for {
		a := readLog(k, aud, append([]string{"subject", "user:bob", "outcome", "deny", "activity", "authz_evaluate", "action", "delete", "limit", "200"}, token...)...)
		k.Want(a, 200)
		for _, e := range results(a) {
			n, ok := e["count"].(float64)
			if !ok {
				denials++
				continue
			}
			counted += int64(n)
			since, _ := e["since"].(string)
			if since == "" || since >= e["time"].(string) {
				t.Errorf("%v denials, at %v, since %q", n, e["time"], since)
			}
		}
		next := a.Body["page"].(map[string]any)["next_token"].(string)
		if next == "" {
			break
		}
		token = []string{"token", next}
	}
	if denials+counted != many || counted == 0 {
		t.Errorf("%d denials and %d counted ones are found of %d", denials, counted, many)
	}
}
