package checklist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(4, "a wrong password, an unknown, disabled or locked user and an unknown tenant get the same answer", refusedAlike)
	holds(5, "an empty, missing or malformed password is refused the same for known and unknown users", malformedAlike)
	holds(7, "a ticket ends after five minutes, and with its success", ticketEnds)
	holds(8, "a ticket takes its own user's code only, and another's try counts against its own user", foreignCode)
	holds(9, "wrong codes over several tickets add up", codesAddUp)
	holds(10, "a newer ticket ends the older one", newerTicket)
	holds(11, "every spelling of a user name is one account with one counter, or refused", spellings)
	holds(13, "an over-long password is refused before it is hashed", longPassword)
	holds(27, "after five wrong codes a ticket is dead, also for the right one", deadTicket)
	holds(28, "ten wrong codes in a row, over any tickets and addresses, lock the step: the right code gets the wrong one's answer", codeLock)
	holds(29, "of a hundred parallel wrong codes none escapes the counter", parallelCodes)
	holds(30, "wrong codes are counted although the transaction that looks at them rolls back, and across a restart", countedWhateverComes)
	holds(31, "without the right password nobody locks a code step, and one user's lock is no other's", lockOfOne)
	holds(32, "after fifty wrong codes in a row only a recovery code or an unlock goes on", hardStop)
	holds(39, "wrong codes at the confirmation of a device are counted too, of the first and of one that is added", confirmCounted)
	holds(54, "recovery codes have a budget of their own, at most ten in an hour, and neither budget gets round the other", recoveryBudget)
}

// passwordBody is the body of a password step.
func passwordBody(username string, password any) map[string]any {
	return map[string]any{"username": username, "password": password}
}

// wrongCode is a code that the person's device does not show.
func wrongCode(k *testkit.Kit, p *testkit.Person) string {
	right := k.Code(p)
	return right[:5] + string('0'+(right[5]-'0'+1)%10)
}

// secondStep does the second step.
func secondStep(k *testkit.Kit, ticket, code string) testkit.Answer {
	return k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
}

// failCodes fails n times, with as many tickets as it takes.
func failCodes(k *testkit.Kit, p *testkit.Person, n int) {
	k.T.Helper()
	ticket := ""
	for i := range n {
		if i%5 == 0 {
			ticket = k.Ticket(p.ID)
		}
		if a := secondStep(k, ticket, wrongCode(k, p)); a.Code() != "code_invalid" {
			k.T.Fatalf("wrong code %d: %d %s", i+1, a.Status, a.Raw)
		}
	}
}

// answerOf is all of an answer that somebody outside could tell apart.
func answerOf(a testkit.Answer) any {
	delete(a.Body, "trace_id")
	delete(a.Body, "instance")
	h := a.Header.Clone()
	h.Del("X-Request-Id")
	h.Del("Date")
	if h.Get("Retry-After") != "" {
		h.Set("Retry-After", "said") // in seconds, which go by
	}
	return map[string]any{"status": a.Status, "body": a.Body, "headers": h}
}

// sameAnswers fails unless the answers are the same.
func sameAnswers(t *testing.T, want int, answers map[string]testkit.Answer) {
	t.Helper()
	var first any
	for name, a := range answers {
		if a.Status != want {
			t.Errorf("%s: %d, want %d", name, a.Status, want)
		}
		got := answerOf(a)
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s differs: %s", name, diff)
		}
	}
}

// recordedWhile lists what is recorded while do runs.
func recordedWhile(k *testkit.Kit, do func()) []audit.Activity {
	k.T.Helper()
	return audittest.Activities(audittest.Left(k.T, k.App.Store, do))
}

func countOf(all []audit.Activity, of audit.Activity) (n int) {
	for _, a := range all {
		if a == of {
			n++
		}
	}
	return n
}

// codeLocked makes somebody whose code step is locked.
func codeLocked(k *testkit.Kit, id string) *testkit.Person {
	k.T.Helper()
	p := k.MustEnrol(id)
	failCodes(k, p, 10)
	return p
}

func disableUser(k *testkit.Kit, id string) {
	k.T.Helper()
	if _, err := app.SetUserDisabled.Run(context.Background(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Disabled: true}); err != nil {
		k.T.Fatal(err)
	}
}

func refusedAlike(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	k.MustEnrol("gone")
	disableUser(k, "gone")
	codeLocked(k, "locked")
	k.Invite("invited")
	k.MustEnrol("left")
	forget(k, "left")
	elsewhere := passwordBody("alice", "wrong")
	elsewhere["tenant"] = "elsewhere"
	sameAnswers(t, http.StatusUnauthorized, map[string]testkit.Answer{
		"wrong password":            k.Post("/v1/login", "", passwordBody("alice", "wrong")),
		"unknown":                   k.Post("/v1/login", "", passwordBody("nobody", testkit.Password)),
		"disabled, right password":  k.Post("/v1/login", "", passwordBody("gone", testkit.Password)),
		"disabled, wrong password":  k.Post("/v1/login", "", passwordBody("gone", "wrong")),
		"locked, wrong password":    k.Post("/v1/login", "", passwordBody("locked", "wrong")),
		"deleted, right password":   k.Post("/v1/login", "", passwordBody("left", testkit.Password)),
		"without a password so far": k.Post("/v1/login", "", passwordBody("invited", testkit.Password)),
		"unknown tenant":            k.Post("/v1/login", "", elsewhere),
		"no usable name":            k.Post("/v1/login", "", passwordBody("a b", testkit.Password)),
	})
}

func malformedAlike(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	for name, body := range map[string]func(user string) map[string]any{
		"empty":   func(u string) map[string]any { return passwordBody(u, "") },
		"missing": func(u string) map[string]any { return map[string]any{"username": u} },
		"null":    func(u string) map[string]any { return passwordBody(u, nil) },
		"number":  func(u string) map[string]any { return passwordBody(u, 1) },
		"array":   func(u string) map[string]any { return passwordBody(u, []string{testkit.Password}) },
		"object":  func(u string) map[string]any { return passwordBody(u, map[string]any{"$ne": ""}) },
	} {
		known, unknown := k.Post("/v1/login", "", body("alice")), k.Post("/v1/login", "", body("nobody"))
		if known.Status != http.StatusBadRequest && known.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, known.Status)
		}
		sameAnswers(t, known.Status, map[string]testkit.Answer{name + ", known": known, name + ", unknown": unknown})
	}
}

func ticketEnds(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	ticket := k.Ticket("alice")
	k.Advance(5 * time.Minute)
	k.Want(secondStep(k, ticket, k.NextCode(alice)), 401, "code", "ticket_invalid")
	ticket = k.Ticket("alice")
	k.Want(secondStep(k, ticket, k.NextCode(alice)), 200)
	k.Want(secondStep(k, ticket, k.NextCode(alice)), 401, "code", "ticket_invalid")
}

func foreignCode(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	k.Advance(30 * time.Second)
	for range 2 {
		ticket := k.Ticket("alice")
		for range 5 {
			k.Want(secondStep(k, ticket, k.Code(bob)), 401, "code", "code_invalid")
		}
	}
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429) // hers are spent
	k.Login(bob)                                                     // and his are not, nor is his code used
}

func codesAddUp(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	for range 5 { // two tickets by turns, though never both alive
		ticket := k.Ticket("alice")
		k.Want(secondStep(k, ticket, wrongCode(k, alice)), 401)
		k.Want(secondStep(k, ticket, wrongCode(k, alice)), 401)
	}
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429, "code", "too_many_attempts")
}

func newerTicket(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	older, newer := k.Ticket("alice"), k.Ticket("alice")
	code := k.NextCode(alice)
	k.Want(secondStep(k, older, code), 401, "code", "ticket_invalid")
	k.Want(secondStep(k, newer, code), 200)
}

func spellings(t *testing.T) {
	k := testkit.New(t)
	k.StandStill()
	k.MustEnrol("alice")
	for _, same := range []string{"ALICE", "Alice", "ａｌｉｃｅ", "ＡＬＩＣＥ"} {
		k.Want(k.Post("/v1/login", "", passwordBody(same, testkit.Password)), 200, "status", "mfa_required")
	}
	for _, other := range []string{" alice ", "alice ", "alice.", "alice@x.com", "ali\u0000ce", "alice\u200b"} {
		if a := k.Post("/v1/login", "", passwordBody(other, testkit.Password)); a.Status != 401 && a.Status != 400 {
			t.Errorf("%q: %d", other, a.Status)
		}
	}
	for _, same := range []string{"alice", "ALICE", "Alice", "ａｌｉｃｅ", "ＡＬＩＣＥ"} {
		k.Want(k.Post("/v1/login", "", passwordBody(same, "wrong")), 401)
	}
	for _, same := range []string{"alice", "ALICE", "aLICE", "ａlice"} {
		k.Want(k.Post("/v1/login", "", passwordBody(same, testkit.Password)), 429, "code", "too_many_attempts")
	}

	composed := []string{"jos\u00e9", "jose\u0301", "JOS\u00c9", "JOSE\u0301"}
	inv, err := app.AddUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "jose", Username: composed[0]})
	if err != nil {
		t.Fatal(err)
	}
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": testkit.Password})
	k.Want(a, 200)
	k.FinishEnrolment("jose", a.Text("ticket"))
	for _, same := range composed {
		k.Want(k.Post("/v1/login", "", passwordBody(same, testkit.Password)), 200, "status", "mfa_required")
	}
	k.Want(k.Post("/v1/login", "", passwordBody("jose", testkit.Password)), 401) // without its accent it is another name
	for i := range 5 {
		k.Want(k.Post("/v1/login", "", passwordBody(composed[i%len(composed)], "wrong")), 401)
	}
	for _, same := range composed {
		k.Want(k.Post("/v1/login", "", passwordBody(same, testkit.Password)), 429, "code", "too_many_attempts")
	}
}

func longPassword(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	hashed := k.App.Login.Hasher.Stats().Done
	for _, n := range []int{10_000, 1_000_000} {
		for _, user := range []string{"alice", "nobody"} {
			if a := k.Post("/v1/login", "", passwordBody(user, strings.Repeat("a", n))); a.Status != 400 && a.Status != 413 {
				t.Errorf("%d bytes: %d", n, a.Status)
			}
		}
	}
	if got := k.App.Login.Hasher.Stats().Done; got != hashed {
		t.Errorf("%d of them were hashed", got-hashed)
	}
}

func deadTicket(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	ticket := k.Ticket("alice")
	for range 5 {
		k.Want(secondStep(k, ticket, wrongCode(k, alice)), 401, "code", "code_invalid")
	}
	code := k.NextCode(alice)
	k.Want(secondStep(k, ticket, code), 401, "code", "ticket_invalid")
	k.Want(secondStep(k, k.Ticket("alice"), code), 200)
}

func codeLock(t *testing.T) {
	k := testkit.New(t, testkit.Proxied)
	alice := k.MustEnrol("alice")
	from := func(i int, path string, body map[string]any) testkit.Answer {
		return k.PostFrom(fmt.Sprintf("203.0.%d.7", i), path, body)
	}
	recorded := recordedWhile(k, func() {
		for i := range 10 {
			ticket := from(i, "/v1/login", passwordBody("alice", testkit.Password)).Text("ticket")
			k.Want(from(100+i, "/v1/login/totp", map[string]any{"ticket": ticket, "code": wrongCode(k, alice)}), 401, "code", "code_invalid")
		}
		ticket := k.Ticket("alice")
		sameAnswers(t, http.StatusTooManyRequests, map[string]testkit.Answer{
			"right": from(30, "/v1/login/totp", map[string]any{"ticket": ticket, "code": k.Code(alice)}),
			"wrong": from(30, "/v1/login/totp", map[string]any{"ticket": ticket, "code": wrongCode(k, alice)}),
		})
	})
	if n := countOf(recorded, audit.LoginLocked); n != 1 {
		t.Errorf("the lock is recorded %d times", n)
	}
	k.Advance(14 * time.Minute)
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	k.Advance(time.Minute)
	failCodes(k, alice, 5)
	k.Advance(16 * time.Minute) // the second lock lasts twice as long
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	k.Advance(14 * time.Minute)
	k.Login(alice)
	failCodes(k, alice, 9) // which gave all tries back
	k.Login(alice)
}

func parallelCodes(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		wrong := wrongCode(k, alice)
		var looked atomic.Int64
		for range 4 {
			ticket := k.Ticket("alice")
			var wg sync.WaitGroup
			for range 25 {
				wg.Go(func() {
					a, err := testkit.Do(k.Request("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": wrong}))
					if err != nil {
						t.Error(err)
					} else if a.Code() == "code_invalid" {
						looked.Add(1)
					}
				})
			}
			wg.Wait()
		}
		if looked.Load() != 10 {
			t.Errorf("%d codes were looked at, not 10", looked.Load())
		}
		k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	})
}

// losing is a store whose transactions, while it is armed, do all they have to and are
// then lost, if they looked at a person's devices: those of a code.
type losing struct {
	store.Store
	armed *atomic.Bool
	lost  *atomic.Int64
}

type lookedAt struct {
	store.Tx
	devices *bool
}

func (l lookedAt) Devices(ctx context.Context, tenant, user string) ([]store.Device, error) {
	*l.devices = true
	return l.Tx.Devices(ctx, tenant, user)
}

func (l losing) InTx(ctx context.Context, fn func(tx store.Tx) error) error {
	if !l.armed.Load() {
		return l.Store.InTx(ctx, fn)
	}
	return l.Store.InTx(ctx, func(tx store.Tx) error {
		var devices bool
		err := fn(lookedAt{tx, &devices})
		if err == nil && devices {
			l.lost.Add(1)
			return errors.New("the connection was lost before the commit")
		}
		return err
	})
}

func countedWhateverComes(t *testing.T) {
	countedThoughLost(t)
	countedAcrossRestart(t)
}

func countedThoughLost(t *testing.T) {
	var armed atomic.Bool
	var lost atomic.Int64
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { a.Login.Store = losing{a.Login.Store, &armed, &lost} })
	alice := k.MustEnrol("alice")
	for i := range 10 {
		ticket := k.Ticket("alice")
		armed.Store(true)
		var a testkit.Answer
		if i%2 == 0 {
			a = secondStep(k, ticket, wrongCode(k, alice))
		} else {
			a = k.Post("/v1/step-up", alice.Access, map[string]any{"code": wrongCode(k, alice)})
		}
		armed.Store(false)
		k.Want(a, http.StatusInternalServerError)
	}
	if n := lost.Load(); n != 10 {
		t.Fatalf("%d transactions of a code were lost, not 10", n)
	}
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429, "code", "too_many_attempts")
}

func countedAcrossRestart(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	failCodes(k, alice, 9)
	k.Stop()
	again := testkit.Start(t, k.Config.Data)
	again.Advance(time.Minute)
	failCodes(again, alice, 1)
	again.Want(secondStep(again, again.Ticket("alice"), again.NextCode(alice)), 429)
	again.Stop()
	again = testkit.Start(t, k.Config.Data)
	again.Advance(2 * time.Minute)
	again.Want(secondStep(again, again.Ticket("alice"), again.Code(alice)), 429)
}

func lockOfOne(t *testing.T) {
	k := testkit.New(t, testkit.Proxied)
	byRole := model.MFAByRole
	if _, err := app.SetTenant.Run(context.Background(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &byRole, Reason: "a test of it"}); err != nil {
		t.Fatal(err)
	}
	k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("plain"), "password": testkit.Password}), 200, "status", "ok")
	mfa := model.MFAEveryone
	if _, err := app.SetTenant.Run(context.Background(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &mfa, Reason: "a test of it"}); err != nil {
		t.Fatal(err)
	}
	alice := k.MustEnrol("alice")
	if _, err := app.SetTenant.Run(context.Background(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &byRole, Reason: "a test of it"}); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		addr := fmt.Sprintf("198.51.%d.9", i)
		k.TryPassword(addr, "alice", "wrong")
		k.PostFrom(addr, "/v1/login/totp", map[string]any{"ticket": "made up", "code": "123456"})
	}
	k.Login(alice) // nobody without the password has locked anything
	failCodes(k, alice, 10)
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	k.Want(k.Post("/v1/login", "", passwordBody("plain", testkit.Password)), 200, "status", "ok")
}

func hardStop(t *testing.T) {
	k := testkit.New(t)
	k.StandStill()
	alice := k.MustEnrol("alice")
	failCodes(k, alice, 10)
	locks := []time.Duration{15, 30, 60, 120, 240, 480, 960, 1440}
	for i, minutes := range locks {
		k.Advance(minutes*time.Minute - time.Second)
		a := secondStep(k, k.Ticket("alice"), k.Code(alice))
		k.Want(a, 429)
		if got := a.Header.Get("Retry-After"); got != "1" {
			t.Errorf("lock %d: a second early, Retry-After is %s", i+1, got)
		}
		k.Advance(time.Second)
		failCodes(k, alice, 5)
	}
	k.Advance(1000 * time.Hour)
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]})
	k.Want(a, 200, "status", "ok")
	alice = k.FinishEnrolment("alice", a.Text("ticket"))
	k.Login(alice)

	failCodes(k, alice, 10)
	k.Want(secondStep(k, k.Ticket("alice"), k.NextCode(alice)), 429)
	recorded := recordedWhile(k, func() {
		if _, err := app.UnlockUser.Run(context.Background(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Reason: "she called"}); err != nil {
			t.Fatal(err)
		}
	})
	if !slices.Equal(recorded, []audit.Activity{audit.LoginUnlocked}) {
		t.Errorf("an unlock is recorded as %v", recorded)
	}
	k.Login(alice)
}

func confirmCounted(t *testing.T) {
	k := testkit.New(t)
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
	for range 2 {
		ticket := a.Text("ticket")
		k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}), 200)
		for range 5 {
			k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": "000000"}), 401, "code", "code_invalid")
		}
		k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": "000000"}), 401, "code", "ticket_invalid")
		a = k.Post("/v1/login", "", passwordBody("alice", testkit.Password))
	}
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": a.Text("ticket"), "code": "000000"}), 429, "code", "too_many_attempts")

	// And of another device, in a session: with the same budget as the login's.
	bob := k.MustEnrol("bob")
	a = k.Post("/v1/me/devices", bob.Access, map[string]any{"name": "second"})
	k.Want(a, 200)
	confirm := "/v1/me/devices/" + a.Text("device_id") + "/confirm"
	for range 10 {
		k.Want(k.Post(confirm, bob.Access, map[string]any{"code": "000000"}), 401, "code", "code_invalid")
	}
	k.Want(k.Post(confirm, bob.Access, map[string]any{"code": k.CodeAt(a.Text("secret"), 0)}), 429, "code", "too_many_attempts")
	k.Want(secondStep(k, k.Ticket("bob"), k.Code(bob)), 429, "code", "too_many_attempts")
}

func recoveryBudget(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	heard := 0
	for range 59 { // minutes
		for range 3 {
			a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": "0000-0000-0000-0000-0000"})
			if a.Code() == "code_invalid" {
				heard++
			}
		}
		k.Advance(time.Minute)
	}
	if heard == 0 || heard > 10 {
		t.Errorf("%d wrong recovery codes were looked at within an hour", heard)
	}
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]}), 429)
	k.Login(alice) // that budget is not this one

	bob := codeLocked(k, "bob")
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": "0000-0000-0000-0000-0000"}), 401)
	k.Want(secondStep(k, k.Ticket("bob"), k.NextCode(bob)), 429) // a wrong recovery code opens nothing
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": bob.RecoveryCodes[0]}), 200)
}
