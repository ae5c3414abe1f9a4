package console_test

import (
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
	"rolegate/model"
)

// TestChangeInChromium takes a change from a draft to being in force and rolled back, by
// two people in their browsers. Whoever goes back to the page they published from, or
// rolled back from, is told that it is done; and whoever has that page open still and
// presses its button does nothing a second time.
func TestChangeInChromium(t *testing.T) {
	k := testkit.New(t)
	sec, aud := officer(t, k, "sec", model.SecurityAdmin), officer(t, k, "aud", model.AuditAdmin)
	for _, c := range []struct{ language, published, is, already, rolled, same, again string }{
		{"en", "Published as revision", "It is published.", "The draft is published already.", "is in force again.", "says the same already", "is in force already."},
		{"zh-CN", "已发布为版本", "已发布。", "该草稿此前已发布。", "已重新生效。", "已与此版本相同", "已在生效。"},
	} {
		t.Run(c.language, func(t *testing.T) {
			b := browser.Open(t, k).Language(c.language).LogIn(sec)
			b.Go("/console/changes").Fill("#title", "Reps export").Submit(`form[action="/console/policy/drafts"] button`)
			draft := strings.Replace(b.Path(), "/policy/drafts/", "/changes/", 1)
			press := func(act string) string { return `form[action="` + draft + `/` + act + `"] button` }
			b.Go(strings.Replace(draft, "/changes/", "/policy/drafts/", 1) + "/row?kind=p").Check("change-row-" + c.language)
			b.Fill("#subject", "role:sales-rep").Fill("#object", "contact").Fill("#action", "export").Fill("#name", "Reps export what they own")
			b.Click(`[name=scope][value=own]`).Submit(`[name=do][value=save]`)
			b.Go(draft+"/review").WaitText(".diff", "Reps export what they own").Check("change-review-" + c.language)
			b.Go(draft).Submit(press("submit"))

			other := browser.Open(t, k).Language(c.language).LogIn(aud)
			other.Go(draft).Check("change-approve-" + c.language).Submit(press("approve"))

			stale := b.Tab().Language(c.language).Go(draft)
			b.Go(draft).Check("change-publish-"+c.language).Submit(press("publish")).WaitText(".said", c.published).Wait("#applied .good")
			published := b.Check("change-published-" + c.language).Path()
			b.Back().WaitPath(draft).WaitText("main", c.is)
			if b.Has(press("publish")) {
				t.Error("the page gone back to would publish again")
			}
			stale.Submit(press("publish")).WaitPath(published).WaitText(".said", c.already)

			b.Go("/console/changes/revisions").Submit("tbody tr:nth-child(2) th a").Submit(`a[href$="/rollback"]`)
			page := b.Check("change-rollback-" + c.language).Path()
			back := `form[action="` + page + `"] button`
			stale.Go(page).Fill("#reason", "again")
			b.Fill("#reason", "They exported too much").Submit(back).WaitText(".said", c.rolled)
			rolled := b.Path()
			b.Back().WaitPath(page).WaitText("main", c.same)
			stale.Submit(back).WaitPath(rolled).WaitText(".said", c.again)
			if newest := b.Go("/console/changes/revisions").Text("tbody tr:first-child"); !strings.Contains(newest, "They exported too much") {
				t.Errorf("the last to be published is %q", newest)
			}
		})
	}
}
