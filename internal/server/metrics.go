package server

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/login"
	"rolegate/model"
)

// Metrics counts requests and decisions. Labels come from closed sets: patterns,
// statuses, codes. A nil Metrics counts nothing.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	decisions *prometheus.CounterVec
	problems  *prometheus.CounterVec
	throttled *prometheus.CounterVec
	locks     *prometheus.CounterVec

	// Looking a series up by its labels takes longer than counting.
	requestSeries  found[requestLabels, requestSeries]
	decisionSeries found[decisionLabels, prometheus.Counter]
}

type requestLabels struct {
	method, route string
	status        int
}

type requestSeries struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

type decisionLabels struct {
	allow bool
	code  model.Code
}

// found remembers what was looked up. Reading takes no lock; each new key copies
// the map, and there are few.
type found[K comparable, V any] struct {
	all    atomic.Pointer[map[K]V]
	adding sync.Mutex
}

func (f *found[K, V]) get(key K, look func() V) V {
	if all := f.all.Load(); all != nil {
		if v, ok := (*all)[key]; ok {
			return v
		}
	}
	f.adding.Lock()
	defer f.adding.Unlock()
	more := map[K]V{}
	if all := f.all.Load(); all != nil {
		maps.Copy(more, *all)
	}
	v := look()
	more[key] = v
	f.all.Store(&more)
	return v
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
	m.problems = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_problems_total",
		Help: "Requests that were refused or failed, by the code of the answer.",
	}, []string{"code"})
	m.problems.WithLabelValues(string(model.CodeRevisionBehind)) // so that it can be subtracted
	m.throttled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_throttled_total",
		Help: "Tries and requests refused because a limit was reached, by the budget that was spent.",
	}, []string{"budget"})
	for _, budget := range append(login.Budgets, budgetRequests) { // so that each is there, at 0, to watch
		m.throttled.WithLabelValues(budget)
	}
	m.locks = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rolegate_locks_total",
		Help: "Times that tries in a row began a wait or a lock, by the budget: login_network, code, password.",
	}, []string{"budget"})
	for _, budget := range login.Locks {
		m.locks.WithLabelValues(budget)
	}
	reg.MustRegister(m.requests, m.durations, m.decisions, m.problems, m.throttled, m.locks)
	return m
}

func (m *Metrics) request(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	series := m.requestSeries.get(requestLabels{method, route, status}, func() requestSeries {
		code := strconv.Itoa(status)
		return requestSeries{m.requests.WithLabelValues(method, route, code), m.durations.WithLabelValues(route, code)}
	})
	series.count.Inc()
	series.duration.Observe(took.Seconds())
}

func (m *Metrics) problem(code model.Code) {
	if m != nil && code != "" {
		m.problems.WithLabelValues(string(code)).Inc()
	}
}

// Throttled counts a try that was refused.
func (m *Metrics) Throttled(budget string) {
	if m != nil {
		m.throttled.WithLabelValues(budget).Inc()
	}
}

// Locked counts a lock that began.
func (m *Metrics) Locked(budget string) {
	if m != nil {
		m.locks.WithLabelValues(budget).Inc()
	}
}

func (m *Metrics) decision(d *model.Decision) {
	if m == nil {
		return
	}
	m.decisionSeries.get(decisionLabels{d.Allow, d.Code}, func() prometheus.Counter {
		result := "deny"
		if d.Allow {
			result = "allow"
		}
		return m.decisions.WithLabelValues(result, string(d.Code))
	}).Inc()
}
