package change_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/administration"
	"rolegate/internal/audit"
	"rolegate/internal/change"
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
