package storetest

import (
	"testing"

	"rolegate/internal/store"
)

var keystoreTests = []struct {
	name string
	test func(t *testing.T, k store.Keystore)
}{
	{"PersonKeys", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		want := store.PersonKey{Index: []byte{0, 1}, Ref: []byte{0, 2}, Wrapped: []byte{0, 3}, CreatedAt: now}
		_, err := k.PersonKey(ctx, want.Index)
		wantErr(t, "PersonKey before", err, store.ErrNotFound)
		wins(t, "InsertPersonKey", 20, 1, func(i int) (bool, error) { return inserted(k.InsertPersonKey(ctx, want)) })
		got, err := k.PersonKey(ctx, want.Index)
		same(t, "PersonKey", got, err, want)
		other := want
		other.Index = []byte{9}
		wantErr(t, "InsertPersonKey with a taken pseudonym", k.InsertPersonKey(ctx, other), store.ErrExists)
	}},
	{"MonthKeys", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		want := store.MonthKey{Tenant: []byte{0, 1}, Class: "login", Month: "2026-11", Wrapped: []byte{0, 3}, CreatedAt: now}
		_, err := k.MonthKey(ctx, want.Tenant, want.Class, want.Month)
		wantErr(t, "MonthKey before", err, store.ErrNotFound)
		wins(t, "InsertMonthKey", 20, 1, func(i int) (bool, error) { return inserted(k.InsertMonthKey(ctx, want)) })
		got, err := k.MonthKey(ctx, want.Tenant, want.Class, want.Month)
		same(t, "MonthKey", got, err, want)
		_, err = k.MonthKey(ctx, want.Tenant, "Login", want.Month)
		wantErr(t, "MonthKey of another class", err, store.ErrNotFound)
	}},
	{"Meta", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		_, err := k.MetaValue(ctx, "check")
		wantErr(t, "MetaValue before", err, store.ErrNotFound)
		wins(t, "InsertMeta", 20, 1, func(i int) (bool, error) { return inserted(k.InsertMeta(ctx, "check", []byte{0, 1})) })
		got, err := k.MetaValue(ctx, "check")
		same(t, "MetaValue", got, err, []byte{0, 1})
	}},
	{"Ping", func(t *testing.T, k store.Keystore) {
		if err := k.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}},
}
