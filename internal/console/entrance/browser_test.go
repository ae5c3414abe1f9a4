package entrance_test

import (
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// TestInvitedInChromium is the story of an invited person in a real browser, with codes
// that oathtool makes of the picture that zbarimg reads.
func TestInvitedInChromium(t *testing.T) {
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			k := testkit.New(t)
			k.MidStep()
			b := browser.Open(t, k).Language(language)
			b.Go("/invite/damaged.").Both("damaged", language)
			invite := k.Invite("ann")
			b.Go("/invite/" + invite)
			b.Both("invite", language)
			b.Fill("#password", "password1")
			b.WaitText("#password-strength", map[string]string{"en": "not accepted", "zh-CN": "不符合要求"}[language])
			b.Both("strength-bad", language)
			b.Fill("#password", testkit.Password).Wait("#password-strength .good")
			b.Click("[data-reveal]").Until("the password is shown", func() bool { return browser.Eval[string](b, `document.querySelector("#password").type`) == "text" })
			b.Both("strength-good", language)

			b.Submit(accept + " button:not([type])")
			b.Both("enrol", language)
			address := browser.Scan(t, browser.Eval[string](b, `document.querySelector("img.qr").src`))
			secret := address.Query().Get("secret")
			b.Until("the time counts down", func() bool { return strings.HasPrefix(b.Text("[data-until]"), "4:") && b.Text("[data-step]") != "–" })
			b.Submit(".languages [value=en]").Submit(".languages [value='" + language + "']")
			if got := browser.Scan(t, browser.Eval[string](b, `document.querySelector("img.qr").src`)); got.String() != address.String() {
				t.Errorf("another language shows %s, not %s", got, address)
			}
			b.Fill("#code", k.Oathtool(secret, -2*60e9)).Submit(confirm + " button").Wait(".problem")
			b.Both("enrol-slow", language)
			b.Fill("#code", k.Oathtool(secret, 0)).Submit(confirm + " button").Wait(".codes")
			b.Both("codes", language)

			b.Click("h1").Confirm(false) // a browser asks only who has touched the page
			browser.Eval[any](b, `void location.reload()`)
			b.Until("the browser asks", func() bool { return len(b.Asked()) == 1 })
			if !b.Has(".codes") || b.Has(".languages") {
				t.Fatal("the codes are lost")
			}
			b.Click(saved + " button") // the tick is missing: the browser says so
			if !b.Has(".codes") {
				t.Error("it goes on without the tick")
			}
			b.Click(saved + " [name=saved]").Submit(saved + " button")

			b.Go("/login")
			b.Both("already", language)
			b.Submit("main form[action='/logout'] button").WaitPath("/login")
			b.Fill("#username", "ann").Fill("#password", testkit.Password).Click("[name=remember]").Submit(password + " button:not([type])")
			b.Both("code", language)
			b.Click("details:last-of-type > summary")
			b.Both("recovery", language)
			b.Fill("#recovery-code", "AAAA").Submit(recovery + " button")
			b.Both("recovery-wrong", language)
			k.MidStep()
			b.Fill("#code", k.Oathtool(secret, 0)).Submit(code + " button")
			b.Go("/login/done")
			b.Both("done", language)
			for _, request := range b.Requests() {
				if strings.Contains(request, secret) || strings.Contains(request, "ticket") || strings.Contains(request, "password=") {
					t.Errorf("a secret is in an address: %s", request)
				}
			}
		})
	}
}

// TestKeyboard logs in without a mouse.
func TestKeyboard(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	b := browser.Open(t, k).Go("/login")
	b.Press("ann" + browser.Tab + testkit.Password) // the first field has the focus
	b.Loading("enter", func() { b.Press(browser.Enter) }).Wait("#code")
	b.Loading("enter", func() { b.Press(k.NextCode(p) + browser.Enter) })
	b.Go("/login/done").WaitText("h1", "logged in again")
}

// TestTimeIsOver shows so as soon as the ticket has ended, by the service's clock.
func TestTimeIsOver(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("ann")
	b := browser.Open(t, k).Go("/login").Fill("#username", "ann").Fill("#password", testkit.Password).Submit(password + " button:not([type])")
	browser.Eval[any](b, `void (document.querySelector("[data-until]").dataset.until -= 299500)`)
	b.Wait("[data-over]").Submit("[data-over] a").WaitPath("/login")
}
