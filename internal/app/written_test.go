package app_test

import (
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Every command that writes returns the tenant's revision it became.
func TestEveryWriteReturnsItsRevision(t *testing.T) {
	k := testkit.New(t)
	operator, tenant := testkit.Operator, model.DefaultTenant
	member := app.RoleRequest{Tenant: tenant, Member: "ann", Role: "extra"}
	strict := true
	client := model.Client{ID: "crm", Tenant: tenant, Scopes: []string{"decide"}}
	writes := []struct {
		name string
		run  func() (int64, error)
	}{
		{"role add", func() (int64, error) {
			r, err := app.PutRole.Run(ctx, k.App, operator, app.RoleRequest{Tenant: tenant, Role: "extra", Create: true})
			return r.Revision, err
		}},
		{"user add", func() (int64, error) {
			r, err := app.AddUser.Run(ctx, k.App, operator, app.UserRequest{Tenant: tenant, User: "ann"})
			return r.Revision, err
		}},
		{"user invite", func() (int64, error) {
			r, err := app.InviteUser.Run(ctx, k.App, operator, app.UserRequest{Tenant: tenant, User: "ann"})
			return r.Revision, err
		}},
		{"user disable", func() (int64, error) {
			r, err := app.SetUserDisabled.Run(ctx, k.App, operator, app.UserRequest{Tenant: tenant, User: "ann", Disabled: true})
			return r.Revision, err
		}},
		{"role assign", func() (int64, error) {
			r, err := app.Assign.Run(ctx, k.App, operator, member)
			return r.Revision, err
		}},
		{"role unassign", func() (int64, error) {
			r, err := app.Unassign.Run(ctx, k.App, operator, member)
			return r.Revision, err
		}},
		{"role delete", func() (int64, error) {
			r, err := app.DeleteRole.Run(ctx, k.App, operator, app.RoleRequest{Tenant: tenant, Role: "extra"})
			return r.Revision, err
		}},
		{"client add", func() (int64, error) {
			r, err := app.AddClient.Run(ctx, k.App, operator, app.ClientRequest{Client: client})
			return r.Revision, err
		}},
		{"client disable", func() (int64, error) {
			r, err := app.SetClientDisabled.Run(ctx, k.App, operator, app.ClientRequest{Client: client, Disabled: true})
			return r.Revision, err
		}},
		{"client rotate", func() (int64, error) {
			r, err := app.RotateClient.Run(ctx, k.App, operator, app.ClientRequest{Client: client})
			return r.Revision, err
		}},
		{"tenant set", func() (int64, error) {
			r, err := app.SetTenant.Run(ctx, k.App, operator, app.TenantRequest{Tenant: tenant, StrictFields: &strict})
			return r.Revision, err
		}},
		{"import", func() (int64, error) {
			r, err := app.ImportDirectory.Run(ctx, k.App, operator, app.FileRequest{Tenant: tenant, Text: []byte(`{"teams":[{"id":"emea"}]}`)})
			return r.Revision, err
		}},
		{"policy import", func() (int64, error) {
			r, err := app.ImportPolicy.Run(ctx, k.App, operator, app.FileRequest{Tenant: tenant, Text: []byte("p, role:sales-rep, contact, read, own, , allow\n")})
			return r.Revision, err
		}},
	}
	last := int64(0)
	for _, w := range writes {
		revision, err := w.run()
		if err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		now, err := k.App.Store.Tenant(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		if revision != now.Revision || revision <= last {
			t.Errorf("%s became revision %d; the tenant is at %d, and was at %d", w.name, revision, now.Revision, last)
		}
		last = revision
	}
	added, err := app.AddTenant.Run(ctx, k.App, operator, app.TenantRequest{Tenant: "other"})
	if err != nil || added.Revision < 1 {
		t.Errorf("tenant add: %+v, %v", added, err)
	}
}
