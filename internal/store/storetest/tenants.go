package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var metaTests = []storeTest{
	{"Meta/SetOnce", func(t *testing.T, f fixture) {
		ctx := t.Context()
		_, err := f.MetaValue(ctx, "key")
		wantErr(t, "MetaValue before", err, store.ErrNotFound)
		f.must(f.InsertMeta(ctx, "key", []byte{0, 1, 255}))
		wantErr(t, "InsertMeta again", f.InsertMeta(ctx, "key", []byte("other")), store.ErrExists)
		got, err := f.MetaValue(ctx, "key")
		same(t, "MetaValue", got, err, []byte{0, 1, 255})
	}},
	{"Meta/EmptyValueReadsAsNil", func(t *testing.T, f fixture) {
		f.must(f.InsertMeta(t.Context(), "nil", nil))
		got, err := f.MetaValue(t.Context(), "nil")
		same(t, "MetaValue", got, err, nil)
	}},
	{"Meta/Clock", func(t *testing.T, f fixture) {
		before := time.Now().Add(-time.Second)
		at, err := f.Clock(t.Context())
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		if after := time.Now().Add(time.Second); err != nil || at.Before(before) || at.After(after) {
			t.Errorf("Clock = %v, %v between %v and %v", at, err, before, after)
		}
	}},
	{"Meta/PingWrites", func(t *testing.T, f fixture) {
		f.must(f.Ping(t.Context()))
	}},
}

var policyChange = []store.Change{{Kind: store.ChangedPolicy}}

var tenantTests = []storeTest{
	{"Tenants/RoundTrip", func(t *testing.T, f fixture) {
		ctx := t.Context()
		full := model.Tenant{ID: "b", Ref: []byte{0, 1, 2, 255}, MFA: model.MFAByRole, StrictFields: true, Disabled: true,
			Catalog: "objects: {}\n", Revision: 7, SnapshotRevision: 5, CreatedAt: now}
		bare := model.Tenant{ID: "a", Ref: []byte{1}}
		f.must(f.InsertTenant(ctx, full))
		f.must(f.InsertTenant(ctx, bare))
		got, err := f.Tenant(ctx, "b")
		same(t, "Tenant", got, err, full)
		head := full
		head.Catalog = ""
		got, err = f.TenantHead(ctx, "b")
		same(t, "TenantHead", got, err, head)
		_, err = f.TenantHead(ctx, "c")
		wantErr(t, "TenantHead unknown", err, store.ErrNotFound)
		list, err := f.ListTenants(ctx)
		same(t, "ListTenants", list, err, []model.Tenant{bare, full})
		wantErr(t, "InsertTenant again", f.InsertTenant(ctx, full), store.ErrExists)
		_, err = f.Tenant(ctx, "c")
		wantErr(t, "Tenant unknown", err, store.ErrNotFound)
	}},
	{"Tenants/UpdateWritesFourFields", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("a")
		before, err := f.Tenant(ctx, "a")
		f.must(err)
		f.must(f.UpdateTenant(ctx, model.Tenant{ID: "a", Ref: []byte("new"), MFA: model.MFAByRole, StrictFields: true,
			Disabled: true, Catalog: "c", Revision: 99, SnapshotRevision: 99}))
		before.MFA, before.StrictFields, before.Disabled, before.Catalog = model.MFAByRole, true, true, "c"
		got, err := f.Tenant(ctx, "a")
		same(t, "Tenant", got, err, before)
		wantErr(t, "UpdateTenant unknown", f.UpdateTenant(ctx, model.Tenant{ID: "b"}), store.ErrNotFound)
	}},
	{"Tenants/Bump", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("a")
		for _, c := range []struct {
			changes        []store.Change
			revision, snap int64
		}{{nil, 1, 0}, {policyChange, 2, 2}, {nil, 3, 2}, {policyChange, 4, 4}} {
			rev, err := f.Bump(ctx, "a", c.changes...)
			same(t, "Bump", rev, err, c.revision)
			got, err := f.Tenant(ctx, "a")
			same(t, "SnapshotRevision", got.SnapshotRevision, err, c.snap)
			same(t, "Revision", got.Revision, err, c.revision)
		}
		_, err := f.Bump(ctx, "b", policyChange...)
		wantErr(t, "Bump unknown", err, store.ErrNotFound)
	}},
	{"Tenants/BumpGivesEachCallerItsOwn", func(t *testing.T, f fixture) {
		f.tenant("a")
		var mu sync.Mutex
		var revs []int64
		together(t, 30, func(i int) error {
			r, err := f.Bump(t.Context(), "a", policyChange[:i%2]...)
			mu.Lock()
			defer mu.Unlock()
			revs = append(revs, r)
			return err
		})
		slices.Sort(revs)
		for i, r := range revs {
			if r != int64(i+1) {
				t.Fatalf("revisions %v, want 1 to 30", revs)
			}
		}
	}},
	{"Tenants/OneInsertWins", func(t *testing.T, f fixture) {
		wins(t, "InsertTenant", 20, 1, func(int) (bool, error) {
			return inserted(f.InsertTenant(t.Context(), model.Tenant{ID: "a", Ref: []byte("r")}))
		})
	}},
}

// inserted tells a first insert from ErrExists.
func inserted(err error) (bool, error) {
	if err == nil {
		return true, nil
	}
	return false, ignore(err, store.ErrExists)
}
