package login_test

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/testkit"
)

// A customer with a /48 has 65,536 times the networks of one with a /64, and sixteen times
// the failed logins. Neighbours elsewhere, and who comes from a known device, feel nothing.
func TestOneSlash48(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=1")
	alice := k.MustEnrol("alice")
	known := device(k, alice, "")
	k.StandStill()
	answered := 0
	for i := range 100 {
		if k.TryPassword(fmt.Sprintf("2001:db8:5:%x::1", i), fmt.Sprint("user", i), "wrong").Status == 401 {
			answered++
		}
	}
	if answered != 32 {
		t.Errorf("%d tries at accounts are answered, want 16 times the 2 of a /64", answered)
	}
	k.Want(k.TryPassword("2001:db8:5:ffff::1", "alice", testkit.Password, "Rolegate-Device", known), 200, "status", "mfa_required")
	k.Want(k.TryPassword("2001:db8:6:1::1", "alice", "wrong"), 401)
	k.Want(k.TryPassword("203.0.113.7", "alice", "wrong"), 401)
}

// Failed logins of one address are counted as such, whoever's accounts they are and however
// few: four minutes' worth at once.
func TestFailedLoginsOfAnAddress(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=5")
	k.StandStill()
	try := func(address, name string) testkit.Answer { return k.TryPassword(address, name, "wrong") }
	for i := range 20 {
		if a := try("203.0.113.7", fmt.Sprint("user", i%5)); a.Status != 401 {
			t.Fatalf("try %d: %d, Retry-After %s", i, a.Status, a.Header.Get("Retry-After"))
		}
	}
	a := try("203.0.113.7", "user0")
	k.Want(a, 429, "code", "too_many_attempts")
	if got := a.Header.Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After is %s", got)
	}
	k.Want(try("203.0.113.8", "user0"), 401)
	k.Advance(12 * time.Second)
	k.Want(try("203.0.113.7", "user0"), 401)
	k.Want(try("203.0.113.7", "user1"), 429)
}

// So are those of a /48: sixteen times as many, from however many of its networks.
func TestFailedLoginsOfASite(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=1")
	k.StandStill()
	for i := range 64 {
		k.Want(k.TryPassword(fmt.Sprintf("2001:db8:5:%x::1", i/4), fmt.Sprint("user", i/4), "wrong"), 401)
	}
	k.Want(k.TryPassword("2001:db8:5:ffff::1", "user", "wrong"), 429, "code", "too_many_attempts")
	k.Want(k.TryPassword("2001:db8:6:ffff::1", "user", "wrong"), 401)
}
