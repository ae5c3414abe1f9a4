package console_test

import (
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
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
	at := func(want string) {
		t.Helper()
		if got := browser.Eval[string](b, focused); got != want {
			t.Fatalf("the focus is on %q, not on %q", got, want)
		}
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
