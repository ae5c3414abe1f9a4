package login_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Of changes at the same time one is made, and nobody's session survives it but
// the one it was made in.
func TestOneOfManyChangesWins(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann")
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			req := k.Request("/v1/me/password", ann.Access, map[string]any{"current": testkit.Password, "new": fmt.Sprint("seventeen walrus kites ", i)})
			wg.Go(func() {
				a, err := testkit.Do(req)
				switch {
				case err != nil:
					t.Error(err)
				case a.Status == 200:
					won.Add(1)
				case a.Status != 401 && a.Status != 429 && a.Status != 503:
					t.Errorf("%d %s", a.Status, a.Raw)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 8 changes won", won.Load())
		}
		if a := k.Post("/v1/me/password/strength", ann.Access, map[string]any{"password": "x"}); a.Status != 401 {
			t.Errorf("the old session lives: %d", a.Status)
		}
	})
}

// Each change, and each that failed, has its entry, and nothing of a password is
// in an answer.
func TestChangesAreRecorded(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	for _, c := range []struct {
		current, next string
		status        int
		entry         audit.Activity
	}{
		{"wrong", "seventeen walrus kites", 401, audit.ChangeFailed},
		{testkit.Password, "password123", 422, audit.ChangeFailed},
		{testkit.Password, testkit.Password, 422, audit.ChangeFailed},
		{testkit.Password, "seventeen walrus kites", 200, audit.PasswordChanged},
	} {
		before := audittest.Count(t, k.App.Store, c.entry)
		a := k.Post("/v1/me/password", ann.Access, map[string]any{"current": c.current, "new": c.next})
		if a.Status != c.status || strings.Contains(string(a.Raw), c.next) {
			t.Errorf("%s: %d %s", c.next, a.Status, a.Raw)
		}
		if got := audittest.Count(t, k.App.Store, c.entry) - before; got != 1 {
			t.Errorf("%s: %d entries %s, want one", c.next, got, c.entry)
		}
	}
}

// Who owes a second factor and has no device is told so before anything is hashed,
// and no try is charged.
func TestAChangeThatOwesAFactorHashesNothing(t *testing.T) {
	k := testkit.New(t)
	byRole(t, k)
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("ann"), "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	everybody := model.MFAEveryone
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &everybody}); err != nil {
		t.Fatal(err)
	}
	done, before := k.App.Login.Hasher.Stats().Done, audittest.Count(t, k.App.Store, audit.ChangeFailed)
	for range 6 {
		for language, detail := range map[string]string{
			"en": "This needs a device for one-time codes; add one first.", "zh-CN": "此操作需要验证设备，请先绑定。",
		} {
			current := testkit.Password
			if language == "en" {
				current = "wrong"
			}
			req := k.Request("/v1/me/password", a.Text("access_token"), map[string]any{"current": current, "new": "seventeen walrus kites"})
			req.Header.Set("Accept-Language", language)
			k.Want(k.Send(req), 409, "code", "device_required", "detail", detail)
		}
	}
	if n := k.App.Login.Hasher.Stats().Done - done; n != 0 {
		t.Errorf("%d passwords were hashed", n)
	}
	if n := audittest.Count(t, k.App.Store, audit.ChangeFailed) - before; n != 12 {
		t.Errorf("%d entries tell of 12 refusals", n)
	}
}

// What strangers try slows a person's devices again once the password was changed:
// whoever used one of them with the old password is a stranger.
func TestAChangeForgetsDevices(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann, bob := k.MustEnrol("ann"), k.MustEnrol("bob")
		secret, bobs := device(k, ann, ""), device(k, bob, "")
		if _, current := known(k, ann, secret); current != 1 {
			t.Fatal("the device is not known")
		}
		a := k.Post("/v1/me/password", ann.Access, map[string]any{"current": testkit.Password, "new": "seventeen walrus kites"})
		k.Want(a, 200)
		ann.Access = a.Text("access_token")
		if ids, current := known(k, ann, secret); len(ids) != 0 || current != 0 {
			t.Errorf("after the change %v are known", ids)
		}
		if _, current := known(k, bob, bobs); current != 1 {
			t.Error("somebody else's device was forgotten")
		}
	})
}

// A session that can only enrol again changes no password.
func TestARecoveredSessionChangesNoPassword(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("ann"), "code": ann.RecoveryCodes[0]})
	k.Want(a, 200)
	for _, path := range []string{"/v1/me/password", "/v1/me/password/strength"} {
		body := map[string]any{"current": testkit.Password, "new": "seventeen walrus kites"}
		if path != "/v1/me/password" {
			body = map[string]any{"password": "x"}
		}
		k.Want(k.Post(path, a.Text("access_token"), body), http.StatusForbidden, "code", "re_enrol_only")
	}
}

// A name that nobody has is timed as one of the tenant's users, and no password
// of that user opens anything under it.
func TestStandInsOpenNothing(t *testing.T) {
	k := testkit.New(t)
	file := []byte(`{"users": [{"id": "old", "password_hash": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}]}`)
	if _, err := app.ImportUsers.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: file}); err != nil {
		t.Fatal(err)
	}
	k.Invite("invited") // and has no password
	k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("new"), "password": testkit.Password}), 200)
	seen := map[string]int{}
	for i := range 200 {
		name := fmt.Sprint("nobody", i)
		hash, err := login.StandIn(k.App.Login, ctx, model.DefaultTenant, "", name)
		if err != nil || hash == "" {
			t.Fatalf("%s: %q, %v", name, hash, err)
		}
		again, err := login.StandIn(k.App.Login, ctx, model.DefaultTenant, "", strings.ToUpper(name))
		if err != nil || again != hash {
			t.Errorf("%s: asked again it costs something else (%v)", name, err)
		}
		seen[hash[:4]]++
	}
	if seen["$2a$"] < 50 || seen["$arg"] < 50 {
		t.Errorf("of 200 names of nobody %v have the cost of either; want about half", seen)
	}
	if hash, err := login.StandIn(k.App.Login, ctx, model.DefaultTenant, "stored", "new"); err != nil || hash != "stored" {
		t.Errorf("a hash that is there is replaced: %q, %v", hash, err)
	}
	k.Advance(time.Hour)
	for _, name := range []string{"nobody", "somebody", "invited", "two words", ""} {
		done := k.App.Login.Hasher.Stats().Done
		a := k.Post("/v1/login", "", map[string]any{"username": name, "password": "U*U"})
		if name == "" {
			if a.Status == 200 {
				t.Errorf("no name: %s", a.Raw)
			}
			continue
		}
		k.Want(a, 401, "code", "login_failed")
		if n := k.App.Login.Hasher.Stats().Done - done; n != 1 {
			t.Errorf("%s: %d hashes, want one", name, n)
		}
	}
	k.Want(k.Post("/v1/login", "", map[string]any{"username": "old", "password": "U*U"}), 200)
}
