package change_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/store"
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

// What both sides make of the cases is a conflict as one of rows is, and those in force
// stay. Over the policy that a draft was made from nothing is to be found, bad rows or not.
func TestRebasedCases(t *testing.T) {
	f := firmOf(testkit.New(t))
	f.Exec("UPDATE policies SET cases = '# a' || char(10)")
	d := f.draft("sec")
	bad, err := f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: d.Title, Document: "p, x\n", Cases: "# mine\n"})
	f.must(bad, err)
	found, err := f.Conflicts(ctx, tenant, bad.ID)
	if err != nil || len(found) > 0 {
		t.Errorf("over what it was made from: %v, %v", found, err)
	}
	d = f.saved("sec", bad, d.Document)
	f.must(nil, f.imports(d.Document+row+"\n"))
	f.Exec("UPDATE policies SET cases = '# theirs' || char(10) WHERE revision = (SELECT max(revision) FROM policies)")
	d, found, err = f.Rebase(ctx, f.who("sec"), tenant, d.ID, d.Version)
	f.must(d, err)
	want := []change.Conflict{{Row: change.CasesRow, Yours: []string{"# mine\n"}, InForce: []string{"# theirs\n"}}}
	if diff := cmp.Diff(want, found); diff != "" || d.Cases != "# theirs\n" {
		t.Errorf("with the cases %q (-want +got):\n%s", d.Cases, diff)
	}
}

// overtaken is a store in which something happens before the next transaction.
type overtaken struct {
	store.Store
	by func()
}

func (o *overtaken) InTx(ctx context.Context, fn func(tx store.Tx) error) error {
	if by := o.by; by != nil {
		o.by = nil
		by()
	}
	return o.Store.InTx(ctx, fn)
}

// A draft is not made one of a policy that is in force no longer when it is written.
func TestRebaseIsOvertaken(t *testing.T) {
	f := firmOf(testkit.New(t))
	d := f.draft("sec")
	d = f.saved("sec", d, d.Document+row+"\n")
	f.must(nil, f.imports(f.current().Text+row2+"\n"))
	f.Service.Store = &overtaken{f.App.Store, func() { f.must(nil, f.imports(f.current().Text+"# more\n")) }}
	// The host has no grounds that would be of before.
	if _, _, err := f.Rebase(ctx, testkit.Operator, tenant, d.ID, d.Version); !errors.Is(err, directory.ErrMoved) {
		t.Errorf("overtaken: %v", err)
	}
	if is, err := f.Draft(ctx, tenant, d.ID); err != nil || is.Base != d.Base || is.Document != d.Document {
		t.Errorf("the draft is one of revision %d, %v", is.Base, err)
	}
}
