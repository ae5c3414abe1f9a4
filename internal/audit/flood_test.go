package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

var denied = func() audit.Entry {
	e := entry
	e.Outcome, e.Code = audit.OutcomeDeny, model.ReasonNotGranted
	return e
}()

var nobody = model.Caller{Kind: model.CallerAnonymous}

// from is a request's context.
func from(address string) (context.Context, *reqctx.Request) {
	req := &reqctx.Request{TraceID: "trace", Address: address}
	return reqctx.With(context.Background(), req), req
}

// accounted tells how many entries stand for themselves, how many denials those of
// floods stand for, how many of these entries there are, and how many gaps.
func (f *fixture) accounted(t testing.TB) (alone, counted, entries, gaps int) {
	t.Helper()
	for _, l := range f.leaves(t) {
		switch {
		case l.Activity == audit.Gap:
			gaps++
		case l.Since != 0:
			counted += int(l.Count)
			entries++
		default:
			alone++
		}
	}
	return alone, counted, entries, gaps
}

// small bounds make floods of a few.
var small = audit.Bounds{Limits: map[string]int64{"person": 3, "caller": 3, "network": 2, "nobody": 5, "crowd": 2}, Sources: 100, Counts: 100}

// flooded is a fixture whose flood is stepped by hand.
func flooded(t testing.TB, f *fixture, b audit.Bounds) (step func(d time.Duration)) {
	t.Helper()
	if err := f.log.Start(f.ctx, audit.Options{Alone: true}); err != nil {
		t.Fatal(err)
	}
	var now time.Duration
	do := audit.StepFlood(f.log, b, func() time.Duration { return now })
	return func(d time.Duration) { now += d; do() }
}

// Of a flood from one source the first denials have their entries, and the others
// are counted each minute, with whom and since when; none is lost.
func TestFloodIsCounted(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		if err := f.log.Start(f.ctx, audit.Options{Alone: true}); err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		f.log.Register(reg)
		const many = 5000
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				for range many / 10 {
					ctx, _ := from("192.0.2.7")
					if err := f.log.AppendDecision(ctx, denied); err != nil {
						t.Error("a denial is not recorded:", err)
					}
				}
			})
		}
		calls.Wait()
		took := metric(t, reg, "rolegate_audit_denials_counted_total", "person")
		if sources := metric(t, reg, "rolegate_audit_denial_sources", ""); sources != 1 {
			t.Errorf("%v sources", sources)
		}
		if err := f.log.Close(f.ctx); err != nil {
			t.Fatal(err)
		}
		wantUnavailable(t, "a denial when the log is closed", f.log.AppendDecision(f.ctx, denied))
		alone, counted, entries, gaps := f.accounted(t)
		if alone+counted != many || entries != 1 || gaps != 0 || counted != int(took) {
			t.Errorf("%d entries and %d denials in %d, %d gaps, and the metric says %v", alone, counted, entries, gaps, took)
		}
		if alone < 300 || alone > 1000 { // until the store knows that there are counts
			t.Errorf("%d entries", alone)
		}
		leaf := audittest.From(t, f.store, int64(alone))[0]
		if leaf.Class != denied.Class || leaf.Activity != denied.Activity || leaf.Outcome != audit.OutcomeDeny || leaf.Code != denied.Code ||
			leaf.Object != "contact" || leaf.Op != "read" || leaf.Service != "crm" || leaf.Actor != "client" || leaf.Request != "" ||
			leaf.Since > leaf.Time || leaf.Time-leaf.Since > time.Minute.Microseconds() {
			t.Errorf("the count's leaf: %+v", leaf)
		}
		sealed, err := audittest.Unseal(f.ctx, f.log, leaf, denied.Person)
		if err != nil || sealed["person"] != denied.Person || sealed["network"] != "192.0.2.0/24" || sealed["address"] != nil || sealed["resource"] != nil {
			t.Errorf("sealed: %v, %v", sealed, err)
		}
	})
}

// A minute has its counts, whatever the clock of the host does.
func TestCountsOfEachMinute(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	step := flooded(t, f, small)
	deny := func(n int) {
		for range n {
			if err := f.log.AppendDecision(f.ctx, denied); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(alone, counted, entries int) {
		t.Helper()
		if a, c, e, _ := f.accounted(t); a != alone || c != counted || e != entries {
			t.Errorf("%d entries, and %d denials in %d; want %d, %d, %d", a, c, e, alone, counted, entries)
		}
	}
	deny(4) // the fourth asks for the hold
	step(0)
	deny(10)
	want(4, 0, 0)
	step(59 * time.Second)
	want(4, 0, 0)
	step(2 * time.Second)
	want(4, 10, 1)
	step(time.Second) // nothing is in memory, and the store knows
	if held, err := f.store.LapsedSources(f.ctx, time.Now().AddDate(1, 0, 0)); err != nil || len(held) > 0 {
		t.Errorf("held without counts: %x, %v", held, err)
	}
	deny(4)
	step(0)
	deny(5)
	step(61 * time.Second)
	want(8, 15, 2)
}

// What each denial is counted as: no person, caller or network is another's flood.
func TestSourcesOfFloods(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	step := flooded(t, f, small)
	fill := func() { // the hold, by a flood of another
		e := denied
		e.Person = "user:filler"
		for range 4 {
			if err := f.log.AppendDecision(f.ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		step(0)
	}
	fill()
	size := func() int { n, err := f.store.LogSize(f.ctx); return int(n) + int(len(fmt.Sprint(err))-len("<nil>")) }
	entries := func(what string, want int, do func(i int) error) {
		t.Helper()
		before := size()
		for i := range 10 {
			if err := do(i); err != nil {
				t.Fatal(what, err)
			}
		}
		if got := size() - before; got != want {
			t.Errorf("%s: %d entries, want %d", what, got, want)
		}
	}
	decide := func(change func(e *audit.Entry, i int)) func(int) error {
		return func(i int) error {
			e := denied
			change(&e, i)
			return f.log.AppendDecision(f.ctx, e)
		}
	}
	refuse := func(caller model.Caller, address string, code model.Code) func(int) error {
		return func(int) error {
			ctx, _ := from(address)
			return f.log.RecordFailure(ctx, caller, "POST /access/v1/evaluation", code)
		}
	}
	entries("one person", 3, decide(func(e *audit.Entry, _ int) {}))
	entries("many people", 10, decide(func(e *audit.Entry, i int) { e.Person = fmt.Sprint("user:", i) }))
	entries("one person by another client", 3, decide(func(e *audit.Entry, _ int) { e.Caller.ID, e.Service = "other", "other" }))
	entries("a caller", 3, refuse(model.Caller{Kind: model.CallerUser, ID: "alice", Tenant: "acme"}, "", model.CodeForbidden))
	entries("a client", 3, refuse(model.Caller{Kind: model.CallerClient, ID: "alice", Tenant: "acme"}, "", model.CodeForbidden))
	entries("a network", 2, refuse(nobody, "198.51.100.1", model.CodeUnauthorized))
	entries("the same one, for another reason", 0, refuse(nobody, "198.51.100.2", model.CodeInvalidRequest))
	entries("another", 2, refuse(nobody, "203.0.113.1", model.CodeUnauthorized))
	entries("all others", 1, func(i int) error { return refuse(nobody, fmt.Sprintf("10.0.%d.1", i), model.CodeUnauthorized)(i) })
	entries("what is allowed", 10, decide(func(e *audit.Entry, _ int) { e.Outcome, e.Code = audit.OutcomeAllow, model.ReasonAllowed }))
	entries("batches", 10, decide(func(e *audit.Entry, _ int) { e.Items = []audit.Item{{Outcome: audit.OutcomeDeny}} }))
	for _, tells := range []audit.Activity{audit.Explained, audit.SearchedSubject, audit.SearchedResource, audit.SearchedAction, audit.ShownPermissions, audit.Filtered} {
		entries(string(tells), 10, decide(func(e *audit.Entry, _ int) { e.Activity = tells }))
	}
	entries("what tells of others", 10, decide(func(e *audit.Entry, _ int) { e.Count = 7 }))
	entries("decisions we could not make", 10, decide(func(e *audit.Entry, _ int) { e.Code = model.CodeInternal }))
	entries("our faults", 10, refuse(nobody, "198.51.100.1", model.CodeInternal))
	entries("what is appended", 10, func(int) error { return f.log.Append(f.ctx, denied) })
	if err := f.log.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	actors := map[string]int{}
	for _, l := range f.leaves(t) {
		if l.Since != 0 {
			actors[fmt.Sprint(l.Actor, " ", l.Code, " ", l.Op)] += int(l.Count)
		}
		if l.Activity == audit.RequestFailed && l.Code == model.CodeInternal != (l.Outcome == audit.OutcomeError) {
			t.Errorf("%s has the outcome %s", l.Code, l.Outcome)
		}
	}
	const asked = " POST /access/v1/evaluation"
	want := map[string]int{
		"client not_granted read": 14, "user forbidden" + asked: 7, "client forbidden" + asked: 7,
		"anonymous unauthorized" + asked: 8 + 8 + 9, "anonymous invalid_request" + asked: 10,
	}
	if fmt.Sprint(actors) != fmt.Sprint(want) {
		t.Errorf("counted: %v, want %v", actors, want)
	}
}

// Memory is bounded whatever the sources: those there is no room for are counted
// together.
func TestFloodsOfManySources(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	b := small
	b.Sources, b.Counts = 4, 2
	step := flooded(t, f, b)
	for round := range 3 {
		for i := range 40 {
			for range 5 {
				e := denied
				e.Person, e.Object = fmt.Sprint("user:", i), fmt.Sprint("object-", i)
				if err := f.log.AppendDecision(f.ctx, e); err != nil {
					t.Fatal(err)
				}
				step(0)
			}
		}
		if sources, counts := audit.FloodSize(f.log); sources > 5 || counts > 3 {
			t.Errorf("%d sources and %d counts in memory", sources, counts)
		}
		step(61 * time.Second)
		alone, counted, entries, _ := f.accounted(t)
		if alone+counted != 200*(round+1) || entries > 3*(round+1) {
			t.Errorf("%d entries, %d counted in %d", alone, counted, entries)
		}
	}
	if err := f.log.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	for _, l := range f.leaves(t) {
		if l.Since != 0 && l.Count > 20 && l.Object != "" {
			t.Errorf("a count of many objects says %s", l.Object)
		}
	}
}

// A denial made on a revision that is known to be past is not counted either.
func TestCountedDenialIsOfAKnownRevision(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	step := flooded(t, f, small)
	for range 4 {
		f.log.AppendDecision(f.ctx, denied)
	}
	step(0)
	f.store.Revisions().Saw("acme", denied.Revision+1)
	var moved *audit.Moved
	if err := f.log.AppendDecision(f.ctx, denied); !errors.As(err, &moved) {
		t.Errorf("answered as of an old revision: %v", err)
	}
}

// Whatever comes, entries and counts and gaps account for every denial that was
// answered: nothing is missing but where a gap says so.
func TestFloodAccountsForEverything(t *testing.T) {
	s := &faulty{Store: mustSQLite(t)}
	f := newFixture(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		var now time.Duration
		var step func()
		b := audit.Bounds{Limits: map[string]int64{"person": 2, "caller": 2, "network": 2, "nobody": 4, "crowd": 1}, Sources: 3, Counts: 3}
		start := func() {
			log, err := audit.Open(f.ctx, s, f.keys, f.kek, time.Now)
			if err != nil {
				rt.Fatal(err)
			}
			f.log = log
			if err := log.Start(f.ctx, audit.Options{Alone: true}); err != nil {
				rt.Fatal(err)
			}
			step = audit.StepFlood(log, b, func() time.Duration { return now })
		}
		start()
		defer func() { audit.Crash(f.log) }() // where the steps end early
		alone, counted, _, gaps := f.accounted(t)
		before, answered := alone+counted, 0
		balance := func(crashed bool) {
			start()
			alone, counted, _, g := f.accounted(t)
			lost := answered - (alone + counted - before)
			switch {
			case lost < 0, lost > 0 && !(crashed && g == gaps+1), !crashed && g > gaps:
				rt.Fatalf("of %d answers %d are missing, and %d gaps are told", answered, lost, g-gaps)
			}
			answered, gaps = answered-lost, g
		}
		ask := func(err error) {
			if err == nil {
				answered++
			} else if model.CodeOf(err) != model.CodeAuditUnavailable {
				rt.Fatal(err)
			}
		}
		people := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		codes := rapid.SampledFrom([]model.Code{model.ReasonNotGranted, model.ReasonDenied, model.CodeUnauthorized})
		rt.Repeat(map[string]func(*rapid.T){
			"denials": func(rt *rapid.T) {
				e := denied
				e.Person, e.Code = people.Draw(rt, "person"), codes.Draw(rt, "code")
				for range rapid.IntRange(1, 6).Draw(rt, "n") {
					ask(f.log.AppendDecision(f.ctx, e))
				}
			},
			"refusals": func(rt *rapid.T) {
				ctx, _ := from("192.0." + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "network") + ".9")
				code := codes.Draw(rt, "code")
				for range rapid.IntRange(1, 6).Draw(rt, "n") {
					ask(f.log.RecordFailure(ctx, nobody, "POST /v1/login", code))
				}
			},
			"allowed": func(*rapid.T) { ask(f.log.AppendDecision(f.ctx, entry)) },
			"wait": func(rt *rapid.T) {
				now += time.Duration(rapid.Int64Range(0, int64(90*time.Second)).Draw(rt, "for"))
				step()
			},
			"second": func(*rapid.T) { now += time.Second; step() },
			"outage": func(*rapid.T) { s.set(func(s *faulty) { s.down = !s.down }) },
			"crash": func(*rapid.T) {
				audit.Crash(f.log)
				s.set(func(s *faulty) { s.down = false })
				balance(true)
			},
			"close": func(*rapid.T) {
				s.set(func(s *faulty) { s.down = false })
				if err := f.log.Close(f.ctx); err != nil {
					rt.Fatal(err)
				}
				balance(false)
			},
		})
		s.set(func(s *faulty) { s.down = false })
		if err := f.log.Close(f.ctx); err != nil {
			rt.Fatal(err)
		}
		balance(false)
		f.log.Close(f.ctx)
	})
}

// Denials from everywhere while minutes end and the log is closed: each that was
// answered is an entry or in a count.
func TestFloodRaces(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		if err := f.log.Start(f.ctx, audit.Options{Alone: true}); err != nil {
			t.Fatal(err)
		}
		var now, answered atomic.Int64
		var turns sync.WaitGroup
		ticks := make(chan struct{}, 1)
		step := audit.StepFlood(f.log, small, func() time.Duration { return time.Duration(now.Load()) })
		turns.Go(func() {
			for range ticks {
				now.Add(int64(20 * time.Second))
				step()
			}
		})
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() {
				e := denied
				for n := range 400 {
					if n%20 == 0 {
						select {
						case ticks <- struct{}{}:
						default:
						}
					}
					e.Person = fmt.Sprint("user:", (i+n)%3)
					switch err := f.log.AppendDecision(f.ctx, e); model.CodeOf(err) {
					case model.CodeAuditUnavailable:
					default:
						answered.Add(1)
					}
				}
			})
		}
		calls.Wait()
		close(ticks)
		turns.Wait()
		if err := f.log.Close(f.ctx); err != nil {
			t.Fatal(err)
		}
		alone, counted, _, _ := f.accounted(t)
		if int64(alone+counted) != answered.Load() || counted == 0 {
			t.Errorf("%d answers, %d entries and %d counted", answered.Load(), alone, counted)
		}
	})
}

// opened is the fixture's log again, with a clock that the test sets.
func (f *fixture) opened(t *testing.T, o audit.Options) (set func(time.Duration)) {
	t.Helper()
	var ahead atomic.Int64
	log, err := audit.Open(f.ctx, f.store, f.keys, f.kek, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close(context.Background()) })
	f.log = log
	if err := log.Start(f.ctx, o); err != nil {
		t.Fatal(err)
	}
	return func(d time.Duration) { ahead.Store(int64(d)) }
}

// flood has a flood of 10 denials counted.
func (f *fixture) flood(t *testing.T, step func()) {
	t.Helper()
	for range 4 {
		if err := f.log.AppendDecision(f.ctx, denied); err != nil {
			t.Fatal(err)
		}
	}
	step()
	for range 10 {
		if err := f.log.AppendDecision(f.ctx, denied); err != nil {
			t.Fatal(err)
		}
	}
	if _, counts := audit.FloodSize(f.log); counts != 1 {
		t.Fatalf("%d counts", counts)
	}
}

// A count of several people names none of them.
func TestCountOfACrowdNamesNobody(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	f.opened(t, audit.Options{Alone: true})
	b := small
	b.Counts = 1
	step := audit.StepFlood(f.log, b, func() time.Duration { return 0 })
	f.flood(t, step)
	for _, id := range []string{"ann", "bob"} {
		for range 5 {
			caller := model.Caller{Kind: model.CallerUser, ID: id, Tenant: "acme"}
			if err := f.log.RecordFailure(context.Background(), caller, "GET /v1/me/sessions", model.CodeStepUp); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.log.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	crowds := f.of(t, audit.RequestFailed)
	if last := crowds[len(crowds)-1]; last.Count != 4 || last.Actor != "user" || len(last.Segments) > 0 {
		t.Errorf("the crowd's count: %+v", last)
	}
}
