package audit_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/model"
)

// faulty is a store whose transactions can be held up or made to fail.
type faulty struct {
	store.Store
	mu     sync.Mutex
	held   chan struct{} // transactions wait for it to be closed; nil: none waits
	arrive chan struct{} // told of each one that waits
	poison []byte        // a leaf with it cannot be stored
	deaf   bool          // revisions cannot be read
	down   bool          // nothing can be written
	mute   chan struct{} // what is committed is told once it is closed; nil: at once

	expired atomic.Int64 // transactions that waited until their context ended
}

func (s *faulty) set(change func(s *faulty)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// hold makes transactions wait until release is called; with arrived one can
// wait for the first that does.
func (s *faulty) hold() (arrived <-chan struct{}, release func()) {
	held, arrive := make(chan struct{}), make(chan struct{}, 100_000)
	s.set(func(s *faulty) { s.held, s.arrive = held, arrive })
	return arrive, sync.OnceFunc(func() {
		s.set(func(s *faulty) { s.held = nil })
		close(held)
	})
}

func (s *faulty) InTx(ctx context.Context, fn func(tx store.Tx) error) error {
	s.mu.Lock()
	held, arrive, poison, mute, down := s.held, s.arrive, s.poison, s.mute, s.down
	s.mu.Unlock()
	if down {
		return model.Errorf(model.CodeStoreUnavailable, "down")
	}
	if held != nil {
		arrive <- struct{}{}
		select {
		case <-held:
		case <-ctx.Done():
			s.expired.Add(1)
			return model.Errorf(model.CodeStoreUnavailable, "held").Because(ctx.Err())
		}
	}
	err := s.Store.InTx(ctx, func(tx store.Tx) error { return fn(faultyTx{tx, poison}) })
	if mute != nil {
		<-mute
	}
	return err
}

func (s *faulty) HoldSource(ctx context.Context, source []byte, until time.Time) error {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		return model.Errorf(model.CodeStoreUnavailable, "down")
	}
	return s.Store.HoldSource(ctx, source, until)
}

func (s *faulty) TenantRevisions(ctx context.Context, tenants ...string) (map[string]int64, error) {
	s.mu.Lock()
	deaf := s.deaf
	s.mu.Unlock()
	if deaf {
		return nil, model.Errorf(model.CodeStoreUnavailable, "deaf")
	}
	return s.Store.TenantRevisions(ctx, tenants...)
}

type faultyTx struct {
	store.Tx
	poison []byte
}

func (t faultyTx) ExtendTree(ctx context.Context, index int64, entries []store.Entry, head store.Head) error {
	for _, e := range entries {
		if t.poison != nil && bytes.Contains(e.Leaf, t.poison) {
			return errors.New("poison")
		}
	}
	return t.Tx.ExtendTree(ctx, index, entries, head)
}

// onFaulty runs a test on both databases behind a faulty store.
func onFaulty(t *testing.T, test func(t *testing.T, f *fixture, s *faulty)) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		s := &faulty{Store: st}
		test(t, newFixture(t, s), s)
	})
}

// leaves reads the whole log.
func (f *fixture) leaves(t testing.TB) (all []audit.Leaf) {
	t.Helper()
	for _, e := range audittest.From(t, f.store, 0) {
		all = append(all, e.Leaf)
	}
	return all
}

// eventually waits for what happens behind the answers.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// metric reads one of the log's numbers; a histogram's is its count.
func metric(t testing.TB, reg *prometheus.Registry, name string, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label != "" && m.GetLabel()[0].GetValue() != label {
				continue
			}
			switch {
			case m.Counter != nil:
				return m.Counter.GetValue()
			case m.Gauge != nil:
				return m.Gauge.GetValue()
			case m.Histogram != nil:
				return float64(m.Histogram.GetSampleCount())
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

func wantUnavailable(t testing.TB, what string, err error) {
	t.Helper()
	if model.CodeOf(err) != model.CodeAuditUnavailable {
		t.Errorf("%s: %v, want %s", what, err, model.CodeAuditUnavailable)
	}
}
