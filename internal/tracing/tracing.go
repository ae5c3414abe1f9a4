// Package tracing tells an OpenTelemetry collector where the time of requests
// goes. It is off unless a collector is named, and then costs nothing.
//
//	Request ── a span for the request, in the caller's trace where it names one
//	   └─ Part ── decide, append (until the record is committed), load (a snapshot), hash (a password)
//
// What is told are routes, statuses and codes; never a subject, a record, an
// address, a token or a path. A collector that is slow or away loses spans and
// delays nobody.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"rolegate/internal/reqctx"
)

// Options say where spans go.
type Options struct {
	// Endpoint is the collector's URL for OTLP over HTTP, such as
	// http://localhost:4318; without a path it is /v1/traces.
	Endpoint string
	// Sample traces one request in this many; a caller that traces decides for the
	// requests it sends (the flag of W3C Trace Context). 1 traces all.
	Sample  int
	Version string
	// Instance tells replicas apart.
	Instance string
	// Failed is told what could not be sent.
	Failed func(error)
}

// Tracer makes the spans of requests. A nil Tracer makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	from     propagation.TraceContext
}

// scope names what makes the spans.
const scope = "rolegate"

// Open begins to send spans in the background. The collector is not asked: it may
// come later.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	endpoint, err := parse(o.Endpoint)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithTimeout(sendTimeout))
	if err != nil {
		return nil, fmt.Errorf("traces to %s: %w", endpoint, err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(o.Failed))
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(1/float64(max(o.Sample, 1))))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "rolegate"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance),
		)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer(scope)}, nil
}

const sendTimeout = 5 * time.Second

// Check tells whether an endpoint can be one.
func Check(endpoint string) error {
	_, err := parse(endpoint)
	return err
}

func parse(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errors.New("is not a URL such as http://localhost:4318, with neither user nor query")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Span is one request's. The zero value is of a request that is not traced.
type Span struct{ span trace.Span }

// Request begins a request's span, and gives the context its parts belong to. A
// trace that the caller names is gone on with (W3C Trace Context, traceparent);
// malformed, it is none.
func (t *Tracer) Request(ctx context.Context, r *http.Request) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	// Only where the trace is from: tracestate may hold anything of anybody.
	ctx = t.from.Extract(ctx, propagation.MapCarrier{"traceparent": r.Header.Get("Traceparent")})
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer))
	return ctx, Span{span}
}

// TraceID is the trace's id as 32 hexadecimal digits, "" where there is none.
func (s Span) TraceID() string {
	if s.span == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// End ends a request's span: the route is its pattern, the code that of a
// failure or "".
func (s Span) End(method, route string, status int, code string) {
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		s.span.SetName(method + " " + route)
		s.span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status))
		if code != "" {
			s.span.SetAttributes(attribute.String("error.type", code))
		}
		if status >= http.StatusInternalServerError {
			s.span.SetStatus(codes.Error, code)
		}
	}
	s.span.End()
}

// Recording tells whether the span's parts are worth telling.
func (s Span) Recording() bool { return s.span != nil && s.span.IsRecording() }

// Part begins a part of the request ctx belongs to, and gives what ends it. Only
// the kind of a failure is told, by whoever ends the request.
func Part(ctx context.Context, name string) (context.Context, func()) {
	if !reqctx.From(ctx).Traced { // which is found sooner than that there is no span
		return ctx, nothing
	}
	parent := trace.SpanFromContext(ctx)
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, func() { span.End() }
}

func nothing() {}
