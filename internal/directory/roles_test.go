package directory_test

import (
	"context"
	"encoding/json"
	"strings"
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
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: role}, true, ""); err != nil {
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
		a := model.Assignment{Member: "user:ann", Role: role, Until: until}
		if a.EndedAt(now) {
			return imported(t, s, a)
		}
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

// Nobody is the last to hold an office until a day in the calendar: who holds it
// without an end does so until somebody else does.
func TestNoDateTakesTheLastHolder(t *testing.T) {
	s := newTenant(t)
	if _, err := s.AddUser(t.Context(), operator, "acme", directory.NewUser{ID: "bob", Username: "bob", UsernameKey: "bob"}, ""); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	never, soon, later := time.Time{}, now.Add(time.Hour), now.Add(48*time.Hour)
	assign := func(member string, until time.Time) func() error {
		return func() error {
			_, err := s.Assign(t.Context(), operator, "acme", model.Assignment{Member: member, Role: model.AuditAdmin, Until: until}, "test")
			return err
		}
	}
	unassign := func(member string) func() error {
		return func() error {
			_, err := s.Unassign(t.Context(), operator, "acme", member, model.AuditAdmin, "test")
			return err
		}
	}
	for _, c := range []struct {
		what string
		act  func() error
		want model.Code
	}{
		{"the first, for a time", assign("ann", soon), ""},
		{"for longer", assign("ann", later), ""},
		{"for less", assign("ann", soon), ""},
		{"nobody at all", unassign("ann"), model.CodeLastOfficeHolder},
		{"without an end", assign("ann", never), ""},
		{"an end to the last", assign("ann", later), model.CodeLastOfficeHolder},
		{"a second, for a time", assign("bob", later), ""},
		{"an end to the one who has none", assign("ann", later), model.CodeLastOfficeHolder},
		{"without the one who has none", unassign("ann"), model.CodeLastOfficeHolder},
		{"a second without an end", assign("bob", never), ""},
		{"an end to the first", assign("ann", soon), ""},
		{"without the first", unassign("ann"), ""},
		{"an end to the second", assign("bob", soon), model.CodeLastOfficeHolder},
	} {
		if got := model.CodeOf(c.act()); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// An assignment that has ended already gives nothing, so it is refused: whoever
// asks for it has mistaken a date. An import brings history along, and takes it.
func TestEndedAssignmentsAreHistory(t *testing.T) {
	s := newTenant(t, "a")
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	for _, c := range []struct {
		until time.Time
		want  model.Code
	}{
		{now.Add(-time.Hour), model.CodeInvalidRequest},
		{now, model.CodeInvalidRequest},
		{now.Add(time.Second), ""},
	} {
		a := model.Assignment{Member: "user:ann", Role: "a", Until: c.until}
		_, err := s.Assign(t.Context(), operator, "acme", a, "")
		if model.CodeOf(err) != c.want {
			t.Errorf("until %v: %v, want %q", c.until, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "would have ended already, at "+c.until.Format(time.RFC3339)) {
			t.Errorf("until %v: %v", c.until, err)
		}
		_, held, err := s.Roles(t.Context(), "acme")
		if err != nil || (len(held) > 0) != (c.want == "") {
			t.Errorf("until %v: %v is held, %v", c.until, held, err)
		}
		if code := imported(t, s, model.Assignment{Member: "user:ann", Role: "a", From: now.Add(-48 * time.Hour), Until: now.Add(-24 * time.Hour)}); code != "" {
			t.Errorf("history: %s", code)
		}
		if _, err := s.Unassign(t.Context(), operator, "acme", "ann", "a", ""); err != nil {
			t.Errorf("history was not kept: %v", err)
		}
	}
}

// Who holds more than a limit that was lowered keeps it, and gets new windows for
// it, but nothing more.
func TestNewWindowsAddNothing(t *testing.T) {
	s := newTenant(t, "a", "b", "c")
	s.Inheritance = func(context.Context, store.Policies, string) (func([]string) int, error) {
		return func(roles []string) int { return 10 * len(roles) }, nil
	}
	assign := func(role string, until time.Time) model.Code {
		_, err := s.Assign(t.Context(), operator, "acme", model.Assignment{Member: "ann", Role: role, Until: until}, "")
		return model.CodeOf(err)
	}
	for _, role := range []string{"a", "b"} {
		if code := assign(role, time.Time{}); code != "" {
			t.Fatalf("%s: %s", role, code)
		}
	}
	later := s.Now().Add(time.Hour)
	for name, lower := range map[string]func(l *model.Limits){
		"direct":    func(l *model.Limits) { l.DirectRoles = 1 },
		"inherited": func(l *model.Limits) { l.InheritedRoles = 1 },
	} {
		s.Limits = model.DefaultLimits()
		lower(&s.Limits)
		if code := assign("a", later); code != "" {
			t.Errorf("%s: a new window: %s", name, code)
		}
		if code := assign("c", later); code != model.CodeLimitExceeded {
			t.Errorf("%s: one role more: %q", name, code)
		}
	}
}

// imported brings an assignment by a file.
func imported(t *testing.T, s *directory.Service, a model.Assignment) model.Code {
	t.Helper()
	file, err := json.Marshal(map[string]any{"assignments": []model.Assignment{a}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Import(t.Context(), operator, "acme", file, false, "")
	return model.CodeOf(err)
}

// A role that no policy row can name is not added.
func TestRolesCanBeNamedInAPolicy(t *testing.T) {
	s := newTenant(t)
	for _, id := range []string{"a,b", "x*", "*", " a", "a ", "role:role:x", "", "a\tb", "a\u200bb"} {
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: id}, true, ""); model.CodeOf(err) != model.CodeInvalidRequest {
			t.Errorf("the role %q: %v", id, err)
		}
	}
	for _, id := range []string{"role:rep", "sales rep", "销售"} {
		if _, err := s.PutRole(t.Context(), operator, "acme", model.Role{ID: id}, true, ""); err != nil {
			t.Errorf("the role %q: %v", id, err)
		}
	}
}
