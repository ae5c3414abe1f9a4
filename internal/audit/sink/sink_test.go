package sink

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"rolegate/internal/store"
)

// value is a metric of a sink.
func value(t *testing.T, s *Sink, name string) float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	s.Register(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.
	for _, f := range families {
		if f.GetName() != "rolegate_audit_sink_"+name {
			continue
		}
		for _, m := range f.Metric {
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				sum += m.Counter.GetValue()
			default:
				sum += m.Gauge.GetValue()
			}
		}
	}
	return sum
}

func wantIndices(t *testing.T, to *inbox, want []int64) {
	t.Helper()
	if diff := cmp.Diff(want, to.indices()); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

// A target that was away for an hour loses nothing: what happened meanwhile comes
// in order, once it is back; the lag shows, and nobody was kept busy.
func TestTargetAwayForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		m.grow(3, time.Now())
		defer start(s)()
		time.Sleep(2 * time.Second)
		wantIndices(t, to, upTo(3))

		to.set(func(int) error { return errors.New("away") })
		for range 60 {
			m.grow(20, time.Now())
			time.Sleep(time.Minute)
		}
		wantIndices(t, to, upTo(3))
		if lag, seconds := value(t, s, "lag_entries"), value(t, s, "lag_seconds"); lag != 1200 || seconds != 3600 {
			t.Errorf("the lag is %v entries and %v seconds", lag, seconds)
		}
		if n := value(t, s, "failures_total"); n < 60 || n > 150 {
			t.Errorf("%v failures in an hour", n)
		}
		to.set(nil)
		time.Sleep(time.Minute + 10*time.Second)
		wantIndices(t, to, upTo(1203))
		if lag, seconds, n := value(t, s, "lag_entries"), value(t, s, "lag_seconds"), value(t, s, "events_total"); lag != 0 || seconds != 0 || n != 1203 {
			t.Errorf("afterwards the lag is %v entries and %v seconds, and %v events were delivered", lag, seconds, n)
		}
		if _, sizes := to.tally(); slices.Max(sizes) > mostEvents {
			t.Errorf("events at once: %v", sizes)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.reads > pageOf {
			t.Errorf("%d entries were in memory", m.reads)
		}
	})
}

// A database that is away stops the sink, and no longer than that; what was
// delivered without the cursor knowing may come twice, and nothing is left out.
func TestDatabaseAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		m.grow(1, time.Now())
		to.set(func(int) error { m.setAway(true); return nil }) // between delivery and cursor
		end := start(s)
		time.Sleep(5 * time.Minute)
		to.set(nil)
		m.setAway(false)
		m.grow(9, time.Now())
		time.Sleep(2 * time.Minute)
		end()
		if got := slices.Compact(slices.Sorted(slices.Values(to.indices()))); !slices.Equal(got, upTo(10)) {
			t.Errorf("delivered %v", to.indices())
		}
		if !to.closed {
			t.Error("the target was not closed")
		}
	})
}

// What the target says of how to go on is done: wait so long, or send less at once.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		m.grow(100, time.Now())
		to.set(func(int) error { return &Refusal{After: 30 * time.Minute, Err: errors.New("later")} })
		end := start(s)
		time.Sleep(29 * time.Minute)
		if tries, _ := to.tally(); tries != 1 {
			t.Errorf("%d tries within the time the target asked for", tries)
		}
		to.set(func(events int) error {
			if events > 10 {
				return &Refusal{TooLarge: true, Err: errors.New("too large")}
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		wantIndices(t, to, upTo(100))
		to.set(nil)
		m.grow(1200, time.Now())
		time.Sleep(time.Minute)
		end()
		wantIndices(t, to, upTo(1300))
		if most := slices.Max(to.sizes); most != mostEvents {
			t.Errorf("afterwards there are never more than %d events at once", most)
		}
	})
}

// A batch holds no more bytes than it may, but for one event that is larger.
func TestBatchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		s.Render = func(ctx context.Context, index int64, e store.Entry) ([]byte, error) {
			b, err := indexOnly(ctx, index, e)
			pad := mostBytes / 4
			if index == 6 {
				pad = 3 * mostBytes
			}
			return append(b, strings.Repeat(" ", pad)...), err
		}
		m.grow(10, time.Now())
		end := start(s)
		time.Sleep(5 * time.Second)
		end()
		wantIndices(t, to, upTo(10))
		if diff := cmp.Diff([]int{3, 3, 1, 3}, to.sizes); diff != "" {
			t.Errorf("events in a batch: %s", diff)
		}
	})
}

// Where an entry is missing the others go out, each with its own index, and the
// hole is counted.
func TestMissingEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		m.grow(40, time.Now())
		m.entries[5].Leaf, m.entries[39].Leaf = nil, nil
		end := start(s)
		time.Sleep(5 * time.Second)
		end()
		want := slices.DeleteFunc(upTo(39), func(i int64) bool { return i == 5 })
		wantIndices(t, to, want)
		if n := value(t, s, "missing_total"); n != 2 || m.cursor().Position != 40 {
			t.Errorf("%v missing, cursor at %d", n, m.cursor().Position)
		}
	})
}

// Of several replicas one delivers; when it ends another goes on at once, and that
// its clock stands still, a day behind, changes nothing.
func TestOneReplicaAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		to := [2]*inbox{{}, {}}
		var sinks [2]*Sink
		for i := range sinks {
			sinks[i] = newTestSink(t, m, to[i])
		}
		stopped := time.Now().Add(-24 * time.Hour)
		sinks[0].Now = func() time.Time { return stopped }
		m.grow(5, time.Now())
		end := start(sinks[0])
		time.Sleep(time.Second)
		defer start(sinks[1])()
		m.grow(5, time.Now())
		time.Sleep(10 * time.Minute)
		wantIndices(t, to[0], upTo(10))
		wantIndices(t, to[1], nil)
		if h0, h1 := value(t, sinks[0], "holder"), value(t, sinks[1], "holder"); h0 != 1 || h1 != 0 {
			t.Errorf("holders: %v, %v", h0, h1)
		}

		end() // released
		m.grow(5, time.Now())
		time.Sleep(3 * time.Second)
		wantIndices(t, to[1], []int64{10, 11, 12, 13, 14})
	})
}

// A dead holder's lease is over once its row has stayed as it is for long enough,
// whatever its clock said; then one of the others goes on.
func TestDeadHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{job: cursorAt(2, time.Now().Add(time.Hour))}
		m.grow(5, time.Now())
		to := [2]*inbox{{}, {}}
		for i := range to {
			defer start(newTestSink(t, m, to[i]))()
		}
		got := func() []int64 { return append(to[0].indices(), to[1].indices()...) }
		time.Sleep(usual.lease - time.Second)
		if got := got(); len(got) != 0 {
			t.Errorf("delivered under another's lease: %v", got)
		}
		time.Sleep(5 * time.Second)
		if got := got(); !slices.Equal(got, []int64{2, 3, 4}) {
			t.Errorf("after the lease was over: %v", got)
		}
	})
}

// A holder that another took over from delivers nothing more, and its cursor does
// not count: not even when it was in the middle of a delivery.
func TestLostLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{}, &inbox{}
		s := newTestSink(t, m, to)
		m.grow(5, time.Now())
		to.set(func(int) error { // while it delivers, another has taken over and come further
			m.mu.Lock()
			defer m.mu.Unlock()
			m.job = cursorAt(3, time.Now().Add(time.Second))
			return nil
		})
		end := start(s)
		time.Sleep(2 * time.Second)
		if j := m.cursor(); j.Position != 3 {
			t.Errorf("the cursor is at %d", j.Position)
		}
		to.set(nil)
		time.Sleep(usual.lease + 2*time.Second) // the other one is dead
		end()
		wantIndices(t, to, []int64{0, 1, 2, 3, 4, 3, 4})
	})
}

// With no other process on the store nobody waits for a lease that a crash left.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := &memory{job: cursorAt(2, time.Now())}, &inbox{}
		s := newTestSink(t, m, to)
		s.Alone = true
		m.grow(5, time.Now())
		end := start(s)
		time.Sleep(100 * time.Millisecond)
		end()
		wantIndices(t, to, []int64{2, 3, 4})
		if at := m.cursor().At; !at.IsZero() {
			t.Errorf("the lease was not given up: %v", at)
		}
	})
}
