package checklist

import (
	"strings"
	"testing"

	"rolegate/internal/testkit"
)

// pageSecrets is what a person does by the pages, from an invitation to a login with a
// recovery code, badly and well: the secrets that took part.
func pageSecrets(t *testing.T, k *testkit.Kit) map[string]string {
	t.Helper()
	secrets := map[string]string{}
	v := k.Visitor(t)
	kept := func(what string) {
		t.Helper()
		for _, n := range v.Page.All("[name=ticket]") {
			secrets[what+": ticket"] = testkit.Attr(n, "value")
		}
		for name, value := range v.Cookies {
			if value != "" && !strings.HasSuffix(name, "-said") && !strings.HasSuffix(name, "-user") {
				secrets[what+": cookie "+name] = value
			}
		}
	}
	invite := k.Invite("dora")
	secrets["invitation"], secrets["password"], secrets["rated password"] = invite, "dora, four unseen badgers", "seven badgers unrated"
	v.Get("/invite/" + invite)
	v.Get("/invite/" + invite + "/x")
	v.Post("/invite/strength", "invite", invite, "password", secrets["rated password"])
	v.Submit("form[action='/invite']", "password", "short")
	v.Submit("form[action='/invite']", "password", secrets["password"])
	kept("invited")
	secret := strings.ReplaceAll(v.Page.Text("code.secret"), " ", "")
	secrets["TOTP secret"] = secret
	v.Submit("form[action='/login/enrol/confirm']", "code", "987123")
	v.Submit("form[action='/login/enrol/confirm']", "code", k.CodeAt(secret, 0)).Want(t, 200, "")
	kept("enrolled")
	for _, n := range v.Page.All(".codes code") {
		code := testkit.Text(n)
		secrets["recovery code "+code[:2]] = code
	}
	if len(secrets) < 15 {
		t.Fatalf("only %v", secrets)
	}
	code := testkit.Text(v.Page.All(".codes code")[0])
	v.Get("/step-up")
	v.Submit("form[action='/step-up']", "code", "987123")
	v.Post("/logout")
	v.Get("/login?username=dora&password=" + strings.ReplaceAll(secrets["password"], " ", "+"))
	v.Submit("form[action='/login']", "username", "dora", "password", secrets["rated password"])
	v.Submit("form[action='/login']", "username", "dora", "password", secrets["password"])
	kept("logged in")
	v.Submit("form[action='/login/recovery']", "code", "AAAA-BBBB-CCCC-DDDD-EEEE")
	v.Submit("form[action='/login/recovery']", "code", code).Want(t, 200, "")
	kept("recovered")
	return secrets
}

// onwards tells where a login that was led to from elsewhere goes on.
func onwards(t *testing.T) {
	k := testkit.New(t)
	for _, next := range []string{"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "https:evil.example", "/%09/evil.example", "%0a//evil.example", "javascript:alert(1)", "///evil.example", "evil.example"} {
		page := k.Visitor(t).Get("/login?next="+next).Want(t, 200, "/login")
		if got := testkit.Attr(page.One(t, "main [name=next]"), "value"); !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, `/\`) || strings.ContainsAny(got, "\t\n") {
			t.Errorf("%q: a login goes on to %q", next, got)
		}
	}
}
