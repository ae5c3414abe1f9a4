package login_test

import (
	"database/sql"
	"net/http"
	"testing"

	"rolegate/internal/testkit"
)

// A login's second step and a step-up of the same person take the tenant's row,
// the device's and the counters in one order: neither waits for the other for ever,
// which PostgreSQL finds out after a second.
func TestNoDeadlockBetweenSteps(t *testing.T) {
	k := testkit.NewPostgres(t)
	alice := k.MustEnrol("alice")
	for range 8 {
		ticket, code := k.Ticket("alice"), k.NextCode(alice)
		var requests []*http.Request
		for range 4 {
			requests = append(requests, k.Request("/v1/step-up", alice.Access, map[string]any{"code": code}),
				k.Request("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}))
		}
		passed := 0
		for _, a := range k.Together(requests...) {
			if a.Status == 200 {
				passed++
			}
		}
		if passed != 1 {
			t.Errorf("one code passed %d times", passed)
		}
		k.Login(alice)
	}
	db, err := sql.Open("pgx", k.Config.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var deadlocks int
	if err := db.QueryRow(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks); err != nil {
		t.Fatal(err)
	}
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}
