package login_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rolegate/internal/app"
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
		"codes":  func() error { _, err := s.NewRecoveryCodes(ctx, session, ""); return err },
	} {
		if err := act(); model.CodeOf(err) != model.CodeStepUp {
			t.Errorf("%s: %v", name, err)
		}
	}
	pending := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	if _, err := s.ConfirmDevice(ctx, session, pending.Text("device_id"), k.CodeAt(pending.Text("secret"), 0), ""); model.CodeOf(err) != model.CodeStepUp {
		t.Errorf("confirm: %v", err)
	}
	// The remedy is open to it.
	if _, err := s.StepUp(ctx, session, k.NextCode(alice)); err != nil {
		t.Errorf("step-up: %v", err)
	}
}

// Whoever lets a session through that can only enrol again, the transaction does not.
func TestRecoverySessionTouchesNoDevice(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	s, id := k.App.Login, k.DeviceIDs(alice)[0]
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": alice.RecoveryCodes[0]}), 200)
	session := sessionOf(t, k, "alice", 2)
	k.Exec(`UPDATE sessions SET restricted = 1 WHERE id = '` + session.Caller.Session + `'`)
	for name, act := range map[string]func() error{
		"add":     func() error { _, err := s.AddDevice(ctx, session, "mine"); return err },
		"remove":  func() error { return s.RemoveDevice(ctx, session, id) },
		"codes":   func() error { _, err := s.NewRecoveryCodes(ctx, session, ""); return err },
		"step-up": func() error { _, err := s.StepUp(ctx, session, k.NextCode(alice)); return err },
	} {
		if err := act(); model.CodeOf(err) != model.CodeReEnrolOnly {
			t.Errorf("%s: %v", name, err)
		}
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
		"codes":   func() error { _, err := s.NewRecoveryCodes(ctx, session, ""); return err },
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

// staleStore reads devices and recovery codes as they were before any code was
// used: what may be seen of them while another request is about to use one.
type staleStore struct{ store.Store }

func (s staleStore) InTx(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error { return f(staleTx{tx}) })
}

func (s staleStore) RecoveryCode(ctx context.Context, tenant, user, selector string) (store.RecoveryCode, error) {
	r, err := s.Store.RecoveryCode(ctx, tenant, user, selector)
	r.UsedAt = time.Time{}
	return r, err
}

type staleTx struct{ store.Tx }

func (tx staleTx) Devices(ctx context.Context, tenant, user string) ([]store.Device, error) {
	devices, err := tx.Tx.Devices(ctx, tenant, user)
	for i := range devices {
		devices[i].LastStep = 0
	}
	return devices, err
}

// What was read does not decide whether a code was used; the statement that takes
// it does.
func TestStaleReadsOpenNothing(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { a.Login.Store = staleStore{a.Login.Store} })
	alice := k.MustEnrol("alice")
	k.MidStep()
	code := k.Code(alice)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": code}), 200)
	recovery := alice.RecoveryCodes[0]
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": recovery}), 200)
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": recovery}), 401, "code", "code_invalid")
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": code}), 401, "code", "code_invalid")
	k.Want(k.Post("/v1/step-up", alice.Access, map[string]any{"code": code}), 401, "code", "code_invalid")
}
