package selfverify_test

import (
	"testing"
	"time"

	"rolegate/internal/audit/selfverify"
	"rolegate/internal/store"
	"rolegate/model"
)

// While another replica verifies, nobody else does; one that has gone is waited for
// no longer than its lease.
func TestLease(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(1)
		until := f.Now().Add(time.Minute)
		if err := f.store.SetJob(t.Context(), store.Job{Name: "verify", Position: 42, At: until}); err != nil {
			t.Fatal(err)
		}
		v, _ := f.verifier(selfverify.Options{})
		if _, err := v.Ask(t.Context(), operator, 0); model.CodeOf(err) != model.CodeConflict {
			t.Errorf("beside another one: %v", err)
		}
		if len(f.entries()) != 0 {
			t.Error("it did it all the same")
		}
		if alone, _ := f.verifier(selfverify.Options{Alone: true}); f.verify(alone).Failed() { // it died in a pass, and starts again
			t.Error("a process that is alone")
		}
		if err := f.store.SetJob(t.Context(), store.Job{Name: "verify", Position: 42, At: until}); err != nil {
			t.Fatal(err)
		}
		f.advance(time.Minute)
		f.verify(v)
	})
}

// The clocks of replicas are never quite the same: one that is a little ahead keeps
// its lease, and its pass is not done again.
func TestReplicaWhoseClockIsAhead(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.append(1)
		v, _ := f.verifier(selfverify.Options{})
		set := func(name string, at time.Duration) {
			t.Helper()
			if err := f.store.SetJob(t.Context(), store.Job{Name: name, Position: 42, At: f.Now().Add(at)}); err != nil {
				t.Fatal(err)
			}
		}
		set("verify", 2*time.Minute+30*time.Second) // renewed just now
		if _, err := v.Ask(t.Context(), operator, 0); err == nil {
			t.Error("its lease was taken from it")
		}
		set("verify", 0)
		set("verified", 30*time.Second)
		if err := v.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(f.entries()); n != 0 {
			t.Error("its pass was done again")
		}
		set("verify", time.Hour) // of a clock that was set back
		f.verify(v)
	})
}
