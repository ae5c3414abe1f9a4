package app_test

import (
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// A person who came by import and leaves is switched off like anybody else, at
// the next question, and can be let in again.
func TestImportedUsersAreSwitchedOff(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		client := k.ClientToken("crm")
		_, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
			Text: []byte(`{"subjects": [{"type": "user", "id": "eve"}], "assignments": [{"member": "eve", "role": "sales-rep"}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"allowed", "subject_disabled", "allowed"} {
			if i > 0 {
				if _, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "eve", Disabled: want != "allowed"}); err != nil {
					t.Fatal(err)
				}
			}
			a := k.Evaluate(client, "eve", "read", "contact", map[string]any{"owner": "eve"})
			if got := a.Code(); got != want {
				t.Errorf("question %d: %s, want %s", i, got, want)
			}
		}
		if _, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "eve"}); err != nil {
			t.Error(err)
		}
	})
}
