package search_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/store"
	"rolegate/model"
)

// expected is what a search finds, by looking at every entry.
func (f *fixture) expected(q search.Filter) (found []int64) {
	for i, w := range f.wrote {
		l := w.leaf
		at := time.UnixMicro(l.Time)
		members := append([]audit.Item{{Outcome: l.Outcome, Code: l.Code, Object: l.Object, Op: l.Op, Rule: l.Rule}}, l.Items...)
		isRecord := strings.Contains(q.Object, ":")
		if !bytes.Equal(l.Tenant, q.Tenant) ||
			q.Subject != "" && !slices.Contains(w.persons, q.Subject) ||
			isRecord && !slices.Contains(w.records, q.Object) ||
			q.Class != "" && l.Class != q.Class || q.Activity != "" && l.Activity != q.Activity ||
			q.Service != "" && l.Service != q.Service || q.Request != "" && l.Request != q.Request ||
			q.Revision != 0 && l.Revision != q.Revision ||
			!q.From.IsZero() && at.Before(q.From) || !q.Until.IsZero() && !at.Before(q.Until) ||
			!slices.ContainsFunc(members, func(m audit.Item) bool {
				return (q.Outcome == "" || m.Outcome == q.Outcome) && (q.Code == "" || m.Code == q.Code) && (q.Op == "" || m.Op == q.Op) &&
					(q.Rule == "" || m.Rule == q.Rule) && (q.Object == "" || isRecord || m.Object == q.Object)
			}) {
			continue
		}
		found = append(found, int64(i))
	}
	return found
}

func (f *fixture) check(t interface {
	Fatalf(string, ...any)
	Helper()
}, q search.Filter, limit int) {
	t.Helper()
	want := f.expected(q)
	if got := f.find(q, search.Oldest, limit); !slices.Equal(got, want) {
		t.Fatalf("%+v, oldest first, %d a page: %v, want %v", q, limit, got, want)
	}
	slices.Reverse(want)
	if got := f.find(q, search.Newest, limit); !slices.Equal(got, want) {
		t.Fatalf("%+v, newest first, %d a page: %v, want %v", q, limit, got, want)
	}
}

func some[T any](t *rapid.T, what string, of ...T) T { return rapid.SampledFrom(of).Draw(t, what) }

func drawItem(t *rapid.T) audit.Item {
	return audit.Item{
		Outcome: some(t, "outcome", audit.OutcomeAllow, audit.OutcomeDeny, audit.OutcomeOK), Code: some(t, "code", "", model.ReasonAllowed, model.ReasonNotGranted),
		Object: some(t, "object", "", "contact", "deal"), Op: some(t, "op", "", "read", "delete"), Rule: some(t, "rule", "", "p:1", "p:12"),
	}
}

// drawEntry draws an entry; at is the time of the one before it, and clocks run
// backwards now and then.
func drawEntry(t *rapid.T, at time.Time) written {
	at = at.Add(some(t, "elapsed", time.Microsecond, time.Second, time.Hour, -time.Minute, -7*24*time.Hour, 20*24*time.Hour))
	if last := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC); at.After(last) || at.Before(begin) {
		at = begin
	}
	m := drawItem(t)
	w := written{leaf: audit.Leaf{
		Time: at.UnixMicro(), Tenant: some(t, "tenant", acme, acme, beta, nowhere), Class: some(t, "class", classes...), Activity: some(t, "activity", audit.Evaluated, audit.EvaluatedBatch, audit.UserRead),
		Outcome: m.Outcome, Code: m.Code, Object: m.Object, Op: m.Op, Rule: m.Rule, Revision: some(t, "revision", int64(0), 1, 2, 1<<40),
		Service: some(t, "service", "", "crm", "mail"), Request: some(t, "request", "", "r1", "r2", "r3"),
	}}
	for range some(t, "members", 0, 0, 0, 1, 3) {
		w.leaf.Items = append(w.leaf.Items, drawItem(t))
	}
	for range some(t, "persons", 0, 1, 2) {
		w.persons = append(w.persons, some(t, "person", people...))
	}
	for range some(t, "records", 0, 0, 1, 2) {
		w.records = append(w.records, some(t, "record", "contact:1", "contact:2", "deal:x:y"))
	}
	return w
}

func drawFilter(t *rapid.T) search.Filter {
	m := drawItem(t)
	q := search.Filter{Tenant: some(t, "tenant", tenants...)}
	maybe := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, "by "+what) == 0 }
	if maybe("subject") {
		q.Subject = some(t, "subject", append(people, "user:nobody")...)
	}
	if maybe("object") {
		q.Object = some(t, "object", "contact", "deal", "lead", "contact:1", "contact:2", "deal:x:y", "deal:none")
	}
	if maybe("op") {
		q.Op = m.Op
	}
	if maybe("activity") {
		q.Activity = some(t, "activity", audit.Evaluated, audit.EvaluatedBatch, audit.UserRead, "first", "never")
	}
	if maybe("class") {
		q.Class = some(t, "class", append(classes, audit.ClassLogin)...)
	}
	if maybe("outcome") {
		q.Outcome = m.Outcome
	}
	if maybe("code") {
		q.Code = m.Code
	}
	if maybe("rule") {
		q.Rule = m.Rule
	}
	if maybe("revision") {
		q.Revision = some(t, "revision", int64(1), 2, 3)
	}
	if maybe("service") {
		q.Service = some(t, "service", "crm", "mail", "none")
	}
	if maybe("request") {
		q.Request = some(t, "request", "r1", "r2", "r4")
	}
	moment := func(what string) time.Time {
		return begin.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(61*24*time.Hour)).Draw(t, what)))
	}
	if maybe("from") {
		q.From = moment("from")
	}
	if maybe("until") {
		q.Until = moment("until")
	}
	return q
}

// TestSearchIsAFilterOverAll: whatever is in the log and whatever is asked, pages of
// whatever size give what looking at every entry gives, in either order, with and
// without summaries and with whatever budget.
func TestSearchIsAFilterOverAll(t *testing.T) {
	defer search.SetBits(2)()
	databases(t, func(t *testing.T, f *fixture) {
		at := begin
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(0, 20).Draw(t, "more entries") {
				w := drawEntry(t, at)
				at = time.UnixMicro(w.leaf.Time)
				f.write(w)
			}
			if rapid.Bool().Draw(t, "summaries") {
				f.summarize()
			}
			f.search.Budget = some(t, "budget", 0, 0, 1, 2000, 50_000)
			for range 5 {
				f.check(t, drawFilter(t), some(t, "limit", 1, 3, 50, 1000))
			}
		})
		if n, err := f.store.NextSummary(f.ctx, 2); err != nil || n < 2 {
			t.Errorf("%d summaries of the highest level, %v: too few to tell anything", n, err)
		}
	})
}

// Each thing that can be asked for is heeded: of entries that differ in it alone, one
// is found.
func TestEveryFilter(t *testing.T) {
	defer search.SetBits(1)()
	at := begin.Add(time.Hour)
	base := func() written {
		return written{leaf: audit.Leaf{Time: at.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeDeny,
			Code: model.ReasonNotGranted, Object: "contact", Op: "read", Rule: "p:1", Revision: 1, Service: "crm", Request: "r1"},
			persons: []string{"user:ann"}, records: []string{"contact:1"}}
	}
	cases := []struct {
		name  string
		other func(w *written)
		q     search.Filter
	}{
		{"tenant", func(w *written) { w.leaf.Tenant = beta }, search.Filter{}},
		{"no tenant", func(w *written) { w.leaf.Tenant = nowhere }, search.Filter{}},
		{"subject", func(w *written) { w.persons = []string{"user:bob"} }, search.Filter{Subject: "user:ann"}},
		{"subject, of none", func(w *written) { w.persons = nil }, search.Filter{Subject: "user:ann"}},
		{"record", func(w *written) { w.records = []string{"contact:2"} }, search.Filter{Object: "contact:1"}},
		{"object", func(w *written) { w.leaf.Object = "deal" }, search.Filter{Object: "contact"}},
		{"op", func(w *written) { w.leaf.Op = "delete" }, search.Filter{Op: "read"}},
		{"activity", func(w *written) { w.leaf.Activity = audit.UserRead }, search.Filter{Activity: audit.Evaluated}},
		{"class", func(w *written) { w.leaf.Class = audit.ClassAdmin }, search.Filter{Class: audit.ClassDecision}},
		{"class, by record", func(w *written) { w.leaf.Class = audit.ClassAdmin }, search.Filter{Class: audit.ClassDecision, Object: "contact:1"}},
		{"outcome", func(w *written) { w.leaf.Outcome = audit.OutcomeAllow }, search.Filter{Outcome: audit.OutcomeDeny}},
		{"code", func(w *written) { w.leaf.Code = model.ReasonAllowed }, search.Filter{Code: model.ReasonNotGranted}},
		{"rule", func(w *written) { w.leaf.Rule = "p:12" }, search.Filter{Rule: "p:1"}},
		{"revision", func(w *written) { w.leaf.Revision = 11 }, search.Filter{Revision: 1}},
		{"service", func(w *written) { w.leaf.Service = "mail" }, search.Filter{Service: "crm"}},
		{"request", func(w *written) { w.leaf.Request = "r11" }, search.Filter{Request: "r1"}},
		{"from", func(w *written) { w.leaf.Time-- }, search.Filter{From: at}},
		{"until", func(w *written) { w.leaf.Time++ }, search.Filter{Until: at.Add(time.Microsecond)}},
		{"from, between microseconds", func(w *written) { w.leaf.Time-- }, search.Filter{From: at.Add(-time.Nanosecond)}},
		{"until, between microseconds", func(w *written) { w.leaf.Time++ }, search.Filter{Until: at.Add(time.Nanosecond)}},
	}
	databases(t, func(t *testing.T, f *fixture) {
		for _, c := range cases {
			first := int64(len(f.wrote))
			f.write(base())
			w := base()
			c.other(&w)
			f.write(w)
			c.q.Tenant = acme
			if c.q.From.IsZero() {
				c.q.From = at.Add(-time.Second)
			}
			for _, summaries := range []bool{false, true} {
				if summaries {
					f.summarize()
				}
				got := f.find(c.q, search.Oldest, 100)
				got = slices.DeleteFunc(got, func(i int64) bool { return i < first })
				if !slices.Equal(got, []int64{first}) {
					t.Errorf("%s, summaries %v: found %d of %d and its like", c.name, summaries, got, first)
				}
			}
			f.check(t, c.q, 3)
		}
	})
}

// A record is found in the months at both ends of a time, too.
func TestRecordsByTime(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }
		for _, at := range []time.Time{day(9, 30), day(10, 3), day(10, 20), day(11, 1), day(11, 20)} {
			f.write(written{leaf: audit.Leaf{Time: at.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow},
				records: []string{"contact:1"}})
		}
		for _, c := range []struct {
			from, until time.Time
			want        int
		}{{day(10, 2), day(11, 2), 3}, {day(10, 4), day(10, 21), 1}, {day(10, 1), day(11, 1), 2}, {day(11, 21), day(11, 22), 0}, {day(9, 30), time.Time{}, 5}} {
			q := search.Filter{Tenant: acme, Object: "contact:1", From: c.from, Until: c.until}
			if got := f.find(q, search.Newest, 2); len(got) != c.want {
				t.Errorf("from %s until %s: found %d, want %d", c.from, c.until, len(got), c.want)
			}
		}
	})
}

// What is rare in a long log is found, in pages that end early on the way to it, with
// summaries and without.
func TestRareInALongLog(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.search.Store = shortSighted{f.store}
		const size = 9000
		var many []written
		for i := range size {
			w := written{leaf: audit.Leaf{Time: begin.AddDate(0, 0, 45*i/size).UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow}}
			if i == 3 || i == 4000 || i == 4001 || i == size-1 {
				w.records, w.persons = []string{"contact:1"}, []string{"contact:1"}
				w.leaf.Op = "rare"
			}
			if many = append(many, w); len(many) == 1000 {
				f.write(many...)
				many = nil
			}
		}
		want := f.find(search.Filter{Tenant: acme, Op: "rare"}, search.Newest, 100)
		if len(want) != 4 {
			t.Fatalf("there are %d", len(want))
		}
		for _, budget := range []int{1, 2000, 0} {
			f.search.Budget = budget
			for _, q := range []search.Filter{{Object: "contact:1"}, {Subject: "contact:1", Op: "rare"}, {Subject: "contact:1", Object: "contact:1"}} {
				q.Tenant = acme
				if got := f.find(q, search.Newest, 3); !slices.Equal(got, want) {
					t.Errorf("budget %d: %+v is in %v, want %v", budget, q, got, want)
				}
				oldest := f.find(q, search.Oldest, 1)
				slices.Reverse(oldest)
				if !slices.Equal(oldest, want) {
					t.Errorf("budget %d, oldest first: %+v is in %v, want %v reversed", budget, q, oldest, want)
				}
			}
			f.summarize()
		}
		f.search.Budget = 1
		p, err := f.search.Find(f.ctx, search.Filter{Tenant: acme, Subject: "contact:1", Op: "rare"}, search.Newest, 9, nil)
		f.must(err)
		if !p.Early || len(p.Entries) == 4 {
			t.Errorf("with nothing to spend a page is %+v", p)
		}
	})
}

// shortSighted looks no further than a block, as a store does in a very long log.
type shortSighted struct{ search.Store }

func (s shortSighted) IndicesOf(ctx context.Context, ref []byte, st store.Stretch, limit int) ([]int64, int64, error) {
	return s.Store.IndicesOf(ctx, ref, oneBlock(st), limit)
}

func (s shortSighted) IndicesTagged(ctx context.Context, tags [][]byte, st store.Stretch, limit int) ([]int64, int64, error) {
	return s.Store.IndicesTagged(ctx, tags, oneBlock(st), limit)
}

func oneBlock(s store.Stretch) store.Stretch {
	if s.Backwards {
		s.From = max(s.From, s.Until-1024)
	} else {
		s.Until = min(s.Until, s.From+1024)
	}
	return s
}

// A batch is found by what one member is, not by what two are together.
func TestMembersOfABatch(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.write(written{leaf: audit.Leaf{Time: begin.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.EvaluatedBatch, Outcome: audit.OutcomeOK,
			Items: []audit.Item{{Outcome: audit.OutcomeAllow, Object: "contact", Op: "read"}, {Outcome: audit.OutcomeDeny, Object: "deal", Op: "delete"}}}})
		for _, c := range []struct {
			q    search.Filter
			want int
		}{
			{search.Filter{Outcome: audit.OutcomeDeny}, 1},
			{search.Filter{Outcome: audit.OutcomeDeny, Object: "deal"}, 1},
			{search.Filter{Outcome: audit.OutcomeDeny, Object: "contact"}, 0},
			{search.Filter{Outcome: audit.OutcomeOK, Object: "deal"}, 0},
			{search.Filter{Outcome: audit.OutcomeOK, Activity: audit.EvaluatedBatch}, 1},
		} {
			c.q.Tenant = acme
			if got := f.find(c.q, search.Newest, 10); len(got) != c.want {
				t.Errorf("%+v: found %v", c.q, got)
			}
		}
	})
}

// Entries that come while somebody reads page by page change no page, and a page
// that is asked for again is the same.
func TestCursorsWhileOthersAppend(t *testing.T) {
	defer search.SetBits(2)()
	databases(t, func(t *testing.T, f *fixture) {
		one := func(n int) written {
			return written{leaf: audit.Leaf{Time: begin.Add(time.Duration(n) * time.Second).UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated,
				Outcome: audit.OutcomeAllow, Source: make([]byte, 8), Seq: 1, Actor: "client", Version: 1}}
		}
		for n := range 100 {
			f.write(one(n))
		}
		q := search.Filter{Tenant: acme, Activity: audit.Evaluated}
		stop, stopped := make(chan struct{}), make(chan struct{})
		var once sync.Once
		end := func() { once.Do(func() { close(stop); <-stopped }) }
		defer end()
		go func() {
			defer close(stopped)
			b, _ := deterministic.Marshal(one(0).leaf)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := f.store.AppendEntries(context.Background(), []store.Entry{{Leaf: b}}); err != nil {
					t.Error(err)
					return
				}
				if _, err := f.search.Summarize(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for _, o := range []search.Order{search.Newest, search.Oldest} {
			first, err := f.search.Find(f.ctx, q, o, 7, nil)
			f.must(err)
			size := first.Next.Size
			var got []int64
			for p := first; ; {
				for _, e := range p.Entries {
					got = append(got, e.Index)
				}
				if p.Next == nil {
					break
				}
				again := p.Next
				p, err = f.search.Find(f.ctx, q, o, 7, again)
				f.must(err)
				repeated, err := f.search.Find(f.ctx, q, o, 7, again)
				f.must(err)
				if diff := cmp.Diff(p.Entries, repeated.Entries); diff != "" {
					t.Fatal(diff)
				}
			}
			if o == search.Newest {
				slices.Reverse(got)
			}
			want := int64(len(f.wrote) - 100)
			for _, idx := range got {
				if idx != want {
					t.Fatalf("%s first: %d comes where %d is due", o, idx, want)
				}
				want++
			}
			if want != size {
				t.Errorf("%s first: the pages end at %d, the log had %d when the search began", o, want, size)
			}
		}
		end()
	})
}

// However much there is, a page reads no more than its budget allows, and says that
// it did not look at everything.
func TestPagesEndEarly(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		for range 4 {
			var many []written
			for range 500 {
				many = append(many, written{leaf: audit.Leaf{Time: begin.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow}})
			}
			f.write(many...)
		}
		f.search.Budget = 40_000
		q := search.Filter{Tenant: acme, Activity: "never"}
		p, err := f.search.Find(f.ctx, q, search.Newest, 10, nil)
		f.must(err)
		if !p.Early || p.Next == nil || p.Looked == 0 || p.Looked > 800 {
			t.Errorf("a page of what is not there: %+v", p)
		}
		f.summarize()
		q.Until = begin.Add(-time.Hour * 24 * 365)
		if p, err = f.search.Find(f.ctx, q, search.Newest, 10, nil); err != nil || p.Early || p.Looked > 512 {
			t.Errorf("with summaries: %+v, %v", p, err)
		}
	})
}

func TestCursorText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<61).Draw(t, "size")
		c := search.Cursor{Next: rapid.Int64Range(0, size).Draw(t, "next"), Size: size}
		if got, ok := search.ParseCursor(c.String()); !ok || got != c {
			t.Fatalf("%v is read as %v, %v", c, got, ok)
		}
	})
	for _, s := range []string{"", "-", "1", "1-", "-1", "2-1", "01-2", "1-2-3", "+1-2", "1 -2", "1-99999999999999999999", "a-b"} {
		if c, ok := search.ParseCursor(s); ok {
			t.Errorf("%q is read as %v", s, c)
		}
	}
}
