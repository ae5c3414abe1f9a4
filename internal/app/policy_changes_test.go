package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// changing is a kit with the people who change its policy.
type changing struct {
	*testkit.Kit
	sec, sec2, aud *testkit.Person
	crm            string // a client's token
}

const draftsPath = "/v1/admin/policy/drafts"

func changingOf(t *testing.T, k *testkit.Kit) changing {
	t.Helper()
	p := enrolTogether(k, model.SecurityAdmin, model.SecurityAdmin+"/2", model.AuditAdmin, "sales-rep")
	return changing{k, p[model.SecurityAdmin], p[model.SecurityAdmin+"/2"], p[model.AuditAdmin], k.ClientToken("crm")}
}

// at does something to what was seen at a version ("" for none).
func (c changing) at(p *testkit.Person, method, path, version string, body any, headers ...string) testkit.Answer {
	c.T.Helper()
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			c.T.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, c.URL+path, bytes.NewReader(b))
	if err != nil {
		c.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Access)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if version != "" {
		req.Header.Set("If-Match", version)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.Send(req)
}

// begun is a draft of sec's with rows more than the policy in force, and its version.
func (c changing) begun(title, more, cases string) (path, version string) {
	c.T.Helper()
	a := c.Post(draftsPath, c.sec.Access, map[string]any{"title": title})
	c.Want(a, 201, "state", "draft", "title", title, "author", "user:"+c.sec.ID)
	path = draftsPath + "/" + a.Text("id")
	a = c.at(c.sec, "PUT", path, a.Header.Get("ETag"), map[string]any{"title": title, "document": c.inForce() + more, "cases": cases})
	c.Want(a, 200, "state", "draft")
	return path, a.Header.Get("ETag")
}

func (c changing) inForce() string {
	c.T.Helper()
	a := c.Call("GET", "/v1/admin/policy", c.sec.Access, nil)
	c.Want(a, 200)
	return a.Text("document")
}

func (c changing) mayDelete() any {
	c.T.Helper()
	return c.Evaluate(c.crm, "person-sales-rep", "delete", "contact", map[string]any{"owner": "person-sales-rep"}).Body["decision"]
}

const (
	repsDelete = "# Reps delete what they own\np, role:sales-rep, contact, delete, own, , allow\n"
	repsCases  = `- name: a rep deletes their own
  roles: [sales-rep]
  action: delete
  resource: {type: contact, properties: {owner: me}}
  want: allow
- name: and nobody else's
  roles: [sales-rep]
  action: delete
  resource: {type: contact, properties: {owner: somebody}}
  want: deny
`
)

// A change goes from draft to published by two people, is felt at the next
// decision, and is rolled back in one step.
func TestLifeOfAChange(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := changingOf(t, k)
		was := c.Call("GET", "/v1/admin/policy", c.sec.Access, nil)
		c.Want(was, 200)
		path, version := c.begun("Reps delete", repsDelete, repsCases)

		a := c.Call("GET", path+"/check", c.aud.Access, nil)
		c.Want(a, 200)
		widens := false
		for _, f := range results(a) {
			widens = widens || f["code"] == "widens_grant" && strings.Contains(fmt.Sprint(f["row"]), "contact, delete, own")
		}
		if !widens {
			t.Errorf("check does not say that the row widens access: %s", a.Raw)
		}
		a = c.Call("GET", path+"/diff", c.aud.Access, nil)
		c.Want(a, 200)
		if r := results(a); len(r) != 1 || r[0]["kind"] != "added" || r[0]["text"] == "" {
			t.Errorf("diff: %s", a.Raw)
		}
		en := a
		a = c.at(c.aud, "GET", path+"/diff", "", nil, "Accept-Language", "zh-CN")
		c.Want(a, 200)
		if results(a)[0]["text"] == results(en)[0]["text"] || a.Header.Get("Content-Language") != "zh-CN" {
			t.Errorf("diff in Chinese: %s", a.Raw)
		}
		a = c.Post(path+"/test", c.aud.Access, nil)
		c.Want(a, 200, "passed", 2.0, "failed", 0.0)
		a = c.Post(path+"/simulate", c.sec.Access, nil)
		c.Want(a, 200)
		if !strings.Contains(string(a.Raw), `"kind":"gains"`) || !strings.Contains(string(a.Raw), "user:person-sales-rep") {
			t.Errorf("simulate does not say who gains: %s", a.Raw)
		}

		a = c.at(c.sec, "POST", path+"/submit", version, nil)
		c.Want(a, 200, "state", "submitted", "submitted_by", "user:"+c.sec.ID)
		version = a.Header.Get("ETag")
		if a := c.at(c.sec, "POST", path+"/publish", version, map[string]any{}); a.Status < 400 || c.mayDelete() != false {
			t.Errorf("published without an approval: %d %s", a.Status, a.Raw)
		}
		if a := c.at(c.sec, "POST", path+"/approve", version, map[string]any{}); a.Status != 403 {
			t.Errorf("approved by its author: %d %s", a.Status, a.Raw)
		}
		a = c.at(c.aud, "POST", path+"/approve", version, map[string]any{"comment": "read it"})
		c.Want(a, 200, "state", "approved", "decided_by", "user:"+c.aud.ID, "comment", "read it")
		if c.mayDelete() != false {
			t.Error("an approval alone is felt")
		}
		a = c.at(c.sec, "POST", path+"/publish", a.Header.Get("ETag"), map[string]any{"reason": "reps tidy up"})
		c.Want(a, 200)
		if c.mayDelete() != true {
			t.Error("what was published is not felt")
		}
		published := a.Body["revision"]
		a = c.Call("GET", "/v1/admin/policy", c.aud.Access, nil)
		c.Want(a, 200, "revision", published, "approved_by", "user:"+c.aud.ID, "reason", "reps tidy up", "document", was.Text("document")+repsDelete, "cases", repsCases)
		c.Want(c.Call("GET", path, c.aud.Access, nil), 200, "state", "published", "published", published)

		for _, reason := range []any{nil, "", "  "} {
			a = c.Post("/v1/admin/policy/rollback", c.sec.Access, map[string]any{"revision": was.Body["revision"], "reason": reason})
			c.Want(a, 400, "code", string(model.CodeReasonRequired))
		}
		a = c.Post("/v1/admin/policy/rollback", c.sec.Access, map[string]any{"revision": was.Body["revision"], "reason": "too much"})
		c.Want(a, 200)
		if c.mayDelete() != false {
			t.Error("a roll back is not felt")
		}
		if now := c.Call("GET", "/v1/admin/policy", c.sec.Access, nil); now.Text("document") != was.Text("document") || now.Text("cases") != was.Text("cases") || now.Body["revision"] == was.Body["revision"] {
			t.Errorf("rolled back to %s", now.Raw)
		}
		c.wantHistory(a.Body["revision"], published, was.Body["revision"])
	})
}

// wantHistory reads the list page by page.
func (c changing) wantHistory(revisions ...any) {
	c.T.Helper()
	path := "/v1/admin/policy/revisions?limit=1"
	var got []any
	for {
		a := c.Call("GET", path, c.aud.Access, nil)
		c.Want(a, 200)
		for _, r := range results(a) {
			got = append(got, r["revision"])
			one := c.Call("GET", fmt.Sprintf("/v1/admin/policy/revisions/%v", r["revision"]), c.aud.Access, nil)
			c.Want(one, 200, "revision", r["revision"], "reason", r["reason"])
			if one.Text("document") == "" {
				c.T.Errorf("revision %v is empty", r["revision"])
			}
		}
		next := a.Body["page"].(map[string]any)["next_token"].(string)
		if next == "" {
			break
		}
		path = "/v1/admin/policy/revisions?token=" + next
	}
	if len(got) < len(revisions) || !slices.Equal(got[:len(revisions)], revisions) {
		c.T.Errorf("history is %v, want %v first", got, revisions)
	}
	c.Want(c.Call("GET", "/v1/admin/policy/revisions/999999", c.aud.Access, nil), 404)
	c.Want(c.Call("GET", "/v1/admin/policy/revisions/01", c.aud.Access, nil), 404)
}

// Of two editors the second is told what the first did, and nothing is done to a
// version that nobody saw.
func TestTwoEditors(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		c := changingOf(t, k)
		path, version := c.begun("Reps delete", repsDelete, "")
		mine := map[string]any{"title": "mine", "document": c.inForce(), "cases": ""}
		a := c.at(c.sec2, "PUT", path, version, mine)
		c.Want(a, 200, "title", "mine", "edited_by", "user:"+c.sec2.ID)
		now := a.Header.Get("ETag")
		if tag, _ := strconv.Unquote(now); tag != fmt.Sprint(a.Body["version"]) || now == version {
			t.Errorf("ETag %s of version %v, before %s", now, a.Body["version"], version)
		}
		for _, act := range []struct {
			method, path string
			body         any
		}{
			{"PUT", path, mine}, {"DELETE", path, nil}, {"POST", path + "/submit", nil}, {"POST", path + "/rebase", nil},
			{"POST", path + "/approve", map[string]any{}}, {"POST", path + "/reject", map[string]any{"comment": "no"}}, {"POST", path + "/publish", map[string]any{}},
		} {
			for _, none := range []string{"", "*", `"1", "2"`, `W/"1"`, "1", `"01"`, `"x"`, `"-1"`} {
				if a := c.at(c.sec, act.method, act.path, none, act.body); a.Status != 400 || a.Code() != string(model.CodeInvalidRequest) {
					t.Errorf("%s %s with If-Match %s: %d %s", act.method, act.path, none, a.Status, a.Raw)
				}
			}
			a := c.at(c.sec, act.method, act.path, version, act.body)
			d, _ := a.Body["draft"].(map[string]any)
			if a.Status != 412 || d["edited_by"] != "user:"+c.sec2.ID || fmt.Sprintf("%q", fmt.Sprint(d["version"])) != now || d["state"] != "draft" {
				t.Errorf("%s %s of an old version: %d %s", act.method, act.path, a.Status, a.Raw)
			}
		}
		a = c.at(c.sec, "GET", path, "", nil, "If-None-Match", version)
		c.Want(a, 200, "title", "mine")
		if a := c.at(c.sec, "GET", path, "", nil, "If-None-Match", now); a.Status != 304 || len(a.Raw) > 0 {
			t.Errorf("of what is known: %d %s", a.Status, a.Raw)
		}
		c.Want(c.at(c.sec, "DELETE", path, now, nil), 200, "state", "withdrawn")
		for _, d := range results(c.Call("GET", draftsPath, c.aud.Access, nil)) {
			if d["document"] != nil || d["state"] != "withdrawn" {
				t.Errorf("listed: %v", d)
			}
		}
		c.Want(c.Call("GET", draftsPath+"/nowhere", c.aud.Access, nil), 404)
	})
}

// Nothing an editor typed is lost, and every bad row is told by its line before
// anybody is asked to approve.
func TestBadDrafts(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	lines := strings.Count(c.inForce(), "\n")
	bad := "p, role:sales-rep, contact, delete, mine, , allow\nq, role:sales-rep\np, role:sales-rep, contact, read, own, record.x ==, allow\n"
	path, version := c.begun("Typing", bad, "")
	if a := c.Call("GET", path, c.aud.Access, nil); !strings.HasSuffix(a.Text("document"), bad) {
		t.Errorf("what was typed is not there: %s", a.Raw)
	}
	for _, ask := range [][2]string{{"GET", "/check"}, {"GET", "/diff"}, {"POST", "/test"}, {"POST", "/simulate"}, {"POST", "/submit"}} {
		a := c.at(c.sec, ask[0], path+ask[1], version, nil)
		errs, _ := a.Body["errors"].([]any)
		if a.Status != 422 || a.Code() != string(model.CodePolicyInvalid) || len(errs) != 3 {
			t.Errorf("%s: %d %s", ask[1], a.Status, a.Raw)
			continue
		}
		for i, e := range errs {
			if got := e.(map[string]any)["line"]; got != float64(lines+1+i) {
				t.Errorf("%s: bad row %d is said to be in line %v, not %d", ask[1], i, got, lines+1+i)
			}
		}
	}
	for name, body := range map[string]any{
		"no document":   map[string]any{"title": "t", "cases": ""},
		"no cases":      map[string]any{"title": "t", "document": ""},
		"no title":      map[string]any{"title": "", "document": "", "cases": ""},
		"another thing": map[string]any{"title": "t", "document": "", "cases": "", "state": "approved"},
		"a number":      map[string]any{"title": "t", "document": 1, "cases": ""},
	} {
		if a := c.at(c.sec, "PUT", path, version, body); a.Status != 400 {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
	}
	c.Want(c.at(c.sec, "PUT", path, version, map[string]any{"title": "nothing", "document": "", "cases": ""}), 200)

	path, version = c.begun("Wrong cases", "", "- nonsense: yes\n")
	for _, ask := range [][2]string{{"POST", "/test"}, {"POST", "/submit"}} {
		if a := c.at(c.sec, ask[0], path+ask[1], version, nil); a.Status != 422 || a.Code() != string(model.CodeCasesInvalid) || !strings.Contains(string(a.Raw), `"line":1`) {
			t.Errorf("%s: %d %s", ask[1], a.Status, a.Raw)
		}
	}
	path, version = c.begun("A case fails", "", repsCases)
	c.Want(c.Post(path+"/test", c.sec.Access, nil), 200, "passed", 1.0, "failed", 1.0)
	if a := c.at(c.sec, "POST", path+"/submit", version, nil); a.Status != 422 {
		t.Errorf("submitted with a case that fails: %d %s", a.Status, a.Raw)
	}
}

// To look at a draft takes no code of the last five minutes; to do anything does.
func TestLookingAtADraftLater(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	path, version := c.begun("Reps delete", repsDelete, repsCases)
	k.Advance(6 * time.Minute)
	for _, ask := range [][2]string{{"GET", ""}, {"GET", "/check"}, {"GET", "/diff"}, {"POST", "/test"}, {"POST", "/simulate"}} {
		c.Want(c.at(c.sec, ask[0], path+ask[1], "", nil), 200)
	}
	a := c.at(c.sec, "POST", path+"/submit", version, nil)
	c.Want(a, 401, "code", string(model.CodeStepUp))
	c.StepUp(c.sec)
	c.Want(c.at(c.sec, "POST", path+"/submit", version, nil), 200)
}

// A large document goes all the way, within the limit of a policy and not of a
// request.
func TestLargeDraft(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	var more strings.Builder
	why := strings.Repeat("为什么 ", 22)
	for i := range 8000 {
		fmt.Fprintf(&more, "# %s\np, role:bulk%d, object%d, action%d, own, , allow\n", why, i%100, i/100%20, i/2000)
	}
	if more.Len() < 2<<20 {
		t.Fatalf("only %d bytes", more.Len())
	}
	began := time.Now()
	path, version := c.begun("Bulk", more.String(), "")
	c.Want(c.Call("GET", path+"/diff", c.aud.Access, nil), 200)
	c.Want(c.Call("GET", path+"/check", c.aud.Access, nil), 200)
	a := c.at(c.sec, "POST", path+"/submit", version, nil)
	c.Want(a, 200)
	a = c.at(c.aud, "POST", path+"/approve", a.Header.Get("ETag"), map[string]any{})
	c.Want(a, 200)
	c.Want(c.at(c.sec, "POST", path+"/publish", a.Header.Get("ETag"), map[string]any{}), 200)
	if !strings.HasSuffix(c.inForce(), more.String()) {
		t.Error("another document is in force")
	}
	t.Logf("%d bytes from draft to published in %v", more.Len(), time.Since(began).Round(time.Millisecond))

	k = testkit.New(t, "ROLEGATE_MAX_POLICY=65536")
	c = changingOf(t, k)
	path, version = c.begun("Small", "", "")
	a = c.at(c.sec, "PUT", path, version, map[string]any{"title": "Bulk", "document": more.String(), "cases": ""})
	if a.Status != 413 || !strings.Contains(string(a.Raw), model.SettingPolicy) {
		t.Errorf("beyond the limit: %d %.300s", a.Status, a.Raw)
	}
}

// What was published meanwhile is not undone: the draft is rebased, and where both
// sides changed the same its people are told.
func TestRebaseOverHTTP(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	mine, v1 := c.begun("Mine", repsDelete, "")
	first, v2 := c.begun("First", "p, role:sales-rep, contact, delete, team, , allow\np, role:sales-rep, account, delete, own, , allow\n", "")
	approved := func(path, version string) string {
		a := c.at(c.sec, "POST", path+"/submit", version, nil)
		c.Want(a, 200)
		a = c.at(c.aud, "POST", path+"/approve", a.Header.Get("ETag"), map[string]any{})
		c.Want(a, 200)
		return a.Header.Get("ETag")
	}
	v1, v2 = approved(mine, v1), approved(first, v2)
	a := c.at(c.sec, "POST", first+"/publish", v2, map[string]any{})
	c.Want(a, 200)
	revision := a.Body["revision"]
	a = c.at(c.sec, "POST", mine+"/publish", v1, map[string]any{})
	c.Want(a, 412, "code", string(model.CodePrecondition), "in_force", revision)
	a = c.at(c.sec, "POST", mine+"/rebase", c.Call("GET", mine, c.sec.Access, nil).Header.Get("ETag"), nil)
	c.Want(a, 200)
	d := a.Body["draft"].(map[string]any)
	conflicts := a.Body["conflicts"].([]any)
	if d["base"] != revision || d["state"] != "draft" || len(conflicts) != 1 || !strings.Contains(string(a.Raw), "contact, delete, own") || !strings.Contains(string(a.Raw), "contact, delete, team") {
		t.Errorf("rebased: %s", a.Raw)
	}
}

// The host publishes what was approved and nothing else, and rolls back; both for a
// reason, and as breaking the glass.
func TestHostChangesThePolicy(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	was := c.Call("GET", "/v1/admin/policy", c.sec.Access, nil).Body["revision"].(float64)
	path, version := c.begun("Reps delete", repsDelete, repsCases)
	r := app.ChangeRequest{Tenant: model.DefaultTenant, Draft: strings.TrimPrefix(path, draftsPath+"/"), Reason: "nobody is in"}
	publish := func() error {
		_, err := app.PublishDraft.Run(ctx, k.App, testkit.Operator, r)
		return err
	}
	if err := publish(); model.CodeOf(err) != model.CodeConflict {
		t.Errorf("published without an approval: %v", err)
	}
	a := c.at(c.sec, "POST", path+"/submit", version, nil)
	c.Want(a, 200)
	c.Want(c.at(c.aud, "POST", path+"/approve", a.Header.Get("ETag"), map[string]any{}), 200)
	r.Reason = ""
	if err := publish(); model.CodeOf(err) != model.CodeReasonRequired {
		t.Errorf("published for no reason: %v", err)
	}
	r.Reason = "nobody is in"
	wantBroken := func(activity audit.Activity, act func() error) {
		t.Helper()
		entries := k.Noted("nobody", func() {
			if err := act(); err != nil {
				t.Error(err)
			}
		})
		if len(entries) != 1 || entries[0].Activity != activity || entries[0].Class != audit.ClassBreakGlass {
			t.Errorf("recorded: %+v", entries)
		}
	}
	wantBroken(audit.PolicyPublished, publish)
	if c.mayDelete() != true {
		t.Error("what was published is not felt")
	}
	r.Revision = int64(was)
	wantBroken(audit.PolicyRolledBack, func() error {
		_, err := app.RollBackPolicy.Run(ctx, k.App, testkit.Operator, r)
		return err
	})
	if c.mayDelete() != false {
		t.Error("a roll back is not felt")
	}
	if _, err := app.RollBackPolicy.Run(ctx, k.App, testkit.Operator, r); model.CodeOf(err) != model.CodeConflict {
		t.Errorf("rolled back to what is in force: %v", err)
	}
	c.Want(c.Call("GET", path, c.sec.Access, nil), 200, "state", "published")
	done, err := app.TestPolicy.Run(ctx, k.App, testkit.Operator, app.CasesRequest{Tenant: model.DefaultTenant, Cases: new(repsCases)})
	if results := done.Results; err != nil || len(results) != 2 || results[0].Passed || !results[1].Passed {
		t.Errorf("cases of what is in force no more: %+v, %v", done, err)
	}
}

// Of a rollback the API says what it says of a draft, and of one after which nobody
// could change the policy, that.
func TestRollbackIsLookedAt(t *testing.T) {
	k := testkit.New(t)
	c := changingOf(t, k)
	was := c.inForce()
	imports := func(text string) {
		t.Helper()
		if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(text), Reason: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	revision := func() string {
		a := c.Call("GET", "/v1/admin/policy", c.aud.Access, nil)
		return fmt.Sprintf("/v1/admin/policy/revisions/%v", a.Body["revision"])
	}
	imports(was + repsDelete)
	wide := revision()
	imports(strings.ReplaceAll(was, "p, role:security-admin, rolegate.policy, *", "# p, role:security-admin, rolegate.policy, *"))
	last := revision()
	imports(was)
	codes := func(path string) string {
		a := c.Call("GET", path+"/check", c.aud.Access, nil)
		c.Want(a, 200)
		var all []string
		for _, f := range results(a) {
			if f["text"] == "" {
				t.Errorf("%v has no text", f)
			}
			all = append(all, fmt.Sprint(f["code"], ":", f["severity"]))
		}
		return strings.Join(all, " ")
	}
	if got := codes(wide); !strings.Contains(got, "widens_grant:warning") || strings.Contains(got, "locked_out") {
		t.Errorf("found %s", got)
	}
	if got := codes(last); !strings.HasPrefix(got, "locked_out:error") {
		t.Errorf("found %s", got)
	}
	a := c.Call("GET", wide+"/diff", c.aud.Access, nil)
	c.Want(a, 200)
	if r := results(a); len(r) != 1 || r[0]["kind"] != "added" || r[0]["text"] == "" {
		t.Errorf("diff %s", a.Raw)
	}
	for _, below := range []string{"/check", "/diff"} {
		c.Want(c.Call("GET", "/v1/admin/policy/revisions/999999"+below, c.aud.Access, nil), 404)
	}
	locked := strings.ReplaceAll(was, "p, role:security-admin, rolegate.policy, *", "# p, role:security-admin, rolegate.policy, *")
	done, err := app.TestPolicy.Run(ctx, k.App, testkit.Operator, app.CasesRequest{Tenant: model.DefaultTenant, Text: &locked})
	if err != nil || len(done.Findings) != 1 || done.Findings[0].Code != model.FindingLockedOut {
		t.Errorf("tested: %+v, %v", done.Findings, err)
	}
}
