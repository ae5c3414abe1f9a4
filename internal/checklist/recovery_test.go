package checklist

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(48, "a recovery code works once, also where the page that made it is sent again", recoveryOnce)
	holds(49, "of twenty uses of one recovery code at once, one succeeds", recoveryRace)
	holds(50, "another person's recovery code is refused, and stays unused", foreignRecovery)
	holds(51, "new recovery codes void the old ones for good, and want a code of the last five minutes", renewedRecovery)
	holds(52, "there are recovery codes only beside a confirmed device; removing the last device voids them", recoveryNeedsDevice)
	holds(53, "the list tells how many codes are left, and never the codes", recoveryCount)
	holds(55, "the database has recovery codes as argon2id hashes only", recoveryAtRest)
	holds(56, "a recovery code opens a session of the lower level that can enrol again and nothing else, for an hour, whoever enters the password meanwhile", recoverySession)
	holds(57, "using a code leaves an entry with how many are left (mail about it comes later)", recoveryNoted)
	holds(58, "a recovery code is read in either case, without hyphens or with blanks in their place, has no letters people confuse, and nothing else is read for it", recoverySpelling)
}

func recover(k *testkit.Kit, p *testkit.Person, code string) testkit.Answer {
	return k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket(p.ID), "code": code})
}

func recoveryOnce(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.Want(recover(k, alice, alice.RecoveryCodes[3]), 200, "status", "ok")
	k.Want(recover(k, alice, alice.RecoveryCodes[3]), 401, "code", "code_invalid")
	k.Want(recover(k, alice, alice.RecoveryCodes[4]), 200)
	t.Run("form", usedCodeOfAForm)
	t.Run("first device", usedCodeOfAFirstDevice)
}

// between is a store in which something happens between the look at a recovery code and
// the transaction that burns it, as when another replica takes it.
type between struct {
	store.Store
	happens *atomic.Pointer[func()]
}

func (b between) RecoveryCode(ctx context.Context, tenant, user, selector string) (store.RecoveryCode, error) {
	row, err := b.Store.RecoveryCode(ctx, tenant, user, selector)
	if f := b.happens.Swap(nil); f != nil {
		(*f)()
	}
	return row, err
}

// One ticket takes five attempts, so some requests are refused for that; how the
// code is burnt is settled among those that are not. The last one comes with a
// ticket of its own.
func recoveryRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		ticket := k.Ticket("alice")
		var requests []*http.Request
		for range 20 {
			requests = append(requests, k.Request("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]}))
		}
		if got := testkit.Statuses(k.Together(requests...)); got[200] != 1 {
			t.Errorf("answers by status: %v, want one 200", got)
		}
		k.Want(recover(k, alice, alice.RecoveryCodes[0]), 401)
	})

	// Nor is it the ticket alone that makes it one: the code is used up by itself.
	var happens atomic.Pointer[func()]
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { a.Login.Store = between{a.Login.Store, &happens} })
	alice := k.MustEnrol("alice")
	elsewhere := func() {
		k.Exec("UPDATE recovery_codes SET used_at = 1 WHERE selector = '" + alice.RecoveryCodes[0][:4] + "'")
	}
	ticket := k.Ticket("alice")
	happens.Store(&elsewhere)
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]}), 401, "code", "code_invalid", "access_token", nil)
	if happens.Load() != nil {
		t.Error("nothing came between")
	}
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[1]}), 200)
}

func foreignRecovery(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
		k.Want(recover(k, alice, bob.RecoveryCodes[0]), 401, "code", "code_invalid")
		k.Want(k.Call("GET", "/v1/me/recovery-codes", bob.Access, nil), 200, "left", 10.0)
		k.Want(recover(k, bob, bob.RecoveryCodes[0]), 200)
	})
}

// renew makes new codes for the person, who uses them from now on.
func renew(k *testkit.Kit, p *testkit.Person) {
	k.T.Helper()
	a := k.Post("/v1/me/recovery-codes", p.Access, nil)
	k.Want(a, 200)
	p.RecoveryCodes = nil
	for _, c := range a.Body["recovery_codes"].([]any) {
		p.RecoveryCodes = append(p.RecoveryCodes, c.(string))
	}
}

func renewedRecovery(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		old := alice.RecoveryCodes
		k.WantNoted("alice", audit.RecoveryRenewed, audit.OutcomeOK, func() { renew(k, alice) })
		if len(alice.RecoveryCodes) != 10 {
			t.Errorf("%d new codes", len(alice.RecoveryCodes))
		}
		k.Advance(5*time.Minute + time.Second)
		k.Want(k.Post("/v1/me/recovery-codes", alice.Access, nil), 401, "code", "insufficient_user_authentication", "recovery_codes", nil)
		k.Want(k.Call("GET", "/v1/me/recovery-codes", alice.Access, nil), 200, "left", 10.0)
		for _, code := range old[:4] {
			k.Want(recover(k, alice, code), 401, "code", "code_invalid")
		}
		k.Want(recover(k, alice, alice.RecoveryCodes[9]), 200)
	})
	t.Run("two forms", twoForms)
}

func recoveryNeedsDevice(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.Relaxed()
		paul := k.PasswordOnly("paul", "sales-rep")
		elsewhere := k.Post("/v1/login", "", map[string]any{"username": "paul", "password": testkit.Password})
		k.Want(k.Post("/v1/me/recovery-codes", paul.Access, nil), 409, "code", "device_required")
		add := func() (codes []any) {
			t.Helper()
			a := k.Post("/v1/me/devices", paul.Access, map[string]any{"name": "Phone"})
			id, secret := a.Text("device_id"), a.Text("secret")
			k.Want(k.Post("/v1/me/devices/"+id+"/confirm", paul.Access, map[string]any{"code": "000000"}), 401, "code", "code_invalid", "recovery_codes", nil)
			a = k.Post("/v1/me/devices/"+id+"/confirm", paul.Access, map[string]any{"code": k.CodeAt(secret, 0)})
			k.Want(a, 200, "token_type", "Bearer")
			codes, _ = a.Body["recovery_codes"].([]any)
			if len(codes) != 10 {
				t.Fatalf("a first device comes with %d codes", len(codes))
			}
			old := paul.Access
			paul.Access, paul.Refresh, paul.Secret = a.Text("access_token"), a.Text("refresh_token"), secret
			if acr := testkit.Claims(t, paul.Access)["acr"]; acr != "2" {
				t.Errorf("acr %v after a first device", acr)
			}
			k.Want(k.Call("GET", "/v1/me/devices", old, nil), 401, "code", "unauthorized")
			return codes
		}
		first := add()
		// What the password alone had opened goes on nowhere.
		k.Want(k.Call("GET", "/v1/me/devices", elsewhere.Text("access_token"), nil), 401, "code", "unauthorized")
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": elsewhere.Text("refresh_token")}), 401)
		k.Want(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(paul)[0], paul.Access, nil), 204)
		k.Want(k.Call("GET", "/v1/me/recovery-codes", paul.Access, nil), 200, "left", 0.0)
		second := add()
		k.Want(recover(k, paul, first[0].(string)), 401, "code", "code_invalid")
		k.Want(recover(k, paul, second[0].(string)), 200)
	})
}

func recoveryCount(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	session := alice.Access
	k.Want(recover(k, alice, alice.RecoveryCodes[0]), 200)
	a := k.Call("GET", "/v1/me/recovery-codes", session, nil)
	k.Want(a, 200, "left", 9.0)
	if len(a.Body) != 1 {
		t.Errorf("the answer has more than the count: %s", a.Raw)
	}
	for _, code := range alice.RecoveryCodes {
		if strings.Contains(string(a.Raw), code[:4]) {
			t.Errorf("the answer has %s of a code", code[:4])
		}
	}
}

func recoveryAtRest(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), testkit.RealHashes)
	alice := k.MustEnrol("alice")
	renew(k, alice)
	for _, code := range alice.RecoveryCodes {
		row, err := k.App.Store.RecoveryCode(t.Context(), model.DefaultTenant, "alice", code[:4])
		if err != nil || !strings.HasPrefix(string(row.Hash), "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("stored as %.40s (%v)", row.Hash, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(k.Config.Data, "*.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("database files %v (%v)", files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range alice.RecoveryCodes {
			plain := strings.ReplaceAll(code, "-", "")
			for _, secret := range []string{code, plain, plain[4:], strings.ToLower(plain)} {
				if strings.Contains(string(b), secret) {
					t.Errorf("%s has a recovery code", filepath.Base(name))
				}
			}
		}
	}
}

func recoverySession(t *testing.T) {
	k := testkit.New(t)
	sam := k.MustEnrol("sam", model.SecurityAdmin)
	client := k.ClientToken("crm")
	device := k.DeviceIDs(sam)[0]
	a := recover(k, sam, sam.RecoveryCodes[0])
	k.Want(a, 200, "status", "ok")
	token, ticket := a.Text("access_token"), a.Text("ticket")
	if a.Body["expires_in"] != 600.0 || a.Body["ticket_expires_in"] != 300.0 {
		t.Errorf("the tokens are said to live %v seconds and the ticket %v", a.Body["expires_in"], a.Body["ticket_expires_in"])
	}
	if acr := testkit.Claims(t, token)["acr"]; acr != "1" {
		t.Errorf("acr %v", acr)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/v1/me/devices", nil},
		{"POST", "/v1/me/devices", map[string]any{"name": "mine"}},
		{"POST", "/v1/me/devices/" + device + "/confirm", map[string]any{"code": "000000"}},
		{"PATCH", "/v1/me/devices/" + device, map[string]any{"name": "mine"}},
		{"DELETE", "/v1/me/devices/" + device, nil},
		{"GET", "/v1/me/recovery-codes", nil},
		{"POST", "/v1/me/recovery-codes", nil},
		{"POST", "/v1/step-up", map[string]any{"code": k.NextCode(sam)}},
	} {
		k.Want(k.Call(c.method, c.path, token, c.body), 403, "code", "re_enrol_only")
	}
	for _, action := range []string{"approve", "publish"} {
		if d := k.Evaluate(client, "sam", action, "rolegate.policy", nil, "access_token", token); d.Body["decision"] != false || d.Code() != "session_invalid" {
			t.Errorf("%s: %s", action, d.Raw)
		}
	}
	k.Advance(time.Minute)
	again := k.FinishEnrolment("sam", ticket)
	k.Want(k.Call("GET", "/v1/me/devices", again.Access, nil), 200)
	k.Want(k.Call("GET", "/v1/me/devices", token, nil), 401, "code", "unauthorized")

	a = recover(k, again, again.RecoveryCodes[0])
	token = a.Text("access_token")
	k.Ticket("sam")
	k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")}), 401, "code", "ticket_invalid")
	k.Advance(6 * time.Minute)
	e := k.Post("/v1/me/re-enrol", token, nil)
	k.Want(e, 200)
	k.Want(k.Post("/v1/me/re-enrol/confirm", token, map[string]any{"code": k.CodeAt(e.Text("secret"), 0)}), 200, "status", "ok")
}

func recoveryNoted(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	ticket := k.Ticket("alice")
	got := k.WantNoted("alice", audit.RecoveryUsed, audit.OutcomeOK, func() {
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]}), 200)
	})
	if got["codes_left"] != 9.0 {
		t.Errorf("the entry has %v", got)
	}
}

func recoverySpelling(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for _, code := range alice.RecoveryCodes {
		if strings.ContainsAny(code, "ILOUilou") {
			t.Errorf("%s has a letter that people confuse", code)
		}
	}
	code := alice.RecoveryCodes[0]
	wide := strings.Map(func(r rune) rune {
		if r == '-' {
			return r
		}
		return r - '!' + '！'
	}, code)
	ticket := k.Ticket("alice")
	for _, bad := range []string{code + "-A", strings.ReplaceAll(code, "-", "\u2010"), wide, code + "\u200b", code[:len(code)-1]} {
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": bad}), 401, "code", "code_invalid")
	}
	k.Advance(time.Hour) // the budget of wrong ones is used up
	for _, c := range alice.RecoveryCodes {
		if strings.Contains(c, "S") { // all but one run in six hundred have one
			k.Want(recover(k, alice, strings.Replace(c, "S", "ſ", 1)), 401, "code", "code_invalid") // its upper case is S
			break
		}
	}
	k.Want(recover(k, alice, strings.ToLower(code)), 200)
	k.Want(recover(k, alice, strings.ReplaceAll(alice.RecoveryCodes[1], "-", "")), 200)
	k.Want(recover(k, alice, " "+strings.ReplaceAll(alice.RecoveryCodes[2], "-", " ")+" "), 200)
}
