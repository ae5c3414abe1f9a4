package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/model"
)

// BenchmarkEvaluation is what HTTP adds to a decision: headers, token parsing,
// decoding, the answer, one log line, the metrics.
func BenchmarkEvaluation(b *testing.B) {
	s := &Server{Issuer: "https://gate.example.com", Login: &fakeLogin{}, Decider: &fakeDecider{}, Recorder: &fakeRecorder{}, Pages: fakePages{}, Limits: model.DefaultLimits(),
		Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Metrics: NewMetrics(prometheus.NewRegistry())}
	h := s.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/access/v1/evaluation", strings.NewReader(aliceReads))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer client-token")
		r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
