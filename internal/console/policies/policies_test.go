package policies_test

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// editors lets the role editor write to the policy.
const editors = `
# Editors of the policy
p, role:editor, rolegate.policy, *, all, , allow
p, role:reader, rolegate.policy, read, all, , allow
`

func start(t testing.TB) *testkit.Kit {
	k := testkit.New(t)
	addRows(t, k, editors)
	return k
}

func addRows(t testing.TB, k *testkit.Kit, rows string) {
	t.Helper()
	now, err := app.ExportPolicy.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, k, now.Policy+rows)
}

func publish(t testing.TB, k *testkit.Kit, text string) {
	t.Helper()
	if _, err := app.ImportPolicy.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

// newDraft opens a draft and gives its address.
func newDraft(t testing.TB, v *testkit.Visitor) string {
	t.Helper()
	v.Get("/console/policy").Want(t, 200, "")
	p := v.Submit("form[action='/console/policy/drafts']", "title", "a change")
	if p.Status != 200 || !strings.HasPrefix(p.URL.Path, "/console/policy/drafts/") {
		t.Fatalf("%d %s: %s", p.Status, p.URL, p.Text("main"))
	}
	return p.URL.Path
}

// text is the draft's document.
func text(t testing.TB, v *testkit.Visitor, draft string) string {
	t.Helper()
	return v.Get(draft+"/policy.csv").Want(t, 200, "").Body
}

func contains(t testing.TB, got string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

// The policy in force is shown from all sides, in both languages, and changed nowhere.
func TestThePolicyInForce(t *testing.T) {
	k := start(t)
	v := k.VisitorAs(t, k.MustEnrol("rea", "reader"))
	p := v.Get("/console/policy").Want(t, 200, "")
	contains(t, p.Text("main"), "Read only", "Roles: ", "None. Whatever you change")
	if len(p.All("form[action='/console/policy/drafts']")) > 0 {
		t.Error("a reader is offered to change it")
	}
	p = v.Get("/console/policy/matrix").Want(t, 200, "")
	contains(t, p.Text("table"), "sales-manager", "contact")
	p = v.Get("/console/policy/matrix?role=sales-manager").Want(t, 200, "")
	contains(t, p.Text("table"), "self and reports", "↳ sales-rep", "self and reports, 1 down", "proof needed")
	p = v.Get("/console/policy/matrix?object=contact").Want(t, 200, "")
	contains(t, p.Text("table"), "support", "shared", "all")
	p = v.Get("/console/policy/matrix?role=no-such").Want(t, 200, "")
	contains(t, p.Text("main"), "Nothing in this policy has a name like that")
	p = v.Get("/console/policy/cell?role=role:sales-manager&object=contact&action=export").Want(t, 200, "")
	contains(t, p.Text("main"), "Managers export the contacts of everybody below them", "within the last 300 seconds", "What must be allowed too", "read")
	p = v.Get("/console/policy/cell?role=role:sales-manager&object=contact&action=share").Want(t, 200, "")
	contains(t, p.Text("main"), "sales-manager → sales-rep", "Sales reps share the contacts they own")
	if len(p.All("main a[href*='/row?']")) > 0 {
		t.Error("the policy in force is offered for editing")
	}
	p = v.Get("/console/policy/fields?object=deal&role=sales-manager").Want(t, 200, "")
	contains(t, p.Text("table"), "margin", "secured", "sensitive", "✓ open", "as the record")
	p = v.Get("/console/policy/fields?object=contact").Want(t, 200, "")
	contains(t, p.Text("table"), "support", "sales-rep", "personal", "masked as phone")
	p = v.Get("/console/policy/limits").Want(t, 200, "")
	contains(t, p.Text("main"), "None here", "every object", "Whoever exports has proven a second factor")
	p = v.Get("/console/policy/roles").Want(t, 200, "")
	contains(t, p.Text("main"), "sales-manager", "A sales manager is a sales rep, and more", "On their own")
	if len(p.All("svg.roles .arrow")) != 1 {
		t.Errorf("%d arrows", len(p.All("svg.roles .arrow")))
	}
	p = v.Get("/console/policy/lines?at=300").Want(t, 200, "")
	if len(p.All("#L300")) != 1 {
		t.Error("no line 300")
	}
	if got := v.Get("/console/policy/policy.csv").Want(t, 200, ""); !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(got.Body, "role:editor") {
		t.Errorf("%v", got.Header)
	}
	v.Language = "zh-CN"
	contains(t, v.Get("/console/policy/matrix?role=sales-manager").Want(t, 200, "").Text("main"), "权限矩阵", "本人及下属", "继承而来")
	contains(t, v.Get("/console/policy/cell?role=role:sales-manager&object=contact&action=export").Want(t, 200, "").Text("main"), "销售经理可导出所有下属的联系人")
	contains(t, v.Get("/console/policy/limits").Want(t, 200, "").Text("main"), "导出前五分钟内须通过第二因素验证")
	contains(t, v.Get("/console/policy/roles").Want(t, 200, "").Text("main"), "销售经理拥有销售代表的全部权限")
	v.Post("/console/policy/drafts", "title", "x").Want(t, 403, "")
}

// A row is added, changed and removed; the draft's other lines stay as they were.
func TestRows(t *testing.T) {
	k := start(t)
	v := k.VisitorAs(t, k.MustEnrol("eve", "editor"))
	draft := newDraft(t, v)
	before := text(t, v, draft)

	v.Get(draft+"/row?kind=p&subject=role:support&object=ticket&action=delete").Want(t, 200, "")
	p := v.Submit("main form.narrow", "scope", "subtree_n", "depth", "2", "condition", "record.status = 'new'", "name", "Support, deletes\n\"new\" tickets")
	p.Want(t, 422, draft+"/row")
	contains(t, p.Text("#condition-wrong"), "= 'new'")
	if got := testkit.Attr(p.One(t, "[name=name]"), "value"); !strings.Contains(got, `"new" tickets`) {
		t.Errorf("the name is lost: %q", got)
	}
	if got := text(t, v, draft); got != before {
		t.Error("a bad row was saved")
	}
	v.Page = p
	p = v.Submit("main form.narrow", "condition", "record.status == 'new' &&\nrecord.subject != \"a, \\\"b\\\"\"")
	p.Want(t, 200, draft+"/cell")
	contains(t, p.Text(".said"), "added")
	contains(t, p.Text("main"), `Support, deletes "new" tickets`, "2 levels down")
	after := text(t, v, draft)
	added := `# Support, deletes "new" tickets` + "\n" + `p, role:support, ticket, delete, subtree:2, "record.status == 'new' && record.subject != ""a, \""b\""""", allow` + "\n"
	if got := strings.Replace(after, added, "", 1); got != before || after == before {
		t.Errorf("other lines changed, or the row is not as meant:\n%s", after)
	}

	// changed
	v.Get(testkit.Attr(p.One(t, "ul.rows a[href*='/row?line=']"), "href")).Want(t, 200, "")
	v.Submit("main form.narrow:first-of-type", "scope", "own", "condition", "", "effect", "deny").Want(t, 200, draft+"/cell")
	contains(t, text(t, v, draft), "p, role:support, ticket, delete, own, , deny\n")

	// removed
	v.Get(draft + "/cell?role=role:support&object=ticket&action=delete")
	v.Get(testkit.Attr(v.Page.One(t, "ul.rows a[href*='/row?line=']"), "href")).Want(t, 200, "")
	contains(t, v.Submit("form[data-confirm]").Want(t, 200, draft+"/cell").Text(".said"), "removed")
	if got := text(t, v, draft); got != before {
		t.Errorf("something is left of the row")
	}

	// the other kinds
	for _, c := range []struct {
		ask    string
		fields []string
		row    string
	}{
		{"kind=p2&subject=*&object=deal&action=*", []string{"condition", "record.stage != 'won'"}, "p2, *, deal, *, record.stage != 'won', deny\n"},
		{"kind=p3&subject=role:support&object=contact&field=email&access=read", []string{"effect", "deny"}, "p3, role:support, contact, email, read, deny\n"},
		{"kind=p4&subject=role:support&object=*&action=*", []string{"acr", "3", "max_age", "600"}, "p4, role:support, *, *, 3, 600, deny\n"},
		{"kind=g&subject=role:support", []string{"inherits", "marketing"}, "g, role:support, role:marketing\n"},
	} {
		v.Get(draft+"/row?"+c.ask).Want(t, 200, "")
		v.Submit("main form.narrow", c.fields...).Want(t, 200, "")
		contains(t, text(t, v, draft), c.row)
	}
	// A row for everybody cannot open a field; the place is told.
	v.Get(draft+"/row?kind=p3&subject=*&object=contact&field=email&access=read").Want(t, 200, "")
	contains(t, v.Submit("main form.narrow", "effect", "allow").Want(t, 422, draft+"/row").Text("#subject-wrong"), "cannot be allowed to *")
	// Roles in a circle are refused, and the circle told.
	v.Get(draft+"/roles").Want(t, 200, "")
	contains(t, v.Submit("form[action$='/row']", "subject", "marketing", "inherits", "support").Want(t, 422, draft+"/row").Text(".problem"), "circle", "role:marketing")
	// A row that is there already is refused.
	v.Get(draft + "/row?kind=p4&subject=role:support&object=*&action=*")
	contains(t, v.Submit("main form.narrow", "acr", "3", "max_age", "600").Want(t, 422, draft+"/row").Text(".problem"), "repeated")
}

// Of two editors the second is shown what the first did, loses nothing, and applies
// theirs on top.
func TestTwoEditors(t *testing.T) {
	k := start(t)
	eve, bob := k.VisitorAs(t, k.MustEnrol("eve", "editor")), k.VisitorAs(t, k.MustEnrol("bob", "editor"))
	draft := newDraft(t, eve)
	row := draft + "/row?kind=p&subject=role:support&object=ticket&action=delete"
	eve.Get(row)
	bob.Get(row)
	eve.Submit("main form.narrow", "scope", "own", "name", "Eve's").Want(t, 200, "")
	p := bob.Submit("main form.narrow", "scope", "team", "name", "Bob's").Want(t, 412, draft+"/row")
	contains(t, p.Text("main"), "user:eve", "Eve's", "p, role:support, ticket, delete, own, , allow", "Bob's")
	if strings.Contains(text(t, eve, draft), "Bob's") {
		t.Fatal("the second overwrote the first unasked")
	}
	bob.Submit("main form").Want(t, 200, draft+"/cell")
	contains(t, text(t, bob, draft), "# Eve's\n", "# Bob's\np, role:support, ticket, delete, team, , allow\n")

	// Both change one row: what is gone is told, and what was entered can be added.
	at := draft + "/cell?role=role:support&object=ticket&action=close"
	edit := testkit.Attr(eve.Get(at).All("ul.rows a[href*='/row?line=']")[0], "href")
	eve.Get(edit)
	bob.Get(edit)
	eve.Submit("form[data-confirm]").Want(t, 200, "")
	bob.Submit("main form.narrow:first-of-type", "scope", "created").Want(t, 412, "")
	p = bob.Submit("main form").Want(t, 412, draft+"/row")
	contains(t, p.Text("main"), "is not in the draft any more")
	bob.Submit("main form.narrow:first-of-type").Want(t, 200, "")
	contains(t, text(t, bob, draft), "p, role:support, ticket, close, created, , allow\n")

	// The text of two is brought together.
	bob.Get(draft+"/text").Want(t, 200, "")
	document := testkit.Text(bob.Page.One(t, "#document"))[1:]
	eve.Get(draft + "/row?kind=p2&subject=*&object=deal&action=*")
	eve.Submit("main form.narrow", "condition", "record.stage != 'lost'").Want(t, 200, "")
	p = bob.Submit("main form", "document", "# Bob was here\n"+document).Want(t, 412, draft+"/text")
	contains(t, p.Text("main"), "user:eve", "brought together", "record.stage != 'lost'")
	bob.Submit("main form").Want(t, 200, draft+"/text")
	contains(t, text(t, bob, draft), "# Bob was here\n", "p2, *, deal, *, record.stage != 'lost', deny\n")
}

// A draft with bad rows is kept, shown with what is wrong with each, and mended.
func TestBadRows(t *testing.T) {
	k := start(t)
	v := k.VisitorAs(t, k.MustEnrol("eve", "editor"))
	draft := newDraft(t, v)
	good := text(t, v, draft)
	v.Get(draft + "/text")
	p := v.Submit("main form", "document", "p, role:x, deal, read, nowhere, , allow\r\ng, user:eve, role:x\r\n"+good+"p, \"x\n").Want(t, 200, draft+"/text")
	contains(t, p.Text(".said"), "cannot be read: 2")
	contains(t, p.Text(".problem"), "Line 1", "unknown scope")
	line := testkit.Attr(p.All(".problem a")[1], "href")
	p = v.Get(line[:strings.Index(line, "#")]).Want(t, 200, draft+"/lines")
	p.One(t, line[strings.Index(line, "#"):]+".wrong")
	for _, view := range []string{"", "/matrix", "/cell?role=role:x&object=deal&action=read", "/fields", "/limits", "/roles", "/row?kind=p"} {
		contains(t, v.Get(draft+view).Want(t, 200, "").Text("main"), "cannot be read", "unknown scope")
	}
	v.Get(draft + "/text")
	p = v.Submit("main form", "document", "g, user:eve, role:x\n"+good).Want(t, 200, "")
	contains(t, p.Text(".problem"), "would get the role x")
	p = v.Submit("main form", "document", good).Want(t, 200, "")
	contains(t, p.Text(".said"), "Every row can be read")
	if got := text(t, v, draft); got != good {
		t.Error("mended, and not the same")
	}
}

// What people are called does not break a page.
func TestHostileNames(t *testing.T) {
	k := start(t)
	hostile := `role:<script>alert(1)</script>"'` + strings.Repeat("长", 60)
	addRows(t, k, "# <b>&\"' name\n"+`p, "`+strings.ReplaceAll(hostile, `"`, `""`)+`", "o<i>b", "a&""c", own, record.a == '<i>', allow`+"\n"+`g, "`+strings.ReplaceAll(hostile, `"`, `""`)+`", role:sales-rep`+"\n")
	v := k.VisitorAs(t, k.MustEnrol("eve", "editor"))
	draft := newDraft(t, v)
	for _, base := range []string{"/console/policy", draft} {
		for _, path := range []string{"/matrix", "/matrix?object=o%3Ci%3Eb", "/roles", "/lines", "/fields", "/limits",
			"/cell?role=role%3A%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27" + strings.Repeat("%E9%95%BF", 60) + "&object=o%3Ci%3Eb&action=a%26%22c"} {
			p := v.Get(base+path).Want(t, 200, "")
			if len(p.All("main script, main i")) > 0 || len(p.All("[style], [onclick]")) > 0 {
				t.Errorf("%s is broken:\n%s", path, p.Body)
			}
		}
	}
	contains(t, v.Page.Text("h1"), "<script>", "a&\"c")
	v.Get(testkit.Attr(v.Page.One(t, "ul.rows a[href*='/row?line=']"), "href")).Want(t, 200, "")
	if got := testkit.Attr(v.Page.One(t, "#subject"), "value"); got != hostile {
		t.Errorf("the subject is %q", got)
	}
	v.Submit("main form.narrow:first-of-type", "scope", "all").Want(t, 200, "")
}

// Two megabytes are written, listed, merged and read again.
func TestTwoMegabytes(t *testing.T) {
	k := start(t)
	v := k.VisitorAs(t, k.MustEnrol("eve", "editor"))
	draft := newDraft(t, v)
	good := text(t, v, draft)
	var b strings.Builder
	b.WriteString(good)
	for i := 0; b.Len() < 2<<20; i++ {
		fmt.Fprintf(&b, "p, role:bulk%05d, deal, read, own, record.stage == 'won', allow\n", i)
	}
	v.Get(draft + "/text")
	stale := v.Page
	v.Submit("main form", "document", b.String()+"p, bad\n").Want(t, 200, draft+"/text")
	contains(t, v.Page.Text(".problem"), "too few columns")
	v.Get(draft + "/text")
	v.Submit("main form", "document", b.String()).Want(t, 200, draft+"/text")
	if got := text(t, v, draft); got != b.String() {
		t.Errorf("%d bytes of %d", len(got), b.Len())
	}
	v.Get(draft+"/row?kind=p&subject=role:bulk00007&object=deal&action=update").Want(t, 200, "")
	v.Submit("main form.narrow", "scope", "own").Want(t, 200, draft+"/cell")
	v.Page = stale
	v.Submit("main form", "document", "# mine\n"+good).Want(t, 412, draft+"/text")
	if got := testkit.Text(v.Page.One(t, "#document")); !strings.Contains(got, "# mine\n") || !strings.Contains(got, "role:bulk00007, deal, update") {
		t.Error("what both wrote is not brought together")
	}
}
