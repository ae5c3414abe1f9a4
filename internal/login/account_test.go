package login_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// A name is what a list shows of a device, in whichever way it is given.
func TestDeviceNames(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	id := k.DeviceIDs(alice)[0]
	says := map[string]map[bool]string{ // whether it is too long
		"en":    {true: "The name of a device has at most 64 bytes.", false: "The name of a device is visible text, and not only spaces."},
		"zh-CN": {true: "验证设备的名称最多 64 字节。", false: "验证设备的名称必须是可见文字，不能只有空格。"},
	}
	for name, ok := range map[string]bool{
		"Phone": true, "Anna's 手机 📱": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, " ": false, "   ": false, "a\x00": false, "a\nb": false, "a\u202eb": false, "\u200b": false, "a\u00a0b": false,
	} {
		for method, path := range map[string]string{"POST": "/v1/me/devices", "PATCH": "/v1/me/devices/" + id} {
			for lang, sentences := range says {
				req := k.Request(path, alice.Access, map[string]any{"name": name})
				req.Method = method
				req.Header.Set("Accept-Language", lang)
				a := k.Send(req)
				if ok {
					k.Want(a, 200)
					continue
				}
				want := sentences[len(name) > 64]
				k.Want(a, 400, "code", "invalid_request", "detail", want)
				if raw := string(a.Raw); !strings.Contains(raw, `"path":"name"`) || strings.Count(raw, want) != 2 {
					t.Errorf("%s %q, %s: %s", method, name, lang, a.Raw)
				}
			}
		}
	}
}

func TestAccount(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	want := login.Account{Tenant: model.DefaultTenant, ID: "alice", Username: "alice", Required: true}
	if got, err := k.App.Login.Account(ctx, session(t, k, alice)); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	k.Relaxed()
	if got, err := k.App.Login.Account(ctx, session(t, k, alice)); err != nil || got.Required {
		t.Errorf("with nothing required: %+v, %v", got, err)
	}
}

func session(t *testing.T, k *testkit.Kit, p *testkit.Person) login.Session {
	t.Helper()
	s, err := k.App.Login.AuthenticateUser(ctx, p.Access)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whoever sees a login that was not theirs puts an end to what it opened, from
// however old a session, and the log says which it was.
func TestDisown(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
		thief := *alice
		k.Advance(time.Minute)
		k.Login(alice)
		ticket := k.Ticket("alice")
		invite, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		mine := session(t, k, alice)
		history, err := k.App.Login.History(ctx, mine.Caller, store.EventPlace{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		line := history[len(history)-1]
		place := store.EventPlace{At: line.At, ID: line.ID}
		if _, err := k.App.Login.Event(ctx, session(t, k, bob), place); model.CodeOf(err) != model.CodeNotFound {
			t.Errorf("bob finds it: %v", err)
		}
		for _, at := range []store.EventPlace{{}, {At: line.At}, {ID: line.ID}, {At: line.At.Add(time.Second), ID: line.ID}} {
			if e, err := k.App.Login.Event(ctx, mine, at); model.CodeOf(err) != model.CodeNotFound {
				t.Errorf("at %v: %+v, %v", at, e, err)
			}
		}
		sealed := k.WantNoted("alice", audit.LoginDisowned, audit.OutcomeOK, func() {
			ended, revision, err := k.App.Login.Disown(ctx, mine, place)
			if err != nil || ended != (login.Disowned{Sessions: 1, Known: 2}) || revision == 0 {
				t.Errorf("%+v at %d, %v", ended, revision, err)
			}
		})
		if sealed["event"] != line.Activity || sealed["time"] != line.At.UTC().Format(time.RFC3339) {
			t.Errorf("the log has %v of %+v", sealed, line)
		}
		k.Want(own(t, k, thief.Access), 401)
		k.Want(own(t, k, alice.Access), 200)
		k.Want(own(t, k, bob.Access), 200)
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid")
		k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": invite.Invite, "password": testkit.Password}), 401, "code", "invite_invalid")
		if again, _, err := k.App.Login.Disown(ctx, mine, store.EventPlace{ID: "none"}); err != nil || again != (login.Disowned{}) {
			t.Errorf("once more: %+v, %v", again, err)
		}
	})
}
