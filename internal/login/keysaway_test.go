package login_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

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
