package audit_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// ahead is a store whose database's clock is ahead of where it is.
type ahead struct {
	store.Store
	by time.Duration
}

func (s ahead) Clock(ctx context.Context) (time.Time, error) {
	at, err := s.Store.Clock(ctx)
	return at.Add(s.by), err
}

// A database whose clock goes wrong shows; SQLite has none that could.
func TestClocksAreCompared(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		f := newFixture(t, ahead{st, -20 * time.Second})
		if err := f.log.Start(f.ctx, audit.Options{}); err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		f.log.Register(reg)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		drift := math.NaN()
		for _, m := range families {
			if m.GetName() == "rolegate_database_clock_drift_seconds" {
				drift = m.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if _, err := st.Clock(f.ctx); errors.Is(err, errors.ErrUnsupported) {
			if !math.IsNaN(drift) {
				t.Errorf("a drift of %v", drift)
			}
		} else if math.Abs(drift+20) > 2 {
			t.Errorf("a drift of %v, want -20", drift)
		}
	})
}
