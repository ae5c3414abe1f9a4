package server

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"rolegate/internal/framing"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// observe gives each request its trace id and headers, and when it is done its
// one line in the log and its place in the metrics. A panic that nobody else
// caught is answered here.
func (s *Server) observe(next http.Handler) http.Handler {
	headers := s.headers()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{started: time.Now(), answer: answered{ResponseWriter: w}}
		x.Context.Context, x.span = s.Tracer.Request(r.Context(), r)
		req := &x.Request
		x.answer.request = req
		req.TraceID, req.Address, req.UserAgent = cmp.Or(x.span.TraceID(), newTraceID()), address(r), userAgent(r)
		req.Traced = x.span.Recording()
		r = r.WithContext(x)
		h := w.Header()
		for _, own := range headers {
			h[own.name] = own.value
		}
		h["X-Request-Id"] = x.requestID(r)
		twoLengths := false
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			h["Connection"] = closing
			twoLengths = framing.TwoLengths(r.Context())
		}
		defer s.finish(x, r)

		err := safely(func() error {
			if twoLengths {
				return invalid(i18n.TwoLengths, "")
			}
			next.ServeHTTP(&x.answer, r)
			return nil
		})
		switch {
		case err == nil:
		case x.answer.status == 0:
			s.problem(&x.answer, r, err)
		default: // half an answer is out: the caller must not take it for a whole one
			x.code, x.cause = model.CodeInternal, err
			panic(http.ErrAbortHandler)
		}
	})
}

// shared is a header that all answers share: its value is replaced, never altered.
type shared struct {
	name  string // as net/http spells it
	value []string
}

// headers are what every answer carries unless its handler knows better.
func (s *Server) headers() []shared {
	hs := []shared{
		{"X-Content-Type-Options", one("nosniff")},
		{"Referrer-Policy", one("no-referrer")},
		{"Content-Security-Policy", one("default-src 'none'; frame-ancestors 'none'")},
		{"Cache-Control", one("no-store")},
	}
	if strings.HasPrefix(s.Issuer, "https://") {
		hs = append(hs, shared{"Strict-Transport-Security", one("max-age=31536000")})
	}
	return hs
}

// closing ends the connection with the answer to what a proxy in front may have
// framed in another way than we did (RFC 9112 section 6.1): what it took for a part
// of this request is never read as the next. Package framing relies on it.
var closing = one("close")

// one is a header's only value; adding another makes a copy.
func one(value string) []string { return []string{value}[:1:1] }

// finish writes the request's log line. The route is the pattern, never the
// path, which may hold an invitation. Decisions that went well are told at Debug
// only: writing of each would take longer than deciding it.
func (s *Server) finish(x *exchange, r *http.Request) {
	took := time.Since(x.started)
	status := x.answer.status
	if status == 0 {
		status = http.StatusOK // what net/http makes of a handler that wrote nothing
	}
	method, route := methodName(r), routeOf(r, &x.event)
	s.Metrics.request(method, route, status, took)
	s.Metrics.problem(x.code)
	x.span.End(method, route, status, string(x.code))
	level := slog.LevelInfo
	switch {
	case x.cause != nil && model.CodeOf(x.cause) == model.CodeBusy:
		if s.warnings.Take("", time.Now()) == 0 {
			level = slog.LevelWarn
		}
	case x.cause != nil:
		level = slog.LevelError
	case x.routine:
		level = slog.LevelDebug
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("trace_id", x.Request.TraceID),
	}
	if x.code != "" {
		attrs = append(attrs, slog.String("code", string(x.code)))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
	}
	s.Logger.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

// warnEvery is how often the log warns that more came than can be served; a metric counts
// each of them.
const warnEvery = time.Minute

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

// allowedMethods lists the methods the request's path does answer, and the pattern of the
// route that answers the first.
func allowedMethods(r *http.Request) (allowed []string, pattern string) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	routes := chi.RouteContext(r.Context()).Routes
	for _, m := range methods {
		if at := routes.Find(chi.NewRouteContext(), m, path); at != "" {
			allowed, pattern = append(allowed, m), cmp.Or(pattern, at)
		}
	}
	return allowed, pattern
}

// requestID is what X-Request-ID answers: the caller's own identifier, whatever
// it is (net/http has refused what no header may hold, and bounded its length),
// or the trace id where it sent none. It is never logged.
func (x *exchange) requestID(r *http.Request) []string {
	if ids := r.Header["X-Request-Id"]; len(ids) > 0 && ids[0] != "" {
		return ids[:1:1]
	}
	x.trace[0] = x.Request.TraceID
	return x.trace[:]
}

// newTraceID is 128 random bits in hexadecimal, as trace ids are spelled. It
// tells requests apart and opens nothing, so the fast source will do.
func newTraceID() string {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

// clientAddress finds what a proxy that was named says in X-Forwarded-For.
func (s *Server) clientAddress() func(http.Handler) http.Handler {
	if len(s.TrustedProxies) == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	networks := make([]string, len(s.TrustedProxies))
	for i, p := range s.TrustedProxies {
		networks[i] = p.String()
	}
	return middleware.ClientIPFromXFF(networks...)
}

// address is where a request came from: what a proxy that was named says, or
// the peer, also where such a proxy sent nonsense.
func address(r *http.Request) string {
	if ip := middleware.GetClientIPAddr(r.Context()); ip.IsValid() {
		return ip.String()
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is4() { // which has one spelling
		return host
	}
	return ip.Unmap().String()
}

// maxUserAgent bounds what is kept of the header, in bytes.
const maxUserAgent = 256

func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	return strings.ToValidUTF8(ua[:min(len(ua), maxUserAgent)], "")
}
