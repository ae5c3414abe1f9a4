package directory_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// A user who came by import has no account until the first thing that needs one:
// an invitation or a disabling, which is recorded as making it.
func TestImportedUsersGetAccounts(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	_, err := s.Import(ctx, operator, "acme", []byte(`{"subjects": [{"type": "user", "id": "bob"}, {"type": "user", "id": "eve"}, {"type": "user", "id": "two words"},
		{"type": "user", "id": "a:b"}, {"type": "user", "id": "taken"}, {"type": "bot", "id": "robo"}]}`), false, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddUser(ctx, operator, "acme", directory.NewUser{ID: "x", Username: "Taken", UsernameKey: "taken"}, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		do       func() error
		recorded []audit.Activity
		changed  []store.Change
	}{
		{"invite bob", func() error { _, err := s.InviteUser(ctx, operator, "acme", "user:bob", 0, ""); return err },
			[]audit.Activity{audit.UserCreated, audit.UserInvited}, nil},
		{"and again", func() error { _, err := s.InviteUser(ctx, operator, "acme", "bob", 0, ""); return err },
			[]audit.Activity{audit.UserInvited}, nil},
		{"disable eve", func() error { _, err := s.SetUserDisabled(ctx, operator, "acme", "eve", true, "left"); return err },
			[]audit.Activity{audit.UserCreated, audit.UserDisabled}, []store.Change{{Kind: store.ChangedSubject, Key: "user:eve"}}},
		{"enable eve", func() error { _, err := s.SetUserDisabled(ctx, operator, "acme", "eve", false, ""); return err },
			[]audit.Activity{audit.UserEnabled}, []store.Change{{Kind: store.ChangedSubject, Key: "user:eve"}}},
		{"disable eve again", func() error { _, err := s.SetUserDisabled(ctx, operator, "acme", "eve", true, ""); return err },
			[]audit.Activity{audit.UserDisabled}, []store.Change{{Kind: store.ChangedSubject, Key: "user:eve"}}},
	} {
		before, size := tenant(t, s, "acme"), logSize(t, s)
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		changed, complete, err := s.Store.ChangesSince(ctx, "acme", before.Revision, 10)
		if err != nil || !complete || !slices.Equal(changed, c.changed) {
			t.Errorf("%s: changed %v (%v)", c.name, changed, err)
		}
		if got := activities(t, s, size); !slices.Equal(got, c.recorded) {
			t.Errorf("%s: recorded %v, want %v", c.name, got, c.recorded)
		}
	}
	for id, want := range map[string]model.User{"bob": {Username: "bob", UsernameKey: "bob"}, "eve": {Username: "eve", UsernameKey: "eve", Disabled: true}} {
		got, err := s.Store.User(ctx, "acme", id)
		if err != nil || got.Username != want.Username || got.UsernameKey != want.UsernameKey || got.Disabled != want.Disabled || got.PasswordHash != "" || got.CreatedAt.IsZero() {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	if d, err := s.Store.LoadDirectory(ctx, "acme"); err != nil || !slices.Equal(d.Disabled, []string{"eve"}) {
		t.Errorf("disabled: %v, %v", d.Disabled, err)
	}

	// What cannot be an account stays none, and leaves no trace.
	size := logSize(t, s)
	for id, want := range map[string]model.Code{"taken": model.CodeConflict, "two words": model.CodeInvalidRequest, "a:b": model.CodeInvalidRequest,
		"robo": model.CodeUserUnknown, "bot:robo": model.CodeUserUnknown, "nobody": model.CodeUserUnknown} {
		if _, err := s.InviteUser(ctx, operator, "acme", id, 0, ""); model.CodeOf(err) != want {
			t.Errorf("inviting %s: %v", id, err)
		}
		if _, err := s.SetUserDisabled(ctx, operator, "acme", id, true, ""); model.CodeOf(err) != want {
			t.Errorf("disabling %s: %v", id, err)
		}
	}
	if _, err := s.SetUserDisabled(ctx, operator, "acme", "taken", false, ""); model.CodeOf(err) != model.CodeUserUnknown {
		t.Errorf("enabling who has no account: %v", err)
	}
	if got := activities(t, s, size); len(got) > 0 {
		t.Errorf("recorded %v", got)
	}
	// The way out of a conflict is to choose the name.
	if _, err := s.AddUser(ctx, operator, "acme", directory.NewUser{ID: "taken", Username: "taken2", UsernameKey: "taken2"}, ""); err != nil {
		t.Error(err)
	}
}

func logSize(t *testing.T, s *directory.Service) int64 {
	t.Helper()
	return audittest.Size(t, s.Store)
}

// activities are those recorded since the log had so many entries.
func activities(t *testing.T, s *directory.Service, since int64) []audit.Activity {
	t.Helper()
	return audittest.Activities(audittest.From(t, s.Store, since))
}

// An invitation waits for as long as is said, but not for ever.
func TestInvitationsEnd(t *testing.T) {
	s := newTenant(t)
	now := s.Now()
	if _, err := s.AddUser(t.Context(), operator, "acme", directory.NewUser{ID: "bob", Username: "bob", UsernameKey: "bob"}, ""); err != nil {
		t.Fatal(err)
	}
	for ttl, want := range map[time.Duration]time.Duration{
		0: directory.InviteTTL, time.Hour: time.Hour, directory.MaxInviteTTL: directory.MaxInviteTTL, directory.MaxInviteTTL + 1: 0, -1: 0, math.MaxInt64: 0,
	} {
		inv, err := s.InviteUser(t.Context(), operator, "acme", "bob", ttl, "")
		switch {
		case want == 0 && model.CodeOf(err) != model.CodeInvalidRequest:
			t.Errorf("for %v: %v, %v", ttl, inv.ExpiresAt, err)
		case want > 0 && (err != nil || inv.ExpiresAt.Sub(now).Round(time.Minute) != want):
			t.Errorf("for %v: %v of %v, %v", ttl, inv.ExpiresAt, now, err)
		}
	}
}
