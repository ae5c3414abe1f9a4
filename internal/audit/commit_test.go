package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
)

// Many append at once, some with changes of their own: each that is told so is
// stored, in far fewer transactions, and the numbers have no gap.
func TestManyShareATransaction(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		reg := prometheus.NewRegistry()
		f.log.Register(reg)
		const callers, each, changes = 64, 20, 30
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for n := range each {
					ctx := reqctx.With(f.ctx, &reqctx.Request{TraceID: fmt.Sprint("t", i, "-", n)})
					if err := f.log.AppendDecision(ctx, entry); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			boom := errors.New("boom")
			for n := range changes {
				err := f.store.InTx(f.ctx, func(tx store.Tx) error {
					ctx := reqctx.With(f.ctx, &reqctx.Request{TraceID: fmt.Sprint("change-", n)})
					if err := f.log.AppendIn(ctx, tx, entry); err != nil || n%3 != 0 {
						return err
					}
					return boom // its numbers go back
				})
				if err != nil && err != boom {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		leaves := f.leaves(t)
		if want := callers*each + changes*2/3; len(leaves) != want {
			t.Errorf("%d entries, want %d", len(leaves), want)
		}
		traces := map[string]bool{}
		for i, l := range leaves {
			traces[l.Request] = true
			if l.Seq != int64(i+1) {
				t.Fatalf("entry %d has number %d", i, l.Seq)
			}
		}
		if len(traces) != len(leaves) {
			t.Errorf("%d entries of %d requests", len(leaves), len(traces))
		}
		if n := metric(t, reg, "rolegate_audit_batches_total", ""); n > callers*each/2 {
			t.Errorf("%v transactions for %d appends", n, callers*each)
		}
	})
}

// A decision made before its tenant changed is not recorded, and the caller is
// told the revision to decide on: also when another process made the change.
func TestADecisionOfTheDayBeforeIsNotRecorded(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, another func() store.Store) {
		f := newFixture(t, st)
		other := another()
		decide := func(revision int64) error {
			e := entry
			e.Revision = revision
			return f.log.AppendDecision(f.ctx, e)
		}
		bump := func(st store.Store) int64 {
			t.Helper()
			r, err := st.Bump(f.ctx, "acme")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for i, by := range []store.Store{other, st, other} {
			revision := bump(by)
			var moved *audit.Moved
			if err := decide(revision - 1); !errors.As(err, &moved) || *moved != (audit.Moved{Tenant: "acme", Revision: revision}) {
				t.Errorf("%d: %v, want moved to %d", i, err, revision)
			}
			if got := st.Revisions().Known("acme"); got != revision {
				t.Errorf("%d: known is %d after that, not %d", i, got, revision)
			}
			if n := len(f.leaves(t)); n != i {
				t.Errorf("%d: %d entries", i, n)
			}
			if err := decide(revision); err != nil {
				t.Errorf("%d: on the new revision: %v", i, err)
			}
		}
		e := entry
		e.Tenant = "none"
		var moved *audit.Moved
		if err := f.log.AppendDecision(f.ctx, e); !errors.As(err, &moved) || moved.Revision != 0 {
			t.Errorf("a tenant there is none of: %v", err)
		}
	})
}

// While a tenant is changed again and again, by another process too, no decision
// stands in the log behind a change that it does not know.
func TestNoDecisionFollowsAChangeItDoesNotKnow(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, another func() store.Store) {
		f := newFixture(t, st)
		other := another()
		second, err := audit.Open(f.ctx, other, f.keys, f.kek, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close(f.ctx)
		done := make(chan struct{})
		var recorded atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				revision := int64(0)
				for {
					select {
					case <-done:
						return
					default:
					}
					e := entry
					e.Revision = revision
					err := f.log.AppendDecision(f.ctx, e)
					var moved *audit.Moved
					if errors.As(err, &moved) {
						revision = moved.Revision
					} else if err != nil {
						t.Error(err)
						return
					} else {
						recorded.Add(1)
					}
				}
			})
		}
		changes := int64(0)
		for n := 0; n < 60 || recorded.Load() < 60 && n < 2000; n++ {
			changes++
			if n >= 60 { // decisions find no gap between the changes: leave them one
				time.Sleep(time.Millisecond)
			}
			from, log := other, second
			if n%2 == 0 {
				from, log = st, f.log
			}
			err := from.InTx(f.ctx, func(tx store.Tx) error {
				revision, err := tx.Bump(f.ctx, "acme")
				if err != nil {
					return err
				}
				return log.AppendIn(f.ctx, tx, audit.Entry{Tenant: "acme", Class: audit.ClassAdmin, Activity: audit.RoleUnassigned,
					Outcome: audit.OutcomeOK, Revision: revision})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		close(done)
		wg.Wait()
		now, decisions := int64(0), 0
		for i, l := range f.leaves(t) {
			if l.Activity == audit.RoleUnassigned {
				now = l.Revision
				continue
			}
			decisions++
			if l.Revision != now {
				t.Fatalf("entry %d is of revision %d, after the change to %d", i, l.Revision, now)
			}
		}
		if now != changes || decisions < 60 || decisions != int(recorded.Load()) {
			t.Errorf("%d of %d changes, %d of %d decisions", now, changes, decisions, recorded.Load())
		}
	})
}

// busy holds the committer up in a transaction, appends meanwhile, and returns
// what became of each.
func busy(t *testing.T, f *fixture, s *faulty, entries ...audit.Entry) []error {
	t.Helper()
	reg := prometheus.NewRegistry()
	f.log.Register(reg)
	arrived, release := s.hold()
	defer release()
	first := make(chan error, 1)
	go func() { first <- f.log.Append(f.ctx, entry) }()
	<-arrived
	errs := make([]error, len(entries))
	var wg sync.WaitGroup
	for i, e := range entries {
		wg.Go(func() { errs[i] = f.log.AppendDecision(f.ctx, e) })
	}
	eventually(t, "all are queued", func() bool {
		return int(metric(t, reg, "rolegate_audit_queue_length", "durable")) == len(entries)
	})
	release()
	wg.Wait()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	return errs
}

func TestOneOutOfDateLeavesTheOthers(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, another func() store.Store) {
		s := &faulty{Store: st}
		f := newFixture(t, s)
		if err := f.log.Append(f.ctx, entry); err != nil { // which reads the tenant's row
			t.Fatal(err)
		}
		if _, err := another().Bump(f.ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		old, recent := entry, entry
		old.Revision, recent.Revision = 0, 1
		errs := busy(t, f, s, recent, old, recent)
		var moved *audit.Moved
		if errs[0] != nil || errs[2] != nil || !errors.As(errs[1], &moved) {
			t.Errorf("%v", errs)
		}
		if n := len(f.leaves(t)); n != 4 {
			t.Errorf("%d entries, want 4", n)
		}
	})
}

func TestOnePoisonedLeavesTheOthers(t *testing.T) {
	onFaulty(t, func(t *testing.T, f *fixture, s *faulty) {
		s.set(func(s *faulty) { s.poison = []byte("arsenic") })
		bad, unwritable := entry, entry
		bad.Op = "arsenic"
		unwritable.Personal = map[string]any{"what": make(chan int)}
		wantUnavailable(t, "what cannot be sealed", f.log.Append(f.ctx, unwritable))
		errs := busy(t, f, s, entry, bad, entry)
		wantUnavailable(t, "poison", errs[1])
		if errs[0] != nil || errs[2] != nil {
			t.Errorf("its neighbours: %v", errs)
		}
		leaves := f.leaves(t)
		if len(leaves) != 3 {
			t.Errorf("%d entries, want 3", len(leaves))
		}
		for i, l := range leaves {
			if l.Seq != int64(i+1) {
				t.Errorf("entry %d has number %d", i, l.Seq)
			}
		}
	})
}

// A database that hangs is an error within Timeout, and works again by itself.
// What its caller gave up on is not written later.
func TestHungDatabase(t *testing.T) {
	f, s := faultySQLite(t)
	arrived, release := s.hold()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			began := time.Now()
			wantUnavailable(t, "hung", f.log.Append(f.ctx, entry))
			if took := time.Since(began); took > 2*audit.Timeout {
				t.Errorf("append %d was refused after %v", i, took)
			}
		})
	}
	<-arrived
	wg.Wait()
	eventually(t, "the transaction is given up", func() bool { return s.expired.Load() > 0 })
	release()
	if err := f.log.Append(f.ctx, entry); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if n := len(f.leaves(t)); n != 1 {
		t.Errorf("%d entries, want the last one only", n)
	}
}

func faultySQLite(t *testing.T) (*fixture, *faulty) {
	t.Helper()
	s := &faulty{Store: mustSQLite(t)}
	return newFixture(t, s), s
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	f, s := faultySQLite(t)
	reg := prometheus.NewRegistry()
	f.log.Register(reg)
	arrived, release := s.hold()
	defer release()
	first := make(chan error, 1)
	go func() { first <- f.log.Append(f.ctx, entry) }()
	<-arrived
	if n := audit.FillQueue(f.log); n != 8192 {
		t.Errorf("%d appends can wait", n)
	}
	began := time.Now()
	wantUnavailable(t, "one too many", f.log.Append(f.ctx, entry))
	if took := time.Since(began); took > audit.Timeout/2 {
		t.Errorf("it waited %v for that", took)
	}
	if n := metric(t, reg, "rolegate_audit_refused_total", "full"); n != 2 {
		t.Errorf("%v are counted", n)
	}
	release()
	if err := <-first; err != nil {
		t.Errorf("the one before: %v", err)
	}
	eventually(t, "it works again", func() bool { return f.log.Append(f.ctx, entry) == nil })
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	f, s := faultySQLite(t)
	arrived, release := s.hold()
	defer release()
	errs := make(chan error, 11)
	go func() { errs <- f.log.Append(f.ctx, entry) }()
	<-arrived
	reg := prometheus.NewRegistry()
	f.log.Register(reg)
	for range 10 {
		go func() { errs <- f.log.Append(f.ctx, entry) }()
	}
	eventually(t, "all are queued", func() bool { return metric(t, reg, "rolegate_audit_queue_length", "durable") == 10 })
	closed := make(chan error)
	go func() { closed <- f.log.Close(f.ctx) }()
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for range 11 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(f.leaves(t)); n != 11 {
		t.Errorf("%d entries, want 11", n)
	}
	wantUnavailable(t, "after Close", f.log.Append(f.ctx, entry))
	if err := f.log.Close(f.ctx); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// Close does not wait for ever.
func TestCloseOfAHungLog(t *testing.T) {
	f, s := faultySQLite(t)
	arrived, release := s.hold()
	defer release()
	errs := make(chan error, 1)
	go func() { errs <- f.log.Append(f.ctx, entry) }()
	<-arrived
	ctx, cancel := context.WithTimeout(f.ctx, 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	f.log.Close(ctx)
	if took := time.Since(began); took > 2*audit.Timeout {
		t.Errorf("Close took %v", took)
	}
	wantUnavailable(t, "the one that hung", <-errs)
}

// The order of the log is that of its numbers, whatever the clock says.
func TestClockSetBack(t *testing.T) {
	st := mustSQLite(t)
	f := newFixture(t, st)
	var mu sync.Mutex
	now := time.Now()
	log, err := audit.Open(f.ctx, st, f.keys, f.kek, func() time.Time { mu.Lock(); defer mu.Unlock(); return now })
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(f.ctx)
	if err := log.Start(f.ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := errors.Join(log.Append(f.ctx, entry), log.AppendDecision(f.ctx, entry)); err != nil {
			t.Error(err)
		}
		mu.Lock()
		now = now.AddDate(0, -2, 0)
		mu.Unlock()
	}
	if err := log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	leaves := f.leaves(t)
	if len(leaves) != 6 {
		t.Fatalf("%d entries, want 6", len(leaves))
	}
	for i, l := range leaves {
		if l.Seq != int64(i+1) {
			t.Errorf("entry %d has number %d", i, l.Seq)
		}
		if want := "decision/" + time.UnixMicro(l.Time).UTC().Format("2006-01"); l.Segments[0].Epoch != want {
			t.Errorf("entry %d is sealed under %s, not %s", i, l.Segments[0].Epoch, want)
		}
	}
}
