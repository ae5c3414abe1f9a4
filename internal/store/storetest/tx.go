package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var txTests = []storeTest{
	{"Tx/CommitsTogether", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			f := fixture{Queries: tx, t: t}
			f.user("ann")
			if _, err := tx.User(ctx, "t", "ann"); err != nil {
				t.Errorf("the transaction does not see its own write: %v", err)
			}
			return nil
		}))
		_, err := f.User(ctx, "t", "ann")
		f.must(err)
	}},
	{"Tx/OnCommitIsOfWhatIsCommitted", func(t *testing.T, f fixture) {
		ctx := t.Context()
		told := 0
		change := func(end error) error {
			return f.InTx(ctx, func(tx store.Tx) error {
				tx.OnCommit(func() { told++ })
				f.must(tx.InsertMeta(ctx, "k", []byte("v")))
				if told != 0 {
					t.Error("told before the commit")
				}
				return end
			})
		}
		if err := change(errors.New("boom")); err == nil || told != 0 {
			t.Errorf("rolled back: %v, told %d times", err, told)
		}
		if err := change(nil); err != nil || told != 1 {
			t.Errorf("committed: %v, told %d times", err, told)
		}
	}},
	{"Tx/ErrorLeavesNothing", func(t *testing.T, f fixture) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := f.InTx(ctx, func(tx store.Tx) error {
			f := fixture{Queries: tx, t: t}
			f.user("ann")
			f.must(tx.ReplaceRecoveryCodes(ctx, "t", "ann", []store.RecoveryCode{{Selector: "x"}}))
			return fmt.Errorf("wrapped: %w", boom)
		})
		wantErr(t, "InTx", err, boom)
		_, err = f.Tenant(ctx, "t")
		wantErr(t, "Tenant", err, store.ErrNotFound)
	}},
	{"Tx/PanicLeavesNothing", func(t *testing.T, f fixture) {
		ctx := t.Context()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			f.InTx(ctx, func(tx store.Tx) error {
				f.must(tx.InsertMeta(ctx, "k", []byte("v")))
				panic("boom")
			})
		}()
		_, err := f.MetaValue(ctx, "k")
		wantErr(t, "MetaValue", err, store.ErrNotFound)
		f.must(f.InsertMeta(ctx, "k", []byte("v"))) // the connection is free again
	}},
	{"Tx/UnseenUntilCommitAndReadersDoNotWait", func(t *testing.T, f fixture) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			if err := tx.InsertMeta(ctx, "k", []byte("v")); err != nil {
				return err
			}
			_, err := f.MetaValue(ctx, "k")
			wantErr(t, "MetaValue outside", err, store.ErrNotFound)
			return nil
		}))
		got, err := f.MetaValue(ctx, "k")
		same(t, "MetaValue after", got, err, []byte("v"))
	}},
	// PostgreSQL by itself would spoil the transaction.
	{"Tx/ErrExistsAndErrNotFoundDoNotEndIt", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			wantErr(t, "InsertUser", tx.InsertUser(ctx, model.User{Tenant: "t", ID: "ann", UsernameKey: "x"}), store.ErrExists)
			wantErr(t, "InsertTenant", tx.InsertTenant(ctx, model.Tenant{ID: "t", Ref: []byte("x")}), store.ErrExists)
			_, err := tx.User(ctx, "t", "bob")
			wantErr(t, "User", err, store.ErrNotFound)
			wantCode(t, "InsertMeta with NUL", tx.InsertMeta(ctx, "a\x00b", nil), model.CodeInvalidRequest)
			return tx.InsertMeta(ctx, "after", nil)
		}))
		_, err := f.MetaValue(ctx, "after")
		f.must(err)
	}},
	// SQLite by itself would commit the rest.
	{"Tx/FailedStatementEndsItEvenIfIgnored", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		err := f.InTx(ctx, func(tx store.Tx) error {
			f.must(tx.InsertMeta(ctx, "before", nil))
			err := tx.PutSubject(ctx, "none", model.Subject{Type: "user", ID: "ann"})
			wantErr(t, "PutSubject", err, store.ErrNotFound)
			if err := tx.InsertMeta(ctx, "after", nil); err == nil {
				t.Error("a statement worked after one that failed")
			}
			return nil
		})
		if err == nil {
			t.Error("InTx committed after a failed statement")
		}
		for _, key := range []string{"before", "after"} {
			_, err := f.MetaValue(ctx, key)
			wantErr(t, "MetaValue "+key, err, store.ErrNotFound)
		}
	}},
	{"Tx/CanceledStaysCanceled", func(t *testing.T, f fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		err := f.InTx(ctx, func(tx store.Tx) error {
			f.must(tx.InsertMeta(ctx, "k", nil))
			cancel()
			return tx.InsertMeta(ctx, "l", nil)
		})
		wantErr(t, "InTx", err, context.Canceled)
		_, err = f.MetaValue(ctx, "k")
		wantErr(t, "MetaValue", err, context.Canceled)
		wantErr(t, "InsertMeta", f.InsertMeta(ctx, "k", nil), context.Canceled)
		wantErr(t, "Ping", f.Ping(ctx), context.Canceled)
		_, err = f.MetaValue(t.Context(), "k")
		wantErr(t, "MetaValue later", err, store.ErrNotFound)
	}},
	{"Tx/DeadlineIsUnavailable", func(t *testing.T, f fixture) {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		err := f.InsertMeta(ctx, "k", nil)
		wantCode(t, "InsertMeta after the deadline", err, model.CodeStoreUnavailable)
		wantErr(t, "InsertMeta after the deadline", err, context.DeadlineExceeded)
	}},
	{"Tx/WaiterGivesUpWithItsContext", func(t *testing.T, f fixture) {
		f.tenant("t")
		f.must(f.InTx(t.Context(), func(tx store.Tx) error {
			if _, err := tx.Bump(t.Context(), "t"); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := f.Bump(ctx, "t")
			wantCode(t, "Bump of a locked row", err, model.CodeStoreUnavailable)
			return nil
		}))
		// Whether the one that gave up took effect after all nobody knows.
		if rev, err := f.Bump(t.Context(), "t"); err != nil || rev < 2 {
			t.Errorf("Bump = %d, %v; want 2 or 3", rev, err)
		}
	}},
	// Two transactions that take two rows in opposite order.
	{"Tx/DeadlocksAreTriedAgain", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("a")
		f.tenant("b")
		together(t, 4, func(i int) error {
			return f.InTx(ctx, func(tx store.Tx) error {
				for _, id := range [][]string{{"a", "b"}, {"b", "a"}}[i%2] {
					if _, err := tx.Bump(ctx, id); err != nil {
						return err
					}
					time.Sleep(10 * time.Millisecond)
				}
				return nil
			})
		})
		for _, id := range []string{"a", "b"} {
			got, err := f.Tenant(ctx, id)
			same(t, "Revision of "+id, got.Revision, err, 4)
		}
	}},
	// A check followed by a write holds if the transaction takes the tenant's row first.
	{"Tx/BumpFirstPutsCheckAndWriteInOrder", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		wins(t, "taking the only place", 20, 1, func(i int) (took bool, err error) {
			err = f.InTx(ctx, func(tx store.Tx) error {
				took = false
				if _, err := tx.Bump(ctx, "t"); err != nil {
					return err
				}
				d, err := tx.LoadDirectory(ctx, "t")
				if err != nil || len(d.Teams) > 0 {
					return err
				}
				took = true
				return tx.PutTeam(ctx, "t", model.Team{ID: fmt.Sprint(i)})
			})
			return took, err
		})
	}},
}
