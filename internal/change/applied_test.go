package change_test

import (
	"testing"

	"rolegate/internal/change"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Who decides by an earlier policy is told apart from who will read the one in force.
func TestReach(t *testing.T) {
	a := change.Applied{Replicas: []change.Replica{{InMemory: true, Revision: 4}, {InMemory: true, Revision: 5}, {InMemory: true, Revision: 6}, {}, {Revision: 9}}}
	if r, want := a.Reach(5), (change.Reach{By: 2, Unread: 2, Behind: 1}); r != want {
		t.Errorf("reached are %+v, want %+v", r, want)
	}
}

// This replica is told of once, as it is now and not as it last said.
func TestAppliedTellsOfEachReplicaOnce(t *testing.T) {
	f := firmOf(testkit.New(t))
	now, us := f.current().Revision, f.Service.Process
	for _, p := range []string{us, "other"} {
		f.must(nil, f.App.Store.HoldKeys(ctx, store.KeyHolder{Process: p, Host: p, SeenAt: f.Kit.Now()}))
	}
	f.must(nil, f.App.Store.NoteApplied(ctx, us, map[string]int64{tenant: now - 1}))
	a, err := f.AppliedRevision(ctx, tenant, now)
	f.must(a, err)
	if r := a.Reach(now); r != (change.Reach{By: 1, Unread: 1}) || len(a.Replicas) != 2 || a.Replicas[0].This == a.Replicas[1].This {
		t.Errorf("applied is %+v", a)
	}
	_, err = f.AppliedRevision(ctx, tenant, 0)
	f.refused("a revision before the first", err, model.CodeNotFound)
}
