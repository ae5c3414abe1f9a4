package checklist

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(186, "of each act the log has one entry with who, what, when, from where, what came of it, the trace id and the factors that were proven", recordedOnce)
}

// act is something that happens to a kit, and what is to be in the log of it.
type act struct {
	what string
	do   func() testkit.Answer // none: an operator's command

	activity audit.Activity
	outcome  audit.Outcome
	code     model.Code

	person string   // whom it is about, or who did it; "" for nobody
	caller string   // who did it, where that is known; "operator" for a command
	level  int      // of assurance, of whoever did it; 0 where nothing was proven
	with   []string // amr, where it is an act that proves something
	also   audit.Activity
}

// entryOf is an entry of the log, opened for somebody.
type entryOf struct {
	leaf   audit.Leaf
	sealed map[string]any
}

// entriesOf runs an act and opens the entries it leaves for each of the persons, in
// order.
func entriesOf(t *testing.T, k *testkit.Kit, do func(), persons ...string) (all []entryOf) {
	t.Helper()
	for _, left := range audittest.Left(t, k.App.Store, do) {
		e := entryOf{leaf: left.Leaf, sealed: map[string]any{}}
		for _, p := range persons {
			sealed, _ := audittest.Unseal(t.Context(), k.App.Log, left, p)
			maps.Copy(e.sealed, sealed)
		}
		all = append(all, e)
	}
	return all
}

// check holds what an act left behind against what it should have.
func (c act) check(t *testing.T, k *testkit.Kit) {
	t.Helper()
	operator := fmt.Sprintf("operator:%d@%s", os.Getuid(), must(os.Hostname()))
	caller := c.caller
	if caller == "operator" {
		caller = operator
	}
	var a testkit.Answer
	from := k.Now()
	got := entriesOf(t, k, func() { a = c.do() }, c.person, caller)
	until := k.Now()
	want := 1
	if c.also != "" {
		want = 2
	}
	i := slices.IndexFunc(got, func(e entryOf) bool { return e.leaf.Activity == c.activity })
	if len(got) != want || i < 0 || c.also != "" && got[1-i].leaf.Activity != c.also {
		t.Fatalf("%d entries, want %d, %s: %+v; the answer is %d %s", len(got), want, c.activity, got, a.Status, a.Raw)
	}
	for _, e := range got {
		e.origin(t, a, caller, c.caller == "operator", from, until)
	}
	leaf, sealed := got[i].leaf, got[i].sealed
	if leaf.Outcome != c.outcome || leaf.Code != c.code {
		t.Errorf("outcome %s %s, want %s %s", leaf.Outcome, leaf.Code, c.outcome, c.code)
	}
	if who := sealed["person"]; c.person != "" && c.person != caller && who != c.person {
		t.Errorf("about %v, want %s", who, c.person)
	}
	if leaf.Level != c.level {
		t.Errorf("level %d, want %d", leaf.Level, c.level)
	}
	if methods := fmt.Sprint(sealed["methods"]); c.with != nil && methods != fmt.Sprint(c.with) {
		t.Errorf("methods %s, want %v", methods, c.with)
	}
}

// origin is who, when, from where, and by which request.
func (e entryOf) origin(t *testing.T, a testkit.Answer, caller string, command bool, from, until time.Time) {
	t.Helper()
	if at := time.UnixMicro(e.leaf.Time); at.Before(from.Truncate(time.Microsecond)) || at.After(until) {
		t.Errorf("%s: at %s, between %s and %s", e.leaf.Activity, at, from, until)
	}
	kind := string(model.CallerAnonymous)
	if caller != "" {
		kind, _, _ = strings.Cut(caller, ":")
		if by := e.sealed["caller"]; kind != string(model.CallerClient) && by != caller || kind == string(model.CallerClient) && e.leaf.Service != caller[len("client:"):] {
			t.Errorf("%s: by %v %s, want %s", e.leaf.Activity, by, e.leaf.Service, caller)
		}
	}
	if e.leaf.Actor != kind {
		t.Errorf("%s: by a %s, want a %s", e.leaf.Activity, e.leaf.Actor, kind)
	}
	switch {
	case command:
		if e.leaf.Request == "" {
			t.Errorf("%s: no trace id", e.leaf.Activity)
		}
	case e.leaf.Request == "" || e.leaf.Request != a.Header.Get("X-Request-Id"):
		t.Errorf("%s: trace id %q, the answer's is %q", e.leaf.Activity, e.leaf.Request, a.Header.Get("X-Request-Id"))
	case e.sealed["address"] != "127.0.0.1":
		t.Errorf("%s: from %v", e.leaf.Activity, e.sealed["address"])
	}
}

// command is an act of an operator's, as the commands of the host do it: through the
// socket of the running service.
func command[Req, Res any](t *testing.T, k *testkit.Kit, op app.Operation[Req, Res], r Req) func() testkit.Answer {
	return func() testkit.Answer {
		t.Helper()
		if _, err := op.Do(t.Context(), k.Config, r); err != nil {
			t.Fatalf("%s: %v", op.Name, err)
		}
		return testkit.Answer{}
	}
}

func recordedOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		const ok, deny = audit.OutcomeOK, audit.OutcomeDeny
		play := func(acts ...act) {
			t.Helper()
			for _, c := range acts {
				t.Run(c.what, func(t *testing.T) { c.check(t, k) })
			}
		}
		// post is a request made when its turn comes, of what is known by then.
		post := func(path string, bearer *string, body func() map[string]any) func() testkit.Answer {
			return func() testkit.Answer {
				var b any
				if body != nil {
					b = body()
				}
				token := ""
				if bearer != nil {
					token = *bearer
				}
				return k.Post(path, token, b)
			}
		}
		pwd, otp := []string{"pwd"}, []string{"pwd", "otp", "mfa"}

		sys := officeHolder(k, "sys", model.SystemAdmin)
		ann := &testkit.Person{ID: "ann"}
		invite, ticket := k.Invite("ann", "sales-rep"), ""
		const her = "user:ann"
		play(
			act{what: "an invitation, badly", activity: audit.InviteFailed, outcome: deny, code: model.CodePasswordRejected, person: her,
				do: post("/v1/invite/accept", nil, func() map[string]any { return map[string]any{"invite": invite, "password": "short"} })},
			act{what: "an invitation", activity: audit.InviteAccepted, outcome: ok, person: her, level: 1, with: pwd, do: func() testkit.Answer {
				a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
				ticket = a.Text("ticket")
				return a
			}},
			act{what: "enrol", activity: audit.EnrolStarted, outcome: ok, person: her, level: 1, with: pwd, do: func() testkit.Answer {
				a := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
				ann.Secret = a.Text("secret")
				return a
			}},
			act{what: "confirm, wrong", activity: audit.EnrolFailed, outcome: deny, code: model.CodeCodeInvalid, person: her,
				do: post("/v1/login/enrol/confirm", nil, func() map[string]any { return map[string]any{"ticket": ticket, "code": wrongCode(k, ann)} })},
			act{what: "confirm", activity: audit.EnrolConfirmed, outcome: ok, person: her, level: 2, with: otp, do: func() testkit.Answer {
				a := k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": k.Code(ann)})
				for _, c := range a.Body["recovery_codes"].([]any) {
					ann.RecoveryCodes = append(ann.RecoveryCodes, c.(string))
				}
				return a
			}},
			act{what: "login, nobody's", activity: audit.PasswordFailed, outcome: deny, code: model.CodeLoginFailed,
				do: post("/v1/login", nil, func() map[string]any { return passwordBody("nobody", "wrong") })},
			act{what: "login, wrong", activity: audit.PasswordFailed, outcome: deny, code: model.CodeLoginFailed, person: her,
				do: post("/v1/login", nil, func() map[string]any { return passwordBody("ann", "wrong") })},
			act{what: "login", activity: audit.PasswordPassed, outcome: ok, person: her, level: 1, with: pwd, do: func() testkit.Answer {
				a := k.Post("/v1/login", "", passwordBody("ann", testkit.Password))
				ticket = a.Text("ticket")
				return a
			}},
			act{what: "code, wrong", activity: audit.OTPFailed, outcome: deny, code: model.CodeCodeInvalid, person: her,
				do: func() testkit.Answer { return secondStep(k, ticket, wrongCode(k, ann)) }},
			act{what: "code", activity: audit.LoginSucceeded, outcome: ok, person: her, level: 2, with: otp, do: func() testkit.Answer {
				a := secondStep(k, ticket, k.NextCode(ann))
				ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
				return a
			}},
		)

		var device testkit.Device
		play(
			act{what: "another device", activity: audit.EnrolStarted, outcome: ok, person: her, caller: her, level: 2, with: otp, do: func() testkit.Answer {
				a := k.Post("/v1/me/devices", ann.Access, map[string]any{"name": "tablet"})
				device = testkit.Device{ID: a.Text("device_id"), Secret: a.Text("secret")}
				return a
			}},
			act{what: "another device, wrong", activity: audit.EnrolFailed, outcome: deny, code: model.CodeCodeInvalid, person: her, caller: her, level: 2,
				do: func() testkit.Answer {
					return k.Post("/v1/me/devices/"+device.ID+"/confirm", ann.Access, map[string]any{"code": wrongCode(k, &testkit.Person{Secret: device.Secret})})
				}},
			act{what: "another device, confirmed", activity: audit.EnrolConfirmed, outcome: ok, person: her, caller: her, level: 2, with: otp,
				do: func() testkit.Answer {
					return k.Post("/v1/me/devices/"+device.ID+"/confirm", ann.Access, map[string]any{"code": k.CodeAt(device.Secret, 0)})
				}},
			act{what: "remove", activity: audit.DeviceRemoved, outcome: ok, person: her, caller: her, level: 2, with: otp,
				do: func() testkit.Answer { return k.Call("DELETE", "/v1/me/devices/"+device.ID, ann.Access, nil) }},
			act{what: "regenerate", activity: audit.RecoveryRenewed, outcome: ok, person: her, caller: her, level: 2, with: otp, do: func() testkit.Answer {
				a := k.Post("/v1/me/recovery-codes", ann.Access, nil)
				ann.RecoveryCodes = nil
				for _, c := range a.Body["recovery_codes"].([]any) {
					ann.RecoveryCodes = append(ann.RecoveryCodes, c.(string))
				}
				return a
			}},
			act{what: "step up, wrong", activity: audit.OTPFailed, outcome: deny, code: model.CodeCodeInvalid, person: her, caller: her, level: 2,
				do: post("/v1/step-up", &ann.Access, func() map[string]any { return map[string]any{"code": wrongCode(k, ann)} })},
			act{what: "step up", activity: audit.SteppedUp, outcome: ok, person: her, caller: her, level: 2, with: otp, do: func() testkit.Answer {
				a := k.Post("/v1/step-up", ann.Access, map[string]any{"code": k.NextCode(ann)})
				ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
				return a
			}},
			act{what: "change the password, wrong", activity: audit.ChangeFailed, outcome: deny, code: model.CodePasswordWrong, person: her, caller: her, level: 2,
				do: func() testkit.Answer { return change(k, ann.Access, "wrong", testkit.Password+"!") }},
			act{what: "change the password", activity: audit.PasswordChanged, outcome: ok, person: her, caller: her, level: 2, with: otp, do: func() testkit.Answer {
				a := change(k, ann.Access, testkit.Password, testkit.Password+"!")
				ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
				return a
			}},
			act{what: "and back", activity: audit.PasswordChanged, outcome: ok, person: her, caller: her, level: 2, with: otp, do: func() testkit.Answer {
				a := change(k, ann.Access, testkit.Password+"!", testkit.Password)
				ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
				return a
			}},
			act{what: "refresh", activity: audit.TokenRefreshed, outcome: ok, person: her, level: 2, with: otp, do: func() testkit.Answer { return refresh(k, ann.Refresh) }},
			act{what: "refresh, reuse", activity: audit.RefreshReused, outcome: deny, code: model.CodeTokenInvalid, person: her, do: func() testkit.Answer {
				k.Advance(login.RefreshGrace + time.Second)
				return refresh(k, ann.Refresh)
			}},
		)

		k.Login(ann)
		play(act{what: "logout", activity: audit.LoggedOut, outcome: ok, person: her, caller: her, level: 2, do: post("/v1/logout", &ann.Access, nil)})
		k.Login(ann)
		first := *ann
		k.Login(ann)
		play(
			act{what: "end a session", activity: audit.SessionRevoked, outcome: ok, person: her, caller: her, level: 2, do: func() testkit.Answer {
				return k.Call("DELETE", "/v1/me/sessions/"+testkit.Claims(t, first.Access)["sid"].(string), ann.Access, nil)
			}},
			act{what: "end the others", activity: audit.OthersRevoked, outcome: ok, person: her, caller: her, level: 2, do: post("/v1/me/end-other-sessions", &ann.Access, nil)},
			act{what: "revoke", activity: audit.TokenRevoked, outcome: ok, person: her, caller: her, level: 2,
				do: func() testkit.Answer { return k.Revoke(login.FirstPartyClient, "", ann.Refresh) }},
		)
		ticket = k.Ticket("ann")
		play(
			act{what: "recovery code, wrong", activity: audit.RecoveryFailed, outcome: deny, code: model.CodeCodeInvalid, person: her, do: func() testkit.Answer {
				return k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": "AAAA-BBBB-CCCC-DDDD"})
			}},
			act{what: "recovery code", activity: audit.RecoveryUsed, outcome: ok, person: her, level: 1, with: []string{"pwd", "mfa"}, do: func() testkit.Answer {
				return k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": ann.RecoveryCodes[0]})
			}},
		)

		bob := k.MustEnrol("bob", "sales-rep")
		failCodes(k, bob, 9)
		play(
			act{what: "the last code before a lock", activity: audit.OTPFailed, also: audit.LoginLocked, outcome: deny, code: model.CodeCodeInvalid, person: "user:bob",
				do: func() func() testkit.Answer {
					ticket := k.Ticket("bob")
					return func() testkit.Answer { return secondStep(k, ticket, wrongCode(k, bob)) }
				}()},
			act{what: "unlock", activity: audit.LoginUnlocked, outcome: ok, person: "user:bob", caller: "operator",
				do: command(t, k, app.UnlockUser, app.UserRequest{Tenant: model.DefaultTenant, User: "bob", Reason: "called"})},
		)
		if n := len(entriesOf(t, k, func() { k.Login(bob) })); n != 2 {
			t.Errorf("%d entries of a login after the unlock, want 2", n)
		}

		k.StepUp(sys)
		const admin = "user:sys"
		policy := perform(t, k, app.ExportPolicy, app.FileRequest{Tenant: model.DefaultTenant}).Policy
		play(
			act{what: "disable", activity: audit.UserDisabled, outcome: ok, person: "user:bob", caller: admin, level: 2,
				do: post("/v1/admin/users/bob/disable", &sys.Access, func() map[string]any { return map[string]any{"reason": "left"} })},
			act{what: "enable", activity: audit.UserEnabled, outcome: ok, person: "user:bob", caller: "operator",
				do: command(t, k, app.SetUserDisabled, app.UserRequest{Tenant: model.DefaultTenant, User: "bob", Reason: "back"})},
			act{what: "assign", activity: audit.RoleAssigned, outcome: ok, person: "user:bob", caller: "operator",
				do: command(t, k, app.Assign, app.RoleRequest{Tenant: model.DefaultTenant, Member: "user:bob", Role: "sales-manager"})},
			act{what: "unassign", activity: audit.RoleUnassigned, outcome: ok, person: "user:bob", caller: "operator",
				do: command(t, k, app.Unassign, app.RoleRequest{Tenant: model.DefaultTenant, Member: "user:bob", Role: "sales-manager"})},
			act{what: "role", activity: audit.RoleChanged, outcome: ok, caller: "operator",
				do: command(t, k, app.PutRole, app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", RequireMFA: true})},
			act{what: "policy", activity: audit.PolicyImported, outcome: ok, caller: "operator",
				do: command(t, k, app.ImportPolicy, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(policy + "# one more line\n"), Reason: "test"})},
			act{what: "rotate the signing key", activity: audit.SigningKeyRotated, outcome: ok, caller: "operator",
				do: command(t, k, app.RotateKey, app.KeyRotation{})},
			act{what: "revoke the signing key", activity: audit.SigningKeyRevoked, outcome: ok, caller: "operator",
				do: func() testkit.Answer {
					return command(t, k, app.RevokeKey, app.KeyRequest{ID: kidOf(t, bob.Access)})()
				}},
			act{what: "a new key-encryption key", activity: audit.KeyEncryptionKey, outcome: ok, caller: "operator",
				do: command(t, k, app.AddKEK, app.None{})},
			act{what: "rotate the key-encryption key", activity: audit.KEKRotated, outcome: ok, caller: "operator",
				do: func() testkit.Answer { // the last of the file, the first is the old one
					keys := must(keyring.ReadFile(k.Config.KeyPath())).Checks()
					id := fmt.Sprintf("%x", keyring.IDOf(keys[len(keys)-1]))
					return command(t, k, app.UseKEK, app.KeyRequest{ID: id})()
				}},
			act{what: "seal anew", activity: audit.KEKResealed, outcome: ok, caller: "operator",
				do: command(t, k, app.Reseal, app.None{})},
		)

		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		client := k.TokenFor("crm", secret)
		ask := func(bearer, action string) func() testkit.Answer {
			return func() testkit.Answer {
				return k.Post("/access/v1/evaluation", bearer, map[string]any{"subject": map[string]any{"type": "user", "id": "bob"},
					"action": map[string]any{"name": action}, "resource": map[string]any{"type": "contact", "id": "1", "properties": map[string]any{"owner": "user:bob"}}})
			}
		}
		play(
			act{what: "client token", activity: audit.ClientToken, outcome: ok, caller: "client:crm", do: func() testkit.Answer { return k.AskToken("crm", secret) }},
			act{what: "client token, wrong", activity: audit.ClientFailed, outcome: deny, code: model.CodeInvalidClient, do: func() testkit.Answer { return k.AskToken("crm", "wrong") }},
			act{what: "allowed", activity: audit.Evaluated, outcome: audit.OutcomeAllow, code: "allowed", person: "user:bob", caller: "client:crm", do: ask(client, "read")},
			act{what: "denied", activity: audit.Evaluated, outcome: deny, code: "not_granted", person: "user:bob", caller: "client:crm", do: ask(client, "delete")},
			act{what: "nobody asks", activity: audit.RequestFailed, outcome: deny, code: model.CodeUnauthorized, do: ask("", "read")},
		)
	})
}
