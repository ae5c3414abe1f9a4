package login_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/token"
	"rolegate/model"
)

// watched is a service that remembers, and counts what it looks up.
type watched struct {
	*testkit.Kit
	signatures atomic.Int64 // that were verified
	rows       atomic.Int64 // clients and sessions that were read
}

func remembering(t testing.TB) *watched {
	k := &watched{}
	k.Kit = testkit.StartAltered(t, t.TempDir(), func(a *app.App) { k.watch(t, a.Login) })
	return k
}

func (k *watched) watch(t testing.TB, s *login.Service) {
	t.Helper()
	stored := stored{s.Store}
	v, err := token.NewVerifier(token.Verifier{Issuer: s.Verifier.Issuer, Audience: s.Verifier.Audience, Leeway: s.Verifier.Leeway, Now: s.Verifier.Now,
		Key: func(kid string) (token.Key, error) { k.signatures.Add(1); return s.Keys.Find(kid) }})
	if err != nil {
		t.Fatal(err)
	}
	s.Verifier, s.Revisions = v, stored
	s.Store = &countingStore{s.Store, &k.rows}
}

// stored is what the database says, which is as exact as can be.
type stored struct{ store.Store }

func (s stored) Known(tenant string) int64 {
	t, err := s.Tenant(context.Background(), tenant)
	if err != nil {
		return 0
	}
	return t.Revision
}

type countingStore struct {
	store.Store
	rows *atomic.Int64
}

func (c *countingStore) Client(ctx context.Context, id string) (model.Client, error) {
	c.rows.Add(1)
	return c.Store.Client(ctx, id)
}

func (c *countingStore) Session(ctx context.Context, id string) (store.Session, error) {
	c.rows.Add(1)
	return c.Store.Session(ctx, id)
}

// looked runs f and tells how many signatures and rows it took.
func (k *watched) looked(f func()) string {
	signatures, rows := k.signatures.Load(), k.rows.Load()
	f()
	return fmt.Sprintf("%d signatures, %d rows", k.signatures.Load()-signatures, k.rows.Load()-rows)
}

func TestTokensAreVerifiedOnce(t *testing.T) {
	k := remembering(t)
	alice, client := k.MustEnrol("alice"), k.ClientToken("crm")
	s := k.App.Login
	for name, ask := range map[string]func() error{
		"client":    func() error { _, err := s.AuthenticateClient(ctx, client); return err },
		"assurance": func() error { _, err := s.Assurance(ctx, model.DefaultTenant, "alice", alice.Access); return err },
	} {
		again := func() {
			if err := ask(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, step := range []struct {
			before func()
			want   string
		}{
			{func() {}, "1 signatures, 1 rows"},
			{func() {}, "0 signatures, 0 rows"},
			{func() { k.Invite("somebody-" + name) }, "0 signatures, 1 rows"}, // the tenant moved
			{func() {}, "0 signatures, 0 rows"},
			{func() { s.Revisions = noneKnown{} }, "0 signatures, 1 rows"},
			{func() {}, "0 signatures, 1 rows"},
			{func() { s.Revisions = stored{k.App.Store} }, "0 signatures, 0 rows"},
		} {
			step.before()
			if got := k.looked(again); got != step.want {
				t.Errorf("%s: %s, want %s", name, got, step.want)
			}
		}
	}
	first, err := s.AuthenticateClient(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	s.Revisions = noneKnown{}
	if fresh, err := s.AuthenticateClient(ctx, client); err != nil || fmt.Sprint(first) != fmt.Sprint(fresh) {
		t.Errorf("remembered as %v, is %v, %v", first, fresh, err)
	}
}

type noneKnown struct{}

func (noneKnown) Known(string) int64 { return 0 }

// A token of one kind is none of the other, remembered or not.
func TestKindsAreNotMixed(t *testing.T) {
	k := remembering(t)
	alice, client := k.MustEnrol("alice"), k.ClientToken("crm")
	for range 2 {
		if _, err := k.App.Login.AuthenticateClient(ctx, alice.Access); model.CodeOf(err) != model.CodeUnauthorized {
			t.Errorf("a person's token is a client's: %v", err)
		}
		if _, err := k.App.Login.AuthenticateUser(ctx, client); model.CodeOf(err) != model.CodeUnauthorized {
			t.Errorf("a client's token is a person's: %v", err)
		}
		if _, err := k.App.Login.Assurance(ctx, model.DefaultTenant, "bob", alice.Access); model.CodeOf(err) != model.CodeUnauthorized {
			t.Errorf("alice's token speaks for bob: %v", err)
		}
		if _, err := k.App.Login.AuthenticateUser(ctx, alice.Access); err != nil {
			t.Error(err)
		}
		if _, err := k.App.Login.AuthenticateClient(ctx, client); err != nil {
			t.Error(err)
		}
	}
}

// What ends a token is felt by the next request, though it is remembered.
func TestRevocationIsFeltAtOnce(t *testing.T) {
	off := true
	for name, c := range map[string]struct {
		change func(k *watched, alice *testkit.Person) error
		client bool // the client's token ends, too
		person bool
	}{
		"logout": {func(k *watched, alice *testkit.Person) error {
			k.Want(k.Post("/v1/logout", alice.Access, nil), 204)
			return nil
		}, false, true},
		"reused refresh token": {func(k *watched, alice *testkit.Person) error {
			next := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
			k.Want(next, 200)
			k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": next.Text("refresh_token")}), 200)
			k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 401)
			return nil
		}, false, true},
		"user disabled": {func(k *watched, _ *testkit.Person) error {
			_, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: true})
			return err
		}, false, true},
		"tenant disabled": {func(k *watched, _ *testkit.Person) error {
			_, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Disabled: &off})
			return err
		}, false, true}, // a client's question is answered, with no
		"client disabled": {func(k *watched, _ *testkit.Person) error {
			_, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}, Disabled: true})
			return err
		}, true, false},
		"signing key removed": {func(k *watched, _ *testkit.Person) error {
			k.Exec("DELETE FROM signing_keys") // behind the service's back: it looks now and then
			return k.App.Login.Keys.Maintain(ctx)
		}, true, true},
		"signing key revoked": {func(k *watched, _ *testkit.Person) error {
			keys, err := k.App.Login.Keys.List(ctx)
			if err != nil {
				return err
			}
			_, err = app.RevokeKey.Run(ctx, k.App, testkit.Operator, app.KeyRequest{ID: keys[0].ID})
			return err
		}, true, true},
		"expiry": {func(k *watched, _ *testkit.Person) error {
			k.Advance(10*time.Minute + 10*time.Second) // the leeway
			return nil
		}, true, true},
		"clock set back": {func(k *watched, _ *testkit.Person) error {
			k.Advance(-11 * time.Minute)
			return nil
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			k := remembering(t)
			alice, client := k.MustEnrol("alice"), k.ClientToken("crm")
			s := k.App.Login
			check := func(when string, clientEnded, personEnded bool) {
				for kind, is := range map[string]struct {
					ended bool
					ask   func() error
				}{
					"client":    {clientEnded, func() error { _, err := s.AuthenticateClient(ctx, client); return err }},
					"person":    {personEnded, func() error { _, err := s.AuthenticateUser(ctx, alice.Access); return err }},
					"assurance": {personEnded, func() error { _, err := s.Assurance(ctx, model.DefaultTenant, "alice", alice.Access); return err }},
				} {
					want := model.Code("")
					if is.ended {
						want = model.CodeUnauthorized
					}
					if err := is.ask(); model.CodeOf(err) != want {
						t.Errorf("%s, %s: %v, want %q", kind, when, err, want)
					}
				}
			}
			for range 2 {
				check("before", false, false)
			}
			if err := c.change(k, alice); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				check("after", c.client, c.person)
			}
		})
	}
}

// A session may end before the token does.
func TestRememberedSessionsEnd(t *testing.T) {
	k := remembering(t)
	alice := k.MustEnrol("alice")
	k.Exec(fmt.Sprintf("UPDATE sessions SET expires_at = %d", k.Now().Add(time.Minute).UnixMicro()))
	for _, want := range []model.Code{"", "", model.CodeUnauthorized} {
		if _, err := k.App.Login.Assurance(ctx, model.DefaultTenant, "alice", alice.Access); model.CodeOf(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
		k.Advance(31 * time.Second)
	}
}

// A person's own request is refused once the session has ended on another
// replica, though nothing is known of that here.
func TestSessionsEndedElsewhere(t *testing.T) {
	k := remembering(t)
	alice := k.MustEnrol("alice")
	k.App.Login.Revisions = oneKnown{}
	for _, want := range []model.Code{"", "", model.CodeUnauthorized} {
		if want != "" {
			k.Exec(fmt.Sprintf("UPDATE sessions SET ended_at = %d", k.Now().UnixMicro()))
		}
		if _, err := k.App.Login.AuthenticateUser(ctx, alice.Access); model.CodeOf(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What is no good token is never remembered: not an altered one, nor one too long.
func TestBadTokensAreNotRemembered(t *testing.T) {
	k := remembering(t)
	client := k.ClientToken("crm")
	good := func() {
		if _, err := k.App.Login.AuthenticateClient(ctx, client); err != nil {
			t.Error(err)
		}
	}
	good()
	head, signature := client[:len(client)-8], client[len(client)-8:]
	for i := range 1000 {
		bad := head + fmt.Sprintf("%04d", i) + signature[4:]
		if i == 0 {
			bad = client + strings.Repeat("A", 9<<10)
		}
		if bad == client {
			continue
		}
		for range 2 {
			if _, err := k.App.Login.AuthenticateClient(ctx, bad); model.CodeOf(err) != model.CodeUnauthorized {
				t.Fatalf("an altered token is accepted: %v", err)
			}
		}
	}
	if got := k.looked(good); got != "0 signatures, 0 rows" {
		t.Errorf("a good token was crowded out: %s", got)
	}
}

// While requests come in, each change is felt by whoever asks after it was made.
func TestRevocationRace(t *testing.T) {
	k := remembering(t)
	client := k.ClientToken("crm")
	// What was done: each change counts one when it begins and one when it is
	// answered, so two looks that see the same number saw no change between.
	// Every other change disables.
	var changes atomic.Int64
	isOff := func(n int64) bool { return n%4 == 2 }
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := changes.Load()
				_, err := k.App.Login.AuthenticateClient(ctx, client)
				if changes.Load() != before {
					continue
				}
				if got := model.CodeOf(err); isOff(before) && got != model.CodeUnauthorized {
					t.Errorf("a disabled client is answered %v", err)
				}
			}
		})
	}
	for i := range 20 {
		changes.Add(1)
		off := i%2 == 0
		if _, err := app.SetClientDisabled.Run(ctx, k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}, Disabled: off}); err != nil {
			t.Error(err)
		}
		changes.Add(1)
		for range 20 {
			if _, err := k.App.Login.AuthenticateClient(ctx, client); (err == nil) == off {
				t.Errorf("disabled %v, answered %v", off, err)
			}
		}
	}
	close(stop)
	wg.Wait()
}

func TestRecheck(t *testing.T) {
	k := testkit.New(t)
	client := k.ClientToken("crm")
	s := k.App.Login
	caller, err := s.AuthenticateClient(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Recheck(ctx, caller)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(caller) {
		t.Errorf("%v, %v; want %v", again, err, caller)
	}
	if got, err := s.Recheck(ctx, testkit.Operator); err != nil || got.ID != testkit.Operator.ID {
		t.Errorf("an operator comes back as %v, %v", got, err)
	}
	elsewhere := caller
	elsewhere.Tenant = "another"
	gone := caller
	gone.ID = "gone"
	for name, c := range map[string]model.Caller{"of another tenant": elsewhere, "that is gone": gone} {
		if _, err := s.Recheck(ctx, c); model.CodeOf(err) != model.CodeUnauthorized {
			t.Errorf("a client %s: %v", name, err)
		}
	}
	k.Exec(`UPDATE clients SET scopes = '["audit"]'`)
	if got, err := s.Recheck(ctx, caller); err != nil || got.HasScope("decide") {
		t.Errorf("a scope that was taken away is still there: %v, %v", got, err)
	}
	k.Exec(`UPDATE clients SET disabled = 1`)
	if got, err := s.Recheck(ctx, caller); model.CodeOf(err) != model.CodeUnauthorized || got.ID != "" {
		t.Errorf("a disabled client: %v, %v", got, err)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	k := remembering(b)
	alice, client := k.MustEnrol("alice"), k.ClientToken("crm")
	s := k.App.Login
	for name, c := range map[string]struct {
		revisions interface{ Known(string) int64 }
		ask       func() error
	}{
		"client/remembered": {oneKnown{}, func() error { _, err := s.AuthenticateClient(ctx, client); return err }},
		"person/remembered": {oneKnown{}, func() error { _, err := s.Assurance(ctx, model.DefaultTenant, "alice", alice.Access); return err }},
		"client/rows":       {noneKnown{}, func() error { _, err := s.AuthenticateClient(ctx, client); return err }},
		"person/rows":       {noneKnown{}, func() error { _, err := s.AuthenticateUser(ctx, alice.Access); return err }},
		"signature":         {noneKnown{}, func() error { _, err := s.Verifier.Verify(client); return err }},
	} {
		b.Run(name, func(b *testing.B) {
			s.Revisions = c.revisions
			b.ReportAllocs()
			for b.Loop() {
				if err := c.ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type oneKnown struct{}

func (oneKnown) Known(string) int64 { return 1 }
