package audit_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
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
	for n := 0; n < 50 && best > 100*time.Millisecond; n++ { // the machine may be busy, not all the time
		time.Sleep(100 * time.Millisecond) // longer than the last batch lets the processor rest
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
