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
	"rolegate/model"
)

// Admin answers the admin listener, which has no login and must not be
// reachable from outside. All fields are required.
type Admin struct {
	// Ready says why the service cannot answer right now, or nil.
	Ready func(ctx context.Context) error
	// Registry holds the metrics to show.
	Registry *prometheus.Registry
	// Logger gets the reasons for not being ready.
	Logger *slog.Logger
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
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready tells a load balancer whether to send requests here, by status and code;
// the cause is for the log.
func (a *Admin) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	w.Header().Set("Cache-Control", "no-store")
	if err := a.Ready(ctx); err != nil {
		a.Logger.Warn("not ready", "error", err)
		write(w, "application/json", http.StatusServiceUnavailable, api.Health{Status: string(model.CodeOf(err))})
		return
	}
	write(w, "application/json", http.StatusOK, api.Health{Status: "ok"})
}
