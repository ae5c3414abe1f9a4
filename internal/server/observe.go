package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"rolegate/internal/reqctx"
	"rolegate/model"
)

// event is what a request's log line says beyond the obvious; it is filled
// along the way by whoever knows.
type event struct {
	code  model.Code // of the failure; empty where there was none
	cause error      // of a fault of ours
}

type eventKey struct{}

// eventOf is the event of the request ctx belongs to.
func eventOf(ctx context.Context) *event {
	if ev, ok := ctx.Value(eventKey{}).(*event); ok {
		return ev
	}
	return &event{}
}

// observe gives each request its trace id and headers, and when it is done its
// one line in the log and its place in the metrics. A panic that nobody else
// caught is answered here.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		req := &reqctx.Request{TraceID: newTraceID(), Address: address(r), UserAgent: userAgent(r)}
		ev := &event{}
		r = r.WithContext(context.WithValue(reqctx.With(r.Context(), req), eventKey{}, ev))
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		s.setHeaders(ww.Header(), r, req.TraceID)
		defer func() { s.finish(r, ww.Status(), ev, time.Since(start)) }()

		err := safely(func() error { next.ServeHTTP(ww, r); return nil })
		switch {
		case err == nil:
		case ww.Status() == 0:
			s.problem(ww, r, err)
		default: // half an answer is out: the caller must not take it for a whole one
			ev.code, ev.cause = model.CodeInternal, err
			panic(http.ErrAbortHandler)
		}
	})
}

// setHeaders sets what every answer carries unless its handler knows better.
func (s *Server) setHeaders(h http.Header, r *http.Request, trace string) {
	h.Set("X-Request-ID", requestID(r, trace))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	if strings.HasPrefix(s.Issuer, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// finish writes the request's log line. The route is the pattern, never the
// path, which may hold an invitation.
func (s *Server) finish(r *http.Request, status int, ev *event, took time.Duration) {
	if status == 0 {
		status = http.StatusOK // what net/http makes of a handler that wrote nothing
	}
	method, route := methodName(r), routeOf(r, ev)
	s.Metrics.request(method, route, status, took)
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.String("trace_id", reqctx.From(r.Context()).TraceID),
	}
	if ev.code != "" {
		attrs = append(attrs, slog.String("code", string(ev.code)))
	}
	level := slog.LevelInfo
	if ev.cause != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", ev.cause.Error()))
	}
	s.Logger.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

// unmatched stands for all paths that are no route of ours.
const unmatched = "unmatched"

func routeOf(r *http.Request, ev *event) string {
	pattern := chi.RouteContext(r.Context()).RoutePattern()
	if pattern == "" || ev.code == model.CodeMethodNotAllowed {
		return unmatched
	}
	return pattern
}

var methods = []string{
	http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace,
}

// methodName keeps made-up methods from becoming series of their own.
func methodName(r *http.Request) string {
	if slices.Contains(methods, r.Method) {
		return r.Method
	}
	return "OTHER"
}

// allowedMethods lists the methods the request's path does answer.
func allowedMethods(r *http.Request) []string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	routes := chi.RouteContext(r.Context()).Routes
	return slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
		return !routes.Match(chi.NewRouteContext(), m, path)
	})
}

// requestID is what X-Request-ID answers: the caller's own identifier, whatever
// it is (net/http has refused what no header may hold, and bounded its length),
// or the trace id where it sent none. It is never logged.
func requestID(r *http.Request, trace string) string {
	if id := r.Header.Get("X-Request-ID"); id != "" {
		return id
	}
	return trace
}

// newTraceID is 128 random bits in hexadecimal, as trace ids are spelled.
func newTraceID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// clientAddress finds where a request came from: the peer, or what a proxy that
// was named says in X-Forwarded-For.
func (s *Server) clientAddress() func(http.Handler) http.Handler {
	if len(s.TrustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	networks := make([]string, len(s.TrustedProxies))
	for i, p := range s.TrustedProxies {
		networks[i] = p.String()
	}
	return middleware.ClientIPFromXFF(networks...)
}

// address is the client's address, or the peer's where a proxy sent nonsense.
func address(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// maxUserAgent bounds what is kept of the header, in bytes.
const maxUserAgent = 256

func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	return strings.ToValidUTF8(ua[:min(len(ua), maxUserAgent)], "")
}
