package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/model"
)

// Metrics counts requests and decisions. Labels come from closed sets: patterns,
// statuses, codes. A nil Metrics counts nothing.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	decisions *prometheus.CounterVec
}

// NewMetrics registers the server's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rolegate_http_requests_total",
			Help: "Requests answered, by method, route pattern and status.",
		}, []string{"method", "route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rolegate_http_request_duration_seconds",
			Help:    "Time to answer a request, by route pattern and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "status"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rolegate_decisions_total",
			Help: "Decisions answered, by outcome (allow, deny) and reason code.",
		}, []string{"outcome", "code"}),
	}
	reg.MustRegister(m.requests, m.durations, m.decisions)
	return m
}

func (m *Metrics) request(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	code := strconv.Itoa(status)
	m.requests.WithLabelValues(method, route, code).Inc()
	m.durations.WithLabelValues(route, code).Observe(took.Seconds())
}

func (m *Metrics) decision(d model.Decision) {
	if m == nil {
		return
	}
	result := "deny"
	if d.Allow {
		result = "allow"
	}
	m.decisions.WithLabelValues(result, string(d.Code)).Inc()
}
