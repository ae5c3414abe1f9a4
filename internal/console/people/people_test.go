package people_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/goleak"

	"rolegate/internal/app"
	"rolegate/internal/console/page"
	"rolegate/internal/console/people"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// TestImportsHaveTime holds the pages of an import, and no others, to its time.
func TestImportsHaveTime(t *testing.T) {
	slow := map[string]bool{}
	f := &page.Frame{}
	f.Mount(chi.NewRouter(), func(e page.Endpoint) http.Handler {
		h := &mounted{}
		if e.Slow() {
			slow[e.Permission()] = true
		}
		return h
	}, people.Add)
	if want := map[string]bool{"officer(rolegate.organization:import)": true}; !maps.Equal(slow, want) {
		t.Errorf("slow are %v", slow)
	}
}

type mounted struct{ http.Handler }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile is a name with whatever breaks out of text, attributes and addresses, and
// turns the direction of writing.
const hostile = `"'><b>/../%2f?x=1&y#א`

type town struct {
	*testkit.Kit
	t      *testing.T
	people map[string]*testkit.Person
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{testkit.New(t), t, map[string]*testkit.Person{"ann": nil}}
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "aud": model.AuditAdmin} {
		w.people[id] = w.MustEnrol(id)
		if _, err := app.Assign.Run(t.Context(), w.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	w.people["ann"] = w.MustEnrol("ann", "sales-rep")
	return w
}

func (w *town) as(id string) *testkit.Visitor {
	w.t.Helper()
	return w.VisitorAs(w.t, w.people[id])
}

func contains(t *testing.T, p *testkit.Page, selector string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if got := p.Text(selector); !strings.Contains(got, part) {
			t.Errorf("%s: %s says %q, without %q", p.URL.RequestURI(), selector, got, part)
		}
	}
}

// TestAccount takes one account through all that is done to it.
func TestAccount(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	v.Get("/console/people?name=AN").Want(t, 200, "/console/people")
	contains(t, v.Page, "tbody", "ann", "active")
	if v.Get("/console/people?state=invited"); len(v.Page.All("tbody")) > 0 {
		t.Error("somebody is invited")
	}
	v.Get("/console/people?name=%01").Want(t, 400, "/console/people")

	v.Get("/console/people/new").Want(t, 200, "/console/people/new")
	v.Submit("main form", "id", hostile, "username", "fred", "roles", "sales-rep\nsystem-admin").Want(t, 403, "/console/people/new")
	if got := testkit.Attr(v.Page.One(t, "#id"), "value"); got != hostile {
		t.Errorf("the id is lost: %q", got)
	}
	v.Submit("main form", "roles", "sales-rep", "reason", "hired").Want(t, 200, "/console/people/new")
	link := v.Page.Text("#link")
	if !strings.Contains(link, "/invite/") || testkit.Attr(v.Page.One(t, "[data-copy]"), "data-copy") != link {
		t.Errorf("the link is %q", link)
	}
	v.Get("/console/people/user?id="+url.QueryEscape(hostile)).Want(t, 200, "/console/people/user")
	contains(t, v.Page, "main", hostile, "fred", "invited", "sales-rep")
	if len(v.Page.All("main b")) > 0 {
		t.Error("the name is markup")
	}

	v.Get("/console/people/user?id=ann").Want(t, 200, "/console/people/user")
	contains(t, v.Page, "main", "password and one-time code", "10 recovery codes")
	v.Page.One(t, `#known-role option[value=sales-manager]`)
	if len(v.Page.All(`#known-role option[value=system-admin]`)) > 0 {
		t.Error("an office is suggested")
	}
	v.Submit(`form[action$="/assign"]`, "role", "sales-manager", "until", "yesterday").Want(t, 400, "/console/people/assign")
	if got := testkit.Attr(v.Page.One(t, "#role"), "value"); got != "sales-manager" {
		t.Errorf("the role is lost: %q", got)
	}
	v.Submit(`form[action$="/assign"]`, "role", "none-such", "until", "").Want(t, 404, "/console/people/assign")
	v.Submit(`form[action$="/assign"]`, "role", "sales-manager", "from", "2026-01-01T00:00", "until", "2126-01-01T00:00", "reason", "cover").Want(t, 200, "/console/people/user")
	contains(t, v.Page, ".said", "sales-manager")
	contains(t, v.Page, "tbody", "sales-manager", "2126")
	v.Get("/console/people/role?id=sales-manager").Want(t, 200, "/console/people/role")
	contains(t, v.Page, "tbody", "user:ann", "holds it")
	v.Get("/console/people/user?id=ann")
	v.Post("/console/people/unassign", "id", "ann", "role", "sales-manager").Want(t, 200, "/console/people/user")
	v.Post("/console/people/unassign", "id", "ann", "role", "sales-manager").Want(t, 404, "/console/people/unassign")

	v.Submit(`form[action$="/disable"]`, "reason", " ").Want(t, 400, "/console/people/disable")
	v.Submit(`form[action$="/disable"]`, "reason", "left").Want(t, 200, "/console/people/user")
	contains(t, v.Page, "main", "disabled", "Not logged in anywhere")
	v.Submit(`form[action$="/enable"]`).Want(t, 200, "/console/people/user")
	w.Login(w.people["ann"])
	v.Get("/console/people/user?id=ann")
	contains(t, v.Page, `form[action$="/sessions"]`, "1 as this page was opened")
	v.Submit(`form[action$="/sessions"]`).Want(t, 200, "/console/people/user")
	contains(t, v.Page, ".said", "1")
	v.Submit(`form[action$="/unlock"]`, "reason", "rang me").Want(t, 200, "/console/people/user")
	v.Submit(`form[action$="/invite"]`).Want(t, 200, "/console/people/invite")
	if v.Get("/console/people/user?id=sys"); len(v.Page.All(`form[action^="/console/people/"]`)) > 0 {
		t.Error("one's own account has forms")
	}
	v.Get("/console/people/user?id=nobody").Want(t, 404, "/console/people/user")
	v.Get("/console/people/user").Want(t, 404, "/console/people/user")

	// Whom a right is gone from meanwhile is refused, and an old factor asked for.
	w.Advance(6 * 60e9)
	v.Get("/console/people/user?id=ann").Want(t, 200, "")
	v.Submit(`form[action$="/disable"]`, "reason", "left").Want(t, 401, "/console/people/disable")
	v.Submit("main form", "code", w.NextCode(w.people["sys"])).Want(t, 200, "/step-up")
	v.Submit("main form").Want(t, 200, "/console/people/user")
	contains(t, v.Page, "main", "disabled")
	v.Language = "zh-CN"
	contains(t, v.Get("/console/people/user?id=ann"), "main", "账号 ann", "已停用")
}

// TestWhoMay tries each act as each office and as somebody without one.
func TestWhoMay(t *testing.T) {
	w := newTown(t)
	may := map[string]string{ // who gets further than being refused
		"GET /console/people": "sys sec aud", "GET /console/people/new": "sys", "POST /console/people/new": "sys", "POST /console/people/invite": "sys",
		"POST /console/people/disable": "sys", "POST /console/people/enable": "sys", "POST /console/people/unlock": "sys", "POST /console/people/sessions": "sys",
		"POST /console/people/assign": "sys", "POST /console/people/unassign": "sys", "GET /console/people/roles": "sys sec aud", "POST /console/people/roles": "sys",
		"GET /console/people/offices": "sys sec aud", "POST /console/people/offices": "sys sec aud", "POST /console/people/offices/approve": "sys sec aud",
		"GET /console/organization": "sys sec", "GET /console/organization/units": "sys sec", "GET /console/organization/territories": "sys sec", "GET /console/organization/lines": "sys sec",
		"POST /console/organization/group": "sys", "POST /console/organization/delete": "sys", "POST /console/organization/member": "sys", "POST /console/organization/assign": "sys",
		"GET /console/organization/import": "sys", "POST /console/organization/import": "sys", "POST /console/organization/import/apply": "sys",
		"GET /console/clients": "sys", "POST /console/clients": "sys", "POST /console/clients/rotate": "sys", "POST /console/clients/disable": "sys",
	}
	for route, who := range may {
		method, path, _ := strings.Cut(route, " ")
		for id := range w.people {
			v := w.as(id)
			if method == "GET" {
				v.Get(path)
			} else {
				v.Post(path, "id", "404", "kind", "team", "role", "404", "member", "404", "reason", "x")
			}
			refused := v.Page.Status == 403 && v.Page.Text("h1") == "Not allowed"
			if refused == strings.Contains(who, id) {
				t.Errorf("%s by %s: %d %s", route, id, v.Page.Status, v.Page.Text("h1"))
			}
		}
	}
}

// TestRolesAndOffices makes a role, and an office's holder by two people.
func TestRolesAndOffices(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	v.Get("/console/people/roles").Want(t, 200, "")
	v.Submit(`form[action="/console/people/roles"]`, "id", "a,b").Want(t, 400, "")
	v.Submit(`form[action="/console/people/roles"]`, "id", "night-desk").Want(t, 200, "/console/people/role")
	contains(t, v.Page, "main", "Nobody holds this role")
	v.Submit(`form[action="/console/people/role"]`, "mfa", "yes").Want(t, 200, "/console/people/role")
	v.Page.One(t, "[name=mfa][checked]")

	v.Get("/console/people/offices").Want(t, 200, "")
	contains(t, v.Page, "main", "user:sec", "No request waits")
	v.Submit(`form[action="/console/people/offices"]`, "member", "ann", "office", "audit-admin", "reason", " ").Want(t, 400, "")
	v.Submit(`form[action="/console/people/offices"]`, "reason", "second pair of eyes").Want(t, 200, "/console/people/offices")
	if len(v.Page.All(`form[action$="/approve"]`)) > 0 {
		t.Error("one's own request has an approval")
	}
	sec := w.as("sec")
	sec.Get("/console/people/offices").Want(t, 200, "")
	contains(t, sec.Page, "article", "user:ann", "second pair of eyes")
	id := testkit.Attr(sec.Page.One(t, `form[action$="/approve"] [name=id]`), "value")
	v.Post("/console/people/offices/approve", "id", id).Want(t, 403, "")
	sec.Submit(`form[action$="/approve"]`).Want(t, 200, "/console/people/offices")
	contains(t, sec.Page, ".said", "user:ann")
	sec.Post("/console/people/offices/deny", "id", id).Want(t, 409, "")
}

// TestOrganization makes, moves and deletes groups, and moves somebody.
func TestOrganization(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	for _, id := range []string{"emea", hostile} {
		v.Get("/console/organization").Want(t, 200, "")
		v.Submit(`form[action$="/group"]`, "id", id).Want(t, 200, "/console/organization/group")
	}
	v.Get("/console/organization")
	contains(t, v.Page, "tbody", "emea", hostile)
	v.Submit(`form[action$="/group"]`, "id", "emea").Want(t, 409, "")
	v.Get("/console/organization/group?kind=team&id="+url.QueryEscape(hostile)).Want(t, 200, "")
	v.Submit(`form[action$="/delete"]`).Want(t, 200, "/console/organization")

	for _, unit := range [][2]string{{"company", ""}, {"sales", "company"}} {
		v.Get("/console/organization/units").Want(t, 200, "")
		v.Submit(`form[action$="/group"]`, "id", unit[0], "parent", unit[1], "heads", "ann").Want(t, 200, "/console/organization/group")
	}
	v.Get("/console/organization/group?kind=unit&id=company")
	old := v.Page
	v.Submit(`form[action$="/group"]`, "parent", "sales").Want(t, 400, "")
	contains(t, v.Page, ".problem", "circle")
	v.Submit(`form[action$="/delete"]`).Want(t, 409, "")
	contains(t, v.Page, ".problem", "sales")
	v.Get("/console/organization/group?kind=unit&id=company")
	v.Submit(`form[action$="/group"]`, "heads", "ann\nsec").Want(t, 200, "/console/organization/group")
	v.Page = old // another window, opened before
	v.Submit(`form[action$="/group"]`, "heads", "").Want(t, 412, "")
	v.Get("/console/organization/group?kind=unit&id=company")
	contains(t, v.Page, "dl", "ann, sec")
	v.Submit(`form[action$="/group"]`, "heads", "sys").Want(t, 403, "")

	v.Get("/console/organization/member?id=ann").Want(t, 200, "")
	v.Page.One(t, "#known-unit option[value=company]")
	v.Page.One(t, "#known-manager option[value=sec]")
	v.Submit(`form[action$="/member"]`, "unit", "sales", "teams", "emea", "manager", "sec").Want(t, 200, "/console/organization/member")
	v.Submit(`form[action$="/member"]`, "manager", "sys").Want(t, 403, "")
	contains(t, v.Get("/console/organization/lines"), "tbody", "ann", "sales", "emea", "sec")
	contains(t, v.Get("/console/people/user?id=ann"), "dl", "sales", "emea")
	v.Get("/console/organization/member?id=ann")
	v.Submit(`form[action$="/member"]`, "territories", "north, east\r\nsouth; west").Want(t, 200, "/console/organization/member")
	v.Submit(`form[action$="/member"]`, "unit", "company").Want(t, 200, "/console/organization/member")
	if ann, err := w.App.Store.Subject(t.Context(), model.DefaultTenant, "user", "ann"); err != nil || !slices.Equal(ann.Territories, []string{"north, east", "south; west"}) {
		t.Errorf("territories become %q, %v", ann.Territories, err)
	}
	v.Submit(`form[action$="/member"]`, "unit", "sales").Want(t, 200, "/console/organization/member")
	v.Get("/console/organization/group?kind=team&id=emea")
	v.Submit(`form[action$="/assign"]`, "role", "system-admin").Want(t, 403, "")
	v.Submit(`form[action$="/assign"]`, "role", "sales-rep").Want(t, 200, "/console/organization/group")
	contains(t, v.Page, "tbody", "sales-rep", "without bounds")
	v.Submit(`form[action$="/delete"]`).Want(t, 409, "")
	v.Submit(`form[action$="/unassign"]`).Want(t, 200, "/console/organization/group")
	v.Get("/console/organization/group?kind=planet&id=mars").Want(t, 404, "")
}

// TestLists goes through long lists page by page, by addresses that name nobody.
func TestLists(t *testing.T) {
	w := newTown(t)
	file := map[string][]map[string]string{}
	roles := []string{}
	for i := range 120 {
		id := fmt.Sprintf("entry-%03d", i)
		roles = append(roles, id)
		for _, list := range []string{"teams", "units", "territories"} {
			file[list] = append(file[list], map[string]string{"id": id})
		}
		file["subjects"] = append(file["subjects"], map[string]string{"type": "user", "id": id})
	}
	text, err := json.Marshal(map[string]any{"teams": file["teams"], "units": file["units"], "territories": file["territories"], "subjects": file["subjects"], "roles": roles})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.ImportDirectory.Run(t.Context(), w.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: text}); err != nil {
		t.Fatal(err)
	}
	v := w.as("sys")
	for _, path := range []string{"/console/organization", "/console/organization/units", "/console/organization/territories", "/console/organization/lines", "/console/people/roles"} {
		seen, pages, other := 0, 0, ""
		for at := path; at != ""; pages++ {
			if v.Get(at).Want(t, 200, ""); len(v.Page.All("tbody tr")) == 0 || pages > 5 {
				t.Fatalf("%s: page %d shows nothing new", path, pages)
			}
			for _, row := range v.Page.All("tbody tr th") {
				if strings.HasPrefix(testkit.Text(row), "entry-") {
					seen++
				}
			}
			if at = ""; len(v.Page.All("[rel=next]")) > 0 {
				if at = testkit.Attr(v.Page.One(t, "[rel=next]"), "href"); strings.Contains(at, "entry-") {
					t.Errorf("%s names somebody", at)
				}
				other = at
			}
		}
		if seen != 120 || pages < 3 {
			t.Errorf("%s: %d entries on %d pages", path, seen, pages)
		}
		_, place, _ := strings.Cut(other, "after=")
		v.Get(path+"?after=x"+place).Want(t, 400, path)
		v.Get("/console/people?after="+place).Want(t, 400, "/console/people")
	}
}

// TestWhatIsNoText: an address may hold what no text has.
func TestWhatIsNoText(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	for _, path := range []string{"/console/people/user?id=%00", "/console/people/user?id=a%ff", "/console/people?name=%00", "/console/people/role?id=%00", "/console/organization/group?kind=unit&id=%00", "/console/organization/member?id=%00"} {
		if v.Get(path).Status != 400 {
			t.Errorf("%s: %d", path, v.Page.Status)
		}
	}
	for _, id := range []string{"../x", "a/b", strings.Repeat("ü", 120), "\u202ex"} {
		for _, path := range []string{"/console/people/user?id=", "/console/people/role?id=", "/console/organization/group?kind=unit&id=", "/console/organization/member?id="} {
			v.Get(path+url.QueryEscape(id)).Want(t, 404, "")
		}
	}
	v.Post("/console/people/assign?id=ann&role=sales-rep").Want(t, 404, "") // a form is what was sent
	v.Post("/console/people/disable?id=ann", "reason", "x").Want(t, 404, "")
}

// TestImport previews a table and a file, and applies what was previewed or nothing.
func TestImport(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	v.Get("/console/organization/import").Want(t, 200, "")
	v.Submit("main form", "file", `{"teams": [{"id": ""}, {"name": "x"}]}`).Want(t, 422, "/console/organization/import")
	contains(t, v.Page, ".problem", "teams[0]", "teams[1]")
	if got := v.Page.Text("textarea"); !strings.Contains(got, `"name"`) {
		t.Errorf("the file is lost: %q", got)
	}
	v.Submit("main form", "format", "csv", "file", "id,pay\nann,3").Want(t, 422, "")
	contains(t, v.Page, ".problem", "Line 1", "pay")
	v.Submit("main form", "format", "csv", "file", "id,unit,roles\nann,sales,sales-manager\n\""+strings.ReplaceAll(hostile, `"`, `""`)+"\",,").Want(t, 200, "/console/organization/import")
	contains(t, v.Page, "main", "3 entries would be", "user:ann", "sales-manager", hostile)
	if len(v.Page.All("main b")) > 0 {
		t.Error("the name is markup")
	}
	seen := v.Page
	v.Submit("main form", "reason", strings.Repeat("x", 2000)).Want(t, 400, "/console/organization/import/apply")
	contains(t, v.Page, "main", "3 entries would be")
	v.Submit("main form", "reason", "spring", "digest", "other").Want(t, 412, "/console/organization/import/apply")
	v.Submit("main form").Want(t, 200, "/console/organization/lines")
	contains(t, v.Page, ".said", "3")
	contains(t, v.Page, "tbody", hostile)
	v.Page = seen // sent once more
	v.Submit("main form").Want(t, 412, "")
	contains(t, v.Page, "main", "nothing to import")
	v.Get("/console/organization/import")
	v.Submit("main form", "file", `{"subjects": [{"type": "user", "id": "sys", "unit": "x"}]}`).Want(t, 403, "")
	contains(t, v.Page, ".problem", "subjects[0]")
	v.Language = "zh-CN"
	contains(t, v.Get("/console/organization/import"), "main", "批量导入", "部门标识")
}

// TestLongImport has as many people as a table may bring, 2 MB of them, told before they
// are applied, and refuses more, which stays in the form.
func TestLongImport(t *testing.T) {
	w := newTown(t)
	v := w.as("sys")
	list := func(n int) string {
		var b strings.Builder
		b.WriteString("id,unit,roles\n")
		for i := range n {
			fmt.Fprintf(&b, "person-%093d,,\n", i)
		}
		return b.String()
	}
	v.Get("/console/organization/import")
	v.Submit("main form", "format", "csv", "file", list(20_000)).Want(t, 200, "/console/organization/import")
	contains(t, v.Page, "main", "20000 entries would be")
	v.Get("/console/organization/import")
	v.Submit("main form", "format", "csv", "file", list(20_001)).Want(t, 400, "/console/organization/import")
	contains(t, v.Page, ".problem", "20000")
	contains(t, v.Page, "textarea", fmt.Sprintf("person-%093d", 0), fmt.Sprintf("person-%093d", 20_000))
}
