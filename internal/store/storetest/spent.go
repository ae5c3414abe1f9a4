package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var spentTests = []storeTest{
	{"Spent/Once", func(t *testing.T, f fixture) {
		ctx := t.Context()
		id, other := []byte{0, 255}, []byte{0}
		spent, err := f.IsSpent(ctx, id)
		no(t, "IsSpent before", spent, err)
		var won atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if took, err := f.Spend(ctx, id, now.Add(time.Minute)); err != nil {
					t.Error(err)
				} else if took {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d callers spent one id", won.Load())
		}
		spent, err = f.IsSpent(ctx, id)
		yes(t, "IsSpent", spent, err)
		spent, err = f.IsSpent(ctx, other)
		no(t, "IsSpent of another", spent, err)
	}},
	{"Spent/Sweep", func(t *testing.T, f fixture) {
		ctx := t.Context()
		took, err := f.Spend(ctx, []byte("gone"), now)
		yes(t, "Spend", took, err)
		took, err = f.Spend(ctx, []byte("kept"), now.Add(time.Microsecond))
		yes(t, "Spend", took, err)
		f.must(f.SweepSpent(ctx, now))
		spent, err := f.IsSpent(ctx, []byte("gone"))
		no(t, "IsSpent of what has expired", spent, err)
		spent, err = f.IsSpent(ctx, []byte("kept"))
		yes(t, "IsSpent of what has not", spent, err)
	}},
}
