package sink

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf"
	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// BenchmarkFile is how fast a sink catches up: decisions from SQLite to a file, an
// event a turn.
func BenchmarkFile(b *testing.B) {
	dir := b.TempDir()
	st, err := sqlstore.OpenSQLite(b.Context(), filepath.Join(dir, "rolegate.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	keys, err := sqlstore.OpenKeystoreSQLite(b.Context(), filepath.Join(dir, "keys.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer keys.Close()
	kek, err := keyring.CreateFile(filepath.Join(dir, "master.key"))
	if err != nil {
		b.Fatal(err)
	}
	log, err := audit.Open(b.Context(), st, keys, kek, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close(context.Background())
	const entries = 10_000
	ctx := reqctx.With(b.Context(), &reqctx.Request{TraceID: "0af7651916cd43dd8448eb211c80319c", Address: "192.0.2.7", UserAgent: "curl/8"})
	for n := 0; n < entries; n += 100 {
		batch := make([]audit.Entry, 100)
		for i := range batch {
			who := fmt.Sprint("user:", i)
			batch[i] = audit.Entry{Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow, Roles: []string{"role:rep"}, Object: "contact",
				Op: "read", Rule: "p:12", PolicyHash: make([]byte, 32), Revision: 7, Service: "crm", Caller: model.Caller{Kind: model.CallerClient, ID: "crm"}, Person: who,
				Personal: map[string]any{"subject": who, "action": "read", "resource": "contact:4711"}}
		}
		if err := log.Append(ctx, batch...); err != nil {
			b.Fatal(err)
		}
	}
	for name, render := range map[string]Render{"pseudonymous": Pseudonymous(ocsf.Maker{}, time.Now), "full": Full(ocsf.Maker{}, time.Now, log)} {
		b.Run(name, func(b *testing.B) {
			f, err := OpenFile(filepath.Join(b.TempDir(), "audit.jsonl"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			s := New(Options{Name: name, Store: st, Log: log, Target: f, Render: render, Alone: true,
				Left: func(context.Context) (bool, error) { return false, nil }, SetLeft: func(context.Context, bool) error { return nil }, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			l, from, _ := s.acquire(b.Context())
			done, bytes := 0, 0
			b.ResetTimer()
			for done < b.N {
				batch, err := s.next(b.Context(), from%entries, mostEvents)
				if err == nil {
					err = f.Deliver(b.Context(), batch.events)
				}
				if err == nil {
					err = l.move(b.Context(), batch.to)
				}
				if err != nil {
					b.Fatal(err)
				}
				from, done, bytes = batch.to, done+len(batch.events), bytes+batch.bytes
			}
			b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(bytes)/float64(done), "bytes/event")
		})
	}
}
