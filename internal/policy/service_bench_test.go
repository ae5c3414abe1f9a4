package policy

import (
	"context"
	"testing"

	"rolegate/internal/audit"
	"rolegate/model"
)

// BenchmarkEvaluate is a decision with its record, as the API asks for it, the
// record held in memory: what a request costs beyond HTTP.
func BenchmarkEvaluate(b *testing.B) {
	h := newHouse(b)
	ctx := context.Background()
	if err := h.Log.Start(ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Log.Close(ctx) })
	caller := h.tenant(b, "", "p, *, contact, read, own, , allow\n", company(), nil)
	r := Request{Question: ask("ann", "read", "contact", "17", props{"owner": "ann"})}
	b.ReportAllocs()
	for b.Loop() {
		if d, err := h.Evaluate(ctx, caller, r); model.CodeOf(err) != model.CodeAuditUnavailable && (err != nil || !d.Allow) {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkEvaluateBatch is 50 decisions with their one record.
func BenchmarkEvaluateBatch(b *testing.B) {
	h := newHouse(b)
	ctx := context.Background()
	if err := h.Log.Start(ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Log.Close(ctx) })
	caller := h.tenant(b, "", "p, *, contact, read, own, , allow\n", company(), nil)
	var rs []Request
	for range 50 {
		rs = append(rs, Request{Question: ask("ann", "read", "contact", "17", props{"owner": "ann"})})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.EvaluateBatch(ctx, caller, rs, ExecuteAll); err != nil && model.CodeOf(err) != model.CodeAuditUnavailable {
			b.Fatal(err)
		}
	}
}
