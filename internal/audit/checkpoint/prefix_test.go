package checkpoint_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// breaking is a store whose next transaction fails before or after its commit, as
// when a process is killed or a network breaks.
type breaking struct {
	store.Store
	before, after bool
}

var errBroken = model.Errorf(model.CodeStoreUnavailable, "broken")

func (s *breaking) InTx(ctx context.Context, fn func(store.Tx) error) error {
	before, after := s.before, s.after
	s.before, s.after = false, false
	if before {
		return errBroken
	}
	err := s.Store.InTx(ctx, fn)
	if err == nil && after {
		return errBroken
	}
	return err
}

// silent is a keystore that cannot be written for once.
type silent struct {
	store.Keystore
	once bool
}

func (k *silent) SwapMeta(ctx context.Context, key string, was, value []byte) (bool, error) {
	if k.once {
		k.once = false
		return false, errBroken
	}
	return k.Keystore.SwapMeta(ctx, key, was, value)
}

// Every checkpoint that anybody was ever given is of a beginning of the tree of
// every later one: with several replicas that are behind one another, that die at
// any moment and start again, and with a database that fails before and after it
// commits.
func TestEveryCheckpointBeginsTheNext(t *testing.T) {
	f := newSQLite(t)
	keys := &silent{Keystore: f.keys}
	f.keys = keys
	f.publish(f.publisher())
	a := f.auditor(f.publisher())
	rapid.Check(t, func(t *rapid.T) {
		st := &breaking{Store: f.store}
		replicas := make([]*checkpoint.Publisher, 3)
		start := func(i int) { replicas[i] = f.publisherOn(st) }
		for i := range replicas {
			start(i)
		}
		which := func() int { return rapid.IntRange(0, len(replicas)-1).Draw(t, "replica") }
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) { f.append(rapid.SampledFrom([]int{1, 3, 200, 256}).Draw(t, "entries")) },
			"publish": func(t *rapid.T) {
				p := replicas[which()]
				c := f.publish(p)
				a.sees(p, c.Note)
			},
			"serve": func(t *rapid.T) {
				p := replicas[which()]
				c, err := p.Latest(f.ctx)
				if err != nil {
					t.Fatal(err)
				}
				a.sees(p, c.Note)
			},
			"kill": func(t *rapid.T) { start(which()) },
			"fail": func(t *rapid.T) {
				f.append(1)
				i := which()
				switch rapid.IntRange(0, 2).Draw(t, "where") {
				case 0:
					st.before = true
				case 1:
					st.after = true
				case 2:
					keys.once = true
				}
				if _, err := replicas[i].Publish(f.ctx); !errors.Is(err, errBroken) {
					t.Fatalf("a database that fails: %v", err)
				}
				if rapid.Bool().Draw(t, "killed") {
					start(i)
				}
			},
		})
	})
}

// Replicas that publish at one time store one checkpoint a size, and none is ahead
// of what is stored.
func TestManyPublishAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	open := func() *sqlstore.DB {
		st, err := sqlstore.OpenPostgres(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		return st
	}
	f := newFixture(t, open(), "")
	var ps []*checkpoint.Publisher
	for range 3 {
		ps = append(ps, f.publisherOn(open()))
	}
	f.append(1)
	f.publish(ps[0])
	a := f.auditor(ps[0])
	seen := make(chan checkpoint.Checkpoint, 300)
	done := make(chan error, len(ps))
	for _, p := range ps {
		go func() {
			for range 30 {
				c, err := p.Publish(f.ctx)
				if err != nil {
					done <- err
					return
				}
				seen <- c
			}
			done <- nil
		}()
	}
	for range 20 {
		f.append(20)
	}
	for range ps {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	close(seen)
	sizes := map[int64]string{}
	for c := range seen {
		if was, ok := sizes[c.Size]; ok && was != string(c.Note) {
			t.Fatalf("two checkpoints of %d", c.Size)
		}
		sizes[c.Size] = string(c.Note)
	}
	f.publish(ps[0])
	for _, signed := range sizes {
		a.sees(ps[0], []byte(signed))
	}
}
