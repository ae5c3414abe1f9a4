package selfverify

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit/verify"
)

// The kinds of failures.
const (
	unreadable = "unreadable" // the log could not be read
	tampered   = "tampered"
	diverged   = "diverged"
	malformed  = "malformed"
)

var kinds = map[verify.Status]string{verify.Tamper: tampered, verify.Diverge: diverged, verify.Malform: malformed}

type metrics struct {
	failures *prometheus.CounterVec
	seconds  prometheus.Gauge
	shared   []prometheus.Collector
}

func newMetrics(v *Verifier) *metrics {
	m := &metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rolegate_audit_verify_failures_total",
			Help: "Passes of this replica over the log that failed: tampered, diverged, malformed, or unreadable, which says nothing of the log.",
		}, []string{"kind"}),
		seconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rolegate_audit_verify_duration_seconds", Help: "How long this replica's last pass over the log took, its rests included."}),
	}
	for _, kind := range []string{unreadable, tampered, diverged, malformed} {
		m.failures.WithLabelValues(kind)
	}
	gauge := func(name, help string, value func(k *Known) float64) {
		m.shared = append(m.shared, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(v.known.Load()) }))
	}
	gauge("rolegate_audit_verify_success_timestamp_seconds", "When a pass over the log, of any replica, last found nothing wrong; 0 for never.",
		func(k *Known) float64 {
			if k.GoodAt.IsZero() {
				return 0
			}
			return float64(k.GoodAt.UnixMilli()) / 1e3
		})
	gauge("rolegate_audit_verify_entries", "Entries that the last pass of any replica has verified.", func(k *Known) float64 { return float64(k.Size) })
	gauge("rolegate_audit_verify_failed", "1 while the last pass of any replica found the log altered or damaged.", func(k *Known) float64 {
		if k.Failed {
			return 1
		}
		return 0
	})
	return m
}

func (m *metrics) failed(kind string) { m.failures.WithLabelValues(kind).Inc() }

func (m *metrics) took(p *Pass) { m.seconds.Set(p.Took.Round(time.Millisecond).Seconds()) }

// Register makes the metrics known.
func (v *Verifier) Register(reg prometheus.Registerer) {
	reg.MustRegister(v.metrics.failures, v.metrics.seconds)
	reg.MustRegister(v.metrics.shared...)
}
