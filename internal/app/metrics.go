package app

import (
	"runtime"
	"runtime/debug"

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

// registerPasswords registers what operators see of the hash workers: a flood of
// logins shows here first.
func (a *App) registerPasswords(reg prometheus.Registerer) {
	stats := a.Login.Hasher.Stats
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	gauge("rolegate_hash_workers", "Passwords that may be hashed at once.", func() float64 { return float64(a.Login.Hasher.Workers()) })
	gauge("rolegate_hash_workers_busy", "Passwords being hashed.", func() float64 { return float64(stats().Running) })
	gauge("rolegate_hash_queue_length", "Passwords that wait for a worker.", func() float64 { return float64(stats().Waiting) })
	counter("rolegate_hashes_total", "Passwords hashed.", func() float64 { return float64(stats().Done) })
	counter("rolegate_hash_seconds_total", "Time it took to hash them.", func() float64 { return stats().Took.Seconds() })
	counter("rolegate_hash_refused_total", "Requests refused because no worker came free in time.", func() float64 { return float64(stats().Refused) })
}

// registerKeys registers what operators see of the signing keys.
func (a *App) registerKeys(reg prometheus.Registerer) {
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rolegate_signing_key_age_seconds",
			Help: "How long the key that signs access tokens has done so.",
		}, func() float64 { return a.Login.Keys.Age().Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rolegate_unknown_kids_total",
			Help: "Tokens that named a signing key which is none of ours, or none any more.",
		}, func() float64 { return float64(a.Login.Keys.UnknownKIDs()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rolegate_key_missing",
			Help: "1 while this replica's key file has not the key that seals now.",
		}, func() float64 {
			if a.unkeyed.Load() {
				return 1
			}
			return 0
		}),
	)
}

// newReused counts refresh tokens that came back after their use.
func newReused() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name: "rolegate_refresh_reuse_total",
		Help: "Refresh tokens that came back after their use; each time a session was ended, since somebody holds a copy.",
	})
}

// newOffsets counts codes that were accepted, by how far they were off.
func newOffsets() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "rolegate_otp_offset_steps",
		Help:    "One-time codes accepted, by how many time steps they were ahead of the present one; below zero they were behind.",
		Buckets: prometheus.LinearBuckets(-3, 1, 7), // whatever a window has
	})
}

// registerBuild tells which build runs.
func registerBuild(reg prometheus.Registerer) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rolegate_build_info", Help: "Always 1; the labels say which build runs.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "go": runtime.Version()},
	}, func() float64 { return 1 }))
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
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
