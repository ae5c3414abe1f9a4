package login_test

import (
	"context"
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
