package policies_test

import (
	"slices"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// large is a policy of 60 roles and 60 objects, in force, and somebody who edits it.
func large(t testing.TB, s workload.Shape) (*testkit.Kit, *testkit.Visitor, string) {
	k := testkit.New(t)
	firm := s.Tenant(0)
	catalog := firm.Catalog + "  rolegate.policy:\n    actions: {read: {}, import: {requires: [read]}}\n"
	if _, err := app.SetTenant.Run(t.Context(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Catalog: &catalog}); err != nil {
		t.Fatal(err)
	}
	publish(t, k, firm.Policy+editors)
	v := k.VisitorAs(t, k.MustEnrol("eve", "editor"))
	return k, v, newDraft(t, v)
}

// views are pages as people meet them in a large policy.
var views = map[string]string{
	"grid":   "/matrix",
	"right":  "/matrix?right=object020",
	"role":   "/matrix?role=r0000",
	"object": "/matrix?object=object007",
	"action": "/matrix?action=read",
	"cell":   "/cell?role=role:r0000&object=object007&action=read",
	"fields": "/fields?object=object007",
	"limits": "/limits",
	"roles":  "/roles",
	"lines":  "/lines?at=9000",
}

// BenchmarkPages is the time of a page over HTTP, session, right, and log included.
func BenchmarkPages(b *testing.B) {
	for _, s := range []workload.Shape{workload.Medium, workload.CRM.Conditioned()} {
		_, v, draft := large(b, s)
		for name, path := range views {
			b.Run(s.Name+"/"+name, func(b *testing.B) {
				var took []time.Duration
				size := 0
				for b.Loop() {
					at := time.Now()
					size = len(v.Get(draft+path).Want(b, 200, "").Body)
					took = append(took, time.Since(at))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
				b.ReportMetric(float64(size), "page-bytes")
			})
		}
	}
}
