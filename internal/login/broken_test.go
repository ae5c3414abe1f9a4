package login_test

import (
	"testing"

	"rolegate/internal/testkit"
)

// Where the tenant's stored policy cannot be read nothing is allowed, and still passwords are
// chosen and changed, as people log in; the addresses they are held against are there.
func TestPasswordsWhereThePolicyIsBroken(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	bob := k.MustEnrol("bob")
	invite := k.Invite("alice")
	k.Stop()
	k.Exec("UPDATE policies SET document = 'nonsense'")
	k.Exec(`UPDATE subjects SET attributes = '{"mail":"walrus.kites@example.com"}'`)
	k = testkit.Start(t, dir)
	accept := func(password string) testkit.Answer {
		return k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": password})
	}
	k.Want(k.Post("/v1/invite/strength", "", map[string]any{"invite": invite, "password": testkit.Password}), 200)
	k.Want(accept("walrus.kites1"), 422, "code", "password_rejected")
	k.Want(accept(testkit.Password), 200, "status", "enrolment_required")
	k.Want(k.Post("/v1/me/password", bob.Access, map[string]any{"current": testkit.Password, "new": "seventeen teapots sing"}), 200)
}
