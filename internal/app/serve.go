package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"rolegate/internal/audit"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// shutdownGrace bounds how long requests in flight may take to finish.
const shutdownGrace = 10 * time.Second

// tracingGrace bounds how long a stop waits for the collector of traces.
const tracingGrace = 2 * time.Second

// Ready is told once, when all listeners accept connections; with port 0 the
// addresses are those the system chose.
type Ready struct {
	Address      string // public
	AdminAddress string
	URL          string // public, as a URL
	FirstStart   bool   // nobody can log in yet
}

// Serve runs the service until ctx ends, then lets requests in flight finish.
func (a *App) Serve(ctx context.Context, ready func(Ready)) error {
	// A password hash takes a core for tens of milliseconds; a processor for each
	// hash worker beside those for requests keeps decisions from waiting for one.
	runtime.GOMAXPROCS(runtime.NumCPU() + a.Login.Hasher.Workers())

	if err := a.bootstrap(ctx, model.Caller{Kind: model.CallerSystem}, ""); err != nil {
		return err
	}
	a.warn()
	public, err := listen("ROLEGATE_LISTEN", a.Config.Listen)
	if err != nil {
		return err
	}
	admin, err := listen("ROLEGATE_ADMIN_LISTEN", a.Config.AdminListen)
	if err != nil {
		public.Close()
		return err
	}
	socket, err := listenSocket(a.Config.Data)
	if err != nil {
		public.Close()
		admin.Close()
		return err
	}
	if err := a.startLog(ctx); err != nil {
		return errors.Join(err, public.Close(), admin.Close(), socket.Close())
	}

	if err := a.startTracing(ctx); err != nil {
		return errors.Join(err, public.Close(), admin.Close(), socket.Close())
	}
	api, adminAPI := a.handlers()
	serving, leave := a.drained(ctx)
	defer leave()
	group, ctx := errgroup.WithContext(serving)
	a.run(ctx, group, a.httpServer(api), public, a.Config.TLSCert, a.Config.TLSKey)
	a.run(ctx, group, a.httpServer(adminAPI), admin, "", "")
	a.run(ctx, group, a.socketServer(), socket, "", "")
	group.Go(func() error { paceCollector(ctx); return nil })
	group.Go(func() error { a.sweep(ctx); return nil })
	group.Go(func() error { a.Policy.Snapshots.Run(ctx); return nil })
	group.Go(func() error { a.Policy.Sampler.Run(ctx); return nil })
	if ready != nil {
		ready(a.readiness(ctx, public, admin))
	}
	err = group.Wait()

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), audit.Timeout)
	defer cancel()
	err = errors.Join(err, a.record(ending, audit.Stopped))
	a.stopTracing(context.WithoutCancel(ctx))
	return err
}

// drained is a context that ends when ctx does, but for the time that those who
// ask for readiness need to find out that this process leaves.
func (a *App) drained(ctx context.Context) (context.Context, context.CancelFunc) {
	later, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		a.leaving.Store(true)
		rest := time.NewTimer(a.Config.Drain)
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-later.Done():
		}
		end()
	})
	return later, func() { stop(); end() }
}

// run serves one listener until ctx ends.
func (a *App) run(ctx context.Context, group *errgroup.Group, srv *http.Server, ln net.Listener, cert, key string) {
	group.Go(func() error {
		var err error
		if cert != "" {
			err = srv.ServeTLS(ln, cert, key)
		} else {
			err = srv.Serve(ln)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			return srv.Close()
		}
		return nil
	})
}

// httpServer sets the timeouts that keep slow clients from holding connections.
func (a *App) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.Logger.Handler(), slog.LevelDebug),
	}
}

func (a *App) readiness(ctx context.Context, public, admin net.Listener) Ready {
	scheme := "http://"
	if a.Config.TLSCert != "" {
		scheme = "https://"
	}
	r := Ready{Address: public.Addr().String(), AdminAddress: admin.Addr().String(), URL: scheme + public.Addr().String()}
	users, err := a.Store.ListUsers(ctx, model.DefaultTenant, "", 1)
	r.FirstStart = err == nil && len(users) == 0
	return r
}

// startLog finds out what an earlier process left unrecorded, and records that
// this one runs.
func (a *App) startLog(ctx context.Context) error {
	o := audit.Options{Buffered: a.Config.Audit == auditBuffered, Alone: a.Config.DatabaseURL == "", Feed: a.feed}
	if err := a.Log.Start(ctx, o); err != nil {
		return err
	}
	return a.record(ctx, audit.Started)
}

// startTracing begins to tell a collector where the time of requests goes, if one
// is named. That it is away is told at most once a minute.
func (a *App) startTracing(ctx context.Context) (err error) {
	if a.Config.OTLPEndpoint == "" {
		return nil
	}
	host, _ := os.Hostname()
	var said atomic.Int64
	a.tracer, err = tracing.Open(ctx, tracing.Options{
		Endpoint: a.Config.OTLPEndpoint, Sample: a.Config.TraceSample, Version: buildVersion(), Instance: host,
		Failed: func(err error) {
			now := time.Now().Unix()
			if last := said.Load(); now-last >= 60 && said.CompareAndSwap(last, now) {
				a.Logger.Warn("traces could not be sent", "error", err)
			}
		},
	})
	return err
}

// stopTracing sends the last spans, if the collector takes them soon.
func (a *App) stopTracing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tracingGrace)
	defer cancel()
	if err := a.tracer.Close(ctx); err != nil {
		a.Logger.Warn("the last traces could not be sent", "error", err)
	}
}

func (a *App) record(ctx context.Context, what audit.Activity) error {
	return a.Log.Append(ctx, audit.Entry{Class: audit.ClassSystem, Activity: what, Outcome: audit.OutcomeOK,
		Caller: model.Caller{Kind: model.CallerSystem}})
}

// warn says what an operator should know at every start.
func (a *App) warn() {
	c := a.Config
	if c.DatabaseURL == "" && filepath.Dir(c.KeyFile) == filepath.Clean(c.Data) {
		a.Logger.Warn("the key file lies beside the data it protects: whoever copies the directory has both; ROLEGATE_KEY_FILE names another place", "key_file", c.KeyFile)
	}
	if c.BehindProxy && len(c.TrustedProxies) == 0 {
		a.Logger.Warn("no proxy is named in ROLEGATE_TRUSTED_PROXIES: if one is in front, all people seem to come from its address, and share the limits of one")
	}
	if !loopback(c.AdminListen) {
		a.Logger.Warn("the admin listener can be reached from elsewhere; it has no login", "admin_listen", c.AdminListen)
	}
	if strings.HasPrefix(c.Issuer, "http://") && !loopback(c.Listen) {
		a.Logger.Warn("ROLEGATE_ISSUER is http, though the service can be reached from elsewhere: links and tokens will name it so", "issuer", c.Issuer)
	}
}

// listen opens a TCP listener, or says which setting to change.
func listen(setting, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, model.Errorf(model.CodeSettingInvalid, "%s %s is in use by another process; stop it, or set %s to a free address", setting, addr, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, model.Errorf(model.CodeSettingInvalid, "%s %s needs more rights than this process has; choose a port above 1023", setting, addr)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", setting, addr, err)
	}
	return ln, nil
}
