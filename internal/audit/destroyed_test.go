package audit_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// mine are the pseudonyms the entries of the fixture's person have, in order.
func (f *fixture) mine(t *testing.T) (refs [][]byte) {
	t.Helper()
	for _, l := range f.of(t, audit.Evaluated) {
		refs = append(refs, l.Segments[0].Ref)
	}
	return refs
}

// A key that was destroyed is gone from memory as well: it seals nothing, and who
// comes again is another one.
func TestDestroyedKeysAreForgotten(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	if err := f.log.Append(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	was := f.mine(t)[0]
	if n, err := f.keys.DestroyKeys(f.ctx, [][]byte{was}, nil); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := f.log.ForgetKeys(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.log.Append(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	if refs := f.mine(t); bytes.Equal(refs[1], was) {
		t.Error("what came after is sealed under the key that was destroyed")
	}
	leaf := f.of(t, audit.Evaluated)[1]
	month := store.MonthKey{Tenant: leaf.Tenant, Class: string(leaf.Class), Month: time.UnixMicro(leaf.Time).UTC().Format("2006-01")}
	tag := func() error {
		_, err := f.log.Tag(f.ctx, leaf.Tenant, leaf.Class, month.Month, "contact:4711-secret")
		return err
	}
	if err := tag(); err != nil {
		t.Fatal(err)
	}
	if n, err := f.keys.DestroyKeys(f.ctx, nil, []store.MonthKey{month}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := f.log.ForgetKeys(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := tag(); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the month's key, which was destroyed, is at hand: %v", err)
	}
	if months, err := f.keys.MonthKeys(f.ctx, leaf.Tenant); err != nil || len(months) != 0 {
		t.Errorf("who looked for it made %d keys, %v", len(months), err)
	}
}

// A replica that had the key in memory learns of it by itself.
func TestReplicasForgetDestroyedKeys(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	if err := f.log.Append(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	replica, err := audit.Open(f.ctx, f.store, f.keys, f.kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close(context.Background())
	if err := replica.Start(f.ctx, audit.Options{}); err != nil {
		t.Fatal(err)
	}
	last := func() []byte {
		t.Helper()
		if err := replica.Append(f.ctx, entry); err != nil {
			t.Fatal(err)
		}
		mine := f.mine(t)
		return mine[len(mine)-1]
	}
	was := f.mine(t)[0]
	if !bytes.Equal(last(), was) {
		t.Fatal("the replica has another key")
	}
	if _, err := f.keys.DestroyKeys(f.ctx, [][]byte{was}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica forgets the key", func() bool { return !bytes.Equal(last(), was) })
}

// away is a keystore that can be cut off.
type away struct {
	store.Keystore
	cut atomic.Bool
}

var errAway = errors.New("the keystore is away")

func (k *away) DestroyedMark(ctx context.Context) ([]byte, error) {
	if k.cut.Load() {
		return nil, errAway
	}
	return k.Keystore.DestroyedMark(ctx)
}

func (k *away) PersonKey(ctx context.Context, index []byte) (store.PersonKey, error) {
	if k.cut.Load() {
		return store.PersonKey{}, errAway
	}
	return k.Keystore.PersonKey(ctx, index)
}

// A process that cannot ask whether keys were destroyed goes on for a while with
// those it has, and then records nothing under them.
func TestKeysInMemoryAreNotBelievedForLong(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	keys := &away{Keystore: f.keys}
	var later atomic.Int64
	log, err := audit.Open(f.ctx, f.store, keys, f.kek, func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.Background())
	if err := log.Append(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	keys.cut.Store(true)
	look := func() {
		t.Helper()
		if err := log.ForgetKeys(f.ctx); !errors.Is(err, errAway) {
			t.Errorf("it was asked: %v", err)
		}
	}
	later.Store(int64(20 * time.Second))
	look()
	if err := log.Append(f.ctx, entry); err != nil {
		t.Errorf("after twenty seconds: %v", err)
	}
	later.Store(int64(40 * time.Second))
	look()
	wantUnavailable(t, "after forty seconds", log.Append(f.ctx, entry))
	keys.cut.Store(false)
	if err := log.Append(f.ctx, entry); err != nil {
		t.Errorf("with the keystore back: %v", err)
	}
}

// Somebody's key in two tenants is two keys under two pseudonyms, and the index by
// which it is found says nothing without the pepper.
func TestPersonsAreIndexedUnderThePepper(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	err := f.store.InsertTenant(f.ctx, model.Tenant{ID: "globex", Ref: bytes.Repeat([]byte{8}, 16), MFA: model.MFAEveryone, CreatedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	other := entry
	other.Tenant = "globex"
	if err := f.log.Append(f.ctx, entry, other); err != nil {
		t.Fatal(err)
	}
	if refs := f.mine(t); bytes.Equal(refs[0], refs[1]) {
		t.Error("one pseudonym in two tenants")
	}
	index := audit.PersonIndex(f.log, string(bytes.Repeat([]byte{7}, 16)), entry.Person)
	if _, err := f.keys.PersonKey(f.ctx, index); err != nil {
		t.Fatalf("the index finds no row: %v", err)
	}
	for name, guess := range map[string][]byte{"no pepper": nil, "another": bytes.Repeat([]byte{1}, 32)} {
		if got := audit.IndexUnder(guess, string(bytes.Repeat([]byte{7}, 16)), entry.Person); bytes.Equal(got, index) {
			t.Errorf("%s gives the same index", name)
		}
	}
}
