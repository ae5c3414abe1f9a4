package policy

import (
	"testing"

	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// BenchmarkExplain is what an explanation costs beyond its record: of answers as
// they come, and of denials alone, where near misses are looked for and each role
// of the document is tried.
func BenchmarkExplain(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Medium, workload.CRM, workload.Giant} {
		for _, only := range []string{"answers", "denials"} {
			b.Run(shape.Name+"/"+only, func(b *testing.B) {
				firms := turns(firmsOf(b, shape, (*workload.Tenant).Questions))
				f := firms[0]
				var qs []model.Question
				for _, q := range f.questions {
					if only == "answers" || !f.decide(&q).Allow {
						qs = append(qs, q)
					}
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q := &qs[i%len(qs)]
					d := f.decide(q)
					f.snap.Explain(q, &atNoon, &d, "")
				}
			})
		}
	}
}

// BenchmarkPermissions is the matrix of one person, its record left out.
func BenchmarkPermissions(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Medium, workload.CRM, workload.Giant} {
		b.Run(shape.Name, func(b *testing.B) {
			f := firmsOf(b, shape, (*workload.Tenant).Questions)[0]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := f.snap.Permissions(f.questions[i%len(f.questions)].Subject, "", &atNoon, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
