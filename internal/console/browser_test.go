package console_test

import (
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// TestLoginInChromium logs a person in as they do it, in both languages.
func TestLoginInChromium(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	for language, title := range map[string]string{"en": "Log in", "zh-CN": "登录"} {
		b := browser.Open(t, k).Language(language).Go("/")
		if got := b.Text("h1"); got != title {
			t.Errorf("%s: the title is %q", language, got)
		}
		b.Check("login-" + language)
		b.Fill("#username", "ann").Fill("#password", "wrong").Submit(`form[action="/login"] button:not([type])`)
		if b.Status() != 401 || b.Value("#username") != "ann" {
			t.Errorf("%s: %d, %q", language, b.Status(), b.Value("#username"))
		}
		b.Check("login-wrong-" + language).LogIn(p)
		b.Go("/step-up?next=/login").Check("step-up-" + language).StepUp(p)
		b.Submit("form.logout button").WaitPath("/login").WaitText("h1", title)
	}
}
