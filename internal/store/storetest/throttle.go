package storetest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"rolegate/internal/store"
)

var throttleTests = []storeTest{
	{"Counters/LockAndPut", func(t *testing.T, f fixture) {
		ctx := t.Context()
		want := store.Counter{Key: []byte("b"), About: []byte("ann"), Tries: 3, At: now, ExpiresAt: now.Add(time.Hour)}
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			got, err := tx.LockCounters(ctx, [][]byte{[]byte("a"), []byte("b")})
			same(t, "LockCounters before any", got, err, []store.Counter{{Key: []byte("a")}, {Key: []byte("b")}})
			return tx.PutCounters(ctx, []store.Counter{{Key: []byte("a")}, want})
		}))
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			got, err := tx.LockCounters(ctx, [][]byte{[]byte("a"), []byte("b")})
			same(t, "LockCounters", got, err, []store.Counter{{Key: []byte("a")}, want})
			return tx.PutCounters(ctx, []store.Counter{{Key: []byte("a")}})
		}))
		f.must(f.DeleteCounters(ctx, []byte("bob"), []byte("ann")))
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			got, err := tx.LockCounters(ctx, [][]byte{[]byte("b")})
			same(t, "LockCounters after DeleteCounters", got, err, []store.Counter{{Key: []byte("b")}})
			return err
		}))
	}},
	{"Counters/NoTryIsLost", func(t *testing.T, f fixture) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				keys := [][]byte{[]byte("all"), fmt.Append(nil, "some", i%3)}
				err := f.InTx(ctx, func(tx store.Tx) error {
					cs, err := tx.LockCounters(ctx, keys)
					for i := range cs {
						cs[i].Tries++
					}
					if err != nil {
						return err
					}
					return tx.PutCounters(ctx, cs)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			cs, err := tx.LockCounters(ctx, [][]byte{[]byte("all"), []byte("some0"), []byte("some1"), []byte("some2")})
			var tries []int64
			for _, c := range cs {
				tries = append(tries, c.Tries)
			}
			same(t, "tries", tries, err, []int64{40, 14, 13, 13})
			return err
		}))
	}},
	{"Counters/Sweep", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			return tx.PutCounters(ctx, []store.Counter{
				{Key: []byte("never"), Tries: 1, At: now}, {Key: []byte("now"), Tries: 1, At: now, ExpiresAt: now},
				{Key: []byte("old"), Tries: 1, At: now, ExpiresAt: now.Add(-time.Second)},
				{Key: []byte("older"), Tries: 1, At: now, ExpiresAt: now.Add(-time.Hour)},
			})
		}))
		for _, want := range []int{1, 1, 0} {
			n, err := f.SweepCounters(ctx, now, 1)
			same(t, "SweepCounters", n, err, want)
		}
	}},
	{"KnownDevices/Rotate", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		d := store.KnownDevice{ID: "d", Tenant: "t", User: "ann", Hash: []byte("1"), CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(time.Hour)}
		f.must(f.InsertKnownDevice(ctx, d, 9))
		got, err := f.KnownDevice(ctx, []byte("1"), now)
		same(t, "KnownDevice", got, err, d)
		later := now.Add(time.Minute)
		wins(t, "RotateKnownDevice", 10, 1, func(i int) (bool, error) {
			return f.RotateKnownDevice(ctx, "d", []byte("1"), []byte("2"), later, later.Add(time.Hour))
		})
		d.Hash, d.Previous, d.UsedAt, d.ExpiresAt = []byte("2"), []byte("1"), later, later.Add(time.Hour)
		for _, secret := range []string{"1", "2"} {
			got, err = f.KnownDevice(ctx, []byte(secret), now)
			same(t, "KnownDevice rotated, by "+secret, got, err, d)
		}
		_, err = f.KnownDevice(ctx, []byte("2"), d.ExpiresAt)
		wantErr(t, "KnownDevice expired", err, store.ErrNotFound)
	}},
	{"KnownDevices/OfOneUser", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		for i, user := range []string{"ann", "ann", "ann", "bob"} {
			id := fmt.Sprint(i)
			f.must(f.InsertKnownDevice(ctx, store.KnownDevice{ID: id, Tenant: "t", User: user, Hash: []byte(id),
				CreatedAt: now, UsedAt: now.Add(time.Duration(i) * time.Second), ExpiresAt: now.Add(time.Hour)}, 2))
		}
		ids := func(user string) (ids []string) {
			ds, err := f.KnownDevices(ctx, "t", user, now)
			f.must(err)
			for _, d := range ds {
				ids = append(ids, d.ID)
			}
			return ids
		}
		same(t, "ann's latest two", ids("ann"), nil, []string{"2", "1"})
		took, err := f.DeleteKnownDevice(ctx, "t", "ann", "3")
		no(t, "DeleteKnownDevice of somebody else's", took, err)
		took, err = f.DeleteKnownDevice(ctx, "t", "ann", "2")
		yes(t, "DeleteKnownDevice", took, err)
		n, err := f.DeleteKnownDevices(ctx, "t", "ann")
		same(t, "DeleteKnownDevices", n, err, 1)
		same(t, "bob's", ids("bob"), nil, []string{"3"})
		wantErr(t, "InsertKnownDevice of nobody", f.InsertKnownDevice(ctx, store.KnownDevice{ID: "x", Tenant: "t", User: "nobody", Hash: bytes.Repeat([]byte{1}, 32)}, 2), store.ErrNotFound)
		n, err = f.SweepKnownDevices(ctx, now.Add(2*time.Hour), 10)
		same(t, "SweepKnownDevices", n, err, 1)
	}},
}
