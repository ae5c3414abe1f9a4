package audit_test

import (
	"context"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
)

// A crash with counts in memory is a gap that the next process records; an end
// that has written them is none, and neither is a crash without any.
func TestCrashInAFlood(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		f := newFixture(t, st)
		for _, c := range []struct {
			what string
			do   func(step func(time.Duration))
			gap  bool
		}{
			{"with counts", func(func(time.Duration)) { audit.Crash(f.log) }, true},
			{"when they are written", func(step func(time.Duration)) { step(61 * time.Second); step(0); audit.Crash(f.log) }, false},
			{"closed", func(func(time.Duration)) { f.log.Close(f.ctx) }, false},
		} {
			step := flooded(t, f, small)
			for range 4 {
				f.log.AppendDecision(f.ctx, denied)
			}
			step(0)
			ctx, req := from("192.0.2.7")
			req.SetReceipt(&reqctx.Receipt{Index: 1})
			if err := f.log.AppendDecision(ctx, denied); err != nil || req.Receipt() != nil {
				t.Fatal("not counted:", err, req.Receipt())
			}
			_, _, _, before := f.accounted(t)
			c.do(step)
			next, err := audit.Open(f.ctx, f.store, f.keys, f.kek, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { next.Close(context.Background()) })
			f.log = next
			if err := next.Start(f.ctx, audit.Options{Alone: true}); err != nil {
				t.Fatal(err)
			}
			if _, _, _, gaps := f.accounted(t); gaps-before > 1 || gaps > before != c.gap {
				t.Errorf("%s: %d gaps are recorded", c.what, gaps-before)
			}
			next.Close(f.ctx)
			if f.log, err = audit.Open(f.ctx, f.store, f.keys, f.kek, time.Now); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.log.Close(context.Background()) })
		}
	})
}

// While the log cannot be written no denial is answered from memory for longer
// than the process may believe that it can; what was counted is written after.
func TestFloodWithoutADatabase(t *testing.T) {
	onFaulty(t, func(t *testing.T, f *fixture, s *faulty) {
		step := flooded(t, f, small)
		answered := 0
		deny := func() bool {
			err := f.log.AppendDecision(f.ctx, denied)
			if err == nil {
				answered++
			} else {
				wantUnavailable(t, "a denial", err)
			}
			return err == nil
		}
		for range 4 {
			deny()
		}
		step(0)
		deny()
		s.set(func(s *faulty) { s.down = true })
		step(time.Second)
		if !deny() {
			t.Error("a denial is refused at once")
		}
		step(1100 * time.Millisecond)
		if deny() {
			t.Error("a denial is answered though nothing can be written")
		}
		step(time.Minute)
		s.set(func(s *faulty) { s.down = false })
		step(0)
		if !deny() {
			t.Error("a denial is refused when all is well")
		}
		if err := f.log.Close(f.ctx); err != nil {
			t.Error(err)
		}
		if alone, counted, _, _ := f.accounted(t); alone+counted != answered {
			t.Errorf("%d answers, %d entries and %d counted", answered, alone, counted)
		}
	})
}

// Counts that cannot be written for a fault of their own stay, and no more are
// added; others are written.
func TestCountsThatCannotBeWritten(t *testing.T) {
	onFaulty(t, func(t *testing.T, f *fixture, s *faulty) {
		step := flooded(t, f, small)
		deny := func(object string, n int) {
			t.Helper()
			e := denied
			e.Object, e.Person = object, "user:"+object
			for range n {
				if err := f.log.AppendDecision(f.ctx, e); err != nil {
					t.Fatal(err)
				}
			}
		}
		deny("poisoned", 4)
		step(0)
		deny("poisoned", 5)
		deny("fine", 5)
		s.set(func(s *faulty) { s.poison = []byte("poisoned") })
		step(61 * time.Second)
		if alone, counted, _, _ := f.accounted(t); alone != 7 || counted != 2 {
			t.Errorf("%d entries, %d counted", alone, counted)
		}
		deny("fine", 5) // recorded, each: they could be past what can be written
		if alone, _, _, _ := f.accounted(t); alone != 12 {
			t.Errorf("%d entries", alone)
		}
		s.set(func(s *faulty) { s.poison = nil })
		step(time.Second)
		deny("fine", 5)
		if err := f.log.Close(f.ctx); err != nil {
			t.Error(err)
		}
		if alone, counted, _, gaps := f.accounted(t); alone != 12 || counted != 12 || gaps > 0 {
			t.Errorf("%d entries, %d counted, %d gaps", alone, counted, gaps)
		}
	})
}

// A clock that is set in a flood moves no minute, and makes no process take
// itself for dead.
func TestFloodAndTheClock(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		f := newFixture(t, mustSQLite(t))
		set := f.opened(t, audit.Options{})
		var now time.Duration
		step := audit.StepFlood(f.log, small, func() time.Duration { return now })
		f.flood(t, step)
		set(by)
		if err := audit.Keep(f.ctx, f.log); err != nil {
			t.Fatal(err)
		}
		now += 59 * time.Second
		step()
		if _, counted, _, gaps := f.accounted(t); counted != 0 || gaps != 0 {
			t.Errorf("by %v: %d are counted within the minute, %d gaps", by, counted, gaps)
		}
		now += time.Second
		step()
		for _, l := range f.leaves(t) {
			if d := time.Duration(l.Time-l.Since) * time.Microsecond; l.Since != 0 && d.Round(100*time.Millisecond) != time.Minute {
				t.Errorf("by %v: counted from %d to %d", by, l.Since, l.Time)
			}
		}
		if _, counted, _, _ := f.accounted(t); counted != 10 {
			t.Errorf("by %v: %d are counted", by, counted)
		}
	}
}

// What is not known of other replicas is no ground for an answer from memory.
func TestStaleFloodIsRecorded(t *testing.T) {
	s := &faulty{Store: mustSQLite(t)}
	f := newFixture(t, s)
	f.opened(t, audit.Options{})
	f.flood(t, audit.StepFlood(f.log, small, func() time.Duration { return 0 }))
	s.set(func(s *faulty) { s.deaf = true })
	eventually(t, "denials are recorded again", func() bool {
		before, _, _, _ := f.accounted(t)
		if err := f.log.AppendDecision(f.ctx, denied); err != nil {
			t.Fatal(err)
		}
		after, _, _, _ := f.accounted(t)
		return after > before
	})
}

// What is counted while a write goes on that fails is not lost with it.
func TestCountsDuringAWriteThatFails(t *testing.T) {
	s := &faulty{Store: mustSQLite(t)}
	f := newFixture(t, s)
	f.opened(t, audit.Options{Alone: true})
	step := audit.StepFlood(f.log, small, func() time.Duration { return 0 })
	f.flood(t, step)
	s.set(func(s *faulty) { s.poison = []byte(denied.Object) })
	arrived, release := s.hold()
	wrote := make(chan error)
	go func() { wrote <- audit.WriteFlood(f.log) }()
	<-arrived
	for range 3 {
		if err := f.log.AppendDecision(f.ctx, denied); err != nil {
			t.Fatal(err)
		}
	}
	release()
	if err := <-wrote; err == nil {
		t.Error("a count that cannot be stored is written")
	}
	s.set(func(s *faulty) { s.poison = nil })
	if err := f.log.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	if alone, counted, entries, _ := f.accounted(t); alone != 4 || counted != 13 || entries != 1 {
		t.Errorf("%d entries, %d counted in %d", alone, counted, entries)
	}
}
