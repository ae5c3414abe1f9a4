package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rolegate/api"
	"rolegate/internal/audit/checkpoint"
	"rolegate/model"
)

// Admin answers the admin listener, which has no login and must not be
// reachable from outside. All fields are required.
type Admin struct {
	// Ready says why the service cannot answer right now, or nil.
	Ready func(ctx context.Context) error
	// Replica tells how this replica keeps up with the others.
	Replica func() Replica
	// Verified tells what is known of the log.
	Verified func() Verified
	// Checkpoints tells how far those of the log are, and why there are none any more.
	Checkpoints func() checkpoint.State
	// Registry holds the metrics to show.
	Registry *prometheus.Registry
	// Logger gets the reasons for not being ready.
	Logger *slog.Logger
}

// Replica is how one of several processes on a database keeps up with the others.
type Replica struct {
	Feed      bool             `json:"feed"`                 // it looks for others' commits; not where there can be none
	Listening bool             `json:"listening"`            // it is told of them, and need not wait for the next poll
	Age       float64          `json:"revision_age_seconds"` // of what it knows of them
	Revisions map[string]int64 `json:"revisions"`            // of the tenants in memory, by id: what questions are answered from

	// Unreadable counts the tenants that were asked about and whose stored policy cannot
	// be read. As long as another's can, that is no reason to send nothing here.
	Unreadable int `json:"unreadable_policies,omitzero"`
}

// Verified is what the last verification of the log by the service itself has found,
// by whichever replica. A log that is not in order stops no answer.
type Verified struct {
	Status   string    `json:"status"`             // "ok", "failed", or "never"
	At       time.Time `json:"at,omitzero"`        // of the last one
	Entries  int64     `json:"entries"`            // of the log then
	GoodAt   time.Time `json:"good_at,omitzero"`   // of the last one that found nothing
	Findings []string  `json:"findings,omitempty"` // the first few, if this replica found them
}

// readiness is the answer of /readyz.
type readiness struct {
	Status  string  `json:"status"` // "ok", or the code of why not
	Replica Replica `json:"replica"`

	// A log that gets no checkpoints any more is told, and is no reason to send
	// nothing here: what is recorded is recorded, and all replicas are in the same
	// state.
	Checkpoints checkpoint.State `json:"checkpoints"`
	Log         Verified         `json:"log"`
}

// readyTimeout bounds how long readiness may take to find out.
const readyTimeout = 2 * time.Second

// Handler is the whole admin surface.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		write(w, "application/json", http.StatusOK, api.Health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return fenced(mux)
}

// fenced gives all that mux answers the headers of what is nobody's page. Of
// pprof's pages, cmdline is not there: flags may hold the databases' passwords.
func fenced(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// ready tells a load balancer whether to send requests here, by status and code;
// the cause is for the log.
func (a *Admin) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		a.Logger.Warn("not ready", "error", err)
		write(w, "application/json", http.StatusServiceUnavailable, readiness{string(model.CodeOf(err)), a.Replica(), a.Checkpoints(), a.Verified()})
		return
	}
	write(w, "application/json", http.StatusOK, readiness{"ok", a.Replica(), a.Checkpoints(), a.Verified()})
}
