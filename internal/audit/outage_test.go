package audit_test

import (
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
)

// The database goes and comes back: nothing is answered without its record, no
// refusal takes long, and nobody has to start anything again.
func TestDatabaseGoesAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	st, err := sqlstore.OpenPostgres(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f := newFixture(t, st)
	acknowledged := 0
	appends := func() bool {
		if f.log.AppendDecision(f.ctx, entry) != nil {
			return false
		}
		acknowledged++
		return true
	}
	for _, mode := range []string{"durable", "buffered"} {
		if mode == "buffered" {
			if err := f.log.Start(f.ctx, audit.Options{Buffered: true}); err != nil {
				t.Fatal(err)
			}
		}
		if !appends() {
			t.Fatalf("%s: nothing works", mode)
		}
		server.Stop()
		eventually(t, mode+": decisions are refused", func() bool { return !appends() })
		began := time.Now()
		wantUnavailable(t, mode, f.log.AppendDecision(f.ctx, entry))
		if took := time.Since(began); took > 2*audit.Timeout {
			t.Errorf("%s: refused after %v", mode, took)
		}
		server.Start()
		eventually(t, mode+": decisions are recorded again", appends)
	}
	if err := f.log.Close(f.ctx); err != nil {
		t.Error(err)
	}
	// A commit whose outcome was lost with the connection may be there twice.
	if n := len(f.of(t, audit.Evaluated)); n < acknowledged || n > acknowledged+2 {
		t.Errorf("%d were acknowledged and %d are written", acknowledged, n)
	}
}
