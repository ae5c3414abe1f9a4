package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// importErrors are the bad entries an answer names, by path.
func importErrors(t *testing.T, a testkit.Answer) map[string]string {
	t.Helper()
	var body struct {
		Errors []struct{ Path, Code, Reason string }
	}
	if err := json.Unmarshal(a.Raw, &body); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range body.Errors {
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Path)
		}
		found[e.Path] = e.Code
	}
	return found
}

// An import over HTTP is the command's: counted, tried without a trace, whole or
// not at all.
func TestImportOverHTTP(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		count := func(a testkit.Answer, kind string) string {
			n, _ := a.Body[kind].(map[string]any)
			return fmt.Sprint(n["created"], n["changed"], n["unchanged"])
		}
		file := `{"subjects": [{"type": "user", "id": "ann", "teams": ["emea"]}, {"type": "user", "id": "bob"}], "teams": [{"id": "emea"}],
			"roles": ["sales-rep", "new"], "assignments": [{"member": "ann", "role": "sales-rep"}], "resources": [{"type": "deal", "id": "7"}]}`
		dry := c.do("POST", "import?dry_run=true", file)
		k.Want(dry, 200, "dry_run", true)
		if got := count(dry, "subjects") + " " + count(dry, "roles"); got != "2 0 0 1 0 1" {
			t.Errorf("counted %s: %s", got, dry.Raw)
		}
		c.refused("a dry run left something", c.do("GET", "subjects/user/ann", ""), 404, model.CodeNotFound)
		done := c.do("POST", "import", file)
		k.Want(done, 200, "dry_run", false)
		if before, after := dry.Body["revision"].(float64), done.Body["revision"].(float64); after <= before {
			t.Errorf("the revision went from %v to %v", before, after)
		}
		again := c.do("POST", "import?dry_run=false", strings.Replace(file, `"bob"`, `"bob", "unit": "x"`, 1))
		k.Want(again, 200)
		if got := count(again, "subjects") + " " + count(again, "assignments"); got != "0 1 1 0 0 1" {
			t.Errorf("counted %s: %s", got, again.Raw)
		}
		same := c.do("POST", "import", strings.Replace(file, `"bob"`, `"bob", "unit": "x"`, 1))
		k.Want(same, 200, "revision", again.Body["revision"])

		// Half an import leaves nothing, and every bad entry is named.
		bad := c.do("POST", "import", `{"teams": [{"id": "good"}, {"id": "a,b"}, {"id": "good"}], "subjects": [{"type": "user", "id": "c", "manager": "d"}, {"type": "user", "id": "d", "manager": "c"}],
			"units": [{"id": "u", "head": "x"}], "assignments": [{"member": "nobody", "role": "sales-rep"}, {"member": "ann", "role": "none"},
			{"member": "ann", "role": "audit-admin"}, {"member": "bob", "role": "sales-rep", "until": "0001-01-01T00:00:00Z"}, {"member": "bob", "role": "new", "until": "1970-01-01T00:00:00Z"}]}`)
		c.refused("half an import", bad, 422, model.CodeImportInvalid)
		want := map[string]string{"teams[1]": "invalid_request", "teams[2]": "conflict", "subjects[0].manager": "invalid_request", "subjects[1].manager": "invalid_request",
			"units[0].head": "invalid_request", "assignments[0]": "user_unknown", "assignments[1]": "role_unknown", "assignments[2]": "office_reserved",
			"assignments[3]": "invalid_request", "assignments[4]": "invalid_request"}
		if got := importErrors(t, bad); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("named %v, want %v", got, want)
		}
		c.refused("half an import", c.do("GET", "teams/good", ""), 404, model.CodeNotFound)

		// What the rules of assignments refuse, after much was written.
		var many []string
		for i := range 70 {
			many = append(many, fmt.Sprintf(`"r%d"`, i))
		}
		var held []string
		for _, r := range many {
			held = append(held, `{"member":"ann","role":`+r+`}`)
		}
		over := c.do("POST", "import", `{"teams": [{"id": "late"}], "roles": [`+strings.Join(many, ",")+`], "assignments": [`+strings.Join(held, ",")+`]}`)
		c.refused("too many roles", over, 422, model.CodeImportInvalid)
		named := importErrors(t, over)
		for i := 63; i < 70; i++ {
			if path := fmt.Sprintf("assignments[%d]", i); named[path] != "limit_exceeded" || len(named) != 7 {
				t.Errorf("too many roles: %s", over.Raw)
			}
		}
		c.refused("too many roles", c.do("GET", "teams/late", ""), 404, model.CodeNotFound)

		for body, code := range map[string]model.Code{``: model.CodeImportInvalid, `[]`: model.CodeImportInvalid, `{} {}`: model.CodeImportInvalid, `{"teams":[`: model.CodeImportInvalid,
			`{"teams":[],"teams":[]}`: model.CodeImportInvalid, `{"people":[]}`: model.CodeImportInvalid, "{\"roles\":[\"\xff\"]}": model.CodeImportInvalid} {
			c.refused(body, c.do("POST", "import", body), 422, code)
		}
		c.refused("no JSON", c.do("POST", "import", file, "Content-Type", "text/csv"), 415, model.CodeUnsupportedMedia)
	})
}

func TestImportIsBounded(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_MAX_POLICY=65536")
	c := keeperOf(k, "hr", model.DefaultTenant, "directory")
	at := func(n int) string { return `{"teams":[{"id":"x"}]}` + strings.Repeat(" ", n-22) }
	k.Want(c.do("POST", "import", at(65536)), 200)
	c.refused("too large", c.do("POST", "import", at(65537)), 413, model.CodeTooLarge)
	// More bad entries than anybody reads are counted.
	a := c.do("POST", "import", `{"teams":[`+strings.Repeat("1,", 20000)+`1]}`)
	c.refused("bad", a, 422, model.CodeImportInvalid)
	if got := importErrors(t, a); len(got) != 10000 || !strings.Contains(a.Text("detail"), "more than 10000") {
		t.Errorf("%d are named: %s", len(got), a.Text("detail"))
	}
}

// Imports at once neither deadlock nor lose one another's entries.
func TestImportsAtOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		got := c.together(8, func(i int) *http.Request {
			return c.request("POST", "import", fmt.Sprintf(`{"teams":[{"id":"t%d"},{"id":"shared"}],"subjects":[{"type":"user","id":"u%d"}]}`, i, i))
		})
		if got[200] != 8 {
			t.Errorf("answered %v", got)
		}
		if d, err := k.App.Store.LoadDirectory(ctx, model.DefaultTenant); err != nil || len(d.Teams) != 9 || len(d.Subjects) != 8 {
			t.Errorf("%d teams, %d subjects, %v", len(d.Teams), len(d.Subjects), err)
		}
	})
}

// Offices are neither given nor taken, by no way.
func TestOfficesAreNotProvisioned(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		k.Invite("deputy", model.SystemAdmin)
		k.MustEnrol("root", model.SystemAdmin)
		k.Want(c.do("PUT", "subjects/user/ann", `{}`), 201)
		k.Want(c.do("PUT", "teams/emea", `{}`), 201)
		for _, office := range model.Offices {
			for _, member := range []string{"user:ann", "user:root", "team:emea", "user:nobody"} {
				path := "assignments/" + member + "/" + office
				c.refused("give", c.do("PUT", path, `{}`), 403, model.CodeOfficeReserved)
				c.refused("give", c.do("PUT", path, `{"until":"2000-01-01T00:00:00Z"}`, "If-None-Match", "*"), 403, model.CodeOfficeReserved)
			}
			for _, member := range []string{"ann", "user:root"} {
				a := c.do("POST", "import", `{"assignments":[{"member":"`+member+`","role":"role:`+office+`"}]}`)
				c.refused("import", a, 422, model.CodeImportInvalid)
				if got := importErrors(t, a); got["assignments[0]"] != string(model.CodeOfficeReserved) {
					t.Errorf("import: %s", a.Raw)
				}
			}
		}
		c.refused("take", c.do("DELETE", "assignments/user:root/"+model.SystemAdmin, ""), 403, model.CodeOfficeReserved)
		c.refused("delete the holder", c.do("DELETE", "subjects/user/root", ""), 403, model.CodeOfficeReserved)
		// The host may, as before.
		_, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Reason: "founding", Text: []byte(`{"assignments":[{"member":"ann","role":"audit-admin"}]}`)})
		if err != nil {
			t.Error(err)
		}
		held, err := k.App.Store.Assignments(ctx, model.DefaultTenant, "", model.SystemAdmin)
		if err != nil || len(held) != 2 {
			t.Errorf("%v, %v", held, err)
		}
	})
}

// Deleting somebody who works is felt at the next request, and what was opened
// stays shut when the subject is made again.
func TestDeletedUsersAreOut(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		client := k.ClientToken("crm")
		eve := k.MustEnrol("eve", "sales-rep")
		k.Want(c.do("PUT", "assignments/user:eve/sales-manager", `{}`), 201)
		k.Want(k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"}, "access_token", eve.Access), 200, "decision", true)

		k.Want(c.do("DELETE", "subjects/user/eve", ""), 200)
		sid, _ := testkit.Claims(t, eve.Access)["sid"].(string)
		if session, err := k.App.Store.Session(ctx, sid); err != nil || session.EndedAt.IsZero() {
			t.Errorf("the session goes on: %+v, %v", session, err)
		}
		for _, proof := range [][]any{nil, {"access_token", eve.Access}} {
			a := k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"}, proof...)
			if a.Body["decision"] != false {
				t.Errorf("still allowed: %s", a.Raw)
			}
		}
		refused := func(what string, a testkit.Answer) {
			t.Helper()
			if a.Status != 401 {
				t.Errorf("%s: %d %s", what, a.Status, a.Raw)
			}
		}
		refused("refresh", k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": eve.Refresh}))
		refused("logout", k.Post("/v1/logout", eve.Access, nil))
		refused("login", k.Post("/v1/login", "", map[string]any{"username": "eve", "password": testkit.Password}))

		k.Want(c.do("PUT", "subjects/user/eve", `{}`), 201)
		c.refused("roles", c.do("GET", "assignments/user:eve/sales-rep", ""), 404, model.CodeNotFound)
		refused("login", k.Post("/v1/login", "", map[string]any{"username": "eve", "password": testkit.Password}))
		k.Want(c.do("PUT", "assignments/user:eve/sales-rep", `{}`), 201)
		if a := k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"}); a.Code() != string(model.ReasonSubjectDisabled) {
			t.Errorf("%s", a.Raw)
		}
		if _, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "eve"}); err != nil {
			t.Fatal(err)
		}
		k.Login(eve)
		k.Want(k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"}, "access_token", eve.Access), 200, "decision", true)

		// An entry that is replaced leaves account and session alone.
		k.Want(c.do("PUT", "subjects/user/eve", `{"unit":"sales"}`), 200)
		k.Want(k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"}, "access_token", eve.Access), 200, "decision", true)
	})
}

// A deletion and what would make use of the deleted come one after the other: no
// role outlives its member, and nobody is in a team that is gone.
func TestNothingOutlivesWhatItIsOf(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		for range 15 {
			k.Want(c.do("POST", "import", `{"subjects":[{"type":"user","id":"ann"}],"teams":[{"id":"t"}]}`), 200)
			c.together(6, func(i int) *http.Request {
				switch i {
				case 0:
					return c.request("DELETE", "subjects/user/ann", "")
				case 1:
					return c.request("DELETE", "teams/t", "")
				case 2:
					return c.request("PUT", "assignments/user:ann/sales-rep", `{}`)
				case 3:
					return c.request("PUT", "assignments/team:t/sales-rep", `{}`)
				case 4:
					return c.request("POST", "import", `{"assignments":[{"member":"ann","role":"support"}]}`)
				}
				return c.request("DELETE", "assignments/team:t/sales-rep", "")
			})
			d, err := k.App.Store.LoadDirectory(ctx, model.DefaultTenant)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range d.Assignments {
				if a.Member == "user:ann" && len(d.Subjects) == 0 || a.Member == "team:t" && len(d.Teams) == 0 {
					t.Fatalf("%+v is left over", a)
				}
			}
		}
	})
}

// What others are in cannot be deleted under them.
func TestWhatIsInUseStays(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := keeperOf(k, "hr", model.DefaultTenant, "directory")
		k.Want(c.do("POST", "import", `{"teams":[{"id":"emea"},{"id":"apac"}],"units":[{"id":"company"},{"id":"sales","parent":"company"},{"id":"empty","heads":["ann"]}],
			"territories":[{"id":"world"},{"id":"north","parent":"world"}],"roles":["rep"],"assignments":[{"member":"team:apac","role":"rep"}],
			"subjects":[{"type":"user","id":"ann","teams":["emea"],"unit":"sales","territories":["north"],"manager":"bob"},{"type":"user","id":"bob"}]}`), 200)
		for path, by := range map[string]string{"teams/emea": "user:ann", "teams/apac": "rep", "units/company": "sales", "units/sales": "user:ann", "territories/world": "north", "territories/north": "user:ann"} {
			for _, headers := range [][]string{nil, {"If-Match", "*"}} {
				a := c.do("DELETE", path, "", headers...)
				c.refused(path, a, 409, model.CodeInUse)
				if !strings.Contains(a.Text("detail"), by) {
					t.Errorf("%s: %s does not say %s", path, a.Text("detail"), by)
				}
			}
		}
		// A boss may leave: what names him means nobody.
		for _, path := range []string{"subjects/user/bob", "units/empty", "assignments/team:apac/rep", "teams/apac", "subjects/user/ann", "teams/emea", "units/sales", "units/company", "territories/north", "territories/world"} {
			k.Want(c.do("DELETE", path, ""), 200, "outcome", "deleted")
		}
	})
}
