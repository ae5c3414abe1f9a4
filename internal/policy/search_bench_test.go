package policy

import (
	"fmt"
	"testing"
)

// BenchmarkSearch is one page, its record included: of records that all may be
// read, and of records and subjects of which one in a thousand is found.
func BenchmarkSearch(b *testing.B) {
	const n = 1000
	h, caller := library(b, n)
	lend, lenders := books("u0500"), readers("b0500")
	lend.Question.Action.Name, lenders.Question.Action.Name = "lend", "lend"
	for _, c := range []struct {
		name string
		sr   SearchRequest
		want int
	}{{"resources/all", books("u0500"), n}, {"resources/one", lend, 1}, {"subjects/all", readers("b0500"), n}, {"subjects/one", lenders, 1}} {
		b.Run(fmt.Sprintf("%s of %d", c.name, n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f, err := h.Search(b.Context(), caller, c.sr)
				if err != nil || len(f.Results) != c.want {
					b.Fatal(len(f.Results), err)
				}
			}
		})
	}
}
