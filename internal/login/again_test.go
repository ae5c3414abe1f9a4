package login_test

import (
	"slices"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// confirmedByForm is a person whose first device a form confirmed just now, and the form
// with the code in it.
func confirmedByForm(t *testing.T, k *testkit.Kit) (form, right string, codes []string) {
	t.Helper()
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
	k.Want(a, 200, "status", "enrolment_required")
	e, err := k.App.Login.Enrol(ctx, a.Text("ticket"))
	if err != nil {
		t.Fatal(err)
	}
	right = k.CodeAt(e.Secret, 0)
	res, err := k.App.Login.ConfirmEnrolment(ctx, a.Text("ticket"), right, e.Form)
	if err != nil || len(res.RecoveryCodes) != 10 {
		t.Fatal(res, err)
	}
	return e.Form, right, res.RecoveryCodes
}

// Somebody tries codes at the form of a page, without a session and without a ticket: ten,
// as at every other place that takes one.
func TestGuessesAtAForm(t *testing.T) {
	for what, try := range map[string]func(k *testkit.Kit, form, code string) ([]string, error){
		"alone": func(k *testkit.Kit, form, code string) ([]string, error) {
			return k.App.Login.CodesAgain(ctx, form, code)
		},
		"with the ticket that was": func(k *testkit.Kit, form, code string) ([]string, error) {
			res, err := k.App.Login.ConfirmEnrolment(ctx, "used", code, form)
			return res.RecoveryCodes, err
		},
	} {
		t.Run(what, func(t *testing.T) {
			k := testkit.New(t)
			form, right, want := confirmedByForm(t, k)
			for range 15 { // a right one costs nothing
				if codes, err := try(k, form, right); err != nil || !slices.Equal(codes, want) {
					t.Fatal(codes, err)
				}
			}
			for i := range 10 {
				wrong := "00000" + string(rune('0'+i))
				if wrong == right {
					wrong = "999999"
				}
				if codes, err := try(k, form, wrong); model.CodeOf(err) != model.CodeCodeInvalid || codes != nil {
					t.Fatalf("guess %d: %d codes, %v", i, len(codes), err)
				}
				if i == 5 { // nor does it give the wrong ones back
					if _, err := try(k, form, right); err != nil {
						t.Fatal(err)
					}
				}
			}
			if codes, err := try(k, form, right); model.CodeOf(err) != model.CodeTooManyAttempts || codes != nil {
				t.Errorf("after ten guesses: %d codes, %v", len(codes), err)
			}
		})
	}
}

// The form that asks for new codes is on a page that asks for no factor: whoever has it
// and no session is shown nothing.
func TestRenewalFormWithoutASession(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	session, err := k.App.Login.AuthenticateUser(ctx, alice.Access)
	if err != nil {
		t.Fatal(err)
	}
	form, err := k.App.Login.NewForm(session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.App.Login.NewRecoveryCodes(ctx, session, form); err != nil {
		t.Fatal(err)
	}
	if codes, err := k.App.Login.CodesAgain(ctx, form, ""); model.CodeOf(err) != model.CodeNotFound || codes != nil {
		t.Errorf("%d codes, %v", len(codes), err)
	}
	if res, err := k.App.Login.ConfirmEnrolment(ctx, "none", "", form); err == nil {
		t.Errorf("%d codes by way of an enrolment", len(res.RecoveryCodes))
	}
}

// Nobody of a tenant that was disabled, and nobody who was, is shown anything.
func TestCodesAgainOfTheDisabled(t *testing.T) {
	for what, disable := range map[string]func(k *testkit.Kit) error{
		"tenant": func(k *testkit.Kit) error {
			_, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Disabled: new(true)})
			return err
		},
		"user": func(k *testkit.Kit) error {
			_, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: true})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			k := testkit.New(t)
			form, right, _ := confirmedByForm(t, k)
			if err := disable(k); err != nil {
				t.Fatal(err)
			}
			if codes, err := k.App.Login.CodesAgain(ctx, form, right); err == nil {
				t.Errorf("%d codes", len(codes))
			}
		})
	}
}

// A form whose device came second made no codes: sent again, it is no guess.
func TestFormOfASecondDevice(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	session, err := k.App.Login.AuthenticateUser(ctx, alice.Access)
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.App.Login.AddDevice(ctx, session, "Tablet")
	if err != nil {
		t.Fatal(err)
	}
	confirm := func() (login.Confirmed, error) {
		return k.App.Login.ConfirmDevice(ctx, session, e.DeviceID, k.CodeAt(e.Secret, 0), e.Form)
	}
	if res, err := confirm(); err != nil || res.RecoveryCodes != nil {
		t.Fatal(res, err)
	}
	for range 12 {
		if _, err := confirm(); model.CodeOf(err) != model.CodeNotFound {
			t.Fatal(err)
		}
	}
}
