package login_test

import (
	"fmt"
	"testing"

	"rolegate/internal/testkit"
)

// A customer with a /48 has 65,536 times the networks of one with a /64, and sixteen times
// the failed logins. Neighbours elsewhere, and who comes from a known device, feel nothing.
func TestOneSlash48(t *testing.T) {
	k := testkit.New(t, testkit.Proxied, "ROLEGATE_LOGIN_RATE=1")
	alice := k.MustEnrol("alice")
	known := device(k, alice, "")
	answered := func(name func(i int) string) (n int) {
		for i := range 100 {
			if k.TryPassword(fmt.Sprintf("2001:db8:5:%x::1", i), name(i), "wrong").Status == 401 {
				n++
			}
		}
		return n
	}
	if n := answered(func(i int) string { return fmt.Sprint("user", i) }); n != 32 {
		t.Errorf("%d tries at accounts are answered, want 16 times the 2 of a /64", n)
	}
	k.Want(k.TryPassword("2001:db8:5:ffff::1", "alice", testkit.Password, "Rolegate-Device", known), 200, "status", "mfa_required")
	k.Want(k.TryPassword("2001:db8:6:1::1", "alice", "wrong"), 401)
	k.Want(k.TryPassword("203.0.113.7", "alice", "wrong"), 401)
}
