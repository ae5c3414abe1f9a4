// Package storetest is the suite every store passes: what package store
// promises, as named tests, with a case for each place where SQLite and
// PostgreSQL would by themselves differ. It appears in tests only.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/store"
	"rolegate/model"
)

// Run tests a store; open gives a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, group := range [][]storeTest{
		metaTests, tenantTests, changeTests, directoryTests, provisioningTests, roleTests, userTests, inviteTests, ticketTests, factorTests,
		sessionTests, sweepTests, throttleTests, clientTests, spentTests, policyTests, keyTests, entryTests, checkpointTests, foundTests, txTests, textTests, administrationTests, draftTests, appliedTests,
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				c.test(t, fixture{Queries: s, whole: s, t: t})
			})
		}
	}
}

// RunKeystore tests a keystore; open gives a fresh, empty one.
func RunKeystore(t *testing.T, open func(t *testing.T) store.Keystore) {
	for _, c := range keystoreTests {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

type storeTest struct {
	name string
	test func(t *testing.T, f fixture)
}

// now is the tests' time: to the microsecond, as stores keep it.
var now = time.Date(2026, 11, 23, 8, 9, 10, 123456000, time.UTC)

// fixture is a store, or a transaction of one, with shortcuts to put things in.
type fixture struct {
	store.Queries
	whole
	t *testing.T
}

// whole is what a store has and a transaction has not.
type whole interface {
	InTx(ctx context.Context, fn func(tx store.Tx) error) error
	Clock(ctx context.Context) (time.Time, error)
	Ping(ctx context.Context) error
	Revisions() *store.Revisions
}

func (f fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// tenant inserts a plain tenant and gives its id back.
func (f fixture) tenant(id string) string {
	f.t.Helper()
	f.must(f.InsertTenant(f.t.Context(), model.Tenant{ID: id, Ref: []byte("ref-" + id), MFA: model.MFAEveryone, CreatedAt: now}))
	return id
}

// user inserts a user of tenant "t", which it makes too if need be.
func (f fixture) user(id string) model.User {
	f.t.Helper()
	if _, err := f.Tenant(f.t.Context(), "t"); errors.Is(err, store.ErrNotFound) {
		f.tenant("t")
	}
	u := model.User{Tenant: "t", ID: id, Username: id, UsernameKey: id, PasswordHash: "first", CreatedAt: now}
	f.must(f.InsertUser(f.t.Context(), u))
	return u
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func wantCode(t *testing.T, what string, err error, want model.Code) {
	t.Helper()
	if model.CodeOf(err) != want {
		t.Errorf("%s: got error %v, want code %s", what, err, want)
	}
}

// same compares what f gave with want.
func same[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// yes and no check a conditional update.
func yes(t *testing.T, what string, took bool, err error) {
	t.Helper()
	tookIs(t, what, took, err, true)
}
func no(t *testing.T, what string, took bool, err error) {
	t.Helper()
	tookIs(t, what, took, err, false)
}

func tookIs(t *testing.T, what string, took bool, err error, want bool) {
	t.Helper()
	if err != nil || took != want {
		t.Errorf("%s = %v, %v; want %v", what, took, err, want)
	}
}

// together runs fn in n goroutines that start at the same moment.
func together(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = fn(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// wins lets n goroutines try the same and expects it to work just want times.
func wins(t *testing.T, what string, n, want int, try func(i int) (bool, error)) {
	t.Helper()
	var mu sync.Mutex
	won := 0
	together(t, n, func(i int) error {
		ok, err := try(i)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			mu.Lock()
			won++
			mu.Unlock()
		}
		return nil
	})
	if won != want {
		t.Errorf("%s worked for %d of %d at once, want %d", what, won, n, want)
	}
}

// ignore gives nil for the expected error.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
