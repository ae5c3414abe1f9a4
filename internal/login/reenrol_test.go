package login_test

import (
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// recoveredSession is what a recovery code opened.
func recoveredSession(k *testkit.Kit, p *testkit.Person, code int) testkit.Answer {
	k.T.Helper()
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket(p.ID), "code": p.RecoveryCodes[code]})
	k.Want(a, 200, "status", "ok")
	return a
}

// A recovered session enrols for as long as it lives, whatever became of its ticket.
func TestReEnrol(t *testing.T) {
	for what, happens := range map[string]func(k *testkit.Kit){
		"nothing":                      func(*testkit.Kit) {},
		"five minutes":                 func(k *testkit.Kit) { k.Advance(5*time.Minute + time.Second) },
		"somebody enters the password": func(k *testkit.Kit) { k.Ticket("alice") },
		"and tries codes with a ticket": func(k *testkit.Kit) {
			k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": "000000"})
		},
	} {
		t.Run(what, func(t *testing.T) {
			testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
				alice := k.MustEnrol("alice")
				a := recoveredSession(k, alice, 0)
				happens(k)
				token := a.Text("access_token")
				k.Want(k.Post("/v1/me/re-enrol/confirm", token, map[string]any{"code": "000000"}), 409, "code", "conflict")
				e := k.Post("/v1/me/re-enrol", token, nil)
				k.Want(e, 200)
				k.Want(k.Post("/v1/me/re-enrol/confirm", token, map[string]any{"code": "000000"}), 401, "code", "code_invalid")
				var done testkit.Answer
				k.WantNoted("alice", audit.EnrolConfirmed, audit.OutcomeOK, func() {
					done = k.Post("/v1/me/re-enrol/confirm", token, map[string]any{"code": k.CodeAt(e.Text("secret"), 0)})
				})
				k.Want(done, 200, "status", "ok")
				if codes, _ := done.Body["recovery_codes"].([]any); len(codes) != 10 || testkit.Claims(t, done.Text("access_token"))["acr"] != "2" {
					t.Errorf("done is %s", done.Raw)
				}
				// The old device, codes, sessions and the ticket are no more.
				k.Want(k.Call("GET", "/v1/me/devices", alice.Access, nil), 401)
				k.Want(k.Post("/v1/me/re-enrol", token, nil), 401, "code", "unauthorized")
				k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")}), 401, "code", "ticket_invalid")
				k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[1]}), 401)
			})
		})
	}
}

// Whoever removes the last device has no codes any longer: what one had opened ends with
// them, and does not come back with the next device.
func TestLastDeviceTakesARecoveryWithIt(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		k.Relaxed()
		a := recoveredSession(k, alice, 0)
		over := func() {
			t.Helper()
			k.Want(k.Post("/v1/me/re-enrol", a.Text("access_token"), nil), 401, "code", "unauthorized")
			k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")}), 401, "code", "ticket_invalid")
		}
		k.Want(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(alice)[0], alice.Access, nil), 204)
		over()
		d := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "New"})
		k.Want(d, 200)
		k.Want(k.Post("/v1/me/devices/"+d.Text("device_id")+"/confirm", alice.Access, map[string]any{"code": k.CodeAt(d.Text("secret"), 0)}), 200)
		over()
	})
}

// It does so for an hour, a device waits for ten minutes, and the ticket's device is as good.
func TestReEnrolInTime(t *testing.T) {
	k := testkit.New(t)
	a := recoveredSession(k, k.MustEnrol("alice"), 0)
	e := k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")})
	k.Want(e, 200)
	token, refresh := a.Text("access_token"), a.Text("refresh_token")
	later := func(d time.Duration) {
		k.Advance(d)
		if r := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": refresh}); r.Status == 200 {
			token, refresh = r.Text("access_token"), r.Text("refresh_token")
		}
	}
	later(10*time.Minute + time.Second)
	k.Want(k.Post("/v1/me/re-enrol/confirm", token, map[string]any{"code": k.CodeAt(e.Text("secret"), 0)}), 409, "code", "conflict")
	later(45 * time.Minute)
	k.Want(k.Post("/v1/me/re-enrol", token, nil), 200)
	later(5 * time.Minute)
	k.Want(k.Post("/v1/me/re-enrol", token, nil), 401, "code", "unauthorized")
}

// The device that the ticket made is confirmed by the session, too.
func TestReEnrolGoesOnFromTheTicket(t *testing.T) {
	k := testkit.New(t)
	a := recoveredSession(k, k.MustEnrol("alice"), 0)
	e := k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")})
	k.Ticket("alice") // ends it
	k.Want(k.Post("/v1/me/re-enrol/confirm", a.Text("access_token"), map[string]any{"code": k.CodeAt(e.Text("secret"), 0)}), 200)
}

// No other session enrols so, and nobody who has the password gains by it.
func TestReEnrolIsForRecoveredSessions(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for _, path := range []string{"/v1/me/re-enrol", "/v1/me/re-enrol/confirm"} {
		body := map[string]any{"code": "000000"}
		k.Want(k.Post(path, alice.Access, body), 403, "code", "forbidden")
		for _, other := range []string{"", alice.Refresh, k.Ticket("alice")} {
			k.Want(k.Post(path, other, body), 401, "code", "unauthorized")
		}
	}
	a := recoveredSession(k, alice, 0)
	e := k.Post("/v1/me/re-enrol", a.Text("access_token"), nil)
	// A thief of the password gets a ticket for the second step: it enrols nothing.
	ticket := k.Ticket("alice")
	k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}), 401, "code", "ticket_invalid")
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": k.CodeAt(e.Text("secret"), 0)}), 401, "code", "ticket_invalid")
	k.Want(k.Post("/v1/me/re-enrol/confirm", a.Text("access_token"), map[string]any{"code": k.CodeAt(e.Text("secret"), 0)}), 200)
}

// Somebody else used the code: whatever shows that its owner has the device, or makes new
// codes, ends what it opened, as does everything that ended its ticket.
func TestOwnersEndWhatACodeOpened(t *testing.T) {
	for what, act := range map[string]func(k *testkit.Kit, owner *testkit.Person){
		"a login with a one-time code": func(k *testkit.Kit, owner *testkit.Person) { k.Login(owner) },
		"a step-up":                    func(k *testkit.Kit, owner *testkit.Person) { k.StepUp(owner) },
		"new codes": func(k *testkit.Kit, owner *testkit.Person) {
			k.Want(k.Post("/v1/me/recovery-codes", owner.Access, nil), 200)
		},
		"all others ended": func(k *testkit.Kit, owner *testkit.Person) {
			k.Want(k.Post("/v1/me/end-other-sessions", owner.Access, nil), 200)
		},
		"a new password": func(k *testkit.Kit, owner *testkit.Person) {
			k.Want(k.Post("/v1/me/password", owner.Access, map[string]any{"current": testkit.Password, "new": "seventeen walrus kites"}), 200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			k := testkit.New(t)
			alice := k.MustEnrol("alice")
			a := recoveredSession(k, alice, 0)
			e := k.Post("/v1/me/re-enrol", a.Text("access_token"), nil)
			k.Want(e, 200)
			act(k, alice)
			k.Want(k.Post("/v1/me/re-enrol", a.Text("access_token"), nil), 401, "code", "unauthorized")
			k.Want(k.Post("/v1/me/re-enrol/confirm", a.Text("access_token"), map[string]any{"code": k.CodeAt(e.Text("secret"), 0)}), 401, "code", "unauthorized")
			k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}), 401)
			if n, err := k.App.Store.Devices(ctx, model.DefaultTenant, "alice"); err != nil || len(n) != 1 {
				t.Errorf("%d devices (%v)", len(n), err)
			}
		})
	}
}
