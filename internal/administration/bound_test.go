package administration

import (
	"context"
	"fmt"
	"testing"

	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// crowd is a store with so many users.
type crowd struct {
	store.Store
	users, reads int
}

// one is a policy that lets one user be read.
type one struct {
	Policy
	seen string
}

func (c *crowd) PageUsers(_ context.Context, _ string, q store.UserQuery) (rows []model.User, err error) {
	c.reads++
	for i := range c.users {
		if id := fmt.Sprintf("u%06d", i); id > q.After && len(rows) < q.Limit {
			rows = append(rows, model.User{ID: id})
		}
	}
	return rows, nil
}

func (p one) Administers(_ context.Context, _ string, _ int64, _ string, _ model.Assurance, a policy.Act) (model.Decision, error) {
	return model.Decision{Allow: a.ID == p.seen}, nil
}

// TestUsersAreBounded: a page reads so many rows and no more, and the next goes on where
// it ended, until all were looked at.
func TestUsersAreBounded(t *testing.T) {
	const all = maxReads*pageRows + 2
	c := &crowd{users: all}
	at := &standing{Officer: &Officer{Service: &Service{Store: c, Policy: one{seen: fmt.Sprintf("u%06d", all-1)}}}}
	at.caller.Grounds = &model.Grounds{}
	p := UserPage{}
	if err := at.fill(t.Context(), &p, store.UserQuery{Limit: 10}); err != nil || c.reads != maxReads || len(p.Users) > 0 || !p.More {
		t.Fatalf("%d reads give %+v, %v", c.reads, p, err)
	}
	after := p.After
	p = UserPage{}
	if err := at.fill(t.Context(), &p, store.UserQuery{After: after, Limit: 10}); err != nil || len(p.Users) != 1 || p.More || c.reads != maxReads+1 {
		t.Fatalf("behind %s, %d reads give %+v, %v", after, c.reads, p, err)
	}
}
