package account_test

import (
	"fmt"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// at checks the page as a phone shows it, and that a desktop has room for it.
func at(b *browser.Browser, name, language string) *browser.Browser {
	b.T.Helper()
	b.Width(browser.Phone).Check(fmt.Sprintf("%s-%s-%d", name, language, browser.Phone))
	of := fmt.Sprintf("%s-%s-%d", name, language, browser.Desktop)
	return b.Width(browser.Desktop).Shot(of).Fits(of)
}

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
			at(b.Go("/account"), "overview", language)
			b.Go("/account/devices").Fill("#name", "tablet").Submit(add + " button")
			at(b, "device-add", language)
			b.Fill("#code", k.Oathtool(b.Text("code.secret"), -2*60e9)).Submit(confirm + " button").Wait(".problem")
			at(b, "device-add-slow", language)
			b.Fill("#code", k.Oathtool(b.Text("code.secret"), 0)).Submit(confirm + " button").WaitPath("/account/devices")
			at(b, "devices", language)
			b.Submit("tbody tr:last-child a")
			at(b, "device", language)
			b.Submit(remove + " button").WaitPath("/account/devices").Submit("tbody a")
			at(b, "device-last", language)
			b.Go("/account/recovery-codes")
			at(b, "recovery", language)
			b.Submit(renew + " button").Wait(".codes")
			at(b, "codes", language)
			b.Click(saved + " [name=saved]").Submit(saved + " button").WaitPath("/account/recovery-codes")

			b.Go("/account/password").Fill("#new", "ann ann ann")
			b.Wait("#new-strength .bad")
			at(b, "password", language)
			b.Fill("#new", next).Wait("#new-strength .good")
			k.Login(p)
			b.Go("/account/sessions")
			at(b, "sessions", language)
			b.Confirm(false).Click(others + " button")
			if len(b.Asked()) != 1 || !b.Has(others) {
				t.Errorf("it asked %q", b.Asked())
			}
			b.Confirm(true).Submit(others + " button").Wait(".said")
			at(b.Go("/account/known-devices"), "known", language)
			at(b.Go("/account/history"), "history", language)
			b.Submit("tbody tr:last-child a")
			at(b, "not-me", language)
			b.Submit(disown+" button").WaitPath("/account/password").Fill("#current", testkit.Password).Fill("#new", next).Submit(change + " > button").WaitPath("/account")
			b.Submit(".logout button").WaitPath("/login").Fill("#username", "ann").Fill("#password", next).Submit(password + " button:not([type])")
			b.Fill("#code", k.NextCode(p)).Submit(code + " button").WaitPath("/account")
		})
	}
}

// TestRevokedInChromium ends a session of one browser in another, where the next click
// leads to the login.
func TestRevokedInChromium(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	phone, desk := browser.Open(t, k).LogIn(p), browser.Open(t, k).LogIn(p)
	phone.Go("/account").Wait(".subnav")
	desk.Go("/account/sessions").Confirm(true).Submit(others + " button").Wait(".said")
	phone.Submit(".subnav a[href='/account/devices']").WaitPath("/login")
}
