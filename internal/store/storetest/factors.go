package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
)

func device(id, user string) store.Device {
	return store.Device{ID: id, Tenant: "t", User: user, Name: "手机", Secret: []byte{0, 1, 2, 254}, Algorithm: "SHA1",
		Digits: 6, Period: 30, CreatedAt: now}
}

var factorTests = []storeTest{
	{"Factors/DeviceLife", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		want := device("d", "ann")
		f.must(f.InsertDevice(ctx, want))
		wantErr(t, "InsertDevice again", f.InsertDevice(ctx, want), store.ErrExists)
		wantErr(t, "InsertDevice of nobody", f.InsertDevice(ctx, device("n", "nobody")), store.ErrNotFound)
		got, err := f.Device(ctx, "d")
		same(t, "Device", got, err, want)
		list, err := f.Devices(ctx, "t", "ann")
		same(t, "Devices while pending", list, err, nil)
		took, err := f.UseStep(ctx, "d", 10, 0, now)
		no(t, "UseStep while pending", took, err)

		pending, err := f.PendingDevice(ctx, "t", "ann")
		same(t, "PendingDevice", pending, err, want)
		took, err = f.ConfirmDevice(ctx, "d", 10, -1, now)
		yes(t, "ConfirmDevice", took, err)
		took, err = f.ConfirmDevice(ctx, "d", 11, 0, now)
		no(t, "ConfirmDevice again", took, err)
		_, err = f.PendingDevice(ctx, "t", "ann")
		wantErr(t, "PendingDevice after it was confirmed", err, store.ErrNotFound)
		want.ConfirmedAt, want.LastStep, want.Drift, want.UsedAt = now, 10, -1, now
		list, err = f.Devices(ctx, "t", "ann")
		same(t, "Devices", list, err, []store.Device{want})
		for _, c := range []struct {
			step int64
			want bool
		}{{10, false}, {9, false}, {11, true}, {11, false}, {10, false}, {13, true}} {
			took, err := f.UseStep(ctx, "d", c.step, c.step%3-1, now.Add(time.Duration(c.step)*time.Second))
			tookIs(t, fmt.Sprintf("UseStep %d", c.step), took, err, c.want)
		}
		want.LastStep, want.Drift, want.UsedAt = 13, 0, now.Add(13*time.Second)
		got, err = f.Device(ctx, "d")
		same(t, "Device after a refused step", got, err, want)
		_, err = f.Device(ctx, "x")
		wantErr(t, "Device unknown", err, store.ErrNotFound)
	}},
	{"Factors/PendingIsSwept", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		for id, age := range map[string]time.Duration{"old": time.Hour, "older": 2 * time.Hour, "young": 0, "confirmed": time.Hour} {
			d := device(id, "ann")
			d.CreatedAt = now.Add(-age)
			if id == "confirmed" {
				d.ConfirmedAt = now
			}
			f.must(f.InsertDevice(ctx, d))
		}
		n, err := f.DeletePendingDevices(ctx, now, 1)
		same(t, "DeletePendingDevices, one", n, err, 1)
		n, err = f.DeletePendingDevices(ctx, now, 9)
		same(t, "DeletePendingDevices, the rest", n, err, 1)
		for id, want := range map[string]error{"young": nil, "confirmed": nil, "old": store.ErrNotFound, "older": store.ErrNotFound} {
			_, err := f.Device(ctx, id)
			wantErr(t, "Device "+id, err, want)
		}
	}},
	{"Factors/OldestFirstAndDelete", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		ids := func() (ids []string) {
			list, err := f.Devices(ctx, "t", "ann")
			f.must(err)
			for _, d := range list {
				ids = append(ids, d.ID)
			}
			return ids
		}
		for i, id := range []string{"c", "b", "a", "d"} {
			d := device(id, "ann")
			d.CreatedAt, d.ConfirmedAt = now.Add(time.Duration(i)*time.Minute), now
			f.must(f.InsertDevice(ctx, d))
		}
		d := device("bob", "bob")
		d.ConfirmedAt = now
		f.must(f.InsertDevice(ctx, d))
		same(t, "Devices", ids(), nil, []string{"c", "b", "a", "d"})
		f.must(f.InsertDevice(ctx, device("pending", "ann")))
		f.must(f.DeletePending(ctx, "t", "ann"))
		f.must(f.DeletePending(ctx, "t", "ann"))
		if _, err := f.Device(ctx, "pending"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a pending device after DeletePending: %v", err)
		}
		same(t, "after DeletePending", ids(), nil, []string{"c", "b", "a", "d"})
		f.must(f.DeleteDevices(ctx, "t", "ann", "b", now))
		same(t, "after DeleteDevices but b", ids(), nil, []string{"b"})
		f.must(f.DeleteDevices(ctx, "t", "ann", "", now))
		same(t, "after DeleteDevices", ids(), nil, nil)
		if _, err := f.Device(ctx, "bob"); err != nil {
			t.Errorf("another user's device: %v", err)
		}
	}},
	{"Factors/OneDevice", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		for i, id := range []string{"old", "new"} {
			d := device(id, "ann")
			d.CreatedAt = now.Add(time.Duration(i) * time.Minute)
			f.must(f.InsertDevice(ctx, d))
		}
		got, err := f.PendingDevice(ctx, "t", "ann")
		same(t, "PendingDevice", got.ID, err, "new")
		_, err = f.PendingDevice(ctx, "t", "bob")
		wantErr(t, "PendingDevice of another user", err, store.ErrNotFound)
		f.must(f.RenameDevice(ctx, "t", "ann", "new", "平板"))
		wantErr(t, "RenameDevice of another user's", f.RenameDevice(ctx, "t", "bob", "new", "x"), store.ErrNotFound)
		wantErr(t, "DeleteDevice of another user's", f.DeleteDevice(ctx, "t", "bob", "new", now), store.ErrNotFound)
		got, err = f.Device(ctx, "new")
		same(t, "name", got.Name, err, "平板")
		f.must(f.DeleteDevice(ctx, "t", "ann", "new", now))
		wantErr(t, "DeleteDevice again", f.DeleteDevice(ctx, "t", "ann", "new", now), store.ErrNotFound)
		got, err = f.Device(ctx, "old")
		same(t, "the other device", got.ID, err, "old")
	}},
	{"Factors/Removed", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		ids := func(since time.Time) (ids []string) {
			list, err := f.RemovedDevices(ctx, "t", "ann", since)
			f.must(err)
			for _, d := range list {
				ids = append(ids, d.ID)
			}
			return ids
		}
		for i := range 4 {
			d := device(fmt.Sprint(i), "ann")
			d.ConfirmedAt, d.LastStep, d.Drift = now, 10, -1
			f.must(f.InsertDevice(ctx, d))
			f.must(f.DeleteDevice(ctx, "t", "ann", d.ID, now.Add(time.Duration(i)*time.Hour)))
		}
		f.must(f.InsertDevice(ctx, device("pending", "ann")))
		for _, id := range []string{"x", "y", "z"} {
			d := device(id, "ann")
			d.ConfirmedAt = now
			f.must(f.InsertDevice(ctx, d))
		}
		f.must(f.DeleteDevices(ctx, "t", "ann", "z", now.Add(5*time.Hour)))
		same(t, "five, the latest first", ids(now), nil, []string{"x", "y", "3", "2", "1"})
		same(t, "since then", ids(now.Add(3*time.Hour)), nil, []string{"x", "y", "3"})
		list, err := f.RemovedDevices(ctx, "t", "ann", now.Add(3*time.Hour))
		f.must(err)
		want := device("3", "ann")
		want.ConfirmedAt, want.LastStep, want.Drift = now, 10, -1
		same(t, "as it was", list[2], nil, store.RemovedDevice{Device: want, RemovedAt: now.Add(3 * time.Hour)})
		list, err = f.RemovedDevices(ctx, "t", "bob", now)
		same(t, "another user's", list, err, nil)
		for _, c := range []struct {
			step int64
			want bool
		}{{10, false}, {11, true}, {11, false}} {
			took, err := f.UseRemovedStep(ctx, "3", c.step)
			tookIs(t, fmt.Sprintf("UseRemovedStep %d", c.step), took, err, c.want)
		}
		took, err := f.UseStep(ctx, "3", 12, 0, now)
		no(t, "UseStep of a removed one", took, err)
		n, err := f.DeleteRemovedDevices(ctx, now.Add(3*time.Hour), 10)
		same(t, "DeleteRemovedDevices", n, err, 2)
		same(t, "after the sweep", ids(now), nil, []string{"x", "y", "3"})
	}},
	{"Factors/OneStepIsToldOf", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		d := device("d", "ann")
		d.ConfirmedAt = now
		f.must(f.InsertDevice(ctx, d))
		wins(t, "TellStep", 20, 1, func(i int) (bool, error) { return f.TellStep(t.Context(), "d", 100, 90) })
		for _, c := range []struct {
			step, oldest int64
			want         bool
		}{{101, 90, false}, {101, 100, false}, {120, 101, true}, {119, 130, false}, {140, 125, true}} {
			took, err := f.TellStep(ctx, "d", c.step, c.oldest)
			tookIs(t, fmt.Sprintf("TellStep %d while %d may be used", c.step, c.oldest), took, err, c.want)
		}
		took, err := f.UseStep(ctx, "d", 200, 0, now)
		yes(t, "UseStep", took, err)
		took, err = f.TellStep(ctx, "d", 200, 198)
		no(t, "TellStep of a used step", took, err)
		got, err := f.Device(ctx, "d")
		same(t, "ToldStep", got.ToldStep, err, 140)
	}},
	{"Factors/OneConfirmWins", func(t *testing.T, f fixture) {
		f.user("ann")
		f.must(f.InsertDevice(t.Context(), device("d", "ann")))
		wins(t, "ConfirmDevice", 30, 1, func(i int) (bool, error) { return f.ConfirmDevice(t.Context(), "d", int64(i+1), 0, now) })
	}},
	{"Factors/OneUseOfAStepWins", func(t *testing.T, f fixture) {
		f.user("ann")
		d := device("d", "ann")
		d.ConfirmedAt = now
		f.must(f.InsertDevice(t.Context(), d))
		wins(t, "UseStep", 50, 1, func(int) (bool, error) { return f.UseStep(t.Context(), "d", 59_000_000, 0, now) })
	}},
	{"Factors/RecoveryCodes", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		codes := func(prefix string) (list []store.RecoveryCode) {
			for i := range 10 {
				list = append(list, store.RecoveryCode{Selector: fmt.Sprint(prefix, i), Hash: []byte{byte(i), 0}})
			}
			return list
		}
		left := func(user string, want int) {
			t.Helper()
			n, err := f.RecoveryCodesLeft(ctx, "t", user)
			same(t, "RecoveryCodesLeft of "+user, n, err, want)
		}
		f.must(f.ReplaceRecoveryCodes(ctx, "t", "ann", codes("old")))
		f.must(f.ReplaceRecoveryCodes(ctx, "t", "bob", codes("old")))
		f.must(f.ReplaceRecoveryCodes(ctx, "t", "ann", codes("new")))
		left("ann", 10)
		got, err := f.RecoveryCode(ctx, "t", "ann", "new3")
		same(t, "RecoveryCode", got, err, store.RecoveryCode{Selector: "new3", Tenant: "t", User: "ann", Hash: []byte{3, 0}})
		_, err = f.RecoveryCode(ctx, "t", "ann", "old3")
		wantErr(t, "RecoveryCode replaced", err, store.ErrNotFound)
		took, err := f.UseRecoveryCode(ctx, "t", "bob", "new3", now)
		no(t, "UseRecoveryCode by another user", took, err)
		wins(t, "UseRecoveryCode", 30, 1, func(int) (bool, error) { return f.UseRecoveryCode(ctx, "t", "ann", "new3", now) })
		left("ann", 9)
		left("bob", 10)
		got, err = f.RecoveryCode(ctx, "t", "ann", "new3")
		same(t, "UsedAt", got.UsedAt, err, now)
		wantErr(t, "ReplaceRecoveryCodes with a double",
			f.ReplaceRecoveryCodes(ctx, "t", "ann", []store.RecoveryCode{{Selector: "x"}, {Selector: "x"}}), store.ErrExists)
		left("ann", 9)
		wantErr(t, "ReplaceRecoveryCodes of nobody", f.ReplaceRecoveryCodes(ctx, "t", "nobody", codes("x")), store.ErrNotFound)
		f.must(f.ReplaceRecoveryCodes(ctx, "t", "ann", nil))
		left("ann", 0)
	}},
	{"Factors/ReplacedCodesNeverMix", func(t *testing.T, f fixture) {
		f.user("ann")
		together(t, 20, func(i int) error {
			return f.ReplaceRecoveryCodes(t.Context(), "t", "ann", []store.RecoveryCode{{Selector: fmt.Sprint("a", i)}, {Selector: fmt.Sprint("b", i)}})
		})
		n, err := f.RecoveryCodesLeft(t.Context(), "t", "ann")
		same(t, "RecoveryCodesLeft", n, err, 2)
	}},
}
