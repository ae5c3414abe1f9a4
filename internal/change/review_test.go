package change_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/policy"
	"rolegate/internal/testkit"
	"rolegate/model"
)

const cases = `
- name: reps export what they own
  roles: [sales-rep]
  action: export
  resource: {type: contact, id: "1", properties: {owner: me}}
  assurance: {acr: 2, age: 10}
  want: allow
- name: ann does too
  subject: user:ann
  action: export
  resource: {type: contact, id: "1", properties: {owner: ann}}
  assurance: {acr: 2, age: 10}
  want: allow
`

// A draft is submitted, and published, while its cases pass: under its document, for
// the people there are. They are kept with what is published.
func TestCases(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		k.MustEnrol("ann", "sales-rep")
		text := f.current().Text
		d := f.draft("sec")
		save := func(document, cases string) {
			t.Helper()
			var err error
			d, err = f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: d.Title, Document: document, Cases: cases})
			f.must(d, err)
		}
		submit := func() error { return second(f.Submit(ctx, f.who("sec"), tenant, d.ID, d.Version)) }
		save(text+row+"\n", "- name: x\n")
		f.refused("cases that cannot be read", submit(), model.CodeCasesInvalid)
		save(text, cases)
		err := submit()
		f.refused("cases that the policy in force fails", err, model.CodeCasesFailed)
		var e *model.Error
		if !errors.As(err, &e) || len(e.Details) != 2 || e.Details[0].Line != 2 || !strings.Contains(e.Details[0].Reason.Text, "reps export") || !strings.Contains(e.Details[0].Reason.Text, "wanted allow, got deny") {
			t.Errorf("refused with %+v", e.Details)
		}
		save(text+row+"\n", cases)
		d = f.approved("aud", f.submitted("sec", d))
		unassign := app.RoleRequest{Tenant: tenant, Member: "ann", Role: "sales-rep", Reason: "test"}
		f.must(app.Unassign.Run(ctx, k.App, testkit.Operator, unassign))
		f.refused("cases that fail by now", second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")), model.CodeCasesFailed)
		f.must(app.Assign.Run(ctx, k.App, testkit.Operator, unassign))
		f.must(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, ""))
		if now := f.current(); now.Cases != cases {
			t.Errorf("published with the cases %q", now.Cases)
		}
		f.must(f.Rollback(ctx, f.who("sec"), tenant, d.Base, "x"))
		if now := f.current(); now.Cases != "" {
			t.Errorf("rolled back with the cases %q", now.Cases)
		}
		f.must(f.Rollback(ctx, f.who("sec"), tenant, f.lastOf(), "forwards"))
		if now := f.current(); now.Cases != cases {
			t.Errorf("rolled forwards with the cases %q", now.Cases)
		}
		f.must(f.Rollback(ctx, f.who("sec"), tenant, d.Base, "x"))
		// Cases alone are a change, too.
		d = f.draft("sec")
		save(text, strings.Replace(strings.ReplaceAll(cases, "want: allow", "want: deny"), "acr: 2", "acr: 1", 1))
		d = f.approved("aud", f.submitted("sec", d))
		f.must(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, ""))
		f.must(f.Rollback(ctx, f.who("sec"), tenant, d.Base, "and to be taken back"))
		if now := f.current(); now.Text != text || now.Cases != "" {
			t.Errorf("rolled back over the same rows, the cases are %q", now.Cases)
		}
	})
}

// What is looked at of a draft is looked at beside the policy in force, by right, and
// recorded.
func TestLookingAtADraft(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		k.MustEnrol("ann", "sales-rep")
		d := f.draft("sec")
		d, err := f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: "x", Document: d.Document + row + "\n", Cases: cases})
		f.must(d, err)
		reader, simulator := f.mustOfficer(f.sys, administration.Read), f.mustOfficer(f.sec, administration.Simulate)
		looked := f.activities(func() {
			changes, err := reader.DiffDraft(ctx, d.ID)
			if err != nil || len(changes) != 1 || changes[0].Kind != model.RowAdded || changes[0].After.Text != row {
				t.Errorf("it changes %+v, %v", changes, err)
			}
			findings, err := reader.CheckDraft(ctx, d.ID)
			widens := false
			for _, f := range findings {
				widens = widens || f.Code == model.FindingGrant && f.Row.Text == row
			}
			if err != nil || !widens {
				t.Errorf("found %+v, %v", findings, err)
			}
			results, err := reader.TestDraft(ctx, d.ID)
			if err != nil || len(results) != 2 || !results[0].Passed || !results[1].Passed {
				t.Errorf("cases %+v, %v", results, err)
			}
			done, err := simulator.SimulateDraft(ctx, d.ID, false)
			gains := false
			for _, s := range done.Shifts {
				gains = gains || s.Kind == model.ShiftGains && s.Subject == "user:ann" && s.Action == "export" && s.Object == "contact"
			}
			if err != nil || !gains || done.Compared == 0 {
				t.Errorf("simulated %+v, %v", done, err)
			}
		})
		if fmt.Sprint(looked) != fmt.Sprint([]audit.Activity{audit.PolicyRead, audit.PolicyRead, audit.PolicyRead, audit.PolicyRead}) {
			t.Errorf("recorded %q", looked)
		}
		read := f.activities(func() {
			p, err := reader.Policy(ctx)
			f.must(p, err)
			if r, err := reader.Revision(ctx, p.Revision); err != nil || r.Text != p.Text {
				t.Errorf("revision %d: %v", p.Revision, err)
			}
			if rs, err := reader.Revisions(ctx, 0, 10); err != nil || len(rs) != 1 {
				t.Errorf("revisions %+v, %v", rs, err)
			}
			if ds, err := reader.Drafts(ctx); err != nil || len(ds) != 1 || ds[0].Document != "" {
				t.Errorf("drafts %+v, %v", ds, err)
			}
			if got, err := reader.Draft(ctx, d.ID); err != nil || got.Document != d.Document {
				t.Errorf("draft %v", err)
			}
		})
		if len(read) != 5 {
			t.Errorf("recorded %q", read)
		}
		d = f.saved("sec", d, "p, x\n")
		for what, err := range map[string]error{
			"diff": second(reader.DiffDraft(ctx, d.ID)), "check": second(reader.CheckDraft(ctx, d.ID)), "test": second(reader.TestDraft(ctx, d.ID)),
			"simulate": second(simulator.SimulateDraft(ctx, d.ID, false)),
		} {
			f.refused(what+" with bad rows", err, model.CodePolicyInvalid)
		}
	})
}

// Officers explain others' decisions, and see what others may do. The leaf of neither
// names anybody.
func TestExplainingByRight(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	k.MustEnrol("ann", "sales-rep")
	o := f.mustOfficer(f.sec, administration.Explain)
	leaves := f.Recorded(func() {
		out, err := o.Explain(ctx, policy.ExplainRequest{Request: policy.Request{Question: model.Question{
			Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "account", ID: "*"}}}})
		if err != nil || !out.Allow {
			t.Errorf("explained %+v, %v", out, err)
		}
		p, err := o.Permissions(ctx, policy.PermissionsRequest{Subject: model.Entity{Type: "user", ID: "ann"}})
		if err != nil || len(p.Objects) == 0 {
			t.Errorf("permissions %+v, %v", p, err)
		}
	})
	if len(leaves) != 2 || leaves[0].Activity != audit.Explained || leaves[1].Activity != audit.ShownPermissions {
		t.Errorf("recorded %+v", leaves)
	}
	for _, l := range leaves {
		if l.Service != "" {
			t.Errorf("the leaf of %s names %q", l.Activity, l.Service)
		}
	}
}
