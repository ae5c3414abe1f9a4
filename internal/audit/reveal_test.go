package audit_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// shredded is a keystore in which keys are missing, or that is away.
type shredded struct {
	store.Keystore
	ref   []byte
	month bool
	away  error
}

func (s *shredded) PersonKeyByRef(ctx context.Context, ref []byte) (store.PersonKey, error) {
	if s.away != nil {
		return store.PersonKey{}, s.away
	}
	if bytes.Equal(ref, s.ref) {
		return store.PersonKey{}, store.ErrNotFound
	}
	return s.Keystore.PersonKeyByRef(ctx, ref)
}

func (s *shredded) MonthKey(ctx context.Context, tenant []byte, class, month string) (store.MonthKey, error) {
	if s.month {
		return store.MonthKey{}, store.ErrNotFound
	}
	return s.Keystore.MonthKey(ctx, tenant, class, month)
}

func (s *shredded) InsertMonthKey(context.Context, store.MonthKey) error {
	return errors.New("reading made a key")
}

// What is sealed opens segment by segment; what was destroyed, or altered, is nil
// and takes nothing else along; and reading makes no key.
func TestReveal(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	e := entry
	e.Caller = model.Caller{Kind: model.CallerOperator, ID: "0@host"}
	if err := f.log.Append(f.ctx, e); err != nil {
		t.Fatal(err)
	}
	rows, err := f.store.EntriesBetween(f.ctx, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := audit.Decode(rows[0].Leaf)
	if err != nil {
		t.Fatal(err)
	}
	keys := &shredded{Keystore: f.keys}
	log, err := audit.Open(f.ctx, f.store, keys, f.kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.Background())
	reveal := func(e store.Entry, person, caller bool) {
		t.Helper()
		got, err := log.Reveal(f.ctx, leaf, e)
		if err != nil || len(got) != 2 || (got[0] != nil) != person || (got[1] != nil) != caller {
			t.Fatalf("Reveal = %v, %v", got, err)
		}
		if person && got[0]["resource"] != "contact:4711-secret" || caller && got[1]["caller"] != "operator:0@host" {
			t.Errorf("Reveal = %v", got)
		}
	}
	reveal(rows[0], true, true)
	reveal(store.Entry{Leaf: rows[0].Leaf, Sealed: rows[0].Sealed[1:]}, false, true)
	altered := rows[0].Sealed[0]
	altered.Ciphertext = append([]byte{1}, altered.Ciphertext...)
	reveal(store.Entry{Leaf: rows[0].Leaf, Sealed: []store.Segment{altered, rows[0].Sealed[1]}}, false, true)
	keys.ref = leaf.Segments[1].Ref
	reveal(rows[0], true, false)
	keys.month = true
	reveal(rows[0], false, false)
	keys.month, keys.away = false, errors.New("away")
	if got, err := log.Reveal(f.ctx, leaf, rows[0]); !errors.Is(err, keys.away) {
		t.Errorf("with the keystore away Reveal = %v, %v", got, err)
	}
}
