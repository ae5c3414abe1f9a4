package change_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// What is said ahead of an act is what the act says: who may approve and publish, what
// a rebase finds, what a rollback undoes, and by which policy is decided.
func TestSaidAhead(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		first := f.current().Revision
		d := f.added(row)
		for _, id := range []string{"sec", "sec2", "aud"} {
			ahead := f.MayApprove(ctx, f.who(id), d)
			_, err := f.Decide(ctx, f.who(id), tenant, d.ID, d.Version+9, true, "") // of a version that is not
			f.refused("a version that is not", err, model.CodePrecondition)
			if (ahead == nil) != (id != "sec") {
				t.Errorf("%s may approve: %v", id, ahead)
			}
		}
		f.refused("before an approval", f.MayPublish(ctx, f.who("sec"), d), model.CodeConflict)
		rival := f.saved("sec2", f.draft("sec2"), f.current().Text+"p, role:sales-rep, contact, export, all, , allow\n")
		d = f.approved("aud", d)
		f.refused("who approved", f.MayPublish(ctx, f.who("aud"), d), model.CodeForbidden)
		f.must(nil, f.MayPublish(ctx, f.who("sec"), d))
		p, err := f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")
		f.must(p, err)
		now, err := f.Applied(ctx, tenant)
		f.must(now, err)
		if r := now.Reach(p.Revision); now.InForce != p.Revision || now.Here != p.Revision || r != (change.Reach{By: 1}) || !now.Replicas[0].This {
			t.Errorf("applied is %+v, want all of revision %d", now, p.Revision)
		}
		if r := now.Reach(p.Revision + 1); r != (change.Reach{Behind: 1}) {
			t.Errorf("of the next revision, %+v", r)
		}
		f.must(f.AppliedRevision(ctx, tenant, p.Revision))
		_, err = f.AppliedRevision(ctx, tenant, p.Revision+1)
		f.refused("of no revision", err, model.CodeNotFound)
		changed, err := f.Compare(ctx, tenant, first, p.Revision)
		if err != nil || len(changed) != 1 || changed[0].Kind != model.RowAdded {
			t.Errorf("from %d to %d: %+v, %v", first, p.Revision, changed, err)
		}
		if all, err := f.Compare(ctx, tenant, 0, first); err != nil || len(all) == 0 {
			t.Errorf("the first changes %d rows, %v", len(all), err)
		}

		found, err := f.Conflicts(ctx, tenant, rival.ID)
		f.must(found, err)
		_, conflicts, err := f.Rebase(ctx, f.who("sec2"), tenant, rival.ID, rival.Version)
		f.must(conflicts, err)
		if len(found) != 1 || !cmp.Equal(found, conflicts) {
			t.Errorf("ahead: %+v, and then %+v", found, conflicts)
		}

		_, err = f.RollbackFrom(ctx, f.who("sec"), tenant, first, first, "test")
		if o, ok := errors.AsType[*change.Outdated](err); !ok || o.InForce != p.Revision {
			t.Errorf("a rollback of another policy than was seen: %v", err)
		}
		f.must(f.RollbackFrom(ctx, f.who("sec"), tenant, p.Revision, first, "test"))
	})
}

// Whatever a draft says, it can be looked at, and what is wrong with it is told.
func TestLook(t *testing.T) {
	f := firmOf(testkit.New(t))
	d := f.draft("sec")
	for name, c := range map[string]struct {
		document, cases string
		bad, badCases   model.Code
	}{
		"well":       {d.Document + row + "\n", "", "", ""},
		"bad rows":   {"p, nobody\n", "- x\n", model.CodePolicyInvalid, ""},
		"bad cases":  {d.Document, "- x\n", "", model.CodeCasesInvalid},
		"nothing":    {"", "", "", ""},
		"gives role": {"g, user:ann, role:rep\n", "", model.CodePolicyInvalid, ""},
	} {
		now, err := f.Draft(ctx, tenant, d.ID)
		f.must(now, err)
		f.must(f.Save(ctx, f.who("sec"), tenant, d.ID, now.Version, change.Edit{Title: d.Title, Document: c.document, Cases: c.cases}))
		l, err := f.Look(ctx, tenant, d.ID)
		f.must(l, err)
		if model.CodeOf(l.Bad) != c.bad || model.CodeOf(l.BadCases) != c.badCases || l.Draft.ID != d.ID || l.InForce.Revision != d.Base {
			t.Errorf("%s: %v, %v", name, l.Bad, l.BadCases)
		}
	}
	_, err := f.Look(ctx, tenant, "none")
	f.refused("none", err, model.CodeNotFound)
}

// Of a rollback is said what would be said of a draft with the same rows, and rows
// that cannot be published any more are told.
func TestLookBack(t *testing.T) {
	f := firmOf(testkit.New(t))
	first := f.current()
	f.must(nil, f.imports(first.Text+row+"\n"))
	wide := f.current()
	f.must(nil, f.imports(first.Text))
	d := f.saved("sec", f.draft("sec"), wide.Text)
	found, err := f.Check(ctx, tenant, d.ID)
	f.must(found, err)
	changes, err := f.Diff(ctx, tenant, d.ID)
	f.must(changes, err)
	back, err := f.LookBack(ctx, tenant, wide.Revision)
	f.must(back, err)
	if diff := cmp.Diff(found, back.Findings); diff != "" || len(found) == 0 {
		t.Errorf("findings (-of a draft +of the rollback):\n%s", diff)
	}
	if diff := cmp.Diff(changes, back.Changes); diff != "" || len(changes) != 1 {
		t.Errorf("changes (-of a draft +of the rollback):\n%s", diff)
	}
	if back.To.Revision != wide.Revision || back.InForce.Revision != f.current().Revision || back.Bad != nil {
		t.Errorf("from %d to %d, %v", back.InForce.Revision, back.To.Revision, back.Bad)
	}
	_, err = f.LookBack(ctx, tenant, wide.Revision+1_000)
	f.refused("no revision", err, model.CodeNotFound)
	f.App.Policy.Limits.Policy = int64(len(first.Text))
	back, err = f.LookBack(ctx, tenant, wide.Revision)
	f.must(back, err)
	f.refused("rows that are too many by now", back.Bad, model.CodeLimitExceeded)
}
