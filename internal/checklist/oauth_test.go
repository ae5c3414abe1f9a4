package checklist

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(18, "the password grant, and every grant but client_credentials: unsupported_grant_type", onlyClientCredentials)
	holds(83, "metadata, invitations and headers name the configured issuer only, whatever host a request claims", configuredIssuer)
	holds(84, "introspection without client credentials: 401; of an unknown, expired, revoked or foreign token: `{\"active\":false}` alone", introspection)
	holds(85, "revoking an unknown token: 200; another client's: no effect; a refresh token: it and its access tokens are dead in decisions", revocationEndpoint)
	holds(86, "client_credentials with a wrong secret, another case, another's secret, or disabled: one answer; a client's token has no refresh token and no person", clientCredentials)
	holds(87, "a scope the client lacks: invalid_scope, never more and never less than was asked", exactScope)
	holds(88, "private_key_jwt: used before, for another audience, too long-lived, another algorithm: invalid_client", privateKeyJWT)
	holds(89, "every answer with a token, and every refusal of one, is `no-store`", noStore)
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientKey is a client's key pair, and the public half as it registers it.
func clientKey(t *testing.T) (jose.SigningKey, string) {
	t.Helper()
	key := strangersKey(t)
	public := jose.JSONWebKey{Key: key.Public()}
	b, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{Algorithm: jose.ES256, Key: key}, string(b)
}

func onlyClientCredentials(t *testing.T) {
	b := newBearers(t)
	for _, grant := range []string{"password", "refresh_token", "authorization_code", "implicit", "Password", "CLIENT_CREDENTIALS",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:device_code"} {
		a := b.Form("/oauth2/token", "crm", b.secret, "grant_type", grant, "username", "alice", "password", testkit.Password,
			"refresh_token", b.alice.Refresh, "assertion", b.alice.Access, "code", b.Code(b.alice))
		b.Want(a, 400, "error", "unsupported_grant_type", "access_token", nil)
	}
	var metadata struct {
		Grants []string `json:"grant_types_supported"`
	}
	if err := json.Unmarshal(b.Get("/.well-known/oauth-authorization-server").Raw, &metadata); err != nil || !slices.Equal(metadata.Grants, []string{"client_credentials"}) {
		t.Errorf("grants %v, %v", metadata.Grants, err)
	}
}

func configuredIssuer(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_ISSUER=https://gate.example.com")
	spoofed := map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "666", "X-Forwarded-Prefix": "/evil",
		"Forwarded": "host=evil.example;proto=gopher", "X-Original-Host": "evil.example", "X-Host": "evil.example", "Origin": "https://evil.example", "Referer": "https://evil.example/"}
	inv, err := app.AddUser.Run(context.Background(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	link, err := json.Marshal(inv)
	if err != nil || !strings.Contains(string(link), `"https://gate.example.com/invite/`) {
		t.Errorf("the invitation is %s, %v", link, err)
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/authzen-configuration", "/.well-known/authzen-configuration/default",
		"/.well-known/jwks.json", "/invite/" + inv.Invite, "/v1/permissions", "/nowhere"} {
		plain := k.Get(path)
		req, err := http.NewRequest(http.MethodGet, k.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example"
		for name, value := range spoofed {
			req.Header.Set(name, value)
		}
		a, err := testkit.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != plain.Status || plain.Status == 200 && string(a.Raw) != string(plain.Raw) {
			t.Errorf("%s: %d %s, else %d %s", path, a.Status, a.Raw, plain.Status, plain.Raw)
		}
		if all := fmt.Sprint(a.Header, string(a.Raw)); strings.Contains(all, "evil.example") || strings.Contains(all, "gopher") || a.Header.Get("Location") != "" {
			t.Errorf("%s: %s", path, all)
		}
	}
	for name, value := range k.Get("/.well-known/oauth-authorization-server").Body {
		if s, ok := value.(string); ok && !strings.HasPrefix(s, "https://gate.example.com") {
			t.Errorf("%s is %s", name, s)
		}
	}
}

func introspection(t *testing.T) {
	b := newBearers(t)
	other := b.AddClient(model.Client{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	if _, err := app.AddTenant.Run(context.Background(), b.App, testkit.Operator, app.TenantRequest{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	acme := b.AddClient(model.Client{ID: "acme", Tenant: "acme", Scopes: []string{"decide"}})
	weak := b.AddClient(model.Client{ID: "weak", Tenant: model.DefaultTenant, Scopes: []string{"audit"}})

	// Who asks has to say so, as a client, and may have to.
	ticket := b.Ticket("alice")
	for _, bearer := range []string{"", b.client, b.alice.Access, b.alice.Refresh, ticket} {
		req, err := http.NewRequest(http.MethodPost, b.URL+"/oauth2/introspect", strings.NewReader(url.Values{"token": {b.alice.Access}, "client_id": {"rolegate"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		b.Want(b.Send(req), 401, "error", "invalid_client", "active", nil)
	}
	b.Want(b.Introspect("crm", "wrong", b.alice.Access), 401, "error", "invalid_client", "active", nil)
	b.Want(b.Introspect("weak", weak, b.alice.Access), 400, "error", "unauthorized_client", "active", nil)

	// What is active, in full.
	for who, token := range map[string]string{"alice": b.alice.Access, "crm": b.client} {
		got := b.Introspect("crm", b.secret, token).Body
		want := testkit.Claims(t, token)
		want["active"], want["token_type"] = true, "Bearer"
		if who == "alice" {
			want["username"] = "alice"
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", who, got, want)
		}
	}
	// The hint is one: a wrong one hides nothing.
	for _, hint := range []string{"access_token", "refresh_token", "nonsense", ""} {
		b.Want(b.Form("/oauth2/introspect", "crm", b.secret, "token", b.alice.Access, "token_type_hint", hint), 200, "active", true)
	}

	nothing := func(why, id, secret, token string) {
		t.Helper()
		if a := b.Introspect(id, secret, token); a.Status != 200 || string(a.Raw) != inactive || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", why, a.Status, a.Raw)
		}
	}
	nothing("unknown", "crm", b.secret, "unknown")
	nothing("another client's", "other", other, b.client)
	nothing("another tenant's person", "acme", acme, b.alice.Access)
	nothing("refresh token", "crm", b.secret, b.alice.Refresh)
	nothing("ticket", "crm", b.secret, ticket)
	nothing("the client's own secret", "crm", b.secret, b.secret)
	nothing("a wrong signature", "crm", b.secret, b.alice.Access[:len(b.alice.Access)-4]+"AAAA")

	revoked := b.TokenFor("crm", b.secret)
	b.Want(b.Revoke("crm", b.secret, revoked), 200)
	nothing("revoked", "crm", b.secret, revoked)
	out := b.MustEnrol("out")
	b.Want(b.Post("/v1/logout", out.Access, nil), 204)
	nothing("logged out", "crm", b.secret, out.Access)
	gone := b.MustEnrol("gone")
	if _, err := app.SetUserDisabled.Run(context.Background(), b.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "gone", Disabled: true}); err != nil {
		t.Fatal(err)
	}
	nothing("disabled", "crm", b.secret, gone.Access)
	lost := b.MustEnrol("lost")
	a := b.Post("/v1/login/recovery", "", map[string]any{"ticket": b.Ticket("lost"), "code": lost.RecoveryCodes[0]})
	b.Want(a, 200)
	nothing("one that can only enrol again", "crm", b.secret, a.Text("access_token"))
	b.Advance(10*time.Minute + 11*time.Second)
	nothing("expired", "crm", b.secret, b.alice.Access)
	nothing("expired, the client's", "crm", b.secret, b.client)
}

func revocationEndpoint(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		other := k.AddClient(model.Client{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		client := k.TokenFor("crm", secret)
		works := func(token string) int {
			return k.Post("/access/v1/evaluation", token, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
				"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "account", "id": "1"}}).Status
		}
		// told is what a decision says of a person's token that came along.
		told := func(token string) string {
			return k.Evaluate(k.TokenFor("other", other), "alice", "read", "account", nil, "access_token", token).Code()
		}
		good := told(alice.Access)
		if works(client) != 200 || good == told("no token") {
			t.Fatalf("the tokens do not count before: %d, %s", works(client), good)
		}

		// Nothing happens, and nothing shows that it did not.
		for why, a := range map[string]testkit.Answer{
			"unknown":                 k.Revoke("crm", secret, "unknown"),
			"unknown, nobody's":       k.Revoke("rolegate", "", "unknown"),
			"another client's":        k.Revoke("other", other, client),
			"a client's, by whoever":  k.Revoke("rolegate", "", client),
			"a person's, by a client": k.Revoke("crm", secret, alice.Refresh),
			"likewise, access":        k.Revoke("crm", secret, alice.Access),
			"unknown kind":            k.Form("/oauth2/revoke", "crm", secret, "token", "x", "token_type_hint", "saml_token"),
		} {
			if a.Status != 200 || len(a.Raw) > 0 || a.Header.Get("Rolegate-Revision") != "" {
				t.Errorf("%s: %d %s %v", why, a.Status, a.Raw, a.Header)
			}
		}
		k.Want(k.Revoke("crm", "wrong", client), 401, "error", "invalid_client")
		k.Want(k.Form("/oauth2/revoke", "", "", "token", client), 401, "error", "invalid_client")
		k.Want(k.Form("/oauth2/revoke", "", "", "token", client, "client_id", "crm"), 401, "error", "invalid_client")
		if works(client) != 200 || told(alice.Access) != good || !k.Active("crm", secret, alice.Access) {
			t.Error("something was revoked")
		}

		// A client's own, and no other of its tokens; a wrong hint is none.
		second := k.TokenFor("crm", secret)
		k.Want(k.Form("/oauth2/revoke", "crm", secret, "token", client, "token_type_hint", "refresh_token"), 200)
		if works(client) != 401 || works(second) != 200 || k.Active("crm", secret, client) {
			t.Errorf("revoked: %d; the other: %d", works(client), works(second))
		}
		k.Want(k.Revoke("crm", secret, client), 200)

		// A refresh token: its successor and the access tokens of the family.
		a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
		k.Want(a, 200)
		family := []string{alice.Access, a.Text("access_token")}
		bystander := k.MustEnrol("bob")
		k.Want(k.Revoke("rolegate", "", a.Text("refresh_token")), 200)
		for _, token := range family {
			if got := told(token); got == good || k.Active("crm", secret, token) {
				t.Errorf("an access token of the family: %s", got)
			}
			k.Want(k.Post("/v1/logout", token, nil), 401)
		}
		if a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}); a.Status != 401 {
			t.Errorf("the refresh token: %d", a.Status)
		}

		// A person's access token likewise, and nobody else's.
		k.Login(alice)
		k.Want(k.Revoke("rolegate", "", alice.Access), 200)
		if a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}); a.Status != 401 || told(alice.Access) == good {
			t.Errorf("after its access token: %d", a.Status)
		}
		if !k.Active("crm", secret, bystander.Access) {
			t.Error("bob was logged out, too")
		}
	})
}

// onlyClients is a store that finds clients and counts how often; whatever else is asked
// of it panics.
type onlyClients struct {
	store.Store
	clients store.Store
	read    int
}

func (s *onlyClients) Client(ctx context.Context, id string) (model.Client, error) {
	s.read++
	return s.clients.Client(ctx, id)
}

func clientCredentials(t *testing.T) {
	b := newBearers(t)
	other := b.AddClient(model.Client{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	off := b.AddClient(model.Client{ID: "off", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	if _, err := app.SetClientDisabled.Run(context.Background(), b.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "off"}, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	_, jwk := clientKey(t)
	b.AddClient(model.Client{ID: "keyed", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: jwk})
	var want string
	for _, c := range []struct{ why, id, secret string }{
		{"wrong secret", "crm", "wrong"}, {"other case", "crm", strings.ToUpper(b.secret)}, {"name in capitals", "CRM", b.secret}, {"another's secret", "crm", other},
		{"unknown", "nobody", b.secret}, {"disabled", "off", off}, {"disabled, wrong secret", "off", "wrong"}, {"one with a key", "keyed", "x"},
		{"ours", "rolegate", "x"}, {"a person", "alice", testkit.Password}, {"a prefix", "crm", b.secret[:42]}, {"more", "crm", b.secret + "A"},
	} {
		var a testkit.Answer
		leaves := b.Recorded(func() { a = b.AskToken(c.id, c.secret) })
		b.Want(a, 401, "error", "invalid_client")
		trace := a.Text("trace_id")
		a.Header.Del("Date")
		a.Header.Del("X-Request-Id")
		got := strings.ReplaceAll(fmt.Sprint(string(a.Raw), a.Header), trace, "")
		if want == "" {
			want = got
		}
		if got != want || len(leaves) != 1 {
			t.Errorf("%s: %s, want %s; %d entries", c.why, got, want, len(leaves))
		}
	}
	for _, c := range []struct{ why, id, secret string }{
		{"wrong secret", "crm", "wrong"}, {"unknown", "nobody", "wrong"}, {"disabled", "off", off}, {"disabled, wrong secret", "off", "wrong"}, {"one with a key", "keyed", "wrong"},
	} {
		only := &onlyClients{clients: b.App.Store}
		service := &login.Service{Store: only, Log: b.App.Log, Now: b.Now}
		hashed := b.App.Login.Hasher.Stats().Done
		_, err := service.ClientToken(context.Background(), login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: c.id, ClientSecret: c.secret}})
		if model.CodeOf(err) != model.CodeInvalidClient || only.read != 1 || b.App.Login.Hasher.Stats().Done != hashed {
			t.Errorf("%s: %v, after %d reads", c.why, err, only.read)
		}
	}
	a := b.AskToken("crm", b.secret)
	b.Want(a, 200, "token_type", "Bearer", "expires_in", 600.0)
	if members := strings.Join(slices.Sorted(maps.Keys(a.Body)), " "); members != "access_token expires_in scope token_type" {
		t.Errorf("members %q", members)
	}
	c := testkit.Claims(t, a.Text("access_token"))
	if c["sub"] != "crm" || c["sid"] != nil || c["acr"] != nil || c["auth_time"] != nil {
		t.Errorf("claims %v", c)
	}
}

func exactScope(t *testing.T) {
	b := newBearers(t) // decide, explain, directory
	for asked, granted := range map[string]string{"": "decide directory explain", "decide": "decide", "explain decide": "decide explain", "decide decide": "decide"} {
		a := b.AskToken("crm", b.secret, "scope="+asked)
		b.Want(a, 200, "scope", granted)
		if got := testkit.Claims(t, a.Text("access_token"))["scope"]; got != granted {
			t.Errorf("%q: the token has %v", asked, got)
		}
	}
	for _, asked := range []string{"audit", "decide audit", "DECIDE", "*", "decide,explain", "openid", "decide\x00"} {
		b.Want(b.AskToken("crm", b.secret, "scope="+asked), 400, "error", "invalid_scope", "access_token", nil)
	}
	// And the token does no more than it says.
	narrow := b.TokenFor("crm", b.secret, "scope=decide")
	a := b.Post("/v1/explain", narrow, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
		"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "account", "id": "1"}})
	b.Want(a, 403)
}

func privateKeyJWT(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		key, jwk := clientKey(t)
		otherKey, otherJWK := clientKey(t)
		k.AddClient(model.Client{ID: "keyed", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: jwk})
		k.AddClient(model.Client{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: otherJWK})
		k.AddClient(model.Client{ID: "secret", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		ask := func(assertion string, more ...string) testkit.Answer {
			return k.Form("/oauth2/token", "", "", append([]string{"grant_type", "client_credentials", "client_assertion", assertion, "client_assertion_type", assertionType}, more...)...)
		}
		issuer := k.App.Config.Issuer
		in := func(d time.Duration) int64 { return k.Now().Add(d).Unix() }
		for why, claims := range map[string]map[string]any{
			"issuer": nil, "token endpoint": {"aud": issuer + "/oauth2/token"}, "list of one": {"aud": []string{issuer}}, "five minutes": {"exp": in(5 * time.Minute)},
		} {
			a := ask(k.Assertion("keyed", key, claims))
			if k.Want(a, 200, "scope", "decide", "refresh_token", nil); testkit.Claims(t, a.Text("access_token"))["sub"] != "keyed" {
				t.Errorf("%s: %s", why, a.Raw)
			}
		}
		k.Want(ask(k.Assertion("keyed", key, nil), "client_id", "keyed"), 200)

		used := k.Assertion("keyed", key, nil)
		k.Want(ask(used), 200)
		refused := func(why string, a testkit.Answer) {
			t.Helper()
			if a.Status != 401 || a.Text("error") != "invalid_client" || a.Body["access_token"] != nil {
				t.Errorf("%s: %d %s", why, a.Status, a.Raw)
			}
		}
		refused("used before", ask(used))
		// Another route is no other use, nor another spelling another assertion.
		refused("used at the token endpoint", k.Form("/oauth2/introspect", "", "", "token", "x", "client_assertion", used, "client_assertion_type", assertionType))
		refused("the same jti in another assertion", func() testkit.Answer {
			k.Want(ask(k.Assertion("keyed", key, map[string]any{"jti": "one"})), 200)
			return ask(k.Assertion("keyed", key, map[string]any{"jti": "one", "exp": in(2 * time.Minute)}))
		}())
		k.Want(ask(k.Assertion("other", otherKey, map[string]any{"jti": "one"})), 200) // another client's is another
		for why, claims := range map[string]map[string]any{
			"wrong aud": {"aud": "https://other.example"}, "a CRM besides": {"aud": []string{issuer, "https://other.example"}}, "no aud": {"aud": nil},
			"six minutes": {"exp": in(6 * time.Minute)}, "expired": {"exp": in(-11 * time.Second)},
			"no exp": {"exp": nil}, "exp text": {"exp": "4102444800"}, "from the future": {"iat": in(time.Minute)}, "not yet": {"nbf": in(time.Minute)},
			"no jti": {"jti": nil}, "no sub": {"sub": nil}, "other iss": {"iss": "other"}, "other sub": {"sub": "other"}, "a client with a secret": {"iss": "secret", "sub": "secret"},
			"nobody": {"iss": "nobody", "sub": "nobody"}, "ours": {"iss": "rolegate", "sub": "rolegate"},
		} {
			refused(why, ask(k.Assertion("keyed", key, claims)))
		}
		refused("another client's key", ask(k.Assertion("keyed", otherKey, nil)))
		refused("another client_id", ask(k.Assertion("keyed", key, nil), "client_id", "other"))
		refused("symmetric, with the public key", ask(k.Assertion("keyed", jose.SigningKey{Algorithm: jose.HS256, Key: []byte(jwk)}, nil)))
		refused("other type", k.Form("/oauth2/token", "", "", "grant_type", "client_credentials", "client_assertion", k.Assertion("keyed", key, nil),
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"))
		head, payload, sig := split(k.Assertion("keyed", key, nil))
		refused("alg none", ask(b64(with(head, "alg", `"none"`))+"."+b64(payload)+"."))
		refused("alg EdDSA", ask(b64(with(head, "alg", `"EdDSA"`))+"."+b64(payload)+"."+sig))
		k.Want(ask(k.Assertion("keyed", key, nil), "client_id", "keyed", "client_secret", "x"), 400, "error", "invalid_request")

		// A clock that jumps ahead and back has forgotten nothing.
		k.Advance(time.Hour)
		k.Want(ask(k.Assertion("keyed", key, nil)), 200)
		k.Advance(-time.Hour)
		refused("used before the clock jumped", ask(used))

		// It is good at the other endpoints, too.
		a := k.Form("/oauth2/introspect", "", "", "token", "x", "client_assertion", k.Assertion("keyed", key, nil), "client_assertion_type", assertionType)
		k.Want(a, 200, "active", false)
		if _, err := app.SetClientDisabled.Run(context.Background(), k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "keyed"}, Disabled: true}); err != nil {
			t.Fatal(err)
		}
		refused("disabled", ask(k.Assertion("keyed", key, nil)))
	})
}

func noStore(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	answers := map[string]testkit.Answer{}
	invite := k.Invite("alice")
	answers["invite, refused"] = k.Post("/v1/invite/accept", "", map[string]any{"invite": "x", "password": testkit.Password})
	answers["invite"] = k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
	ticket := answers["invite"].Text("ticket")
	answers["enrol, refused"] = k.Post("/v1/login/enrol", "", map[string]any{"ticket": "x"})
	answers["enrol"] = k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	alice := &testkit.Person{ID: "alice", Secret: answers["enrol"].Text("secret")}
	answers["confirm"] = k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": k.Code(alice)})
	recovery := answers["confirm"].Body["recovery_codes"].([]any)[0]
	answers["login, refused"] = k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "wrong"})
	answers["login"] = k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password})
	answers["code, refused"] = k.Post("/v1/login/totp", "", map[string]any{"ticket": answers["login"].Text("ticket"), "code": "000000"})
	answers["code"] = k.Post("/v1/login/totp", "", map[string]any{"ticket": answers["login"].Text("ticket"), "code": k.NextCode(alice)})
	answers["refresh"] = k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": answers["code"].Text("refresh_token")})
	answers["refresh, refused"] = k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": "x"})
	answers["recovery"] = k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": recovery})
	answers["client"] = k.AskToken("crm", secret)
	answers["client, refused"] = k.AskToken("crm", "wrong")
	answers["client, bad scope"] = k.AskToken("crm", secret, "scope=x")
	answers["introspection"] = k.Introspect("crm", secret, answers["client"].Text("access_token"))
	answers["introspection, refused"] = k.Introspect("crm", "wrong", "x")
	answers["revocation"] = k.Revoke("crm", secret, answers["client"].Text("access_token"))
	answers["logout"] = k.Post("/v1/logout", answers["refresh"].Text("access_token"), nil)
	for name, a := range answers {
		if strings.HasSuffix(name, "refused") == (a.Status < 300) && name != "client, bad scope" {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, a.Header.Get("Cache-Control"))
		}
	}
}
