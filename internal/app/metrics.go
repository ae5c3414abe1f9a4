package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/policy"
)

// registerPolicy registers what operators see of the decision engine.
func (a *App) registerPolicy(reg prometheus.Registerer) {
	reg.MustRegister(a.sampled,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rolegate_snapshots",
			Help: "Tenants whose compiled snapshot is in memory.",
		}, func() float64 { return float64(a.Policy.Snapshots.Usage().Tenants) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rolegate_snapshot_bytes",
			Help: "Memory of the compiled snapshots, about.",
		}, func() float64 { return float64(a.Policy.Snapshots.Usage().Bytes) }),
	)
}

// newSampled counts re-checked decisions. The outcome "different" is the one to
// raise an alarm for.
func newSampled() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_casbin_samples_total",
		Help: "Decisions sampled for a re-check by Casbin's own enforcer, by outcome (same, different, skipped, dropped, failed).",
	}, []string{"outcome"})
	for _, o := range policy.SampleOutcomes { // so that "different" is there, at 0, to watch
		v.WithLabelValues(string(o))
	}
	return v
}
