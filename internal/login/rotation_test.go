package login_test

import (
	"slices"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func signing(t *testing.T, k *testkit.Kit) []login.KeyInfo {
	t.Helper()
	keys, err := k.App.Login.Keys.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Another algorithm comes as the next key: nobody meets it unprepared.
func TestAnotherAlgorithm(t *testing.T) {
	k := testkit.New(t)
	old := k.ClientToken("crm")
	k.Stop()
	k = testkit.Start(t, k.Config.Data, "ROLEGATE_SIGNING_ALGORITHM=RS256")
	keys := signing(t, k)
	if len(keys) != 2 || keys[0].Algorithm != "RS256" || keys[0].State != login.KeyPrepublished || keys[1].State != login.KeySigning {
		t.Fatalf("after the start: %+v", keys)
	}
	k.Get("/.well-known/jwks.json") // and is what the contract says
	if _, err := k.App.Login.AuthenticateClient(ctx, old); err != nil {
		t.Errorf("a token of before: %v", err)
	}
	k.Advance(login.PrepublishFor)
	secret, err := app.RotateClient.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}})
	if err != nil {
		t.Fatal(err)
	}
	raw := k.TokenFor("crm", secret.ClientSecret)
	if _, err := k.App.Login.AuthenticateClient(ctx, raw); err != nil {
		t.Errorf("a token of RS256: %v", err)
	}
	if keys := signing(t, k); keys[0].State != login.KeySigning || keys[1].State != login.KeyRetiring {
		t.Errorf("after ten minutes: %+v", keys)
	}
	k.Stop()
	k = testkit.Start(t, k.Config.Data, "ROLEGATE_SIGNING_ALGORITHM=RS256")
	if keys := signing(t, k); len(keys) != 2 {
		t.Errorf("another start made another key: %+v", keys)
	}
}

// Of several replicas that find a key due, one makes the next.
func TestOneReplicaRotates(t *testing.T) {
	ks := testkit.StartReplicas(t, 3, "ROLEGATE_SIGNING_KEY_LIFE=24h")
	ks[0].Advance(24*time.Hour - login.PrepublishFor - time.Minute)
	maintain := func() {
		done := make(chan error)
		for _, k := range ks {
			go func() { done <- k.App.Login.Keys.Maintain(ctx) }()
		}
		for range ks {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	maintain()
	if keys := signing(t, ks[0]); len(keys) != 1 {
		t.Fatalf("before its time: %+v", keys)
	}
	ks[0].Advance(2 * time.Minute)
	maintain()
	maintain()
	if keys := signing(t, ks[0]); len(keys) != 2 || keys[0].State != login.KeyPrepublished {
		t.Errorf("after its time: %+v", keys)
	}
}

// A process makes no key by itself in its first hour, nor ever where people do.
func TestKeysOfTheirOwnAccord(t *testing.T) {
	for life, want := range map[string]int{"0s": 1, "1h": 2} {
		k := testkit.New(t, "ROLEGATE_SIGNING_KEY_LIFE="+life)
		k.Advance(59 * time.Minute)
		for range 2 {
			if err := k.App.Login.Keys.Maintain(ctx); err != nil {
				t.Fatal(err)
			}
			if n := len(signing(t, k)); n != 1 && time.Until(k.Now()) < time.Hour {
				t.Errorf("life %s: %d keys in the first hour", life, n)
			}
			k.Advance(2 * time.Minute)
		}
		if err := k.App.Login.Keys.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(signing(t, k)); n != want {
			t.Errorf("life %s: %d keys, want %d", life, n, want)
		}
	}
}

// Asked to sign at once, the key that is published already does: verifiers may know
// it, and nobody meets two new keys in ten minutes.
func TestRotateAtOnceBesideTheNextKey(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		keys := k.App.Login.Keys
		first := signing(t, k)[0]
		next, err := keys.Rotate(ctx, testkit.Operator, false)
		if err != nil {
			t.Fatal(err)
		}
		k.Advance(2 * time.Minute)
		old := k.ClientToken("crm")
		if now, err := keys.Rotate(ctx, testkit.Operator, true); err != nil || now.ID != next.ID || now.State != login.KeySigning {
			t.Errorf("at once: %+v, %v; want %s", now, err, next.ID)
		}
		if _, err := keys.Rotate(ctx, testkit.Operator, false); err != nil {
			t.Errorf("the next after that: %v", err)
		}
		list := signing(t, k)
		if len(list) != 3 || list[1].ID != next.ID || list[2].ID != first.ID || list[2].State != login.KeyRetiring {
			t.Errorf("afterwards: %+v", list)
		}
		if _, err := k.App.Login.AuthenticateClient(ctx, old); err != nil {
			t.Errorf("a token of before: %v", err)
		}
	})
}

// Every key may be revoked, the next and the last as well, and one signs.
func TestRevokeAnyKey(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		keys := k.App.Login.Keys
		next, err := keys.Rotate(ctx, testkit.Operator, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Rotate(ctx, testkit.Operator, false); model.CodeOf(err) != model.CodeConflict {
			t.Errorf("a second next key: %v", err)
		}
		first := signing(t, k)[1]
		if now, err := keys.Revoke(ctx, testkit.Operator, next.ID); err != nil || now.ID != first.ID {
			t.Errorf("the next revoked: %v, %+v signs", err, now)
		}
		at, err := keys.Rotate(ctx, testkit.Operator, true)
		if err != nil || at.State != login.KeySigning {
			t.Errorf("at once: %+v, %v", at, err)
		}
		if now, err := keys.Revoke(ctx, testkit.Operator, first.ID); err != nil || now.ID != at.ID {
			t.Errorf("the retiring revoked: %v, %+v signs", err, now)
		}
		now, err := keys.Revoke(ctx, testkit.Operator, at.ID)
		if err != nil || now.State != login.KeySigning || slices.Contains([]string{first.ID, next.ID, at.ID}, now.ID) {
			t.Errorf("the last revoked: %v, %+v signs", err, now)
		}
		k.ClientToken("crm")
		k.Advance(100 * 24 * time.Hour)
		if err := keys.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		for _, i := range signing(t, k) {
			if i.State == login.KeyRevoked || i.State == login.KeyDropped {
				t.Errorf("%+v is still there", i)
			}
		}
	})
}

// However the clock jumps about rotations and a revocation, one key signs, and what
// it signs is good.
func TestKeysWhileTheClockJumps(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_SIGNING_KEY_LIFE=1h")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	rotate := func(atOnce bool) func() error {
		return func() error {
			_, err := app.RotateKey.Run(ctx, k.App, testkit.Operator, app.KeyRotation{AtOnce: atOnce})
			return err
		}
	}
	revoke := func() error {
		key, err := k.App.Login.Keys.Current()
		if err == nil {
			_, err = app.RevokeKey.Run(ctx, k.App, testkit.Operator, app.KeyRequest{ID: key.ID})
		}
		return err
	}
	nothing := func() error { return nil }
	for i, step := range []struct {
		jump time.Duration
		then func() error
	}{
		{0, rotate(false)}, {-time.Hour, nothing}, {3 * time.Hour, nothing}, {-4 * time.Hour, nothing},
		{0, revoke}, {0, rotate(true)}, {10 * time.Hour, nothing}, {-20 * time.Hour, revoke}, {40 * time.Hour, nothing},
	} {
		k.Advance(step.jump)
		if err := step.then(); err != nil {
			t.Fatal(i, err)
		}
		if err := k.App.KeepKeys(ctx); err != nil {
			t.Fatal(i, err)
		}
		if _, err := k.App.Login.AuthenticateClient(ctx, k.TokenFor("crm", secret)); err != nil {
			t.Errorf("after step %d: %v", i, err)
		}
		signs := 0
		for _, key := range signing(t, k) {
			if key.State == login.KeySigning {
				signs++
			}
		}
		if signs != 1 {
			t.Errorf("after step %d: %d keys sign", i, signs)
		}
	}
}
