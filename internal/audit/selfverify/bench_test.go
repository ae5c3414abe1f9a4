package selfverify_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/selfverify"
	"rolegate/internal/audit/verify"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// BenchmarkPass is one pass over a log of decisions about two people each, with its
// rests and without.
//
//	go test ./internal/audit/selfverify -run '^$' -bench Pass -benchtime 1x
func BenchmarkPass(b *testing.B) {
	const entries = 50_000
	bench := func(b *testing.B, f *fixture) {
		for n := 0; n < entries; n += 1000 {
			batch := make([]audit.Entry, 1000)
			for i := range batch {
				batch[i] = audit.Entry{Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow, Roles: []string{"sales-rep"},
					Object: "contact", Op: "read", Rule: "p:12", PolicyHash: make([]byte, 32), Service: "crm",
					Person: fmt.Sprint("user:", i), Personal: map[string]any{"resource": fmt.Sprint("contact:", i)},
					Others: []audit.Part{{Person: fmt.Sprint("contact:", i), Personal: map[string]any{"resource": fmt.Sprint("contact:", i)}}},
					Caller: model.Caller{Kind: model.CallerClient, ID: "crm"}}
			}
			if err := f.log.Append(b.Context(), batch...); err != nil {
				b.Fatal(err)
			}
		}
		b.Run("resting", func(b *testing.B) {
			v, _ := f.verifier(selfverify.Options{})
			for b.Loop() {
				if f.verify(v).Failed() {
					b.Fatal("it does not verify")
				}
			}
			b.ReportMetric(entries/(b.Elapsed().Seconds()/float64(b.N)), "entries/s")
		})
		b.Run("at once", func(b *testing.B) {
			for b.Loop() {
				began := time.Now()
				source, err := verify.Live(b.Context(), f.store)
				if err != nil {
					b.Fatal(err)
				}
				if r, err := verify.Run(b.Context(), source, verify.Options{}); err != nil || r.Status > verify.Unanchored {
					b.Fatal(r, err)
				}
				b.ReportMetric(entries/time.Since(began).Seconds(), "entries/s")
			}
		})
	}
	b.Run("sqlite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "rolegate.db")
		st, err := sqlstore.OpenSQLite(b.Context(), path)
		bench(b, newFixture(b, st, err, "sqlite", "file:"+path))
	})
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.URL(b)
		st, err := sqlstore.OpenPostgres(b.Context(), url)
		bench(b, newFixture(b, st, err, "pgx", url))
	})
}
