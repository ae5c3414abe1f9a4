package change_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

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
