package app_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Two offices granted to one account at the same moment: one is refused.
func TestOfficesRace(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		for i := range 5 {
			user := fmt.Sprintf("user-%d", i)
			k.Invite(user)
			var wg sync.WaitGroup
			var granted atomic.Int32
			for _, office := range model.Offices {
				wg.Go(func() {
					_, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: user, Role: office})
					switch {
					case err == nil:
						granted.Add(1)
					case model.CodeOf(err) != model.CodeOfficeConflict:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := granted.Load(); n != 1 {
				t.Errorf("%s holds %d offices", user, n)
			}
		}
	})
}

// A prefix said twice does not smuggle an office past the rules.
func TestOfficesAreNotSmuggled(t *testing.T) {
	k := testkit.New(t)
	k.Invite("mallory")
	if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte("g, user:mallory, role:role:system-admin\n")}); model.CodeOf(err) != model.CodePolicyInvalid {
		t.Errorf("by policy: %v", err)
	}
	if _, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"roles": ["role:role:system-admin"], "assignments": [{"member": "mallory", "role": "role:role:system-admin"}]}`)}); model.CodeOf(err) != model.CodeImportInvalid {
		t.Errorf("by import: %v", err)
	}
	if _, err := app.PutRole.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: "role:role:system-admin", Create: true}); model.CodeOf(err) != model.CodeInvalidRequest {
		t.Errorf("by role add: %v", err)
	}
	// Whatever stands in the directory, a role is what it is called there.
	err := k.App.Store.InTx(ctx, func(tx store.Tx) error {
		if err := tx.EnsureRole(ctx, model.DefaultTenant, "role:system-admin"); err != nil {
			return err
		}
		if err := tx.PutAssignment(ctx, model.DefaultTenant, model.Assignment{Member: "user:mallory", Role: "role:system-admin"}); err != nil {
			return err
		}
		_, err := tx.Bump(ctx, model.DefaultTenant, store.Change{Kind: store.ChangedDirectory})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if due, err := k.App.Policy.RequiresMFA(ctx, model.DefaultTenant, "user:mallory"); err != nil || due {
		t.Errorf("role:role:system-admin counts as the office (%v)", err)
	}
}
