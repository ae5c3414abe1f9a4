package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

var webhookSecret = "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))

// Settings of sinks that cannot be meant stop the start, and no refusal shows a
// secret.
func TestSinkSettings(t *testing.T) {
	url, secret := "ROLEGATE_AUDIT_WEBHOOK=https://user:hidden@siem.example.com/hidden?token=hidden", "ROLEGATE_AUDIT_WEBHOOK_SECRET="+webhookSecret
	for _, c := range []struct {
		settings []string
		names    string // what the refusal names; "" for none
	}{
		{nil, ""},
		{[]string{url, secret}, ""},
		{[]string{url, secret + " " + webhookSecret, "ROLEGATE_AUDIT_PROFILE=full"}, ""},
		{[]string{url}, "ROLEGATE_AUDIT_WEBHOOK_SECRET"},
		{[]string{secret}, "ROLEGATE_AUDIT_WEBHOOK"},
		{[]string{url, "ROLEGATE_AUDIT_WEBHOOK_SECRET=hidden"}, "ROLEGATE_AUDIT_WEBHOOK_SECRET"},
		{[]string{url, "ROLEGATE_AUDIT_WEBHOOK_SECRET=whsec_hidden"}, "ROLEGATE_AUDIT_WEBHOOK_SECRET"},
		{[]string{url, secret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=10.0.0.0/8,fd12::/16"}, ""},
		{[]string{url, secret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=10.0.0.1"}, "ROLEGATE_AUDIT_WEBHOOK_ALLOW"},
		{[]string{url, secret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=::ffff:10.0.0.0/104"}, "ROLEGATE_AUDIT_WEBHOOK_ALLOW"},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=https://user:hidden@10.0.0.1/", secret}, "ROLEGATE_AUDIT_WEBHOOK"},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=https://user:hidden@10.0.0.1/", secret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=10.0.0.0/8"}, ""},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=http://siem.example.com/hidden", secret}, "ROLEGATE_AUDIT_WEBHOOK"},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=hidden", secret}, "ROLEGATE_AUDIT_WEBHOOK"},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=http://localhost:9000/", secret}, ""},
		{[]string{"ROLEGATE_AUDIT_WEBHOOK=http://localhost:9000/", secret, "ROLEGATE_ISSUER=https://gate.example.com"}, "ROLEGATE_AUDIT_WEBHOOK"},
		{[]string{"ROLEGATE_AUDIT_PROFILE=everything"}, "ROLEGATE_AUDIT_PROFILE"},
	} {
		cfg, err := app.ReadConfig(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		switch err := cfg.Validate(); {
		case c.names == "" && err != nil:
			t.Errorf("%q: %v", c.settings, err)
		case c.names != "" && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), c.names)):
			t.Errorf("%q: %v", c.settings, err)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("shown: %v", err)
		}
	}
}

// The URL and the secret may come from files.
func TestSinkSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err := app.ReadConfig([]string{"ROLEGATE_AUDIT_WEBHOOK_FILE=" + write("url", "https://siem.example.com/"),
		"ROLEGATE_AUDIT_WEBHOOK_SECRET_FILE=" + write("secret", webhookSecret), "ROLEGATE_AUDIT_FILE=" + filepath.Join(dir, "audit.jsonl")})
	if err == nil {
		err = c.Validate()
	}
	if err != nil || c.AuditWebhook != "https://siem.example.com/" || c.AuditSecret != webhookSecret || !strings.HasSuffix(c.AuditFile, "audit.jsonl") {
		t.Errorf("%+v, %v", c, err)
	}
}

// A file that cannot be used stops the start.
func TestSinkFileRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "open.jsonl")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := app.ReadConfig([]string{"ROLEGATE_DATA=" + dir, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0", "ROLEGATE_AUDIT_FILE=" + path})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	err = a.Serve(t.Context(), nil)
	if model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_AUDIT_FILE") {
		t.Errorf("serve: %v", err)
	}
}

// receiver keeps what is posted to it.
type receiver struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Write(b)
}

func (r *receiver) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// Names go out where they are asked for, and nowhere else; the log says so before
// the first one leaves, at each start, by sink.
func TestSinkProfiles(t *testing.T) {
	for profile, named := range map[string]bool{"": false, "pseudonymous": false, "full": true} {
		t.Run(profile, func(t *testing.T) {
			r := &receiver{}
			srv := httptest.NewServer(r)
			defer srv.Close()
			file := filepath.Join(t.TempDir(), "audit.jsonl")
			k := testkit.New(t, "ROLEGATE_AUDIT_PROFILE="+profile, "ROLEGATE_AUDIT_FILE="+file, "ROLEGATE_AUDIT_WEBHOOK="+srv.URL+"/?token=hidden",
				"ROLEGATE_AUDIT_WEBHOOK_SECRET="+webhookSecret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=127.0.0.0/8")
			k.MustEnrol("ann.secret", "sales-rep")
			k.Want(k.Evaluate(k.ClientToken("crm"), "ann.secret", "read", "contact", map[string]any{"id": "contact-4711"}), 200)
			size, err := k.App.Store.LogSize(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"sink/file", "sink/webhook"} {
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
					j, err := k.App.Store.Job(t.Context(), name)
					if err != nil || time.Now().After(deadline) {
						t.Fatalf("%s is at %d of %d, %v", name, j.Position, size, err)
					}
					if j.Position >= size {
						break
					}
				}
			}
			lines, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string]string{"file": string(lines), "webhook": r.all()} {
				for _, name := range []string{"ann.secret", "127.0.0.1", "Go-http-client"} {
					if strings.Contains(text, name) != named {
						t.Errorf("%s in the %s: %t", name, where, !named)
					}
				}
				if strings.Contains(text, "hidden") {
					t.Errorf("the credentials of the receiver are in the %s", where)
				}
			}
			if strings.Contains(k.Logs.String(), "hidden") {
				t.Error("the credentials of the receiver are in the service's log")
			}
			var sinks []string
			rows, err := k.App.Store.EntriesFrom(context.Background(), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows {
				leaf, err := audit.Decode(row.Leaf)
				if err != nil {
					t.Fatal(err)
				}
				if leaf.Activity != audit.SinkStarted {
					continue
				}
				if sinks = append(sinks, leaf.Op); len(sinks) == 1 && strings.Contains(firstLines(string(lines), i), "ann.secret") {
					t.Error("a name left before the log said that names leave")
				}
			}
			want := ""
			if named {
				want = "file webhook"
			}
			if got := strings.Join(sinks, " "); got != want {
				t.Errorf("the log names the sinks %q, want %q", got, want)
			}
			var event map[string]any
			if err := json.Unmarshal([]byte(firstLines(string(lines), 1)), &event); err != nil {
				t.Error(err)
			}
		})
	}
}

// The cursors of an earlier release are taken over at the first start of a newer one,
// also of a sink that is not set then; a cursor that is gone later is said.
func TestCursorsOfSinks(t *testing.T) {
	testkit.Directories(t, func(t *testing.T, dir string, settings ...string) {
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		cursorAt := func(position int64) func(a *app.App) {
			return func(a *app.App) {
				err := a.Store.InTx(t.Context(), func(tx store.Tx) error {
					return tx.SetJob(t.Context(), store.Job{Name: "sink/file", Position: position})
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		said := func(k *testkit.Kit) (all []string) {
			t.Helper()
			rows, err := k.App.Store.EntriesFrom(t.Context(), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if leaf, err := audit.Decode(row.Leaf); err != nil {
					t.Fatal(err)
				} else if leaf.Activity == audit.SinkCursor {
					all = append(all, strings.TrimSuffix(fmt.Sprint(leaf.Op, " ", leaf.Outcome, " ", leaf.Count, " ", leaf.Code), " "))
				}
			}
			return all
		}
		want := func(k *testkit.Kit, what string, want ...string) {
			t.Helper()
			if got := said(k); !slices.Equal(got, want) {
				t.Errorf("%s: the log says %q, want %q", what, got, want)
			}
		}
		delivered := func(k *testkit.Kit) (first ocsf.Event) {
			t.Helper()
			size, err := k.App.Store.LogSize(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				j, err := k.App.Store.Job(t.Context(), "sink/file")
				if err != nil || time.Now().After(deadline) {
					t.Fatalf("it is at %d of %d, %v", j.Position, size, err)
				}
				if j.Position >= size {
					break
				}
			}
			lines, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(firstLines(string(lines), 1)), &first); err != nil {
				t.Fatal(err)
			}
			return first
		}
		k := testkit.StartAltered(t, dir, cursorAt(1), settings...)
		want(k, "with no sink set", "file ok 1")
		k.Stop()

		settings = append(settings, "ROLEGATE_AUDIT_FILE="+file)
		k = testkit.Start(t, dir, settings...)
		if first := delivered(k).Metadata.UID; first != "1" {
			t.Errorf("the sink went on at entry %s, and had come to 1", first)
		}
		want(k, "with the sink set again", "file ok 1")
		k.Stop()

		k = testkit.StartAltered(t, dir, cursorAt(0), settings...)
		delivered(k)
		want(k, "with a cursor that is gone", "file ok 1", "file error 0 log_altered")
	})
}

// firstLines are the first n lines.
func firstLines(text string, n int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if n--; n < 0 {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
