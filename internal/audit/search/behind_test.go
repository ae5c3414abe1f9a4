package search_test

import (
	"context"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/store"
)

// behind is a log that was longer when a search began than it is when an index is
// looked into, as after PostgreSQL went over to a standby that had not heard of all.
type behind struct {
	store.Store
	more int64
}

func (b behind) LogSize(ctx context.Context) (int64, error) {
	size, err := b.Store.LogSize(ctx)
	return size + b.more, err
}

// A search ends where the log does, and does not wait for what is gone.
func TestSearchOfALogThatFellBehind(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.write(written{leaf: audit.Leaf{Time: begin.UnixMicro(), Tenant: acme, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeDeny},
			persons: []string{"user:ann"}, records: []string{"contact:1"}})
		f.search.Store = behind{f.store, 5000}
		for _, q := range []search.Filter{{Subject: "user:ann"}, {Object: "contact:1"}} {
			q.Tenant = acme
			for _, o := range []search.Order{search.Oldest, search.Newest} {
				ctx, end := context.WithTimeout(f.ctx, 10*time.Second)
				p, err := f.search.Find(ctx, q, o, 100, nil)
				end()
				if err != nil || len(p.Entries) == 0 {
					t.Errorf("%+v, %s first: %d entries, %v", q, o, len(p.Entries), err)
				}
			}
		}
	})
}
