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

// Whoever can alter the log can alter the rows that say when it was verified, and who
// is at it. They delay a pass, and silence none; nor do they end an alarm.
func TestForgedRowsSilenceNothing(t *testing.T) {
	f := sqliteFixture(t)
	f.append(4)
	const every = 24 * time.Hour
	forge := func(lease bool) {
		t.Helper()
		rows := []store.Job{{Name: "verified", Position: 4, At: f.Now()}, {Name: "verified_good", Position: 4, At: f.Now()}}
		if lease {
			rows = append(rows, store.Job{Name: "verify", Position: 42, At: f.Now().Add(time.Minute)})
		}
		for _, row := range rows {
			if err := f.store.SetJob(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, lease := range []bool{false, true} {
		v, _ := f.verifier(selfverify.Options{})
		var now time.Duration
		v.Elapse(func() time.Duration { return now })
		day := func() {
			t.Helper()
			now += every
			f.advance(every)
			forge(lease)
			if err := v.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !lease {
			f.exec(`DELETE FROM audit_sealed WHERE idx = 2`)
		}
		n := len(f.entries())
		day()
		if got := len(f.entries()); got != n || v.State().Failed {
			t.Errorf("a pass of another is done again: %d of %d", got, n)
		}
		day()
		if lease {
			day()
		}
		if !v.State().Failed {
			t.Error("a pass of its own never comes")
		}
		forge(lease)
		f.advance(time.Second)
		forge(lease)
		if err := v.Look(t.Context()); err != nil || !v.State().Failed {
			t.Error("its own finding is unlearned", err)
		}
	}
}
