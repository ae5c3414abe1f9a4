package directory_test

import (
	"testing"
	"time"

	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// newTenant is a service with the tenant acme, its roles and the user ann.
func newTenant(t *testing.T, roles ...string) *directory.Service {
	t.Helper()
	s := newService(t)
	if _, err := s.CreateTenant(t.Context(), operator, model.Tenant{ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: role}, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddUser(t.Context(), operator, "acme", directory.NewUser{ID: "ann", Username: "ann", UsernameKey: "ann"}, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

// What has ended is not held: it takes no place among the roles of a member.
func TestEndedRolesTakeNoPlace(t *testing.T) {
	s := newTenant(t, "a", "b", "c")
	s.Limits.DirectRoles = 2
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	assign := func(role string, until time.Time) model.Code {
		_, err := s.Assign(t.Context(), operator, "acme", model.Assignment{Member: "ann", Role: role, Until: until}, "")
		return model.CodeOf(err)
	}
	for _, c := range []struct {
		role  string
		until time.Time
		want  model.Code
	}{
		{"a", now.Add(time.Hour), ""},
		{"b", time.Time{}, ""},
		{"c", time.Time{}, model.CodeLimitExceeded},
		{"a", now.Add(time.Nanosecond), ""}, // another window of the same role
		{"c", now, ""},                      // what is over before it begins counts for nothing
		{"a", now, ""},                      // ended: room for another
		{"c", time.Time{}, ""},
		{"a", time.Time{}, model.CodeLimitExceeded},
	} {
		if got := assign(c.role, c.until); got != c.want {
			t.Errorf("%s until %v: %q, want %q", c.role, c.until, got, c.want)
		}
	}
	a := model.Assignment{Member: "user:ann", Role: "d"} // as publishing a policy asks
	err := s.Store.InTx(t.Context(), func(tx store.Tx) error { return s.WithinRoles(t.Context(), tx, "acme", a) })
	if model.CodeOf(err) != model.CodeLimitExceeded {
		t.Errorf("a third role from a document: %v", err)
	}
}

// A role that no policy row can name is not added.
func TestRolesCanBeNamedInAPolicy(t *testing.T) {
	s := newTenant(t)
	for _, id := range []string{"a,b", "x*", "*", " a", "a ", "role:role:x", "", "a\tb", "a\u200bb"} {
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: id}, true); model.CodeOf(err) != model.CodeInvalidRequest {
			t.Errorf("the role %q: %v", id, err)
		}
	}
	for _, id := range []string{"role:rep", "sales rep", "销售"} {
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: id}, true); err != nil {
			t.Errorf("the role %q: %v", id, err)
		}
	}
}
