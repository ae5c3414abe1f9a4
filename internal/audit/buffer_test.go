package audit_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

func (f *fixture) buffered(t *testing.T) {
	t.Helper()
	if err := f.log.Start(f.ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
		t.Fatal(err)
	}
}

// of are the leaves of one activity.
func (f *fixture) of(t *testing.T, a audit.Activity) (found []audit.Leaf) {
	t.Helper()
	for _, l := range f.leaves(t) {
		if l.Activity == a {
			found = append(found, l)
		}
	}
	return found
}

// Buffered, a decision is answered before it is written, and written soon
// after as it would have been; everything else is written first.
func TestBufferedDecisions(t *testing.T) {
	onFaulty(t, func(t *testing.T, f *fixture, s *faulty) {
		f.buffered(t)
		_, release := s.hold()
		defer release()
		const many = 3000
		for i := range many {
			e := entry
			e.Person = fmt.Sprint("user:", i%50)
			req := &reqctx.Request{TraceID: fmt.Sprint("trace-", i), Address: "192.0.2.7"}
			if err := f.log.AppendDecision(reqctx.With(f.ctx, req), e); err != nil {
				t.Fatal(err)
			}
			if !req.Recorded() {
				t.Fatal("the request does not know that it is recorded")
			}
		}
		durable := make(chan error, 1)
		go func() {
			durable <- f.log.Append(f.ctx, audit.Entry{Class: audit.ClassLogin, Activity: audit.PasswordFailed, Outcome: audit.OutcomeDeny})
		}()
		select {
		case err := <-durable:
			t.Errorf("a failed login was answered before it was written: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		release()
		if err := <-durable; err != nil {
			t.Error(err)
		}
		eventually(t, "all are written", func() bool { return len(f.of(t, audit.Evaluated)) == many })
		for i, l := range f.of(t, audit.Evaluated) {
			if l.Request != fmt.Sprint("trace-", i) || len(l.Segments) != 1 {
				t.Fatalf("entry %d is %+v", i, l)
			}
		}
		for _, e := range audittest.From(t, f.store, 0) {
			if e.Request == "trace-0" {
				got, err := audittest.Unseal(f.ctx, f.log, e, "user:0")
				if err != nil || got["address"] != "192.0.2.7" || got["resource"] != "contact:4711-secret" {
					t.Errorf("sealed: %v, %v", got, err)
				}
			}
		}
	})
}

// Without company a record does not wait.
func TestBufferedDecisionIsWrittenWithinATenthOfASecond(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	f.buffered(t)
	best := time.Hour
	for n := range 5 { // the machine may be busy once, not five times
		if err := f.log.AppendDecision(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "it is written", func() bool { return len(f.leaves(t)) == n+1 })
		best = min(best, time.Since(began))
	}
	if best > 100*time.Millisecond {
		t.Errorf("it took %v at best", best)
	}
}

// The buffer takes 65,536 records and no more; who is refused is counted in the
// log once there is room.
// A context leads to the whole request, its headers and its answer's: many times
// what the record needs of it.
func TestBufferKeepsNoRequest(t *testing.T) {
	onFaulty(t, func(t *testing.T, f *fixture, s *faulty) {
		f.buffered(t)
		_, release := s.hold()
		defer release()
		decide := func() weak.Pointer[reqctx.Context] {
			ctx := &reqctx.Context{Context: f.ctx, Request: reqctx.Request{TraceID: "trace", Address: "192.0.2.7", UserAgent: "agent"}}
			if err := f.log.AppendDecision(ctx, entry); err != nil {
				t.Fatal(err)
			}
			if !ctx.Request.Recorded() {
				t.Error("the request does not know that it is recorded")
			}
			return weak.Make(ctx)
		}
		request := decide()
		eventually(t, "the request is garbage", func() bool {
			runtime.GC()
			return request.Value() == nil
		})
		if n := len(f.of(t, audit.Evaluated)); n != 0 {
			t.Fatalf("%d entries were written, so nothing was kept in memory", n)
		}
		release()
		eventually(t, "the record is written", func() bool { return len(f.of(t, audit.Evaluated)) == 1 })
		if l := f.of(t, audit.Evaluated)[0]; l.Request != "trace" || len(l.Segments) != 1 {
			t.Errorf("the entry is %+v", l)
		}
	})
}

func TestBufferRefusesWhatItCannotHold(t *testing.T) {
	f, s := faultySQLite(t)
	f.buffered(t)
	reg := prometheus.NewRegistry()
	f.log.Register(reg)
	_, release := s.hold()
	defer release()
	taken, refused := 0, 0
	for refused < 7 {
		switch err := f.log.AppendDecision(f.ctx, entry); {
		case err == nil:
			taken++
		default:
			wantUnavailable(t, "one too many", err)
			refused++
		}
	}
	if n := metric(t, reg, "rolegate_audit_queue_length", "buffered"); n > 65536 || taken < 60_000 && n == 65536 {
		t.Errorf("%d were taken with %v in the queue", taken, n)
	}
	release()
	eventually(t, "the refusals are recorded", func() bool {
		n := int64(0)
		for _, l := range f.of(t, audit.Overflow) {
			n += l.Count
		}
		return n == int64(refused)
	})
	if err := f.log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	if n := len(f.of(t, audit.Evaluated)); n != taken {
		t.Errorf("%d were taken and %d are written", taken, n)
	}
}

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

// A change by another process is known within a second.
func TestBufferedHearsOfOtherProcesses(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, another func() store.Store) {
		f := newFixture(t, st)
		f.buffered(t)
		revision, err := another().Bump(f.ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		e := entry
		e.Revision = revision - 1
		var moved *audit.Moved
		eventually(t, "the change is known", func() bool { return errors.As(f.log.AppendDecision(f.ctx, e), &moved) })
		if moved.Revision != revision {
			t.Errorf("moved to %d, want %d", moved.Revision, revision)
		}
	})
}

// What cannot be written for a fault of its own is counted, and holds nothing up.
func TestBufferedPoison(t *testing.T) {
	f, s := faultySQLite(t)
	s.set(func(s *faulty) { s.poison = []byte("arsenic") })
	f.buffered(t)
	bad, unwritable := entry, entry
	bad.Op = "arsenic"
	unwritable.Personal = map[string]any{"what": make(chan int)}
	for _, e := range []audit.Entry{entry, bad, entry, unwritable, entry} {
		if err := f.log.AppendDecision(f.ctx, e); err != nil {
			t.Error(err)
		}
	}
	if err := f.log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	if n := len(f.of(t, audit.Evaluated)); n != 3 {
		t.Errorf("%d entries, want the 3 good ones", n)
	}
	if gaps := f.of(t, audit.Gap); len(gaps) != 1 || gaps[0].Count != 2 {
		t.Errorf("recorded as lost: %+v", gaps)
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

// What the buffer holds takes about as much memory whatever it is made of.
func TestBufferWeighs(t *testing.T) {
	single := func(i int) audit.Entry {
		e := entry
		e.Person = fmt.Sprint("user:", i%1000)
		e.Personal = map[string]any{"resource": fmt.Sprint("deal:", i), "action": "read"}
		return e
	}
	batch := func(i int) audit.Entry {
		e := entry
		e.Activity = audit.EvaluatedBatch
		for j := range 50 {
			who := fmt.Sprint("user:", (i+j)%1000)
			e.Items = append(e.Items, audit.Item{Outcome: audit.OutcomeAllow, Code: model.ReasonAllowed, Object: "deal", Op: "read", Rule: fmt.Sprint("p:", j)})
			e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who,
				"members": []audit.Member{{Item: j, Subject: who, Action: strings.Clone("read"), Resource: fmt.Sprint("deal:", i, "-", j)}}}})
		}
		return e
	}
	search := func(i int) audit.Entry {
		e := entry
		e.Activity, e.Count = audit.SearchedResource, 1000
		names := make([]string, e.Count)
		for j := range names {
			names[j] = fmt.Sprint("deal:", i, "-", j)
		}
		e.Personal = map[string]any{"subject": "user:ann", "resources": names}
		return e
	}
	for name, make := range map[string]func(int) audit.Entry{"single decisions": single, "batches": batch, "searches": search} {
		t.Run(name, func(t *testing.T) {
			f, s := faultySQLite(t)
			f.buffered(t)
			_, release := s.hold()
			defer release()
			heap := func() int64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before, taken := heap(), 0
			for f.log.AppendDecision(f.ctx, make(taken)) == nil {
				taken++
			}
			took := (heap() - before) >> 20
			t.Logf("%d taken, %d MiB", taken, took)
			if took > 200 || taken < 100 {
				t.Errorf("%d taken, %d MiB", taken, took)
			}
			release()
			if err := f.log.Close(f.ctx); err != nil {
				t.Error(err)
			}
		})
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

func TestBufferRests(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		full               int64
		took, waited, want time.Duration
	}{
		{0, 3 * ms, 0, 30 * ms},
		{0, 20 * ms, 0, 80 * ms},
		{32767, 20 * ms, 999 * ms, 80 * ms},
		{32768, 20 * ms, 0, 0},
		{0, 20 * ms, time.Second, 0},
		{0, 20 * ms, -time.Hour, 80 * ms}, // the clock was set back
	} {
		if got := audit.Rest(c.full, c.took, c.waited); got != c.want {
			t.Errorf("full %d, sealed in %v, waited %v: rests %v, want %v", c.full, c.took, c.waited, got, c.want)
		}
	}
}

// A burst is written after its answers, with rests in between: each batch has a
// thousand new people, which takes long enough for the longest. Where the machine
// is so slow that records grow old there are none, and it took a second.
func TestBufferRestsBetweenBatches(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	f.buffered(t)
	const batches = 6
	began := time.Now()
	for i := range batches * 1024 {
		e := entry
		e.Person = fmt.Sprint("user:", i)
		if err := f.log.AppendDecision(f.ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are written", func() bool {
		rows, err := f.store.EntriesFrom(f.ctx, batches*1024-1, 1)
		return err == nil && len(rows) == 1
	})
	if took := time.Since(began); took < (batches-1)*80*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

// What was refused is recorded when the database works again, whether or not a
// decision follows.
func TestRefusalsAreRecordedWithoutAnotherDecision(t *testing.T) {
	f, s := faultySQLite(t)
	f.buffered(t)
	s.set(func(s *faulty) { s.deaf = true })
	taken := 0
	eventually(t, "decisions are refused", func() bool {
		if f.log.AppendDecision(f.ctx, entry) != nil {
			return true
		}
		taken++
		return false
	})
	eventually(t, "the rest is written", func() bool { return len(f.of(t, audit.Evaluated)) == taken })
	wantUnavailable(t, "with nothing in memory", f.log.AppendDecision(f.ctx, entry))
	s.set(func(s *faulty) { s.deaf = false })
	recorded := func() (n int64) {
		for _, l := range f.of(t, audit.Overflow) {
			n += l.Count
		}
		return n
	}
	eventually(t, "the refusals are recorded", func() bool { return recorded() == 2 })
	if err := f.log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	if n := recorded(); n != 2 {
		t.Errorf("%d refusals are recorded, want 2", n)
	}
}

// A count whose commit is told late is recorded once all the same.
func TestRefusalsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	f, s := faultySQLite(t)
	f.buffered(t)
	told := make(chan struct{})
	s.set(func(s *faulty) { s.mute = told })
	audit.Refuse(f.log)
	eventually(t, "it is recorded", func() bool { return len(f.of(t, audit.Overflow)) == 1 })
	<-time.After(audit.Timeout + 100*time.Millisecond) // beyond any append's patience
	s.set(func(s *faulty) { s.mute = nil })
	close(told)
	if err := f.log.Close(f.ctx); err != nil { // records what is not recorded yet
		t.Error(err)
	}
	if n := len(f.of(t, audit.Overflow)); n != 1 {
		t.Errorf("one refusal is recorded %d times", n)
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
