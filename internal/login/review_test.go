package login_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// hook runs once, at the moment a login has been hashed and its requirement is
// looked up, and then asks for nothing.
type hook struct{ run func() }

func (h *hook) RequiresMFA(context.Context, string, string) (bool, error) {
	if run := h.run; run != nil {
		h.run = nil
		run()
	}
	return false, nil
}

func byRole(t *testing.T, k *testkit.Kit) {
	t.Helper()
	mode := model.MFAByRole
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &mode, Reason: "a test of it"}); err != nil {
		t.Fatal(err)
	}
}

// A password that was replaced, or a user who was disabled, while the old one
// was being hashed opens nothing.
func TestChangedWhileHashing(t *testing.T) {
	for name, change := range map[string]func(k *testkit.Kit) error{
		"password replaced": func(k *testkit.Kit) error {
			u, err := k.App.Store.User(ctx, model.DefaultTenant, "alice")
			if err != nil {
				return err
			}
			_, err = k.App.Store.SetPassword(ctx, model.DefaultTenant, "alice", u.PasswordHash, "$another$")
			return err
		},
		"all sessions ended": func(k *testkit.Kit) error {
			_, _, err := k.App.Directory.EndSessions(ctx, testkit.Operator, model.DefaultTenant, "alice", "")
			return err
		},
		"disabled": func(k *testkit.Kit) error {
			_, err := app.SetUserDisabled.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			byRole(t, k)
			k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password}), 200, "status", "ok")
			k.App.Login.Requirements = &hook{run: func() {
				if err := change(k); err != nil {
					t.Error(err)
				}
			}}
			a := k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password})
			k.Want(a, 401, "code", "login_failed", "access_token", nil)
		})
	}
}

// An enrolment ticket that a password alone opened is worth nothing once a
// device is there: it does not replace the device.
func TestEnrolmentDoesNotReplaceADevice(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		hash := sha256.Sum256([]byte("late"))
		err := k.App.Store.InsertTicket(ctx, store.Ticket{
			Hash: hash[:], Tenant: model.DefaultTenant, User: "alice", Purpose: store.TicketEnrol, Methods: []string{"pwd"},
			AuthTime: k.Now(), CreatedAt: k.Now(), ExpiresAt: k.Now().Add(5 * time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
		k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": "late"}), 401, "code", "ticket_invalid", "secret", nil)
		k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": "late", "code": k.NextCode(alice)}), 401)
		k.Login(alice)
	})
}

// Many refreshes at once, of a session that may need a second factor by now,
// are all answered: none waits inside its transaction for a connection that the
// others hold.
func TestParallelRefreshIsAnswered(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		byRole(t, k)
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
		k.Want(a, 200, "status", "ok")
		done := make(chan int, 1)
		go func() {
			done <- parallel(t, k, 60, func(int) (string, map[string]any) {
				return "/v1/token/refresh", map[string]any{"refresh_token": a.Text("refresh_token")}
			})
		}()
		select {
		case wins := <-done:
			if wins != 60 {
				t.Errorf("%d of 60 were answered within the grace", wins)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("refreshes wait for each other")
		}
		client := k.ClientToken("crm")
		k.Want(k.Evaluate(client, "alice", "read", "contact", map[string]any{"owner": "alice"}), 200)
	})
}

// A ticket that a newer login replaced while recovery codes were being hashed
// leaves nothing behind: no confirmed device without codes.
func TestTicketReplacedWhileConfirming(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
		ticket := a.Text("ticket")
		p := &testkit.Person{ID: "alice", Secret: k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}).Text("secret")}
		code, calls := k.Code(p), 0
		k.App.Login.Now = func() time.Time {
			if calls++; calls == 3 { // the ticket was read and the attempt counted, the codes are about to be made
				hash := sha256.Sum256([]byte("newer"))
				err := k.App.Store.InsertTicket(ctx, store.Ticket{
					Hash: hash[:], Tenant: model.DefaultTenant, User: "alice", Purpose: store.TicketEnrol, Methods: []string{"pwd"},
					AuthTime: k.Now(), CreatedAt: k.Now(), ExpiresAt: k.Now().Add(5 * time.Minute),
				})
				if err != nil {
					t.Error(err)
				}
			}
			return k.Now()
		}
		before, err := k.App.Store.LogSize(ctx)
		if err != nil {
			t.Fatal(err)
		}
		k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": code}), 401, "code", "ticket_invalid")
		devices, err := k.App.Store.Devices(ctx, model.DefaultTenant, "alice")
		if err != nil || len(devices) != 0 {
			t.Errorf("%d devices count, of an enrolment that was refused (%v)", len(devices), err)
		}
		if after, err := k.App.Store.LogSize(ctx); err != nil || after != before+1 {
			t.Errorf("%d entries, want 1 (%v)", after-before, err)
		}
		k.FinishEnrolment("alice", "newer")
	})
}

func (h *hook) Addresses(context.Context, string, string) ([]string, error) { return nil, nil }
