package login_test

import (
	"net/http"
	"testing"

	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// own asks for a person's own sessions.
func own(t *testing.T, k *testkit.Kit, access string) testkit.Answer {
	t.Helper()
	req, err := http.NewRequest("GET", k.URL+"/v1/me/sessions", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	return k.Send(req)
}

// All that somebody has open ends together: sessions, a login that waits for its
// code, and what is being opened by a transaction that began before.
func TestEndAllSessions(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		bob := k.MustEnrol("bob", "sales-rep")
		first := *alice
		k.Login(alice)
		ticket := k.Ticket("alice")
		k.Want(own(t, k, alice.Access), 200)
		_, ended, err := k.App.Directory.EndSessions(ctx, testkit.Operator, model.DefaultTenant, "alice", "")
		if err != nil || ended != 2 {
			t.Fatalf("ended %d, %v", ended, err)
		}
		for _, access := range []string{first.Access, alice.Access} {
			k.Want(own(t, k, access), 401)
		}
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")
		k.Want(own(t, k, bob.Access), 200)
		k.Login(alice)
		k.Want(own(t, k, alice.Access), 200)
	})
}

// A session that was inserted with the epoch of before, however that came about,
// is over without having been ended.
func TestSessionOfAnEarlierEpoch(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	k.Want(own(t, k, alice.Access), 200)
	k.Exec(`UPDATE sessions SET epoch = epoch - 1 WHERE user_id = 'alice'`)
	k.Want(own(t, k, alice.Access), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
	if err := k.App.Store.InTx(ctx, func(tx store.Tx) error { _, err := tx.Bump(ctx, model.DefaultTenant); return err }); err != nil {
		t.Fatal(err)
	}
	d := k.Evaluate(client, "alice", "read", "contact", map[string]any{"owner": "alice"}, "access_token", alice.Access)
	if d.Code() != "session_invalid" {
		t.Errorf("a decision: %s", d.Raw)
	}
}

// A successor that was moved to another token's row, or altered, is no token.
func TestAlteredSuccessorIsRefused(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	for _, p := range []*testkit.Person{alice, bob} {
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": p.Refresh}), 200)
	}
	k.Exec(`UPDATE refresh_tokens SET successor = (SELECT r.successor FROM refresh_tokens r JOIN sessions s ON s.id = r.session
		WHERE s.user_id = 'bob' AND r.successor IS NOT NULL)
		WHERE successor IS NOT NULL AND session IN (SELECT id FROM sessions WHERE user_id = 'alice')`)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 500, "access_token", nil, "refresh_token", nil)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": bob.Refresh}), 200)
}

// What is no id, whatever is in it, is none of the caller's; the contract has the
// answer to what cannot be looked up.
func TestIDsOfNothing(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		for _, path := range []string{"/v1/me/sessions/", "/v1/me/known-devices/", "/v1/me/devices/"} {
			for _, id := range []string{"x", "%ff", "%F0%9F%98%80", "x%2Fy", "%00"} {
				if a := k.Call("DELETE", path+id, alice.Access, nil); a.Status != 404 && (a.Status != 400 || id != "%00") {
					t.Errorf("%s%s: %d %s", path, id, a.Status, a.Raw)
				}
			}
		}
	})
}
