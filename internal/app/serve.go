package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"rolegate/internal/audit"
	"rolegate/internal/framing"
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
	if a.HashWorker != nil {
		a.Login.Hasher.UseProcesses(ctx, a.HashWorker)
	}
	certificate, err := openCertificate(a.Config, a.Logger, a.now)
	if err != nil {
		return err
	}
	if err := a.bootstrap(ctx, model.Caller{Kind: model.CallerSystem}, ""); err != nil {
		return err
	}
	a.warn()
	ln, err := listen("ROLEGATE_LISTEN", a.Config.Listen)
	if err != nil {
		return err
	}
	room := roomFor(a.Config.MaxConnections)
	public := limitConnections(ln, room, a.Config.shareOf(room))
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

	if err := a.KeepKeys(ctx); err != nil {
		return errors.Join(err, public.Close(), admin.Close(), socket.Close())
	}
	if err := a.startTracing(ctx); err != nil {
		return errors.Join(err, public.Close(), admin.Close(), socket.Close())
	}
	sinks, err := a.openSinks(ctx)
	if err != nil {
		return errors.Join(err, public.Close(), admin.Close(), socket.Close())
	}
	registry := a.metrics()
	certificate.register(registry)
	public.register(registry)
	api, adminAPI := a.handlers(registry)
	serving, leave := a.drained(ctx)
	defer leave()
	group, ctx := errgroup.WithContext(serving)
	a.run(ctx, group, a.publicServer(api, public, certificate), a.followed(public, certificate))
	a.run(ctx, group, a.httpServer(adminAPI), admin)
	a.run(ctx, group, a.socketServer(), socket)
	defer limitMemory(a.Login.Hasher.Workers())()
	group.Go(func() error { paceCollector(ctx); return nil })
	clock := a.glance()
	group.Go(func() error { a.watchClock(ctx, clock); return nil })
	group.Go(func() error { a.sweep(ctx); return nil })
	group.Go(func() error { a.Policy.Snapshots.Run(ctx); return nil })
	group.Go(func() error { a.noteApplied(ctx); return nil })
	group.Go(func() error { a.Login.Keys.Follow(ctx); return nil })
	group.Go(func() error { a.keepKeysEvery(ctx); return nil })
	group.Go(func() error { a.Policy.Sampler.Run(ctx); return nil })
	group.Go(func() error { a.sweepTries(ctx); return nil })
	for _, s := range sinks {
		s.Register(registry)
		group.Go(func() error { s.Run(ctx); return nil })
	}
	group.Go(func() error { a.verifier.Run(ctx); return nil })
	group.Go(func() error { a.Checkpoints.Run(ctx); return nil })
	group.Go(func() error { a.summarize(ctx); return nil })
	if ready != nil {
		ready(a.readiness(ctx, public, admin))
	}
	err = group.Wait()

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), audit.Timeout)
	defer cancel()
	err = errors.Join(err, a.record(ending, audit.Stopped), a.leaveKeys(ending))
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
func (a *App) run(ctx context.Context, group *errgroup.Group, srv *http.Server, ln net.Listener) {
	group.Go(func() error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
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

// Timeouts end connections whose other end is slow. Each is counted from when it
// begins: of a header or a request its first byte, of an answer the end of the
// request's header.
type Timeouts struct {
	Header time.Duration // until the header of a request is there, or a TLS handshake done
	Read   time.Duration // until a request is there
	Write  time.Duration // until an answer is taken
	Idle   time.Duration // until the next request begins
}

// DefaultTimeouts are long for any network, and short for a place that others want.
var DefaultTimeouts = Timeouts{Header: 5 * time.Second, Read: 30 * time.Second, Write: time.Minute, Idle: 2 * time.Minute}

// maxHeader bounds the header of a request, in bytes.
const maxHeader = 16 << 10

// httpServer keeps slow clients from holding connections, and leaves every answer
// to h, that to OPTIONS * too.
func (a *App) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            a.Timeouts.Header,
		ReadTimeout:                  a.Timeouts.Read,
		WriteTimeout:                 a.Timeouts.Write,
		IdleTimeout:                  a.Timeouts.Idle,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     slog.NewLogLogger(a.Logger.Handler(), slog.LevelDebug),
	}
}

// publicServer is httpServer for the public listener.
func (a *App) publicServer(h http.Handler, ln *connections, c *certificate) *http.Server {
	srv := a.httpServer(h)
	srv.ConnState = ln.state
	srv.ConnContext = framing.Context
	if c != nil {
		srv.TLSConfig = c.config()
	}
	return srv
}

// followed is the public listener with its requests followed, in TLS where there is
// a certificate. What does not speak TLS then is told so, and cut off.
func (a *App) followed(ln *connections, c *certificate) net.Listener {
	if c == nil {
		return framing.Listen(ln)
	}
	return framing.ListenTLS(ln, c.config(), a.Timeouts.Header, func(peer net.Addr, err error) {
		a.Logger.Debug("a TLS handshake failed", "peer", peer.String(), "error", err)
	})
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
	if _, err := a.Checkpoints.Key(ctx); err != nil { // which the first one makes
		return err
	}
	if err := a.record(ctx, audit.Started); err != nil || a.Config.FourEyes != fourEyesSingle {
		return err
	}
	return a.record(ctx, audit.FourEyesSingle)
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
	if wide := wideProxies(c.TrustedProxies); len(wide) > 0 {
		a.Logger.Warn("ROLEGATE_TRUSTED_PROXIES names whole private networks: whoever is in one can say that a request comes from anywhere; name the proxies' own addresses", "wide", wide)
	}
	if c.AuditProfile == profileFull && (c.AuditFile != "" || c.AuditWebhook != "") {
		a.Logger.Warn("the log goes out with names, ids and addresses: an erasure does not reach that copy (ROLEGATE_AUDIT_PROFILE=full)")
	}
	if !loopback(c.AdminListen) {
		a.Logger.Warn("the admin listener can be reached from elsewhere; it has no login", "admin_listen", c.AdminListen)
	}
	if room := roomFor(c.MaxConnections); room < c.MaxConnections {
		a.Logger.Warn("the limit on open files leaves room for fewer connections than ROLEGATE_MAX_CONNECTIONS", "connections", room, "max_connections", c.MaxConnections)
	}
	if strings.HasPrefix(c.Issuer, "http://") && !loopback(c.Listen) {
		a.Logger.Warn("ROLEGATE_ISSUER is http, though the service can be reached from elsewhere: links and tokens will name it so", "issuer", c.Issuer)
	}
	if u, err := url.Parse(c.Issuer); err == nil {
		if u.Scheme == "http" && !loopback(net.JoinHostPort(u.Hostname(), u.Port())) {
			a.Logger.Warn("people cannot log in by the pages: but for localhost browsers keep a session over https only (ROLEGATE_ISSUER)", "issuer", c.Issuer)
		}
		if u.Path != "" {
			a.Logger.Warn("the pages are made for the root of a host, and ROLEGATE_ISSUER has a path: their links lead beside it", "issuer", c.Issuer)
		}
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
