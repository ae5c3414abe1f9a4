package search_test

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
)

// What was destroyed is not found by it any more; and nothing else is lost.
func TestAfterDestruction(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		count := func(q search.Filter) int {
			t.Helper()
			q.Tenant = acme
			return len(f.find(q, search.Newest, 5))
		}
		first := len(f.wrote)
		all := count(search.Filter{})
		for n := range 6 {
			at := begin.AddDate(0, n%2, 0) // September, October
			f.write(written{leaf: audit.Leaf{Time: at.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow},
				persons: []string{"user:ann", "contact:1"}, records: []string{"contact:1"}})
		}
		ann, contact := count(search.Filter{Subject: "user:ann"}), count(search.Filter{Subject: "contact:1"})
		if got := count(search.Filter{Object: "contact:1"}); got != 6 {
			t.Fatalf("by record: %d", got)
		}
		// One segment of an entry goes.
		f.exec(`DELETE FROM audit_sealed WHERE idx = `+fmt.Sprint(first)+` AND ref = $1`, f.refs[string(acme)+"user:ann"])
		if got := count(search.Filter{Subject: "user:ann"}); got != ann-1 {
			t.Errorf("by ann: %d, want %d", got, ann-1)
		}
		// A month goes: its records are found no more, whoever has read them before.
		f.execKeys(`DELETE FROM month_keys WHERE tenant = $1 AND class = 'decision' AND month = '2026-09'`, acme)
		if got := count(search.Filter{Object: "contact:1"}); got != 3 {
			t.Errorf("by record, a month without its key: %d", got)
		}
		// A person goes.
		f.execKeys(`DELETE FROM person_keys WHERE ref = $1`, f.refs[string(acme)+"user:ann"])
		if got := count(search.Filter{Subject: "user:ann"}); got != 0 {
			t.Errorf("by somebody who was forgotten: %d", got)
		}
		if got := count(search.Filter{Subject: "contact:1"}); got != contact {
			t.Errorf("by another person: %d, want %d", got, contact)
		}
		if got := count(search.Filter{}); got != all+6 {
			t.Errorf("in all: %d, want %d", got, all+6)
		}
	})
}

// A leaf that is none hides itself only, also behind a summary; a run with a hole is
// looked at as it is.
func TestDamagedLog(t *testing.T) {
	defer search.SetBits(2)()
	databases(t, func(t *testing.T, f *fixture) {
		for n := range 64 {
			f.write(written{leaf: audit.Leaf{Time: begin.UnixMicro() + int64(n), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeAllow}})
		}
		first := len(f.wrote) - 64
		f.exec(`UPDATE audit_entries SET leaf = $1 WHERE idx = `+fmt.Sprint(first+10), []byte{0xa1, 0x01})
		f.exec(`DELETE FROM audit_entries WHERE idx = ` + fmt.Sprint(first+30))
		for _, summaries := range []bool{false, true} {
			if summaries {
				f.summarize()
			}
			q := search.Filter{Tenant: acme, Activity: audit.Evaluated, From: begin, Until: begin.Add(time.Second)}
			p, err := f.search.Find(f.ctx, q, search.Newest, 100, nil)
			f.must(err)
			if len(p.Entries) != 62 || p.Unreadable != 1 {
				t.Errorf("summaries %v: found %d, unreadable %d", summaries, len(p.Entries), p.Unreadable)
			}
			// A later release may read what this one cannot: its run is never stepped over.
			q.Activity = "never"
			p, err = f.search.Find(f.ctx, q, search.Newest, 100, nil)
			f.must(err)
			if len(p.Entries) != 0 || p.Unreadable != 1 {
				t.Errorf("summaries %v: of what is not there found %d, unreadable %d", summaries, len(p.Entries), p.Unreadable)
			}
		}
	})
}
