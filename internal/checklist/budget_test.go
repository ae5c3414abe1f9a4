package checklist

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"rolegate/api"
	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(109, "a known device alone, by header or cookie, replaces neither the password nor the code", deviceAlone)
	holds(145, "one address that tries many accounts is stopped, though each has failed once", spraying)
	holds(147, "no header changes whom a try is counted for, unless a proxy that was named sends it", forgedAddresses)
	holds(148, "all addresses of one IPv6 /64 are one", oneSlash64)
	holds(149, "100,000 made-up names neither evict a watched counter nor fill memory or database", manyNames)
	holds(150, "limits hold against parallel tries, and over two replicas", parallelPasswords)
	holds(151, "what is refused is 429 problem+json with Retry-After; within the limits nothing is delayed", tooMany)
	holds(154, "every open route of the contract has a limiter, and so has the renewal of a page's session; a test of the server walks the router for the reasons of the others", openRoutesLimited)
	holds(155, "when the clock jumps an hour, locks and limits neither vanish nor become eternal", clockJumps)
}

// strict are the limits of an installation, small enough to reach.
const strict = "ROLEGATE_LOGIN_RATE=5" // 20 at once, of 10 accounts; requests: 100

func spraying(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, strict)
	k.MustEnrol("alice")
	recorded := recordedWhile(k, func() {
		k.Want(k.TryPassword("203.0.113.7", "user0", "mistyped"), 401) // which is not spraying
		for i := range 10 {
			k.Want(k.TryPassword("203.0.113.7", fmt.Sprint("user", i), "Spring2026!"), 401)
		}
		for i := range 20 {
			k.Want(k.TryPassword("203.0.113.7", fmt.Sprint("next", i), "Spring2026!"), 429)
		}
	})
	if n := countOf(recorded, audit.LoginFailMax); n != 1 {
		t.Errorf("the limit is recorded %d times: %v", n, recorded)
	}
	k.Want(k.TryPassword("203.0.113.8", "alice", testkit.Password), 200)
	k.Advance(3 * time.Minute)
	k.Want(k.TryPassword("203.0.113.7", "alice", testkit.Password), 200)
}

func manyNetworks(t *testing.T) {
	k := testkit.New(t, testkit.Proxied)
	alice := k.MustEnrol("alice")
	ticket := k.TryPassword("203.0.113.7", "alice", testkit.Password).Text("ticket")
	a := k.PostFrom("203.0.113.7", "/v1/login/totp", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}, "Rolegate-Device", "new")
	device := a.Header.Get("Rolegate-Device")
	k.Want(a, 200)
	if len(device) < 43 {
		t.Fatalf("device %q", device)
	}
	for i := range 205 {
		k.TryPassword(fmt.Sprintf("198.%d.%d.7", i/100, i%100), "alice", "wrong")
	}
	k.Want(k.TryPassword("192.0.2.1", "alice", testkit.Password), 429)
	k.Want(k.TryPassword("192.0.2.1", "alice", testkit.Password, "Rolegate-Device", "made-up"), 429)
	// The owner's device, from wherever, also from among the attackers.
	for _, addr := range []string{"192.0.2.1", "198.0.7.7"} {
		k.Want(k.TryPassword(addr, "alice", testkit.Password, "Rolegate-Device", device), 200, "status", "mfa_required")
	}
	// A known device does not try for ever either, and is nobody else's.
	for range 5 {
		k.Want(k.TryPassword("192.0.2.1", "alice", "wrong", "Rolegate-Device", device), 401)
	}
	k.Want(k.TryPassword("192.0.2.1", "alice", testkit.Password, "Rolegate-Device", device), 429)
	k.Advance(5 * time.Second)
	k.Want(k.TryPassword("192.0.2.1", "alice", testkit.Password, "Rolegate-Device", device), 200)
	k.MustEnrol("bob")
	for i := range 205 {
		k.TryPassword(fmt.Sprintf("198.%d.%d.7", i/100, i%100), "bob", "wrong")
	}
	k.Want(k.TryPassword("192.0.2.2", "bob", testkit.Password, "Rolegate-Device", device), 429)

	// One network that attacks, and the owner from another, on no known device.
	k.MustEnrol("carol")
	for range 30 {
		k.TryPassword("203.0.113.99", "carol", "wrong")
	}
	k.Want(k.TryPassword("203.0.113.99", "carol", testkit.Password), 429)
	k.Want(k.TryPassword("192.0.2.3", "carol", testkit.Password), 200)
}

func deviceAlone(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	send := func(path string, body map[string]any, header, value string) testkit.Answer {
		req := k.Request(path, "", body)
		req.Header.Set(header, value)
		return k.Send(req)
	}
	a := send("/v1/login/totp", map[string]any{"ticket": k.Ticket("alice"), "code": k.NextCode(alice)}, "Rolegate-Device", "new")
	k.Want(a, 200)
	device := a.Header.Get("Rolegate-Device")
	for header, value := range map[string]string{"Rolegate-Device": device, "Cookie": "__Host-rolegate-device=" + device} {
		for _, password := range []string{"wrong", "", device} {
			if a := send("/v1/login", passwordBody("alice", password), header, value); a.Status != 401 && a.Status != 400 || a.Text("ticket") != "" || a.Text("access_token") != "" {
				t.Errorf("%s, password %q: %d %s", header, password, a.Status, a.Raw)
			}
		}
		k.Want(send("/v1/login", map[string]any{"username": "alice"}, header, value), 400)
		k.Want(send("/v1/login/totp", map[string]any{"ticket": device, "code": k.NextCode(alice)}, header, value), 401, "code", "ticket_invalid")
		k.Want(send("/v1/me/password", map[string]any{"current": "x", "new": "another one that is long"}, header, value), 401, "code", "unauthorized")
		k.Want(send("/v1/login", passwordBody("alice", testkit.Password), header, value), 200, "status", "mfa_required", "access_token", nil)
	}
}

func forgedAddresses(t *testing.T) {
	forged := func(i int) []string {
		ip := fmt.Sprintf("203.0.113.%d", i)
		return [][]string{
			{"X-Forwarded-For", ip}, {"True-Client-IP", ip}, {"X-Real-IP", ip}, {"Forwarded", "for=" + ip},
			{"X-Forwarded-For", ip + ", 10.0.0.1"}, {"X-Forwarded-For", "garbage, ::ffff:" + ip}, {"X-Forwarded-For", ""},
		}[i%7]
	}
	try := func(k *testkit.Kit, i int) testkit.Answer {
		req := k.Request("/v1/login", "", passwordBody("alice", "wrong"))
		h := forged(i)
		req.Header.Set(h[0], h[1])
		return k.Send(req)
	}
	k := testkit.New(t)
	for i := range 5 {
		k.Want(try(k, i), 401)
	}
	for i := range 20 {
		k.Want(try(k, i+5), 429)
	}
	// A proxy that was named is believed in X-Forwarded-For alone, from the right
	// up to the first address that is no such proxy; nonsense is the proxy's own.
	k = testkit.New(t, testkit.Proxied)
	for range 5 {
		k.Want(k.TryPassword("198.51.100.4, 203.0.113.7", "alice", "wrong"), 401)
	}
	for _, same := range []string{"203.0.113.7", "1.2.3.4, 203.0.113.7", "garbage, 203.0.113.7", "::ffff:203.0.113.7", "203.0.113.200"} {
		k.Want(k.TryPassword(same, "alice", "wrong", "X-Real-IP", "192.0.2.200", "True-Client-IP", "192.0.2.201"), 429)
	}
	for i := range 5 {
		k.Want(k.TryPassword([]string{"garbage", "", "203.0.113.7, garbage"}[i%3], "alice", "wrong"), 401)
	}
	k.Want(k.TryPassword("nonsense", "alice", "wrong"), 429)
}

func oneSlash64(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, strict)
	k.StandStill()
	answered := 0
	for i := range 10_000 {
		addr := fmt.Sprintf("2001:db8:7:7:%x:%x::1", i/100, i%100)
		if a := k.TryPassword(addr, fmt.Sprint("user", i), "wrong"); a.Status == 401 {
			answered++
		}
	}
	if answered != 10 {
		t.Errorf("%d tries of one /64 are answered", answered)
	}
	k.Want(k.TryPassword("2001:db8:7:8::1", "alice", "wrong"), 401)
}

func manyNames(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=30")
	k.MustEnrol("alice")
	for i := range 12 {
		if i > 4 {
			k.Advance(5 * time.Second << (i - 5)) // as long as there is to wait; ten minutes after the last
		}
		k.Want(k.TryPassword("203.0.113.7", "alice", "wrong"), 401)
	}
	// The service itself, past the limit on requests.
	ctx := reqctx.With(context.Background(), &reqctx.Request{Address: "198.51.100.1"})
	before := k.App.Login.Hasher.Stats().Done
	for i := range 100_000 {
		if _, err := k.App.Login.Login(ctx, model.DefaultTenant, fmt.Sprintf("made-up-%d", i), "wrong"); err == nil {
			t.Fatal("a made-up name logs in")
		}
	}
	if n := k.App.Login.Hasher.Stats().Done - before; n > 200 {
		t.Errorf("%d of 100,000 were hashed", n)
	}
	k.Want(k.TryPassword("203.0.113.7", "alice", testkit.Password), 429)
	if n := counters(k); n > 400 {
		t.Errorf("%d counters lie in the database", n)
	}
	k.Advance(26 * time.Hour)
	for more := true; more; {
		var err error
		if more, err = k.App.Login.SweepTries(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := counters(k); n != 0 {
		t.Errorf("%d counters are left a day later", n)
	}
}

// counters counts those in the SQLite database.
func counters(k *testkit.Kit) (n int) {
	k.T.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.Config.Data, "rolegate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		k.T.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM throttle_counters`).Scan(&n); err != nil {
		k.T.Fatal(err)
	}
	return n
}

func parallelPasswords(t *testing.T) {
	kits := testkit.StartReplicas(t, 2)
	kits[0].StandStill()
	kits[0].MustEnrol("alice")
	var heard atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			a, err := testkit.Do(kits[i%2].Request("/v1/login", "", passwordBody("alice", "wrong")))
			switch {
			case err != nil:
				t.Error(err)
			case a.Status == 401:
				heard.Add(1)
			case a.Status != 429 && a.Status != 503:
				t.Errorf("%d %s", a.Status, a.Raw)
			}
		})
	}
	wg.Wait()
	if heard.Load() != 5 {
		t.Errorf("%d of 100 parallel tries were heard, not 5", heard.Load())
	}
	for _, k := range kits {
		k.Want(k.Post("/v1/login", "", passwordBody("alice", testkit.Password)), 429)
	}
}

func tooMany(t *testing.T) {
	k := testkit.New(t)
	k.StandStill()
	alice := k.MustEnrol("alice")
	for range 4 {
		k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 401)
	}
	k.Login(alice) // at once, and the four are forgotten
	for range 5 {
		k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 401)
	}
	a := k.Post("/v1/login", "", passwordBody("alice", "wrong"))
	k.Want(a, 429, "code", "too_many_attempts", "type", "urn:rolegate:problem:too_many_attempts")
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 5 {
		t.Fatalf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	k.Advance(time.Duration(wait) * time.Second)
	k.Login(alice)
	for range 6 {
		req := k.Request("/v1/login", "", passwordBody("nobody", "wrong"))
		req.Header.Set("Accept-Language", "zh-CN")
		a = k.Send(req)
	}
	k.Want(a, 429, "title", "尝试次数过多", "code", "too_many_attempts")
}

func openRoutesLimited(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	k := testkit.New(t, "ROLEGATE_LOGIN_RATE=1", testkit.Proxied) // 20 requests at once
	n := 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security == nil || len(*op.Security) > 0 || (method == http.MethodGet || method == http.MethodHead) && !strings.Contains(path, "{tenant}") {
				continue // the same for everybody, from memory
			}
			n++
			var a testkit.Answer
			for range 21 {
				req := k.Request(strings.Replace(path, "{tenant}", "x", 1), "", map[string]any{})
				req.Method = method
				a = k.Send(testkit.From(req, fmt.Sprintf("203.0.113.%d", n)))
			}
			k.Want(a, 429)
		}
	}
	if n < 8 {
		t.Errorf("only %d open routes were found", n)
	}
	renewalsLimited(t, k)
}

// renewalsLimited: a page whose session is to be renewed looks a refresh token up, as
// POST /v1/token/refresh does, whoever made it up.
func renewalsLimited(t *testing.T, k *testkit.Kit) {
	for i, path := range []string{"/account", "/step-up", "/console/people", "/login"} {
		status := 0
		for range 21 {
			status = browse(t, k, "GET", path, fmt.Sprintf("203.0.113.%d", 100+i), refreshCookie+"=made-up", accessCookie+"=made-up").StatusCode
		}
		if status != 429 {
			t.Errorf("%s renews by a made-up token for the 21st time: %d", path, status)
		}
	}
	k = testkit.New(t) // 600 requests at once
	ann := k.MustEnrol("ann")
	k.Want(k.Post("/v1/logout", ann.Access, nil), 204)
	for what, token := range map[string]string{"made up": "x", "ended": ann.Refresh} {
		if n := len(k.Recorded(func() {
			for range 250 {
				browse(t, k, "GET", "/account", "", refreshCookie+"="+token)
			}
		})); n > 100 {
			t.Errorf("a token that is %s leaves %d entries in the log", what, n)
		}
	}
}

// browse sends a browser's request, and goes nowhere else for it.
func browse(t *testing.T, k *testkit.Kit, method, path, address string, cookies ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, k.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Cookie", strings.Join(cookies, "; "))
	if address != "" {
		testkit.From(req, address)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res
}

func clockJumps(t *testing.T) {
	t.Run("code lock", func(t *testing.T) {
		k := testkit.New(t)
		alice := codeLocked(k, "alice")
		k.Advance(-time.Hour)
		k.Want(secondStep(k, k.Ticket("alice"), k.Code(alice)), 429)
		k.Advance(15 * time.Minute) // it lasts once more as long as it would have, not an hour longer
		failCodes(k, alice, 5)
		k.Want(secondStep(k, k.Ticket("alice"), k.Code(alice)), 429)
		k.Advance(time.Hour) // the wait is over early, but the count goes on: the third lock is the third
		failCodes(k, alice, 5)
		a := secondStep(k, k.Ticket("alice"), k.Code(alice))
		k.Want(a, 429)
		if wait, _ := strconv.Atoi(a.Header.Get("Retry-After")); wait < 3500 {
			t.Errorf("the third lock lasts %d s", wait)
		}
	})
	t.Run("passwords", func(t *testing.T) {
		k := testkit.New(t)
		k.MustEnrol("alice")
		for range 5 {
			k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 401)
		}
		k.Advance(-time.Hour)
		k.Want(k.Post("/v1/login", "", passwordBody("alice", testkit.Password)), 429)
		k.Advance(5 * time.Second)
		k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 401)
		k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 429)
		k.Advance(time.Hour)
		k.Want(k.Post("/v1/login", "", passwordBody("alice", "wrong")), 401)
		a := k.Post("/v1/login", "", passwordBody("alice", "wrong"))
		k.Want(a, 429)
		if wait, _ := strconv.Atoi(a.Header.Get("Retry-After")); wait < 15 {
			t.Errorf("after seven wrong passwords the wait is %d s", wait)
		}
	})
	t.Run("freshness", func(t *testing.T) {
		k := testkit.New(t)
		alice := k.MustEnrol("alice")
		k.Advance(time.Hour)
		k.Login(alice)
		k.Advance(-time.Hour) // what was proven in an hour was not proven just now
		a := refresh(k, alice.Refresh)
		k.Want(a, 200)
		k.Want(k.Post("/v1/me/recovery-codes", a.Text("access_token"), nil), 401, "code", "insufficient_user_authentication")
		k.Advance(50 * time.Minute)
		a = refresh(k, a.Text("refresh_token"))
		k.Want(k.Post("/v1/me/recovery-codes", a.Text("access_token"), nil), 401)
		k.Advance(11 * time.Minute)
		a = refresh(k, a.Text("refresh_token"))
		k.Want(k.Post("/v1/me/recovery-codes", a.Text("access_token"), nil), 200)
	})
	t.Run("grace", func(t *testing.T) {
		k := testkit.New(t)
		alice := k.MustEnrol("alice")
		k.Want(refresh(k, alice.Refresh), 200)
		k.Want(refresh(k, alice.Refresh), 200)
		k.Advance(-time.Hour) // ten seconds are not an hour
		k.Want(refresh(k, alice.Refresh), 401, "code", "token_invalid")
	})
}
