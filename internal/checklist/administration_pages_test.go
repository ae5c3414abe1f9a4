package checklist

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/i18n"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// officersForms are the forms of the pages for officers, each about something that is
// there: so that some would do what they are for, were they let.
func officersForms(t *testing.T, draft string) (forms []officersForm) {
	t.Helper()
	for _, r := range pages(t) {
		if r.method != http.MethodPost || !strings.HasPrefix(r.permission, "officer(") {
			continue
		}
		about := "ann"
		if strings.HasPrefix(r.path, "/console/clients") {
			about = "crm"
		}
		if r.path == "/console/clients" || r.path == "/console/people/new" || r.path == "/console/people/roles" {
			about = "another"
		}
		forms = append(forms, officersForm{r, strings.NewReplacer("{id}", draft, "{revision}", "1").Replace(r.path), []string{
			"id", about, "reason", "test", "role", "sales-manager", "scope", "decide", "title", "x", "version", "1", "comment", "x",
			"member", "user:ann", "office", model.AuditAdmin, "kind", "team", "name", "x", "subject", "user:ann", "object", "contact", "action", "read",
			"mfa", "on", "document", "", "cases", "",
		}})
	}
	if len(forms) < 30 {
		t.Fatalf("%d pages for officers take a form", len(forms))
	}
	return forms
}

type officersForm struct {
	route
	to     string
	fields []string
}

// pagesStepUp is adminStepsUp for the pages.
func pagesStepUp(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	k.MustEnrol("ann", "sales-rep")
	k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	addRows(k, "p, role:hr, *, *, all, , allow\n")
	byRole(k)
	hans := accept(k, "hans", "hr")
	k.Login(o.sec)
	made := k.VisitorAs(t, o.sec).Post("/console/policy/drafts", "title", "a draft").Want(t, http.StatusOK, "")
	forms := officersForms(t, path.Base(made.URL.Path))
	k.Login(o.sys)
	k.Advance(6 * time.Minute)

	// sent sends each form as somebody who has the right, and tells how many were done.
	sent := func(who func(f officersForm) *testkit.Person, look func(f officersForm, p *testkit.Page)) (done int) {
		for _, f := range forms {
			v := k.VisitorAs(t, who(f))
			left := audittest.Left(t, k.App.Store, func() { v.Post(f.to, f.fields...) })
			look(f, v.Page)
			if slices.ContainsFunc(left, func(e audittest.Entry) bool { return e.Outcome == audit.OutcomeOK }) {
				done++
			}
		}
		return done
	}
	officer := func(f officersForm) *testkit.Person { return o.withRight(f.permission) }
	before := k.Count(`SELECT revision FROM tenants WHERE id = 'default'`)
	done := sent(officer, func(f officersForm, p *testkit.Page) {
		if p.Status != http.StatusUnauthorized || len(p.All(`main form[action="/step-up"] [name=code]`)) != 1 || testkit.Attr(p.One(t, `main [name="_to"]`), "value") != f.to {
			t.Errorf("POST %s, %s, six minutes after a code: %d %s", f.path, f.permission, p.Status, p.Text("h1"))
		}
	})
	device := i18n.Title(i18n.English, model.CodeDeviceRequired)
	done += sent(func(officersForm) *testkit.Person { return hans }, func(f officersForm, p *testkit.Page) {
		// A row may ask for a second factor first: the page it is asked for on tells who has no device to add one.
		adds := p.Status == http.StatusUnauthorized && len(p.All("main [name=code]")) == 0 && len(p.All(`main a[href="/account/devices"]`)) == 1
		if refused := p.Status == http.StatusConflict && p.Text("h1") == device; !refused && !adds {
			t.Errorf("POST %s, %s, by a password alone: %d %s", f.path, f.permission, p.Status, p.Text("h1"))
		}
	})
	if after := k.Count(`SELECT revision FROM tenants WHERE id = 'default'`); done != 0 || after != before {
		t.Errorf("%d forms were done, and the tenant went from revision %d to %d", done, before, after)
	}

	// With a code that is fresh the same forms are no such thing, and some are done.
	k.Login(o.sys)
	k.Login(o.sec)
	done = sent(officer, func(f officersForm, p *testkit.Page) {
		if len(p.All(`main form[action="/step-up"]`)) > 0 || p.Status == http.StatusForbidden {
			t.Errorf("POST %s, %s, with a fresh code: %d %s", f.path, f.permission, p.Status, p.Text("h1"))
		}
	})
	if after := k.Count(`SELECT revision FROM tenants WHERE id = 'default'`); done < 10 || after <= before {
		t.Errorf("only %d forms were done, and the tenant went from revision %d to %d", done, before, after)
	}
}

// noSecretsOnPages is noSecretsShown for the pages of users and clients.
func noSecretsOnPages(t *testing.T, k *testkit.Kit, sys *testkit.Person, secrets []string) {
	t.Helper()
	v := k.VisitorAs(t, sys)
	for path, named := range map[string]string{
		"/console/people": "ann", "/console/people?name=an": "ann", "/console/people/user?id=ann": "ann", "/console/clients": "crm",
	} {
		page := v.Get(path).Want(t, http.StatusOK, "")
		if !strings.Contains(page.Text("main"), named) {
			t.Errorf("GET %s does not show %s: %s", path, named, page.Text("main"))
		}
		for _, secret := range secrets {
			if strings.Contains(page.Body, secret) {
				t.Errorf("%q is on the page %s", secret, path)
			}
		}
	}
}
