package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base32"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/smalldisk"
	"rolegate/model"
)

var ctx = context.Background()

var own = map[string]any{"owner": "alice", "teams": []string{}}

// Every request to a login step, the token endpoint or the decision endpoints
// leaves exactly one entry, whatever comes of it.
func TestOneEntryARequest(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		bob := k.MustEnrol("bob", "sales-rep")
		erin := k.MustEnrol("erin", "sales-rep")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		client := k.TokenFor("crm", secret)
		explain := k.TokenFor("explainer", k.AddClient(model.Client{ID: "explainer", Tenant: model.DefaultTenant, Scopes: []string{"explain"}}))

		post := func(path, bearer string, body any) func() testkit.Answer {
			return func() testkit.Answer { return k.Post(path, bearer, body) }
		}
		forward := func(client, person, target string) func() testkit.Answer {
			return func() testkit.Answer {
				return k.Send(forwarded(t, k, "Bearer "+client, person, "GET", target))
			}
		}
		question := map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
			"resource": map[string]any{"type": "contact", "id": "1", "properties": own}}
		ticket := k.Ticket("alice")
		recovery := k.Ticket("bob")
		enrol := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("carol"), "password": testkit.Password}).Text("ticket")
		invite := k.Invite("dave")
		for _, c := range []struct {
			name     string
			do       func() testkit.Answer
			activity audit.Activity
			outcome  audit.Outcome
		}{
			{"login", post("/v1/login", "", map[string]any{"username": "alice", "password": "wrong password"}), audit.PasswordFailed, audit.OutcomeDeny},
			{"login of nobody", post("/v1/login", "", map[string]any{"username": "nobody", "password": "wrong password"}), audit.PasswordFailed, audit.OutcomeDeny},
			{"login nowhere", post("/v1/login", "", map[string]any{"tenant": "x", "username": "alice", "password": "wrong password"}), audit.PasswordFailed, audit.OutcomeDeny},
			{"not JSON", post("/v1/login", "", "alice"), audit.RequestFailed, audit.OutcomeDeny},
			{"wrong code", post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": "000000"}), audit.OTPFailed, audit.OutcomeDeny},
			{"no ticket", post("/v1/login/totp", "", map[string]any{"ticket": "x", "code": "000000"}), audit.OTPFailed, audit.OutcomeDeny},
			{"right code", post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), audit.LoginSucceeded, audit.OutcomeOK},
			{"password", post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), audit.PasswordPassed, audit.OutcomeOK},
			{"recovery, wrong", post("/v1/login/recovery", "", map[string]any{"ticket": recovery, "code": "nonsense"}), audit.RecoveryFailed, audit.OutcomeDeny},
			{"recovery", post("/v1/login/recovery", "", map[string]any{"ticket": recovery, "code": bob.RecoveryCodes[0]}), audit.RecoveryUsed, audit.OutcomeOK},
			{"enrol", post("/v1/login/enrol", "", map[string]any{"ticket": enrol}), audit.EnrolStarted, audit.OutcomeOK},
			{"enrol without ticket", post("/v1/login/enrol", "", map[string]any{"ticket": "x"}), audit.EnrolFailed, audit.OutcomeDeny},
			{"confirm, wrong", post("/v1/login/enrol/confirm", "", map[string]any{"ticket": enrol, "code": "000000"}), audit.EnrolFailed, audit.OutcomeDeny},
			{"invitation, bad password", post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "short"}), audit.InviteFailed, audit.OutcomeDeny},
			{"invitation", post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}), audit.InviteAccepted, audit.OutcomeOK},
			{"invitation again", post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}), audit.InviteFailed, audit.OutcomeDeny},
			{"refresh", post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), audit.TokenRefreshed, audit.OutcomeOK},
			{"refresh again", post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), audit.TokenRefreshed, audit.OutcomeOK},
			{"refresh again, late", func() testkit.Answer {
				k.Advance(login.RefreshGrace + time.Second)
				return k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
			}, audit.RefreshReused, audit.OutcomeDeny},
			{"other sessions", post("/v1/me/end-other-sessions", erin.Access, nil), audit.OthersRevoked, audit.OutcomeOK},
			{"other sessions of nobody", post("/v1/me/end-other-sessions", "", nil), audit.RequestFailed, audit.OutcomeDeny},
			{"refresh of nothing", post("/v1/token/refresh", "", map[string]any{"refresh_token": "x"}), audit.RefreshFailed, audit.OutcomeDeny},
			{"client token", func() testkit.Answer { return k.AskToken("crm", secret) }, audit.ClientToken, audit.OutcomeOK},
			{"client token, wrong", func() testkit.Answer { return k.AskToken("crm", "x") }, audit.ClientFailed, audit.OutcomeDeny},
			{"client token, scope", func() testkit.Answer { return k.AskToken("crm", secret, "scope=audit") }, audit.ClientFailed, audit.OutcomeDeny},
			{"client token, grant", post("/oauth2/token", "", map[string]any{}), audit.RequestFailed, audit.OutcomeDeny},
			{"allowed", post("/access/v1/evaluation", client, question), audit.Evaluated, audit.OutcomeAllow},
			{"denied", post("/access/v1/evaluation", client, map[string]any{"subject": question["subject"], "action": map[string]any{"name": "delete"}, "resource": question["resource"]}), audit.Evaluated, audit.OutcomeDeny},
			{"forwarded", forward(client, erin.Access, "/api/contacts"), audit.Evaluated, audit.OutcomeAllow},
			{"forwarded, denied", forward(client, erin.Access, "/api/contacts/1"), audit.Evaluated, audit.OutcomeDeny},
			{"forwarded, no route", forward(client, erin.Access, "/admin"), audit.Evaluated, audit.OutcomeDeny},
			{"forwarded, two ways", forward(client, erin.Access, "/api/contacts/../x"), audit.Evaluated, audit.OutcomeDeny},
			{"forwarded, nobody", forward(client, "", "/api/contacts"), audit.RequestFailed, audit.OutcomeDeny},
			{"forwarded, no path", forward(client, erin.Access, ""), audit.RequestFailed, audit.OutcomeDeny},
			{"forwarded, no proxy", forward(erin.Access, erin.Access, "/api/contacts"), audit.RequestFailed, audit.OutcomeDeny},
			{"forwarded, without scope", forward(explain, erin.Access, "/api/contacts"), audit.RequestFailed, audit.OutcomeDeny},
			{"nobody asks", post("/access/v1/evaluation", "", question), audit.RequestFailed, audit.OutcomeDeny},
			{"without scope", post("/access/v1/evaluation", explain, question), audit.RequestFailed, audit.OutcomeDeny},
			{"no question", post("/access/v1/evaluation", client, map[string]any{}), audit.RequestFailed, audit.OutcomeDeny},
			{"batch", post("/access/v1/evaluations", client, map[string]any{"subject": question["subject"], "action": question["action"],
				"evaluations": []any{map[string]any{"resource": question["resource"]}, map[string]any{"resource": question["resource"]}}}), audit.EvaluatedBatch, audit.OutcomeOK},
			{"who may", post("/access/v1/search/subject", client, map[string]any{"subject": map[string]any{"type": "user"}, "action": question["action"], "resource": question["resource"]}), audit.SearchedSubject, audit.OutcomeOK},
			{"on what", post("/access/v1/search/resource", client, map[string]any{"subject": question["subject"], "action": question["action"], "resource": map[string]any{"type": "contact"}}), audit.SearchedResource, audit.OutcomeOK},
			{"may what", post("/access/v1/search/action", client, map[string]any{"subject": question["subject"], "resource": question["resource"]}), audit.SearchedAction, audit.OutcomeOK},
			{"may what, a stranger", post("/access/v1/search/action", client, map[string]any{"subject": map[string]any{"type": "user", "id": "stranger"}, "resource": question["resource"]}), audit.SearchedAction, audit.OutcomeOK},
			{"no search", post("/access/v1/search/action", client, map[string]any{}), audit.RequestFailed, audit.OutcomeDeny},
			{"search without scope", post("/access/v1/search/action", explain, map[string]any{}), audit.RequestFailed, audit.OutcomeDeny},
			{"which", post("/v1/filter", client, map[string]any{"subject": question["subject"], "action": question["action"], "resource": map[string]any{"type": "contact"}}), audit.Filtered, audit.OutcomeAllow},
			{"which, never", post("/v1/filter", client, map[string]any{"subject": question["subject"], "action": map[string]any{"name": "delete"}, "resource": map[string]any{"type": "contact"}}), audit.Filtered, audit.OutcomeDeny},
			{"which, over no columns", post("/v1/filter", client, map[string]any{"subject": question["subject"], "action": question["action"], "resource": map[string]any{"type": "contact"}, "dialect": "sqlite"}), audit.Filtered, audit.OutcomeAllow},
			{"no filter", post("/v1/filter", client, map[string]any{}), audit.RequestFailed, audit.OutcomeDeny},
			{"filter without scope", post("/v1/filter", explain, question), audit.RequestFailed, audit.OutcomeDeny},
			{"search of a later revision", post("/access/v1/search/action", client, map[string]any{"subject": question["subject"], "resource": question["resource"], "context": map[string]any{"min_revision": 1e9}}), audit.RequestFailed, audit.OutcomeDeny},
		} {
			t.Run(c.name, func(t *testing.T) {
				var a testkit.Answer
				leaf := audittest.One(t, k.App.Store, func() { a = c.do() })
				if leaf.Activity != c.activity || leaf.Outcome != c.outcome || leaf.Request != a.Header.Get("X-Request-Id") {
					t.Errorf("%s %s of %s; the answer is %s: %s", leaf.Outcome, leaf.Activity, leaf.Request, a.Header.Get("X-Request-Id"), a.Raw)
				}
			})
		}
	})
}

// While the database cannot be written nobody is answered yes, within two
// seconds or so; when it can again, so can Rolegate.
func TestUnwritableLogRefuses(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.Config.Data, "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	question := map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1", "properties": own}}
	began := time.Now()
	a := k.Post("/access/v1/evaluation", client, question)
	if a.Status != http.StatusServiceUnavailable || a.Code() != "audit_unavailable" {
		t.Errorf("status %d: %s", a.Status, a.Raw)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("refused after %v", took)
	}
	delete(question, "action")
	a = k.Post("/access/v1/search/action", client, question)
	if a.Status != http.StatusServiceUnavailable || a.Code() != "audit_unavailable" || a.Body["results"] != nil {
		t.Errorf("a search: status %d: %s", a.Status, a.Raw)
	}
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
}

// A disk that fills up: no answer without a record, nothing lost, and with room
// again all goes on.
func TestFullDisk(t *testing.T) {
	smalldisk.Run(t, 3<<20, func(d *smalldisk.Disk) {
		k := testkit.Start(t, d.Dir)
		k.MustEnrol("alice", "sales-rep")
		client := k.ClientToken("crm")
		d.Fill(t)

		question := map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
			"resource": map[string]any{"type": "contact", "id": "1", "properties": own}}
		answered, refused := 0, 0
		for range 200 {
			before, _ := k.App.Store.LogSize(ctx)
			a := k.Post("/access/v1/evaluation", client, question)
			after, _ := k.App.Store.LogSize(ctx)
			switch {
			case a.Status == 200 && after == before+1:
				answered++
			case a.Status == http.StatusServiceUnavailable && after == before:
				refused++
			default:
				t.Fatalf("status %d, %d → %d entries: %s", a.Status, before, after, a.Raw)
			}
		}
		if refused == 0 {
			t.Errorf("the disk never filled up: %d answered", answered)
		}
		if _, err := app.AddUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "bob"}); err == nil {
			t.Error("a user is made on a full disk")
		} else if code := model.CodeOf(err); code != model.CodeStorageFull && code != model.CodeAuditUnavailable {
			t.Errorf("making a user on a full disk: %v", err)
		}
		d.Free(t)
		k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
	})
}

// Nothing that opens anything can be read from the files of the data directory,
// the logs, or what the service prints.
func TestSecretsAreNotAtRest(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice", "sales-rep")
	invite := k.Invite("bob")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	client := k.TokenFor("crm", secret)
	ticket := k.Ticket("alice")
	code := k.NextCode(alice)
	k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
	k.Get("/invite/" + invite)
	k.Evaluate(client, "alice", "read", "contact", own, "access_token", alice.Access)
	k.Stop()

	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(alice.Secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(k.Config.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"TOTP secret": raw, "TOTP secret in base32": []byte(alice.Secret), "TOTP secret in hex": fmt.Appendf(nil, "%x", raw),
		"password": []byte(testkit.Password), "refresh token": []byte(alice.Refresh), "access token": []byte(alice.Access),
		"client token": []byte(client), "client secret": []byte(secret), "invitation": []byte(invite), "ticket": []byte(ticket),
		"recovery code": []byte(alice.RecoveryCodes[0]), "recovery code, bare": []byte(strings.ReplaceAll(alice.RecoveryCodes[0], "-", "")),
		"key-encryption key": bytes.TrimSpace(key), "private key": []byte("PRIVATE KEY"),
	}
	places := map[string][]byte{"logs": k.Logs.Bytes()}
	err = filepath.WalkDir(k.Config.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "master.key" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %v", path, mode)
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(places) < 3 {
		t.Fatalf("only %d places to search", len(places))
	}
	for place, content := range places {
		for name, s := range secrets {
			if bytes.Contains(content, s) {
				t.Errorf("%s holds the %s", place, name)
			}
		}
	}
	if bytes.Contains(k.Logs.Bytes(), []byte("alice")) {
		t.Error("the logs name a person")
	}
}

// A restart changes no answer: sessions, roles and used codes are as they were.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	alice := k.MustEnrol("alice", "sales-rep")
	used := k.Code(alice)
	client := k.ClientToken("crm")
	k.Stop()

	k = testkit.Start(t, dir)
	d := k.Evaluate(client, "alice", "read", "contact", own, "access_token", alice.Access)
	k.Want(d, 200, "decision", true)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": used}), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh}), 200)
}

// A first start that was cut off between tenant and policy is finished by the next.
func TestFirstStartIsFinished(t *testing.T) {
	dir := t.TempDir()
	cfg, err := app.ReadConfig([]string{"ROLEGATE_DATA=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Directory.CreateTenant(ctx, testkit.Operator, model.Tenant{ID: model.DefaultTenant}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	k := testkit.Start(t, dir)
	k.Invite("alice", "sales-rep")
	k.Want(k.Evaluate(k.ClientToken("crm"), "alice", "read", "contact", own), 200, "decision", true)
}

// Asking about any number of strangers makes no key for each of them.
func TestStrangersShareOneKey(t *testing.T) {
	k := testkit.New(t)
	client := k.ClientToken("crm")
	left := audittest.Left(t, k.App.Store, func() {
		for i := range 5 {
			k.Evaluate(client, fmt.Sprintf("stranger-%d", i), "read", "contact", own)
			k.Evaluate(client, fmt.Sprintf("stranger-%d", i), "read", "contact", own, "access_token", "nonsense")
			k.Post("/v1/login", "", map[string]any{"username": fmt.Sprintf("stranger-%d", i), "password": "wrong password"})
		}
	})
	if len(left) != 15 {
		t.Fatalf("%d entries", len(left))
	}
	refs := map[string]bool{}
	for _, e := range left {
		for _, s := range e.Row.Sealed {
			refs[string(s.Ref)] = true
		}
	}
	if len(refs) != 1 {
		t.Errorf("%d keys for strangers of one tenant, want 1", len(refs))
	}
}

// The id of a contact's record lies under the contact's key, what alice did under hers.
func TestDataSubject(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice", "sales-rep")
	client := k.ClientToken("crm")
	read := func(do func()) (audittest.Entry, func(person string) map[string]any) {
		t.Helper()
		leaf := audittest.One(t, k.App.Store, do)
		return leaf, func(person string) map[string]any {
			t.Helper()
			m, err := audittest.Unseal(ctx, k.App.Log, leaf, person)
			if err != nil {
				t.Errorf("%s: %v", person, err)
			}
			return m
		}
	}
	first, of := read(func() { k.Evaluate(client, "alice", "read", "contact", own) })
	if m := of("user:alice"); m["action"] != "read" || m["resource"] != nil {
		t.Errorf("alice's: %v", m)
	}
	if m := of("contact:1"); m["resource"] != "contact:1" || m["subject"] != nil {
		t.Errorf("the contact's: %v", m)
	}
	second, of := read(func() {
		k.Post("/access/v1/evaluations", client, map[string]any{
			"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
			"evaluations": []any{
				map[string]any{"resource": map[string]any{"type": "contact", "id": "1", "properties": own}},
				map[string]any{"resource": map[string]any{"type": "contact", "id": "2", "properties": own}},
				map[string]any{"resource": map[string]any{"type": "account", "id": "3", "properties": own}},
			}})
	})
	if m := of("user:alice")["members"].([]any); len(m) != 3 || m[2].(map[string]any)["resource"] != "account:3" {
		t.Errorf("alice's: %v", m)
	}
	if m := of("contact:2")["members"].([]any); len(m) != 1 || m[0].(map[string]any)["item"] != float64(1) {
		t.Errorf("the second contact's: %v", m)
	}
	if first.Seq+1 != second.Seq || string(first.Source) != string(second.Source) {
		t.Errorf("seq %d, then %d", first.Seq, second.Seq)
	}
}

// A command that is refused leaves an entry too, and only that.
func TestRefusedOperationsAreRecorded(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice")
	leaf := audittest.One(t, k.App.Store, func() {
		_, err := app.AddUser.Do(ctx, k.Config, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
		if model.CodeOf(err) != model.CodeConflict {
			t.Fatalf("through the socket: %v", err)
		}
	})
	if leaf.Activity != audit.OperationFailed || leaf.Code != model.CodeConflict || leaf.Op != "user-add" || len(leaf.Tenant) == 0 {
		t.Errorf("%+v", leaf.Leaf)
	}
}

// What only a request says never stands in a leaf, whatever the reason of the answer.
func TestLeafHoldsOnlyKnownWords(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice", "sales-rep")
	client := k.ClientToken("crm")
	if _, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: true}); err != nil {
		t.Fatal(err)
	}
	left := audittest.Left(t, k.App.Store, func() {
		for _, user := range []string{"alice", "nobody"} {
			k.Evaluate(client, user, "call +4915112345", "bob@example.com", own)
			k.Evaluate(client, user, "call +4915112345", "contact", own)
			k.Evaluate(client, user, "call +4915112345", "contact", own, "access_token", "x")
		}
	})
	if len(left) != 6 {
		t.Fatalf("%d entries", len(left))
	}
	for _, e := range left {
		if bytes.Contains(e.Row.Leaf, []byte("bob@")) || bytes.Contains(e.Row.Leaf, []byte("+49")) {
			t.Errorf("a leaf holds a request's words: %q", e.Row.Leaf)
		}
	}
}

// One item that no database could hold denies itself, not the batch.
func TestOneBadItem(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice", "sales-rep")
	client := k.ClientToken("crm")
	a := k.Post("/access/v1/evaluations", client, map[string]any{
		"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"evaluations": []any{
			map[string]any{"resource": map[string]any{"type": "contact", "id": "a\x00", "properties": own}},
			map[string]any{"resource": map[string]any{"type": "contact", "id": "b", "properties": own}},
		}})
	k.Want(a, 200)
	got := a.Body["evaluations"].([]any)
	if len(got) != 2 || got[0].(map[string]any)["decision"] != false || got[1].(map[string]any)["decision"] != true {
		t.Errorf("%s", a.Raw)
	}
	k.Want(k.Post("/v1/login", "", map[string]any{"tenant": "a\x00", "username": "alice", "password": "wrong password"}), 401)
}

// A caller that demands a revision gets it or an error, and the record says which.
func TestMinRevision(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice", "sales-rep")
	client := k.ClientToken("crm")
	now := k.Evaluate(client, "alice", "read", "contact", own).Body["context"].(map[string]any)["revision"].(float64)
	k.Want(k.Evaluate(client, "alice", "read", "contact", own, "min_revision", now), 200, "decision", true)

	change, err := app.Unassign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"})
	if err != nil || change.Revision <= int64(now) {
		t.Fatalf("revision %d after %v, %v", change.Revision, now, err)
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own, "min_revision", change.Revision), 200, "decision", false)
	leaf := audittest.One(t, k.App.Store, func() {
		a := k.Post("/access/v1/evaluation", client, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
			"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "contact", "id": "1"},
			"context": map[string]any{"min_revision": change.Revision + 1}})
		k.Want(a, 503, "code", "revision_unavailable")
	})
	if leaf.Outcome == audit.OutcomeAllow || leaf.Code != model.CodeRevisionBehind {
		t.Errorf("%+v", leaf.Leaf)
	}
}

func TestAdminListener(t *testing.T) {
	k := testkit.New(t)
	k.Get("/healthz")
	for path, want := range map[string]string{"/readyz": `"status":"ok"`, "/metrics": "rolegate_http_requests_total", "/debug/pprof/": "goroutine"} {
		resp, err := http.Get(k.Admin + path)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(body.String(), want) {
			t.Errorf("%s: %d %.200s", path, resp.StatusCode, body.String())
		}
		if a := k.Get(path); a.Status != 404 {
			t.Errorf("%s on the public listener: %d", path, a.Status)
		}
	}
}

// A policy of the host's under which nobody could ever change it, is told of at the
// first start, and taken: the host can go on.
func TestWarnsOfAPolicyNobodyChanges(t *testing.T) {
	const said = "no holders of offices could change the policy"
	for policy, want := range map[string]bool{rolegate.StarterPolicy: false, "p, role:sales-rep, contact, read, own, , allow\n": true} {
		file := filepath.Join(t.TempDir(), "policy.csv")
		if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
			t.Fatal(err)
		}
		k := testkit.New(t, "ROLEGATE_POLICY="+file)
		if got := strings.Contains(k.Logs.String(), said); got != want {
			t.Errorf("told %v of a policy of %d bytes", got, len(policy))
		}
	}
}
