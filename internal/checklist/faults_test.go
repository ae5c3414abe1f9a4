package checklist

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

func init() {
	holds(169, "a panic is answered 500 with a trace id and nothing of where it was; the next request is answered as if nothing had been", panics)
	holds(170, "with the database away, the key missing or wrong, or a policy that cannot be read, nothing is allowed; without database or key nobody logs in, and without the key there is no start; readiness tells, of policies where no tenant's can be read, and otherwise of how many", outages)
}

// panicking is a store that panics where a request comes by, while it is armed.
type panicking struct {
	store.Store
	armed *atomic.Bool
}

const panicText = "SELECT secret FROM users WHERE /home/rolegate"

func (p panicking) Tenant(ctx context.Context, id string) (model.Tenant, error) {
	if p.armed.Load() {
		panic(panicText)
	}
	return p.Store.Tenant(ctx, id)
}

func (p panicking) TenantHead(ctx context.Context, id string) (model.Tenant, error) {
	if p.armed.Load() {
		panic(panicText)
	}
	return p.Store.TenantHead(ctx, id)
}

func panics(t *testing.T) {
	var armed atomic.Bool
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) {
		a.Login.Store = panicking{a.Login.Store, &armed}
		a.Policy.Snapshots.Store = panicking{a.Policy.Snapshots.Store, &armed}
	})
	client := "Authorization: Bearer " + k.ClientToken("crm")
	login := []byte(`{"username":"eve","password":"x"}`)
	ask := func() map[string]testkit.Answer {
		return map[string]testkit.Answer{
			"decision": send(t, k, "POST", "/access/v1/evaluation", []byte(question), asJSON, client),
			"login":    send(t, k, "POST", "/v1/login", login, asJSON),
		}
	}
	armed.Store(true)
	for range 3 {
		for what, a := range ask() {
			text := string(a.Raw)
			if a.Status != 500 || a.Code() != "internal" || a.Header.Get("Content-Type") != "application/problem+json" || len(a.Text("trace_id")) != 32 || a.Body["decision"] != nil {
				t.Errorf("%s: %d %s", what, a.Status, text)
			}
			for _, told := range []string{"panic", "SELECT", "/home", ".go", "goroutine", "rolegate/internal", "go1.", "runtime"} {
				if strings.Contains(text, told) || strings.Contains(fmt.Sprint(a.Header), told) {
					t.Errorf("%s tells %s: %s %v", what, told, text, a.Header)
				}
			}
			if log := k.Logs.String(); !strings.Contains(log, a.Text("trace_id")) || !strings.Contains(log, panicText) {
				t.Errorf("%s: whoever mends it finds nothing in the log", what)
			}
		}
	}
	armed.Store(false)
	after := ask()
	if d, l := after["decision"], after["login"]; d.Status != 200 || d.Body["decision"] != false || l.Status != 401 {
		t.Errorf("afterwards: %d %s, %d %s", d.Status, d.Raw, l.Status, l.Raw)
	}
}

func outages(t *testing.T) {
	t.Run("database", databaseAway)
	t.Run("key", keyAway)
	t.Run("policy", policyBroken)
}

// asksAlice is a question that is answered yes as long as all is well.
func asksAlice(t *testing.T, k *testkit.Kit, client string) testkit.Answer {
	t.Helper()
	return send(t, k, "POST", "/access/v1/evaluation", []byte(`{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"contact","id":"1","properties":{"owner":"user:alice"}}}`),
		asJSON, "Authorization: Bearer "+client)
}

func readyz(t *testing.T, k *testkit.Kit) int {
	t.Helper()
	resp, err := http.Get(k.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func databaseAway(t *testing.T) {
	link := pgtest.NewLink(t, pgtest.URL(t))
	k := testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+link.URL)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	client := k.TokenFor("crm", secret)
	alice := k.MustEnrol("alice", "sales-rep")
	if a := asksAlice(t, k, client); a.Body["decision"] != true || readyz(t, k) != 200 {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	mend := link.Sever()
	t.Cleanup(func() { // the service records that it stops
		if err := mend(); err != nil {
			t.Error(err)
		}
	})
	for what, a := range map[string]testkit.Answer{
		"decision": asksAlice(t, k, client),
		"login":    send(t, k, "POST", "/v1/login", []byte(`{"username":"alice","password":"`+testkit.Password+`"}`), asJSON),
		"refresh":  send(t, k, "POST", "/v1/token/refresh", []byte(`{"refresh_token":"`+alice.Refresh+`"}`), asJSON),
		"token":    k.AskToken("crm", secret),
		"logout":   send(t, k, "POST", "/v1/logout", nil, "Authorization: Bearer "+alice.Access),
		"forward":  send(t, k, "GET", "/v1/forward-auth", nil, "Rolegate-Client-Authorization: Bearer "+client, "Authorization: Bearer "+alice.Access, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /contacts/1"),
	} {
		if a.Status != 503 && a.Status != 500 && a.Status != 403 || a.Body["decision"] == true || a.Text("access_token") != "" || a.Status == 403 && what != "forward" {
			t.Errorf("%s: %d %s", what, a.Status, a.Raw)
		}
	}
	if s := readyz(t, k); s != 503 {
		t.Errorf("readiness: %d", s)
	}
}

func keyAway(t *testing.T) {
	dir := t.TempDir()
	testkit.Start(t, dir).Stop()
	file := filepath.Join(dir, "master.key")
	open := func() model.Code {
		cfg, err := app.ReadConfig([]string{"ROLEGATE_DATA=" + dir})
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			a.Close()
		}
		return model.CodeOf(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if code := open(); code != model.CodeKeyMissing {
		t.Errorf("without its key the store opens: %q", code)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("another key was made in its place")
	}
	if _, err := keyring.CreateFile(file); err != nil {
		t.Fatal(err)
	}
	if code := open(); code != model.CodeKeyWrong {
		t.Errorf("with another key the store opens: %q", code)
	}
}

func policyBroken(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	k.MustEnrol("alice", "sales-rep")
	if a := asksAlice(t, k, k.TokenFor("crm", secret)); a.Body["decision"] != true || readyz(t, k) != 200 {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	for _, document := range []string{"p, role:sales-rep, contact, read, nonsense, allow", "p, role:sales-rep", "\x00\xff", "{}", "p2, *, *, *, *, *"} {
		k.Stop()
		k.Exec(fmt.Sprintf("UPDATE policies SET document = CAST(x'%x' AS TEXT)", document))
		k = testkit.Start(t, dir)
		if s := readyz(t, k); s != 503 { // before anybody asks
			t.Errorf("%q: readiness: %d", document, s)
		}
		a := asksAlice(t, k, k.TokenFor("crm", secret))
		if a.Status < 500 && a.Body["decision"] != false || a.Body["decision"] == true {
			t.Errorf("%q: %d %s", document, a.Status, a.Raw)
		}
	}
}
