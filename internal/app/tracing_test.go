package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	span "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// newCollector is an OpenTelemetry collector that keeps the spans it gets.
func newCollector(t *testing.T) (url string, spans func() []*span.Span) {
	var mu sync.Mutex
	var got []*span.Span
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &req)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, res := range req.ResourceSpans {
			for _, scope := range res.ScopeSpans {
				got = append(got, scope.Spans...)
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []*span.Span {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

// The trace of the caller is gone on with, its id is the one of the answer, and
// the spans say where the time went, and nothing of anybody.
func TestTraces(t *testing.T) {
	url, spans := newCollector(t)
	k := testkit.New(t, "ROLEGATE_OTLP_ENDPOINT="+url, "ROLEGATE_TRACE_SAMPLE=1000000000")
	ann := k.MustEnrol("ann-of-acme")
	client := k.ClientToken("crm")
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	send := func(path, bearer string, body any, flags string) testkit.Answer {
		req := k.Request(path, bearer, body)
		req.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-"+flags)
		req.Header.Set("Tracestate", "vendor=ann-of-acme")
		req.Header.Set("Baggage", "who=ann-of-acme")
		return k.Send(req)
	}
	question := map[string]any{
		"subject": map[string]any{"type": "user", "id": ann.ID}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "record-of-acme"},
	}
	k.Want(send("/access/v1/evaluation", client, question, "01"), 200)
	k.Want(send("/v1/login", "", map[string]any{"username": ann.ID, "password": testkit.Password}, "01"), 200)
	k.Want(send("/access/v1/evaluation", "nothing", question, "01"), 401, "trace_id", trace)
	k.Want(send("/access/v1/evaluation", client, question, "00"), 200) // its caller does not trace it
	a := k.Post("/access/v1/evaluation", "nothing", question)          // one in very many is
	if a.Text("trace_id") == trace || len(a.Text("trace_id")) != 32 {
		t.Errorf("trace id %q", a.Text("trace_id"))
	}
	k.Stop() // sends what is left

	var names []string
	for _, s := range spans() {
		names = append(names, s.Name)
		if got := s.TraceId; string(got) != "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36" {
			t.Errorf("span %s is of trace %x", s.Name, got)
		}
		if all := s.String(); strings.Contains(all, "acme") || strings.Contains(all, "127.0.0.1") || strings.Contains(all, client) {
			t.Errorf("a span tells too much: %s", all)
		}
	}
	slices.Sort(names)
	want := []string{"POST /access/v1/evaluation", "POST /access/v1/evaluation", "POST /v1/login", "append", "append", "decide", "hash", "load"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// A collector that is away, or takes its time, delays nobody and stops nothing.
func TestTracesToNobody(t *testing.T) {
	stuck := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer srv.Close()
	defer close(stuck)
	for name, url := range map[string]string{"away": "http://127.0.0.1:1", "stuck": srv.URL} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t, "ROLEGATE_OTLP_ENDPOINT="+url, "ROLEGATE_TRACE_SAMPLE=1")
			client := k.ClientToken("crm")
			began := time.Now()
			for range 20 {
				k.Evaluate(client, "stranger", "read", "contact", nil)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("20 decisions took %s", took)
			}
		})
	}
}

func TestTraceSettings(t *testing.T) {
	for setting, ok := range map[string]bool{
		"ROLEGATE_OTLP_ENDPOINT=http://localhost:4318":              true,
		"ROLEGATE_OTLP_ENDPOINT=https://collector.example/v1/other": true,
		"ROLEGATE_OTLP_ENDPOINT=localhost:4318":                     false,
		"ROLEGATE_OTLP_ENDPOINT=ftp://localhost":                    false,
		"ROLEGATE_OTLP_ENDPOINT=http://user:secret@localhost:4318":  false,
		"ROLEGATE_TRACE_SAMPLE=0":                                   false,
		"ROLEGATE_TRACE_SAMPLE=1":                                   true,
	} {
		c, err := app.ReadConfig([]string{setting})
		if err == nil {
			err = c.Validate()
		}
		name, _, _ := strings.Cut(setting, "=")
		if ok && err != nil || !ok && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: %v", setting, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is told: %v", setting, err)
		}
	}
}

// The gauges of the hash workers are what a flood of logins shows in.
func TestHashWorkersAreCounted(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), testkit.RealHashes)
	k.MustEnrol("ann")
	text := metricsOf(t, k)
	for _, want := range []string{"rolegate_hash_workers 1", "rolegate_hash_workers_busy 0", "rolegate_hash_queue_length 0",
		"rolegate_hash_refused_total 0", "rolegate_build_info{go="} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if strings.Contains(text, "rolegate_hashes_total 0\n") || strings.Contains(text, "rolegate_hash_seconds_total 0\n") {
		t.Error("nothing was hashed")
	}
}

func metricsOf(t *testing.T, k *testkit.Kit) string {
	t.Helper()
	a, err := http.Get(k.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
