// Package testkit starts the whole service in this process for tests: the real
// handlers over a real database on loopback, with a clock that tests move. It
// appears in tests only.
package testkit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"rolegate/internal/app"
	"rolegate/internal/keyring"
	"rolegate/internal/password"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// Password is the one MustEnrol gives everybody: long enough to stand alone.
const Password = "correct horse battery staple"

// Kit is a running service.
type Kit struct {
	T      testing.TB
	App    *app.App
	Config app.Config
	URL    string // public
	Admin  string // admin listener
	Logs   *Logs  // the service's own log, as it writes it
	// Saw is told of every exchange of Send and of visitors; nil for nobody.
	Saw func(req *http.Request, a Answer)

	clock *clock // of replicas: the same one
	stop  func()
}

// Databases runs test on SQLite and on PostgreSQL.
func Databases(t *testing.T, test func(t *testing.T, k *Kit)) {
	Directories(t, func(t *testing.T, dir string, settings ...string) { test(t, Start(t, dir, settings...)) })
}

// Directories runs test with a fresh data directory on SQLite and one on PostgreSQL;
// settings are those of a service in it.
func Directories(t *testing.T, test func(t *testing.T, dir string, settings ...string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("postgres", func(t *testing.T) {
		dir, settings := postgresDir(t)
		test(t, dir, settings...)
	})
}

// New starts a service on SQLite in a temporary directory; settings are
// "NAME=value" lines that win over the kit's own.
func New(t testing.TB, settings ...string) *Kit {
	t.Helper()
	return Start(t, t.TempDir(), settings...)
}

// NewPostgres starts a service on PostgreSQL, with its keystore beside it.
func NewPostgres(t testing.TB, settings ...string) *Kit {
	t.Helper()
	dir, own := postgresDir(t)
	return Start(t, dir, append(own, settings...)...)
}

func postgresDir(t testing.TB) (dir string, settings []string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := keyring.CreateFile(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"ROLEGATE_DATABASE_URL=" + pgtest.URL(t), "ROLEGATE_KEYSTORE_URL=" + filepath.Join(dir, "keys.db")}
}

// Start starts a service on a data directory, which may hold an earlier one's data.
func Start(t testing.TB, dir string, settings ...string) *Kit {
	t.Helper()
	return StartAltered(t, dir, nil, settings...)
}

// RealHashes alters an App to hash passwords as it does in earnest. Other kits
// hash in no time: what most tests are about costs as much work otherwise.
func RealHashes(a *app.App) { a.Login.Hasher = password.New(password.Default, 0, password.DefaultWait) }

// StartAltered is Start for tests that need another App than settings make: alter
// gets it open and not yet serving, and may put what fails into it.
func StartAltered(t testing.TB, dir string, alter func(a *app.App), settings ...string) *Kit {
	t.Helper()
	return start(t, dir, new(clock), alter, settings)
}

func start(t testing.TB, dir string, clock *clock, alter func(a *app.App), settings []string) *Kit {
	t.Helper()
	cfg, err := app.ReadConfig(append([]string{
		"ROLEGATE_DATA=" + dir, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0",
		"ROLEGATE_LOGIN_RATE=100000", // everybody is at one address
	}, settings...))
	if err != nil {
		t.Fatal(err)
	}
	k := &Kit{T: t, Config: cfg, Logs: &Logs{}, clock: clock}
	ctx, cancel := context.WithCancel(context.Background())
	k.App, err = app.Open(ctx, cfg, slog.New(slog.NewJSONHandler(io.MultiWriter(k.Logs, t.Output()), &slog.HandlerOptions{Level: cfg.Level()})))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	k.App.Now = k.Now
	k.App.Login.Hasher = password.New(password.Params{MemoryKiB: 8, Iterations: 1, Parallelism: 1}, 4, time.Minute)
	if alter != nil {
		alter(k.App)
	}
	ready, done := make(chan app.Ready, 1), make(chan error, 1)
	go func() { done <- k.App.Serve(ctx, func(r app.Ready) { ready <- r }) }()
	select {
	case r := <-ready:
		k.URL, k.Admin = r.URL, "http://"+r.AdminAddress
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	stopped := false
	k.stop = func() {
		if stopped {
			return
		}
		stopped = true
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := k.App.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	t.Cleanup(k.stop)
	return k
}

// Logs is the log of a service that may be writing to it.
type Logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Bytes is what was logged so far.
func (l *Logs) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// String is Bytes as text.
func (l *Logs) String() string { return string(l.Bytes()) }

// Stop ends the service before the test does.
func (k *Kit) Stop() { k.stop() }

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   map[string]any // where it is a JSON object
	Raw    []byte
}

// Text is a member of the body that is a string, else "".
func (a Answer) Text(member string) string {
	s, _ := a.Body[member].(string)
	return s
}

// Code is the stable code of a problem, or of a decision's context.
func (a Answer) Code() string {
	if c, ok := a.Body["context"].(map[string]any); ok {
		s, _ := c["code"].(string)
		return s
	}
	return a.Text("code")
}

// Post sends JSON with a bearer token ("" for none).
func (k *Kit) Post(path, bearer string, body any) Answer {
	k.T.Helper()
	return k.Send(k.Request(path, bearer, body))
}

// Request is a POST of JSON with a bearer token ("" for none).
func (k *Kit) Request(path, bearer string, body any) *http.Request {
	k.T.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		k.T.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, k.URL+path, bytes.NewReader(b))
	if err != nil {
		k.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req
}

// Exec alters the SQLite database behind the service's back, guarded as it may be.
func (k *Kit) Exec(statement string) {
	k.T.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.Config.Data, "rolegate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		k.T.Fatal(err)
	}
	defer db.Close()
	Unguard(k.T, db)
	if _, err := db.Exec(statement); err != nil {
		k.T.Fatal(err)
	}
}

// Get fetches a path of the public listener.
func (k *Kit) Get(path string) Answer {
	k.T.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL+path, nil)
	if err != nil {
		k.T.Fatal(err)
	}
	return k.Send(req)
}

// Send does a request, reads the whole answer and holds it against the contract.
func (k *Kit) Send(req *http.Request) Answer {
	k.T.Helper()
	a, err := Do(req)
	if err != nil {
		k.T.Fatal(err)
	}
	CheckContract(k.T, req, a)
	if k.Saw != nil {
		k.Saw(req, a)
	}
	return a
}

// Do is Send for goroutines, which must not end the test.
func Do(req *http.Request) (Answer, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		_ = json.Unmarshal(a.Raw, &a.Body)
	}
	return a, nil
}

// Person is someone who has enrolled.
type Person struct {
	ID            string
	Secret        string // of the TOTP device, base32
	Access        string
	Refresh       string
	RecoveryCodes []string
}

// Invite makes a user and returns the invitation.
func (k *Kit) Invite(id string, roles ...string) string {
	k.T.Helper()
	inv, err := app.AddUser.Run(context.Background(), k.App, Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Roles: roles})
	if err != nil {
		k.T.Fatalf("add user %s: %v", id, err)
	}
	return inv.Invite
}

// Operator is the caller behind the kit's own commands.
var Operator = model.Caller{Kind: model.CallerOperator, ID: "0@test"}

// MustEnrol invites a person and enrols a TOTP device over HTTP.
func (k *Kit) MustEnrol(id string, roles ...string) *Person {
	k.T.Helper()
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite(id, roles...), "password": Password})
	k.Want(a, 200, "status", "enrolment_required")
	return k.FinishEnrolment(id, a.Text("ticket"))
}

// FinishEnrolment goes from an enrolment ticket to tokens.
func (k *Kit) FinishEnrolment(id, ticket string) *Person {
	k.T.Helper()
	a := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	k.Want(a, 200)
	p := &Person{ID: id, Secret: a.Text("secret")}
	a = k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": k.Code(p)})
	k.Want(a, 200, "status", "ok")
	p.Access, p.Refresh = a.Text("access_token"), a.Text("refresh_token")
	for _, c := range a.Body["recovery_codes"].([]any) {
		p.RecoveryCodes = append(p.RecoveryCodes, c.(string))
	}
	return p
}

// Code is what the person's authenticator shows at the service's time.
func (k *Kit) Code(p *Person) string {
	k.T.Helper()
	code, err := totp.GenerateCode(p.Secret, k.Now())
	if err != nil {
		k.T.Fatal(err)
	}
	return code
}

// NextCode waits, by the service's clock, for a code that was not shown before.
func (k *Kit) NextCode(p *Person) string {
	k.T.Helper()
	k.Advance(30 * time.Second)
	return k.Code(p)
}

// Ticket does the password step.
func (k *Kit) Ticket(id string) string {
	k.T.Helper()
	a := k.Post("/v1/login", "", map[string]any{"username": id, "password": Password})
	k.Want(a, 200)
	return a.Text("ticket")
}

// Login does both steps with a fresh code.
func (k *Kit) Login(p *Person) {
	k.T.Helper()
	a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket(p.ID), "code": k.NextCode(p)})
	k.Want(a, 200, "status", "ok")
	p.Access, p.Refresh = a.Text("access_token"), a.Text("refresh_token")
}

// AddClient makes a client and returns its secret.
func (k *Kit) AddClient(c model.Client) string {
	k.T.Helper()
	cr, err := app.AddClient.Run(context.Background(), k.App, Operator, app.ClientRequest{Client: c})
	if err != nil {
		k.T.Fatal(err)
	}
	return cr.ClientSecret
}

// ClientToken makes a client of the default tenant with scope decide and gets its token.
func (k *Kit) ClientToken(id string) string {
	k.T.Helper()
	secret := k.AddClient(model.Client{ID: id, Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	return k.TokenFor(id, secret)
}

// TokenFor asks the token endpoint; form has further parameters as name=value.
func (k *Kit) TokenFor(id, secret string, form ...string) string {
	k.T.Helper()
	a := k.AskToken(id, secret, form...)
	k.Want(a, 200)
	return a.Text("access_token")
}

// AskToken asks the token endpoint and returns whatever it answers.
func (k *Kit) AskToken(id, secret string, form ...string) Answer {
	k.T.Helper()
	body := "grant_type=client_credentials"
	for _, f := range form {
		name, value, _ := strings.Cut(f, "=")
		body += "&" + name + "=" + url.QueryEscape(value)
	}
	req, err := http.NewRequest(http.MethodPost, k.URL+"/oauth2/token", strings.NewReader(body))
	if err != nil {
		k.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return k.Send(req)
}

// Evaluate asks whether a user may do an action to a record with properties.
func (k *Kit) Evaluate(client, user, action, object string, properties map[string]any, context ...any) Answer {
	k.T.Helper()
	q := map[string]any{
		"subject": map[string]any{"type": "user", "id": user}, "action": map[string]any{"name": action},
		"resource": map[string]any{"type": object, "id": "1", "properties": properties},
	}
	if len(context) > 0 {
		m := map[string]any{}
		for i := 0; i+1 < len(context); i += 2 {
			m[context[i].(string)] = context[i+1]
		}
		q["context"] = m
	}
	a := k.Post("/access/v1/evaluation", client, q)
	k.Want(a, 200)
	return a
}

// Want fails the test unless the answer has the status and members (pairs of
// name and value).
func (k *Kit) Want(a Answer, status int, members ...any) {
	k.T.Helper()
	if a.Status != status {
		k.T.Fatalf("status %d, want %d: %s", a.Status, status, a.Raw)
	}
	for i := 0; i+1 < len(members); i += 2 {
		if got := a.Body[members[i].(string)]; got != members[i+1] {
			k.T.Fatalf("%s is %v, want %v: %s", members[i], got, members[i+1], a.Raw)
		}
	}
}
