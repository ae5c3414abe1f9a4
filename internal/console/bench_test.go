package console_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// BenchmarkLogPages opens pages over a log of ROLEGATE_BENCH_ENTRIES entries (20,000)
// of a month, of which a hundredth are denials and a thousandth deletions, by a
// thousand people of 50,000 records.
//
//	ROLEGATE_BENCH_ENTRIES=1000000 go test ./internal/console -run '^$' -bench LogPages -benchtime 10x -timeout 30m
func BenchmarkLogPages(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { logPages(b, testkit.New(b)) })
	b.Run("postgres", func(b *testing.B) { logPages(b, testkit.NewPostgres(b)) })
}

func logPages(b *testing.B, k *testkit.Kit) {
	n := 20_000
	if s := os.Getenv("ROLEGATE_BENCH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	began, batch := time.Now(), 25 // of new people, each of whom gets a key
	for i := 0; i < n; i += batch {
		if i >= 1000 {
			batch = 500
		}
		es := make([]audit.Entry, batch)
		for j := range es {
			i := i + j
			person, record := fmt.Sprint("user:u", i%1000), fmt.Sprint("contact:", i%50_000)
			es[j] = audit.Entry{Tenant: model.DefaultTenant, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow, Code: model.ReasonAllowed,
				Roles: []string{"role:sales-rep"}, Object: "contact", Op: "read", Rule: "p:" + strconv.Itoa(i%50), Revision: int64(1 + i/50_000), Service: "crm", Level: 2,
				Caller: model.Caller{Kind: model.CallerClient, ID: "crm", Tenant: model.DefaultTenant}, Person: person, Personal: map[string]any{"subject": person, "action": "read", "resource": record}}
			if i%100 == 50 {
				es[j].Outcome, es[j].Code, es[j].Rule = audit.OutcomeDeny, model.ReasonNotGranted, ""
			}
			if i%1000 == 500 {
				es[j].Op = "delete"
			}
		}
		if err := k.App.Log.Append(b.Context(), es...); err != nil {
			b.Fatal(err)
		}
		k.Advance(29 * 24 * time.Hour * time.Duration(batch) / time.Duration(n))
	}
	for more := true; more; {
		var err error
		if more, err = k.App.Search.Summarize(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d entries in %v", n, time.Since(began))
	k.MustEnrol("ann", "sales-rep")
	eve := officer(b, k, "eve", model.AuditAdmin)
	for _, path := range []string{
		"/console/log", "/console/log?subject=user:u7", "/console/log?object=contact:4711", "/console/log?outcome=deny", "/console/log?action=delete", "/console/log?rule=p:12&revision=3",
		"/console/log?activity=policy_publish", "/console/log?subject=user:u50&outcome=deny&from=" + k.Now().AddDate(0, 0, -8).Format("2006-01-02") + "&until=" + k.Now().AddDate(0, 0, -7).Format("2006-01-02"),
		"/console/log/" + strconv.Itoa(n/2), "/console/log/charts", "/console/log/charts?period=week", "/console/log/charts?period=month",
		"/console/why?subject=user:ann&action=read&object=contact&record=7", "/console/why/who?action=read&object=contact", "/console/why/permissions?subject=user:ann",
	} {
		k.Login(eve)
		v := k.VisitorAs(b, eve)
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				if v.Get(path); v.Page.Status != 200 || len(v.Page.All(".note")) > 0 {
					b.Fatal(v.Page.Status, v.Page.Text("main"))
				}
			}
			b.ReportMetric(float64(len(v.Page.All("tbody tr"))), "rows")
		})
	}
}
