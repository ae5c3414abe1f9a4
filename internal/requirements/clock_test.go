package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// A clock that is set forward by months and back again: entries have the time it
// shows, are sealed under the key of that month and open again, and nothing stops.
// The verification tells where time ran back.
func TestClockIsSet(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.MustEnrol("alice", "sales-rep")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		const step = 40 * 24 * time.Hour // another month, whichever this is
		var back []int64
		for _, by := range []time.Duration{0, step, step, -2 * step, -3 * time.Minute, -step, 30 * time.Second} {
			k.Advance(by)
			first := audittest.Size(t, k.App.Store)
			if by < 0 {
				back = append(back, first)
			}
			a := k.Evaluate(k.TokenFor("crm", secret), "alice", "read", "contact", own)
			k.Want(a, 200, "decision", true)
			leaf := decisionFrom(t, k, first)
			at := time.UnixMicro(leaf.Time).UTC()
			if off := k.Now().Sub(at).Abs(); off > time.Minute {
				t.Errorf("by %v: the entry is of %v, %v off", by, at, off)
			}
			if want := "decision/" + at.Format("2006-01"); len(leaf.Segments) == 0 || leaf.Segments[0].Epoch != want {
				t.Errorf("by %v: sealed for %+v, want %s", by, leaf.Segments, want)
			}
			if said, err := audittest.Unseal(t.Context(), k.App.Log, leaf, "user:alice"); err != nil || said["subject"] != "user:alice" {
				t.Errorf("by %v: %v, %v", by, said, err)
			}
			// Checkpoints and passes go on, by whatever clock.
			if _, err := k.App.Checkpoints.Publish(t.Context()); err != nil {
				t.Errorf("by %v: %v", by, err)
			}
		}

		source, err := verify.Live(t.Context(), k.App.Store)
		if err != nil {
			t.Fatal(err)
		}
		report, err := verify.Run(t.Context(), source, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Faults {
			if f.Index == nil || !strings.Contains(f.What, "older than") {
				t.Errorf("more than the time is at fault: %s", f.What)
			}
		}
		for _, index := range back {
			if !slices.ContainsFunc(report.Faults, func(f verify.Finding) bool { return f.Index != nil && *f.Index == index }) {
				t.Errorf("nothing tells that time ran back at entry %d: %+v", index, report.Faults)
			}
		}
	})
}

// decisionFrom is the first entry of a decision from an index on.
func decisionFrom(t *testing.T, k *testkit.Kit, index int64) audittest.Entry {
	t.Helper()
	for _, e := range audittest.From(t, k.App.Store, index) {
		if e.Activity == audit.Evaluated {
			return e
		}
	}
	t.Fatalf("no entry of a decision from %d on", index)
	return audittest.Entry{}
}
