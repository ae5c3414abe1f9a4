package login_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func secretOf(id, secret string) login.ClientAuth {
	return login.ClientAuth{ClientID: id, ClientSecret: secret}
}

var holder = login.ClientAuth{ClientID: login.FirstPartyClient}

// Whoever is told of a token's worth, and what of: every other pair is inactive.
func TestIntrospectionIsOfOnesOwn(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for _, tenant := range []string{"acme", "off"} {
		if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: tenant}); err != nil {
			t.Fatal(err)
		}
	}
	secrets, tokens := map[string]string{}, map[string]string{"alice": alice.Access}
	for _, c := range []model.Client{
		{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}},
		{ID: "other", Tenant: model.DefaultTenant, Scopes: []string{"decide"}},
		{ID: "acme", Tenant: "acme", Scopes: []string{"decide"}},
		{ID: "platform", Tenants: []string{"*"}, Scopes: []string{"decide"}},
		{ID: "some", Tenants: []string{"acme", "off"}, Scopes: []string{"decide"}},
	} {
		secrets[c.ID] = k.AddClient(c)
		var form []string
		if c.Tenant == "" {
			form = append(form, "tenant=acme")
		}
		tokens[c.ID] = k.TokenFor(c.ID, secrets[c.ID], form...)
	}
	tokens["some, off"] = k.TokenFor("some", secrets["some"], "tenant=off")
	off := true
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "off", Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for client, secret := range secrets {
		for name, token := range tokens {
			in, err := k.App.Login.Introspect(ctx, secretOf(client, secret), token)
			if err != nil {
				t.Fatal(err)
			}
			if in.Active {
				got = append(got, client+": "+name)
			}
		}
	}
	slices.Sort(got)
	want := []string{"acme: acme", "crm: alice", "crm: crm", "other: alice", "other: other", "platform: alice", "platform: platform", "some: some"}
	if !slices.Equal(got, want) {
		t.Errorf("active are %q, want %q", got, want)
	}
}

// A session that can only enrol again is no login, whoever asks.
func TestIntrospectionOfARestrictedSession(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	alice := k.MustEnrol("alice")
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]})
	k.Want(a, 200, "status", "ok")
	if in, err := k.App.Login.Introspect(ctx, secretOf("crm", secret), a.Text("access_token")); err != nil || in.Active || in.Username != "" {
		t.Errorf("%+v, %v", in, err)
	}
}

// A session below what is required of its person by now is no login either: every
// decision with its token is no. It is one again when less is required.
func TestIntrospectionOfASessionThatIsNotEnough(t *testing.T) {
	k := testkit.New(t)
	bob := k.MustEnrol("bob", "sales-rep")
	byRole(t, k)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("ann", "sales-rep"), "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	active := func(want bool, access string) {
		t.Helper()
		in, err := k.App.Login.Introspect(ctx, secretOf("crm", secret), access)
		if err != nil || in.Active != want || !want && (in.Username != "" || in.Claims.Subject != "") {
			t.Errorf("active %v, want %v: %+v, %v", in.Active, want, in, err)
		}
	}
	for _, due := range []bool{false, true, false} {
		if _, err := app.PutRole.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", RequireMFA: due, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		active(!due, a.Text("access_token"))
		active(true, bob.Access)
	}
}

// A scope that was taken away since does not show, and a client that lost the
// scope to ask is refused.
func TestIntrospectionShowsWhatIsLeft(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "audit"}})
	token := k.TokenFor("crm", secret)
	for scopes, want := range map[string]string{`["decide","audit"]`: "audit decide", `["decide","explain"]`: "decide"} {
		k.Exec(fmt.Sprintf(`UPDATE clients SET scopes = '%s'`, scopes))
		in, err := k.App.Login.Introspect(ctx, secretOf("crm", secret), token)
		if err != nil || !in.Active || strings.Join(slices.Sorted(slices.Values(strings.Fields(in.Claims.Scope))), " ") != want {
			t.Errorf("%s: %+v, %v", scopes, in, err)
		}
	}
	k.Exec(`UPDATE clients SET scopes = '["audit"]'`)
	if _, err := k.App.Login.Introspect(ctx, secretOf("crm", secret), token); model.CodeOf(err) != model.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}

// A revoked token is refused by the next request though it is remembered, also
// where a question in flight was let in before.
func TestRevokedTokenIsFeltAtOnce(t *testing.T) {
	k := remembering(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	token, other := k.TokenFor("crm", secret), k.TokenFor("crm", secret)
	s := k.App.Login
	caller, err := s.AuthenticateClient(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := s.Revoke(ctx, secretOf("crm", secret), token)
	if err != nil || revision == 0 || revision != s.Revisions.Known(model.DefaultTenant) {
		t.Fatalf("revision %d, %v", revision, err)
	}
	if _, err := s.AuthenticateClient(ctx, token); model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("the token: %v", err)
	}
	if _, err := s.Recheck(ctx, caller); model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("the caller that came with it: %v", err)
	}
	if _, err := s.AuthenticateClient(ctx, other); err != nil {
		t.Errorf("the client's other token: %v", err)
	}
	// It stays so after a restart, which remembers nothing.
	k.Stop()
	again := testkit.Start(t, k.Config.Data)
	if _, err := again.App.Login.AuthenticateClient(ctx, token); model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("after a restart: %v", err)
	}
	if _, err := again.App.Login.AuthenticateClient(ctx, other); err != nil {
		t.Errorf("the other after a restart: %v", err)
	}
}

// What has ended is not ended again: whoever keeps an old token cannot make all
// replicas forget what they remember of the tenant, over and over.
func TestRevokingAgainTakesNoRevision(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		s := k.App.Login
		for what, c := range map[string]struct {
			auth login.ClientAuth
			raw  string
		}{"a client's": {secretOf("crm", secret), k.TokenFor("crm", secret)}, "a person's": {holder, alice.Refresh}, "her access token": {holder, k.MustEnrol("bob").Access}} {
			if revision, err := s.Revoke(ctx, c.auth, c.raw); err != nil || revision == 0 {
				t.Fatalf("%s: revision %d, %v", what, revision, err)
			}
			before := s.Revisions.Known(model.DefaultTenant)
			if revision, err := s.Revoke(ctx, c.auth, c.raw); err != nil || revision != 0 {
				t.Errorf("%s again: revision %d, %v", what, revision, err)
			}
			if now := s.Revisions.Known(model.DefaultTenant); now != before {
				t.Errorf("%s again: the tenant went from revision %d to %d", what, before, now)
			}
		}
	})
}

// One entry for each revocation and introspection, which says what came of it.
func TestTokenQuestionsAreRecorded(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	weak := k.AddClient(model.Client{ID: "weak", Tenant: model.DefaultTenant, Scopes: []string{"audit"}})
	token := k.TokenFor("crm", secret)
	s := k.App.Login
	introspect := func(a login.ClientAuth, raw string) func() error {
		return func() error { _, err := s.Introspect(ctx, a, raw); return err }
	}
	revoke := func(a login.ClientAuth, raw string) func() error {
		return func() error { _, err := s.Revoke(ctx, a, raw); return err }
	}
	for _, c := range []struct {
		name string
		do   func() error
		want audit.Leaf
	}{
		{"person's token", introspect(secretOf("crm", secret), alice.Access), audit.Leaf{Activity: audit.TokenIntrospected, Outcome: audit.OutcomeOK, Actor: "client", Service: "crm"}},
		{"own token", introspect(secretOf("crm", secret), token), audit.Leaf{Activity: audit.TokenIntrospected, Outcome: audit.OutcomeOK, Actor: "client", Service: "crm"}},
		{"refresh token", introspect(secretOf("crm", secret), alice.Refresh), audit.Leaf{Activity: audit.TokenIntrospected, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "client", Service: "crm"}},
		{"wrong secret", introspect(secretOf("crm", "x"), token), audit.Leaf{Activity: audit.ClientFailed, Outcome: audit.OutcomeDeny, Code: model.CodeInvalidClient, Actor: "anonymous"}},
		{"without the scope", introspect(secretOf("weak", weak), token), audit.Leaf{Activity: audit.ClientFailed, Outcome: audit.OutcomeDeny, Code: model.CodeForbidden, Actor: "anonymous"}},
		{"revoke another's", revoke(secretOf("weak", weak), token), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "client", Service: "weak"}},
		{"revoke a person's as a client", revoke(secretOf("crm", secret), alice.Refresh), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "client", Service: "crm"}},
		{"revoke a client's as holder", revoke(holder, token), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "anonymous"}},
		{"revoke unknown", revoke(holder, "unknown"), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "anonymous"}},
		{"revoke own", revoke(secretOf("crm", secret), token), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeOK, Actor: "client", Service: "crm"}},
		{"again", revoke(secretOf("crm", secret), token), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "client", Service: "crm"}},
		{"revoke a person's", revoke(holder, alice.Refresh), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeOK, Actor: "user"}},
		{"its access token, then", revoke(holder, alice.Access), audit.Leaf{Activity: audit.TokenRevoked, Outcome: audit.OutcomeDeny, Code: model.CodeTokenInvalid, Actor: "user"}},
	} {
		var err error
		leaves := k.Recorded(func() { err = c.do() })
		switch model.CodeOf(err) {
		case "", model.CodeInvalidClient, model.CodeForbidden:
		default:
			t.Errorf("%s: %v", c.name, err)
		}
		if len(leaves) != 1 {
			t.Errorf("%s: %d entries", c.name, len(leaves))
			continue
		}
		l := leaves[0]
		got := audit.Leaf{Activity: l.Activity, Outcome: l.Outcome, Code: l.Code, Actor: l.Actor, Service: l.Service}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// An assertion counts once, of however many who send it at once, on each database.
func TestAssertionRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		key := keyedClient(t, k, "crm")
		raw := k.Assertion("crm", key, nil)
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch _, err := k.App.Login.ClientToken(ctx, login.ClientCredentials{ClientAuth: login.ClientAuth{Assertion: raw}}); model.CodeOf(err) {
				case "":
					won.Add(1)
				case model.CodeInvalidClient:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
}

// What was spent is forgotten once it would be refused anyway, not before.
func TestSpentIsSwept(t *testing.T) {
	k := testkit.New(t)
	key := keyedClient(t, k, "crm")
	s := k.App.Login
	use := func(raw string) model.Code {
		_, err := s.ClientToken(ctx, login.ClientCredentials{ClientAuth: login.ClientAuth{Assertion: raw}})
		return model.CodeOf(err)
	}
	raw := k.Assertion("crm", key, nil)
	if code := use(raw); code != "" {
		t.Fatal(code)
	}
	for range 8 { // to the end of the assertion's life and the leeway, and past it
		k.Advance(10 * time.Second)
		if code := use(raw); code != model.CodeInvalidClient {
			t.Errorf("used again: %q", code)
		}
	}
	for range 3 {
		k.Advance(40 * time.Minute)
		if code := use(k.Assertion("crm", key, nil)); code != "" {
			t.Fatal(code)
		}
	}
	if got := k.Count("SELECT COUNT(*) FROM spent"); got > 2 {
		t.Errorf("%d are remembered", got)
	}
}

// A client that gets a key has no secret any more, and the other way round.
func TestClientHasOneOfBoth(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	s := k.App.Login
	old, oldJWK := newClientKey(t)
	rotate := func(jwk string) string {
		cr, err := app.RotateClient.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm", PublicKey: jwk}})
		if err != nil {
			t.Fatal(err)
		}
		return cr.ClientSecret
	}
	ask := func(a login.ClientAuth) model.Code {
		_, err := s.ClientToken(ctx, login.ClientCredentials{ClientAuth: a})
		return model.CodeOf(err)
	}
	assert := func(key jose.SigningKey) login.ClientAuth {
		return login.ClientAuth{Assertion: k.Assertion("crm", key, nil)}
	}
	if ask(secretOf("crm", secret)) != "" || ask(assert(old)) != model.CodeInvalidClient {
		t.Error("with a secret")
	}
	if got := rotate(oldJWK); got != "" {
		t.Errorf("a client with a key got the secret %q", got)
	}
	if ask(secretOf("crm", secret)) != model.CodeInvalidClient || ask(secretOf("crm", "")) != model.CodeInvalidClient || ask(assert(old)) != "" {
		t.Error("with a key")
	}
	if _, err := s.AuthenticateClientSecret(ctx, "crm", ""); model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("a proxy without a secret: %v", err)
	}
	key, jwk := newClientKey(t)
	rotate(jwk)
	if ask(assert(old)) != model.CodeInvalidClient || ask(assert(key)) != "" {
		t.Error("with another key")
	}
	secret = rotate("")
	if ask(secretOf("crm", secret)) != "" || ask(assert(key)) != model.CodeInvalidClient {
		t.Error("with a secret again")
	}
}

func newClientKey(t *testing.T) (jose.SigningKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: key.Public()}
	b, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{Algorithm: jose.ES256, Key: key}, string(b)
}

func keyedClient(t *testing.T, k *testkit.Kit, id string) jose.SigningKey {
	t.Helper()
	key, jwk := newClientKey(t)
	k.AddClient(model.Client{ID: id, Tenant: model.DefaultTenant, Scopes: []string{"decide"}, PublicKey: jwk})
	return key
}

// Whatever is wrong with a client's secret, the work is the same.
func TestClientFailuresCostTheSame(t *testing.T) {
	k := remembering(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	off := k.AddClient(model.Client{ID: "off", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	if _, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "off"}, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	for why, a := range map[string]login.ClientAuth{"wrong": secretOf("crm", "x"), "other case": secretOf("crm", strings.ToUpper(secret)),
		"disabled": secretOf("off", off), "disabled and wrong": secretOf("off", secret), "unknown": secretOf("nobody", secret), "no name": secretOf("", secret)} {
		var leaves []audit.Leaf
		cost := k.looked(func() {
			leaves = k.Recorded(func() {
				if _, err := k.App.Login.ClientToken(ctx, login.ClientCredentials{ClientAuth: a}); model.CodeOf(err) != model.CodeInvalidClient {
					t.Errorf("%s: %v", why, err)
				}
			})
		})
		if cost != "0 signatures, 1 rows" || len(leaves) != 1 || len(leaves[0].Segments) != 1 {
			t.Errorf("%s costs %s and %d entries", why, cost, len(leaves))
		}
	}
}
