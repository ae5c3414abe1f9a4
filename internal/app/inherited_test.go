package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// What a member's roles inherit together is bounded, whether the member is given
// one role more or the policy makes a role inherit more.
func TestInheritedRolesOfAMember(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_MAX_INHERITED_ROLES=3")
	k.Invite("ann")
	publish := func(rows ...string) error {
		_, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(strings.Join(rows, "\n") + "\n")})
		return err
	}
	const links = "g, role:a, role:a1\ng, role:a1, role:a2\ng, role:b, role:b1\ng, role:b, role:b2\ng, role:c, role:c1\ng, role:same, role:a1"
	if err := publish(links); err != nil {
		t.Fatal(err)
	}
	assign := func(member, role string, r app.RoleRequest) error {
		r.Tenant, r.Member, r.Role = model.DefaultTenant, member, role
		_, err := app.Assign.Run(ctx, k.App, testkit.Operator, r)
		return err
	}
	exceeded := func(what, member string, err error) {
		t.Helper()
		if model.CodeOf(err) != model.CodeLimitExceeded || !strings.Contains(err.Error(), member) || !strings.Contains(err.Error(), "ROLEGATE_MAX_INHERITED_ROLES is 3") {
			t.Errorf("%s: %v", what, err)
		}
	}
	good := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	future, past := k.Now().Add(time.Hour), k.Now().Add(-time.Hour)
	good("a", assign("ann", "a", app.RoleRequest{}))
	exceeded("b", "user:ann", assign("ann", "b", app.RoleRequest{}))
	exceeded("b, one day", "user:ann", assign("ann", "b", app.RoleRequest{From: future}))
	_, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: fmt.Appendf(nil, `{"assignments": [{"member": "ann", "role": "b", "until": %q}]}`, past.Format(time.RFC3339))})
	good("b, once", err)
	good("what is inherited already", assign("ann", "a1", app.RoleRequest{}))
	good("what inherits the same", assign("ann", "same", app.RoleRequest{}))
	good("c", assign("ann", "c", app.RoleRequest{}))
	_, err = app.AddUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "bob", Roles: []string{"a", "b"}})
	exceeded("a new user", "user:bob", err)
	_, err = app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"teams": [{"id": "t"}], "assignments": [{"member": "team:t", "role": "c"}, {"member": "team:t", "role": "a"}, {"member": "team:t", "role": "b"}]}`)})
	if e, ok := err.(*model.Error); !ok || e.Code != model.CodeImportInvalid || e.Details[0].Path != "assignments[2]" || !strings.Contains(e.Details[0].Reason.Text, "team:t") {
		t.Errorf("by import: %v", err)
	}

	exceeded("by rows", "user:zoe", publish(links, "g, user:zoe, role:a", "g, user:zoe, role:b"))
	exceeded("by what a role inherits", "user:ann", publish(links, "g, role:c, role:c2", "g, role:same, role:x"))
	good("what was over counts no more", publish(links, "g, role:b, role:b3"))
	text, err := app.ExportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	if err != nil || strings.Contains(text.Policy, "c2") || !strings.Contains(text.Policy, "b3") {
		t.Errorf("the policy in force: %v, %s", err, text.Policy)
	}
}
