package login_test

import (
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
)

// Each revision is a wait for whoever demands it elsewhere: what ends nothing takes
// none, but is recorded like the rest.
func TestEndingNothingTakesNoRevision(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	k.Login(ann)
	end := func(want int) (revision string) {
		t.Helper()
		leaves := k.Recorded(func() {
			a := k.Post("/v1/me/end-other-sessions", ann.Access, nil)
			k.Want(a, 200, "ended", float64(want))
			revision = a.Header.Get("Rolegate-Revision")
		})
		if len(leaves) != 1 || leaves[0].Activity != audit.OthersRevoked || leaves[0].Outcome != audit.OutcomeOK {
			t.Errorf("recorded: %+v", leaves)
		}
		return revision
	}
	first := end(1)
	if second := end(0); second != first || second == "" {
		t.Errorf("nothing was ended as revision %q, behind %q", second, first)
	}
	k.Ticket("ann") // half a login is something to end
	if third := end(0); third == first {
		t.Error("a login that was half done has ended as no revision")
	}
}
