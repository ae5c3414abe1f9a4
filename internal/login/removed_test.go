package login_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
)

// Who still takes codes from a device that was removed is told so, wherever a code is
// asked for, and is not locked out by it; nothing opens.
func TestCodesOfARemovedDevice(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		tablet := k.AddDevice(alice, "Tablet")
		k.StandStill()
		k.Want(k.Call("DELETE", "/v1/me/devices/"+tablet.ID, alice.Access, nil), 204)
		removed := k.Now().UTC().Format(time.DateOnly)
		told := func(a testkit.Answer, name string) {
			t.Helper()
			k.Want(a, 401, "code", "code_invalid")
			if detail := a.Text("detail"); !strings.Contains(detail, "“"+name+"”, which was removed on "+removed) {
				t.Errorf("told is %q", detail)
			}
		}
		tryTablet := func(ticket string) testkit.Answer {
			k.Advance(30 * time.Second)
			return k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.CodeAt(tablet.Secret, 0)})
		}
		ticket := k.Ticket("alice")
		noted := k.WantNoted("alice", audit.OTPFailed, audit.OutcomeDeny, func() { told(tryTablet(ticket), "Tablet") })
		if noted["device"] != tablet.ID || noted["name"] != "Tablet" {
			t.Errorf("the entry says %v", noted)
		}
		for range 12 {
			told(tryTablet(k.Ticket("alice")), "Tablet")
		}
		k.Login(alice)
		another := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Watch"})
		k.Want(another, 200)
		for range 3 {
			k.Advance(30 * time.Second)
			told(k.Post("/v1/me/devices/"+another.Text("device_id")+"/confirm", alice.Access, map[string]any{"code": k.CodeAt(tablet.Secret, 0)}), "Tablet")
		}
		k.StepUp(alice)

		// One that is sent again is charged as any wrong one.
		again := k.CodeAt(tablet.Secret, 30*time.Second)
		k.Advance(30 * time.Second)
		for range 11 {
			told(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": again}), "Tablet")
		}
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": again}), 429, "code", "too_many_attempts")
	})
}

// A device that was replaced after a recovery code is told of likewise, for a month.
func TestCodesOfAReplacedDevice(t *testing.T) {
	k := testkit.New(t)
	old := k.MustEnrol("alice")
	a := recoveredSession(k, old, 0)
	k.Advance(30 * time.Second)
	k.FinishEnrolment("alice", a.Text("ticket"))
	for _, c := range []struct {
		after time.Duration
		told  bool
	}{{30 * time.Second, true}, {29 * 24 * time.Hour, true}, {2 * 24 * time.Hour, false}} {
		k.Advance(c.after)
		a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.Code(old)})
		k.Want(a, 401, "code", "code_invalid")
		if got := strings.Contains(a.Text("detail"), "which was removed on"); got != c.told {
			t.Errorf("%s later: %q", c.after, a.Text("detail"))
		}
	}
	if _, due, err := k.App.Login.Sweep(ctx, time.Hour); err != nil || !due {
		t.Fatal(due, err)
	}
	if n := k.Count("SELECT count(*) FROM removed_devices"); n != 0 {
		t.Errorf("%d devices are kept for longer", n)
	}
}

// The secret of a removed device is sealed anew with the others.
func TestRemovedDevicesAreResealed(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	tablet := k.AddDevice(alice, "Tablet")
	k.Want(k.Call("DELETE", "/v1/me/devices/"+tablet.ID, alice.Access, nil), 204)
	added, err := app.AddKEK.Run(ctx, k.App, testkit.Operator, app.None{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.UseKEK.Run(ctx, k.App, testkit.Operator, app.KeyRequest{ID: added.ID}); err != nil {
		t.Fatal(err)
	}
	apart := "SELECT count(*) FROM removed_devices r, totp_devices d WHERE substr(r.secret, 2, 4) <> substr(d.secret, 2, 4)"
	if _, err := app.Reseal.Run(ctx, k.App, testkit.Operator, app.None{}); err != nil || k.Count(apart) != 0 {
		t.Errorf("%d are sealed under another key than a device of today, %v", k.Count(apart), err)
	}
	a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.CodeAt(tablet.Secret, 0)})
	if !strings.Contains(a.Text("detail"), "“Tablet”") {
		t.Errorf("under the new key it is told %q", a.Text("detail"))
	}
}
