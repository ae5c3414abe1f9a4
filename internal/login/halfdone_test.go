package login_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Somebody logs in with a stolen recovery code, and before they enrol a device
// the owner notices. Whatever the owner does about it, the ticket to enrol, with
// which the whole account would change hands, ends with it; and so it does with the
// session it came with, however that ends.
func TestTicketOfARecoveryCodeEndsWithIt(t *testing.T) {
	for name, act := range map[string]func(k *testkit.Kit, owner *testkit.Person, stolen testkit.Answer){
		"all others ended": func(k *testkit.Kit, owner *testkit.Person, _ testkit.Answer) {
			k.Want(k.Post("/v1/me/end-other-sessions", owner.Access, nil), 200, "ended", 1.0)
		},
		"that one ended": func(k *testkit.Kit, owner *testkit.Person, _ testkit.Answer) {
			for _, s := range k.Call("GET", "/v1/me/sessions", owner.Access, nil).Body["sessions"].([]any) {
				if s := s.(map[string]any); s["current"] != true {
					k.Want(k.Call("DELETE", "/v1/me/sessions/"+s["id"].(string), owner.Access, nil), 204)
				}
			}
		},
		"new codes": func(k *testkit.Kit, owner *testkit.Person, _ testkit.Answer) {
			k.Want(k.Post("/v1/me/recovery-codes", owner.Access, nil), 200)
		},
		"logged out": func(k *testkit.Kit, _ *testkit.Person, stolen testkit.Answer) {
			k.Want(k.Post("/v1/logout", stolen.Text("access_token"), nil), 204)
		},
		"revoked": func(k *testkit.Kit, _ *testkit.Person, stolen testkit.Answer) {
			if _, err := k.App.Login.Revoke(ctx, login.ClientAuth{ClientID: login.FirstPartyClient}, stolen.Text("refresh_token")); err != nil {
				k.T.Fatal(err)
			}
		},
		"used twice": func(k *testkit.Kit, _ *testkit.Person, stolen testkit.Answer) {
			refresh := map[string]any{"refresh_token": stolen.Text("refresh_token")}
			k.Want(k.Post("/v1/token/refresh", "", refresh), 200)
			k.Advance(time.Minute)
			k.Want(k.Post("/v1/token/refresh", "", refresh), 401)
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			alice := k.MustEnrol("alice")
			stolen := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]})
			k.Want(stolen, 200)
			act(k, alice, stolen)
			k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": stolen.Text("ticket")}), 401, "code", "ticket_invalid")
			k.Want(k.Call("GET", "/v1/me/devices", alice.Access, nil), 200)
		})
	}
}

// A ticket that the old password opened ends when an invitation replaces it.
func TestInvitationEndsTickets(t *testing.T) {
	k := testkit.New(t)
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
	k.Want(a, 200, "status", "enrolment_required")
	byRole(t, k)
	inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": testkit.Password + " anew"}), 200, "status", "ok")
	k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")}), 401, "code", "ticket_invalid")
}

// Two browsers with one link, and then one with the next link: a password goes with the
// ticket that its own browser was given, and with no other's code or device.
func TestChosenPasswordsAreNotMixed(t *testing.T) {
	const first, second = "seventeen walrus kites", "eighteen otter umbrellas"
	for name, c := range map[string]struct {
		user   string
		before func(k *testkit.Kit) (invite string, code func() string)
		path   string
	}{
		"with a device": {"ann", func(k *testkit.Kit) (string, func() string) {
			ann := k.MustEnrol("ann")
			return reinvited(k, "ann"), func() string { return k.NextCode(ann) }
		}, "/v1/login/totp"},
		"without": {"bob", func(k *testkit.Kit) (string, func() string) {
			return k.Invite("bob"), func() string { return "000000" }
		}, "/v1/login/enrol/confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			invite, code := c.before(k)
			accept := func(invite, password string) testkit.Answer {
				return k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": password})
			}
			one := accept(invite, first)
			k.Want(one, 200)
			k.Want(accept(invite, second), 401, "code", "invite_invalid")
			another := accept(reinvited(k, c.user), second)
			k.Want(another, 200)
			k.Want(k.Post(c.path, "", map[string]any{"ticket": one.Text("ticket"), "code": code()}), 401, "code", "ticket_invalid")
			if c.path == "/v1/login/totp" {
				k.Want(k.Post(c.path, "", map[string]any{"ticket": another.Text("ticket"), "code": code()}), 200)
			} else {
				k.FinishEnrolment(c.user, another.Text("ticket"))
			}
			k.Want(k.Post("/v1/login", "", map[string]any{"username": c.user, "password": first}), 401, "code", "login_failed")
			k.Want(k.Post("/v1/login", "", map[string]any{"username": c.user, "password": second}), 200, "status", "mfa_required")
		})
	}
}

// reinvited is the link of another invitation of somebody who is there.
func reinvited(k *testkit.Kit, user string) string {
	k.T.Helper()
	inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: user})
	if err != nil {
		k.T.Fatal(err)
	}
	return inv.Invite
}

// overtaken is requirements that change as soon as they were looked up.
type overtaken struct {
	login.Requirements
	then func()
}

func (o *overtaken) RequiresMFA(ctx context.Context, tenant, subject string) (bool, error) {
	due, err := o.Requirements.RequiresMFA(ctx, tenant, subject)
	if then := o.then; then != nil {
		o.then = nil
		then()
	}
	return due, err
}

// The last device stays where a second factor became due while it was removed.
func TestLastDeviceAndANewRole(t *testing.T) {
	for name, change := range map[string]func(k *testkit.Kit) error{
		"a role": func(k *testkit.Kit) error {
			_, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: model.AuditAdmin, Member: "user:alice"})
			return err
		},
		"the tenant": func(k *testkit.Kit) error {
			mode := model.MFAEveryone
			_, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &mode, Reason: "a test of it"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			alice := k.MustEnrol("alice")
			byRole(t, k)
			k.App.Login.Requirements = &overtaken{k.App.Login.Requirements, func() {
				if err := change(k); err != nil {
					t.Error(err)
				}
			}}
			k.Want(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(alice)[0], alice.Access, nil), 409, "code", "last_device")
			k.Want(k.Call("GET", "/v1/me/devices", alice.Access, nil), 200)
		})
	}
}

// A short password that was chosen while a second factor was due does not stand alone,
// although what asked for the factor is gone by the time the invitation is used.
func TestShortPasswordAndALostRole(t *testing.T) {
	k := testkit.New(t)
	byRole(t, k)
	invite := k.Invite("alice", "sales-rep")
	if _, err := app.PutRole.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", RequireMFA: true}); err != nil {
		t.Fatal(err)
	}
	k.App.Login.Requirements = &overtaken{k.App.Login.Requirements, func() {
		if _, err := app.Unassign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", Member: "user:alice"}); err != nil {
			t.Error(err)
		}
	}}
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "vexplumq"})
	k.Want(a, 200, "status", "enrolment_required", "access_token", nil)
}

// tenantFirst watches that no transaction takes a row of a login before the
// tenant's: of two that did so in another order each would wait for the other,
// and what was read before would be of another moment than what is written.
type tenantFirst struct {
	store.Store
	t     *testing.T
	takes int
}

func (s *tenantFirst) InTx(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error { return fn(&orderedTx{Tx: tx, s: s}) })
}

type orderedTx struct {
	store.Tx
	s      *tenantFirst
	bumped bool
}

func (w *orderedTx) Bump(ctx context.Context, tenant string, changes ...store.Change) (int64, error) {
	w.bumped = true
	return w.Tx.Bump(ctx, tenant, changes...)
}

func (w *orderedTx) take(what string) {
	w.s.takes++
	if !w.bumped {
		w.s.t.Errorf("%s comes before the tenant's row", what)
	}
}

func (w *orderedTx) User(ctx context.Context, tenant, id string) (model.User, error) {
	w.take("User")
	return w.Tx.User(ctx, tenant, id)
}

func (w *orderedTx) EndTicket(ctx context.Context, hash []byte, now time.Time) (bool, error) {
	w.take("EndTicket")
	return w.Tx.EndTicket(ctx, hash, now)
}

func (w *orderedTx) UseStep(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error) {
	w.take("UseStep")
	return w.Tx.UseStep(ctx, device, step, drift, now)
}

func (w *orderedTx) ConfirmDevice(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error) {
	w.take("ConfirmDevice")
	return w.Tx.ConfirmDevice(ctx, device, step, drift, now)
}

func (w *orderedTx) UseRecoveryCode(ctx context.Context, tenant, user, selector string, now time.Time) (bool, error) {
	w.take("UseRecoveryCode")
	return w.Tx.UseRecoveryCode(ctx, tenant, user, selector, now)
}

func TestTenantComesFirst(t *testing.T) {
	w := &tenantFirst{t: t}
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) {
		w.Store = a.Login.Store
		a.Login.Store = w
	})
	alice := k.MustEnrol("alice")
	k.Login(alice)
	k.StepUp(alice)
	k.AddDevice(alice, "Tablet")
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]})
	k.Want(a, 200)
	k.Advance(30 * time.Second)
	k.FinishEnrolment("alice", a.Text("ticket"))
	if w.takes < 10 {
		t.Errorf("only %d rows were taken", w.takes)
	}
}

// People who log in twice at once, when their hash is one to be upgraded, get in
// twice.
func TestUpgradedTogether(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.MustEnrol("alice")
		u, err := k.App.Store.User(ctx, model.DefaultTenant, "alice")
		if err != nil {
			t.Fatal(err)
		}
		old, err := bcrypt.GenerateFromPassword([]byte(testkit.Password), 5)
		if err != nil {
			t.Fatal(err)
		}
		if set, err := k.App.Store.SetPassword(ctx, model.DefaultTenant, "alice", u.PasswordHash, string(old)); err != nil || !set {
			t.Fatal(set, err)
		}
		var logins []*http.Request
		for range 4 {
			logins = append(logins, k.Request("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}))
		}
		for _, a := range k.Together(logins...) {
			k.Want(a, 200, "status", "mfa_required")
		}
	})
}

// A recovery code is read in either case and with hyphens or blanks anywhere; no other
// letter stands for one of its own.
func TestRecoveryCodesAreASCII(t *testing.T) {
	for code, want := range map[string]bool{
		"7K3M-9QX2-S000-S000-S000": true, "7k3m-9qx2-s000-s000-s000": true, "7K3M9QX2S000S000S000": true,
		"7K3M 9QX2 S000 S000 S000": true, " 7k3m\u00a09qx2\u3000s000 s000\ts000\n": true,
		"7K3M-9QX2-ſ000-S000-S000": false, "7\u212a3M-9QX2-S000-S000-S000": false, "7K3M-9QX2-I000-S000-S000": false, "": false,
	} {
		if _, _, ok := login.ParseRecovery(code); ok != want {
			t.Errorf("%q: %v", code, ok)
		}
	}
}

// A device more or less makes all known browsers unknown.
func TestFactorsMakeBrowsersUnknown(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	var tablet testkit.Device
	var counts []int
	for _, change := range []func(){
		func() { tablet = k.AddDevice(alice, "Tablet") },
		func() { k.Want(k.Call("DELETE", "/v1/me/devices/"+tablet.ID, alice.Access, nil), 204) },
	} {
		k.Login(alice)
		for _, do := range []func(){change, func() {}} {
			browsers, err := k.App.Store.KnownDevices(ctx, model.DefaultTenant, "alice", k.Now())
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, len(browsers))
			do()
		}
	}
	if !slices.Equal(counts, []int{2, 0, 1, 0}) {
		t.Errorf("known before and after each change: %v", counts)
	}
}

// A ticket ends in its time also where the clock goes back.
func TestTicketOfTheFuture(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.StandStill()
		alice := k.MustEnrol("alice")
		ticket := k.Ticket("alice")
		k.Advance(-login.TicketTTL - time.Second)
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.CodeAt(alice.Secret, 0)}), 401, "code", "ticket_invalid")

		ticket = k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("bob"), "password": testkit.Password}).Text("ticket")
		k.Advance(-login.TicketTTL)
		k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}), 200) // a minute or so is what replicas differ by
		k.Advance(-time.Second)
		k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}), 401, "code", "ticket_invalid")
	})
}
