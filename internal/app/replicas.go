package app

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/server"
	"rolegate/internal/store"
	"rolegate/model"
)

// current tells whether this replica knows what others have committed. Where it
// does not, buffered decisions are refused, and a load balancer had better ask
// another one.
func (a *App) current() error {
	if age := a.feed.Age(); age > store.StaleAfter {
		return model.Errorf(model.CodeStoreUnavailable, "the tenants' revisions were last read %s ago", age.Round(time.Millisecond))
	}
	return nil
}

// shownTenants bounds how many tenants are shown one by one.
const shownTenants = 100

// replica is what this replica shows of itself.
func (a *App) replica() server.Replica {
	s := a.feed.State()
	applied, _ := a.Policy.Snapshots.Applied(shownTenants)
	return server.Replica{Feed: s.Running, Listening: s.Listening, Age: s.Age.Seconds(), Revisions: applied, Unreadable: a.Policy.Snapshots.Unreadable()}
}

// registerFeed registers what operators see of how a replica keeps up. Tenants
// are those whose snapshot is in memory, the first hundred by name.
func (a *App) registerFeed(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	reg.MustRegister(
		gauge("rolegate_revision_age_seconds", "Age of what this replica knows of other replicas' commits; 0 where there can be none.",
			func() float64 { return a.feed.Age().Seconds() }),
		counter("rolegate_revision_notices_total", "Notices of commits that came, this replica's own among them.",
			func() float64 { return float64(a.feed.State().Notices) }),
		counter("rolegate_revision_read_failures_total", "Readings of the tenants' revisions that failed.",
			func() float64 { return float64(a.feed.State().Failures) }),
		gauge("rolegate_revision_lag", "Revisions that are known and not yet in the snapshots in memory, of all tenants together. The next question brings its tenant's up to date.",
			func() float64 {
				_, lag := a.Policy.Snapshots.Applied(0)
				return float64(lag)
			}),
		gauge("rolegate_policies_unreadable", "Tenants that were asked about since the start and whose stored policy or catalogue cannot be read: all they ask is refused.",
			func() float64 { return float64(a.Policy.Snapshots.Unreadable()) }),
		appliedRevisions{a},
	)
	if a.Config.DatabaseURL == "" { // nobody notifies: 0 would be an alarm without a cause
		return
	}
	reg.MustRegister(gauge("rolegate_revision_listening", "1 while notices of commits arrive, 0 while there is only polling. Not there with SQLite.",
		func() float64 {
			if a.feed.State().Listening {
				return 1
			}
			return 0
		}))
}

// appliedRevisions shows the revision of each snapshot in memory.
type appliedRevisions struct{ a *App }

var appliedRevision = prometheus.NewDesc("rolegate_revision_applied",
	fmt.Sprintf("Revision of a tenant's snapshot in memory, of the first %d tenants by name.", shownTenants), []string{"tenant"}, nil)

var appliedPolicy = prometheus.NewDesc("rolegate_policy_applied",
	fmt.Sprintf("Revision of the policy, as published, by which a tenant's snapshot in memory decides, of the first %d tenants by name.", shownTenants), []string{"tenant"}, nil)

func (c appliedRevisions) Describe(ch chan<- *prometheus.Desc) {
	ch <- appliedRevision
	ch <- appliedPolicy
}

func (c appliedRevisions) Collect(ch chan<- prometheus.Metric) {
	applied, _ := c.a.Policy.Snapshots.Applied(shownTenants)
	for tenant, revision := range applied {
		ch <- prometheus.MustNewConstMetric(appliedRevision, prometheus.GaugeValue, float64(revision), tenant)
	}
	for tenant, revision := range c.a.Policy.Snapshots.Policies(shownTenants) {
		ch <- prometheus.MustNewConstMetric(appliedPolicy, prometheus.GaugeValue, float64(revision), tenant)
	}
}
