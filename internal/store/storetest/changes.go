package storetest

import (
	"errors"
	"fmt"
	"testing"

	"rolegate/internal/store"
	"rolegate/model"
)

var changeTests = []storeTest{
	{"Changes/SinceARevision", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		ann := store.Change{Kind: store.ChangedSubject, Key: "user:ann"}
		rep := store.Change{Kind: store.ChangedMember, Key: "team:名"}
		groups := store.Change{Kind: store.ChangedGroups}
		for _, changes := range [][]store.Change{{ann, rep, ann}, nil, {groups}} {
			_, err := f.Bump(ctx, "t", changes...)
			f.must(err)
			_, err = f.Bump(ctx, "other", policyChange...)
			f.must(err)
		}
		for _, c := range []struct {
			after    int64
			limit    int
			want     []store.Change
			complete bool
		}{
			{0, 10, []store.Change{ann, rep, groups}, true},
			{0, 3, []store.Change{ann, rep, groups}, true},
			{0, 2, nil, false},
			{1, 10, []store.Change{groups}, true},
			{2, 10, []store.Change{groups}, true},
			{2, 0, nil, false},
			{3, 10, nil, true},
			{3, 0, nil, true},
			{99, 10, nil, true},
		} {
			got, complete, err := f.ChangesSince(ctx, "t", c.after, c.limit)
			what := fmt.Sprintf("ChangesSince(%d, %d)", c.after, c.limit)
			same(t, what, got, err, c.want)
			same(t, what+" complete", complete, err, c.complete)
		}
		_, _, err := f.ChangesSince(ctx, "none", 0, 10)
		wantErr(t, "ChangesSince of an unknown tenant", err, store.ErrNotFound)
	}},
	{"Changes/ATenantWithAPastHasNoHistory", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.must(f.InsertTenant(ctx, model.Tenant{ID: "t", Ref: []byte("r"), Revision: 7, SnapshotRevision: 5}))
		_, complete, err := f.ChangesSince(ctx, "t", 6, 10)
		same(t, "complete before the tenant's first revision here", complete, err, false)
		_, complete, err = f.ChangesSince(ctx, "t", 7, 10)
		same(t, "complete from then on", complete, err, true)
	}},
	{"Changes/ManyAreOne", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		many := []store.Change{{Kind: store.ChangedPolicy}}
		for i := range store.MaxChanges {
			many = append(many, store.Change{Kind: store.ChangedMember, Key: fmt.Sprint("user:", i)})
		}
		_, err := f.Bump(ctx, "t", many[:store.MaxChanges]...)
		f.must(err)
		_, err = f.Bump(ctx, "t", many...)
		f.must(err)
		got, _, err := f.ChangesSince(ctx, "t", 0, 2*store.MaxChanges)
		same(t, "ChangesSince", got, err, append(many[:store.MaxChanges:store.MaxChanges],
			store.Change{Kind: store.ChangedDirectory}, store.Change{Kind: store.ChangedPolicy}))
	}},
	{"Changes/OldOnesAreForgotten", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		last := int64(0)
		note := func(n int, changes ...store.Change) {
			f.must(f.InTx(ctx, func(tx store.Tx) error {
				for range n {
					var err error
					if last, err = tx.Bump(ctx, "t", changes...); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		since := func(after int64) (int, bool) {
			got, complete, err := f.ChangesSince(ctx, "t", after, 2*store.KeptRevisions)
			f.must(err)
			return len(got), complete
		}
		note(150, policyChange...)
		note(store.KeptRevisions - 150)
		if n, complete := since(0); n != 150 || !complete {
			t.Errorf("%d changes of %d revisions, complete: %v", n, last, complete)
		}
		note(120, policyChange...)
		if n, complete := since(last - store.KeptRevisions); n != 30+120 || !complete {
			t.Errorf("%d changes of the last revisions, complete: %v", n, complete)
		}
		if _, complete := since(last - store.KeptRevisions - 1); complete {
			t.Error("the history claims to reach further back than it is kept")
		}
	}},
	{"Changes/RolledBackLeavesNone", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		_, err := f.Bump(ctx, "t")
		f.must(err)
		known := f.Revisions().Known("t")
		boom := errors.New("boom")
		err = f.InTx(ctx, func(tx store.Tx) error {
			if _, err := tx.Bump(ctx, "t", policyChange...); err != nil {
				return err
			}
			if _, err := tx.Tenant(ctx, "t"); err != nil { // which shows a revision that will not be
				return err
			}
			if _, err := tx.TenantRevisions(ctx); err != nil {
				return err
			}
			return boom
		})
		wantErr(t, "InTx", err, boom)
		same(t, "Known", f.Revisions().Known("t"), nil, known)
		got, complete, err := f.ChangesSince(ctx, "t", 0, 10)
		same(t, "ChangesSince", got, err, nil)
		same(t, "complete", complete, err, true)
	}},
	{"Revisions/KnownOnceCommittedOrRead", func(t *testing.T, f fixture) {
		ctx := t.Context()
		known := func(what, tenant string, want int64) {
			t.Helper()
			same(t, "Known "+what, f.Revisions().Known(tenant), nil, want)
		}
		for i, id := range []string{"a", "b", "c"} {
			f.must(f.InsertTenant(ctx, model.Tenant{ID: id, Ref: []byte(id), Revision: int64(i + 1)}))
			known("before it is read", id, 0)
		}
		_, err := f.Tenant(ctx, "a")
		f.must(err)
		known("after Tenant", "a", 1)
		got, err := f.TenantRevisions(ctx, "b", "none")
		same(t, "TenantRevisions", got, err, map[string]int64{"b": 2})
		known("after TenantRevisions", "b", 2)
		known("of another", "c", 0)
		_, err = f.ListTenants(ctx)
		f.must(err)
		known("after ListTenants", "c", 3)
		got, err = f.TenantRevisions(ctx)
		same(t, "TenantRevisions of all", got, err, map[string]int64{"a": 1, "b": 2, "c": 3})

		_, err = f.Bump(ctx, "a")
		f.must(err)
		known("after Bump", "a", 2)
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			for _, id := range []string{"a", "b", "a"} {
				if _, err := tx.Bump(ctx, id); err != nil {
					return err
				}
			}
			known("before the commit", "a", 2)
			return nil
		}))
		known("after the commit", "a", 4)
		known("after the commit", "b", 3)
	}},
	{"Revisions/OfManyTenants", func(t *testing.T, f fixture) {
		ctx := t.Context()
		want := map[string]int64{}
		var ids []string
		for i := range 150 {
			id := fmt.Sprint("t", i)
			f.must(f.InsertTenant(ctx, model.Tenant{ID: id, Ref: []byte(id), Revision: int64(i)}))
			want[id], ids = int64(i), append(ids, id)
		}
		got, err := f.TenantRevisions(ctx, ids...)
		same(t, "TenantRevisions", got, err, want)
	}},
}
