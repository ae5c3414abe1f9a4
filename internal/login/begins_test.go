package login_test

import (
	"slices"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// A try that begins a wait was taken: that the wait begins is in the log, and so is what
// became of the request.
func TestBeginOfAWaitIsNoRefusal(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	noted := func(f func()) (of []audit.Activity, last model.Code) {
		t.Helper()
		trace := ""
		for _, e := range k.Noted("alice", f) {
			if trace == "" {
				trace = e.Request
			}
			if e.Request == "" || e.Request != trace {
				t.Errorf("%s is of request %q, want %q", e.Activity, e.Request, trace)
			}
			of, last = append(of, e.Activity), e.Code
		}
		return of, last
	}
	for range 4 {
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "wrong"}), 401)
	}
	good := k.App.Login.Hasher
	k.App.Login.Hasher = fullHasher(t)
	of, code := noted(func() {
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), 503, "code", "busy")
	})
	if !slices.Equal(of, []audit.Activity{audit.LoginFailMax, audit.RequestFailed}) || code != model.CodeBusy {
		t.Errorf("the fifth password, for which no worker came free: %s, the last with %q", of, code)
	}
	k.App.Login.Hasher = good

	of, code = noted(func() {
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "wrong"}), 401)
	})
	if !slices.Equal(of, []audit.Activity{audit.LoginFailMax, audit.PasswordFailed}) || code != model.CodeLoginFailed {
		t.Errorf("the fifth password, wrong: %s, the last with %q", of, code)
	}

	// Of a bucket the begin is told by the first that it refuses: that is its entry.
	for range 5 {
		k.Want(k.Post("/v1/me/recovery-codes", alice.Access, nil), 200)
	}
	of, code = noted(func() { k.Want(k.Post("/v1/me/recovery-codes", alice.Access, nil), 429) })
	if !slices.Equal(of, []audit.Activity{audit.LoginFailMax}) || code != model.CodeTooManyAttempts {
		t.Errorf("the sixth renewal: %s, the last with %q", of, code)
	}
}

// The try that begins a lock may be right, and a ticket that the lock refuses is the way
// to a recovery code.
func TestALockLeavesTicketsAlone(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	try := func(ticket, code string, status int) {
		t.Helper()
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}), status)
	}
	ticket := k.Ticket("alice")
	for i := range 9 {
		if i == 5 { // of five tries
			ticket = k.Ticket("alice")
		}
		try(ticket, "12345", 401)
	}
	try(ticket, k.NextCode(alice), 200)

	for range 2 {
		ticket = k.Ticket("alice")
		for range 5 {
			try(ticket, "12345", 401)
		}
	}
	ticket = k.Ticket("alice")
	try(ticket, k.NextCode(alice), 429)
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]}), 200)
}
