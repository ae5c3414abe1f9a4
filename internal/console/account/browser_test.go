package account_test

import (
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// TestInChromium looks after an account in a real browser, in both languages: what the
// walk of all pages does not come to, because a form leads there.
func TestInChromium(t *testing.T) {
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			k := testkit.New(t)
			k.MidStep()
			p := k.MustEnrol("ann")
			k.Want(k.Post("/v1/login", "", map[string]any{"username": "ann", "password": "wrong"}), 401)
			b := browser.Open(t, k).Language(language).LogIn(p)
			b.Go("/account").Both("overview", language)
			b.Go("/account/devices").Fill("#name", "tablet").Submit(add + " button")
			b.Both("device-add", language)
			b.Fill("#code", k.Oathtool(b.Text("code.secret"), -2*60e9)).Submit(confirm + " button").Wait(".problem")
			b.Both("device-add-slow", language)
			b.Fill("#code", k.Oathtool(b.Text("code.secret"), 0)).Submit(confirm + " button").WaitPath("/account/devices")
			b.Both("devices", language)
			b.Submit("tbody tr:last-child a")
			b.Both("device", language)
			b.Submit(remove + " button").WaitPath("/account/devices").Submit("tbody a")
			b.Both("device-last", language)
			b.Go("/account/recovery-codes")
			b.Both("recovery", language)
			b.Submit(renew + " button").Wait(".codes")
			b.Both("codes", language)
			b.Click(saved + " [name=saved]").Submit(saved + " button").WaitPath("/account/recovery-codes")

			b.Go("/account/password").Fill("#new", "ann ann ann")
			b.Wait("#new-strength .bad")
			b.Both("password", language)
			b.Fill("#new", next).Wait("#new-strength .good")
			k.Login(p)
			b.Go("/account/sessions")
			b.Both("sessions", language)
			b.Confirm(false).Click(others + " button")
			if len(b.Asked()) != 1 || !b.Has(others) {
				t.Errorf("it asked %q", b.Asked())
			}
			b.Confirm(true).Submit(others + " button").Wait(".said")
			b.Go("/account/known-devices").Both("known", language)
			b.Go("/account/history").Both("history", language)
			b.Submit("tbody tr:last-child a")
			b.Both("not-me", language)
			b.Submit(disown+" button").WaitPath("/account/password").Fill("#current", testkit.Password).Fill("#new", next).Submit(change + " > button").WaitPath("/account")
			b.Submit(".logout button").WaitPath("/login").Fill("#username", "ann").Fill("#password", next).Submit(password + " button:not([type])")
			b.Fill("#code", k.NextCode(p)).Submit(code + " button").WaitPath("/account")
		})
	}
}

// TestRevokedInChromium ends a session of one browser in another, where the next click
// leads to the login.
func TestRevokedInChromium(t *testing.T) {
	for language, title := range map[string]string{"en": "Log in", "zh-CN": "登录"} {
		t.Run(language, func(t *testing.T) {
			k := testkit.New(t)
			p := k.MustEnrol("ann")
			phone, desk := browser.Open(t, k).Language(language).LogIn(p), browser.Open(t, k).Language(language).LogIn(p)
			phone.Go("/account").Wait(".subnav")
			desk.Go("/account/sessions").Confirm(true).Submit(others + " button").Wait(".said")
			phone.Submit(".subnav a[href='/account/devices']").WaitPath("/login").WaitText("h1", title)
		})
	}
}
