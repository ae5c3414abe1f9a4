package audit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// keyed is a store that holds each leaf, on its way into the log, to have keys that
// another connection sees: committed ones.
type keyed struct {
	store.Store
	check func(e store.Entry)
}

func (s *keyed) InTx(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error { return fn(keyedTx{tx, s.check}) })
}

type keyedTx struct {
	store.Tx
	check func(e store.Entry)
}

func (t keyedTx) ExtendTree(ctx context.Context, index int64, entries []store.Entry, head store.Head) error {
	for _, e := range entries {
		t.check(e)
	}
	return t.Tx.ExtendTree(ctx, index, entries, head)
}

// However an entry is appended, the keys of its segments are committed before it.
func TestKeysCommitBeforeTheLeaf(t *testing.T) {
	stores(t, func(t *testing.T, st store.Store, _ func() store.Store) {
		path := filepath.Join(t.TempDir(), "keys.db")
		keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		count := func(query string, arg any) (n int) {
			if err := db.QueryRow(query, arg).Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		var checked atomic.Int64
		guard := &keyed{st, func(e store.Entry) {
			leaf, err := audit.Decode(e.Leaf)
			if err != nil {
				t.Error(err)
			}
			for _, s := range leaf.Segments {
				checked.Add(1)
				if count(`SELECT count(*) FROM person_keys WHERE ref = ?`, s.Ref) != 1 {
					t.Errorf("%s: the leaf comes before the key of %x", leaf.Activity, s.Ref)
				}
			}
			if len(leaf.Segments) > 0 && count(`SELECT count(*) FROM month_keys WHERE class = ?`, string(leaf.Class)) == 0 {
				t.Errorf("%s: the leaf comes before the month's key", leaf.Activity)
			}
		}}
		f := newFixture(t, guard)
		log, err := audit.Open(f.ctx, guard, keys, f.kek, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close(context.Background())
		of := func(class audit.Class, who ...string) audit.Entry {
			e := entry
			e.Class, e.Person = class, who[0]
			for _, w := range who[1:] {
				e.Others = append(e.Others, audit.Part{Person: w, Personal: map[string]any{"person": w}})
			}
			return e
		}
		err = errors.Join(
			log.Append(f.ctx, of(audit.ClassLogin, "user:1"), of(audit.ClassAdmin, "user:2")),
			log.Append(f.ctx, of(audit.ClassDecision, "user:3", "contact:1", "contact:2", "contact:3")),
			log.AppendDecision(f.ctx, of(audit.ClassDecision, "user:4")),
			st.InTx(f.ctx, func(tx store.Tx) error {
				return log.AppendIn(f.ctx, keyedTx{tx, guard.check}, of(audit.ClassBreakGlass, "user:5"))
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Start(f.ctx, audit.Options{Buffered: true, Alone: true}); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if err := log.AppendDecision(f.ctx, of(audit.ClassDecision, fmt.Sprint("user:buffered-", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(f.ctx); err != nil {
			t.Fatal(err)
		}
		if n := checked.Load(); n != 58 {
			t.Errorf("%d segments were looked at, want 58", n)
		}
	})
}

// unkept is a keystore that does not keep new keys.
type unkept struct{ store.Keystore }

func (unkept) InsertPersonKey(context.Context, store.PersonKey) error    { return errAway }
func (unkept) InsertPersonKeys(context.Context, []store.PersonKey) error { return errAway }

// Where the key cannot be committed there is no leaf.
func TestNoLeafWithoutItsKey(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	log, err := audit.Open(f.ctx, f.store, unkept{f.keys}, f.kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.Background())
	wantUnavailable(t, "Append", log.Append(f.ctx, entry))
	err = f.store.InTx(f.ctx, func(tx store.Tx) error { return log.AppendIn(f.ctx, tx, entry) })
	wantUnavailable(t, "AppendIn", err)
	if err := log.Append(context.Background(), audit.Entry{Class: audit.ClassSystem, Activity: audit.Started, Outcome: audit.OutcomeOK,
		Caller: model.Caller{Kind: model.CallerSystem}}); err != nil {
		t.Errorf("what seals nothing: %v", err)
	}
	if l := f.leaves(t); len(l) != 1 || len(l[0].Segments) != 0 {
		t.Errorf("the log has %+v", l)
	}
}
