package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"rolegate/api"
	"rolegate/api/filter"
	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/audit/tree"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// harness is a server with fakes behind it.
type harness struct {
	t        *testing.T
	server   *Server
	login    *fakeLogin
	factors  *fakeFactors
	tokens   fakeTokens
	tree     fakeTree
	decider  *fakeDecider
	recorder *fakeRecorder
	registry *prometheus.Registry
	logs     *bytes.Buffer
	handler  http.Handler // built at first use
	lenient  bool         // requests may be answered that the contract does not describe
	free     bool         // and answers given
}

func newHarness(t *testing.T) *harness {
	h := &harness{t: t, login: &fakeLogin{}, factors: &fakeFactors{}, decider: &fakeDecider{}, recorder: &fakeRecorder{},
		registry: prometheus.NewRegistry(), logs: &bytes.Buffer{}}
	h.server = &Server{
		Issuer:   "https://gate.example.com",
		Login:    h.login,
		Factors:  h.factors,
		Tokens:   &h.tokens,
		Decider:  h.decider,
		Recorder: h.recorder,
		Known:    &fakeKnown{},
		Tree:     &h.tree,
		Tenants:  fakeTenants{"default", "emea", "closed"},
		PageKey:  fakePageKey,
		Limits:   model.DefaultLimits(),
		Pages:    fakePages{},
		Logger:   slog.New(slog.NewJSONHandler(io.MultiWriter(h.logs, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:  NewMetrics(h.registry),

		AuditPublic: true,
	}
	return h
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("the answer is no JSON object: %v\n%s", err, a.body)
	}
	return v
}

// send serves a request and holds the answer to the contract.
func (h *harness) send(req *http.Request) answer {
	h.t.Helper()
	if h.handler == nil {
		h.handler = h.server.Handler()
	}
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err == nil {
			req.Body = io.NopCloser(bytes.NewReader(sent))
		}
	}
	rec := httptest.NewRecorder()
	h.handler.ServeHTTP(rec, req)
	a := answer{rec.Result(), rec.Body.Bytes()}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	if !h.free {
		validate(h.t, req, a, h.lenient)
	}
	return a
}

// option changes a request before it is sent.
type option func(*http.Request)

func header(name string, values ...string) option {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

func as(token string) option { return header("Authorization", "Bearer "+token) }

// post sends JSON.
func (h *harness) post(path, body string, options ...option) answer {
	h.t.Helper()
	return h.call("POST", path, body, append([]option{header("Content-Type", "application/json")}, options...)...)
}

func (h *harness) call(method, path, body string, options ...option) answer {
	h.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, o := range options {
		o(req)
	}
	return h.send(req)
}

// decide asks AuthZEN's route with a client's token.
func (h *harness) decide(path, body string, options ...option) answer {
	h.t.Helper()
	return h.post("/access/v1/"+path, body, append([]option{as("client-token")}, options...)...)
}

// want checks status and code of an answer.
func (h *harness) want(a answer, status int, code model.Code) map[string]any {
	h.t.Helper()
	if a.StatusCode != status {
		h.t.Fatalf("status %d, want %d %s\n%s", a.StatusCode, status, code, a.body)
	}
	if code == "" {
		return nil
	}
	v := a.json(h.t)
	if v["code"] != string(code) {
		h.t.Fatalf("code %v, want %s\n%s", v["code"], code, a.body)
	}
	return v
}

// lastLog is the last line of the log.
func (h *harness) lastLog() map[string]any {
	h.t.Helper()
	lines := strings.Split(strings.TrimSpace(h.logs.String()), "\n")
	var v map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil {
		h.t.Fatal(err)
	}
	return v
}

// contract is the spec, with answers closed: a member the spec does not name is
// an error here, though clients must ignore it.
var contract, contractRouter = loadContract()

func loadContract() (*openapi3.T, routers.Router) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		panic(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		panic(err)
	}
	for name, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 && s.Value.AdditionalProperties.Has == nil && !strings.HasSuffix(name, "Request") &&
			name != "Subject" && name != "Action" && name != "Resource" && name != "EvaluationItem" && name != "EvaluationsOptions" && name != "SubjectType" && name != "ResourceType" {
			s.Value.AdditionalProperties.Has = new(bool)
		}
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return doc, router
}

// validate holds an answer to the contract; of a request that was answered well
// it wants that the contract allows it, unless lenient.
func validate(t *testing.T, req *http.Request, a answer, lenient bool) {
	t.Helper()
	route, params, err := contractRouter.FindRoute(req)
	if err != nil {
		page := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || a.StatusCode == http.StatusSeeOther
		if a.StatusCode != 404 && a.StatusCode != 405 && req.Method != "OPTIONS" && !page {
			t.Errorf("%s %s is not in the contract, but answers %d", req.Method, req.URL.Path, a.StatusCode)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if a.StatusCode < 300 && !lenient {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("the contract does not allow this request, but it was answered %d: %v", a.StatusCode, err)
		}
	}
	if a.StatusCode == statusCancelled { // nobody reads it
		return
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.StatusCode, Header: a.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	out.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s %s: the answer breaks the contract: %v\n%s", req.Method, req.URL.Path, err, a.body)
	}
}

func init() { openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder) }

// fakeLogin answers what it is told to, or well. Each function it is given
// replaces one method.
type fakeLogin struct {
	err    error
	result login.Result
	before func(ctx context.Context) // what happens during a call
	got    []string                  // arguments of the last call
	creds  login.ClientCredentials
	scopes []string
	caller model.Caller
	person *login.Session // behind a person's token
	below  error          // of a session that is not enough by now
}

func (f *fakeLogin) step(ctx context.Context, args ...string) (login.Result, error) {
	f.got = args
	if f.before != nil {
		f.before(ctx)
	}
	if f.err != nil {
		return login.Result{}, f.err
	}
	if f.result.Status == "" {
		return login.Result{Status: login.StatusOK, Tokens: &login.Tokens{AccessToken: "access", RefreshToken: "refresh", ExpiresIn: 600e9}}, nil
	}
	return f.result, nil
}

func (f *fakeLogin) AcceptInvite(ctx context.Context, invite, password string) (login.Result, error) {
	return f.step(ctx, "invite", invite, password)
}
func (f *fakeLogin) Login(ctx context.Context, tenant, username, password string) (login.Result, error) {
	return f.step(ctx, "login", tenant, username, password)
}
func (f *fakeLogin) VerifyTOTP(ctx context.Context, ticket, code string) (login.Result, error) {
	return f.step(ctx, "totp", ticket, code)
}
func (f *fakeLogin) VerifyRecovery(ctx context.Context, ticket, code string) (login.Result, error) {
	return f.step(ctx, "recovery", ticket, code)
}
func (f *fakeLogin) ConfirmEnrolment(ctx context.Context, ticket, code, _ string) (login.Result, error) {
	return f.step(ctx, "confirm", ticket, code)
}
func (f *fakeLogin) Refresh(ctx context.Context, token string) (login.Result, error) {
	return f.step(ctx, "refresh", token)
}
func (f *fakeLogin) Enrol(ctx context.Context, ticket string) (login.Enrolment, error) {
	_, err := f.step(ctx, "enrol", ticket)
	return login.Enrolment{DeviceID: "d1", Secret: "GEZDGNBV", OTPAuthURI: "otpauth://totp/x", QRPNG: []byte("png")}, err
}
func (f *fakeLogin) ReEnrol(ctx context.Context, session login.Session) (login.Enrolment, error) {
	return f.Enrol(ctx, session.Caller.Session)
}
func (f *fakeLogin) ConfirmReEnrolment(ctx context.Context, session login.Session, code, _ string) (login.Result, error) {
	return f.step(ctx, "confirm", session.Caller.Session, code)
}
func (f *fakeLogin) Logout(ctx context.Context, caller model.Caller) (int64, error) {
	f.caller = caller
	_, err := f.step(ctx, "logout")
	return 43, err
}
func (f *fakeLogin) ClientToken(ctx context.Context, cc login.ClientCredentials) (login.Tokens, error) {
	f.creds = cc
	if cc.ClientSecret == "wrong" {
		return login.Tokens{}, &model.Error{Code: model.CodeInvalidClient, Message: "client authentication failed"}
	}
	_, err := f.step(ctx, "client")
	return login.Tokens{AccessToken: "client-token", ExpiresIn: 600e9, Scope: "decide"}, err
}
func (f *fakeLogin) AuthenticateUser(_ context.Context, raw string) (login.Session, error) {
	if raw != "user-token" {
		return login.Session{}, &model.Error{Code: model.CodeUnauthorized}
	}
	return login.Session{Caller: model.Caller{Kind: model.CallerUser, ID: "alice", Tenant: "default", Session: "s1"}}, nil
}
func (f *fakeLogin) Fresh(context.Context, login.Session) error       { return nil }
func (f *fakeLogin) FreshFactor(context.Context, login.Session) error { return nil }
func (f *fakeLogin) Sufficient(context.Context, login.Session) error  { return f.below }

// fakeKnown knows one device of alice's.
type fakeKnown struct {
	id string // of the device that requests come from
}

func (f *fakeKnown) KnownDevice(context.Context) (string, error) { return f.id, nil }
func (f *fakeKnown) KnownDevices(context.Context, model.Caller) ([]store.KnownDevice, string, error) {
	return []store.KnownDevice{{ID: "k1"}, {ID: "k2"}}, "k2", nil
}
func (f *fakeKnown) ForgetDevice(ctx context.Context, _ model.Caller, id string) error {
	if id != "k1" {
		return &model.Error{Code: model.CodeNotFound}
	}
	return nil
}

func (f *fakeLogin) AuthenticateClient(_ context.Context, raw string) (model.Caller, error) {
	if raw != "client-token" {
		return model.Caller{}, &model.Error{Code: model.CodeUnauthorized}
	}
	scopes := f.scopes
	if scopes == nil {
		scopes = []string{"decide"}
	}
	return model.Caller{Kind: model.CallerClient, ID: "crm", Tenant: "default", Scopes: scopes}, nil
}
func (f *fakeLogin) JWKS(context.Context) ([]byte, error) {
	return []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"k1","x":"AA"}]}`), f.err
}

// fakeDecider answers by answer, or yes; it answers batches in full, leaving
// the cut to the server.
type fakeDecider struct {
	answer func(policy.Request) model.Decision
	err    error
	got    []policy.Request
	sem    policy.Semantic
	caller model.Caller

	receipt *reqctx.Receipt // of what is asked; nil where that is not known

	forward   *policy.Forwarded // what a proxy is answered
	forwarded []policy.ForwardRequest

	names    []string // what a search finds
	searches []policy.SearchRequest

	explains []policy.ExplainRequest
	asked    []policy.PermissionsRequest
	listed   *policy.Listed // what a filter is
}

func (f *fakeDecider) Evaluate(ctx context.Context, caller model.Caller, r policy.Request) (model.Decision, error) {
	ds, err := f.EvaluateBatch(ctx, caller, []policy.Request{r}, "")
	if err != nil {
		return model.Decision{}, err
	}
	if ds[0].Code == model.CodeRevisionBehind {
		return model.Decision{}, &model.Error{Code: model.CodeRevisionBehind}
	}
	return ds[0], nil
}

func (f *fakeDecider) EvaluateBatch(ctx context.Context, caller model.Caller, rs []policy.Request, sem policy.Semantic) ([]model.Decision, error) {
	f.caller, f.got, f.sem = caller, rs, sem
	if f.receipt != nil {
		reqctx.From(ctx).SetReceipt(f.receipt)
	}
	if f.err != nil {
		return nil, f.err
	}
	if caller.MinRevision > 42 {
		return nil, &policy.Behind{Revision: 42, Demanded: caller.MinRevision}
	}
	var ds []model.Decision
	for _, r := range rs {
		d := model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42}
		switch {
		case r.MinRevision > 42:
			d = model.Decision{Code: model.CodeRevisionBehind, Revision: 42}
		case r.Invalid != "":
			d = model.Decision{Code: model.ReasonItemInvalid, Revision: 42}
		case f.answer != nil:
			d = f.answer(r)
		}
		if d.Code == model.CodeInternal {
			reqctx.From(ctx).MarkFailed()
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// Search finds the names it is told to, by its own paging.
func (f *fakeDecider) Search(ctx context.Context, caller model.Caller, sr policy.SearchRequest) (policy.Found, error) {
	f.caller, f.searches = caller, append(f.searches, sr)
	if f.err != nil {
		return policy.Found{}, f.err
	}
	if caller.MinRevision > 42 {
		return policy.Found{}, &policy.Behind{Revision: 42, Demanded: caller.MinRevision}
	}
	found := policy.Found{Results: []string{}, After: sr.After, Revision: 42}
	for _, name := range f.names {
		switch {
		case name <= sr.After:
		case len(found.Results) == sr.Limit:
			found.More = true
			return found, nil
		default:
			found.Results, found.After = append(found.Results, name), name
		}
	}
	return found, nil
}

// Filter answers what it is told to, and else that everything may be seen.
func (f *fakeDecider) Filter(ctx context.Context, caller model.Caller, r policy.Request) (policy.Listed, error) {
	f.caller, f.got = caller, []policy.Request{r}
	if f.err != nil {
		return policy.Listed{}, f.err
	}
	if f.listed != nil {
		return *f.listed, nil
	}
	return policy.Listed{Decision: model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42}, Filter: filter.Filter{Kind: filter.Always}}, nil
}

// fakeTenants are the tenants there are, of which closed is switched off.
type fakeTenants []string

func (f fakeTenants) Tenant(_ context.Context, id string) (model.Tenant, error) {
	if !slices.Contains(f, id) {
		return model.Tenant{}, model.Errorf(model.CodeTenantUnknown, "there is no tenant %q", id)
	}
	return model.Tenant{ID: id, Disabled: id == "closed"}, nil
}

func fakePageKey(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}

type recorded struct {
	caller model.Caller
	route  string
	code   model.Code
}

type fakeRecorder struct {
	err     error
	mu      sync.Mutex // of what follows
	ctxErr  error
	entries []recorded
}

func (f *fakeRecorder) RecordFailure(ctx context.Context, caller model.Caller, route string, code model.Code) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctxErr = ctx.Err()
	f.entries = append(f.entries, recorded{caller, route, code})
	return f.err
}

type fakePages struct{}

func (fakePages) Mount(r chi.Router, _ func(Page) http.Handler, _ func(context.Context) error) Page {
	r.Method("GET", "/invite/{invite}", endpoint{permission: "public", HandlerFunc: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!doctype html>")
	}})
	return nil
}

// withRouteContext serves a handler as the router would, on no route.
func withRouteContext(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, chi.NewRouteContext())))
	})
}

// fakeTree is a log of one entry.
type fakeTree struct{ err error }

func (f *fakeTree) Latest(context.Context) (checkpoint.Checkpoint, error) {
	return checkpoint.Checkpoint{Size: 1, Note: []byte("a note\n")}, f.err
}

func (f *fakeTree) Tile(_ context.Context, t tree.Tile) ([]byte, error) {
	return []byte(t.Path()), f.err
}

func (f *fakeTree) Proof(_ context.Context, index, size int64) ([]byte, error) {
	return fmt.Appendf(nil, "proof of %d in %d\n", index, size), f.err
}

func (f *fakeTree) Consistency(_ context.Context, from, to int64) (checkpoint.Consistency, error) {
	return checkpoint.Consistency{From: from, To: to, Hashes: [][]byte{{0xff}}}, f.err
}

func (f *fakeTree) Bundle(_ context.Context, _ model.Caller, t tree.Tile) ([]byte, error) {
	return []byte(t.Path()), f.err
}
