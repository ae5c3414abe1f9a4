package storetest

import (
	"context"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var keyTests = []storeTest{
	{"SigningKeys/LatestFirst", func(t *testing.T, f fixture) {
		ctx := t.Context()
		list, err := f.ListSigningKeys(ctx)
		same(t, "ListSigningKeys of none", list, err, nil)
		a := store.SigningKey{ID: "a", Algorithm: "ES256", Private: []byte{0, 1}, CreatedAt: now, NotBefore: now.Add(time.Hour)}
		b := store.SigningKey{ID: "b", Algorithm: "EdDSA", Private: []byte{2}, CreatedAt: now.Add(time.Microsecond), NotBefore: now}
		f.must(f.InsertSigningKey(ctx, b))
		f.must(f.InsertSigningKey(ctx, a))
		wantErr(t, "InsertSigningKey again", f.InsertSigningKey(ctx, a), store.ErrExists)
		list, err = f.ListSigningKeys(ctx)
		same(t, "ListSigningKeys", list, err, []store.SigningKey{a, b})
	}},
	{"SigningKeys/OfAnOlderRelease", func(t *testing.T, f fixture) {
		ctx := t.Context()
		before := store.SigningKey{ID: "b", Algorithm: "ES256", Private: []byte{1}, CreatedAt: now.Add(-time.Hour), NotBefore: now.Add(-time.Hour)}
		f.must(f.InsertSigningKey(ctx, before))
		f.must(f.InsertSigningKey(ctx, store.SigningKey{ID: "a", Algorithm: "ES256", Private: []byte{1}, CreatedAt: now}))
		list, err := f.ListSigningKeys(ctx)
		same(t, "ListSigningKeys", list, err, []store.SigningKey{{ID: "a", Algorithm: "ES256", Private: []byte{1}, CreatedAt: now, NotBefore: now}, before})
	}},
	{"SigningKeys/RevokedOnce", func(t *testing.T, f fixture) {
		ctx := t.Context()
		k := store.SigningKey{ID: "a", Algorithm: "ES256", Private: []byte{0, 1}, CreatedAt: now, NotBefore: now}
		f.must(f.InsertSigningKey(ctx, k))
		wins(t, "RevokeSigningKey", 20, 1, func(int) (bool, error) { return f.RevokeSigningKey(ctx, "a", now.Add(time.Second)) })
		took, err := f.RevokeSigningKey(ctx, "none", now)
		no(t, "RevokeSigningKey of none", took, err)
		k.Private, k.RevokedAt = nil, now.Add(time.Second)
		list, err := f.ListSigningKeys(ctx)
		same(t, "ListSigningKeys", list, err, []store.SigningKey{k})
		took, err = f.DeleteSigningKey(ctx, "a")
		yes(t, "DeleteSigningKey", took, err)
		took, err = f.DeleteSigningKey(ctx, "a")
		no(t, "DeleteSigningKey again", took, err)
	}},
	{"SigningKeys/Advanced", func(t *testing.T, f fixture) {
		ctx := t.Context()
		k := store.SigningKey{ID: "a", Algorithm: "ES256", Private: []byte{0, 1}, CreatedAt: now, NotBefore: now.Add(time.Hour)}
		gone := store.SigningKey{ID: "b", Algorithm: "ES256", Private: []byte{2}, CreatedAt: now, NotBefore: now.Add(time.Minute)}
		f.must(f.InsertSigningKey(ctx, k))
		f.must(f.InsertSigningKey(ctx, gone))
		took, err := f.RevokeSigningKey(ctx, "b", now)
		yes(t, "RevokeSigningKey", took, err)
		gone.Private, gone.RevokedAt = nil, now
		wins(t, "AdvanceSigningKey", 20, 1, func(int) (bool, error) { return f.AdvanceSigningKey(ctx, "a", now.Add(time.Second)) })
		for _, id := range []string{"b", "none"} {
			took, err = f.AdvanceSigningKey(ctx, id, now)
			no(t, "AdvanceSigningKey of "+id, took, err)
		}
		took, err = f.AdvanceSigningKey(ctx, "a", now.Add(time.Minute))
		no(t, "AdvanceSigningKey to later", took, err)
		k.NotBefore = now.Add(time.Second)
		list, err := f.ListSigningKeys(ctx)
		same(t, "ListSigningKeys", list, err, []store.SigningKey{gone, k})
	}},
	{"Installation/Revision", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		revisions, err := f.TenantRevisions(ctx)
		same(t, "TenantRevisions", revisions, err, map[string]int64{"t": 0})
		before := f.Revisions().Known(store.Installation)
		if before == 0 {
			t.Error("reading all revisions did not tell the installation's")
		}
		var taken int64
		f.must(f.InTx(ctx, func(tx store.Tx) (err error) {
			if taken, err = tx.BumpInstallation(ctx); err == nil && f.Revisions().Known(store.Installation) != before {
				t.Error("a revision is known before it is committed")
			}
			return err
		}))
		if now := f.Revisions().Known(store.Installation); taken != before+1 || now != taken {
			t.Errorf("after %d came %d, and %d is known", before, taken, now)
		}
	}},
	{"Restores/EndAll", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		hash, other := []byte{0, 1}, []byte{0, 2}
		later := now.Add(time.Hour)
		f.must(f.InsertSession(ctx, store.Session{ID: "s", Tenant: "t", User: "ann", AMR: []string{"pwd"}, CreatedAt: now, ExpiresAt: later}))
		f.must(f.InsertTicket(ctx, store.Ticket{Hash: hash, Tenant: "t", User: "ann", Purpose: store.TicketMFA, ExpiresAt: later}))
		f.must(f.InsertInvite(ctx, store.Invite{Hash: other, Tenant: "t", User: "ann", ExpiresAt: later}))
		f.must(f.ReplaceRecoveryCodes(ctx, "t", "ann", []store.RecoveryCode{{Selector: "a"}, {Selector: "b", UsedAt: now}}))
		for id, drift := range map[string]int64{"d": 0, "fast": 2, "slow": -2} {
			f.must(f.InsertDevice(ctx, store.Device{ID: id, Tenant: "t", User: "ann", Algorithm: "SHA1", Period: 30, Drift: drift, ConfirmedAt: now}))
		}
		f.must(f.InsertDevice(ctx, store.Device{ID: "pending", Tenant: "t", User: "ann", Algorithm: "SHA1", Period: 30, CreatedAt: now}))
		f.must(f.InsertKnownDevice(ctx, store.KnownDevice{ID: "k", Tenant: "t", User: "ann", Hash: hash, CreatedAt: now, UsedAt: now, ExpiresAt: later}, 20))
		for id, expires := range map[string]time.Time{"asked": later, "over": now} {
			f.must(f.InsertOfficeRequest(ctx, store.OfficeRequest{ID: id, Tenant: "t", Member: "user:ann", Office: "o", RequestedBy: "user:bob",
				CreatedAt: now, ExpiresAt: expires, State: store.RequestPending}))
		}
		for _, want := range []store.Ended{{Sessions: 1, Tickets: 1, Invites: 1, RecoveryCodes: 1, KnownDevices: 1, OfficeRequests: 1}, {}} {
			ended, err := f.EndAll(ctx, now)
			same(t, "EndAll", ended, err, want)
		}
		_, err := f.Ticket(ctx, hash, now)
		wantErr(t, "Ticket", err, store.ErrNotFound)
		_, err = f.Invite(ctx, other, now)
		wantErr(t, "Invite", err, store.ErrNotFound)
		left, err := f.RecoveryCodesLeft(ctx, "t", "ann")
		same(t, "RecoveryCodesLeft", left, err, 0)
		s, err := f.Session(ctx, "s")
		same(t, "Session's end", s.EndedAt, err, now)
		step := now.Unix() / 30
		took, err := f.UseStep(ctx, "d", step+1, 0, now)
		no(t, "UseStep of the next", took, err)
		took, err = f.UseStep(ctx, "d", step+2, 0, now)
		yes(t, "UseStep of the one after", took, err)
		took, err = f.UseStep(ctx, "slow", step+1, 0, now)
		no(t, "UseStep of the next by a slow device", took, err)
		took, err = f.UseStep(ctx, "fast", step+3, 0, now)
		no(t, "UseStep by a fast device", took, err)
		took, err = f.UseStep(ctx, "fast", step+4, 0, now)
		yes(t, "UseStep by a fast device, later", took, err)
		_, err = f.PendingDevice(ctx, "t", "ann")
		wantErr(t, "PendingDevice", err, store.ErrNotFound)
		known, err := f.KnownDevices(ctx, "t", "ann", now)
		same(t, "KnownDevices", len(known), err, 0)
		took, err = f.DecideOfficeRequest(ctx, "t", "asked", store.RequestApproved, "user:cat", now)
		no(t, "DecideOfficeRequest", took, err)
	}},
	{"EncryptionKeys", func(t *testing.T, f fixture) {
		ctx := t.Context()
		a := store.EncryptionKey{Check: []byte{0, 1}, SealsFrom: now}
		b := store.EncryptionKey{Check: []byte{0, 2}}
		f.must(f.InsertEncryptionKey(ctx, a))
		f.must(f.InsertEncryptionKey(ctx, b))
		wantErr(t, "InsertEncryptionKey again", f.InsertEncryptionKey(ctx, a), store.ErrExists)
		took, err := f.UseEncryptionKey(ctx, b.Check, now.Add(-time.Hour)) // a clock that is behind
		yes(t, "UseEncryptionKey", took, err)
		b.SealsFrom = now.Add(time.Microsecond)
		list, err := f.ListEncryptionKeys(ctx)
		same(t, "ListEncryptionKeys", list, err, []store.EncryptionKey{b, a})
		took, err = f.UseEncryptionKey(ctx, []byte{9}, now)
		no(t, "UseEncryptionKey of none", took, err)
		wins(t, "DropEncryptionKey", 20, 1, func(int) (bool, error) { return f.DropEncryptionKey(ctx, a.Check, now) })
		took, err = f.UseEncryptionKey(ctx, a.Check, now.Add(time.Hour))
		no(t, "UseEncryptionKey of a dropped one", took, err)
		a.DroppedAt = now
		list, err = f.ListEncryptionKeys(ctx)
		same(t, "ListEncryptionKeys after Drop", list, err, []store.EncryptionKey{b, a})
	}},
	{"KeyHolders", func(t *testing.T, f fixture) {
		ctx := t.Context()
		a := store.KeyHolder{Process: "a", Host: "one", Checks: []string{"00", "01"}, SeenAt: now}
		b := store.KeyHolder{Process: "b", Host: "two", Checks: []string{"00"}, SeenAt: now.Add(-time.Hour)}
		f.must(f.HoldKeys(ctx, a))
		a.Checks = []string{"02"}
		f.must(f.HoldKeys(ctx, a))
		f.must(f.HoldKeys(ctx, b))
		list, err := f.KeyHolders(ctx)
		same(t, "KeyHolders", list, err, []store.KeyHolder{a, b})
		f.must(f.LeaveKeys(ctx, "", now.Add(-time.Minute)))
		list, err = f.KeyHolders(ctx)
		same(t, "KeyHolders seen of late", list, err, []store.KeyHolder{a})
		f.must(f.LeaveKeys(ctx, "a", time.Time{}))
		list, err = f.KeyHolders(ctx)
		same(t, "KeyHolders after it left", list, err, nil)
	}},
	{"SealedValues", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		one, two := sealedUnder("aaaa", "1"), sealedUnder("bbbb", "2")
		for i, sealed := range [][]byte{one, two, one} {
			id := string(rune('x' + i))
			f.must(f.InsertDevice(ctx, store.Device{ID: id, Tenant: "t", User: "ann", Secret: sealed, Algorithm: "SHA1"}))
			f.must(f.InsertSigningKey(ctx, store.SigningKey{ID: id, Private: sealed, CreatedAt: now}))
		}
		for _, id := range []string{"r", "s"} {
			f.must(f.InsertDevice(ctx, store.Device{ID: id, Tenant: "t", User: "ann", Secret: one, Algorithm: "SHA1", ConfirmedAt: now}))
			f.must(f.DeleteDevice(ctx, "t", "ann", id, now))
		}
		f.must(f.InsertSigningKey(ctx, store.SigningKey{ID: "revoked", CreatedAt: now, RevokedAt: now}))
		f.must(f.InsertMeta(ctx, "mac_root", one))
		f.must(f.InsertMeta(ctx, "kek_check", one))
		resealing(t, f, store.SealedDevices, store.SealedValue{Key: []string{"t", "ann", "x"}, Value: one}, store.SealedValue{Key: []string{"t", "ann", "z"}, Value: one})
		resealing(t, f, store.SealedRemoved, store.SealedValue{Key: []string{"t", "ann", "r"}, Value: one}, store.SealedValue{Key: []string{"t", "ann", "s"}, Value: one})
		resealing(t, f, store.SealedSigningKeys, store.SealedValue{Key: []string{"x"}, Value: one}, store.SealedValue{Key: []string{"z"}, Value: one})
		resealing(t, f, store.SealedMeta, store.SealedValue{Key: []string{"mac_root"}, Value: one})
		check, err := f.MetaValue(ctx, "kek_check")
		same(t, "MetaValue of what is not sealed", check, err, one)
		_, err = f.SealedUnder(ctx, "users.password_hash", []byte("aaaa"))
		wantCode(t, "SealedUnder of another column", err, model.CodeInternal)
	}},
}

// sealedUnder has the form of a sealed value: a version, the key's id, the rest.
func sealedUnder(id, rest string) []byte { return append([]byte{1}, id+rest...) }

// resealing tests a column with values under "aaaa", as listed, and perhaps one
// under "bbbb".
func resealing(t *testing.T, s store.SealedValues, column store.SealedColumn, want ...store.SealedValue) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	b := []byte("bbbb")
	list, err := s.SealedExcept(ctx, column, b, 0, 10)
	same(t, string(column)+": SealedExcept", list, err, want)
	list, err = s.SealedExcept(ctx, column, b, 0, 1)
	same(t, string(column)+": SealedExcept, one", list, err, want[:1])
	list, err = s.SealedExcept(ctx, column, b, 1, 10)
	same(t, string(column)+": SealedExcept, the first left out", list, err, append([]store.SealedValue(nil), want[1:]...))
	n, err := s.SealedUnder(ctx, column, []byte("aaaa"))
	same(t, string(column)+": SealedUnder", n, err, len(want))

	stale := want[0]
	stale.Value = sealedUnder("aaaa", "before")
	n, err = s.Reseal(ctx, column, []store.SealedValue{stale, want[0]}, [][]byte{sealedUnder("bbbb", "stale"), sealedUnder("bbbb", "new")})
	same(t, string(column)+": Reseal, one of them replaced by a writer", n, err, 1)
	n, err = s.SealedUnder(ctx, column, []byte("aaaa"))
	same(t, string(column)+": SealedUnder after Reseal", n, err, len(want)-1)
}
