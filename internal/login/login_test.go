package login_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

var ctx = context.Background()

func TestInvitation(t *testing.T) {
	k := testkit.New(t)
	invite := k.Invite("alice", "sales-rep")

	if a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": ""}); a.Status != 400 {
		t.Errorf("no password: %d %s", a.Status, a.Code())
	}
	for _, short := range []string{"short", "1234567"} {
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": short})
		if a.Status != 422 || a.Code() != "password_rejected" {
			t.Errorf("password %q: %d %s", short, a.Status, a.Code())
		}
	}
	if a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "Alice"}); a.Status == 200 {
		t.Error("the user name is accepted as password")
	}
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "vexplumq"})
	k.Want(a, 200, "status", "enrolment_required", "access_token", nil, "refresh_token", nil)

	if a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "another password"}); a.Code() != "invite_invalid" {
		t.Errorf("second use: %d %s", a.Status, a.Code())
	}
	if a := k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "another password"}); a.Status != 401 {
		t.Errorf("the second password works: %d", a.Status)
	}
}

func TestInvitationExpires(t *testing.T) {
	k := testkit.New(t)
	invite := k.Invite("alice")
	k.Advance(73 * time.Hour)
	if a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}); a.Code() != "invite_invalid" {
		t.Errorf("expired: %d %s", a.Status, a.Code())
	}
	inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": testkit.Password}), 200)
}

func TestInvitationRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		invite := k.Invite("alice")
		wins := parallel(t, k, 10, func(int) (string, map[string]any) {
			return "/v1/invite/accept", map[string]any{"invite": invite, "password": testkit.Password}
		})
		if wins != 1 {
			t.Errorf("%d of 10 accepted one invitation", wins)
		}
	})
}

// parallel posts n requests at once and counts the 200s.
func parallel(t *testing.T, k *testkit.Kit, n int, request func(i int) (string, map[string]any)) int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	wins := 0
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			path, body := request(i)
			<-start
			a, err := testkit.Do(k.Request(path, "", body))
			if err != nil {
				t.Error(err)
				return
			}
			if a.Status >= 500 && a.Code() != "busy" {
				t.Errorf("%s: %d %s", path, a.Status, a.Raw)
			}
			if a.Status == 200 {
				mu.Lock()
				wins++
				mu.Unlock()
			}
		})
	}
	close(start)
	wg.Wait()
	return wins
}

// One valid code, fifty requests at once, each with a ticket of its own or all
// with one: exactly one success.
func TestOneCodeOneLogin(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		ticket := k.Ticket("alice")
		code := k.NextCode(alice)
		wins := parallel(t, k, 50, func(int) (string, map[string]any) {
			return "/v1/login/totp", map[string]any{"ticket": ticket, "code": code}
		})
		if wins != 1 {
			t.Errorf("%d of 50 logged in with one code", wins)
		}
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": code}), 401, "code", "code_invalid")
	})
}

func TestConfirmRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
		ticket := a.Text("ticket")
		a = k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
		code := k.Code(&testkit.Person{Secret: a.Text("secret")})
		wins := parallel(t, k, 4, func(int) (string, map[string]any) {
			return "/v1/login/enrol/confirm", map[string]any{"ticket": ticket, "code": code}
		})
		if wins != 1 {
			t.Errorf("%d of 4 confirmed one enrolment", wins)
		}
	})
}

func TestCodes(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for _, bad := range []any{"", "12345", "1234567", " 123456", "123456\n", "１２３４５６", "١٢٣٤٥٦", "+12345", "12345a"} {
		a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": bad})
		if a.Status != 401 && a.Status != 400 {
			t.Errorf("code %q: %d", bad, a.Status)
		}
	}
	for _, bad := range []any{nil, 123456, true, []string{"123456"}} {
		a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": bad})
		if a.Status != 400 {
			t.Errorf("code %v: %d", bad, a.Status)
		}
	}

	// A used code with anything around it is not a new one.
	used := k.NextCode(alice)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": used}), 200)
	for _, spelt := range []string{used, " " + used, used + " ", used + "\t"} {
		if a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": spelt}); a.Status == 200 {
			t.Errorf("the used code works again as %q", spelt)
		}
	}

	// After a step was used, an earlier one that would still be in the window is not.
	earlier := k.NextCode(alice)
	later := k.NextCode(alice)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": later}), 200)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": earlier}), 401)
}

// oathtool is a TOTP generator that shares no code with ours.
func TestOathtoolLogsIn(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.Advance(time.Minute)
	now := k.Now().UTC().Format("2006-01-02 15:04:05 UTC")
	out, err := exec.Command("oathtool", "--totp", "--base32", "--now", now, alice.Secret).Output()
	if err != nil {
		t.Fatalf("oathtool (Debian package oathtool): %v", err)
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": strings.TrimSpace(string(out))}), 200, "status", "ok")
}

func TestTicketLimits(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	bob := k.MustEnrol("bob")

	ticket := k.Ticket("alice")
	for range 5 {
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": "000000"}), 401)
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")

	ticket = k.Ticket("alice")
	k.Advance(5 * time.Minute)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")

	older := k.Ticket("alice")
	newer := k.Ticket("alice")
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": older, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": newer, "code": k.NextCode(bob)}), 401, "code", "code_invalid")
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": newer, "code": k.NextCode(alice)}), 200)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": newer, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")

	client := k.ClientToken("crm")
	for _, path := range []string{"/v1/logout", "/access/v1/evaluation"} {
		if a := k.Post(path, k.Ticket("alice"), map[string]any{}); a.Status != 401 {
			t.Errorf("a ticket as bearer token on %s: %d", path, a.Status)
		}
	}
	if a := k.Post("/v1/logout", client, nil); a.Status != 401 {
		t.Errorf("a client token logs out: %d", a.Status)
	}
	if a := k.Post("/access/v1/evaluation", alice.Access, map[string]any{}); a.Status != 401 && a.Status != 403 {
		t.Errorf("a person's token asks for decisions: %d", a.Status)
	}
}

// Wrong password, unknown user, disabled user, no password yet: one answer.
func TestLoginFailuresLookAlike(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	k.MustEnrol("dora")
	k.Invite("eve")
	if _, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "dora", Disabled: true}); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, body := range []map[string]any{
		{"username": "alice", "password": "wrong password"},
		{"username": "nobody", "password": testkit.Password},
		{"username": "dora", "password": testkit.Password},
		{"username": "eve", "password": testkit.Password},
		{"username": "no such name at all\t", "password": testkit.Password},
		{"username": "alice", "password": testkit.Password, "tenant": "nowhere"},
	} {
		a := k.Post("/v1/login", "", body)
		a.Header.Del("Date")
		a.Header.Del("X-Request-Id")
		trace := a.Text("trace_id")
		same := strings.ReplaceAll(fmt.Sprint(a.Status, a.Header, string(a.Raw)), trace, "TRACE")
		if first == "" {
			first = same
		}
		if same != first || a.Status != 401 {
			t.Errorf("%v:\n%s\nwant\n%s", body, same, first)
		}
	}
	if a := k.Post("/v1/login", "", map[string]any{"username": "ＡＬＩＣＥ", "password": testkit.Password}); a.Text("status") != "mfa_required" {
		t.Errorf("another spelling of the same name is another account: %s", a.Raw)
	}
}

func TestMFAByRole(t *testing.T) {
	k := testkit.New(t)
	byRole := model.MFAByRole
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &byRole, Reason: "a test of it"}); err != nil {
		t.Fatal(err)
	}
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice", "sales-rep"), "password": "only nine"})
	if a.Code() != "password_rejected" {
		t.Errorf("a short password without a second factor: %d %s", a.Status, a.Raw)
	}
	a = k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("anna", "sales-rep"), "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	if acr := testkit.Claims(t, a.Text("access_token"))["acr"]; acr != "1" {
		t.Errorf("acr %v, want 1", acr)
	}
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}), 200)

	// The role is marked: felt at the next refresh and login.
	a = k.Post("/v1/login", "", map[string]any{"username": "anna", "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	if _, err := app.PutRole.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", RequireMFA: true}); err != nil {
		t.Fatal(err)
	}
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}), 401)
	k.Want(k.Post("/v1/login", "", map[string]any{"username": "anna", "password": testkit.Password}), 200, "status", "enrolment_required")

	// The offices always need one.
	a = k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("sam", model.SystemAdmin), "password": testkit.Password})
	k.Want(a, 200, "status", "enrolment_required")
}

func TestRecovery(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		bob := k.MustEnrol("bob", "sales-rep")
		client := k.ClientToken("crm")
		code := alice.RecoveryCodes[0]

		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": code}), 401, "code", "code_invalid")
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": "0000-0000-0000-0000-0000"}), 401)

		spelt := strings.ToLower(strings.ReplaceAll(code, "-", ""))
		a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": spelt})
		k.Want(a, 200, "status", "ok")
		if claims := testkit.Claims(t, a.Text("access_token")); claims["acr"] != "1" {
			t.Errorf("acr after a recovery code: %v", claims["acr"])
		}
		d := k.Evaluate(client, "alice", "read", "contact", map[string]any{"owner": "alice"}, "access_token", a.Text("access_token"))
		k.Want(d, 200, "decision", false)
		if d.Code() != "session_invalid" {
			t.Errorf("a re-enrol-only session decides: %s", d.Raw)
		}
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": code}), 401, "code", "code_invalid")

		// Enrolling again replaces the lost device, its codes and sessions.
		b := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[1]})
		k.Want(b, 200)
		k.Advance(30 * time.Second)
		again := k.FinishEnrolment("alice", b.Text("ticket"))
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.NextCode(alice)}), 401)
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[2]}), 401)
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
		k.Login(again)
		_ = bob
	})
}

func TestRecoveryRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		ticket := k.Ticket("alice")
		wins := parallel(t, k, 5, func(int) (string, map[string]any) {
			return "/v1/login/recovery", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]}
		})
		if wins != 1 {
			t.Errorf("%d of 5 used one recovery code", wins)
		}
	})
}

func TestRefresh(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		before := testkit.Claims(t, alice.Access)
		k.Advance(9 * time.Minute)
		a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
		k.Want(a, 200, "status", "ok")
		after := testkit.Claims(t, a.Text("access_token"))
		for _, c := range []string{"acr", "auth_time", "sid", "sub"} {
			if before[c] != after[c] {
				t.Errorf("refresh moved %s from %v to %v", c, before[c], after[c])
			}
		}
		// The old one again, late: one of its two holders is not alice.
		k.Advance(login.RefreshGrace + time.Second)
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401, "code", "token_invalid")
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}), 401)
		if a := k.Post("/v1/logout", a.Text("access_token"), nil); a.Status != 401 {
			t.Errorf("the family's access token lives: %d", a.Status)
		}

		k.Login(alice)
		k.Advance(61 * time.Minute)
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)

		k.Login(alice)
		for range 30 {
			k.Advance(50 * time.Minute)
			a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
			if a.Status != 200 {
				break
			}
			alice.Refresh = a.Text("refresh_token")
		}
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
	})
}

func TestLogout(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice", "sales-rep")
	k.Want(k.Post("/v1/logout", alice.Access, nil), 204)
	k.Want(k.Post("/v1/logout", alice.Access, nil), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Access}), 401)
}

// Of a session that has ended since it was looked at there is no logout, and none is recorded.
func TestLogoutOfWhatIsOver(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		session, err := k.App.Login.AuthenticateUser(t.Context(), alice.Access)
		if err != nil {
			t.Fatal(err)
		}
		k.Want(k.Post("/v1/logout", alice.Access, nil), 204)
		before, err := k.App.Store.TenantHead(t.Context(), model.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		entries := k.Noted("alice", func() {
			if _, err := k.App.Login.Logout(t.Context(), session.Caller); model.CodeOf(err) != model.CodeUnauthorized {
				t.Errorf("logged out again: %v", err)
			}
		})
		after, err := k.App.Store.TenantHead(t.Context(), model.DefaultTenant)
		if err != nil || after.Revision != before.Revision || len(entries) > 0 {
			t.Errorf("%d entries, revision %d after %d, %v", len(entries), after.Revision, before.Revision, err)
		}
	})
}

func TestDisabledUser(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	ticket := k.Ticket("alice")
	own := map[string]any{"owner": "alice"}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
	if _, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: true}); err != nil {
		t.Fatal(err)
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", false)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
	k.Want(k.Post("/v1/logout", alice.Access, nil), 401)
	k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), 401)
}

// A standard OIDC library verifies our tokens from the JWKS alone.
func TestStandardLibraryVerifies(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			k := testkit.New(t, "ROLEGATE_SIGNING_ALGORITHM="+alg)
			alice := k.MustEnrol("alice")
			verifier := oidc.NewVerifier(k.App.Config.Issuer, oidc.NewRemoteKeySet(ctx, k.URL+"/.well-known/jwks.json"),
				&oidc.Config{ClientID: k.App.Config.Audience, SupportedSigningAlgs: []string{alg}, Now: k.Now})
			for _, raw := range []string{alice.Access, k.ClientToken("crm")} {
				token, err := verifier.Verify(ctx, raw)
				if err != nil {
					t.Fatal(err)
				}
				if token.Subject != "alice" && token.Subject != "crm" {
					t.Errorf("sub %q", token.Subject)
				}
			}
			claims := testkit.Claims(t, alice.Access)
			for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "auth_time", "acr", "amr", "tenant"} {
				if claims[name] == nil {
					t.Errorf("claim %s is missing", name)
				}
			}
			if got := claims["exp"].(float64) - claims["iat"].(float64); got != 600 {
				t.Errorf("lives %v s, want 600", got)
			}
		})
	}
}

func TestClientCredentials(t *testing.T) {
	k := testkit.New(t)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain"}})
	a := k.AskToken("crm", secret, "scope=decide")
	k.Want(a, 200, "scope", "decide", "token_type", "Bearer", "refresh_token", nil)
	k.Want(k.AskToken("crm", secret), 200, "scope", "decide explain")
	k.Want(k.AskToken("crm", secret, "scope=decide audit"), 400, "error", "invalid_scope")
	k.Want(k.AskToken("crm", strings.ToUpper(secret)), 401, "error", "invalid_client")
	k.Want(k.AskToken("nobody", secret), 401, "error", "invalid_client")
	k.Want(k.AskToken("crm", ""), 401, "error", "invalid_client")

	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	platform := k.AddClient(model.Client{ID: "platform", Tenants: []string{"acme"}, Scopes: []string{"decide"}})
	k.Want(k.AskToken("platform", platform), 400)
	k.Want(k.AskToken("platform", platform, "tenant=default"), 400)
	if got := testkit.Claims(t, k.TokenFor("platform", platform, "tenant=acme"))["tenant"]; got != "acme" {
		t.Errorf("tenant %v", got)
	}

	token := k.TokenFor("crm", secret)
	if _, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	k.Want(k.Post("/access/v1/evaluation", token, map[string]any{}), 401)
	k.Want(k.AskToken("crm", secret), 401, "error", "invalid_client")
}

// A device whose stored secret was altered denies and is recorded; two devices'
// secrets cannot be swapped.
func TestAlteredSecretDenies(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	bob := k.MustEnrol("bob")
	var sealed [2][]byte
	for i, id := range []string{"alice", "bob"} {
		d, err := k.App.Store.Devices(ctx, model.DefaultTenant, id)
		if err != nil || len(d) != 1 {
			t.Fatalf("%v %v", d, err)
		}
		sealed[i] = d[0].Secret
	}
	if sha256.Sum256(sealed[0]) == sha256.Sum256(sealed[1]) {
		t.Fatal("two secrets are sealed alike")
	}
	k.Exec("UPDATE totp_devices SET secret = (SELECT secret FROM totp_devices WHERE user_id = 'bob') WHERE user_id = 'alice'")
	for _, p := range []*testkit.Person{alice, bob} {
		if a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.NextCode(p)}); a.Status == 200 {
			t.Errorf("%s's code opens alice's account with a swapped secret", p.ID)
		}
	}
}

// At no step is a token handed out for less than what is required now.
func TestNoTokenBelowRequirement(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for path, body := range map[string]map[string]any{
		"/v1/login":               {"username": "alice", "password": testkit.Password},
		"/v1/login/totp":          {"ticket": k.Ticket("alice"), "code": "000000"},
		"/v1/login/enrol":         {"ticket": k.Ticket("alice")},
		"/v1/login/enrol/confirm": {"ticket": k.Ticket("alice"), "code": k.NextCode(alice)},
		"/v1/login/recovery":      {"ticket": k.Ticket("alice"), "code": "000000"},
		"/v1/invite/accept":       {"invite": k.Invite("bob"), "password": testkit.Password},
		"/v1/token/refresh":       {"refresh_token": alice.Access},
	} {
		a := k.Post(path, "", body)
		if a.Body["access_token"] != nil || a.Body["refresh_token"] != nil || a.Body["secret"] != nil {
			t.Errorf("%s: %s", path, a.Raw)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, a.Header.Get("Cache-Control"))
		}
		for _, c := range a.Header.Values("Set-Cookie") {
			t.Errorf("%s sets a cookie: %s", path, c)
		}
	}
}

// Under load beyond the hash workers everybody is answered, by a result or busy.
func TestLoginFlood(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	client := k.ClientToken("crm")
	var wg sync.WaitGroup
	for i := range 60 { // of many names, since one has a limit of its own
		wg.Go(func() {
			a, err := testkit.Do(k.Request("/v1/login", "", map[string]any{"username": fmt.Sprint("alice", i), "password": "wrong password"}))
			if err != nil {
				t.Error(err)
				return
			}
			if a.Status != http.StatusUnauthorized && a.Status != http.StatusServiceUnavailable {
				t.Errorf("status %d", a.Status)
			}
			if a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
				t.Error("busy without Retry-After")
			}
		})
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", map[string]any{"owner": "alice"}), 200)
	wg.Wait()
}
