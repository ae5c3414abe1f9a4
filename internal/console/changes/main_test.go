package changes_test

import (
	"context"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

const (
	tenant = model.DefaultTenant
	home   = "/console/changes"
	row    = "# Reps export what they own\np, role:sales-rep, contact, export, own, , allow\n"
)

// firm is a kit with office holders, two of security, each with a browser.
type firm struct {
	*testkit.Kit
	t      *testing.T
	people map[string]*testkit.Person
}

func firmOf(t *testing.T, k *testkit.Kit) *firm {
	t.Helper()
	f := &firm{k, t, map[string]*testkit.Person{"ann": k.MustEnrol("ann", "sales-rep")}}
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "sec2": model.SecurityAdmin, "aud": model.AuditAdmin} {
		f.people[id] = k.MustEnrol(id)
		f.must(app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: tenant, Member: id, Role: office, Reason: "test"}))
	}
	return f
}

func (f *firm) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// browser is a new one of a person's, who has proven a second factor just now.
func (f *firm) browser(id string) *testkit.Visitor {
	f.t.Helper()
	f.StepUp(f.people[id])
	return f.VisitorAs(f.t, f.people[id])
}

// who is a person whose right to what they do next was decided now.
func (f *firm) who(id string) model.Caller {
	f.t.Helper()
	t, err := f.App.Store.Tenant(ctx, tenant)
	f.must(t, err)
	return model.Caller{Kind: model.CallerUser, ID: id, Tenant: tenant, Grounds: &model.Grounds{Object: administration.Policies, Action: "test", Rule: "p:1", Revision: t.Revision}}
}

// edits saves a draft as its editor does.
func (f *firm) edits(id, draft string, edit func(e *change.Edit)) {
	f.t.Helper()
	d, err := f.App.Change.Draft(ctx, tenant, draft)
	f.must(d, err)
	e := change.Edit{Title: d.Title, Document: d.Document, Cases: d.Cases}
	edit(&e)
	f.must(f.App.Change.Save(ctx, f.who(id), tenant, draft, d.Version, e))
}

// adds adds a row to a draft.
func (f *firm) adds(id, draft, row string) {
	f.t.Helper()
	f.edits(id, draft, func(e *change.Edit) { e.Document += row })
}

// drafted makes a draft in a browser, and gives its id.
func (f *firm) drafted(v *testkit.Visitor, title string) string {
	f.t.Helper()
	v.Get(home).Want(f.t, 200, home)
	v.Submit(`form[action="/console/policy/drafts"]`, "title", title)
	id, ok := strings.CutPrefix(v.Page.URL.Path, "/console/policy/drafts/")
	if !ok || v.Page.Status != 200 {
		f.t.Fatalf("no draft is made: %s", v.Page.Text("main"))
	}
	v.Get(home+"/"+id).Want(f.t, 200, home+"/"+id)
	return id
}

// refuses fails the test unless what do sends is in the log as refused.
func (f *firm) refuses(route string, do func()) {
	f.t.Helper()
	for _, l := range f.Recorded(do) {
		if l.Activity == audit.RequestFailed && l.Outcome == audit.OutcomeDeny && l.Op == route && l.Class == audit.ClassAdmin && l.Actor == "user" {
			return
		}
	}
	f.t.Errorf("%s is not in the log as refused", route)
}

// says fails the test unless an element of the last page says all of this.
func says(t *testing.T, v *testkit.Visitor, selector string, want ...string) {
	t.Helper()
	got := v.Page.Text(selector)
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s: %s does not say %q, but %q", v.Page.URL.RequestURI(), selector, w, got)
		}
	}
}

// form is the selector of a draft's form.
func form(id, act string) string { return `form[action="` + home + "/" + id + "/" + act + `"]` }
