package console_test

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
	"rolegate/model"
)

// focused is what has the focus, in words.
const focused = `((e) => e.id || e.className || e.localName)(document.activeElement)`

// TestLoginByKeyboard logs in without a mouse: past the head of the page by its first
// link, from field to field by Tab, on by Enter. (That Tab comes to every control of
// every page is part of TestEveryPage.)
func TestLoginByKeyboard(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	b := browser.Open(t, k).Go("/login?next=/step-up")
	// A page that has come is given its focus with its next picture, not before.
	at := func(want string) {
		t.Helper()
		b.Until("the focus on "+want, func() bool { return browser.Eval[string](b, focused) == want })
	}
	at("username") // where one begins to type
	b.ShiftTab()
	at("brand")
	b.ShiftTab()
	at("skip")
	if browser.Eval[float64](b, `document.activeElement.getBoundingClientRect().left`) < 0 {
		t.Error("the link past the head has the focus and is not seen")
	}
	b.Press(browser.Enter)
	at("main")
	b.Press(browser.Tab)
	at("username")
	b.Press("ann").Press(browser.Tab)
	at("password")
	b.Loading("Enter", func() { b.Press("wrong").Press(browser.Enter) })
	at("problem")
	b.Press(browser.Tab)
	at("username")
	b.Press(browser.Tab)
	b.Loading("Enter", func() { b.Press(testkit.Password).Press(browser.Enter) })
	at("code")
	b.Loading("Enter", func() { b.Press(k.NextCode(p)).Press(browser.Enter) })
	b.WaitPath("/step-up").Wait("form.logout")
}

// TestChangeByKeyboard writes a row, and has it approved and published, without a mouse: from
// control to control by Tab, on by Enter, among choices by the arrows.
func TestChangeByKeyboard(t *testing.T) {
	k := testkit.New(t)
	sec, aud := officer(t, k, "sec", model.SecurityAdmin), officer(t, k, "aud", model.AuditAdmin)
	b := browser.Open(t, k).LogIn(sec)
	to := func(b *browser.Browser, selector string) *browser.Browser {
		t.Helper()
		is := fmt.Sprintf(`document.activeElement.matches(%q)`, selector)
		for n := 0; !browser.Eval[bool](b, is); n++ {
			if n == 300 {
				t.Fatalf("Tab does not come to %s on %s", selector, b.Path())
			}
			b.Press(browser.Tab)
		}
		return b
	}
	enter := func(b *browser.Browser, selector string) {
		t.Helper()
		b.Loading("Enter", func() { to(b, selector).Press(browser.Enter) })
	}
	b.Go("/console/changes")
	to(b, "#title").Press("Reps export")
	enter(b, `form[action="/console/policy/drafts"] button`)
	document := b.Path()
	draft := strings.Replace(document, "/policy/drafts/", "/changes/", 1)
	b.Go(document + "/row?kind=p")
	for _, field := range [][2]string{{"#subject", "role:sales-rep"}, {"#object", "contact"}, {"#action", "export"}} {
		to(b, field[0]).Press(field[1])
	}
	to(b, "[name=scope]")
	for n := 0; !browser.Eval[bool](b, `document.activeElement.matches("[name=scope][value=own]:checked")`); n++ {
		if n == 20 {
			t.Fatal("the arrows do not come to the scope")
		}
		b.Press(browser.Down)
	}
	to(b, "#name").Press("Reps export what they own")
	enter(b, `[name=do][value=save]`)
	b.Go(draft+"/review").WaitText(".diff", "Reps export what they own")
	press := func(b *browser.Browser, act string) { enter(b.Go(draft), `form[action="`+draft+`/`+act+`"] button`) }
	press(b, "submit")
	press(browser.Open(t, k).LogIn(aud), "approve")
	press(b, "publish")
	b.WaitText(".said", "Published as revision")
}
