package console_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// officer is a person with an office and a code entered a moment ago.
func officer(t *testing.T, k *testkit.Kit, id, office string) *testkit.Person {
	t.Helper()
	p := k.MustEnrol(id)
	if _, err := app.Assign.Run(context.Background(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	k.Login(p)
	return p
}

// TestWhy asks why by pages: with attributes as fields and as JSON, by a link, wrongly,
// and too late after the last code.
func TestWhy(t *testing.T) {
	k := testkit.New(t)
	sue := officer(t, k, "sue", model.SecurityAdmin)
	k.MustEnrol("ann", "sales-rep")
	v := k.VisitorAs(t, sue)
	v.Get("/console/why").Want(t, 200, "/console/why")
	if got := v.Page.Text("header nav"); !strings.Contains(got, "Why and who") {
		t.Errorf("the navigation has %q", got)
	}
	v.Submit(".ask", "subject", "ann", "action", "read", "object", "contact", "record", "7", "show", "fields").Want(t, 200, "")
	if len(v.Page.All(`.ask [name="field.owner"]`)) != 1 || len(v.Page.All(".answer")) != 0 {
		t.Fatalf("no fields, or an answer: %s", v.Page.Text("main"))
	}
	v.Submit(".ask", "field.owner", "bob").Want(t, 200, "")
	if got := v.Page.Text("#answer"); !strings.Contains(got, "Denied") {
		t.Errorf("it says %q", got)
	}
	if got := v.Page.Text(".answer"); !strings.Contains(got, "What came nearest") || !strings.Contains(got, "user:ann") || !strings.Contains(got, "owner is user:bob") || !strings.Contains(got, "role:") {
		t.Errorf("the reasons are %q", got)
	}
	if got := testkit.Attr(v.Page.One(t, `.ask [name="field.owner"]`), "value"); got != "bob" {
		t.Errorf("the attribute is lost: %q", got)
	}
	if at := testkit.Attr(v.Page.All(".answer .row-of-policy a")[0], "href"); !strings.HasPrefix(at, "/console/policy/lines?at=") {
		t.Errorf("the row leads to %q", at)
	}
	v.Submit(".ask", "field.owner", "", "properties", `{"owner":"ann"}`).Want(t, 200, "")
	if got := v.Page.Text("#answer"); !strings.Contains(got, "Allowed") {
		t.Errorf("of one's own it says %q: %s", got, v.Page.Text(".answer"))
	}
	if strings.Contains(v.Page.URL.RawQuery, "ann") {
		t.Errorf("attributes are in an address: %s", v.Page.URL)
	}
	// Who can do the same, from the answer.
	v.Submit(".answer form").Want(t, 200, "/console/why/who")
	if got := v.Page.Text(".columns"); !strings.Contains(got, "ann") || strings.Contains(got, "sue") {
		t.Errorf("who can: %q", got)
	}

	for _, wrong := range []struct{ name, value, says string }{
		{"properties", `{"owner":`, "JSON object"},
		{"properties", `{"owner":"ann","owner":"bob"}`, "JSON object"},
		{"properties", `[]`, "JSON object"},
		{"field.owner", "ann", "twice"},
		{"record", "", "no particular record"},
		{"action", "*", "one thing"},
		{"details", `{"fields":7}`, "fields"},
	} {
		v.Get("/console/why")
		fields := []string{"subject", "ann", "action", "read", "object", "contact", "record", "7", "properties", `{"owner":"ann"}`, wrong.name, wrong.value}
		if wrong.name != "field.owner" {
			for i := 0; i < 10; i += 2 {
				if fields[i] == wrong.name {
					fields = append(fields[:i], fields[i+2:]...)
					break
				}
			}
		}
		v.Submit(".ask", fields...).Want(t, 400, "/console/why")
		if got := v.Page.Text(".problem"); !strings.Contains(got, wrong.says) {
			t.Errorf("%s %q: it says %q", wrong.name, wrong.value, got)
		}
		if got := testkit.Attr(v.Page.One(t, "#subject"), "value"); got != "ann" {
			t.Errorf("%s: what was entered is lost: %q", wrong.name, got)
		}
	}

	// Names that break pages are shown as they are.
	v.Get("/console/why")
	v.Submit(".ask", "subject", hostile, "action", hostile, "object", hostile, "record", hostile, "field."+hostile, hostile).Want(t, 200, "")
	if bad := unharmed(v.Page); len(bad) > 0 {
		t.Errorf("the page has %v", bad)
	}
	if got := v.Page.Text(".answer"); !strings.Contains(got, hostile) {
		t.Errorf("it says %q", got)
	}

	// In Chinese, by a link.
	v.Language = "zh-CN"
	v.Get("/console/why?subject=user:ann&action=read&object=contact&record=*").Want(t, 200, "")
	if got := v.Page.Text("#answer"); !strings.Contains(got, "允许") {
		t.Errorf("in Chinese: %q", got)
	}
	v.Language = "en"

	// Too long after the last code, what was entered waits for one.
	v.Get("/console/why")
	k.Advance(6 * time.Minute)
	v.Submit(".ask", "subject", "ann", "action", "read", "object", "contact", "record", "7", "properties", `{"owner":"ann"}`)
	if v.Page.Status != 401 && v.Page.Status != 403 || len(v.Page.All("#code")) != 1 {
		t.Fatalf("%d %s", v.Page.Status, v.Page.Text("main"))
	}
	v.Submit("main form", "code", k.NextCode(sue)).Want(t, 200, "")
	if v.Submit("main form"); !strings.Contains(v.Page.Text("#answer"), "Allowed") {
		t.Errorf("after the code: %s", v.Page.Text("main"))
	}
}

// TestSuggestions are names of people, records and what belongs to an object, for
// whoever may ask; a form that is being filled in is never replaced by another page.
func TestSuggestions(t *testing.T) {
	k := testkit.New(t)
	sue, ann := officer(t, k, "sue", model.SecurityAdmin), k.MustEnrol("ann", "sales-rep")
	v := k.VisitorAs(t, sue)
	v.Get("/console/why")
	for _, c := range []struct {
		fields []string
		want   string
		not    string
	}{
		{[]string{"subject", "n"}, `value="user:ann"`, "user:sue"},
		{[]string{"subject", "user:"}, `value="user:sue"`, ""},
		{[]string{"subject", "client:"}, ``, "user:"},
		{[]string{"of", "record", "object", "contact", "record", ""}, ``, "option"},
	} {
		p := v.Post("/console/why/suggest", c.fields...).Want(t, 200, "")
		if !strings.Contains(p.Body, c.want) || c.not != "" && strings.Contains(p.Body, c.not) {
			t.Errorf("%v: %s", c.fields, p.Body)
		}
	}
	if p := v.Post("/console/why/about", "object", "contact", "field.owner", "bob").Want(t, 200, ""); !strings.Contains(p.Body, `name="field.owner" value="bob"`) || !strings.Contains(p.Body, `<option value="read">`) {
		t.Errorf("%s", p.Body)
	}
	k.Advance(6 * time.Minute)
	if p := v.Post("/console/why/suggest", "subject", "a").Want(t, 200, ""); strings.TrimSpace(p.Body) != "" {
		t.Errorf("without a code: %s", p.Body)
	}
	a := k.VisitorAs(t, ann)
	a.Get("/console/why").Want(t, 403, "")
	if p := a.Post("/console/why/suggest", "subject", "a").Want(t, 200, ""); strings.TrimSpace(p.Body) != "" {
		t.Errorf("to somebody without the right: %s", p.Body)
	}
	if p := a.Post("/console/why/about", "object", "contact").Want(t, 200, ""); strings.Contains(p.Body, "field.") {
		t.Errorf("to somebody without the right: %s", p.Body)
	}
}

// TestWhoPages goes through those who can, page by page.
func TestWhoPages(t *testing.T) {
	k := testkit.New(t)
	sue := officer(t, k, "sue", model.SecurityAdmin)
	for i := range 120 {
		k.Invite("u"+strings.Repeat("0", 3-len(itoa(i)))+itoa(i), "sales-rep")
	}
	v := k.VisitorAs(t, sue)
	v.Get("/console/why/who").Want(t, 200, "")
	v.Submit(".ask", "action", "read", "object", "contact").Want(t, 200, "")
	seen := map[string]bool{}
	for page := 0; ; page++ {
		for _, a := range v.Page.All(".columns a") {
			if seen[testkit.Text(a)] {
				t.Fatalf("%s twice", testkit.Text(a))
			}
			seen[testkit.Text(a)] = true
		}
		if len(v.Page.All(".answer form")) == 0 {
			if page != 2 {
				t.Errorf("%d pages", page+1)
			}
			break
		}
		v.Submit(".answer form").Want(t, 200, "/console/why/who")
	}
	if len(seen) != 120 {
		t.Errorf("%d can", len(seen))
	}
	v.Submit(".ask", "action", "none", "object", "contact").Want(t, 200, "")
	if got := v.Page.Text(".answer"); !strings.Contains(got, "Nobody can") {
		t.Errorf("it says %q", got)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// TestEffectivePermissions shows what somebody may do, with scopes that lead to their
// reasons, and by which roles.
func TestEffectivePermissions(t *testing.T) {
	k := testkit.New(t)
	sue := officer(t, k, "sue", model.SecurityAdmin)
	k.MustEnrol("ann", "sales-rep")
	v := k.VisitorAs(t, sue)
	v.Get("/console/why/permissions").Want(t, 200, "")
	v.Submit(".narrow", "subject", "ann").Want(t, 200, "")
	if got := v.Page.Text(".matrix"); !strings.Contains(got, "contact") || !strings.Contains(got, "read") || !strings.Contains(got, "own") {
		t.Errorf("the table: %q", got)
	}
	if got := v.Page.Text(".paths"); !strings.Contains(got, "user:ann →leads to role:sales-rep") && !strings.Contains(got, "user:ann") {
		t.Errorf("the paths: %q", got)
	}
	link := ""
	for _, a := range v.Page.All(".matrix td a") {
		if at := testkit.Attr(a, "href"); strings.Contains(at, "action=read") && strings.Contains(at, "object=contact") {
			link = at
		}
	}
	v.Get(link).Want(t, 200, "/console/why")
	if got := v.Page.Text("#answer"); !strings.Contains(got, "Allowed") {
		t.Errorf("%s says %q", link, got)
	}
	v.Get("/console/why/permissions?subject=nobody").Want(t, 200, "")
	if got := v.Page.Text(".note"); !strings.Contains(got, "Nobody of that name") {
		t.Errorf("of nobody: %q", got)
	}
	v.Get("/console/why/permissions?subject=user:").Want(t, 400, "")
}
