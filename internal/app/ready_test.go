package app_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
)

// A replica is ready while one tenant's policy can be read, and tells how many cannot; where
// none can it is not.
func TestReadinessTellsOfUnreadablePolicies(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	if _, err := app.AddTenant.Run(t.Context(), k.App, testkit.Operator, app.TenantRequest{Tenant: "zenith"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		breaks     string
		status     int
		unreadable float64
	}{
		{"UPDATE policies SET document = 'nonsense' WHERE tenant = 'default'", 200, 1},
		{"UPDATE tenants SET catalog = 'nonsense'", 503, 2},
	} {
		k.Stop()
		k.Exec(c.breaks)
		k = testkit.Start(t, dir)
		res, err := http.Get(k.Admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		var says struct{ Replica map[string]any }
		if err := json.NewDecoder(res.Body).Decode(&says); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status || says.Replica["unreadable_policies"] != c.unreadable {
			t.Errorf("after %s: %d %v, want %d and %v", c.breaks, res.StatusCode, says.Replica, c.status, c.unreadable)
		}
	}
}
