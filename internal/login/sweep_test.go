package login_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// stuck is a store in which tickets cannot be deleted.
type stuck struct{ store.Store }

func (stuck) DeleteTickets(context.Context, time.Time, int) (int, error) {
	return 0, model.Errorf(model.CodeStoreUnavailable, "the database is away")
}

// A sweep that ends early leaves an entry: after how many rows, and why.
func TestSweepIsCutOff(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	k.Advance(60 * 24 * time.Hour)
	k.App.Login.Store = stuck{k.App.Store}
	e := audittest.One(t, k.App.Store, func() {
		swept, due, err := k.App.Login.Sweep(context.Background(), 24*time.Hour)
		if swept == 0 || !due || model.CodeOf(err) != model.CodeStoreUnavailable {
			t.Fatalf("%d rows, %v, %v", swept, due, err)
		}
	})
	if e.Activity != audit.JobCutOff || e.Op != "sweep" || e.Count == 0 || e.Code != model.CodeStoreUnavailable || e.Outcome != audit.OutcomeError {
		t.Errorf("%+v", e.Leaf)
	}
}

// A login history keeps its newest thousand lines.
func TestHistoryKeepsAThousandLines(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		now := k.Now()
		err := k.App.Store.InTx(t.Context(), func(tx store.Tx) error {
			for i := range 1010 {
				if err := tx.NoteEvent(t.Context(), store.Event{Tenant: model.DefaultTenant, User: "alice", ID: fmt.Sprint(i), At: now.Add(time.Duration(i) * time.Second)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		k.Advance(2 * time.Hour)
		if _, due, err := k.App.Login.Sweep(t.Context(), 90*24*time.Hour); err != nil || !due {
			t.Fatal(due, err)
		}
		left, err := k.App.Store.Events(t.Context(), model.DefaultTenant, "alice", store.EventPlace{}, 2000)
		if err != nil || len(left) != 1000 || left[0].ID != "1009" || left[999].ID != "10" {
			t.Errorf("%d lines are left, %v", len(left), err)
		}
	})
}
