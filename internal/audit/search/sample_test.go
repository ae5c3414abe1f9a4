package search_test

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/model"
)

// evaluated is a decision about a person.
func evaluated(tenant, person string, a audit.Activity) audit.Entry {
	return audit.Entry{Tenant: tenant, Class: audit.ClassDecision, Activity: a, Outcome: audit.OutcomeAllow, Object: "deal", Op: "read",
		Person: person, Personal: map[string]any{"resource": "deal:1"}}
}

// A sample has what a tenant decided between two moments: evaluations and no other
// decisions, opened, all of them where they are few, and spread where they are many.
func TestSample(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin
		var es []audit.Entry
		for i := range 3000 {
			switch {
			case i%5 == 1:
				es = append(es, evaluated("beta", "user:ann", audit.Evaluated))
			case i%5 == 2:
				es = append(es, evaluated("acme", "user:bob", audit.Filtered))
			default:
				es = append(es, evaluated("acme", "user:ann", audit.Evaluated))
			}
		}
		f.must(f.log.Append(f.ctx, es...))
		f.now = begin.Add(time.Hour)
		f.must(f.log.Append(f.ctx, evaluated("acme", "user:ann", audit.EvaluatedBatch)))
		size, err := f.store.LogSize(f.ctx)
		f.must(err)
		first := size - 3001
		r := search.Reader{Tenant: "acme", Ref: acme, Caller: model.Caller{Kind: model.CallerUser, ID: "eve", Tenant: "acme"}, Opens: true}
		sample := func(w search.Wanted) (found []int64, out search.Sampled) {
			t.Helper()
			met := map[int64]bool{}
			out, err := f.search.Sample(f.ctx, r, w, func(e *search.Entry, opened []map[string]any) int {
				if string(e.Leaf.Tenant) != string(acme) || e.Leaf.Activity != audit.Evaluated || len(opened) != 1 || opened[0]["person"] != "user:ann" || opened[0]["resource"] != "deal:1" {
					t.Fatalf("given %+v, %v", e.Leaf, opened)
				}
				if met[e.Index] {
					t.Fatalf("given %d twice", e.Index)
				}
				met[e.Index] = true
				found = append(found, e.Index)
				return 1
			})
			f.must(err)
			return found, out
		}
		hour := search.Wanted{From: begin, Until: begin.Add(time.Minute), Requests: 10_000}
		for _, summarized := range []bool{false, true} {
			if summarized {
				f.summarize()
			}
			hour.Requests = 10_000
			if found, out := sample(hour); len(found) != 1800 || out != (search.Sampled{Of: 1800}) {
				t.Errorf("of few: %d, %+v", len(found), out)
			}
			hour.Requests = 1800
			if found, _ := sample(hour); len(found) != 1800 {
				t.Errorf("of as many as are wanted: %d", len(found))
			}
			hour.Requests = 300
			found, out := sample(hour)
			var tenths [10]int
			for _, i := range found {
				tenths[(i-first)*10/3001]++
			}
			if len(found) != 300 || out.Of != 1800 {
				t.Errorf("of many: %d, %+v", len(found), out)
			}
			for i, n := range tenths {
				if n < 15 || n > 60 {
					t.Errorf("tenth %d of the log has %d of 300: %v", i, n, tenths)
				}
			}
		}
		// It ends with its time, spread all the same.
		hour.For = time.Nanosecond
		if found, out := sample(hour); !out.Early || len(found) >= 300 {
			t.Errorf("in no time: %d, %+v", len(found), out)
		}
		hour.For = 0
		// And with what it may read.
		f.search.Budget = 1
		if found, out := sample(hour); !out.Early || len(found) >= 300 {
			t.Errorf("reading nothing: %d, %+v", len(found), out)
		}
		f.search.Budget = 0
		if found, out := sample(search.Wanted{From: begin.Add(2 * time.Hour), Until: begin.Add(3 * time.Hour), Requests: 10}); len(found) > 0 || out != (search.Sampled{}) {
			t.Errorf("of nothing: %v, %+v", found, out)
		}
	})
}

// What was destroyed is nil, and what takes more than one request of an entry counts so.
func TestSampleOfBatchesAndOfWhatIsGone(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin
		for i := range 20 {
			e := evaluated("acme", "user:ann", audit.EvaluatedBatch)
			e.Outcome, e.Items = audit.OutcomeOK, make([]audit.Item, 10)
			for n := range e.Items {
				e.Items[n].Outcome = audit.OutcomeAllow
			}
			if i%2 == 0 {
				e.Others = []audit.Part{{Person: "contact:1", Personal: map[string]any{"n": i}}}
			}
			f.must(f.log.Append(f.ctx, e))
		}
		f.execKeys(`DELETE FROM person_keys WHERE ref = ?`, f.refs[string(acme)+"contact:1"])
		r := search.Reader{Tenant: "acme", Ref: acme}
		entries, gone := 0, 0
		out, err := f.search.Sample(f.ctx, r, search.Wanted{From: begin, Until: begin.Add(time.Hour), Requests: 50}, func(e *search.Entry, opened []map[string]any) int {
			entries++
			for i, part := range opened {
				if part == nil {
					gone++
				} else if i == 1 {
					t.Errorf("opened %v", part)
				}
			}
			return len(e.Leaf.Items)
		})
		if err != nil || entries != 5 || out.Of != 200 || gone == 0 {
			t.Errorf("%d entries, %d gone, %+v, %v", entries, gone, out, err)
		}
	})
}

// What a reader is told of a sample is an entry, for those who are named, too; names that
// the log does not know get no key by it.
func TestTold(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin.Add(48 * time.Hour)
		eve := model.Caller{Kind: model.CallerUser, ID: "eve", Tenant: "acme", Grounds: &model.Grounds{Object: "rolegate.audit", Action: "read", Rule: "p:3"}}
		r := search.Reader{Tenant: "acme", Ref: acme, Caller: eve, Opens: true}
		w := search.Wanted{From: begin, Until: f.now}
		f.must(f.search.Told(f.ctx, r, w, 12, map[string]any{"draft": "d1"}, []string{"user:ann", "user:eve", "user:stranger"}))
		p, err := f.search.Find(f.ctx, search.Filter{Tenant: acme, Activity: audit.LogSampled}, search.Newest, 10, nil)
		f.must(err)
		if len(p.Entries) != 1 || p.Entries[0].Leaf.Count != 12 || p.Entries[0].Leaf.Rule != "p:3" || len(p.Entries[0].Leaf.Segments) != 2 {
			t.Fatalf("recorded %+v", p.Entries)
		}
		_, sealed, err := f.search.Read(f.ctx, r, p.Entries[0].Index)
		f.must(err)
		if got := fmt.Sprint(sealed[0].Content["filters"], sealed[0].Content["draft"], sealed[1].Content["person"]); got != "map[from:2026-09-30T23:00:00Z until:2026-10-02T23:00:00Z]d1user:ann" {
			t.Errorf("sealed %s", got)
		}
		if _, err := f.log.Pseudonym(f.ctx, acme, "user:stranger"); err == nil {
			t.Error("a stranger has a key now")
		}
	})
}
