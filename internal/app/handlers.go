package app

import (
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rolegate/internal/console"
	"rolegate/internal/server"
)

// handlers makes the public surface and that of the admin listener.
func (a *App) handlers() (public, admin http.Handler) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registerBuild(registry)
	a.registerPolicy(registry)
	a.registerPasswords(registry)
	a.Log.Register(registry)
	a.registerFeed(registry)
	c := a.Config
	api := &server.Server{
		Issuer: c.Issuer, Login: a.Login, Tokens: a.Login, Decider: a.Policy, Recorder: a.Log,
		Tenants: a.Directory, Provisioning: server.ProvisioningOf(a.Directory), PageKey: a.pageKey, Limits: c.Limits(),
		Pages: &console.Pages{Issuer: c.Issuer}, Logger: a.Logger, Metrics: server.NewMetrics(registry), Tracer: a.tracer,
		TrustedProxies: prefixes(c.TrustedProxies), CORSOrigins: c.CORSOrigins,
	}
	ops := &server.Admin{Ready: a.Ready, Replica: a.replica, Registry: registry, Logger: a.Logger}
	return api.Handler(), ops.Handler()
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
