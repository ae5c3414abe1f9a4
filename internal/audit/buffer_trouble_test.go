package audit_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// When nothing can be written for two seconds, no decision is answered.
func TestStalledBufferRefuses(t *testing.T) {
	for name, fault := range map[string]func(s *faulty) (mend func()){
		"nothing can be written": func(s *faulty) func() { _, release := s.hold(); return release },
		"revisions cannot be read": func(s *faulty) func() {
			s.set(func(s *faulty) { s.deaf = true })
			return func() { s.set(func(s *faulty) { s.deaf = false }) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := faultySQLite(t)
			f.buffered(t)
			mend := fault(s)
			defer mend()
			began := time.Now()
			taken := 0
			eventually(t, "decisions are refused", func() bool {
				err := f.log.AppendDecision(f.ctx, entry)
				if err == nil {
					taken++
					return false
				}
				wantUnavailable(t, name, err)
				return true
			})
			if took := time.Since(began); took < time.Second || taken == 0 {
				t.Errorf("refused after %v", took)
			}
			mend()
			eventually(t, "decisions are answered", func() bool { return f.log.AppendDecision(f.ctx, entry) == nil })
			taken++
			if err := f.log.Close(f.ctx); err != nil {
				t.Error(err)
			}
			if n := len(f.of(t, audit.Evaluated)); n != taken {
				t.Errorf("%d were taken and %d are written", taken, n)
			}
		})
	}
}

// Where nothing can be recorded the answer is no, whatever keeps it from being written and
// however many ask at once; and everything that was answered is in the log in the end, or told
// to be lost.
func TestBufferWithoutALogRefuses(t *testing.T) {
	for name, fault := range map[string]func(s *faulty, on bool){
		"the database is away": func(s *faulty, on bool) { s.down = on },
		"it refuses what it is told": func(s *faulty, on bool) {
			if s.poison = nil; on {
				s.poison = []byte{} // is in every leaf
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := faultySQLite(t)
			f.buffered(t)
			s.set(func(s *faulty) { fault(s, true) })
			var taken, refused atomic.Int64
			var askers sync.WaitGroup
			for i := range 8 {
				askers.Go(func() {
					e := entry
					e.Person = fmt.Sprint("user:", i)
					for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
						if err := f.log.AppendDecision(f.ctx, e); err == nil {
							taken.Add(1)
						} else if refused.Add(1); model.CodeOf(err) != model.CodeAuditUnavailable {
							t.Error(err)
						}
					}
				})
			}
			askers.Wait()
			wantUnavailable(t, name, f.log.AppendDecision(f.ctx, entry))
			if taken.Load() == 0 || refused.Load() == 0 {
				t.Errorf("%d were taken and %d refused", taken.Load(), refused.Load())
			}
			s.set(func(s *faulty) { fault(s, false) })
			eventually(t, "decisions are answered", func() bool { return f.log.AppendDecision(f.ctx, entry) == nil })
			taken.Add(1)
			if err := f.log.Close(f.ctx); err != nil {
				t.Error(err)
			}
			n, lost := len(f.of(t, audit.Evaluated)), f.lost(t) // one was refused the moment before the log took again what was said of it
			if n+lost != int(taken.Load()) || lost > 1 {
				t.Errorf("%d were taken, %d are written and %d told to be lost", taken.Load(), n, lost)
			}
		})
	}
}

// lost is how many decisions the log says are not in it.
func (f *fixture) lost(t *testing.T) (n int) {
	t.Helper()
	for _, g := range f.of(t, audit.Gap) {
		n += int(g.Count)
	}
	return n
}

// In place of what cannot be written for a fault of its own stands an entry that says so. It
// holds nothing up, and the next of its kind are refused.
func TestBufferedPoison(t *testing.T) {
	f, s := faultySQLite(t)
	s.set(func(s *faulty) { s.poison = []byte("arsenic") })
	f.buffered(t)
	bad, unwritable := entry, entry
	bad.Op = "arsenic"
	unwritable.Personal = map[string]any{"what": make(chan int)}
	for i, e := range []audit.Entry{bad, unwritable} {
		audit.Trust(f.log)
		for _, e := range []audit.Entry{e, entry} {
			if err := f.log.AppendDecision(f.ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the log says so", func() bool { return f.lost(t) > i })
		wantUnavailable(t, "the next", f.log.AppendDecision(f.ctx, e))
		if err := f.log.AppendDecision(f.ctx, entry); err != nil {
			t.Error("a good one:", err)
		}
	}
	if err := f.log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	if good, gone := len(f.of(t, audit.Evaluated)), f.lost(t); good != 4 || gone != 2 {
		t.Errorf("%d entries, want the 4 good ones; %d lost, want 2", good, gone)
	}
}

// A process that died with records in memory is found out, once, by whoever
// starts next; one that ended well is not, and neither is one that lives.
func TestGapIsRecorded(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		f := newFixture(t, st)
		dead, alive := []byte("\xdeaddead"), []byte("alive")
		if err := errors.Join(st.HoldSource(f.ctx, dead, time.Now().Add(-time.Second)), st.HoldSource(f.ctx, alive, time.Now().Add(time.Minute))); err != nil {
			t.Fatal(err)
		}
		start := func(o audit.Options) *audit.Log {
			t.Helper()
			log, err := audit.Open(f.ctx, st, f.keys, f.kek, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { log.Close(context.Background()) })
			if err := log.Start(f.ctx, o); err != nil {
				t.Fatal(err)
			}
			return log
		}
		recorded := func(want ...[]byte) {
			t.Helper()
			gaps := f.of(t, audit.Gap)
			if len(gaps) != len(want) {
				t.Fatalf("%d gaps are recorded, want %d", len(gaps), len(want))
			}
			for i, g := range gaps {
				if g.Count != -1 || g.Class != audit.ClassSystem || g.Service != "source:"+hex.EncodeToString(want[i]) || g.Code != model.CodeAuditUnavailable {
					t.Errorf("gap %d: %+v", i, g)
				}
			}
		}
		start(audit.Options{}) // durable now, as a replica
		recorded(dead)
		log := start(audit.Options{Buffered: true})
		recorded(dead)
		if err := log.AppendDecision(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(f.ctx); err != nil {
			t.Fatal(err)
		}
		start(audit.Options{Alone: true}) // so whoever seems alive is dead
		recorded(dead, alive)
		start(audit.Options{Alone: true})
		recorded(dead, alive)
	})
}

// Closed before it could write, a buffer leaves its mark for the next start.
func TestBufferClosedTooSoonIsAGap(t *testing.T) {
	f, s := faultySQLite(t)
	f.buffered(t)
	_, release := s.hold()
	if err := f.log.AppendDecision(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	wantUnavailable(t, "Close", f.log.Close(ctx))
	wantUnavailable(t, "after Close", f.log.AppendDecision(f.ctx, entry))
	release()
	next, err := audit.Open(f.ctx, s, f.keys, f.kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close(f.ctx)
	if err := next.Start(f.ctx, audit.Options{Alone: true}); err != nil {
		t.Fatal(err)
	}
	if gaps := f.of(t, audit.Gap); len(gaps) != 1 {
		t.Errorf("%d gaps are recorded, want 1", len(gaps))
	}
}

// A database that hangs holds up the end for one transaction's time, however
// much is left.
func TestBufferClosesInTimeWhenTheDatabaseHangs(t *testing.T) {
	f, s := faultySQLite(t)
	f.buffered(t)
	arrived, release := s.hold()
	defer release()
	for range 8000 {
		if err := f.log.AppendDecision(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
	}
	<-arrived
	const patience = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	began := time.Now()
	wantUnavailable(t, "Close", f.log.Close(ctx))
	if took := time.Since(began); took > patience+audit.Timeout+2*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := s.expired.Load(); n > 1 {
		t.Errorf("%d transactions were waited for", n)
	}
}

// A database that hangs holds up neither the start nor the watch for ever.
func TestLookingForGapsEnds(t *testing.T) {
	for name, look := range map[string]func(f *fixture) error{
		"start": func(f *fixture) error { return f.log.Start(f.ctx, audit.Options{Alone: true}) },
		"watch": func(f *fixture) error { return audit.Keep(f.ctx, f.log) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := faultySQLite(t)
			if name == "watch" {
				f.buffered(t)
			}
			if err := f.store.HoldSource(f.ctx, []byte("dead"), time.Now().Add(-time.Second)); err != nil {
				t.Fatal(err)
			}
			_, release := s.hold()
			defer release()
			ended := make(chan error, 1)
			go func() { ended <- look(f) }()
			select {
			case err := <-ended:
				if err == nil {
					t.Error("a gap was recorded by nothing")
				}
			case <-time.After(10 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

// What an outage kept in memory has the time at which it is written, or a verification
// would find that times run back; and it says when the decision was made.
func TestLateRecordsAreDatedAnew(t *testing.T) {
	f, s := faultySQLite(t)
	var now atomic.Pointer[time.Time]
	began := time.Date(2026, 10, 31, 23, 59, 0, 0, time.UTC)
	now.Store(&began)
	log, err := audit.Open(f.ctx, s, f.keys, f.kek, func() time.Time { return *now.Load() })
	if err == nil {
		err = log.Start(f.ctx, audit.Options{Buffered: true, Alone: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(f.ctx)
	arrived, mend := s.hold()
	defer mend()
	decide := func() {
		t.Helper()
		if err := log.AppendDecision(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
	}
	decide()
	<-arrived // its transaction waits, until the next one, of other records
	decide()
	later := began.Add(10 * time.Minute)
	now.Store(&later)
	mend()
	if err := log.Append(f.ctx, entry); err != nil { // others are not late
		t.Fatal(err)
	}
	if err := log.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	leaves := f.leaves(t)
	if len(leaves) != 3 {
		t.Fatalf("%d entries", len(leaves))
	}
	late := 0
	for i, l := range leaves {
		switch at := time.UnixMicro(l.Time); {
		case at.Equal(began) && i == 0 && l.Since == 0: // was under way
		case at.Equal(later) && l.Since == 0:
		case at.Equal(later) && time.UnixMicro(l.Since).Equal(began):
			late++
		default:
			t.Errorf("entry %d is of %v, since %v", i, at.UTC(), time.UnixMicro(l.Since).UTC())
		}
		if want := "decision/" + time.UnixMicro(l.Time).UTC().Format("2006-01"); l.Segments[0].Epoch != want {
			t.Errorf("entry %d is sealed under %s", i, l.Segments[0].Epoch)
		}
	}
	if late == 0 {
		t.Error("none says that it is late")
	}
}
