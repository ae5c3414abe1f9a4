package app_test

import (
	"slices"
	"testing"
	"time"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// The members of a batch are found each by whom and what it is about, and a record
// in whatever month it was asked about.
func TestBatchesAndMonthsAreFound(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		aud := k.MustEnrol("aud", model.AuditAdmin)
		k.MustEnrol("ann", "sales-rep")
		k.MustEnrol("bob", "sales-rep")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		ask := func(user, record string) map[string]any {
			return map[string]any{"subject": map[string]any{"type": "user", "id": user}, "action": map[string]any{"name": "read"},
				"resource": map[string]any{"type": "contact", "id": record, "properties": map[string]any{"owner": "user:ann"}}}
		}
		batch := func() {
			t.Helper()
			k.Want(k.Post("/access/v1/evaluations", k.TokenFor("crm", secret), map[string]any{"evaluations": []any{ask("ann", "1"), ask("bob", "2")}}), 200)
		}
		batch()
		k.Advance(31 * 24 * time.Hour)
		batch()
		k.Login(aud)
		for _, c := range []struct {
			filters []string
			want    int
		}{
			{[]string{"subject", "user:ann"}, 2},
			{[]string{"subject", "user:bob"}, 2},
			{[]string{"object", "contact:1"}, 2},
			{[]string{"object", "contact:2", "subject", "user:bob"}, 2},
			{[]string{"object", "contact:2", "from", k.Now().AddDate(0, 0, -2).UTC().Format(time.RFC3339)}, 1},
			{[]string{"object", "contact:2", "until", k.Now().AddDate(0, 0, -2).UTC().Format(time.RFC3339)}, 1},
			{[]string{"outcome", "deny", "object", "contact"}, 2},
			{[]string{"outcome", "allow", "object", "contact"}, 2},
			{[]string{"object", "contact:3"}, 0},
			{[]string{"object", "deal:1"}, 0},
			{[]string{"subject", "user:aud"}, 0},
		} {
			a := readLog(k, aud, append(slices.Clone(c.filters), "activity", "authz_evaluate_batch")...)
			k.Want(a, 200)
			if got := results(a); len(got) != c.want {
				t.Errorf("%q: %d, want %d: %s", c.filters, len(got), c.want, a.Raw)
			}
		}
	})
}
