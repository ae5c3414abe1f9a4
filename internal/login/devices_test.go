package login_test

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// sessionOf opens a session of a level behind the service's back.
func sessionOf(t *testing.T, k *testkit.Kit, user string, acr int) login.Session {
	t.Helper()
	row := store.Session{ID: rand.Text(), Tenant: model.DefaultTenant, User: user, ACR: acr, AMR: []string{"pwd"},
		AuthTime: k.Now(), CreatedAt: k.Now(), LastSeen: k.Now(), ExpiresAt: k.Now().Add(time.Hour)}
	if err := k.App.Store.InsertSession(ctx, row); err != nil {
		t.Fatal(err)
	}
	return login.Session{Caller: model.Caller{Kind: model.CallerUser, ID: user, Tenant: model.DefaultTenant, Session: row.ID},
		Assurance: model.Assurance{Level: acr, AuthTime: k.Now()}}
}

// ticketOf opens a ticket for the second step, without hashing a password.
func ticketOf(t *testing.T, k *testkit.Kit, user string) string {
	t.Helper()
	secret := rand.Text()
	hash := sha256.Sum256([]byte(secret))
	err := k.App.Store.InsertTicket(ctx, store.Ticket{Hash: hash[:], Tenant: model.DefaultTenant, User: user, Purpose: store.TicketMFA,
		Methods: []string{"pwd"}, AuthTime: k.Now(), CreatedAt: k.Now(), ExpiresAt: k.Now().Add(5 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// A request was let in while the password was all there was, and meanwhile a
// device was added: the transaction that acts sees it.
func TestPasswordAloneTouchesNoDevice(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	s, session, id := k.App.Login, sessionOf(t, k, "alice", 1), k.DeviceIDs(alice)[0]
	for name, act := range map[string]func() error{
		"add":    func() error { _, err := s.AddDevice(ctx, session, "mine"); return err },
		"rename": func() error { _, err := s.RenameDevice(ctx, session, id, "mine"); return err },
		"remove": func() error { return s.RemoveDevice(ctx, session, id) },
		"codes":  func() error { _, err := s.NewRecoveryCodes(ctx, session); return err },
	} {
		if err := act(); model.CodeOf(err) != model.CodeStepUp {
			t.Errorf("%s: %v", name, err)
		}
	}
	pending := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	if _, err := s.ConfirmDevice(ctx, session, pending.Text("device_id"), k.CodeAt(pending.Text("secret"), 0)); model.CodeOf(err) != model.CodeStepUp {
		t.Errorf("confirm: %v", err)
	}
	// The remedy is open to it.
	if _, err := s.StepUp(ctx, session, k.NextCode(alice)); err != nil {
		t.Errorf("step-up: %v", err)
	}
}

// A session that ended while its request was on the way does nothing.
func TestEndedSessionTouchesNoDevice(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	s, session, id := k.App.Login, sessionOf(t, k, "alice", 2), k.DeviceIDs(alice)[0]
	if _, err := k.App.Store.EndSession(ctx, session.Caller.Session, k.Now()); err != nil {
		t.Fatal(err)
	}
	k.Advance(30 * time.Second)
	for name, act := range map[string]func() error{
		"add":     func() error { _, err := s.AddDevice(ctx, session, "mine"); return err },
		"rename":  func() error { _, err := s.RenameDevice(ctx, session, id, "mine"); return err },
		"remove":  func() error { return s.RemoveDevice(ctx, session, id) },
		"codes":   func() error { _, err := s.NewRecoveryCodes(ctx, session); return err },
		"step-up": func() error { _, err := s.StepUp(ctx, session, k.Code(alice)); return err },
	} {
		if err := act(); model.CodeOf(err) != model.CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.Code(alice)}), 200) // the code was not used up
}

// Whatever is sent where, in whatever order and from a clock however wrong: a
// device's step is accepted at most once over all surfaces, and never after a
// newer one.
func TestCodesCountOnceEverywhere(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	tablet := k.AddDevice(alice, "Tablet")
	s := k.App.Login
	secrets := []string{alice.Secret, tablet.Secret}
	last := map[string]int64{}
	rapid.Check(t, func(rt *rapid.T) {
		k.Advance(25 * time.Hour) // what failed before is forgotten, wherever it is counted
		first := true
		for range rapid.IntRange(2, 8).Draw(rt, "tries") {
			k.Advance(time.Duration(rapid.IntRange(0, 45).Draw(rt, "seconds")) * time.Second)
			secret := rapid.SampledFrom(secrets).Draw(rt, "device")
			off := time.Duration(rapid.IntRange(-4, 4).Draw(rt, "steps")) * 30 * time.Second
			if first {
				off, first = 0, false
			}
			now := k.Now()
			code, step := k.CodeAt(secret, off), now.Add(off).Unix()/30
			var err error
			if rapid.Bool().Draw(rt, "step-up") {
				_, err = s.StepUp(ctx, sessionOf(t, k, "alice", 2), code)
			} else {
				_, err = s.VerifyTOTP(ctx, ticketOf(t, k, "alice"), code)
			}
			switch {
			case err != nil && model.CodeOf(err) != model.CodeCodeInvalid:
				rt.Fatal(err)
			case err != nil:
			case step <= last[secret]:
				rt.Fatalf("step %d is accepted after %d", step, last[secret])
			default:
				last[secret] = step
			}
		}
	})
}
