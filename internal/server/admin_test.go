package server

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit/checkpoint"
	"rolegate/model"
)

func TestAdmin(t *testing.T) {
	var notReady error
	registry := prometheus.NewRegistry()
	NewMetrics(registry).decision(&model.Decision{Code: model.ReasonNotGranted})
	replica := Replica{Feed: true, Listening: true, Age: 0.25, Revisions: map[string]int64{"default": 42}}
	verified := Verified{Status: "failed", At: time.Unix(1_800_000_000, 0).UTC(), Entries: 7, Findings: []string{"entry 3 is missing"}}
	a := &Admin{Ready: func(context.Context) error { return notReady }, Replica: func() Replica { return replica }, Checkpoints: func() checkpoint.State {
		return checkpoint.State{Size: 7, Behind: 1, Refused: &checkpoint.Refusal{Reason: checkpoint.Forked}}
	},
		Verified: func() Verified { return verified }, Registry: registry, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		return rec.Code, rec.Body.String()
	}
	for path, want := range map[string]string{
		"/healthz":                       `{"status":"ok"}`,
		"/readyz":                        `{"status":"ok","replica":{"feed":true,"listening":true,"revision_age_seconds":0.25,"revisions":{"default":42}},"checkpoints":{"size":7,"behind":1,"refused":{"reason":"forked"`,
		"/readyz?":                       `"log":{"status":"failed","at":"2027-01-15T08:00:00Z","entries":7,"findings":["entry 3 is missing"]}}`,
		"/metrics":                       `rolegate_decisions_total{code="not_granted",outcome="deny"} 1`,
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		if status, body := get(path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	notReady = (&model.Error{Code: model.CodeStoreUnavailable}).Because(context.DeadlineExceeded)
	if status, body := get("/readyz"); status != 503 || !strings.HasPrefix(body, `{"status":"store_unavailable","replica":{`) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := get("/v1/login"); status != 404 {
		t.Errorf("the admin listener answers /v1/login: %d", status)
	}
}
