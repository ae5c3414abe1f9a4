package storetest

import (
	"errors"
	"fmt"
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
		got, err = k.PersonKeyByRef(ctx, want.Ref)
		same(t, "PersonKeyByRef", got, err, want)
		_, err = k.PersonKeyByRef(ctx, want.Index)
		wantErr(t, "PersonKeyByRef of none", err, store.ErrNotFound)
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
		earlier, foreign := want, want
		earlier.Month, foreign.Tenant = "2026-10", []byte{1}
		for _, m := range []store.MonthKey{earlier, foreign} {
			if err := k.InsertMonthKey(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		all, err := k.MonthKeys(ctx, want.Tenant)
		same(t, "MonthKeys", all, err, []store.MonthKey{earlier, want})
		all, err = k.MonthKeys(ctx, nil)
		same(t, "MonthKeys of nobody", all, err, nil)
	}},
	{"DestroyKeys", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		month := func(class string) store.MonthKey {
			return store.MonthKey{Tenant: []byte{0, 1}, Class: class, Month: "2026-11", Wrapped: []byte{3}, CreatedAt: now}
		}
		for i := range byte(3) {
			if err := k.InsertPersonKey(ctx, store.PersonKey{Index: []byte{i}, Ref: []byte{0, i}, Wrapped: []byte{3}, CreatedAt: now}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(k.InsertMonthKey(ctx, month("login")), k.InsertMonthKey(ctx, month("admin"))); err != nil {
			t.Fatal(err)
		}
		marks := map[string]bool{}
		mark := func() {
			t.Helper()
			m, err := k.DestroyedMark(ctx)
			if err != nil || marks[string(m)] {
				t.Errorf("the mark is %x once more, %v", m, err)
			}
			marks[string(m)] = true
		}
		mark()
		if len(marks) != 1 || !marks[""] {
			t.Errorf("before anything was destroyed the mark is %v", marks)
		}
		other := month("login")
		other.Tenant = []byte{0, 2}
		n, err := k.DestroyKeys(ctx, [][]byte{{0, 0}, {0, 2}, {0, 9}}, []store.MonthKey{month("login"), other})
		same(t, "DestroyKeys", n, err, 3)
		mark()
		for i, want := range []error{store.ErrNotFound, nil, store.ErrNotFound} {
			_, err := k.PersonKey(ctx, []byte{byte(i)})
			wantErr(t, fmt.Sprint("PersonKey ", i), err, want)
		}
		_, err = k.MonthKey(ctx, []byte{0, 1}, "login", "2026-11")
		wantErr(t, "MonthKey", err, store.ErrNotFound)
		_, err = k.MonthKey(ctx, []byte{0, 1}, "admin", "2026-11")
		wantErr(t, "MonthKey of another class", err, nil)
		n, err = k.DestroyKeys(ctx, [][]byte{{0, 0}}, nil)
		same(t, "DestroyKeys again", n, err, 0)
		mark()
	}},
	{"Meta", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		_, err := k.MetaValue(ctx, "check")
		wantErr(t, "MetaValue before", err, store.ErrNotFound)
		wins(t, "InsertMeta", 20, 1, func(i int) (bool, error) { return inserted(k.InsertMeta(ctx, "check", []byte{0, 1})) })
		got, err := k.MetaValue(ctx, "check")
		same(t, "MetaValue", got, err, []byte{0, 1})
		for _, value := range [][]byte{{2, 0}, nil, {3}} {
			if err := k.SetMeta(ctx, "mark", value); err != nil {
				t.Fatal(err)
			}
			got, err := k.MetaValue(ctx, "mark")
			same(t, "MetaValue after SetMeta", got, err, value)
		}
	}},
	{"SwapMeta", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		for _, c := range []struct {
			was, value []byte
			swapped    bool
			then       []byte
		}{
			{[]byte{1}, []byte{2}, false, nil},
			{nil, []byte{2}, true, []byte{2}},
			{nil, []byte{3}, false, []byte{2}},
			{[]byte{1}, []byte{3}, false, []byte{2}},
			{[]byte{2}, nil, true, nil},
			{nil, []byte{4}, true, []byte{4}},
		} {
			swapped, err := k.SwapMeta(ctx, "swapped", c.was, c.value)
			same(t, "SwapMeta", swapped, err, c.swapped)
			got, err := k.MetaValue(ctx, "swapped")
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			same(t, "MetaValue after SwapMeta", got, err, c.then)
		}
	}},
	{"SealedValues", func(t *testing.T, k store.Keystore) {
		ctx := t.Context()
		one, two, odd := sealedUnder("aaaa", "1"), sealedUnder("bbbb", "2"), []byte{0xff, 0}
		for i, wrapped := range [][]byte{one, two, one} {
			n := byte(i)
			for _, err := range []error{
				k.InsertPersonKey(ctx, store.PersonKey{Index: []byte{n, 0xff}, Ref: []byte{n}, Wrapped: wrapped, CreatedAt: now}),
				k.InsertMonthKey(ctx, store.MonthKey{Tenant: odd, Class: "login", Month: fmt.Sprint("2026-0", i), Wrapped: wrapped, CreatedAt: now}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(k.InsertMeta(ctx, "person_index_pepper", one), k.InsertMeta(ctx, "other", one)); err != nil {
			t.Fatal(err)
		}
		person := store.SealedValue{Key: []string{"00ff"}, Value: one}
		resealing(t, k, store.SealedPersonKeys, person, store.SealedValue{Key: []string{"02ff"}, Value: one})
		resealing(t, k, store.SealedMonthKeys, store.SealedValue{Key: []string{"ff00", "login", "2026-00"}, Value: one},
			store.SealedValue{Key: []string{"ff00", "login", "2026-02"}, Value: one})
		resealing(t, k, store.SealedMeta, store.SealedValue{Key: []string{"person_index_pepper"}, Value: one})
		got, err := k.PersonKey(ctx, []byte{0, 0xff})
		same(t, "PersonKey after Reseal", got, err, store.PersonKey{Index: []byte{0, 0xff}, Ref: []byte{0}, Wrapped: sealedUnder("bbbb", "new"), CreatedAt: now})
	}},
	{"Ping", func(t *testing.T, k store.Keystore) {
		if err := k.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}},
}
