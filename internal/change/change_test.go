package change_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/testkit"
	"rolegate/model"
)

const (
	row  = "p, role:sales-rep, contact, export, own, , allow"
	row2 = "p, role:sales-rep, contact, transfer, own, , allow"
)

// From a draft to a policy in force by two people, and back again in one step, each by
// right; every act has one entry, which names the row that allowed it.
func TestStory(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		before := f.current()
		var d change.Draft
		var err error
		leaves := f.Recorded(func() {
			sec, aud := f.mustOfficer(f.sec, administration.Import), f.mustOfficer(f.aud, administration.Approve)
			d, err = sec.CreateDraft(ctx, "Reps export · 导出")
			f.must(d, err)
			if d.Document != before.Text || d.Base != before.Revision || d.State != change.Open {
				t.Errorf("a new draft is %+v", d)
			}
			d, err = sec.SaveDraft(ctx, d.ID, d.Version, change.Edit{Title: d.Title, Document: "\ufeff" + strings.ReplaceAll(before.Text, "\n", "\r\n") + row, Cases: ""})
			f.must(d, err)
			d, err = sec.SubmitDraft(ctx, d.ID, d.Version)
			f.must(d, err)
			d, err = aud.DecideDraft(ctx, d.ID, d.Version, true, "looks right")
			f.must(d, err)
			done, err := f.mustOfficer(f.sec, administration.Publish).PublishDraft(ctx, d.ID, d.Version, "")
			f.must(done, err)
			now := f.current()
			if want := before.Text + row + "\n"; now.Text != want || d.Document != want || now.Revision != done.Revision {
				t.Errorf("in force is %q of revision %d", now.Text[len(now.Text)-100:], now.Revision)
			}
			if now.Draft != d.ID || now.ApprovedBy != "user:aud" || now.Author != "user:sec" || now.Reason != d.Title {
				t.Errorf("published as %+v", now)
			}
			back, err := f.mustOfficer(f.sec, administration.Rollback).Rollback(ctx, before.Revision, "it was a mistake")
			f.must(back, err)
			if now := f.current(); now.Text != before.Text || now.Revision != back.Revision || back.Revision <= done.Revision {
				t.Errorf("rolled back to revision %d", now.Revision)
			}
		})
		var got []audit.Activity
		for _, l := range leaves {
			got = append(got, l.Activity)
			if l.Object != administration.Policies || l.Op == "" || !strings.HasPrefix(l.Rule, "p:") || l.Class != audit.ClassAdmin {
				t.Errorf("%s is recorded as %s, about %q of %q by %q", l.Activity, l.Class, l.Op, l.Object, l.Rule)
			}
		}
		want := []audit.Activity{audit.DraftCreated, audit.DraftSaved, audit.DraftSubmitted, audit.DraftApproved, audit.PolicyPublished, audit.PolicyRolledBack}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		d, err = f.Draft(ctx, tenant, d.ID)
		if err != nil || d.State != change.Published || d.Published == 0 || d.Published >= f.current().Revision {
			t.Errorf("the draft is %s, of revision %d (%v)", d.State, d.Published, err)
		}
		rs, err := f.Revisions(ctx, tenant, 0, 2)
		if err != nil || len(rs) != 2 || rs[1].Revision != d.Published || rs[1].Text != "" {
			t.Errorf("the history is %+v, %v", rs, err)
		}
		if r, err := f.Revision(ctx, tenant, d.Published); err != nil || r.Text != d.Document {
			t.Errorf("revision %d: %v", d.Published, err)
		}
		_, err = f.Revision(ctx, tenant, 1<<40)
		f.refused("a revision that is none's", err, model.CodeNotFound)
	})
}

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

// Who saw another version is shown what there is, and nothing is done.
func TestTheSecondSeesTheFirst(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		d := f.draft("sec")
		now := f.saved("sec2", d, d.Document+row+"\n")
		edit := change.Edit{Title: "mine", Document: "x"}
		for what, err := range map[string]error{
			"save":     second(f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, edit)),
			"submit":   second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)),
			"withdraw": second(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version)),
			"decide":   second(f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, true, "")),
			"publish":  second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")),
			"later":    second(f.Save(ctx, f.who("sec"), tenant, d.ID, now.Version+1, edit)),
		} {
			var moved *change.Moved
			if !errors.As(err, &moved) || model.CodeOf(err) != model.CodePrecondition {
				t.Errorf("%s: %v", what, err)
				continue
			}
			if diff := cmp.Diff(now, moved.Now); diff != "" {
				t.Errorf("%s shows (-want +got):\n%s", what, diff)
			}
		}
		_, _, err := f.Rebase(ctx, f.who("sec"), tenant, d.ID, d.Version)
		f.refused("rebase", err, model.CodePrecondition)
		if is, err := f.Draft(ctx, tenant, d.ID); err != nil || !cmp.Equal(is, now) {
			t.Errorf("the draft is %+v, %v", is, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// Bad rows are saved, and not submitted; neither are rows that give roles to people,
// nor nothing at all.
func TestWhatIsNotSubmitted(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		d := f.draft("sec")
		submit := func() error { return second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)) }
		f.refused("no change", submit(), model.CodeConflict)
		text := d.Document
		line := strings.Count(text, "\n") + 1
		for what, bad := range map[string]string{
			"a bad row": "p, role:rep, nothing\n", "a member row": "g, user:ann, role:sales-rep\n", "an office": "g, role:x, role:audit-admin\n",
			"a team's row": "g, team:emea, role:sales-rep\n",
		} {
			d = f.saved("sec", d, text+bad)
			if d.Document != text+bad {
				t.Errorf("%s: saved as %q", what, d.Document[len(text):])
			}
			err := submit()
			f.refused(what, err, model.CodePolicyInvalid)
			var e *model.Error
			if !errors.As(err, &e) || len(e.Details) != 1 || e.Details[0].Line != line {
				t.Errorf("%s: %+v", what, e.Details)
			}
		}
		// Rows that turn bad once they are submitted are not published either.
		d = f.approved("aud", f.submitted("sec", f.saved("sec", d, text+row+"\n")))
		k.App.Policy.Limits.Policy = int64(len(text))
		f.refused("beyond a limit that is new", second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")), model.CodeLimitExceeded)
		f.refused("a document beyond the limit", second(f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: "x", Document: text + row})), model.CodeLimitExceeded)
		for what, title := range map[string]string{"none": " ", "long": strings.Repeat("x", 201), "two lines": "a\nb"} {
			f.refused("the title is "+what, second(f.Create(ctx, f.who("sec"), tenant, title)), model.CodeInvalidRequest)
			f.refused("the title is "+what, second(f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: title})), model.CodeInvalidRequest)
		}
		f.refused("much text", second(f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, true, strings.Repeat("x", 1001))), model.CodeInvalidRequest)
		f.refused("much text", second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, strings.Repeat("x", 1001))), model.CodeInvalidRequest)
	})
}

// A right that was decided before the tenant changed is none any more.
func TestRightsOfBefore(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		d := f.draft("sec")
		stale := f.who("sec")
		f.Invite("somebody")
		nobody := stale
		nobody.Grounds = nil
		for what, err := range map[string]error{
			"create": second(f.Create(ctx, stale, tenant, "x")),
			"save":   second(f.Save(ctx, stale, tenant, d.ID, d.Version, change.Edit{Title: "x"})),
		} {
			if !errors.Is(err, directory.ErrMoved) {
				t.Errorf("%s by a right of before: %v", what, err)
			}
		}
		f.refused("saving by no right", second(f.Save(ctx, nobody, tenant, d.ID, d.Version, change.Edit{Title: "x"})), model.CodeForbidden)
	})
}

// Nothing is done to what has been published or withdrawn.
func TestOver(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		gone := f.draft("sec")
		gone, err := f.Withdraw(ctx, f.who("sec2"), tenant, gone.ID, gone.Version)
		f.must(gone, err)
		done := f.approved("aud", f.added(row))
		f.must(f.Publish(ctx, f.who("sec"), tenant, done.ID, done.Version, ""))
		done, err = f.Draft(ctx, tenant, done.ID)
		f.must(done, err)
		for _, d := range []change.Draft{gone, done} {
			for what, err := range map[string]error{
				"save":      second(f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: "x"})),
				"submit":    second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)),
				"withdraw":  second(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version)),
				"approve":   second(f.Decide(ctx, f.who("sys"), tenant, d.ID, d.Version, true, "")),
				"turn down": second(f.Decide(ctx, f.who("sys"), tenant, d.ID, d.Version, false, "no")),
				"publish":   second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")),
			} {
				f.refused(what+" what is "+string(d.State), err, model.CodeConflict)
			}
			_, _, err := f.Rebase(ctx, f.who("sec"), tenant, d.ID, d.Version)
			f.refused("rebase what is "+string(d.State), err, model.CodeConflict)
		}
		_, err = f.Draft(ctx, tenant, "none")
		f.refused("a draft that is none", err, model.CodeNotFound)
		f.must(app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other"}))
		_, err = f.Draft(ctx, "other", gone.ID)
		f.refused("a draft of another tenant", err, model.CodeNotFound)
		_, err = f.Create(ctx, f.who("sec"), "other", "x")
		f.refused("a person of another tenant", err, model.CodeForbidden)
		_, err = f.Rollback(ctx, f.who("sec"), "other", 1, "x")
		f.refused("a revision of another tenant", err, model.CodeNotFound)
	})
}

// A draft is published over the policy it was made from. Over another one it has to
// be made anew, and approved anew.
func TestRebase(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		text := f.current().Text
		late, submitted, d := f.draft("sec"), f.added(row), f.added(row2)
		d = f.approved("aud", d)
		meant := "p, role:sales-rep, contact, delete, own, , allow\n"
		f.must(nil, f.imports(text+meant))

		var outdated *change.Outdated
		err := second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, ""))
		if !errors.As(err, &outdated) || outdated.InForce != f.current().Revision || outdated.Base != d.Base || model.CodeOf(err) != model.CodePrecondition {
			t.Errorf("publishing over another policy: %v", err)
		}
		f.refused("approving over another policy", second(f.Decide(ctx, f.who("aud"), tenant, submitted.ID, submitted.Version, true, "")), model.CodePrecondition)
		late = f.saved("sec", late, text+row+"\n")
		f.refused("submitting over another policy", second(f.Submit(ctx, f.who("sec"), tenant, late.ID, late.Version)), model.CodePrecondition)

		next, conflicts, err := f.Rebase(ctx, f.who("sec2"), tenant, d.ID, d.Version)
		f.must(next, err)
		if want := text + row2 + "\n" + meant; next.Document != want || len(conflicts) > 0 || next.Base != f.current().Revision {
			t.Errorf("rebased on %d, with %v:\n%s", next.Base, conflicts, next.Document[len(text):])
		}
		if next.State != change.Open || !slices.Contains(next.Editors, "user:sec2") {
			t.Errorf("rebased, it is %s, written by %q", next.State, next.Editors)
		}
		same, conflicts, err := f.Rebase(ctx, f.who("sec"), tenant, d.ID, next.Version)
		if err != nil || conflicts != nil || same.Version != next.Version {
			t.Errorf("rebasing twice: %+v, %v, %v", same, conflicts, err)
		}
		next = f.approved("aud", f.submitted("sec", next))
		f.must(f.Publish(ctx, f.who("sec"), tenant, next.ID, next.Version, ""))

		bad := f.saved("sec", late, "p, x\n")
		_, _, err = f.Rebase(ctx, f.who("sec"), tenant, bad.ID, bad.Version)
		f.refused("rebasing bad rows", err, model.CodePolicyInvalid)
		late = f.saved("sec", bad, strings.Replace(text, "# Sales reps see", "# Here", 1)+"p, role:sales-rep, contact, delete, all, , allow\n")
		late, conflicts, err = f.Rebase(ctx, f.who("sec"), tenant, late.ID, late.Version)
		f.must(late, err)
		if len(conflicts) != 1 || conflicts[0].Row != "p, role:sales-rep, contact, delete" || !strings.Contains(late.Document, "# Here") || !strings.Contains(late.Document, meant) || strings.Contains(late.Document, "delete, all") {
			t.Errorf("conflicts %+v", conflicts)
		}
	})
}

// A policy that is in force already is none to roll back to, and a reason is due.
func TestRollback(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		first := f.current()
		f.refused("to what is in force", second(f.Rollback(ctx, f.who("sec"), tenant, first.Revision, "x")), model.CodeConflict)
		d := f.approved("aud", f.added(row))
		f.must(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "why not"))
		f.refused("without a reason", second(f.Rollback(ctx, f.who("sec"), tenant, first.Revision, "")), model.CodeReasonRequired)
		f.refused("to no revision", second(f.Rollback(ctx, f.who("sec"), tenant, first.Revision+1, "x")), model.CodeNotFound)
		stale := f.who("sec")
		f.Invite("somebody")
		if err := second(f.Rollback(ctx, stale, tenant, first.Revision, "x")); err == nil {
			t.Error("rolled back by a right that was decided before the tenant changed")
		}
		d = f.approved("aud", f.added(row2))
		stale = f.who("sec")
		f.Invite("another")
		if err := second(f.Publish(ctx, stale, tenant, d.ID, d.Version, "")); err == nil {
			t.Error("published by a right that was decided before the tenant changed")
		}
		leaves := f.Recorded(func() { f.must(f.Rollback(ctx, testkit.Operator, tenant, first.Revision, "on the host")) })
		if len(leaves) != 1 || leaves[0].Class != audit.ClassBreakGlass {
			t.Errorf("on the host it is recorded as %+v", leaves)
		}
		if now := f.current(); now.Text != first.Text || now.Cases != first.Cases || now.ApprovedBy != "" || now.Draft != "" {
			t.Errorf("in force is %+v", now)
		}
		f.must(f.Rollback(ctx, f.who("sec"), tenant, f.lastOf(), "forwards again"))
	})
}

// lastOf is the newest revision before the one in force.
func (f *firm) lastOf() int64 {
	f.T.Helper()
	rs, err := f.Revisions(ctx, tenant, 0, 2)
	f.must(rs, err)
	return rs[1].Revision
}

// What an import replaces keeps its cases: they are about the policy, whoever writes it.
func TestImportKeepsCases(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	k.Exec("UPDATE policies SET cases = '# none yet'")
	f.must(nil, f.imports(f.current().Text+row+"\n"))
	if got := f.current().Cases; got != "# none yet" {
		t.Errorf("cases %q", got)
	}
	if d := f.draft("sec"); d.Cases != "# none yet" {
		t.Errorf("a draft with cases %q", d.Cases)
	}
}

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

// There is a bound on how many drafts wait.
func TestOpenDraftsAreBounded(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	d := f.draft("sec")
	for range 99 {
		f.draft("sec")
	}
	f.refused("one more", second(f.Create(ctx, f.who("sec"), tenant, "x")), model.CodeConflict)
	f.must(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version))
	f.draft("sec")
}
