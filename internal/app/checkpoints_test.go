package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// getAs fetches a path with a bearer token ("" for none).
func getAs(k *testkit.Kit, path, token string) testkit.Answer {
	k.T.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL+path, nil)
	if err != nil {
		k.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return k.Send(req)
}

// What an answer says of its entry is proven by what anybody can fetch.
func TestReceiptIsProven(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		crm := k.ClientToken("crm")
		k.Invite("ann", "sales-rep")
		asked := []testkit.Answer{
			k.Evaluate(crm, "ann", "read", "contact", nil),
			k.Evaluate(crm, "nobody", "read", "contact", nil),
			k.Post("/access/v1/evaluation", crm, map[string]any{}), // refused, and recorded
		}
		if _, err := k.App.Checkpoints.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		for _, a := range asked {
			index, err := strconv.ParseInt(a.Header.Get("Audit-Index"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			hash, err := base64.StdEncoding.DecodeString(a.Header.Get("Audit-Leaf-Hash"))
			if err != nil {
				t.Fatal(err)
			}
			p := getAs(k, fmt.Sprintf("/v1/audit/entries/%d/proof", index), "")
			k.Want(p, 200)
			proof, checkpoint, _ := strings.Cut(string(p.Raw), "\n\n")
			tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.SplitN(checkpoint, "\n", 2)[1]))
			if err != nil {
				t.Fatal(err)
			}
			var hashes tlog.RecordProof
			for _, line := range strings.Split(proof, "\n")[2:] {
				h, err := tlog.ParseHash(line)
				if err != nil {
					t.Fatal(err)
				}
				hashes = append(hashes, h)
			}
			if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.Hash(hash)); err != nil {
				t.Errorf("%s: %v", p.Raw, err)
			}
		}
		k.Want(getAs(k, "/v1/audit/entries/1000000/proof", ""), 404, "code", "beyond_checkpoint")
	})
}

func TestBufferedAnswersHaveNoReceipt(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_AUDIT=buffered")
	crm := k.ClientToken("crm")
	a := k.Evaluate(crm, "ann", "read", "contact", nil)
	if a.Header.Get("Audit-Index") != "" || a.Header.Get("Audit-Leaf-Hash") != "" {
		t.Errorf("%v", a.Header)
	}
}

// Entries are for persons who may export the log, with a fresh code, and not those
// of other tenants; each reading is recorded.
func TestBundles(t *testing.T) {
	k := testkit.New(t)
	auditor, rep := k.MustEnrol("auditor", "audit-admin"), k.MustEnrol("rep", "sales-rep")
	c, err := k.App.Checkpoints.Publish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/v1/audit/tile/entries/000.p/%d", c.Size)
	a := getWith(k, path, auditor.Access)
	k.Want(a, 200)
	leaves, err := k.App.Store.LeavesFrom(ctx, 0, int(c.Size))
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, leaf := range leaves {
		want = append(binary.BigEndian.AppendUint16(want, uint16(len(leaf))), leaf...)
	}
	if !bytes.Equal(a.Raw, want) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d bytes, want %d; %v", len(a.Raw), len(want), a.Header)
	}
	size, err := k.App.Store.LogSize(ctx)
	if err != nil {
		t.Fatal(err)
	}
	read, err := k.App.Store.LeavesFrom(ctx, size-1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := audit.Decode(read[0]); err != nil || leaf.Activity != audit.BundleRead || leaf.Count != c.Size {
		t.Errorf("recorded as %+v (%v)", leaf, err)
	}
	entry := k.Call("GET", fmt.Sprintf("/v1/audit/entries/%d", size-1), auditor.Access, nil)
	k.Want(entry, 200)
	if content, _ := entry.Body["sealed"].([]any)[0].(map[string]any)["content"].(map[string]any); content["from"] != 0.0 || content["to"] != float64(c.Size) {
		t.Errorf("which entries were read is recorded as %v", content)
	}

	client := k.TokenFor("watch", k.AddClient(model.Client{ID: "watch", Tenant: model.DefaultTenant, Scopes: []string{"audit"}}))
	for who, token := range map[string]string{"nobody": "", "a client with the scope": client} {
		if a := getWith(k, path, token); a.Status != 401 {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
	if a := getWith(k, path, rep.Access); a.Code() != string(model.CodeForbidden) {
		t.Errorf("somebody without the right: %s", a.Raw)
	}
	k.Advance(6 * 60e9)
	if a := getWith(k, path, auditor.Access); a.Code() != string(model.CodeStepUp) {
		t.Errorf("with an old code: %s", a.Raw)
	}
	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other"}); err != nil {
		t.Fatal(err)
	}
	if c, err = k.App.Checkpoints.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	k.Login(auditor)
	if a := getWith(k, fmt.Sprintf("/v1/audit/tile/entries/000.p/%d", c.Size), auditor.Access); a.Code() != string(model.CodeForeignEntries) {
		t.Errorf("entries of another tenant: %s", a.Raw)
	}
}

// getWith is getAs for a path with more slashes than the contract's router reads.
func getWith(k *testkit.Kit, path, token string) testkit.Answer {
	k.T.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL+path, nil)
	if err != nil {
		k.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := testkit.Do(req)
	if err != nil {
		k.T.Fatal(err)
	}
	return a
}

// Kept private, hashes are for clients with the scope and persons with the right.
func TestPrivateLog(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_AUDIT_PUBLIC=false")
	auditor, rep := k.MustEnrol("auditor", "audit-admin"), k.MustEnrol("rep", "sales-rep")
	watch := k.TokenFor("watch", k.AddClient(model.Client{ID: "watch", Tenant: model.DefaultTenant, Scopes: []string{"audit"}}))
	if _, err := k.App.Checkpoints.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/audit/checkpoint", "/v1/audit/entries/0/proof", "/v1/audit/proof/consistency?from=1", "/v1/audit/tile/0/000.p/1"} {
		for token, status := range map[string]int{"": 401, rep.Access: 403, auditor.Access: 200, watch: 200, k.ClientToken("crm" + strconv.Itoa(len(path))): 403} {
			if a := getWith(k, path, token); a.Status != status {
				t.Errorf("%s: %d, want %d: %s", path, a.Status, status, a.Raw)
			}
		}
	}
}

// Readiness tells of a log that gets no checkpoints, and of where it is.
func TestReadinessTellsOfCheckpoints(t *testing.T) {
	k := testkit.New(t)
	ready := func() (status int, state struct {
		Checkpoints struct {
			Size    int64
			Refused *struct{ Reason string }
		}
	}) {
		resp, err := http.Get(k.Admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, state
	}
	c, err := k.App.Checkpoints.Publish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status, state := ready(); status != 200 || state.Checkpoints.Size < c.Size || state.Checkpoints.Refused != nil {
		t.Errorf("%d %+v", status, state)
	}
	k.Exec(`DELETE FROM audit_checkpoints`)
	if _, err := k.App.Checkpoints.Publish(ctx); err == nil {
		t.Fatal("a checkpoint after all were gone")
	}
	if status, state := ready(); status != 200 || state.Checkpoints.Refused == nil || state.Checkpoints.Refused.Reason != "smaller" {
		t.Errorf("%d %+v", status, state)
	}
}

// Whatever tree its head was given by hand, the log goes on from its entries.
func TestResumeOfAnAlteredTree(t *testing.T) {
	k := testkit.New(t)
	k.Exec(`UPDATE audit_head SET frontier = zeroblob(length(frontier))`)
	if _, err := app.CheckpointLog.Run(ctx, k.App, testkit.Operator, app.None{}); model.CodeOf(err) != model.CodeLogAltered {
		t.Fatalf("a checkpoint: %v", err)
	}
	if _, err := app.ResumeLog.Run(ctx, k.App, testkit.Operator, app.ResumeRequest{Reason: "a drill"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.CheckpointLog.Run(ctx, k.App, testkit.Operator, app.None{}); err != nil {
		t.Errorf("a checkpoint of the log that goes on: %v", err)
	}
}

// Behind a head that was altered nothing is recorded and so nothing answered, until an
// operator takes it over.
func TestResumeBehindAnAlteredHead(t *testing.T) {
	k := testkit.New(t)
	k.Exec(`UPDATE audit_head SET mac = NULL`)
	started := func() error {
		return k.App.Log.Append(ctx, audit.Entry{Class: audit.ClassSystem, Activity: audit.Started, Outcome: audit.OutcomeOK, Caller: testkit.Operator})
	}
	if err := started(); model.CodeOf(err) != model.CodeAuditUnavailable {
		t.Errorf("recorded: %v", err)
	}
	if _, err := app.CheckpointLog.Run(ctx, k.App, testkit.Operator, app.None{}); model.CodeOf(err) != model.CodeLogAltered {
		t.Errorf("a checkpoint: %v", err)
	}
	if _, err := app.ResumeLog.Run(ctx, k.App, testkit.Operator, app.ResumeRequest{Reason: "a drill"}); err != nil {
		t.Fatal(err)
	}
	if err := started(); err != nil {
		t.Error(err)
	}
	if _, err := app.CheckpointLog.Run(ctx, k.App, testkit.Operator, app.None{}); err != nil {
		t.Error(err)
	}
}
