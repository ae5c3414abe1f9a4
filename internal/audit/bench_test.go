package audit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
)

// benches runs a benchmark on both databases with a number of callers at once.
func benches(b *testing.B, clients []int, run func(b *testing.B, f *fixture, clients int)) {
	for _, db := range []string{"sqlite", "postgres"} {
		for _, clients := range clients {
			b.Run(fmt.Sprint(db, "/", clients), func(b *testing.B) {
				st, err := store.Store(nil), error(nil)
				if db == "sqlite" {
					st, err = sqlstore.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "rolegate.db"))
				} else {
					st, err = sqlstore.OpenPostgres(b.Context(), pgtest.URL(b))
				}
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { st.Close() })
				run(b, newFixture(b, st), clients)
			})
		}
	}
}

// together lets clients goroutines do the same, b.N times in all.
func together(b *testing.B, clients int, do func(i int64) error) {
	b.Helper()
	b.ReportAllocs()
	var n atomic.Int64
	b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	if clients == 1 {
		for range b.N {
			if err := do(n.Add(1)); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := do(n.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// about is a decision on one of a thousand people, and on a customer's record.
func about(i int64) audit.Entry {
	e := entry
	e.Person = fmt.Sprint("user:person-", i%1000)
	e.PolicyHash = make([]byte, 32)
	e.Personal = map[string]any{"subject": e.Person, "action": "read"}
	e.Others = []audit.Part{{Person: fmt.Sprint("contact:", i%977), Personal: map[string]any{"resource": "contact:4711", "person": "contact:4711"}}}
	return e
}

// warm makes the keys of everybody the benchmark is about.
func warm(b *testing.B, f *fixture) {
	b.Helper()
	var all []audit.Entry
	for i := range int64(1000) {
		all = append(all, about(i))
	}
	if err := f.log.Append(f.ctx, all...); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend is a decision recorded durably. Hold it against BenchmarkBareAppend
// of the same run.
func BenchmarkAppend(b *testing.B) {
	benches(b, []int{1, 64, 256}, func(b *testing.B, f *fixture, clients int) {
		warm(b, f)
		reg := prometheus.NewRegistry()
		f.log.Register(reg)
		before := metric(b, reg, "rolegate_audit_batches_total", "")
		together(b, clients, func(i int64) error { return f.log.AppendDecision(f.ctx, about(i)) })
		b.ReportMetric(float64(b.N)/(metric(b, reg, "rolegate_audit_batches_total", "")-before), "records/commit")
	})
}

// BenchmarkBareAppend commits rows of the same size in groups, within the same
// time, and does nothing else: no keys, no encoding, no number, no revision.
func BenchmarkBareAppend(b *testing.B) {
	benches(b, []int{1, 64, 256}, func(b *testing.B, f *fixture, clients int) {
		warm(b, f)
		rows, err := f.store.EntriesFrom(f.ctx, 0, 1)
		if err != nil {
			b.Fatal(err)
		}
		size := rows[0]
		type waiting struct {
			row  store.Entry
			done chan error
		}
		queue := make(chan waiting, 8192)
		defer close(queue)
		go func() {
			for w := range queue {
				batch := []waiting{w}
				for more := true; more && len(batch) < 1024; {
					select {
					case w, more = <-queue:
						if more {
							batch = append(batch, w)
						}
					default:
						more = false
					}
				}
				rows := make([]store.Entry, len(batch))
				for i, w := range batch {
					rows[i] = w.row
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				_, err := f.store.AppendEntries(ctx, rows)
				cancel()
				for _, w := range batch {
					w.done <- err
				}
			}
		}()
		refs := make([][]byte, 1977)
		for i := range refs {
			refs[i] = make([]byte, 16)
			rand.Read(refs[i])
		}
		together(b, clients, func(i int64) error {
			row := store.Entry{Leaf: size.Leaf, Sealed: make([]store.Segment, len(size.Sealed))}
			copy(row.Sealed, size.Sealed)
			row.Sealed[0].Ref, row.Sealed[1].Ref = refs[i%1000], refs[1000+i%977]
			w := waiting{row, make(chan error, 1)}
			queue <- w
			return <-w.done
		})
	})
}

// BenchmarkBuffered is what the buffer sustains: decisions by 64 callers, who try
// again when it is full, until all are written. Hold it against BenchmarkBareBulk.
func BenchmarkBuffered(b *testing.B) {
	benches(b, []int{64}, func(b *testing.B, f *fixture, clients int) {
		warm(b, f)
		if err := f.log.Start(f.ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
			b.Fatal(err)
		}
		together(b, clients, func(i int64) error {
			for {
				err := f.log.AppendDecision(f.ctx, about(i))
				if err == nil {
					return nil
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		if err := f.log.Close(f.ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// BenchmarkBareBulk commits rows of the same size, a thousand at a time.
func BenchmarkBareBulk(b *testing.B) {
	benches(b, []int{1}, func(b *testing.B, f *fixture, _ int) {
		warm(b, f)
		rows, err := f.store.EntriesFrom(f.ctx, 0, 1000)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += len(rows) {
			rows = rows[:min(len(rows), b.N-n)]
			if _, err := f.store.AppendEntries(f.ctx, rows); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// BenchmarkRecord is what is done for a record beside storing it.
func BenchmarkRecord(b *testing.B) {
	f := newFixture(b, mustSQLite(b))
	warm(b, f)
	b.ReportAllocs()
	var i int64
	for b.Loop() {
		i++
		if err := audit.MakeRecord(f.ctx, f.log, about(i)); err != nil {
			b.Fatal(err)
		}
	}
}
