package checklist

import (
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// inviters is a policy in which two kinds of people invite, and teams have rows.
const inviters = `
p, role:hr, rolegate.user, *, all, , allow
p, role:boss, contact, delete, all, , allow
p, team:red, contact, delete, all, , allow
`

// waitingInvitations: whatever comes between an invitation by a person and its use, it
// opens nothing that whoever has the link could not give.
func waitingInvitations(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		o := officesOf(t, k)
		addRows(k, inviters)
		hans := k.MustEnrol("hans", "hr")
		ctx := t.Context()
		load := func(file string) {
			t.Helper()
			if _, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(file)}); err != nil {
				t.Fatal(err)
			}
		}
		load(`{"teams": [{"id": "red"}, {"id": "blue"}], "roles": ["boss"]}`)
		k.Login(o.sys)
		k.Login(o.sec)
		k.Login(hans)
		invite := func(id string) string {
			t.Helper()
			a := k.Call("POST", "/v1/admin/users", hans.Access, map[string]any{"id": id})
			k.Want(a, 201)
			return a.Text("invite")
		}
		ended := func(what, link string) {
			t.Helper()
			refused(t, what, acceptWith(k, link, testkit.Password), 401, model.CodeInviteInvalid)
		}
		assign := func(id, role string) {
			t.Helper()
			k.Want(k.Call("PUT", "/v1/admin/users/"+id+"/roles/"+role, o.sys.Access, map[string]any{"reason": "test"}), 200)
		}

		k.Want(acceptWith(k, invite("plain"), testkit.Password), 200)

		link := invite("role")
		assign("role", "boss")
		ended("after a role", link)

		link = invite("twice")
		assign("twice", "boss")
		k.Want(k.Call("DELETE", "/v1/admin/users/twice/roles/boss", o.sys.Access, nil), 200)
		k.Want(acceptWith(k, link, testkit.Password), 200)

		link = invite("team")
		load(`{"subjects": [{"type": "user", "id": "team", "teams": ["red"]}]}`)
		ended("after an import into a team that a row names", link)

		link = invite("blue")
		load(`{"subjects": [{"type": "user", "id": "blue", "teams": ["blue"]}]}`)
		load(`{"assignments": [{"member": "team:blue", "role": "boss"}]}`)
		ended("after the team was given a role", link)

		link = invite("named")
		addRows(k, "p, user:named, contact, delete, all, , allow\n")
		ended("after the policy named them", link)

		// An account that was disabled for a while.
		link = invite("away")
		away := k.Invite("away2", "boss")
		for _, id := range []string{"away", "away2"} {
			disable(k, id, true)
			disable(k, id, false)
		}
		ended("after the account was disabled for a while", link)
		ended("likewise, made on the host", away)

		// An office, on the host and by two holders; and a last device that goes.
		link = invite("dan")
		a := k.Call("POST", "/v1/admin/offices/requests", o.sys.Access, map[string]any{"member": "dan", "office": model.AuditAdmin, "reason": "aud retires"})
		refused(t, "an office for whom no second factor proves", a, 409, model.CodeDeviceRequired)
		if _, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "dan", Role: model.AuditAdmin, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		ended("after an office", link)

		ben := k.MustEnrol("ben", "boss")
		byRole(k)
		k.Login(hans)
		a = k.Call("POST", "/v1/admin/users/ben/invite", hans.Access, nil)
		k.Want(a, 200)
		k.Login(ben)
		devices := k.Call("GET", "/v1/me/devices", ben.Access, nil)
		k.Want(devices, 200)
		id := devices.Body["devices"].([]any)[0].(map[string]any)["id"].(string)
		if got := k.Call("DELETE", "/v1/me/devices/"+id, ben.Access, nil); got.Status >= 300 {
			t.Fatalf("removing a device: %d %s", got.Status, got.Raw)
		}
		ended("after the last device went", a.Text("invite"))

		// What whoever made it could do counts as well; the host's word stands.
		host := k.Invite("eve", "boss")
		link = invite("late")
		setMFA(k, model.MFAEveryone)
		k.Want(k.Call("DELETE", "/v1/admin/users/hans/roles/hr", o.sys.Access, nil), 200)
		ended("after its maker lost the right", link)
		k.Want(acceptWith(k, host, testkit.Password), 200)
	})
}

// A link alone changes nothing of an account with a second factor: the password that was
// chosen, and the end of what the old one had opened, come with the code.
func TestInvitationWaitsForTheCode(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		o := officesOf(t, k)
		ann := k.MustEnrol("ann", "sales-rep")
		const next = "another battery, another staple"
		accept := func() testkit.Answer {
			t.Helper()
			k.Login(o.sys)
			a := k.Call("POST", "/v1/admin/users/ann/invite", o.sys.Access, nil)
			k.Want(a, 200)
			a = acceptWith(k, a.Text("invite"), next)
			k.Want(a, 200, "status", "mfa_required")
			return a
		}
		alive := func(want int) {
			t.Helper()
			k.Want(k.Call("GET", "/v1/me/sessions", ann.Access, nil), want)
		}
		k.Login(ann)
		known := func() int {
			t.Helper()
			devices, err := k.App.Store.KnownDevices(t.Context(), model.DefaultTenant, "ann", k.App.Login.Now())
			if err != nil {
				t.Fatal(err)
			}
			return len(devices)
		}
		before := known()

		a := accept()
		alive(200)
		if n := known(); n != before || n == 0 {
			t.Errorf("%d known devices, and %d before", n, before)
		}
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": "000000"}), 401)
		k.Want(logIn(k, "ann", next), 401, "code", "login_failed")
		k.Want(logIn(k, "ann", testkit.Password), 200, "status", "mfa_required") // and ends the invited one's ticket
		refused(t, "the ticket of before", k.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": k.NextCode(ann)}), 401, model.CodeTicketInvalid)
		k.Login(ann)

		a = accept()
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": k.NextCode(ann)}), 200, "status", "ok")
		alive(401)
		k.Want(logIn(k, "ann", testkit.Password), 401, "code", "login_failed")
		k.Want(logIn(k, "ann", next), 200, "status", "mfa_required")

		// A recovery code proves as much.
		bea := k.MustEnrol("bea", "sales-rep")
		k.Login(o.sys)
		a = k.Call("POST", "/v1/admin/users/bea/invite", o.sys.Access, nil)
		k.Want(a, 200)
		a = acceptWith(k, a.Text("invite"), next)
		k.Want(a, 200, "status", "mfa_required")
		k.Want(logIn(k, "bea", next), 401, "code", "login_failed")
		k.Login(bea)
		a = k.Call("POST", "/v1/admin/users/bea/invite", o.sys.Access, nil)
		k.Want(a, 200)
		a = acceptWith(k, a.Text("invite"), next)
		k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": a.Text("ticket"), "code": bea.RecoveryCodes[0]}), 200, "status", "ok")
		k.Want(k.Call("GET", "/v1/me/sessions", bea.Access, nil), 401)
		k.Want(logIn(k, "bea", testkit.Password), 401, "code", "login_failed")
		k.Want(logIn(k, "bea", next), 200, "status", "mfa_required")
	})
}
