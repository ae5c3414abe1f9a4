package login_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// keysAway is a store whose signing keys cannot be read while it is armed.
type keysAway struct {
	store.Store
	armed *atomic.Bool
}

func (k keysAway) ListSigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	if k.armed.Load() {
		return nil, &model.Error{Code: model.CodeStoreUnavailable}
	}
	return k.Store.ListSigningKeys(ctx)
}

// When the keys have changed and cannot be read, nobody's token is called wrong: a
// front end would log the person out, and a client throw away a good token.
func TestKeysThatCannotBeReadMakeNoTokenWrong(t *testing.T) {
	var armed atomic.Bool
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) {
		a.Login.Keys.Through(func(s store.Store) store.Store { return keysAway{s, &armed} })
	})
	alice := k.MustEnrol("alice")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	client := k.TokenFor("crm", secret)
	revisions := k.App.Store.Revisions()
	asks := map[string]func() testkit.Answer{
		"a person":   func() testkit.Answer { return k.Call("GET", "/v1/me/sessions", alice.Access, nil) },
		"a client":   func() testkit.Answer { return k.Post("/access/v1/evaluation", client, map[string]any{}) },
		"introspect": func() testkit.Answer { return k.Introspect("crm", secret, alice.Access) },
		"revoke":     func() testkit.Answer { return k.Revoke("crm", secret, client) },
		"holder":     func() testkit.Answer { return k.Revoke("rolegate", "", alice.Access) },
	}
	armed.Store(true)
	revisions.Saw(store.Installation, revisions.Known(store.Installation)+1)
	for what, ask := range asks {
		if a := ask(); a.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", what, a.Status, a.Raw)
		}
	}
	armed.Store(false)
	k.Want(k.Call("GET", "/v1/me/sessions", alice.Access, nil), 200)
	k.Want(k.Call("GET", "/v1/me/sessions", alice.Access+"x", nil), 401)
}

// A key that another process may have made meanwhile is not called unknown either
// while nobody can look for it.
func TestAnUnknownKeyIsNotWrongWhileNobodyCanLook(t *testing.T) {
	var armed atomic.Bool
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) {
		a.Login.Keys.Through(func(s store.Store) store.Store { return keysAway{s, &armed} })
	})
	alice := k.MustEnrol("alice")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	client := k.TokenFor("crm", secret)
	person, service := underAnotherKey(t, alice.Access), underAnotherKey(t, client)
	want := func(when string, status int) {
		t.Helper()
		for what, a := range map[string]testkit.Answer{
			"a person":   k.Call("GET", "/v1/me/sessions", person, nil),
			"a client":   k.Post("/access/v1/evaluation", service, map[string]any{}),
			"introspect": k.Introspect("crm", secret, person),
		} {
			if what == "introspect" && status == http.StatusUnauthorized {
				if a.Status != 200 || a.Body["active"] != false {
					t.Errorf("%s, %s: %d %s", when, what, a.Status, a.Raw)
				}
				continue
			}
			if a.Status != status {
				t.Errorf("%s, %s: %d %s, want %d", when, what, a.Status, a.Raw, status)
			}
			if again := a.Header.Get("Retry-After"); (again != "") != (status == http.StatusServiceUnavailable) {
				t.Errorf("%s, %s: Retry-After %q", when, what, again)
			}
		}
	}
	k.Advance(time.Second)
	want("all is well", http.StatusUnauthorized)
	unknown := k.App.Login.Keys.UnknownKIDs()

	armed.Store(true)
	k.Advance(time.Second)
	want("the keys are away", http.StatusServiceUnavailable)
	if n := k.App.Login.Keys.UnknownKIDs() - unknown; n != 0 {
		t.Errorf("%d kids count as unknown", n)
	}
	k.Want(k.Call("GET", "/v1/me/sessions", alice.Access, nil), 200)
	k.Want(k.Call("GET", "/v1/me/sessions", alice.Access+"x", nil), 401)

	armed.Store(false)
	k.Advance(time.Second)
	want("they are back", http.StatusUnauthorized)
}

// underAnotherKey is a token that names a key nobody here knows.
func underAnotherKey(t *testing.T, raw string) string {
	t.Helper()
	first, rest, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]string{}
	if err := json.Unmarshal(data, &header); err != nil {
		t.Fatal(err)
	}
	kid := []byte(header["kid"])
	slices.Reverse(kid)
	header["kid"] = string(kid)
	if data, err = json.Marshal(header); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data) + "." + rest
}
