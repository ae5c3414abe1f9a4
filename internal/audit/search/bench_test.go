package search_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// BenchmarkSearch looks in a log of ROLEGATE_BENCH_ENTRIES entries (100,000) of two
// tenants, ten a second, in which a thing happens once in a hundred thousand.
//
//	ROLEGATE_BENCH_ENTRIES=1000000 go test ./internal/audit/search -run '^$' -bench . -benchtime 20x
func BenchmarkSearch(b *testing.B) {
	n := 100_000
	if s := os.Getenv("ROLEGATE_BENCH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("sqlite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "rolegate.db")
		st, err := sqlstore.OpenSQLite(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close()
		benchmark(b, st, n, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	})
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.URL(b)
		st, err := sqlstore.OpenPostgres(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close()
		benchmark(b, st, n, "pgx", url)
	})
}

func benchmark(b *testing.B, st store.Store, n int, driver, source string) {
	f := newFixture(b, st)
	f.driver, f.source = driver, source
	batch := make([]written, 0, 1000)
	for i := range n {
		tenant, op, activity := acme, "read", audit.Evaluated
		if i%10 == 9 {
			tenant = beta
		}
		if i%1000 == 500 {
			op = "delete"
		}
		if i%100_000 == 50_000 {
			activity = audit.PolicyImported
		}
		w := written{leaf: audit.Leaf{Version: 1, Time: begin.UnixMicro() + int64(i)*100_000, Tenant: tenant, Class: audit.ClassDecision, Activity: activity, Outcome: audit.OutcomeAllow,
			Code: model.ReasonAllowed, Roles: []string{"role:sales-rep"}, Object: "contact", Op: op, Rule: fmt.Sprint("p:", i%50), PolicyHash: make([]byte, 32), Revision: int64(1 + i/50_000),
			Service: "crm", Request: fmt.Sprintf("%032x", i), Level: 2, Age: 40, Actor: "client", Source: make([]byte, 8), Seq: int64(i + 1)}}
		if i%200 == 0 {
			w.persons = []string{"user:ann"}
		}
		if i%5000 == 0 {
			w.records = []string{"contact:1"}
		}
		if batch = append(batch, w); len(batch) == cap(batch) {
			f.write(batch...)
			batch, f.wrote = batch[:0], nil
		}
	}
	f.write(batch...)
	moment := func(i int) time.Time { return begin.Add(time.Duration(i) * 100 * time.Millisecond) }
	whole := func(b *testing.B, q search.Filter) {
		b.ResetTimer()
		pages, found := 0, 0
		for b.Loop() {
			pages, found = 0, 0
			for after := (*search.Cursor)(nil); ; pages++ {
				p, err := f.search.Find(f.ctx, q, search.Newest, 200, after)
				if err != nil {
					b.Fatal(err)
				}
				found += len(p.Entries)
				if after = p.Next; after == nil || found >= 200 {
					break
				}
			}
		}
		b.ReportMetric(float64(pages+1), "pages")
		b.ReportMetric(float64(found), "found")
	}
	queries := []struct {
		name string
		q    search.Filter
	}{
		{"newest", search.Filter{}},
		{"an action, 1 in 1000", search.Filter{Op: "delete"}},
		{"an activity, 1 in 100000", search.Filter{Activity: audit.PolicyImported}},
		{"nothing", search.Filter{Activity: "never"}},
		{"a trace id", search.Filter{Request: fmt.Sprintf("%032x", 1234)}},
		{"an hour", search.Filter{From: moment(n / 3), Until: moment(n/3 + 36_000)}},
		{"a person, 1 in 200", search.Filter{Subject: "user:ann"}},
		{"a person in an hour", search.Filter{Subject: "user:ann", From: moment(n / 3), Until: moment(n/3 + 36_000)}},
		{"a record, 1 in 5000", search.Filter{Object: "contact:1"}},
		{"a person, 6 times at the start", search.Filter{Subject: "user:bob"}},
	}
	began := time.Now()
	for more := true; more; {
		var err error
		if more, err = f.search.Summarize(f.ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("summaries of %d entries in %v", n, time.Since(began))
	for _, c := range queries {
		c.q.Tenant = acme
		b.Run(c.name, func(b *testing.B) { whole(b, c.q) })
	}
	b.Run("counted, in 30 spans", func(b *testing.B) {
		var moments []time.Time
		for i := range 31 {
			moments = append(moments, moment(n*i/30))
		}
		for b.Loop() {
			c, err := f.search.Sum(f.ctx, acme, moments)
			if err != nil || !c.Before.IsZero() || c.Spans[7].Allowed == 0 {
				b.Fatal(c, err)
			}
		}
	})
	f.exec(`DELETE FROM audit_summaries`)
	b.Run("a trace id, without summaries", func(b *testing.B) {
		whole(b, search.Filter{Tenant: acme, Request: fmt.Sprintf("%032x", 1234)})
	})
}

// BenchmarkSample opens 10,000 evaluations of a log of ROLEGATE_BENCH_ENTRIES (100,000).
func BenchmarkSample(b *testing.B) {
	n := 100_000
	if s := os.Getenv("ROLEGATE_BENCH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	run := func(b *testing.B, st store.Store) {
		f := newFixture(b, st)
		f.now = begin
		batch := make([]audit.Entry, 0, 1000)
		for i := range n {
			tenant := "acme"
			if i%10 == 9 {
				tenant = "beta"
			}
			e := evaluated(tenant, fmt.Sprint("user:", i%500), audit.Evaluated)
			e.Personal["subject"], e.Personal["action"] = e.Person, "read"
			if batch = append(batch, e); len(batch) == cap(batch) {
				f.must(f.log.Append(f.ctx, batch...))
				batch, f.now = batch[:0], f.now.Add(time.Second)
			}
		}
		f.summarize()
		r := search.Reader{Tenant: "acme", Ref: acme, Opens: true}
		w := search.Wanted{From: begin, Until: begin.Add(30 * 24 * time.Hour), Requests: 10_000}
		given, of := 0, 0
		b.ReportAllocs()
		for b.Loop() {
			given = 0
			out, err := f.search.Sample(f.ctx, r, w, func(*search.Entry, []map[string]any) int { given++; return 1 })
			if err != nil {
				b.Fatal(err)
			}
			of = out.Of
		}
		b.ReportMetric(float64(given), "opened")
		b.ReportMetric(float64(of), "of")
	}
	b.Run("sqlite", func(b *testing.B) {
		st, err := sqlstore.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "rolegate.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close()
		run(b, st)
	})
	b.Run("postgres", func(b *testing.B) {
		st, err := sqlstore.OpenPostgres(b.Context(), pgtest.URL(b))
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close()
		run(b, st)
	})
}
