package change_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/policy/review"
	"rolegate/internal/testkit"
	"rolegate/model"
)

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
		f.refused("cases beyond the limit", second(f.Save(ctx, f.who("sec"), tenant, d.ID, d.Version, change.Edit{Title: "x", Cases: strings.Repeat("#", review.MaxCases+1)})), model.CodeLimitExceeded)
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
		_, _, err = f.Rebase(ctx, f.who("sec"), tenant, gone.ID, gone.Version)
		f.refused("rebase what is withdrawn, over what it was made from", err, model.CodeConflict)
		bad := f.saved("sec", f.draft("sec"), "p, x\n")
		bad, err = f.Withdraw(ctx, f.who("sec"), tenant, bad.ID, bad.Version)
		f.must(bad, err)
		f.refused("submit bad rows that are withdrawn", second(f.Submit(ctx, f.who("sec"), tenant, bad.ID, bad.Version)), model.CodeConflict)
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
				if err != nil && !strings.Contains(err.Error(), "has been "+string(d.State)) {
					t.Errorf("%s what is %s: %v", what, d.State, err)
				}
			}
			for what, err := range map[string]error{
				"write to": f.MayWrite(ctx, f.who("sec"), d), "approve": f.MayApprove(ctx, f.who("sys"), d),
				"turn down": f.MayReject(ctx, f.who("sys"), d), "publish": f.MayPublish(ctx, f.who("sec"), d),
			} {
				f.refused("said ahead of who would "+what+" what is "+string(d.State), err, model.CodeConflict)
			}
			_, _, err := f.Rebase(ctx, f.who("sec"), tenant, d.ID, d.Version)
			f.refused("rebase what is "+string(d.State), err, model.CodeConflict)
			f.refused("what a rebase would find of what is "+string(d.State), second(f.Conflicts(ctx, tenant, d.ID)), model.CodeConflict)
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

// What is submitted stays as it was submitted, and approved as it was approved: doing it
// again is refused, and takes neither from anybody.
func TestSubmittedOnce(t *testing.T) {
	f := firmOf(testkit.New(t))
	d := f.added(row)
	for _, state := range []change.State{change.Submitted, change.Approved} {
		if state == change.Approved {
			d = f.approved("aud", d)
		}
		err := second(f.Submit(ctx, f.who("sec2"), tenant, d.ID, d.Version))
		if f.refused("what is "+string(state), err, model.CodeConflict); err != nil && !strings.Contains(err.Error(), "submitted already, by user:sec") {
			t.Errorf("what is %s: %v", state, err)
		}
		if is, err := f.Draft(ctx, tenant, d.ID); err != nil || !cmp.Equal(is, d) {
			t.Errorf("what was %s is %+v, %v", state, is, err)
		}
	}
}

// What is said when a draft is decided on is the reason in the log.
func TestTheCommentIsTheReason(t *testing.T) {
	f := firmOf(testkit.New(t))
	d := f.added(row)
	said := f.WantNoted("aud", audit.DraftRejected, audit.OutcomeOK, func() { f.must(f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, "too wide")) })
	if said["reason"] != "too wide" || said["draft"] != d.ID {
		t.Errorf("turned down, it is recorded with %v", said)
	}
	d = f.added(row2)
	said = f.WantNoted("aud", audit.DraftApproved, audit.OutcomeOK, func() { f.approved("aud", d) })
	if reason, is := said["reason"]; is {
		t.Errorf("approved without a word, it is recorded with the reason %q", reason)
	}
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

// Titles, comments and reasons are shown to whoever decides, so they show what they say.
func TestNotesArePlain(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		for what, hidden := range map[string]string{"an escape": "a\x1b[31mb", "letters turned round": "a\u202eb", "a mark of direction": "a\u200fb", "no text at all": "a\xffb"} {
			_, err := f.Create(ctx, f.who("sec"), tenant, hidden)
			f.refused("a title, "+what, err, model.CodeInvalidRequest)
			d := f.added("p, role:" + rand.Text() + ", deal, open, all, , allow")
			_, err = f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, true, hidden)
			f.refused("an approval, "+what, err, model.CodeInvalidRequest)
			_, err = f.Decide(ctx, f.who("aud"), tenant, d.ID, d.Version, false, hidden)
			f.refused("turning down, "+what, err, model.CodeInvalidRequest)
			d = f.approved("aud", d)
			_, err = f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, hidden)
			f.refused("publishing, "+what, err, model.CodeInvalidRequest)
		}
	})
}
