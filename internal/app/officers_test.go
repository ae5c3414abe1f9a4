package app_test

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// meddling lets something happen between a decision and the act it allows.
type meddling struct {
	administration.Policy
	then func()
}

func (m *meddling) Administers(ctx context.Context, tenant string, revision int64, person string, proven model.Assurance, a policy.Act) (model.Decision, error) {
	d, err := m.Policy.Administers(ctx, tenant, revision, person, proven, a)
	m.then()
	return d, err
}

// Whatever ends a right between the decision and the act is felt by the act.
func TestRightsHoldUntilTheAct(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		helper := `
p, role:helper, rolegate.user, *, all, , allow
`
		now, err := app.ExportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + helper)}); err != nil {
			t.Fatal(err)
		}
		type pair struct{ role, victim string }
		helpers, officers := pair{"helper", "sales-rep"}, pair{model.SystemAdmin, model.SystemAdmin}
		for _, c := range []struct {
			what string
			then func(p *testkit.Person, role string)
			want model.Code
		}{
			{"nothing", func(*testkit.Person, string) {}, ""},
			{"a change of something else", func(*testkit.Person, string) { k.Invite("x" + rand.Text()) }, model.CodeBusy},
			{"the role is taken away", func(p *testkit.Person, role string) {
				_, err := app.Unassign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: p.ID, Role: role, Reason: "test"})
				if err != nil && model.CodeOf(err) != model.CodeNotFound {
					t.Error(err)
				}
			}, model.CodeForbidden},
			{"the session ends", func(p *testkit.Person, _ string) {
				_, err := app.EndSessions.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: p.ID})
				if err != nil {
					t.Error(err)
				}
			}, model.CodeUnauthorized},
			{"the person is disabled", func(p *testkit.Person, _ string) {
				_, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: p.ID, Disabled: true, Reason: "test"})
				if err != nil {
					t.Error(err)
				}
			}, model.CodeUnauthorized},
		} {
			for _, who := range []pair{helpers, officers} {
				p, victim := k.MustEnrol("h"+rand.Text()), "v"+rand.Text()
				k.MustEnrol(victim)
				for member, role := range map[string]string{p.ID: who.role, victim: who.victim} {
					if _, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: member, Role: role, Reason: "test"}); err != nil {
						t.Fatal(err)
					}
				}
				between := &meddling{Policy: k.App.Policy, then: func() {}}
				s := *k.App.Administration
				s.Policy = between
				authenticate := func(ctx context.Context) (login.Session, error) { return k.App.Login.AuthenticateUser(ctx, p.Access) }
				o, err := s.Officer(ctx, authenticate, model.DefaultTenant, administration.Users, administration.Disable)
				if err != nil {
					t.Fatal(err)
				}
				between.then = func() { c.then(p, who.role) }
				_, err = o.SetDisabled(ctx, victim, true, "test")
				if model.CodeOf(err) != c.want {
					t.Errorf("%s of %s: %v, want %q", c.what, who.role, err, c.want)
				}
				u, err := k.App.Store.User(ctx, model.DefaultTenant, victim)
				if err != nil || u.Disabled != (c.want == "") {
					t.Errorf("%s of %s: disabled is %v, %v", c.what, who.role, u.Disabled, err)
				}
			}
		}
	})
}

// unlocking notes what it is asked to lift.
type unlocking struct{ asked []string }

func (u *unlocking) Unlock(_ context.Context, caller model.Caller, tenant, user, reason string) error {
	u.asked = append(u.asked, caller.String(), tenant, user, reason)
	return nil
}

// A lock is lifted by right, for a reason, of a user who is there.
func TestUnlocking(t *testing.T) {
	k := testkit.New(t)
	sys, ann := k.MustEnrol("sys", model.SystemAdmin), k.MustEnrol("ann", "sales-rep")
	locks := &unlocking{}
	s := *k.App.Administration
	s.Unlocker = locks
	unlock := func(by *testkit.Person, user, reason string) error {
		authenticate := func(ctx context.Context) (login.Session, error) { return k.App.Login.AuthenticateUser(ctx, by.Access) }
		o, err := s.Officer(ctx, authenticate, model.DefaultTenant, administration.Users, administration.Unlock)
		if err != nil {
			return err
		}
		return o.Unlock(ctx, user, reason)
	}
	for _, c := range []struct {
		by           *testkit.Person
		user, reason string
		want         model.Code
	}{
		{ann, "sys", "why not", model.CodeForbidden},
		{sys, "ann", "", model.CodeReasonRequired},
		{sys, "nobody", "test", model.CodeUserUnknown},
		{sys, "user:ann", "test", model.CodeUserUnknown},
	} {
		if err := unlock(c.by, c.user, c.reason); model.CodeOf(err) != c.want {
			t.Errorf("%s unlocks %s because %q: %v, want %s", c.by.ID, c.user, c.reason, err, c.want)
		}
	}
	if len(locks.asked) > 0 {
		t.Errorf("lifted: %q", locks.asked)
	}
	if err := unlock(sys, "ann", "called back"); err != nil {
		t.Error(err)
	}
	if want := []string{"user:sys", model.DefaultTenant, "ann", "called back"}; !slices.Equal(locks.asked, want) {
		t.Errorf("asked for %q, want %q", locks.asked, want)
	}
}
