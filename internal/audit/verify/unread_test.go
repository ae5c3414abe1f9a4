package verify_test

import (
	"testing"

	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

// An act that cannot be read is one finding, and hides none: entries, what is sealed,
// tiles and checkpoints are verified all the same, and what it would have destroyed
// is missing.
func TestActThatCannotBeReadHidesNothing(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(300)
	executed := k.Erase("customer:c3")
	if r := live(t, k); r.Status != verify.Unanchored {
		t.Fatalf("before: %+v", r.Faults)
	}
	k.Fill(1)
	k.Unread(executed)
	k.Exec(`DELETE FROM audit_sealed WHERE idx = 9`)
	k.Flip("audit_tiles", "hashes", "level = 0 AND n = 0")
	r := live(t, k)
	for _, want := range []string{"is an act that cannot be read", "entry 9: its sealed segment", "whose hash is in tile/0/000", "is of another tree", "no act has destroyed it"} {
		if !found(r, want) {
			t.Errorf("%q is not found: %+v", want, r.Faults)
		}
	}
	if r.Status != verify.Tamper || r.Partial || r.Size != k.Count("audit_entries") {
		t.Errorf("%+v", r)
	}
}
