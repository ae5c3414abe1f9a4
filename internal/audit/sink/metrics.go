package sink

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
)

// metrics of one sink. Labels come from closed sets.
type metrics struct {
	delivered prometheus.Counter
	failures  *prometheus.CounterVec
	missing   prometheus.Counter
	moved     prometheus.Counter
	holder    prometheus.Gauge
	entries   prometheus.Gauge
	pending   atomic.Int64 // Unix microseconds of the first entry that waits; 0 for none
	seconds   func(now func() time.Time) prometheus.Collector
}

func newMetrics(name string) *metrics {
	label := prometheus.Labels{"sink": name}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: label})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: label})
	}
	m := &metrics{
		delivered: counter("rolegate_audit_sink_events_total", "Events that are safe at the sink, by this replica."),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rolegate_audit_sink_failures_total", ConstLabels: label,
			Help: "What failed and is tried again: reading entries, the target, moving the cursor.",
		}, []string{"at"}),
		missing: counter("rolegate_audit_sink_missing_total", "Entries that were not there to be sent: the log was tampered with."),
		moved:   counter("rolegate_audit_sink_moved_total", "Times that this replica found the cursor altered in the database."),
		holder:  gauge("rolegate_audit_sink_holder", "1 on the replica that delivers."),
		entries: gauge("rolegate_audit_sink_lag_entries", "Entries that wait to be delivered, by whichever replica."),
	}
	for _, at := range []string{"read", "target", "cursor"} {
		m.failures.WithLabelValues(at)
	}
	m.seconds = func(now func() time.Time) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rolegate_audit_sink_lag_seconds", ConstLabels: label, Help: "How long the first entry that waits has waited.",
		}, func() float64 { return m.waited(now()) })
	}
	return m
}

// waited is in seconds.
func (m *metrics) waited(now time.Time) float64 {
	at := m.pending.Load()
	if at == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMicro(at)).Seconds())
}

// Register makes the sink's metrics known.
func (s *Sink) Register(reg prometheus.Registerer) {
	m := s.metrics
	reg.MustRegister(m.delivered, m.failures, m.missing, m.moved, m.holder, m.entries, m.seconds(s.Now))
}

// measureEvery looks at the lag until ctx ends, on every replica: the one that
// should deliver may be gone.
func (s *Sink) measureEvery(ctx context.Context) {
	for ctx.Err() == nil {
		s.measure(ctx) // what fails shows elsewhere, and leaves what was
		sleep(ctx, s.timing.measure)
	}
}

func (s *Sink) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.database)
	defer cancel()
	job, err := s.Store.Job(ctx, s.job())
	if err != nil {
		return
	}
	size, err := s.Store.LogSize(ctx)
	if err != nil {
		return
	}
	s.metrics.entries.Set(float64(max(0, size-job.Position)))
	if size <= job.Position {
		s.metrics.pending.Store(0)
		return
	}
	leaves, err := s.Store.LeavesFrom(ctx, job.Position, 1)
	if err != nil || len(leaves) == 0 {
		return
	}
	if leaf, err := audit.Decode(leaves[0]); err == nil {
		s.metrics.pending.Store(leaf.Time)
	}
}
