package audit_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
)

// BenchmarkReplicas is how long decisions wait for their record that come at a rate,
// shared by one, two or three processes on one durable PostgreSQL, with the linger
// there is and without. Run it with -benchtime=5000x or so.
func BenchmarkReplicas(b *testing.B) {
	server := pgtest.Start(b)
	for _, rate := range []int{1000, 2000} {
		for _, replicas := range []int{1, 2, 3} {
			for _, linger := range []time.Duration{0, 2 * time.Millisecond} {
				b.Run(fmt.Sprintf("%d/s/%d/linger=%v", rate, replicas, linger), func(b *testing.B) {
					url, err := server.Database(fmt.Sprintf("bench_%d_%d_%d_%d", rate, replicas, linger, b.N))
					if err != nil {
						b.Fatal(err)
					}
					logs := replicasOn(b, url, replicas)
					for _, l := range logs {
						audit.SetLinger(l, linger)
					}
					took := make([]time.Duration, b.N)
					var all sync.WaitGroup
					b.ResetTimer()
					began := time.Now()
					for i := range took {
						due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
						time.Sleep(time.Until(due))
						all.Go(func() {
							if err := logs[i%replicas].AppendDecision(context.Background(), about(int64(i))); err != nil {
								b.Error(err)
							}
							took[i] = time.Since(due)
						})
					}
					all.Wait()
					slices.Sort(took)
					b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
					b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
				})
			}
		}
	}
}

// replicasOn are logs of their own on one database and one keystore.
func replicasOn(b *testing.B, url string, n int) (logs []*audit.Log) {
	b.Helper()
	st, err := sqlstore.OpenPostgres(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	f := newFixture(b, st)
	warm(b, f)
	logs = append(logs, f.log)
	for len(logs) < n {
		st, err := sqlstore.OpenPostgres(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { st.Close() })
		l, err := audit.Open(b.Context(), st, f.keys, f.kek, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close(context.Background()) })
		for i := range int64(1000) {
			if i%100 == 0 {
				if err := l.Append(b.Context(), about(i)); err != nil {
					b.Fatal(err)
				}
			}
		}
		logs = append(logs, l)
	}
	return logs
}
