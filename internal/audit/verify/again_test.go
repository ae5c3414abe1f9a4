package verify_test

import (
	"testing"

	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
)

// A finding is the same one in the next reading, though its text tells of a log that
// has grown meanwhile; another one of the same entry is not.
func TestFindingAgain(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	k.Exec(`INSERT INTO audit_checkpoints (size, note, created_at) VALUES (5000, x'00', 0)`)
	k.Exec(`DELETE FROM audit_sealed WHERE idx = 3`)
	before := live(t, k)
	k.Exec(`UPDATE audit_sealed SET ct = x'00' WHERE idx = 4`)
	k.Fill(1)
	after := live(t, k)
	again, ok := after.Again(before)
	if !ok || !found(again, "its end was cut off") || !found(again, "entry 3") || found(again, "entry 4") || again.Status != verify.Tamper {
		t.Errorf("before: %+v\nafter: %+v\nagain: %+v", before.Faults, after.Faults, again.Faults)
	}
	if string(again.Sum) == string(after.Sum) || len(again.Sum) == 0 {
		t.Error("the sum is of findings that are not")
	}
}
