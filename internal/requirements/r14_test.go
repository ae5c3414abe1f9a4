package requirements

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(14, "reading, searching, exporting and verifying the log each create an entry", readingLeavesAnEntry)
}

// logUse is one use of the log: what it is, how it is done, and the activity of the
// entry that is left.
type logUse struct {
	do       func(t *testing.T, k *testkit.Kit, auditor *testkit.Person)
	activity audit.Activity
}

// logUses are all uses there are.
var logUses = map[string]logUse{
	"search over HTTP": {get("/v1/audit/entries?subject=user:ann&limit=5", 200), audit.LogSearched},
	"a further page":   {furtherPage, audit.LogSearched},
	"read over HTTP":   {get("/v1/audit/entries/1", 200), audit.LogRead},
	"read of nothing":  {get("/v1/audit/entries/99999999", 404), audit.RequestFailed},
	"refused search":   {get("/v1/audit/entries?nonsense=1", 400), audit.RequestFailed},
	"search by nobody": {func(t *testing.T, k *testkit.Kit, _ *testkit.Person) { k.Want(k.Get("/v1/audit/entries"), 401) }, audit.RequestFailed},
	"search on the host": {onHost(func(ctx context.Context, k *testkit.Kit) error {
		_, err := app.SearchLog.Run(ctx, k.App, testkit.Operator, app.LogRequest{Tenant: model.DefaultTenant, Limit: 5})
		return err
	}), audit.LogSearched},
	"read on the host": {onHost(func(ctx context.Context, k *testkit.Kit) error {
		_, err := app.ShowEntry.Run(ctx, k.App, testkit.Operator, app.LogRequest{Tenant: model.DefaultTenant, Index: 1})
		return err
	}), audit.LogRead},
	"read as a bundle":    {readBundle(200), audit.BundleRead},
	"a bundle for nobody": {func(t *testing.T, k *testkit.Kit, _ *testkit.Person) { readBundle(401)(t, k, &testkit.Person{}) }, audit.RequestFailed},
	"export": {onHost(func(ctx context.Context, k *testkit.Kit) error {
		_, err := app.ExportLog.Run(ctx, k.App, testkit.Operator, app.LogExport{}, io.Discard)
		return err
	}), audit.LogExported},
	"export of a tenant": {onHost(func(ctx context.Context, k *testkit.Kit) error {
		_, err := app.ExportLog.Run(ctx, k.App, testkit.Operator, app.LogExport{Tenant: model.DefaultTenant}, io.Discard)
		return err
	}), audit.LogExported},
	"verify": {onHost(func(ctx context.Context, k *testkit.Kit) error {
		for {
			a, err := app.VerifyLog.Run(ctx, k.App, testkit.Operator, app.None{})
			if err != nil || !a.Running {
				return err
			}
		}
	}), audit.LogVerified},
}

// readBundle reads the first entry as a C2SP bundle.
func readBundle(status int) func(*testing.T, *testkit.Kit, *testkit.Person) {
	return func(t *testing.T, k *testkit.Kit, auditor *testkit.Person) {
		if _, err := k.App.Checkpoints.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodGet, k.URL+"/v1/audit/tile/entries/000.p/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+auditor.Access)
		a, err := testkit.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		k.Want(a, status)
	}
}

func get(path string, status int) func(*testing.T, *testkit.Kit, *testkit.Person) {
	return func(_ *testing.T, k *testkit.Kit, auditor *testkit.Person) {
		k.Want(k.Call("GET", path, auditor.Access, nil), status)
	}
}

func furtherPage(_ *testing.T, k *testkit.Kit, auditor *testkit.Person) {
	a := k.Call("GET", "/v1/audit/entries?limit=1", auditor.Access, nil)
	k.Want(a, 200)
	k.Want(k.Call("GET", "/v1/audit/entries?limit=1&token="+a.Body["page"].(map[string]any)["next_token"].(string), auditor.Access, nil), 200)
}

func onHost(do func(context.Context, *testkit.Kit) error) func(*testing.T, *testkit.Kit, *testkit.Person) {
	return func(t *testing.T, k *testkit.Kit, _ *testkit.Person) {
		if err := do(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
}

// readingLeavesAnEntry: when the answer is there, so is the entry, with what was asked
// for sealed; and a log that cannot be written is not read.
func readingLeavesAnEntry(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.MustEnrol("ann", "sales-rep")
		auditor := k.MustEnrol("aud", model.AuditAdmin)
		for _, name := range slices.Sorted(maps.Keys(logUses)) {
			left := audittest.Activities(audittest.Left(t, k.App.Store, func() { logUses[name].do(t, k, auditor) }))
			if !slices.Contains(left, logUses[name].activity) {
				t.Errorf("%s leaves %q, want %s", name, left, logUses[name].activity)
			}
		}
		// What was asked is in the entry, for the one who asked and the one it is about.
		a := k.Call("GET", "/v1/audit/entries?subject=user:ann&activity=audit_search&limit=1", auditor.Access, nil)
		k.Want(a, 200)
		index := a.Body["results"].([]any)[0].(map[string]any)["index"]
		a = k.Call("GET", fmt.Sprintf("/v1/audit/entries/%v", index), auditor.Access, nil)
		k.Want(a, 200)
		var filters, subject any
		for _, s := range a.Body["sealed"].([]any) {
			content, _ := s.(map[string]any)["content"].(map[string]any)
			if f, ok := content["filters"]; ok {
				filters = f
			}
			if s, ok := content["subject"]; ok {
				subject = s
			}
		}
		if f, _ := filters.(map[string]any); f["limit"] != 5.0 || f["order"] != "newest" || subject != "user:ann" {
			t.Errorf("of a search are kept %v and %v", filters, subject)
		}
		if k.Config.DatabaseURL != "" {
			return
		}
		k.Exec(`CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'no more'); END`)
		defer k.Exec(`DROP TRIGGER full`)
		if a := k.Call("GET", "/v1/audit/entries", auditor.Access, nil); a.Status != 503 {
			t.Errorf("a reading that cannot be recorded is answered %d", a.Status)
		}
	})
}
