package policy

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// `make bench` runs these benchmarks and holds what they report against the
// bars of docs/benchmarks.md; with BENCH=quick they run on tiny workloads, only
// to see that they still run.

var isQuick = os.Getenv("BENCH") == "quick"

func sized(s workload.Shape) workload.Shape {
	if isQuick {
		s = s.Tiny()
	}
	if _, err := Parse("p, role:a, deal, read, all, record.x == 1, allow"); err == nil {
		s = s.Conditioned()
	}
	return s
}

// scoped is crm without fields: what scopes and conditions cost alone.
var scoped = func() workload.Shape {
	s := workload.CRM
	s.Name, s.Fields, s.FieldRules = "scoped", 0, 0
	return s
}()

// firm is a tenant ready to be asked.
type firm struct {
	doc       *Document
	dir       model.Directory
	snap      *Snapshot
	questions []model.Question
}

// decide is the one place where benchmarks decide.
func (f *firm) decide(q *model.Question) model.Decision {
	return f.snap.Decide(q, &atNoon)
}

var atNoon = Inputs{Now: noon}

// asks chooses what a firm is asked.
type asks func(t *workload.Tenant, seed uint64) iter.Seq[model.Question]

// firmsOf builds the tenants of a workload, with some thousand questions in all.
func firmsOf(b *testing.B, shape workload.Shape, ask asks) []*firm {
	b.Helper()
	shape = sized(shape)
	firms := make([]*firm, shape.Tenants)
	for i := range firms {
		t := shape.Tenant(i)
		firms[i] = &firm{dir: t.Directory}
		firms[i].doc, firms[i].snap = built(b, t)
		for q := range ask(t, 1) {
			if firms[i].questions = append(firms[i].questions, q); len(firms[i].questions) >= max(64, 4096/shape.Tenants) {
				break
			}
		}
	}
	runtime.GC()
	return firms
}

func built(b *testing.B, t *workload.Tenant) (*Document, *Snapshot) {
	b.Helper()
	doc, err := Parse(t.Policy)
	if err != nil {
		b.Fatal(err, err.(*model.Error).Details[:1])
	}
	snap, err := NewSnapshot(model.Tenant{ID: t.ID}, doc, mustCatalog(b, t.Catalog), t.Directory)
	if err != nil {
		b.Fatal(err)
	}
	return doc, snap
}

// pick is the i-th firm and question when all firms take turns.
func (firms turns) pick(i int) (*firm, *model.Question) {
	f := firms[i%len(firms)]
	return f, &f.questions[i/len(firms)%len(f.questions)]
}

type turns []*firm

// block is how many decisions are timed at once: fewer, and the clock itself
// would be most of what is measured.
const block = 64

// measure times decide over the firms' questions and reports the median of
// blocks beside the mean, since on a shared machine the mean is the neighbours'.
func measure(b *testing.B, firms turns) {
	b.Helper()
	b.ReportAllocs()
	blocks := make([]float64, 0, 1<<16)
	allowed, n, began := 0, 0, time.Now()
	for b.Loop() {
		f, q := firms.pick(n)
		if f.decide(q).Allow {
			allowed++
		}
		if n++; n%block == 0 {
			t := time.Now()
			if len(blocks) < cap(blocks) {
				blocks = append(blocks, float64(t.Sub(began))/block)
			}
			began = t
		}
	}
	if len(blocks) == 0 {
		blocks = append(blocks, float64(b.Elapsed())/float64(n))
	}
	b.ReportMetric(median(blocks), "median-ns")
	b.ReportMetric(100*float64(allowed)/float64(n), "%allowed")
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// BenchmarkDecide is one decision about a record.
func BenchmarkDecide(b *testing.B) {
	for _, shape := range append(slices.Clone(workload.All), scoped) {
		b.Run(shape.Name, func(b *testing.B) { measure(b, firmsOf(b, shape, (*workload.Tenant).Questions)) })
	}
}

// BenchmarkAnyRecord is a decision about any record, as a list asks first.
func BenchmarkAnyRecord(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Medium, workload.Large, scoped} {
		b.Run(shape.Name, func(b *testing.B) { measure(b, firmsOf(b, shape, (*workload.Tenant).Lists)) })
	}
}

// BenchmarkField is an allowed decision whose answer says of every field of the
// object, or of four that were named, whether it is hidden, masked or read-only.
func BenchmarkField(b *testing.B) {
	for _, c := range []struct {
		name  string
		named int
	}{{"every", 0}, {"four", 4}} {
		b.Run(c.name, func(b *testing.B) {
			firms := firmsOf(b, workload.CRM, (*workload.Tenant).Questions)
			firms[0].questions = slices.DeleteFunc(firms[0].questions[:512], func(q model.Question) bool {
				named, _ := q.Action.Properties["fields"].([]any)
				if len(named) != c.named {
					return true
				}
				return !firms[0].decide(&q).Allow
			})
			measure(b, firms)
		})
	}
}

// BenchmarkSnapshot is from text to a snapshot that answers.
func BenchmarkSnapshot(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Small, workload.Medium, workload.CRM, workload.Giant} {
		b.Run(shape.Name, func(b *testing.B) {
			t := sized(shape).Tenant(0)
			b.ReportAllocs()
			for b.Loop() {
				built(b, t)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(t.Rows+t.Links), "ns/row")
		})
	}
}

// BenchmarkMemory is what the snapshots of large keep in the heap, a row, and
// what Casbin's enforcer of one of its tenants does.
func BenchmarkMemory(b *testing.B) {
	shape := sized(workload.Large)
	for b.Loop() {
		rows := 0
		kept := heapOf(func() any {
			snaps := make([]*Snapshot, shape.Tenants)
			for i := range snaps {
				t := shape.Tenant(i)
				_, snaps[i] = built(b, t)
				rows += t.Rows + t.Links
			}
			return snaps
		})
		b.ReportMetric(float64(kept)/float64(rows), "B/row")
		one := turns(firmsOf(b, workload.Medium, (*workload.Tenant).Questions))
		b.ReportMetric(float64(heapOf(func() any { return eachTenant(b, one) }))/float64(rows/shape.Tenants), "casbin-B/row")
		runtime.KeepAlive(one)
	}
}

// heap is what is reachable, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkNeighbour compares decisions on medium alone with decisions on it
// while giant is a tenant of the same process.
func BenchmarkNeighbour(b *testing.B) {
	firms := turns(firmsOf(b, workload.Medium, (*workload.Tenant).Questions))
	span, asked := time.Second, 0
	if isQuick {
		span = time.Millisecond
	}
	for b.Loop() {
		alone := timeDecisions(firms, &asked, span)
		giant := firmsOf(b, workload.Giant, (*workload.Tenant).Questions)
		beside := timeDecisions(firms, &asked, span)
		runtime.KeepAlive(giant)
		b.ReportMetric(alone, "alone-ns")
		b.ReportMetric(beside, "beside-ns")
	}
}

// timeDecisions is the median time of a decision over the span. asked counts the
// questions, so that the next turn asks the next ones.
func timeDecisions(firms turns, asked *int, span time.Duration) float64 {
	var blocks []float64
	for began := time.Now(); time.Since(began) < span || len(blocks) < 3; {
		start := time.Now()
		for range block {
			f, q := firms.pick(*asked)
			f.decide(q)
			*asked++
		}
		blocks = append(blocks, float64(time.Since(start))/block)
	}
	return median(blocks)
}

// stored has tenants of a workload in a SQLite file.
func stored(b *testing.B, shape workload.Shape, tenants ...int) store.Store {
	b.Helper()
	st, err := sqlstore.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "rolegate.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	for _, i := range tenants {
		if err := workload.Write(b.Context(), st, shape.Tenant(i), noon); err != nil {
			b.Fatal(err)
		}
	}
	return st
}

// BenchmarkLoad reads every tenant of large from SQLite and compiles it. It also
// reports what a tenant costs the heap that is in the store and nobody asks
// about: the difference to a store without any.
func BenchmarkLoad(b *testing.B) {
	shape := sized(workload.Large)
	var ids []string
	var numbers []int
	for i := range shape.Tenants {
		ids, numbers = append(ids, shape.Tenant(i).ID), append(numbers, i)
	}
	all, one := stored(b, shape, numbers...), stored(b, shape, 0)
	use := func(st store.Store, ids ...string) *Snapshots {
		c := &Snapshots{Store: st, Now: func() time.Time { return noon }}
		for _, id := range ids {
			if _, err := c.Current(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
		return c
	}
	for b.Loop() {
		began := time.Now()
		use(all, ids...)
		b.ReportMetric(time.Since(began).Seconds(), "s")
		few := heapOf(func() any { return use(one, ids[0]) })
		many := heapOf(func() any { return use(all, ids[0]) })
		b.ReportMetric(float64(many-few)/float64(len(ids)-1), "B/idle-tenant")
	}
}

// heapOf is what build keeps in the heap.
func heapOf(build func() any) int64 {
	before := heap()
	v := build()
	after := heap()
	runtime.KeepAlive(v)
	return after - before
}

// BenchmarkChange publishes one more row of medium, as the service does, and asks
// from the moment it is committed until the answer is the new one. Others ask all
// the time: about the tenant, and about another.
func BenchmarkChange(b *testing.B) {
	h, shape := newHouse(b), sized(workload.Large) // tenants as medium
	w, beside := shape.Tenant(0), shape.Tenant(1)
	for _, t := range []*workload.Tenant{w, beside} {
		if err := workload.Write(b.Context(), h.Store, t, noon); err != nil {
			b.Fatal(err)
		}
	}
	ask := func(ctx context.Context, tenant string, q model.Question) bool {
		view, err := h.Snapshots.Latest(ctx, tenant)
		if err != nil && ctx.Err() == nil {
			b.Error(err)
		}
		return err == nil && view.Decide(&q, &atNoon).Allow
	}
	ask(b.Context(), w.ID, model.Question{})
	ask(b.Context(), beside.ID, model.Question{})
	var visible []float64
	for _, reader := range []struct{ name, tenant string }{{"reader", w.ID}, {"beside", beside.ID}} {
		waits := reading(b, func(ctx context.Context) { ask(ctx, reader.tenant, model.Question{}) })
		for range 50 {
			object := fmt.Sprintf("new-%s-%d", reader.name, len(visible))
			_, err := h.Import(b.Context(), model.Caller{Kind: model.CallerClient, ID: "bench", Tenant: w.ID}, w.ID, w.Policy+"p, user:u000000, "+object+", read, all, , allow\n", "", noRules)
			if err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			for !ask(b.Context(), w.ID, model.Question{Subject: model.Entity{Type: "user", ID: "u000000"},
				Action: model.Action{Name: "read"}, Resource: model.Entity{Type: object, ID: "1"}}) {
			}
			visible = append(visible, float64(time.Since(began))/1e6)
		}
		typical, longest := waits()
		b.ReportMetric(typical, reader.name+"-median-ms")
		b.ReportMetric(longest, reader.name+"-max-ms")
	}
	b.ReportMetric(median(visible), "visible-ms")
}

// reading calls ask without pause until stop, which gives how long one took, in
// ms: the median of every hundredth, and the longest of all.
func reading(b *testing.B, ask func(context.Context)) (stop func() (typical, longest float64)) {
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	var waits []float64
	var longest float64
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			began := time.Now()
			ask(ctx)
			took := float64(time.Since(began)) / 1e6
			longest = max(longest, took)
			if n%100 == 0 {
				waits = append(waits, took)
			}
		}
	})
	return func() (float64, float64) {
		cancel()
		wg.Wait()
		return median(waits), longest
	}
}
