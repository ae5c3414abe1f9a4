package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/token"
	"rolegate/model"
)

// BenchmarkHTTP measures decisions over loopback, 32 connections at once,
// against the least that net/http can do with the same request: the ratio is
// what HTTP of ours costs. The client is lean and on the same processors.
//
//	go test ./internal/server -run '^$' -bench HTTP -benchtime 2s
func BenchmarkHTTP(b *testing.B) {
	bare := chi.NewRouter()
	bare.Post("/access/v1/evaluation", bareEvaluation)
	s := benchServer()
	var token string
	s.Login, token = benchLogin(b)
	ours := s.Handler()

	var reference, single rate
	b.Run("bare", func(b *testing.B) {
		reference = load(b, bare, "evaluation", token, aliceReads, 1)
	})
	b.Run("evaluation", func(b *testing.B) {
		single = load(b, ours, "evaluation", token, aliceReads, 1)
		b.ReportMetric(single.elapsed/reference.elapsed, "of-bare")
		b.ReportMetric(single.cpu/reference.cpu, "of-bare-cpu")
	})
	b.Run("batch50", func(b *testing.B) {
		batch := load(b, ours, "evaluations", token, batchOf(50), 50)
		b.ReportMetric(batch.elapsed/single.elapsed, "of-single")
		b.ReportMetric(batch.cpu/single.cpu, "of-single-cpu")
	})
}

// rate is decisions a second: by the clock, and by the processor time that
// server and client took, which other processes on the machine disturb less.
type rate struct{ elapsed, cpu float64 }

// benchLogin is the real login with one client and its token, over a tenant in
// which nothing changes.
func benchLogin(b *testing.B) (*login.Service, string) {
	b.Helper()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, dir := b.Context(), b.TempDir()
	db, err := sqlstore.OpenSQLite(ctx, filepath.Join(dir, "db"))
	must(err)
	keystore, err := sqlstore.OpenKeystoreSQLite(ctx, filepath.Join(dir, "keys"))
	must(err)
	b.Cleanup(func() { db.Close(); keystore.Close() })
	kek, err := keyring.CreateFile(filepath.Join(dir, "kek"))
	must(err)
	log, err := audit.Open(ctx, db, keystore, kek, time.Now)
	must(err)
	keys, err := login.OpenKeys(ctx, db, log, kek, token.ES256, time.Now)
	must(err)
	verifier, err := token.NewVerifier(token.Verifier{Issuer: "https://gate.example.com", Audience: "crm", Key: keys.Find})
	must(err)
	secret, hash := token.NewSecret()
	must(db.InsertTenant(ctx, model.Tenant{ID: "default", Ref: make([]byte, 16), MFA: model.MFAEveryone, CreatedAt: time.Now()}))
	must(db.InsertClient(ctx, model.Client{ID: "crm", Tenant: "default", Scopes: []string{"decide"}, SecretHash: hash, CreatedAt: time.Now()}))
	s := &login.Service{Store: db, Log: log, KEK: kek, Keys: keys, Verifier: verifier, Revisions: unmoved{},
		Issuer: verifier.Issuer, Audience: verifier.Audience, Now: time.Now}
	tokens, err := s.ClientToken(ctx, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: secret}})
	must(err)
	return s, tokens.AccessToken
}

type unmoved struct{}

func (unmoved) Known(string) int64 { return 1 }

// BenchmarkEvaluation is what our handler adds to a decision, without net/http:
// headers, the caller's token, decoding, the answer, the metrics.
func BenchmarkEvaluation(b *testing.B) {
	h := benchServer().Handler()
	r := httptest.NewRequest("POST", "/access/v1/evaluation", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer client-token")
	r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
	r.ContentLength = int64(len(aliceReads))
	body := strings.NewReader("")
	r.Body = io.NopCloser(body)
	w := &discarding{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(aliceReads)
		clear(w.header)
		if h.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// discarding is a ResponseWriter that keeps the status only.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(status int)      { d.status = status }
func (d *discarding) Write(p []byte) (int, error) { return len(p), nil }

func benchServer() *Server {
	return &Server{Issuer: "https://gate.example.com", Login: &fakeLogin{}, Decider: yes{}, Recorder: &fakeRecorder{}, Pages: fakePages{},
		Limits: model.DefaultLimits(), Logger: discard(), Metrics: NewMetrics(prometheus.NewRegistry())}
}

// bareEvaluation decodes the question as the documentation of net/http shows it
// and answers a constant.
func bareEvaluation(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Subject, Resource struct{ Type, ID string }
		Action            struct{ Name string }
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"decision":true}`+"\n")
}

// batchOf is a batch as a CRM's list page sends it.
func batchOf(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"resource":{"type":"contact","id":"%d"}}`, 1000+i)
	}
	return ask("resource", "", "evaluations", "["+strings.Join(items, ",")+"]")
}

// load sends the body over 32 connections.
func load(b *testing.B, h http.Handler, path, token, body string, decisions int) rate {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	request := fmt.Appendf(nil, "POST /access/v1/%s HTTP/1.1\r\nHost: gate.example.com\r\nContent-Type: application/json\r\n"+
		"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", path, token, len(body), body)

	before := processorTime(b)
	b.SetParallelism(max(1, 32/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		answers := bufio.NewReader(conn)
		for pb.Next() {
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := readAnswer(answers); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	took := processorTime(b) - before
	srv.Close()
	<-done
	made := float64(b.N) * float64(decisions)
	r := rate{made / b.Elapsed().Seconds(), made / took.Seconds()}
	b.ReportMetric(r.elapsed, "decisions/s")
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "cpu-ns/op")
	return r
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// readAnswer reads one answer and throws it away.
func readAnswer(r *bufio.Reader) error {
	length := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered %q", line)
		}
		if n, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(n))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	if length < 0 {
		return fmt.Errorf("an answer without Content-Length")
	}
	_, err := r.Discard(length)
	return err
}

// yes is the decider that costs nothing.
type yes struct{ Decider }

func (yes) Evaluate(context.Context, model.Caller, policy.Request) (model.Decision, error) {
	return allowed, nil
}

func (yes) EvaluateBatch(_ context.Context, _ model.Caller, rs []policy.Request, _ policy.Semantic) ([]model.Decision, error) {
	ds := make([]model.Decision, len(rs))
	for i := range ds {
		ds[i] = allowed
	}
	return ds, nil
}

var allowed = model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42,
	Rule: model.Rule{Kind: "p", Text: "p, role:sales-rep, contact, read, own, , allow", Name: "Sales reps see their own", Line: 12}}
