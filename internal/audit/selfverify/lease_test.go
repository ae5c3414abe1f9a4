package selfverify_test

import (
	"encoding/json"
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
		known, err := json.Marshal(selfverify.Known{At: f.Now().Add(30 * time.Second)})
		if err == nil {
			err = f.keys.SetMeta(t.Context(), "log_verified", known)
		}
		if err != nil {
			t.Fatal(err)
		}
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

// Whoever can alter the log can alter the row that says who verifies it, and write
// those in which earlier releases had what was found. They delay a pass, and silence
// none; nor do they end an alarm.
func TestForgedRowsSilenceNothing(t *testing.T) {
	f := sqliteFixture(t)
	f.append(4)
	f.exec(`DELETE FROM audit_sealed WHERE idx = 2`)
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
		n := len(f.entries())
		day := func(passes int) {
			t.Helper()
			now += every
			f.advance(every)
			forge(lease)
			if err := v.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(f.entries()) - n; got != passes {
				t.Errorf("%d passes, want %d", got, passes)
			}
		}
		if lease {
			day(0)
			day(0)
		}
		day(1)
		forge(lease)
		later, _ := f.verifier(selfverify.Options{})
		for _, v := range []*selfverify.Verifier{v, later} {
			if err := v.Look(t.Context()); err != nil || !v.State().Failed {
				t.Error("what was found is unlearned", err)
			}
		}
	}
}

// What is known of passes cannot be read: the next one is due.
func TestUnreadableKnowledge(t *testing.T) {
	f := sqliteFixture(t)
	f.append(1)
	if err := f.keys.SetMeta(t.Context(), "log_verified", []byte("{")); err != nil {
		t.Fatal(err)
	}
	v, _ := f.verifier(selfverify.Options{})
	if err := v.Look(t.Context()); err != nil || len(f.entries()) != 1 || v.State().At.IsZero() {
		t.Errorf("%+v, %v", v.State(), err)
	}
}
