package verify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit/verify"
	"rolegate/internal/store"
	"rolegate/internal/testkit/logkit"
)

// shifty is a store that shows an altered head once, and then the one it has.
type shifty struct {
	store.Store
	shown bool
}

func (s *shifty) Head(ctx context.Context) (store.Head, error) {
	h, err := s.Store.Head(ctx)
	if !s.shown {
		s.shown, h.MAC = true, nil
	}
	return h, err
}

// The head whose MAC is looked at is the one that the log is held against.
func TestHeadOfTheReading(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(5)
	for _, shown := range []bool{true, false} {
		live, err := verify.Live(k.Ctx, &shifty{k.Store, shown})
		if err != nil {
			t.Fatal(err)
		}
		r, err := verify.Run(k.Ctx, live, verify.Options{Head: k.Log.CheckHead})
		if err != nil || (len(r.Faults) == 0) != shown || !shown && !strings.Contains(r.Faults[0].What, "MAC") {
			t.Errorf("the head is the log's: %v; faults %+v, %v", shown, r.Faults, err)
		}
	}
}

// A head that says that there are more entries than anybody can count keeps nothing from
// being verified that is there, nor does an entry at the end of all that.
func TestHeadWithoutBounds(t *testing.T) {
	for name, entry := range map[string]bool{"nothing is there": false, "an entry is there": true} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(5)
			if entry {
				k.Exec(`INSERT INTO audit_entries (idx, leaf) VALUES (?, ?)`, int64(3_999_999_999_999_999_999), k.Leaf(1))
			}
			k.Exec(`UPDATE audit_head SET size = 4000000000000000000`)
			ctx, cancel := context.WithTimeout(k.Ctx, time.Minute)
			defer cancel()
			live, err := verify.Live(ctx, k.Store)
			if err != nil {
				t.Fatal(err)
			}
			r, err := verify.Run(ctx, live, verify.Options{Head: k.Log.CheckHead})
			if err != nil || !r.Partial || r.Entries != 5 || len(r.Faults) < 2 || !strings.Contains(r.Faults[0].What, "MAC") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
