package app

import (
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rolegate/internal/console"
	"rolegate/internal/policy"
	"rolegate/internal/server"
)

// metrics is what the admin listener shows of the process and its services.
func (a *App) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registerBuild(registry)
	a.registerPolicy(registry)
	a.registerPasswords(registry)
	a.registerKeys(registry)
	registry.MustRegister(a.reused, a.offsets, a.clockJumps)
	a.Log.Register(registry)
	a.verifier.Register(registry)
	a.Checkpoints.Register(registry)
	a.registerFeed(registry)
	return registry
}

// handlers makes the public surface and that of the admin listener.
func (a *App) handlers(registry *prometheus.Registry) (public, admin http.Handler) {
	c := a.Config
	metrics := server.NewMetrics(registry)
	a.Login.WatchThrottling(metrics.Throttled, metrics.Locked)
	api := &server.Server{
		Issuer: c.Issuer, Login: a.Login, Tokens: a.Login, Factors: a.Login, Passwords: a.Login, Sessions: a.Login, Decider: a.Policy, Recorder: a.Log, Tree: a.Checkpoints, AuditPublic: c.AuditPublic,
		Tenants: a.Directory, Provisioning: server.ProvisioningOf(a.Directory), Administration: a.Administration, PageKey: a.pageKey, Limits: c.Limits(),
		Pages: &console.Pages{Login: a.Login, Administration: a.Administration, Limits: c.Limits(), Now: a.now, PageKey: a.pageKey, ReadQuestion: a.readQuestion}, Logger: a.Logger, Metrics: metrics, Tracer: a.tracer,
		Known: a.Login, LoginRate: c.LoginRate, TrustedProxies: prefixes(c.TrustedProxies), CORSOrigins: c.CORSOrigins,
	}
	ops := &server.Admin{Ready: a.Ready, Replica: a.replica, Checkpoints: a.Checkpoints.State, Verified: a.verified, Registry: registry, Logger: a.Logger}
	return api.Handler(), ops.Handler()
}

// readQuestion is how the API reads a question to be explained.
func (a *App) readQuestion(body []byte) (policy.ExplainRequest, error) {
	return server.ReadExplain(body, a.Config.Limits())
}

// pageKey derives the keys of page tokens, the same on every replica.
func (a *App) pageKey(parts ...[]byte) []byte { return a.kek.MAC("search page", parts...) }

// prefixes parses CIDRs that Validate has seen.
func prefixes(cidrs []string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(cidrs))
	for _, c := range cidrs {
		out = append(out, netip.MustParsePrefix(c))
	}
	return out
}
