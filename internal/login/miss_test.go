package login_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
)

// writesOf counts the write transactions that the login service begins by itself.
type writesOf struct {
	store.Store
	begun atomic.Int64
}

func (w *writesOf) InTx(ctx context.Context, f func(store.Tx) error) error {
	w.begun.Add(1)
	return w.Store.InTx(ctx, f)
}

// Anybody can make a ticket up, or keep one that is spent: that is seen by reading. For a
// write SQLite has one place.
func TestUnknownTicketsBeginNoWrite(t *testing.T) {
	writes := &writesOf{}
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { writes.Store, a.Login.Store = a.Login.Store, writes }, "ROLEGATE_LOGIN_RATE=5")
	k.MustEnrol("alice")
	spent := k.Ticket("alice")
	for range 5 {
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": spent, "code": "000000"}), 401, "code", "code_invalid")
	}
	k.MustEnrol("bob")
	otherwise := k.Ticket("bob") // for a code, and no enrolment
	before, answers := writes.begun.Load(), map[int]int{}
	for range 3 {
		for path, body := range map[string]map[string]any{
			"/v1/login/totp":          {"ticket": "x", "code": "123456"},
			"/v1/login/recovery":      {"ticket": spent, "code": "x"},
			"/v1/login/enrol":         {"ticket": otherwise},
			"/v1/login/enrol/confirm": {"ticket": otherwise, "code": "123456"},
		} {
			a := k.Post(path, "", body)
			k.Want(a, 401, "code", "ticket_invalid")
			answers[a.Status]++
		}
	}
	for range 12 {
		answers[k.Post("/v1/login/totp", "", map[string]any{"ticket": "x", "code": "123456"}).Status]++
	}
	if got := writes.begun.Load() - before; got != 0 || answers[401] != 20 || answers[429] != 4 {
		t.Errorf("%d write transactions for what is no ticket; answers %v, want 20 of 401 and then 429", got, answers)
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": otherwise, "code": "000000"}), 401, "code", "code_invalid")
}

// A customer with a /48 has 65,536 times the networks of one with a /64, and sixteen times
// the misses. Neighbours elsewhere, and whoever has a secret, feel nothing.
func TestMissesOfOneSlash48(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=1")
	invite := k.Invite("alice")
	wrong := map[string]any{"ticket": "x", "code": "123456"}
	looked := 0
	for i := range 100 {
		if k.PostFrom(fmt.Sprintf("2001:db8:5:%x::1", i), "/v1/login/totp", wrong).Status == 401 {
			looked++
		}
	}
	if looked != 64 {
		t.Errorf("%d made-up tickets are looked into, want 16 times the 4 of a /64", looked)
	}
	k.Want(k.PostFrom("2001:db8:5:ffff::1", "/v1/login/totp", wrong), 429, "code", "too_many_attempts")
	k.Want(k.PostFrom("2001:db8:6:1::1", "/v1/login/totp", wrong), 401)
	k.Want(k.PostFrom("203.0.113.7", "/v1/login/totp", wrong), 401)
	k.Want(k.PostFrom("2001:db8:5:ffff::1", "/v1/invite/accept", map[string]any{"invite": invite, "password": testkit.Password}), 200)
}
