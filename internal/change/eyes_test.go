package change_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// What is approved is approved by another person, who holds an office and has had no
// hand in it; and a third thing is to publish it.
func TestFourEyes(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		approve := func(by string, d change.Draft) error {
			_, err := f.Decide(ctx, f.who(by), tenant, d.ID, d.Version, true, "")
			return err
		}
		d := f.draft("sec")
		f.refused("approving what is not submitted", approve("aud", d), model.CodeConflict)
		f.refused("turning down what is not submitted", second(f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, "no")), model.CodeConflict)
		d = f.saved("sec", d, d.Document+row+"\n")
		d = f.saved("sec2", d, d.Document+row2+"\n")
		d = f.submitted("sys", d)
		for _, by := range []string{"sec", "sec2", "sys"} {
			f.refused(by+" approves their own", approve(by, d), model.CodeForbidden)
		}
		k.MustEnrol("ann", "sales-rep")
		f.refused("who holds no office approves", approve("ann", d), model.CodeForbidden)
		_, err := f.Decide(ctx, testkit.Operator, tenant, d.ID, d.Version, true, "")
		f.refused("the host approves", err, model.CodeForbidden)
		publish := func(by string, d change.Draft) error {
			_, err := f.Publish(ctx, f.who(by), tenant, d.ID, d.Version, "")
			return err
		}
		f.refused("publishing what nobody approved", publish("sec", d), model.CodeConflict)
		f.refused("publishing on the host", func() error {
			_, err := f.Publish(ctx, testkit.Operator, tenant, d.ID, d.Version, "test")
			return err
		}(), model.CodeConflict)

		_, err = f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, " ")
		f.refused("turning down without a word", err, model.CodeReasonRequired)
		_, err = f.Decide(ctx, f.who("ann"), tenant, d.ID, d.Version, false, "no")
		f.refused("who holds no office turns down", err, model.CodeForbidden)
		d, err = f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, "too wide")
		if err != nil || d.State != change.Open || d.Comment != "too wide" || d.DecidedBy != "user:aud" || d.Digest != "" {
			t.Errorf("turned down, it is %+v, %v", d, err)
		}
		d = f.submitted("sec", d)
		if d.DecidedBy != "" || d.Comment != "" {
			t.Errorf("submitted anew, it still is decided by %s", d.DecidedBy)
		}
		f.refused("who submitted it before approves", approve("sys", d), model.CodeForbidden)
		d = f.approved("aud", d)
		f.refused("approving twice", approve("aud", d), model.CodeConflict)
		f.refused("the approver publishes", publish("aud", d), model.CodeForbidden)

		// An approval is of one version.
		again := f.saved("sec2", d, d.Document)
		if again.State != change.Open || again.DecidedBy != "" || again.Digest != "" {
			t.Errorf("a saved draft still is %+v", again)
		}
		f.refused("publishing what was approved before", publish("sec", d), model.CodePrecondition)
		f.refused("publishing what was saved since", publish("sec", again), model.CodeConflict)
		d = f.approved("aud", f.submitted("sec", again))

		// What was approved can still be turned down.
		d, err = f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, "on second thoughts")
		f.must(d, err)
		f.refused("publishing what was turned down", publish("sec", d), model.CodeConflict)
		d = f.approved("aud", f.submitted("sec", d))

		// An approval counts while who gave it holds an office.
		f.holder("aud2", model.AuditAdmin)
		unassign := app.RoleRequest{Tenant: tenant, Member: "aud", Role: model.AuditAdmin, Reason: "test"}
		f.must(app.Unassign.Run(ctx, k.App, testkit.Operator, unassign))
		f.refused("approved by who holds no office any more", publish("sec", d), model.CodeConflict)
		d = f.approved("aud2", f.submitted("sec", f.saved("sec", d, d.Document)))
		if err := publish("sec", d); err != nil {
			t.Error(err)
		}
		f.refused("publishing twice", publish("sec", d), model.CodePrecondition)
	})
}

// No row of the policy lifts the demand for a second factor proven lately, nor gives
// what takes the right to it.
func TestOfficersAreFreshAndInTheirRights(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		var kept []string
		for line := range strings.Lines(f.current().Text) {
			if !strings.HasPrefix(line, "p4") {
				kept = append(kept, line)
			}
		}
		f.must(nil, f.imports(strings.Join(kept, "")))
		if _, err := f.officer(k.MustEnrol("ann", "sales-rep"), administration.Read); model.CodeOf(err) != model.CodeForbidden {
			t.Errorf("a sales rep is an officer of policies: %v", err)
		}
		for _, action := range []string{administration.Import, administration.Publish, administration.Rollback} { // but simulate them, see 0051
			if _, err := f.officer(f.aud, action); model.CodeOf(err) != model.CodeForbidden {
				t.Errorf("an auditor may %s policies: %v", action, err)
			}
		}
		d := f.added(row)
		old := f.current().Revision
		aud, sec := f.mustOfficer(f.aud, administration.Approve), f.mustOfficer(f.sec, administration.Publish)
		k.Advance(login5)
		decide := func() (change.Draft, error) { return aud.DecideDraft(ctx, d.ID, d.Version, true, "") }
		_, err := decide()
		f.refused("approving long after a code", err, model.CodeStepUp)
		k.StepUp(f.aud)
		d, err = decide()
		f.must(d, err)
		_, err = sec.PublishDraft(ctx, d.ID, d.Version, "")
		f.refused("publishing long after a code", err, model.CodeStepUp)
		_, err = f.mustOfficer(f.sec, administration.Rollback).Rollback(ctx, old, "test")
		f.refused("rolling back long after a code", err, model.CodeStepUp)
		k.StepUp(f.sec)
		f.must(f.mustOfficer(f.sec, administration.Publish).PublishDraft(ctx, d.ID, d.Version, ""))
	})
}

// login5 is longer than a proof counts as fresh.
const login5 = 5*time.Minute + time.Second

// Whoever alters a draft behind the service's back, gets nothing published.
func TestAlteredDrafts(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	d, other := f.approved("aud", f.added(row)), f.added(row2)
	k.Exec("UPDATE drafts SET document = replace(document, 'contact, export, own', 'contact, export, all'), cases = ''")
	f.refused("publishing", second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")), model.CodeInternal)
	k.Exec("UPDATE drafts SET document = document || '# more' || char(10)")
	f.refused("approving", second(f.Decide(ctx, f.who("aud"), tenant, other.ID, other.Version, true, "")), model.CodeInternal)
}

// Nor does who alters it while it is published, and puts it back: what is put in force is
// what was approved, and the draft says so, whatever it said in between.
func TestDraftsAlteredMeanwhile(t *testing.T) {
	const altered, back = "UPDATE drafts SET document = replace(document, 'contact, export, own', 'contact, export, all'), cases = '# more' || char(10)",
		"UPDATE drafts SET document = replace(document, 'contact, export, all', 'contact, export, own'), cases = ''"
	for what, c := range map[string]struct {
		before, between string
		want            model.Code
	}{
		"and put back":     {altered, back, model.CodeInternal},
		"once it was read": {"UPDATE drafts SET cases = ''", altered, ""},
	} {
		t.Run(what, func(t *testing.T) {
			f := firmOf(testkit.New(t))
			d := f.approved("aud", f.added(row))
			f.Exec(c.before)
			f.App.Policy.Store = &overtaken{f.App.Store, func() { f.Exec(c.between) }}
			before := f.current().Text
			f.refused("publishing", second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")), c.want)
			want := before
			if c.want == "" {
				want = d.Document
				is, err := f.Draft(ctx, tenant, d.ID)
				if err != nil || is.Document != d.Document || is.Cases != d.Cases || is.State != change.Published {
					t.Errorf("the draft is %s, and says otherwise than what was approved (%v)", is.State, err)
				}
			}
			if now := f.current(); now.Text != want || now.Cases != "" {
				t.Errorf("in force is %q, with the cases %q", now.Text[len(before):], now.Cases)
			}
		})
	}
}
