package requirements

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(22, "the service verifies its log by itself and says what it found; an exported bundle verifies without keys, and has none", r22)
}

func r22(t *testing.T) {
	t.Run("scheduled", r22Scheduled)
	t.Run("bundle", r22Bundle)
}

// r22Scheduled alters the log of a service behind its back.
func r22Scheduled(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_AUDIT_VERIFY=1s")
	k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
	began := float64(time.Now().Unix())
	eventually(t, "a pass has come by itself", func() bool { return metric(t, k, "rolegate_audit_verify_success_timestamp_seconds") >= began })
	if metric(t, k, "rolegate_audit_verify_failed") != 0 || verifications(t, k)[audit.OutcomeOK] == 0 {
		t.Errorf("a log in order: %v", verifications(t, k))
	}

	db := openRaw(t, filepath.Join(k.Config.Data, "rolegate.db"))
	testkit.Unguard(t, db)
	var altered string
	if err := db.QueryRow(`UPDATE audit_sealed SET ct = x'00'
		WHERE idx = (SELECT min(idx) FROM audit_sealed) AND seg = 0 RETURNING idx`).Scan(&altered); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the next pass has found it", func() bool { return metric(t, k, "rolegate_audit_verify_failed") == 1 })
	if n := verifications(t, k)[audit.OutcomeError]; n == 0 {
		t.Error("what was found is not in the log")
	}
	if n := metric(t, k, `rolegate_audit_verify_failures_total{kind="tampered"}`); n == 0 {
		t.Error("what was found is not counted")
	}
	if !strings.Contains(k.Logs.String(), "THE LOG DOES NOT VERIFY") {
		t.Error("what was found is not in the service's log")
	}
	ready := admin(t, k, "/readyz")
	if ready.Status != http.StatusOK {
		t.Errorf("an altered log stops the service: %s", ready.Raw)
	}
	if of, _ := ready.Body["log"].(map[string]any); of["status"] != "failed" || !bytes.Contains(ready.Raw, []byte("entry "+altered+":")) {
		t.Errorf("readiness does not tell: %s", ready.Raw)
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
}

// r22Bundle exports the log with the program, verifies it where no key is, and looks
// for keys in it.
func r22Bundle(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	k.MustEnrol("alice", "sales-rep")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	k.Want(k.Evaluate(k.TokenFor("crm", secret), "alice", "read", "contact", own), 200, "decision", true)
	if _, err := k.App.Checkpoints.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := k.App.Checkpoints.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "bundle")
	if out, err := rolegate(t, "audit", "export", bundle, "--data", dir, "--from", "0"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := rolegate(t, "audit", "verify", bundle, "--key", key.VKey, "--data", t.TempDir())
	if status, ok := err.(*exec.ExitError); !ok || status.ExitCode() != 10 { // nobody has kept a checkpoint
		t.Errorf("%v\n%s", err, out)
	}

	secrets := map[string][]byte{}
	for _, name := range []string{"log_signing_key", "person_index_pepper"} {
		sealed, err := k.App.Keystore.MetaValue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		secrets[name] = sealed
	}
	file, err := os.ReadFile(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["the key file"] = bytes.TrimSpace(file)
	raw := map[string][]byte{}
	k.Stop()
	wrapped(t, filepath.Join(dir, "keys.db"), raw)
	if len(raw) < 3 {
		t.Fatalf("only %d keys to look for", len(raw))
	}
	for name, value := range raw {
		secrets[name] = value
	}
	files := 0
	err = filepath.WalkDir(bundle, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for name, s := range secrets {
			for _, form := range [][]byte{s, []byte(hex.EncodeToString(s)), []byte(base64.StdEncoding.EncodeToString(s))} {
				if bytes.Contains(content, form) {
					t.Errorf("%s holds %s", path, name)
				}
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files in the bundle, %v", files, err)
	}
}

// rolegate runs the program.
func rolegate(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Program(t), args...)
	return cmd.CombinedOutput()
}

// wrapped are the keys of a keystore, as it has them.
func wrapped(t *testing.T, path string, keys map[string][]byte) {
	t.Helper()
	db := openRaw(t, path)
	for _, table := range []string{"person_keys", "month_keys"} {
		rows, err := db.Query(`SELECT wrapped FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; rows.Next(); n++ {
			var key []byte
			if err := rows.Scan(&key); err != nil {
				t.Fatal(err)
			}
			keys[table+" "+strconv.Itoa(n)] = key
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// verifications counts the entries of passes.
func verifications(t *testing.T, k *testkit.Kit) map[audit.Outcome]int {
	t.Helper()
	n := map[audit.Outcome]int{}
	for _, raw := range entries(t, k.App.Store) {
		if leaf, err := audit.Decode(raw); err == nil && leaf.Activity == audit.LogVerified {
			n[leaf.Outcome]++
		}
	}
	return n
}

// admin asks the admin listener.
func admin(t *testing.T, k *testkit.Kit, path string) testkit.Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, k.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := testkit.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// metric is the value of a metric; 0 where it is not there.
func metric(t *testing.T, k *testkit.Kit, name string) float64 {
	t.Helper()
	for line := range strings.Lines(string(admin(t, k, "/metrics").Raw)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}
