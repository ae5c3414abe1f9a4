package checklist

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func tenantWall(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ctx := t.Context()
	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.AddUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: "other", User: "zoe"}); err != nil {
		t.Fatal(err)
	}
	k.AddClient(model.Client{ID: "theirs", Tenant: "other", Scopes: []string{"decide"}})
	k.AddClient(model.Client{ID: "platform", Tenants: []string{"*"}, Scopes: []string{"decide"}})
	k.Login(o.sys)
	for _, r := range routesBelow(t, "/v1/admin/users/") {
		for _, id := range []string{"zoe", "nobody"} {
			body := any(nil)
			if r[0] == "PUT" || strings.HasSuffix(r[1], "disable") || strings.HasSuffix(r[1], "unlock") {
				body = map[string]any{"reason": "test"}
			}
			a := k.Call(r[0], strings.Replace(r[1], "/ann", "/"+id, 1), o.sys.Access, body)
			if a.Status != 404 {
				t.Errorf("%s %s of %s: %d %s", r[0], r[1], id, a.Status, a.Raw)
			}
		}
	}
	for _, id := range []string{"theirs", "platform", "none"} {
		for _, act := range []string{"rotate-secret", "disable", "enable"} {
			refused(t, act+" "+id, k.Call("POST", "/v1/admin/clients/"+id+"/"+act, o.sys.Access, nil), 404, model.CodeClientUnknown)
		}
	}
	for _, path := range []string{"users", "clients"} {
		a := k.Call("GET", "/v1/admin/"+path, o.sys.Access, nil)
		for _, id := range []string{"zoe", "theirs", "platform"} {
			if bytes.Contains(a.Raw, []byte(id)) {
				t.Errorf("%s lists %s", path, id)
			}
		}
	}
	refused(t, "a tenant in the body", k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "x", "tenant": "other"}), 400, model.CodeInvalidRequest)
	refused(t, "tenants of a client", k.Call("POST", "/v1/admin/clients", o.sys.Access, map[string]any{"client_id": "x", "scopes": []string{"decide"}, "tenants": []string{"*"}}), 400, model.CodeInvalidRequest)
	wallOfWork(t, k, o)
}

// wallOfWork is tenantWall for what officers make: drafts and revisions of a policy,
// requests for offices, and entries of the log, over the API and on pages.
func wallOfWork(t *testing.T, k *testkit.Kit, o offices) {
	ours, err := app.ExportPolicy.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.ImportPolicy.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: "other", Text: []byte(ours.Policy), Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	holder := func(id, office string) *testkit.Person {
		invited, err := app.AddUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: "other", User: id})
		if err != nil {
			t.Fatal(err)
		}
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invited.Invite, "password": testkit.Password})
		k.Want(a, 200, "status", "enrolment_required")
		p := k.FinishEnrolment(id, a.Text("ticket"))
		if office == "" {
			return p
		}
		if _, err := app.Assign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: "other", Member: id, Role: office, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	xenia, yves := holder("xenia", model.SystemAdmin), holder("yves", model.SecurityAdmin)
	holder("zeno", "")
	const theirTitle = "only for others"
	a := k.Call("POST", "/v1/admin/policy/drafts", yves.Access, map[string]any{"title": theirTitle})
	k.Want(a, 201)
	draft := a.Text("id")
	var asked testkit.Answer
	their := audittest.One(t, k.App.Store, func() {
		asked = k.Call("POST", "/v1/admin/offices/requests", xenia.Access, map[string]any{"member": "zeno", "office": model.AuditAdmin, "reason": theirTitle})
		k.Want(asked, 201)
	}).Tenant

	k.StepUp(o.sec)
	for _, r := range routesBelow(t, "/v1/admin/policy/drafts/") {
		body := any(nil)
		switch path.Base(r[1]) {
		case "ann":
			if r[0] == "PUT" {
				body = map[string]any{"title": "x", "document": "", "cases": ""}
			}
		case "approve", "reject":
			body = map[string]any{"comment": "x"}
		case "publish":
			body = map[string]any{"reason": "x"}
		}
		req := request(k, r[0], strings.Replace(r[1], "/ann", "/"+draft, 1), o.sec.Access, body)
		req.Header.Set("If-Match", a.Header.Get("ETag"))
		refused(t, r[0]+" "+r[1], k.Send(req), 404, model.CodeNotFound)
	}
	visitor := k.VisitorAs(t, o.sec)
	ofDraft := pagesOfDrafts(t)
	for _, at := range ofDraft {
		at = strings.Replace(at, "{id}", draft, 1)
		if page := visitor.Get(at); page.Status != 404 || strings.Contains(page.Body, theirTitle) {
			t.Errorf("GET %s: %d", at, page.Status)
		}
	}
	if len(ofDraft) < 15 {
		t.Errorf("%d pages of drafts", len(ofDraft))
	}
	for _, act := range []string{"approve", "deny"} {
		refused(t, act, k.Call("POST", "/v1/admin/offices/requests/"+asked.Text("id")+"/"+act, o.sec.Access, map[string]any{}), 404, model.CodeNotFound)
	}
	for _, path := range []string{"/v1/admin/policy/drafts", "/v1/admin/offices/requests"} {
		if a := k.Call("GET", path, o.sec.Access, nil); a.Status != 200 || bytes.Contains(a.Raw, []byte(theirTitle)) {
			t.Errorf("GET %s: %d %s", path, a.Status, a.Raw)
		}
	}
	for _, path := range []string{"/console/changes", "/console/people/offices"} {
		if page := visitor.Get(path); page.Status != 200 || strings.Contains(page.Body, theirTitle) {
			t.Errorf("GET %s: %d", path, page.Status)
		}
	}

	var theirs []int
	for i, e := range audittest.From(t, k.App.Store, 0) {
		if bytes.Equal(e.Tenant, their) {
			theirs = append(theirs, i)
		}
	}
	if len(theirs) < 5 {
		t.Fatalf("the others' acts left the entries %v", theirs)
	}
	k.StepUp(o.aud)
	auditor := k.VisitorAs(t, o.aud)
	for _, i := range theirs {
		refused(t, "an entry of theirs", k.Call("GET", fmt.Sprintf("/v1/audit/entries/%d", i), o.aud.Access, nil), 404, model.CodeNotFound)
		if page := auditor.Get(fmt.Sprintf("/console/log/%d", i)); page.Status != 404 {
			t.Errorf("the page of their entry %d: %d", i, page.Status)
		}
	}
	if a := k.Call("GET", "/v1/audit/entries?limit=1000", o.aud.Access, nil); a.Status != 200 || bytes.Contains(a.Raw, []byte("yves")) {
		t.Errorf("the log shows them: %d %s", a.Status, a.Raw)
	}
}

// pagesOfDrafts are the pages of one draft, as the router lists them.
func pagesOfDrafts(t *testing.T) (paths []string) {
	t.Helper()
	for _, r := range pages(t) {
		if r.method == "GET" && (strings.HasPrefix(r.path, "/console/changes/{id}") || strings.HasPrefix(r.path, "/console/policy/drafts/{id}")) {
			paths = append(paths, r.path)
		}
	}
	return paths
}
