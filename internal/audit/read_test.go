package audit_test

import (
	"errors"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// Who reads what a destroyed month's key sealed finds nothing, and makes no key.
func TestUnsealMakesNoKey(t *testing.T) {
	f := newFixture(t, mustSQLite(t))
	if err := f.log.Append(f.ctx, entry); err != nil {
		t.Fatal(err)
	}
	rows, err := f.store.EntriesFrom(f.ctx, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := audit.Decode(rows[0].Leaf)
	if err != nil {
		t.Fatal(err)
	}
	months, err := f.keys.MonthKeys(f.ctx, leaf.Tenant)
	if err != nil || len(months) != 1 {
		t.Fatalf("%d keys of months, %v", len(months), err)
	}
	if _, err := f.keys.DestroyKeys(f.ctx, nil, months); err != nil {
		t.Fatal(err)
	}
	if err := f.log.ForgetKeys(f.ctx); err != nil {
		t.Fatal(err)
	}
	if said, err := f.log.Unseal(f.ctx, leaf, rows[0], entry.Person); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("it says %v, %v", said, err)
	}
	if months, err = f.keys.MonthKeys(f.ctx, leaf.Tenant); err != nil || len(months) != 0 {
		t.Errorf("%d keys of months were made, %v", len(months), err)
	}
}
