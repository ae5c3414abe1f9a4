package policy

import (
	"fmt"
	"testing"

	"rolegate/api/filter"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// BenchmarkFilter is the filter of a list, and what share of them is more than
// never or always.
func BenchmarkFilter(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Medium, workload.CRM, scoped} {
		b.Run(shape.Name, func(b *testing.B) {
			firms := turns(firmsOf(b, shape, (*workload.Tenant).Lists))
			b.ReportAllocs()
			conditional, n := 0, 0
			for b.Loop() {
				f, q := firms.pick(n)
				l, err := f.snap.Filter(q, &atNoon, model.DefaultLimits().FilterIDs)
				if err != nil {
					b.Fatal(err)
				}
				if l.Filter.Kind == filter.Conditional {
					conditional++
				}
				n++
			}
			b.ReportMetric(100*float64(conditional)/float64(n), "%conditional")
		})
	}
}

// BenchmarkFilterOfATree is the filter of somebody to whom everybody reports: one
// list of as many ids as a filter holds.
func BenchmarkFilterOfATree(b *testing.B) {
	n := model.DefaultLimits().FilterIDs - 1
	if isQuick {
		n = 100
	}
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	for i := range n {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: fmt.Sprint("u", i), Manager: "ann"})
	}
	s := mustSnapshot(b, "p, *, deal, read, subtree, , allow\n", nil, dir)
	q := ask("ann", "read", "deal", "", nil)
	b.ReportAllocs()
	for b.Loop() {
		if l, err := s.Filter(&q, &atNoon, n+1); err != nil || l.Filter.Kind != filter.Conditional {
			b.Fatal(err)
		}
	}
}
