package login_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/password"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/throttle"
	"rolegate/model"
)

func TestWaits(t *testing.T) {
	m := time.Minute
	for failed, want := range map[int64]time.Duration{
		0: 0, 9: 0, 10: 15 * m, 11: 0, 14: 0, 15: 30 * m, 20: 60 * m, 25: 120 * m, 30: 240 * m, 35: 480 * m, 40: 960 * m, 45: 1440 * m,
		49: 0, 50: throttle.Never, 51: throttle.Never, 1000: throttle.Never,
	} {
		if got := login.CodeWait(failed); got != want {
			t.Errorf("after %d wrong codes: %s, want %s", failed, got, want)
		}
	}
	s := time.Second
	for failed, want := range map[int64]time.Duration{0: 0, 4: 0, 5: 5 * s, 6: 10 * s, 7: 20 * s, 12: 640 * s, 13: 15 * m, 1000: 15 * m} {
		if got := login.PasswordWait(failed); got != want {
			t.Errorf("after %d wrong passwords: %s, want %s", failed, got, want)
		}
	}
}

// Where the current password is asked for again, wrong ones are counted apart
// from the login's: whoever holds a session cannot try for ever, nor lock anybody
// out. (B112)
func TestCurrentPassword(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	s := k.App.Login
	code := func(err error) model.Code { t.Helper(); return model.CodeOf(err) }
	for i := range 5 {
		if err := s.TryPassword(ctx, model.DefaultTenant, "alice"); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	if got := code(s.TryPassword(ctx, model.DefaultTenant, "alice")); got != model.CodeTooManyAttempts {
		t.Errorf("the sixth: %q", got)
	}
	if err := s.TryPassword(ctx, model.DefaultTenant, "bob"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	k.Login(alice)
	k.Advance(5 * time.Second)
	if err := s.TryPassword(ctx, model.DefaultTenant, "alice"); err != nil {
		t.Error(err)
	}
	if err := s.PasswordRight(ctx, model.DefaultTenant, "alice"); err != nil {
		t.Error(err)
	}
	for range 5 {
		if err := s.TryPassword(ctx, model.DefaultTenant, "alice"); err != nil {
			t.Errorf("after a right one: %v", err)
		}
	}
}

// device does a whole login and returns the secret that the device has after it.
func device(k *testkit.Kit, p *testkit.Person, secret string) string {
	k.T.Helper()
	req := k.Request("/v1/login/totp", "", map[string]any{"ticket": k.Ticket(p.ID), "code": k.NextCode(p)})
	if secret != "" {
		req.Header.Set("Cookie", "__Host-rolegate-device="+secret)
	}
	a := k.Send(req)
	k.Want(a, 200)
	p.Access = a.Text("access_token")
	cookie, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	return strings.TrimPrefix(cookie, "__Host-rolegate-device=")
}

// known asks, as alice, which devices she has.
func known(k *testkit.Kit, p *testkit.Person, secret string) (ids []string, current int) {
	k.T.Helper()
	req := k.Request("/v1/me/known-devices", p.Access, nil)
	req.Method, req.Body, req.ContentLength = http.MethodGet, nil, 0
	req.Header.Set("Rolegate-Device", secret)
	a := k.Send(req)
	k.Want(a, 200)
	for _, d := range a.Body["devices"].([]any) {
		d := d.(map[string]any)
		ids = append(ids, d["id"].(string))
		if d["current"] == true {
			current++
		}
	}
	return ids, current
}

func TestKnownDeviceRotates(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		before, _ := known(k, alice, "")
		if len(before) != 1 {
			t.Errorf("after the enrolment %d devices are known", len(before))
		}
		first := device(k, alice, "")
		second := device(k, alice, first)
		if first == "" || second == "" || first == second {
			t.Fatalf("secrets %q and %q", first, second)
		}
		if ids, current := known(k, alice, second); len(ids) != 2 || current != 1 {
			t.Errorf("%v, %d of them this one", ids, current)
		}
		if tab := device(k, alice, first); tab != "" {
			t.Error("a tab that shows the secret before the last one is given another device")
		}
		k.Advance(2 * time.Minute)
		if _, current := known(k, alice, first); current != 0 {
			t.Error("a secret that was replaced minutes ago is still known")
		}
		k.Advance(login.KnownDeviceTTL)
		third := device(k, alice, second)
		if ids, _ := known(k, alice, third); len(ids) != 1 {
			t.Errorf("%d devices are known after ninety days without them", len(ids))
		}
		for range 25 {
			device(k, alice, "")
		}
		if ids, _ := known(k, alice, ""); len(ids) != 20 {
			t.Errorf("%d devices are known", len(ids))
		}
	})
}

func TestKnownDeviceIsForgotten(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	secret := device(k, alice, "")
	other := device(k, bob, "")
	ids, _ := known(k, bob, other)
	forget := func(p *testkit.Person, id string) int {
		req := k.Request("/v1/me/known-devices/"+id, p.Access, nil)
		req.Method, req.Body, req.ContentLength = http.MethodDelete, nil, 0
		return k.Send(req).Status
	}
	if got := forget(alice, ids[0]); got != 404 {
		t.Errorf("somebody else's device: %d", got)
	}
	if got := forget(bob, ids[0]); got != 204 {
		t.Errorf("his own: %d", got)
	}
	// Another person at the same browser is a device of their own.
	if shared := device(k, bob, secret); shared == "" || shared == secret {
		t.Errorf("bob is given %q where alice was before", shared)
	}
	// A recovery code, and what replaces the factors, make all devices unknown.
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]})
	k.Want(a, 200)
	if a.Header.Get("Set-Cookie") != "" {
		t.Error("a recovery code makes a device known")
	}
	alice = k.FinishEnrolment("alice", a.Text("ticket"))
	if ids, current := known(k, alice, secret); len(ids) != 1 || current != 0 {
		t.Errorf("after a new enrolment %v are known", ids)
	}
}

// Nothing that was tried lies readable in the database.
func TestCountersNameNobody(t *testing.T) {
	k := testkit.New(t, testkit.Proxied)
	k.TryPassword("203.0.113.77", "swordfish-in-the-name-field", "hunter2-hunter2")
	k.Stop()
	file, err := os.ReadFile(filepath.Join(k.Config.Data, "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tried := range []string{"swordfish-in-the-name-field", "203.0.113.77", "hunter2-hunter2"} {
		if bytes.Contains(file, []byte(tried)) {
			t.Errorf("%s is in the database", tried)
		}
	}
}

// A flood from one address costs the database next to nothing.
func TestFloodFromOneAddress(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_LOGIN_RATE=30")
	before := k.App.Login.Settled()
	for i := range 3000 {
		k.Post("/v1/login", "", map[string]any{"username": fmt.Sprint("user", i), "password": "wrong"})
	}
	if n := k.App.Login.Settled() - before; n > 200 {
		t.Errorf("3,000 logins took %d transactions", n)
	}
}

func TestUnlock(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.StandStill()
		k.MustEnrol("alice")
		for range 5 {
			k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "wrong"})
		}
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), 429)
		unlock := func(user string) error {
			_, err := app.UnlockUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: user})
			return err
		}
		if err := unlock("alice"); err != nil {
			t.Fatal(err)
		}
		k.Ticket("alice")
		if err := unlock("nobody"); model.CodeOf(err) != model.CodeUserUnknown {
			t.Errorf("unlock of nobody: %v", err)
		}
	})
}

// While strangers who have logged in as somebody else wait for the database in numbers
// and some are turned away, who comes from a known device still has a place.
func TestStrangersLeaveRoomForKnownDevices(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	secret, another := device(k, alice, ""), device(k, k.MustEnrol("mallory"), "")
	err := k.App.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.Bump(ctx, model.DefaultTenant); err != nil { // SQLite has one writer, and this is it now
			return err
		}
		strangers, leave := context.WithCancel(login.WithDevice(ctx, another))
		answers, waiting := make(chan error), 1200
		defer func() {
			leave()
			for range waiting {
				<-answers
			}
		}()
		for i := range 1200 {
			from := reqctx.With(strangers, &reqctx.Request{Address: fmt.Sprintf("2001:db8:%x::1", i)})
			go func() {
				_, err := k.App.Login.Login(from, "", "alice", "wrong")
				answers <- err
			}()
		}
		for turnedAway := false; !turnedAway; waiting-- { // before them some may have waited too long
			if waiting == 0 {
				t.Fatal("nobody is turned away")
			}
			turnedAway = model.CodeOf(<-answers) == model.CodeBusy
		}
		known, leave2 := context.WithTimeout(login.WithDevice(ctx, secret), time.Second)
		defer leave2()
		if _, err := k.App.Login.Login(known, "", "alice", testkit.Password); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("from a known device: %v, want it to wait for the database", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of a crowd of strangers those who do not come in are not looked up or counted. A
// device that somebody has logged in with comes in.
func TestCrowdIsKeptOut(t *testing.T) {
	k := testkit.New(t)
	secret := device(k, k.MustEnrol("alice"), "")
	k.App.Login.Hasher = fullHasher(t)
	before := k.App.Login.Settled()
	try := func(ctx context.Context, charged int64) {
		t.Helper()
		if _, err := k.App.Login.Login(ctx, "", "alice", testkit.Password); model.CodeOf(err) != model.CodeBusy {
			t.Errorf("Login = %v, want %s", err, model.CodeBusy)
		}
		if got := k.App.Login.Settled() - before; got != charged {
			t.Errorf("%d transactions for what was tried, want %d", got, charged)
		}
	}
	var inside []func()
	for {
		leave, err := k.App.Login.Hasher.Enter(ctx)
		if err != nil {
			break
		}
		inside = append(inside, leave)
	}
	try(ctx, 0)
	try(login.WithDevice(ctx, "of nobody"), 0)
	try(login.WithDevice(ctx, secret), 2) // a charge, which is taken back
	for _, leave := range inside {
		leave()
	}
	try(ctx, 4)
}

// fullHasher is a Hasher whose one worker never comes free.
func fullHasher(t *testing.T) *password.Hasher {
	full := password.New(password.Params{}, 1, time.Millisecond)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	full.UseProcesses(t.Context(), func() *exec.Cmd { <-over; return exec.Command("false") })
	go full.Hash(t.Context(), "for ever")
	for full.Stats().Running == 0 {
		time.Sleep(time.Millisecond) // until that has begun
	}
	return full
}

// What no worker came free for was not looked at, and costs nobody a try.
func TestBusyCostsNoTry(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	good, full := k.App.Login.Hasher, fullHasher(t)
	k.App.Login.Hasher = full
	for range 6 {
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), 503, "code", "busy")
	}
	k.App.Login.Hasher = good
	ticket := k.Ticket("alice")
	recover := func() testkit.Answer {
		return k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]})
	}
	for range 6 {
		k.App.Login.Hasher = full
		k.Want(recover(), 503, "code", "busy")
		k.App.Login.Hasher = good
		ticket = k.Ticket("alice")
	}
	k.Want(recover(), 200, "status", "ok")

	bob := k.MustEnrol("bob")
	k.App.Login.Hasher = full
	for range 6 {
		k.Want(k.Post("/v1/me/password", bob.Access, map[string]any{"current": testkit.Password, "new": "seventeen walrus kites"}), 503, "code", "busy")
	}
	k.App.Login.Hasher = good
	k.Want(k.Post("/v1/me/password", bob.Access, map[string]any{"current": testkit.Password, "new": "seventeen walrus kites"}), 200)

	carol := k.MustEnrol("carol")
	k.App.Login.Hasher = full
	for range 6 {
		k.Want(k.Post("/v1/me/recovery-codes", carol.Access, nil), 503, "code", "busy")
	}
	k.App.Login.Hasher = good
	k.Want(k.Post("/v1/me/recovery-codes", carol.Access, nil), 200)
}

// A right first code, for which no worker came free to hash recovery codes, is no
// wrong one: whoever enrols while everybody does is not locked out.
func TestBusyCostsNoCode(t *testing.T) {
	k := testkit.New(t)
	good, full := k.App.Login.Hasher, fullHasher(t)
	ticket := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password}).Text("ticket")
	for range 12 {
		e := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
		k.Want(e, 200)
		k.App.Login.Hasher = full
		confirm := map[string]any{"ticket": ticket, "code": k.CodeAt(e.Text("secret"), 0)}
		k.Want(k.Post("/v1/login/enrol/confirm", "", confirm), 503, "code", "busy")
		k.App.Login.Hasher = good
		ticket = k.Ticket("alice")
	}
	k.FinishEnrolment("alice", ticket)

	k.Relaxed()
	bob := k.PasswordOnly("bob")
	d := k.Post("/v1/me/devices", bob.Access, map[string]any{"name": "Phone"})
	confirm := func() testkit.Answer {
		return k.Post("/v1/me/devices/"+d.Text("device_id")+"/confirm", bob.Access, map[string]any{"code": k.CodeAt(d.Text("secret"), 0)})
	}
	k.App.Login.Hasher = full
	for range 12 {
		k.Want(confirm(), 503, "code", "busy")
	}
	k.App.Login.Hasher = good
	k.Want(confirm(), 200)
}

// Each set of recovery codes is ten hashes, so nobody gets one after the other.
func TestRenewalsAreBounded(t *testing.T) {
	k := testkit.New(t)
	ann, bob := k.MustEnrol("ann"), k.MustEnrol("bob")
	renew := func(p *testkit.Person) testkit.Answer { return k.Post("/v1/me/recovery-codes", p.Access, nil) }
	for range 5 {
		k.Want(renew(ann), 200)
	}
	began, entries := 0, k.Noted("ann", func() {
		for range 3 {
			a := renew(ann)
			k.Want(a, 429, "code", "too_many_attempts")
			if a.Header.Get("Retry-After") == "" {
				t.Error("nobody says when")
			}
		}
	})
	for _, e := range entries {
		if e.Leaf.Activity == audit.LoginFailMax {
			began++
		}
	}
	if began != 1 || len(entries) != 3 {
		t.Errorf("%d entries, of which %d say that the limit was reached", len(entries), began)
	}
	k.Want(renew(bob), 200)
	k.Advance(13 * time.Minute)
	k.Login(ann)
	k.Want(renew(ann), 200)
}

// Whatever name nobody has, its tries are counted and then refused like others,
// and those that are settled along with them are not the worse for it.
func TestNamesThatCannotBeAreThrottled(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.StandStill()
		k.MustEnrol("alice")
		for _, body := range []map[string]any{
			{"tenant": "nosuch", "username": "alice", "password": "x"},
			{"tenant": "no\x00such", "username": "alice", "password": "x"},
			{"username": "al\x00ice", "password": "x"},
			{"username": "al\r\nice", "password": "x"},
		} {
			for range 4 {
				k.Want(k.Post("/v1/login", "", body), 401, "code", "login_failed")
			}
			requests := []*http.Request{k.Request("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password})}
			for range 20 {
				requests = append(requests, k.Request("/v1/login", "", body))
			}
			if got := testkit.Statuses(k.Together(requests...)); got[200] != 1 || got[401] != 1 || got[429] != 19 {
				t.Errorf("%q: %v", body, got)
			}
		}
	})
}

// Of secrets nobody has no more are looked at than an address may fail logins,
// wherever they are sent, and who has one is heard all the same. The others are
// refusals like any, see audit's floods.
func TestUnknownSecretsAreBounded(t *testing.T) {
	for path, wrong := range map[string]map[string]any{
		"/v1/invite/accept":       {"invite": "x", "password": testkit.Password},
		"/v1/invite/strength":     {"invite": "x", "password": testkit.Password},
		"/v1/login/totp":          {"ticket": "x", "code": "123456"},
		"/v1/login/recovery":      {"ticket": "x", "code": "x"},
		"/v1/login/enrol":         {"ticket": "x"},
		"/v1/login/enrol/confirm": {"ticket": "x", "code": "123456"},
		"/v1/token/refresh":       {"refresh_token": "x"},
	} {
		t.Run(path, func(t *testing.T) {
			k := testkit.New(t, "ROLEGATE_LOGIN_RATE=5")
			invite := k.Invite("alice")
			entries := k.Noted("", func() {
				for range 20 {
					if a := k.Post(path, "", wrong); a.Status == 429 {
						t.Fatalf("refused: %s", a.Raw)
					}
				}
				for range 10 {
					k.Want(k.Post(path, "", wrong), 429, "code", "too_many_attempts")
				}
			})
			misses := 0
			for _, e := range entries {
				if e.Leaf.Activity != audit.RequestFailed {
					misses++
				}
			}
			if misses != 20 || len(entries) != 30 {
				t.Errorf("%d entries, of which %d are of what was looked at", len(entries), misses)
			}
			k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}), 200)
		})
	}
}

// A backend asks about tokens as often as people work, all of it from one address:
// the limit on requests is for those who are no client.
func TestClientsAreNotCountedWhileTheyAreRight(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_LOGIN_RATE=1") // 20 requests at once
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	token := k.TokenFor("crm", secret)
	for range 60 {
		k.Want(k.Introspect("crm", secret, token), 200, "active", true)
		k.Want(k.AskToken("crm", secret), 200)
	}
	for path, wrong := range map[string]func() testkit.Answer{
		"introspection": func() testkit.Answer { return k.Introspect("crm", "wrong", token) },
		"revocation": func() testkit.Answer {
			return k.Form("/oauth2/revoke", "", "", "token", "x", "client_id", login.FirstPartyClient)
		},
	} {
		last := 0
		for range 21 {
			last = wrong().Status
		}
		if last != 429 {
			t.Errorf("the 21st %s by nobody is answered %d", path, last)
		}
		k.Stop()
		k = testkit.New(t, "ROLEGATE_LOGIN_RATE=1")
	}
}
