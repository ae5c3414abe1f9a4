package change_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/app"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// without is a document less the rows that have one of these texts in them.
func without(document string, texts ...string) string {
	var kept strings.Builder
lines:
	for line := range strings.Lines(document) {
		for _, text := range texts {
			if strings.Contains(line, text) {
				continue lines
			}
		}
		kept.WriteString(line)
	}
	return kept.String()
}

const (
	securityRow = "p, role:security-admin, rolegate.policy, *"
	approveRow  = "rolegate.policy, approve, all"
)

// After no change could the policy never be changed again.
func TestNoChangeIsTheLast(t *testing.T) {
	f := firmOf(testkit.New(t))
	was := f.current().Text
	submit := func(document string) error {
		d := f.saved("sec", f.draft("sec"), document)
		_, err := f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)
		return err
	}
	for what, c := range map[string]struct{ document, lacking string }{
		"nobody writes or publishes": {without(was, securityRow), "import, publish"},
		"nobody writes":              {was + "p, role:security-admin, rolegate.policy, import, all, , deny\n", "import"},
		"nobody publishes":           {was + "p, *, rolegate.policy, publish, all, , deny\n", "publish"},
		"nobody approves":            {was + "p, *, rolegate.policy, approve, all, , deny\n", "approve"},
		"a proof nobody has":         {was + "p4, *, rolegate.policy, publish, 3, , deny\n", "publish"},
	} {
		err := submit(c.document)
		if model.CodeOf(err) != model.CodeConflict || !strings.Contains(err.Error(), "nobody could change the policy any more") {
			t.Errorf("%s: %v", what, err)
		}
		ds, err := f.Drafts(ctx, tenant)
		f.must(ds, err)
		found, err := f.Check(ctx, tenant, ds[0].ID)
		f.must(found, err)
		look, err := f.Look(ctx, tenant, ds[0].ID)
		f.must(look, err)
		for _, found := range [][]model.Finding{found, look.Findings} {
			want := model.Finding{Code: model.FindingLockedOut, Severity: model.SeverityError, New: true, Word: c.lacking}
			if len(found) == 0 || !cmp.Equal(found[0], want) {
				t.Errorf("%s is found to be %+v", what, found)
			}
		}
	}
}

// lockedOut are the findings that nobody could change the policy any more.
func lockedOut(found []model.Finding) (words []string) {
	for _, f := range found {
		if f.Code == model.FindingLockedOut {
			words = append(words, f.Word)
		}
	}
	return words
}

// Two people are needed, and those there are count: not the roles there might be.
func TestWhoIsLeftToChangeThePolicy(t *testing.T) {
	f := firmOf(testkit.New(t))
	was := f.current().Text
	d := f.draft("sec")
	submit := func(document string) (err error) {
		d, err = f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: "a change", Document: document})
		f.must(d, err)
		submitted, err := f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)
		if err == nil {
			d = submitted
		}
		return err
	}
	onlySecurity := without(was, "role:system-admin, rolegate.policy, approve", "role:audit-admin, rolegate.policy, approve")
	f.refused("two of security", submit(onlySecurity), "")
	fine, err := f.Check(ctx, tenant, d.ID)
	f.must(fine, err)
	if words := lockedOut(fine); len(words) > 0 {
		t.Errorf("enough people are found to be too few, without %q", words)
	}
	f.must(app.SetUserDisabled.Run(ctx, f.App, testkit.Operator, app.UserRequest{Tenant: tenant, User: "sec2", Disabled: true}))
	f.refused("one of security", submit(onlySecurity), model.CodeConflict)
	f.Invite("sec3")
	f.must(app.Assign.Run(ctx, f.App, testkit.Operator, app.RoleRequest{Tenant: tenant, Member: "sec3", Role: model.SecurityAdmin, Reason: "test"}))
	f.refused("one of security, and one who has never logged in", submit(onlySecurity), model.CodeConflict)
	few, err := f.Check(ctx, tenant, d.ID)
	f.must(few, err)
	if words := lockedOut(few); len(words) != 1 || words[0] != "" {
		t.Errorf("too few are found to be %q", words)
	}
	byRep := without(was, approveRow, securityRow) + "p, role:security-admin, rolegate.policy, read, all, , allow\np, role:sales-rep, rolegate.policy, read, all, , allow\np, role:security-admin, rolegate.policy, import, all, , allow\np, role:security-admin, rolegate.policy, publish, all, , allow\np, role:sales-rep, rolegate.policy, approve, all, , allow\np, role:sales-rep, rolegate.policy, import, all, , allow\n"
	f.MustEnrol("ann", "sales-rep")
	f.refused("an approver without an office", submit(byRep), model.CodeConflict)
	found, err := f.Check(ctx, tenant, d.ID)
	f.must(found, err)
	if words := lockedOut(found); len(words) != 1 || words[0] != "approve" {
		t.Errorf("an approver without an office is found to be %q", words)
	}
	f.must(nil, f.imports(byRep)) // the host may
	d, _, err = f.Rebase(ctx, f.who("sec"), tenant, d.ID, d.Version)
	f.must(d, err)
	f.refused("where nobody could before", submit(byRep+row+"\n"), "")
}

// An office counts while it is held: who may approve without it, approves no longer.
func TestAnOfficeThatHasEndedDoesNotCount(t *testing.T) {
	f := firmOf(testkit.New(t))
	f.MustEnrol("eve")
	f.must(app.Assign.Run(ctx, f.App, testkit.Operator, app.RoleRequest{Tenant: tenant, Member: "eve", Role: model.AuditAdmin, Until: f.Kit.Now().Add(time.Hour), Reason: "test"}))
	d := f.draft("sec")
	d = f.saved("sec", d, d.Document+"p, user:eve, rolegate.policy, read, all, , allow\np, user:eve, rolegate.policy, approve, all, , allow\n"+
		"p, role:security-admin, rolegate.policy, approve, all, , deny\np, user:sys, rolegate.policy, approve, all, , deny\np, user:aud, rolegate.policy, approve, all, , deny\n")
	locked := func() []string {
		t.Helper()
		found, err := f.Check(ctx, tenant, d.ID)
		f.must(found, err)
		return lockedOut(found)
	}
	if words := locked(); len(words) > 0 {
		t.Errorf("while eve holds an office, nobody is found to %q", words)
	}
	f.Advance(2 * time.Hour)
	if words := locked(); !cmp.Equal(words, []string{"approve"}) {
		t.Errorf("when eve holds none any more, nobody is found to %q", words)
	}
	f.refused("approved by nobody with an office", second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)), model.CodeConflict)
}

// Nobody is lost among many who may and cannot log in, nor do these count: they are read
// all at once when some have been asked about, more than one page of them.
func TestWhoIsLeftAmongMany(t *testing.T) {
	f := firmOf(testkit.New(t))
	f.must(nil, f.App.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := directory.Take(ctx, tx, tenant, store.Change{Kind: store.ChangedDirectory}); err != nil {
			return err
		}
		for i := range 5_001 {
			id := fmt.Sprintf("p%04d", i)
			if err := tx.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: id}); err != nil {
				return err
			}
			if err := tx.InsertUser(ctx, model.User{Tenant: tenant, ID: id, Username: id, UsernameKey: id, CreatedAt: time.Unix(0, 0).UTC()}); err != nil {
				return err
			}
		}
		return nil
	}))
	invite := f.Invite("zoe")
	d := f.draft("sec")
	everybody := "p, *, rolegate.policy, read, all, , allow\np, *, rolegate.policy, import, all, , allow\np, *, rolegate.policy, publish, all, , allow\n"
	for _, id := range []string{"sys", "sec", "sec2", "aud"} {
		everybody += "p, user:" + id + ", rolegate.policy, import, all, , deny\np, user:" + id + ", rolegate.policy, publish, all, , deny\n"
	}
	d = f.saved("sec", d, without(d.Document, securityRow)+everybody)
	submit := func() error { return second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)) }
	f.refused("nobody of many has a password", submit(), model.CodeConflict)
	a := f.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
	f.Want(a, 200)
	f.refused("the last of many has one", submit(), "")
}

// Nor is there one to go back to, but on the host.
func TestNoRollbackIsTheLast(t *testing.T) {
	f := firmOf(testkit.New(t))
	was := f.current()
	f.must(nil, f.imports(without(was.Text, securityRow)))
	last := f.current().Revision
	_, err := f.Rollback(ctx, testkit.Operator, tenant, was.Revision, "test")
	f.must(nil, err)
	look, err := f.LookBack(ctx, tenant, last)
	f.must(look, err)
	if words := lockedOut(look.Findings); len(words) != 1 || words[0] != "import, publish" || look.Bad != nil {
		t.Errorf("found of the rollback: %+v, %v", look.Findings, look.Bad)
	}
	_, err = f.Rollback(ctx, f.who("sec"), tenant, last, "test")
	f.refused("a rollback by a person", err, model.CodeConflict)
	_, err = f.Rollback(ctx, testkit.Operator, tenant, last, "test")
	f.refused("on the host", err, "")
}

// Where one person may publish alone, nobody need be able to approve.
func TestOnePersonCanGoOnAlone(t *testing.T) {
	f := firmOf(testkit.New(t, single))
	was := f.current().Text
	d := f.saved("sec", f.draft("sec"), was+"p, *, rolegate.policy, approve, all, , deny\n")
	f.submitted("sec", d)
	d = f.saved("sec", f.draft("sec"), was+"p, *, rolegate.policy, publish, all, , deny\n")
	_, err := f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)
	f.refused("nobody publishes", err, model.CodeConflict)
	d = f.saved("sec", f.draft("sec"), was+"p, *, rolegate.policy, approve, all, , deny\np, *, rolegate.policy, import, all, , deny\n")
	_, err = f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)
	f.refused("nobody writes", err, model.CodeConflict)
	found, err := f.Check(ctx, tenant, d.ID)
	f.must(found, err)
	if words := lockedOut(found); !cmp.Equal(words, []string{"import"}) { // and not that nobody approves
		t.Errorf("nobody is found to %q", words)
	}
}

// A catalogue of the host is none after which people could not change the policy; one
// that is like that for people already is taken.
func TestNoCatalogueIsTheLast(t *testing.T) {
	f := firmOf(testkit.New(t))
	set := func(catalog string) error {
		_, err := app.SetTenant.Run(ctx, f.App, testkit.Operator, app.TenantRequest{Tenant: tenant, Catalog: &catalog, Reason: "test"})
		return err
	}
	const object = "  rolegate.policy:\n"
	if !strings.Contains(model.StarterCatalog, object) {
		t.Fatal("the starter catalogue is another one")
	}
	off := strings.Replace(model.StarterCatalog, object, object+"    enabled: false\n", 1)
	if err := set(off); model.CodeOf(err) != model.CodeConflict || !strings.Contains(err.Error(), "under this catalogue nobody could change the policy") {
		t.Errorf("the object is off: %v", err)
	}
	f.must(nil, set(model.StarterCatalog+"# ours\n"))
	f.must(nil, f.imports(without(f.current().Text, securityRow)))
	f.must(nil, set(off))
}

// A policy with which nobody could ever change it is told of at the first start.
func TestPoliciesThatNoOfficeChanges(t *testing.T) {
	f := firmOf(testkit.New(t))
	was := f.current().Text
	catalog, err := policy.ParseCatalog(model.StarterCatalog)
	f.must(catalog, err)
	for document, want := range map[string]bool{
		was: true, without(was, securityRow): false, "": false,
		was + "p, *, rolegate.policy, approve, all, , deny\n":                                                     false,
		without(was, "role:system-admin, rolegate.policy, approve", "role:audit-admin, rolegate.policy, approve"): true, // others of security
	} {
		doc, err := policy.Parse(document)
		f.must(doc, err)
		if can, err := f.OfficesSuffice(doc, catalog); err != nil || can != want {
			t.Errorf("a policy of %d bytes: %v, %v", len(document), can, err)
		}
	}
}
