package change_test

import (
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

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
