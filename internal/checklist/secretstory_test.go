package checklist

import (
	"fmt"
	"net/http"
	"testing"

	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// ownersOfSecrets are the persons of ownSecrets.
var ownersOfSecrets = []string{"user:cleo", "user:root", "user:newcomer"}

// ownSecrets plays what people do to their own accounts, administrators to those of
// others, and clients with keys, and tells the secrets that took part, by name. It
// is for whoever looks for secrets where none may be.
func ownSecrets(t *testing.T, k *testkit.Kit) map[string]string {
	t.Helper()
	secrets := map[string]string{}
	keep := func(what, secret string) string {
		t.Helper()
		if secret == "" {
			t.Fatalf("there is no %s", what)
		}
		secrets[what] = secret
		return secret
	}
	tokens := func(what string, p *testkit.Person, a testkit.Answer) {
		t.Helper()
		k.Want(a, 200)
		p.Access, p.Refresh = keep("access token after "+what, a.Text("access_token")), keep("refresh token after "+what, a.Text("refresh_token"))
	}

	cleo := k.MustEnrol("cleo", "sales-rep")
	var cookies []*http.Cookie
	for n := range 2 { // the second login rotates the cookie
		req := k.Request("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("cleo"), "code": k.NextCode(cleo)})
		for _, c := range cookies {
			req.AddCookie(c)
		}
		a := k.Send(req)
		tokens(fmt.Sprintf("login %d", n), cleo, a)
		if cookies = (&http.Response{Header: a.Header}).Cookies(); len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		keep(fmt.Sprintf("known device's cookie %d", n), cookies[0].Value)
	}
	req := k.Request("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("cleo"), "code": k.NextCode(cleo)})
	req.Header.Set("Rolegate-Device", keep("made-up device", "m4de-up-dev1ce-s3cret"))
	a := k.Send(req)
	keep("known device's header", a.Header.Get("Rolegate-Device"))
	tokens("login of an app", cleo, a)

	pending := k.Post("/v1/me/devices", cleo.Access, map[string]any{"name": "tablet"})
	keep("pending TOTP secret that is replaced", pending.Text("secret"))
	pending = k.Post("/v1/me/devices", cleo.Access, map[string]any{"name": "tablet"})
	keep("second device's TOTP secret", pending.Text("secret"))
	k.Want(k.Post("/v1/me/devices/"+pending.Text("device_id")+"/confirm", cleo.Access, map[string]any{"code": k.CodeAt(pending.Text("secret"), 0)}), 200)
	pending = k.Post("/v1/me/devices", cleo.Access, map[string]any{"name": "watch"})
	keep("pending TOTP secret", pending.Text("secret"))
	keep("pending TOTP secret's address", pending.Text("otpauth_uri"))

	a = k.Post("/v1/me/recovery-codes", cleo.Access, nil)
	k.Want(a, 200)
	for i, c := range a.Body["recovery_codes"].([]any) {
		keep(fmt.Sprintf("new recovery code %d", i), c.(string))
	}
	tokens("a step-up", cleo, k.Post("/v1/step-up", cleo.Access, map[string]any{"code": k.NextCode(cleo)}))
	next := keep("new password", "nine purple staples sing")
	k.Want(change(k, cleo.Access, keep("wrong current password", "eight purple staples hum"), next), 401)
	k.Want(change(k, cleo.Access, testkit.Password, keep("refused password", "password123")), 422)
	k.Post("/v1/me/password/strength", cleo.Access, map[string]any{"password": keep("password that is rated", "seven purple staples nap")})
	tokens("a change of the password", cleo, change(k, cleo.Access, testkit.Password, next))
	a = k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": cleo.Refresh})
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": cleo.Refresh}), 200) // handed out again: it is kept, sealed
	tokens("a refresh", cleo, a)

	root := officeHolder(k, "root", model.SystemAdmin)
	tokens("an administrator's step-up", root, k.Post("/v1/step-up", root.Access, map[string]any{"code": k.NextCode(root)}))
	a = k.Post("/v1/admin/users", root.Access, map[string]any{"id": "newcomer", "reason": "hired"})
	k.Want(a, 201)
	keep("administrator's invitation", a.Text("invite"))
	a = k.Post("/v1/admin/users/newcomer/invite", root.Access, nil)
	k.Want(a, 200)
	k.Post("/v1/invite/strength", "", map[string]any{"invite": keep("administrator's second invitation", a.Text("invite")), "password": next})
	a = k.Post("/v1/admin/clients", root.Access, map[string]any{"client_id": "erp", "scopes": []string{"decide"}})
	k.Want(a, 201)
	erp := keep("client secret from an administrator", a.Text("client_secret"))

	key, jwk := clientKey(t)
	k.AddClient(model.Client{ID: "keyed", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: jwk})
	assertion := keep("assertion", k.Assertion("keyed", key, nil))
	for _, want := range []int{200, 401} { // the second time it is spent
		a = k.Form("/oauth2/token", "", "", "grant_type", "client_credentials", "client_assertion", assertion, "client_assertion_type", assertionType)
		k.Want(a, want)
		if want == 200 {
			keep("token for an assertion", a.Text("access_token"))
		}
	}
	k.Introspect("erp", erp, cleo.Access)
	k.Introspect("erp", erp, keep("introspected text", "n0t-a-t0ken-but-a-s3cret"))
	k.Want(k.Form("/oauth2/introspect", "", "", "token", cleo.Access,
		"client_assertion", keep("introspecting assertion", k.Assertion("keyed", key, nil)), "client_assertion_type", assertionType), 200)
	k.Want(k.Revoke("erp", erp, keep("revoked client token", k.TokenFor("erp", erp))), 200)
	k.Want(k.Revoke(login.FirstPartyClient, "", cleo.Refresh), 200)
	return secrets
}
