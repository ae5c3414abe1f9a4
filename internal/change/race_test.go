package change_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// atOnce runs functions that start together, and gives what became of each.
func atOnce(fs ...func() error) []error {
	errs := make([]error, len(fs))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() {
			<-start
			errs[i] = f()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneOf tells which of several went well, and holds that exactly one did, and that the
// others were refused with one of the codes.
func oneOf(t *testing.T, what string, errs []error, codes ...model.Code) int {
	t.Helper()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			t.Fatalf("%s: both %d and %d went well", what, won, i)
		case err == nil:
			won = i
		default:
			known := false
			for _, c := range codes {
				known = known || model.CodeOf(err) == c
			}
			if !known {
				t.Errorf("%s: %d: %v", what, i, err)
			}
		}
	}
	if won < 0 {
		t.Fatalf("%s: none went well: %v", what, errs)
	}
	return won
}

func TestRaces(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		rounds := 6
		f.must(nil, f.imports(f.current().Text)) // warm
		editors := []*testkit.Person{f.sec, f.sec2}
		importer := func(p *testkit.Person) *administration.Officer { return f.mustOfficer(p, administration.Import) }
		aud, sys, publisher := f.mustOfficer(f.aud, administration.Approve), f.mustOfficer(f.sys, administration.Approve), f.mustOfficer(f.sec, administration.Publish)

		t.Run("editors", func(t *testing.T) {
			d := f.draft("sec")
			for round := range rounds {
				var fs []func() error
				text := func(i int) string { return fmt.Sprintf("# %d of round %d\n", i, round) }
				for i := range 6 {
					o := importer(editors[i%2])
					fs = append(fs, func() error {
						return second(o.SaveDraft(ctx, d.ID, d.Version, change.Edit{Title: "x", Document: text(i)}))
					})
				}
				errs := atOnce(fs...)
				won := oneOf(t, "saving", errs, model.CodePrecondition)
				now, err := f.Draft(ctx, tenant, d.ID)
				f.must(now, err)
				if now.Document != text(won) || now.Version != d.Version+1 {
					t.Errorf("%d won, and the draft is %q of version %d", won, now.Document, now.Version)
				}
				for i, err := range errs {
					var moved *change.Moved
					if i != won && (!errors.As(err, &moved) || moved.Now.Document != text(won)) {
						t.Errorf("%d is not shown what %d wrote: %v", i, won, err)
					}
				}
				d = now
			}
			f.must(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version))
		})
		t.Run("approvers", func(t *testing.T) {
			for round := range rounds {
				d := f.added(fmt.Sprintf("p, role:sales-rep, contact, a%d, own, , allow", round))
				decide := func(o *administration.Officer, approve bool) func() error {
					return func() error { return second(o.DecideDraft(ctx, d.ID, d.Version, approve, "x")) }
				}
				won := oneOf(t, "deciding", atOnce(decide(aud, true), decide(sys, true), decide(aud, false), decide(sys, false)), model.CodePrecondition)
				now, err := f.Draft(ctx, tenant, d.ID)
				f.must(now, err)
				if by := []string{"user:aud", "user:sys"}[won%2]; now.DecidedBy != by || now.State == change.Approved != (won < 2) {
					t.Errorf("%d won, and the draft is %s by %s", won, now.State, now.DecidedBy)
				}
				f.must(f.Withdraw(ctx, f.who("sec"), tenant, now.ID, now.Version))
			}
		})
		t.Run("approve against save", func(t *testing.T) {
			o := importer(f.sec)
			for round := range rounds {
				d := f.added(fmt.Sprintf("p, role:sales-rep, contact, b%d, own, , allow", round))
				seen := d.Document
				won := oneOf(t, "approving against saving", atOnce(
					func() error { return second(aud.DecideDraft(ctx, d.ID, d.Version, true, "")) },
					func() error {
						return second(o.SaveDraft(ctx, d.ID, d.Version, change.Edit{Title: "x", Document: d.Document + "# sneaked in\n"}))
					}), model.CodePrecondition)
				now, err := f.Draft(ctx, tenant, d.ID)
				f.must(now, err)
				err = second(publisher.PublishDraft(ctx, now.ID, now.Version, ""))
				switch {
				case won == 0 && (err != nil || f.current().Text != seen):
					t.Errorf("what was approved is not what was published (%v)", err)
				case won == 1:
					f.refused("publishing what was saved", err, model.CodeConflict)
					f.must(f.Withdraw(ctx, f.who("sec"), tenant, now.ID, now.Version))
				}
			}
		})
		t.Run("publish against import", func(t *testing.T) {
			for round := range rounds {
				d := f.approved("aud", f.added(fmt.Sprintf("p, role:sales-rep, contact, c%d, own, , allow", round)))
				text := f.current().Text + fmt.Sprintf("p, role:sales-rep, contact, d%d, own, , allow\n", round)
				errs := atOnce(
					func() error { return second(publisher.PublishDraft(ctx, d.ID, d.Version, "")) },
					func() error { return f.imports(text) })
				if errs[1] != nil {
					t.Fatal(errs[1])
				}
				if f.current().Text != text {
					t.Error("the import was overwritten unseen")
				}
				if errs[0] != nil {
					f.refused("publishing over an import", errs[0], model.CodePrecondition)
					f.must(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version))
				} else if rs, err := f.Revisions(ctx, tenant, 0, 3); err != nil || rs[1].Draft != d.ID || rs[2].Revision != d.Base {
					t.Errorf("published over revision %d, made from %d (%v)", rs[2].Revision, d.Base, err)
				}
			}
		})
		t.Run("publishers", func(t *testing.T) {
			others := []*administration.Officer{publisher, f.mustOfficer(f.sec2, administration.Publish)}
			back := f.mustOfficer(f.sec2, administration.Rollback)
			for round := range rounds {
				d := f.approved("aud", f.added(fmt.Sprintf("p, role:sales-rep, contact, e%d, own, , allow", round)))
				rival := f.approved("aud", f.added(fmt.Sprintf("p, role:sales-rep, contact, f%d, own, , allow", round)))
				oneOf(t, "publishing", atOnce(
					func() error { return second(others[0].PublishDraft(ctx, d.ID, d.Version, "")) },
					func() error { return second(others[1].PublishDraft(ctx, d.ID, d.Version, "")) },
					func() error { return second(others[1].PublishDraft(ctx, rival.ID, rival.Version, "")) }),
					model.CodePrecondition, model.CodeConflict)
				for _, d := range []change.Draft{d, rival} {
					if now, err := f.Draft(ctx, tenant, d.ID); err == nil && now.State.Open() {
						f.must(f.Withdraw(ctx, f.who("sec"), tenant, now.ID, now.Version))
					}
				}
				was := f.lastOf()
				oneOf(t, "rolling back twice", atOnce(
					func() error { return second(back.Rollback(ctx, was, "x")) },
					func() error { return second(back.Rollback(ctx, was, "x")) }), model.CodeConflict)
			}
		})
	})
}

// Whatever people do, in whatever order: what is published is byte for byte what was
// submitted and approved, over the policy it was made from, by three different acts of
// which who approved had no hand in the others.
func TestPublishedIsWhatWasApproved(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	origin := f.current().Text
	people := []string{"sec", "sec2", "sys", "aud"}
	published := 0
	rapid.Check(t, func(t *rapid.T) {
		f.T = k.T
		d := f.draft(rapid.SampledFrom(people).Draw(t, "author"))
		editors := map[string]bool{d.Author: true}
		var approved *change.Draft // as it was when somebody approved it
		submitter, submittedText := "", ""
		text := func() string {
			var b strings.Builder
			b.WriteString(origin)
			for _, r := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 3, rapid.ID[int]).Draw(t, "rows") {
				fmt.Fprintf(&b, "p, role:sales-rep, contact, x%d, own, , allow%s", r, rapid.SampledFrom([]string{"\n", "\r\n", "\n\n# c\n"}).Draw(t, "end"))
			}
			return b.String()
		}
		for range rapid.IntRange(3, 14).Draw(t, "steps") {
			by := rapid.SampledFrom(people).Draw(t, "by")
			act := rapid.SampledFrom([]string{"save", "submit", "approve", "turn down", "publish", "rebase", "import"}).Draw(t, "act")
			if rapid.IntRange(0, 3).Draw(t, "plausible") > 0 { // or nothing would ever come of most
				act = map[change.State]string{change.Open: "submit", change.Submitted: "approve", change.Approved: "publish"}[d.State]
				if d.Version == 1 {
					act = "save"
				}
			}
			var err error
			next := d
			switch act {
			case "save":
				if next, err = f.Save(ctx, f.who(by), tenant, d.ID, d.Version, change.Edit{Title: "x", Document: text()}); err == nil {
					editors["user:"+by], approved = true, nil
				}
			case "submit":
				if next, err = f.Submit(ctx, f.who(by), tenant, d.ID, d.Version); err == nil {
					submitter, submittedText = by, d.Document
				}
			case "approve":
				if next, err = f.Decide(ctx, f.who(by), tenant, d.ID, d.Version, true, ""); err == nil {
					if editors["user:"+by] || by == submitter {
						t.Fatalf("%s approved what %s submitted and %v wrote", by, submitter, editors)
					}
					if next.Document != submittedText {
						t.Fatal("what was approved is not what was submitted")
					}
					approved = &next
				}
			case "turn down":
				if next, err = f.Decide(ctx, f.who(by), tenant, d.ID, d.Version, false, "no"); err == nil {
					approved = nil
				}
			case "rebase":
				was := d.Base
				if next, _, err = f.Rebase(ctx, f.who(by), tenant, d.ID, d.Version); err == nil && next.Base != was {
					editors["user:"+by], approved = true, nil
				}
			case "import":
				f.must(nil, f.imports(text()))
			case "publish":
				before := f.current()
				if _, err = f.Publish(ctx, f.who(by), tenant, d.ID, d.Version, ""); err == nil {
					published++
					now := f.current()
					switch {
					case approved == nil || now.Text != approved.Document || now.Cases != approved.Cases:
						t.Fatal("what was published is not what was approved")
					case before.Revision != approved.Base:
						t.Fatalf("published over revision %d, and made from %d", before.Revision, approved.Base)
					case approved.DecidedBy == "user:"+by || now.ApprovedBy != approved.DecidedBy:
						t.Fatalf("published by %s, approved by %s", by, approved.DecidedBy)
					}
					return
				}
			}
			if err == nil {
				d = next
			}
		}
		f.must(f.Withdraw(ctx, f.who("sec"), tenant, d.ID, d.Version))
	})
	if published == 0 {
		t.Error("nothing was ever published")
	}
}
