package changes_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/change"
	"rolegate/internal/testkit"
)

const cases = `- name: reps export what they own
  roles: [sales-rep]
  action: export
  resource: {type: contact, id: "1", properties: {owner: me}}
  assurance: {acr: 2, age: 10}
  want: allow
`

// TestStory takes a change from a draft to being published and rolled back, by two
// people who each do what the other may not.
func TestStory(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(t, k)
		sec, aud := f.browser("sec"), f.browser("aud")
		sec.Get(home).Want(t, 200, home)
		says(t, sec, "main", "No change is on its way", "in force")
		first := testkit.Text(sec.Page.All("tbody th a")[0])

		id := f.drafted(sec, "Reps export")
		at := home + "/" + id
		says(t, sec, "[aria-current=step]", "Edit", "Nothing is changed yet")
		if len(sec.Page.All(form(id, "submit"))) > 0 {
			t.Error("what changes nothing can be submitted")
		}
		f.adds("sec", id, row)
		sec.Get(at+"/check").Want(t, 200, "")
		says(t, sec, ".findings .warning", "Opens: “Reps export what they own”", "new", "See line")
		sec.Get(at+"/cases").Want(t, 200, "")
		sec.Submit(form(id, "cases"), "cases", strings.ReplaceAll(cases, "want: allow", "want: deny")).Want(t, 200, at+"/cases")
		says(t, sec, "tbody", "failed", "is to be denied")
		sec.Get(at)
		says(t, sec, "[aria-current=step]", "Test", "0 of 1")
		sec.Post(at+"/submit", "version", "3").Want(t, 422, at+"/submit")
		sec.Get(at + "/cases")
		sec.Submit(form(id, "cases"), "cases", cases).Want(t, 200, at+"/cases")
		says(t, sec, "tbody", "passed", "Reps export what they own")
		sec.Get(at+"/simulate").Want(t, 200, "")
		sec.Submit("main form").Want(t, 200, at+"/simulate")
		says(t, sec, "tbody tr.gains", "user:ann gains: export on contact")
		says(t, sec, "main", "What was not looked at")
		sec.Get(at+"/review").Want(t, 200, "")
		says(t, sec, ".diff li", "New: “Reps export what they own”", "That means:", "p, role:sales-rep, contact, export, own, , allow")
		sec.Get(at)
		says(t, sec, "[aria-current=step]", "Approve", "submitted first")
		sec.Submit(form(id, "submit")).Want(t, 200, at)
		says(t, sec, "main", "You cannot approve this: Whoever wrote or submitted a change does not approve it.")

		aud.Get(home)
		says(t, aud, "main", "Submitted, to be approved", "Reps export")
		aud.Get(at)
		aud.Submit(form(id, "approve"), "comment", "Looks right").Want(t, 200, at)
		says(t, aud, ".said", "You approved the draft.")
		says(t, aud, "blockquote", "Looks right", "user:aud")
		says(t, aud, "main", "You cannot publish this:")

		sec.Get(at)
		old := sec.Page
		sec.Submit(form(id, "publish"), "reason", "Asked for by sales").Want(t, 200, "")
		says(t, sec, ".said", "Published as revision")
		says(t, sec, "#applied", "Yes: decisions here follow revision")
		says(t, sec, "dl", "user:sec", "user:aud", "Asked for by sales")
		published := sec.Page.URL.Path
		// The button that goes back, and then the form once more.
		sec.Page = old
		f.refuses("POST "+home+"/{id}/publish", func() {
			sec.Submit(form(id, "publish"), "reason", "Asked for by sales").Want(t, 200, published)
		})
		says(t, sec, ".said", "published already")

		sec.Get(home)
		says(t, sec, "tbody", "Asked for by sales")
		sec.Get(home+"/revisions/"+first+"/rollback").Want(t, 200, "")
		says(t, sec, ".diff li", "Gone: “Reps export what they own”")
		back := sec.Page
		sec.Submit("main form", "reason", "").Want(t, 400, "")
		sec.Submit("main form", "reason", "They exported too much").Want(t, 200, "")
		says(t, sec, ".said", "is in force again")
		rolled := sec.Page.URL.Path
		sec.Get(published)
		says(t, sec, "#applied", "is no longer in force")
		sec.Page = back
		sec.Submit("main form", "reason", "again").Want(t, 200, rolled)
		says(t, sec, ".said", "in force already")
	})
}

// TestRecordedRequests: audit administrators have requests of the log asked again, and
// others are told whose that is.
func TestRecordedRequests(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(t, k)
	crm := k.ClientToken("crm")
	for range 2 {
		k.Want(k.Post("/access/v1/evaluation", crm, map[string]any{"subject": map[string]any{"type": "user", "id": "ann"}, "action": map[string]any{"name": "open"},
			"resource": map[string]any{"type": "contact", "id": "*"}}), 200)
	}
	sec, aud := f.browser("sec"), f.browser("aud")
	id := f.drafted(sec, "No contacts")
	f.edits("sec", id, func(e *change.Edit) {
		e.Document = strings.Replace(e.Document, "p, role:sales-rep, contact, open, all, , allow\n", "", 1)
	})
	at := home + "/" + id + "/simulate"
	sec.Get(at).Want(t, 200, "")
	says(t, sec, "main", "Audit administrators can also")
	if len(sec.Page.All("[name=requests]")) > 0 {
		t.Error("it is offered to who may not")
	}
	sec.Get(at+"?run=yes").Want(t, 200, "")
	says(t, sec, "main", "Recorded requests were not looked at.")
	sec.Get(at+"?run=yes&requests=yes").Want(t, 403, "")
	aud.Get(at).Want(t, 200, "")
	aud.Submit("main form").Want(t, 200, at)
	says(t, aud, "main", "2 recorded requests of the last 30 days would be answered differently.", "user:ann loses: open on contact")
	entry := testkit.Attr(aud.Page.All(`#requests ~ .table a`)[0], "href")
	aud.Get(entry).Want(t, 200, "")
	says(t, aud, "main", "user:ann")
	k.Advance(time.Hour / 4)
	aud.Get(at + "?run=yes&requests=yes")
	says(t, aud, "h1", "Confirm that it is you")
}
