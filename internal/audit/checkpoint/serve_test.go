package checkpoint_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"rolegate/model"
)

// Many who ask for what there is no checkpoint of look for a later one together: the
// publisher does not wait behind each of them.
func TestManyAskBeyond(t *testing.T) {
	f := newSQLite(t)
	f.append(1)
	f.publish(f.publisher())
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		gate := make(chan struct{})
		p := f.publisherOn(&between{f.store, func() {
			if reads.Add(1) > 1 {
				<-gate
			}
		}})
		ctx := context.Background() // the test's would be of outside
		if _, err := p.Latest(ctx); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			go func() {
				if _, err := p.Proof(ctx, 1000, 0); model.CodeOf(err) != model.CodeBeyondCheckpoint {
					t.Error(err)
				}
			}()
		}
		synctest.Wait() // one looks, the others wait for their turn
		close(gate)
		synctest.Wait()
		if n := reads.Load(); n > 3 {
			t.Errorf("100 who ask at one time look %d times", n-1)
		}
	})
}
