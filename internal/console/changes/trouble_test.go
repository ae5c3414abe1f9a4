package changes_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/change"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
)

const other = "p, role:sales-rep, contact, import, own, , allow\n"

// handed is a draft of sec's with one row more, submitted.
func (f *firm) handed(sec *testkit.Visitor, title, row string) (id string) {
	f.t.Helper()
	id = f.drafted(sec, title)
	f.adds("sec", id, row)
	sec.Get(home + "/" + id)
	sec.Submit(form(id, "submit")).Want(f.t, 200, home+"/"+id)
	return id
}

// published is a draft that aud approved and sec published.
func (f *firm) published(sec, aud *testkit.Visitor, id string) {
	f.t.Helper()
	aud.Get(home + "/" + id)
	aud.Submit(form(id, "approve")).Want(f.t, 200, home+"/"+id)
	sec.Get(home + "/" + id)
	sec.Submit(form(id, "publish")).Want(f.t, 200, "")
	says(f.t, sec, ".said", "Published as revision")
}

// Two people write to one draft: the second is told, and loses nothing. What was sent
// twice is told to be done.
func TestTwoEditors(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec, sec2 := f.browser("sec"), f.browser("sec2")
	id := f.drafted(sec, "Two of us")
	at := home + "/" + id
	sec.Get(at + "/cases")
	sec2.Get(at + "/cases")
	sec2.Submit(form(id, "cases"), "cases", "# of sec2\n").Want(t, 200, at+"/cases")
	sec.Submit(form(id, "cases"), "cases", "# of sec, </textarea><script>\n").Want(t, 412, at+"/cases")
	says(t, sec, ".problem", "Somebody else was first", "What you entered is kept")
	says(t, sec, "main", "user:sec2 edited it", "version 2")
	says(t, sec, "pre", "# of sec2")
	if got := sec.Page.Text("textarea"); got != "\n# of sec, </textarea><script>\n" && got != "# of sec, </textarea><script>\n" {
		t.Errorf("what was entered is %q", got)
	}
	once := sec.Page
	sec.Submit(form(id, "cases")).Want(t, 200, at+"/cases")
	says(t, sec, ".said", "saved")
	sec.Page = once
	sec.Submit(form(id, "cases")).Want(t, 200, at+"/cases")
	says(t, sec, ".said", "saved")
	if d, err := f.App.Change.Draft(ctx, tenant, id); err != nil || d.Cases != "# of sec, </textarea><script>\n" || d.Version != 3 {
		t.Errorf("kept is %q, version %d, %v", d.Cases, d.Version, err)
	}

	f.adds("sec", id, row)
	sec.Get(at)
	sec2.Get(at)
	stale := sec2.Page
	sec.Submit(form(id, "submit")).Want(t, 200, at)
	sec2.Submit(form(id, "withdraw")).Want(t, 412, "")
	says(t, sec2, "main", "Somebody else was first", "user:sec submitted it")
	sec2.Page = stale
	sec2.Submit(form(id, "submit")).Want(t, 412, "")
	sec2.Submit(form(id, "withdraw")).Want(t, 200, at)
	says(t, sec2, "main", "It was withdrawn")
	sec.Post(at+"/submit", "version", "5").Want(t, 412, "")
	sec.Post(at+"/withdraw", "version", "5").Want(t, 200, at)
	says(t, sec, ".said", "withdrawn already")
}

// Cases with mistakes are kept, and each mistake is told by its line; so are rows.
func TestMistakes(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec := f.browser("sec")
	id := f.drafted(sec, "Mistakes")
	at := home + "/" + id
	f.adds("sec", id, row)
	sec.Get(at + "/cases")
	sec.Submit(form(id, "cases"), "cases", "- name: x\n  want: maybe\n").Want(t, 200, at+"/cases")
	says(t, sec, ".problem", "Line 2", "action is missing")
	sec.Get(at)
	says(t, sec, "[aria-current=step]", "Test", "cannot be read")
	f.edits("sec", id, func(e *change.Edit) { e.Document += "p, role:x, \"><script>alert(1)</script>\n"; e.Cases = "" })
	sec.Get(at+"/check").Want(t, 200, "")
	says(t, sec, ".problem", "Line ")
	if href := testkit.Attr(sec.Page.All(".problem a")[0], "href"); !strings.Contains(href, "/console/policy/drafts/"+id+"/lines?at=") {
		t.Errorf("the mistake leads to %q", href)
	}
	if len(sec.Page.All("main script")) > 0 {
		t.Error("a row becomes a script")
	}
	for _, page := range []string{"", "/cases", "/simulate", "/simulate?run=yes", "/review", "/rebase"} {
		sec.Get(at+page).Want(t, 200, "")
	}
	sec.Get(at)
	says(t, sec, "[aria-current=step]", "Check", "cannot be read")
	sec.Post(at+"/submit", "version", "4").Want(t, 422, "")
}

// Where another policy came into force, a draft takes over what changed, and rows that
// both changed are shown.
func TestRebase(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(t, k)
		sec, aud := f.browser("sec"), f.browser("aud")
		quiet, clash := f.drafted(sec, "Another row"), f.drafted(sec, "The same row")
		f.adds("sec", quiet, other)
		f.adds("sec", clash, strings.ReplaceAll(row, ", own,", ", all,"))
		first := f.handed(sec, "First", row)
		f.published(sec, aud, first)

		sec.Get(home + "/" + quiet)
		says(t, sec, ".note", "Another policy is in force by now")
		if len(sec.Page.All(form(quiet, "submit"))) > 0 {
			t.Error("an outdated draft can be submitted")
		}
		sec.Get(home + "/" + quiet + "/review")
		says(t, sec, "main", "the undoing of what others have published")
		sec.Get(home + "/" + quiet + "/rebase")
		says(t, sec, "main", "user:sec: First", "New: “Reps export what they own”", "None: your changes and theirs touch different rows")
		before := sec.Page
		sec.Submit(form(quiet, "rebase")).Want(t, 200, home+"/"+quiet)
		says(t, sec, ".said", "has taken over")
		sec.Page = before
		sec.Submit(form(quiet, "rebase")).Want(t, 200, home+"/"+quiet)
		says(t, sec, ".said", "already")
		sec.Get(home + "/" + quiet + "/rebase")
		says(t, sec, "main", "nothing to take over")

		sec.Get(home + "/" + clash + "/rebase")
		says(t, sec, "tbody", "p, role:sales-rep, contact, export", ", all,", ", own,")
		sec.Submit(form(clash, "rebase")).Want(t, 200, "")
		says(t, sec, "main", "Rows that need a look: 1", ", all,", "Edit the rows")

		// The policy moves on between the page and the button.
		f.handed(sec, "Late", "p, role:sales-rep, deal, import, own, , allow\n")
		late := strings.TrimPrefix(sec.Page.URL.Path, home+"/")
		aud.Get(home + "/" + late)
		aud.Submit(form(late, "approve")).Want(t, 200, "")
		sec.Get(home + "/" + late)
		f.must(app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: tenant, Text: []byte(f.inForce() + other), Reason: "test"}))
		sec.Submit(form(late, "publish"), "reason", "kept").Want(t, 412, "")
		says(t, sec, "main", "Another policy is in force by now", "You cannot publish this")
	})
}

func (f *firm) inForce() string {
	f.t.Helper()
	p, err := f.App.Change.Current(ctx, tenant)
	f.must(p, err)
	return p.Text
}

// A rollback is of what its reader saw: where another policy came into force since, it
// is shown anew, and the reason stays.
func TestRollbackSeen(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec, aud := f.browser("sec"), f.browser("aud")
	sec.Get(home)
	first := testkit.Text(sec.Page.All("tbody th a")[0])
	f.published(sec, aud, f.handed(sec, "First", row))
	sec.Get(home + "/revisions/" + first + "/rollback")
	seen := sec.Page
	f.published(sec, aud, f.handed(sec, "Second", other))
	sec.Page = seen
	sec.Submit("main form", "reason", "too much").Want(t, 412, "")
	says(t, sec, ".problem", "Somebody else was first")
	if got := testkit.Attr(sec.Page.One(t, "#reason"), "value"); got != "too much" {
		t.Errorf("the reason is %q", got)
	}
	if n := len(sec.Page.All(".diff li")); n != 2 {
		t.Errorf("%d rows change", n)
	}
	sec.Submit("main form").Want(t, 200, "")
	says(t, sec, ".said", "is in force again")

	// The list goes on, page by page, and what never was is not found.
	sec.Get(home+"/revisions?before="+first).Want(t, 200, "")
	says(t, sec, "main", "Nothing has been published yet", "First page")
	for _, none := range []string{"9999", "0", "-1", "01", "x"} {
		sec.Get(home+"/revisions/"+none).Want(t, 404, "")
	}
	sec.Get(home+"/none").Want(t, 404, "")
}

const sole = "p, role:security-admin, rolegate.policy, *" // the row by which policies are written and published

func withoutRow(document, start string) string {
	var kept strings.Builder
	for line := range strings.Lines(document) {
		if !strings.HasPrefix(line, start) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// After what nobody could change the policy again is told before it is submitted, and
// before anybody goes back to it.
func TestLockedOut(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec := f.browser("sec")
	id := f.drafted(sec, "The last")
	f.edits("sec", id, func(e *change.Edit) { e.Document = withoutRow(e.Document, sole) })
	sec.Get(home + "/" + id)
	says(t, sec, "[aria-current=step]", "Check", "to be mended", "Nobody could change the policy any more")
	if len(sec.Page.All(form(id, "submit"))) > 0 {
		t.Error("what would be the last change can be submitted")
	}
	sec.Get(home + "/" + id + "/check")
	says(t, sec, ".findings li.error", "Error", "nobody could write a change or publish one")
	says(t, sec, "main", "This cannot be published as it is")
	sec.Language = "zh-CN"
	sec.Get(home + "/" + id + "/check")
	says(t, sec, ".findings li.error", "错误", "将无人可以编写变更或发布变更")
	sec.Language = ""
	sec.Post(home+"/"+id+"/submit", "version", "2").Want(t, 409, "")

	f.must(app.ImportPolicy.Run(ctx, f.App, testkit.Operator, app.FileRequest{Tenant: tenant, Text: []byte(withoutRow(f.inForce(), sole)), Reason: "test"}))
	last, err := f.App.Change.Current(ctx, tenant)
	f.must(last, err)
	first, err := f.App.Change.Revisions(ctx, tenant, last.Revision, 1)
	f.must(first, err)
	f.must(app.RollBackPolicy.Run(ctx, f.App, testkit.Operator, app.ChangeRequest{Tenant: tenant, Revision: first[0].Revision, Reason: "test"}))
	back := home + "/revisions/" + strconv.FormatInt(last.Revision, 10) + "/rollback"
	sec.Get(back).Want(t, 200, "")
	says(t, sec, ".findings li.error", "nobody could write a change or publish one")
	says(t, sec, ".note", "Nobody can go back to this revision by these pages")
	if len(sec.Page.All("main form")) > 0 {
		t.Error("it can be gone back to")
	}
}

// The page that asks whether to go back tells what opens by it.
func TestRollbackFindings(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec, aud := f.browser("sec"), f.browser("aud")
	f.published(sec, aud, f.handed(sec, "First", row))
	wide, err := f.App.Change.Current(ctx, tenant)
	f.must(wide, err)
	f.must(app.ImportPolicy.Run(ctx, f.App, testkit.Operator, app.FileRequest{Tenant: tenant, Text: []byte(strings.Replace(wide.Text, row, "", 1)), Reason: "test"}))
	back := home + "/revisions/" + strconv.FormatInt(wide.Revision, 10) + "/rollback"
	sec.Get(back).Want(t, 200, "")
	says(t, sec, ".findings .warning", "Opens: “Reps export what they own”", "new")
	says(t, sec, ".diff li", "New: “Reps export what they own”")
	few := len(sec.Page.All(".findings li"))
	sec.Get(back+"?only=all").Want(t, 200, "")
	if all := len(sec.Page.All(".findings li")); all < few {
		t.Errorf("%d of %d findings are shown", all, few)
	}
	f.App.Policy.Limits.Policy = 10
	sec.Get(back).Want(t, 200, "")
	says(t, sec, ".problem", "cannot be published any more")
	if len(sec.Page.All("main form")) > 0 {
		t.Error("what cannot be published can be gone back to")
	}
}

// Who may not, is told why, and has no button for it; the API's right decides.
func TestRights(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec, sys, ann := f.browser("sec"), f.browser("sys"), f.browser("ann")
	id := f.handed(sec, `"><b>hostile</b> 姓名`, row)
	at := home + "/" + id
	for _, path := range []string{home, at, at + "/cases", home + "/revisions"} {
		ann.Get(path).Want(t, 403, "")
	}
	ann.Post(at+"/approve", "version", "3").Want(t, 403, "")
	sys.Get(at)
	if len(sys.Page.All(form(id, "withdraw")+", "+form(id, "publish"))) > 0 || len(sys.Page.All("main b")) > 0 {
		t.Error("who may only approve is offered more, or a title becomes markup")
	}
	sys.Post(at+"/publish", "version", "3").Want(t, 403, "")
	sys.Post("/console/policy/drafts", "title", "mine").Want(t, 403, "")
	sec.Post(at+"/approve", "version", "3").Want(t, 403, "")
	says(t, sec, "main", "Whoever wrote or submitted a change does not approve it.")

	sys.Get(at)
	sys.Submit(form(id, "reject"), "comment", "").Want(t, 400, "")
	sys.Submit(form(id, "reject"), "comment", "Not everything <i>").Want(t, 200, at)
	says(t, sys, "blockquote", "Not everything <i>", "user:sys")
	sec.Get(at)
	says(t, sec, "[aria-current=step]", "Turned down by user:sys")
	sec.Submit(form(id, "submit"))

	// A code that is older is asked for anew, and what was entered goes on.
	f.Advance(6 * time.Minute)
	sys.Get(at)
	sys.Submit(form(id, "approve"), "comment", "Now it is right").Want(t, 401, at+"/approve")
	sys.Submit("main form", "code", f.NextCode(f.people["sys"])).Want(t, 200, "/step-up")
	sys.Submit("main form").Want(t, 200, at)
	says(t, sys, "main", "Now it is right", "You approved the draft.")

	sys.Language = "zh-CN"
	sys.Get(at)
	says(t, sys, "main", "您不能发布此变更： 您的角色没有执行此操作的权限。", "批准人：user:sys")
	sys.Get(home)
	says(t, sys, "h2", "已批准，待发布")
}

// Where one person is enough, the page says from when, and everybody sees it coming.
func TestAlone(t *testing.T) {
	f := firmOf(t, testkit.New(t, "ROLEGATE_FOUR_EYES=single"))
	sec := f.browser("sec")
	id := f.handed(sec, "Alone", row)
	at := home + "/" + id
	says(t, sec, ".note", "a day has to pass")
	d, err := f.App.Change.Draft(ctx, tenant, id)
	f.must(d, err)
	if when := testkit.Attr(sec.Page.All(".note time")[0], "datetime"); when != d.AloneFrom.Truncate(time.Second).Format(time.RFC3339) {
		t.Errorf("it says %s, and it is %s", when, d.AloneFrom)
	}
	sec.Post(at+"/publish", "version", "3").Want(t, 409, "")
	aud := f.browser("aud")
	aud.Get(home)
	says(t, aud, ".note", "user:sec wants to change the policy without anybody's approval", "Alone")
	f.Advance(24 * time.Hour)
	f.Login(f.people["sec"])
	sec = f.browser("sec")
	sec.Get(at)
	says(t, sec, ".note", "The day has passed")
	sec.Submit(form(id, "publish")).Want(t, 200, "")
	says(t, sec, "dl dd:nth-of-type(3)", "nobody")
}

// A page that waits for a revision asks again, and stops when it is there.
func TestWatched(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec := f.browser("sec")
	sec.Get(home)
	first := testkit.Text(sec.Page.All("tbody th a")[0])
	for revision, waits := range map[string]bool{first: false, "9999": false} {
		at := home + "/revisions/" + revision + "/applied"
		req, err := http.NewRequest(http.MethodGet, f.URL+at, nil)
		f.must(req, err)
		req.Header.Set("HX-Request", "true")
		for name, value := range sec.Cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		a, err := testkit.Do(req)
		f.must(a, err)
		got := string(a.Raw)
		if a.Status != 200 || strings.Contains(got, "<html") || strings.Contains(got, `hx-get="`+at+`"`) != waits {
			t.Errorf("revision %s: %d %s", revision, a.Status, got)
		}
	}
	sec.Get(home+"/revisions/"+first+"/applied").Want(t, 200, home+"/revisions/"+first) // without a script
}

// The page says which servers answer by a revision, and waits for those that do not.
func TestWatchedOnReplicas(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	f := firmOf(t, ks[0])
	sec, aud := f.browser("sec"), f.browser("aud")
	f.must(ks[1].App.Policy.Snapshots.Latest(ctx, tenant)) // which the second one is to bring up to date by itself
	f.published(sec, aud, f.handed(sec, "First", row))
	at := sec.Page.URL.Path
	f.must(nil, ks[1].App.KeepKeys(ctx))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		sec.Get(at).Want(t, 200, "")
		if text := sec.Page.Text("#applied"); strings.Contains(text, "all 2 servers answer by revision") {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("it says %q", text)
		}
	}
	if n := len(sec.Page.All("#applied tbody tr")); n != 2 {
		t.Errorf("%d servers are listed", n)
	}
	now, err := ks[0].App.Change.Applied(ctx, tenant)
	f.must(now, err)
	f.must(nil, ks[0].App.Store.HoldKeys(ctx, store.KeyHolder{Process: "slow", Host: "slow", SeenAt: f.Now()}))
	f.must(nil, ks[0].App.Store.NoteApplied(ctx, "slow", map[string]int64{tenant: now.InForce - 1}))
	sec.Get(at)
	says(t, sec, "#applied", "of 3 servers answer by revision", "slow")
	sec.Language = "zh-CN"
	sec.Get(at)
	says(t, sec, "#applied", "3 台服务器中有")
}
