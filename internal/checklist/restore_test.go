package checklist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
)

func init() {
	holds(184, "a restored backup opens with its key, and after `rolegate restored` gives back no session, token, invitation, recovery code, known device or time step", restore)
}

func restore(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	invite := k.Invite("carol")
	k.Login(alice)
	pending := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "tablet"})
	k.Want(pending, 200)
	k.Stop()
	backup := map[string][]byte{}
	for _, path := range must(filepath.Glob(filepath.Join(k.Config.Data, "*.db"))) {
		backup[path] = must(os.ReadFile(path))
	}

	k = testkit.Start(t, k.Config.Data)
	k.Advance(time.Minute)
	code := k.Code(bob) // all of these are used up after the backup was made
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("bob"), "code": code}), 200)
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": bob.RecoveryCodes[0]}), 200)
	k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}), 200)
	k.Want(k.Post("/v1/logout", alice.Access, map[string]any{}), 204)
	k.Stop()

	for _, path := range must(filepath.Glob(filepath.Join(k.Config.Data, "*.db-*"))) {
		os.Remove(path)
	}
	for path, text := range backup {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k = testkit.Start(t, k.Config.Data)
	k.Advance(time.Minute)
	ticket := k.Ticket("bob")
	perform(t, k, app.Restored, app.None{})
	if n := countEntries(k, audit.Restored); n != 1 {
		t.Errorf("%d entries say so, want 1", n)
	}
	for what, a := range map[string]testkit.Answer{
		"access token":  k.Post("/v1/logout", alice.Access, map[string]any{}),
		"refresh token": k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}),
		"ticket":        k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}),
		"time step":     k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("bob"), "code": code}),
		"recovery code": k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": bob.RecoveryCodes[0]}),
		"unused code":   k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": bob.RecoveryCodes[1]}),
		"invitation":    k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}),
	} {
		if a.Status < 400 || strings.Contains(string(a.Raw), "access_token") {
			t.Errorf("%s: %d %s", what, a.Status, a.Raw)
		}
	}
	k.Advance(2 * time.Minute)
	k.Login(alice) // what was enrolled is
	k.Login(bob)
	if a := k.Call("GET", "/v1/me/known-devices", alice.Access, nil); len(a.Body["devices"].([]any)) != 1 {
		t.Errorf("from before, devices are known: %s", a.Raw)
	}
	k.Want(k.Post("/v1/me/devices/"+pending.Text("device_id")+"/confirm", alice.Access,
		map[string]any{"code": k.CodeAt(pending.Text("secret"), 0)}), 404)
}

// must is for what only fails where the test itself is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
