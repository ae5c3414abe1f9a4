package policy

import (
	"context"
	"fmt"
	"hash/maphash"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// What one document, catalogue or person may cost the others. Each bound is far
// from what is measured, and farther from what it was before there was one.

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Actions may require one another in diamonds: each is asked about once.
func TestDiamondsOfRequirements(t *testing.T) {
	var b strings.Builder
	b.WriteString("objects:\n  deal:\n    actions:\n")
	const levels = 40 // 2^40 paths
	for i := range levels {
		for _, s := range []string{"a", "b"} {
			fmt.Fprintf(&b, "      %s%d: {requires: [a%d, b%d]}\n", s, i, i+1, i+1)
		}
	}
	fmt.Fprintf(&b, "      a%d: {}\n      b%d: {}\n", levels, levels)
	cat := mustCatalog(t, b.String())
	s := mustSnapshot(t, "p, *, *, *, all, , allow\np, *, deal, b7, all, , deny\n", cat, company())
	if got := len(cat.Objects["deal"].required("a0")); got != 2*levels {
		t.Errorf("a0 requires %d actions, want %d", got, 2*levels)
	}
	if got := s.answerTo(ask("ann", "a0", "deal", "1", nil), Inputs{Now: noon}); got.Code != model.ReasonRequiredAction || got.Required != "b7" {
		t.Errorf("a0: %s, %s", got.Code, got.Required)
	}
	if got := s.answerTo(ask("ann", "a8", "deal", "1", nil), Inputs{Now: noon}); !got.Allow {
		t.Errorf("a8: %s", got.Code)
	}
}

// Somebody with thousands of windows, past and to come, holds what holds now.
func TestManyWindows(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	for i := range 60 {
		team := fmt.Sprintf("t%d", i)
		dir.Subjects[0].Teams = append(dir.Subjects[0].Teams, team)
		for j := range 60 {
			from := noon.Add(time.Duration(i*60+j) * time.Minute)
			dir.Assignments = append(dir.Assignments, model.Assignment{Member: "team:" + team, Role: fmt.Sprintf("r%d-%d", i, j), From: from, Until: from.Add(time.Hour)})
		}
	}
	s := mustSnapshot(t, "p, role:r0-0, deal, read, all, , allow\n", nil, dir)
	before := heapInUse()
	for i := range 200 {
		if got := len(s.RolesOf("user:ann", noon.Add(time.Duration(i)*time.Minute))); got != min(i+1, 60) {
			t.Fatalf("minute %d: %d roles", i, got)
		}
	}
	if grown := heapInUse() - before; grown > 4<<20 {
		t.Errorf("200 stretches of time cost %d bytes", grown)
	}
	runtime.KeepAlive(s)
}

// A policy that is no longer in force is not kept by those who were asked about
// under it.
func TestOldPoliciesAreFreed(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	people := newRoster(dir)
	cat := &Catalog{}
	var freed atomic.Int32
	for i := range 5 {
		rules, err := compile(mustParse(t, fmt.Sprintf("p, *, deal, read%d, all, , allow\n", i)), cat, toPublish)
		if err != nil {
			t.Fatal(err)
		}
		runtime.SetFinalizer(rules, func(*ruleset) { freed.Add(1) })
		s := &Snapshot{model.Tenant{}, rules, people}
		if !s.answerTo(ask("ann", fmt.Sprintf("read%d", i), "deal", "1", nil), Inputs{Now: noon}).Allow {
			t.Fatal("not allowed")
		}
	}
	for range 50 {
		if runtime.GC(); freed.Load() >= 4 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := freed.Load(); n < 4 {
		t.Errorf("%d of 5 old policies were freed", n)
	}
	runtime.KeepAlive(people)
}

// Rows for every object, with conditions or about fields, are not multiplied by
// the objects there are.
func TestRowsForEveryObject(t *testing.T) {
	var policy, catalog strings.Builder
	catalog.WriteString("objects:\n")
	for i := range 300 {
		fmt.Fprintf(&catalog, "  o%d: {actions: {read: {}}, fields: {x: {type: number}, y%d: {type: string}}}\n", i, i)
		fmt.Fprintf(&policy, "p, role:rep, *, read, all, record.x > %d, allow\n", i)
		for j := range 30 {
			fmt.Fprintf(&policy, "p3, role:r%d, *, f%d, read, deny\n", i, j)
		}
	}
	doc, cat := mustParse(t, policy.String()), mustCatalog(t, catalog.String())
	s, err := NewSnapshot(model.Tenant{}, doc, cat, company())
	if err != nil {
		t.Fatal(err)
	}
	before := heapInUse()
	for i := range 300 {
		d := s.answerTo(ask("ann", "read", fmt.Sprintf("o%d", i), "1", props{"x": 1000.0}), Inputs{Now: noon})
		if !d.Allow || d.Fields == nil {
			t.Fatalf("o%d: %s", i, d.Code)
		}
	}
	if grown := heapInUse() - before; grown > 12<<20 {
		t.Errorf("300 objects asked about cost %d bytes", grown)
	}
	runtime.KeepAlive(s)
}

// A hub of roles is refused without walking it once for each of its heirs.
func TestHubOfRoles(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "g, role:h%d, role:hub\ng, role:hub, role:l%d\n", i, i)
	}
	h := newHierarchy(mustLinks(t, b.String()))
	began := time.Now()
	if problems := h.tooMany(1_024); len(problems) != 20_001 {
		t.Errorf("%d roles inherit too many", len(problems))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func mustLinks(t testing.TB, text string) []RoleLink {
	t.Helper()
	p := parser{trusted: true}
	if err := p.read(text); err != nil {
		t.Fatal(err)
	}
	return p.links
}

// A document of nothing but bad rows is counted to its end and listed in part.
func TestBadRowsAreListedInPart(t *testing.T) {
	_, err := Parse(strings.Repeat("x\n", maxDetails+5_000))
	got := details(t, err, model.CodePolicyInvalid)
	if len(got) != maxDetails+1 || got[maxDetails] != "5000 more are not listed" || !strings.Contains(err.Error(), "15000 bad rows") {
		t.Errorf("%d lines, the last %q: %v", len(got), got[len(got)-1], err)
	}
}

// Compiled conditions outlive the document they were in, its text does not.
func TestConditionsDoNotKeepDocuments(t *testing.T) {
	before := heapInUse()
	for i := range 10 {
		text := fmt.Sprintf("# %s\np, *, deal, read, all, record.x == %d, allow\n", strings.Repeat("x", 2<<20), 900_000+i)
		mustSnapshot(t, text, nil, company())
	}
	if grown := heapInUse() - before; grown > 4<<20 {
		t.Errorf("10 documents of 2 MiB left %d bytes", grown)
	}
}

// What is logged of a question keeps nothing of the request in memory.
func TestWordsOfTheRecordAreOurs(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, all, , allow\n", nil, company())
	before := heapInUse()
	var kept []string
	for range 64 {
		request := strings.Repeat("x", 256<<10) + "dealread"
		object, action := s.rules.literal(request[256<<10:256<<10+4], request[256<<10+4:])
		if object != "deal" || action != "read" {
			t.Fatal(object, action)
		}
		kept = append(kept, object, action)
	}
	if grown := heapInUse() - before; grown > 4<<20 {
		t.Errorf("64 requests left %d bytes", grown)
	}
	runtime.KeepAlive(kept)
}

// counting counts the pages of records that are read.
type counting struct {
	store.Store
	pages atomic.Int32
}

// However many ask for records that are not in memory yet, they are loaded once.
func TestRecordsAreLoadedOnce(t *testing.T) {
	h, caller := library(t, 3)
	v, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Store: h.Store}
	slow := slowPages{c, make(chan struct{})}
	answered := sync.OnceFunc(func() { close(slow.release) })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			got, err := v.record(t.Context(), slow, model.Entity{Type: "book", ID: "b0001"})
			if err != nil || got == nil || got.Attributes["owner"] != "u0001" {
				t.Errorf("%v, %v", got, err)
			}
			answered()
		})
	}
	wg.Wait()
	if n := c.pages.Load(); n != 1 {
		t.Errorf("%d pages were read", n)
	}
}

// slowPages holds a page back until somebody else has an answer.
type slowPages struct {
	*counting
	release chan struct{}
}

func (s slowPages) Resources(ctx context.Context, tenant, typ, after string, limit int) ([]model.Resource, error) {
	s.pages.Add(1)
	<-s.release
	return s.counting.Resources(ctx, tenant, typ, after, limit)
}

// about fails unless what is counted is within a factor of three of what the heap
// has grown by.
func about(t *testing.T, what string, counted, grown int64) {
	t.Helper()
	t.Logf("%s: counted %d, measured %d", what, counted, grown)
	if counted > 3*grown || grown > 3*counted {
		t.Errorf("%s: %d bytes are counted, and they take %d", what, counted, grown)
	}
}

// Records in memory are counted with what is in them, and again when one changes.
func TestRecordsAreCounted(t *testing.T) {
	for name, attributes := range map[string]map[string]any{
		"small": {"owner": "u0001"},
		"large": {"notes": strings.Repeat("x", 10_000)},
		"wide":  {"a": 1.0, "b": true, "c": "cc", "d": []any{"x", "y", "z"}, "e": map[string]any{"f": 1.0}, "g": "h", "i": "j", "k": "l", "m": "n"},
	} {
		h := newHouse(t)
		var books []model.Resource
		for i := range 1_500 {
			books = append(books, model.Resource{Type: "book", ID: fmt.Sprintf("b%05d", i), Attributes: attributes})
		}
		caller := h.tenant(t, "", "p, *, book, read, all, , allow\n", model.Directory{}, books)
		v, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		before, counted := heapInUse(), v.bytes()
		if _, err := v.record(t.Context(), h.Store, model.Entity{Type: "book", ID: "b00001"}); err != nil {
			t.Fatal(err)
		}
		about(t, name, v.bytes()-counted, heapInUse()-before)

		counted = v.bytes()
		big := model.Resource{Type: "book", ID: "b00001", Attributes: map[string]any{"notes": strings.Repeat("x", 1<<20)}}
		for _, r := range []model.Resource{big, books[1]} {
			h.write(t, caller.Tenant, changed(store.ChangedResource, "book:b00001"), func(ctx context.Context, tx store.Tx) error {
				return tx.PutResource(ctx, caller.Tenant, r)
			})
			if v, err = h.Snapshots.Latest(t.Context(), caller.Tenant); err != nil {
				t.Fatal(err)
			}
			if grown := v.bytes() - counted; len(r.Attributes) == len(big.Attributes) && r.Attributes["notes"] == big.Attributes["notes"] && grown < 1<<19 {
				t.Errorf("%s: a record of 1 MiB makes it %d bytes more", name, grown)
			}
		}
		if v.bytes() != counted {
			t.Errorf("%s: %d bytes, and %d after a record is again what it was", name, counted, v.bytes())
		}
	}
}

// A record more than may be kept, and none is.
func TestRecordsKeptAreBoundedWhenTheyGrow(t *testing.T) {
	h, caller := library(t, 1)
	kept := newTable(recordID, maxKept)
	for i := range maxKept {
		kept.put(&model.Resource{Type: "book", ID: fmt.Sprint(i)})
	}
	before := &recordSet{}
	before.kept.Store(kept)
	after, err := (&records{types: map[string]*recordSet{"book": before}}).reread(t.Context(), h.Store, caller.Tenant, "book", "b0000")
	if err != nil {
		t.Fatal(err)
	}
	if set := after.types["book"]; set.kept.Load() != nil || !set.tooMany.Load() || set.bytes.Load() != 0 {
		t.Errorf("%d records are kept", set.kept.Load().len())
	}
}

// What is remembered of fields is counted, and what takes its place instead of it.
func TestFieldViewsAreCounted(t *testing.T) {
	table := &fieldTable{masked: newBits(500)}
	for i := range 500 {
		table.names, table.masks = append(table.names, fmt.Sprintf("f%d", i)), append(table.masks, "all")
		if i%10 == 0 {
			table.masked.set(i)
		}
	}
	views := &fieldViews{}
	views.seed = maphash.MakeSeed()
	before := heapInUse()
	for i := range 5_000 {
		read := newBits(500)
		for j := range read {
			read[j] = uint64(i) * 0x9e3779b97f4a7c15
		}
		views.get(table, read, newBits(500), newBits(500))
	}
	about(t, "views of fields", views.bytes.Load(), heapInUse()-before)
	runtime.KeepAlive(views)
}

// Holders that only members keep are counted as long as there are members.
func TestHoldersAreCountedWhenSharingBeginsAnew(t *testing.T) {
	var hs holders
	const n = maxHolders + 1_000
	kept := make([]*holder, n)
	before := heapInUse()
	for i := range kept {
		kept[i] = hs.keep(fmt.Sprintf("role:r%d", i), newHolder([]subjectID{star, 1}, 100, nil))
	}
	if len(hs.byName) != 1_000 {
		t.Fatalf("%d are shared", len(hs.byName))
	}
	about(t, "holders", hs.size(n), heapInUse()-before)
	runtime.KeepAlive(kept)
	if few := hs.size(10); few > hs.size(n)/50 {
		t.Errorf("10 members are said to keep %d bytes of holders", few)
	}
}
