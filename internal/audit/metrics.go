package audit

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the log. Labels come from closed sets.
type metrics struct {
	batches  prometheus.Counter
	entries  prometheus.Histogram
	seconds  prometheus.Histogram
	refused  *prometheus.CounterVec
	moved    prometheus.Counter
	lost     prometheus.Counter
	counted  *prometheus.CounterVec
	gaps     prometheus.Counter
	drift    prometheus.Gauge // nil: the database has no clock of its own
	gauges   []prometheus.Collector
	counters []prometheus.Collector
}

func newMetrics() *metrics {
	m := &metrics{
		batches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rolegate_audit_batches_total", Help: "Transactions of the log's own that were committed."}),
		entries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rolegate_audit_batch_entries", Help: "Entries committed by one transaction of the log's own.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rolegate_audit_commit_seconds", Help: "Time a transaction of the log's own took.",
			Buckets: []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2}}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rolegate_audit_refused_total",
			Help: "Requests refused because no record of them could be kept: the queue was full, the database late, or the buffer stalled.",
		}, []string{"reason"}),
		moved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rolegate_audit_moved_total", Help: "Decisions made again because their tenant had changed meanwhile."}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rolegate_audit_lost_total", Help: "Buffered records that could not be written for a fault of their own; each is counted in the log, too."}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rolegate_audit_gaps_total", Help: "Processes found to have ended with records in their memory."}),
	}
	for _, reason := range []string{"full", "late", "stalled"} {
		m.refused.WithLabelValues(reason)
	}
	m.counted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_audit_denials_counted_total",
		Help: "Denials of floods that were counted, and have no entry of their own, by what kind of source was past its limit.",
	}, []string{"source"})
	for _, o := range []origin{ofPerson, ofCaller, ofNetwork, ofNobody, ofCrowd} {
		m.counted.WithLabelValues(string(o))
	}
	m.counters = []prometheus.Collector{m.batches, m.entries, m.seconds, m.refused, m.moved, m.lost, m.gaps, m.counted}
	return m
}

// watch adds the length of a queue.
func (m *metrics) watch(queue string, length func() float64) {
	m.gauges = append(m.gauges, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rolegate_audit_queue_length", Help: "Appends that wait for a transaction.",
		ConstLabels: prometheus.Labels{"queue": queue}}, length))
}

// drifted says how far the database's clock is ahead of ours.
func (m *metrics) drifted(by time.Duration) {
	if m.drift == nil { // when the watch starts; nobody else is there yet
		m.drift = prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rolegate_database_clock_drift_seconds", Help: "How far the database's clock is ahead of this process's."})
		m.gauges = append(m.gauges, m.drift)
	}
	m.drift.Set(by.Seconds())
}

// watchFlood adds the number of sources of denials.
func (m *metrics) watchFlood(sources func() float64) {
	m.gauges = append(m.gauges, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rolegate_audit_denial_sources", Help: "Sources of denials in this minute, or the last one that had any."}, sources))
}

func (m *metrics) committed(entries int, took time.Duration) {
	m.batches.Inc()
	m.entries.Observe(float64(entries))
	m.seconds.Observe(took.Seconds())
}

// Register makes the log's metrics known; call it after Start.
func (l *Log) Register(reg prometheus.Registerer) {
	reg.MustRegister(l.metrics.counters...)
	reg.MustRegister(l.metrics.gauges...)
}
