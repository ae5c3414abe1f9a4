package search_test

import (
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
)

// What another tenant has, or what belongs to none, changes no page of a tenant and
// none of its numbers: not how much was looked at, nor how it goes on.
func TestOtherTenantsChangeNoPage(t *testing.T) {
	defer search.SetBits(2)()
	databases(t, func(t *testing.T, f *fixture) {
		entry := func(tenant []byte, what string) written {
			return written{leaf: audit.Leaf{Time: begin.UnixMicro(), Tenant: tenant, Class: audit.ClassDecision, Activity: audit.Activity(what), Outcome: audit.OutcomeDeny,
				Code: "code", Object: what, Op: what, Rule: what, Revision: 77, Service: what, Request: what},
				persons: []string{"user:ann"}, records: []string{"contact:1"}}
		}
		first := int64(len(f.wrote)+3) &^ 3
		for int64(len(f.wrote)) < first {
			f.write(written{leaf: audit.Leaf{Time: begin.UnixMicro(), Tenant: acme, Class: audit.ClassAdmin, Activity: "first", Outcome: audit.OutcomeOK}})
		}
		// In one run there is something of everybody.
		f.write(entry(acme, "ours"), entry(beta, "theirs"), entry(nowhere, "nobody's"), entry(acme, "ours"))
		f.summarize()
		from := &search.Cursor{Next: first + 4, Size: first + 4}
		looked := func(q search.Filter) search.Page {
			t.Helper()
			q.Tenant = acme
			p, err := f.search.Find(f.ctx, q, search.Newest, 10, from)
			f.must(err)
			return p
		}
		for name, of := range map[string]func(what string) search.Filter{
			"request":  func(what string) search.Filter { return search.Filter{Request: what} },
			"client":   func(what string) search.Filter { return search.Filter{Service: what} },
			"activity": func(what string) search.Filter { return search.Filter{Activity: audit.Activity(what)} },
			"object":   func(what string) search.Filter { return search.Filter{Object: what} },
			"action":   func(what string) search.Filter { return search.Filter{Op: what} },
			"rule":     func(what string) search.Filter { return search.Filter{Rule: what} },
		} {
			if p := looked(of("ours")); len(p.Entries) != 2 {
				t.Errorf("by %s: %d of our own are found", name, len(p.Entries))
			}
			none := looked(of("never"))
			for _, what := range []string{"theirs", "nobody's"} {
				p := looked(of(what))
				if len(p.Entries) != 0 || p.Looked != none.Looked || p.Early != none.Early || (p.Next == nil) != (none.Next == nil) {
					t.Errorf("by %s: what is %s is told from what nobody has: %+v, %+v", name, what, p, none)
				}
			}
		}
	})
}
