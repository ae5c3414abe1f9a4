package storetest

import (
	"testing"
	"time"

	"rolegate/internal/store"
)

var appliedTests = []storeTest{
	{"Applied/WhatRunningProcessesSaid", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		wantErr(t, "NoteApplied of nobody", f.NoteApplied(ctx, "p1", map[string]int64{"t": 1}), store.ErrNotFound)
		for process, seen := range map[string]time.Time{"p1": now, "p2": now.Add(time.Second), "old": now.Add(-time.Hour)} {
			f.must(f.HoldKeys(ctx, store.KeyHolder{Process: process, Host: "host-" + process, SeenAt: seen}))
		}
		f.must(f.NoteApplied(ctx, "p1", map[string]int64{"t": 7, "other": 0}))
		f.must(f.NoteApplied(ctx, "old", map[string]int64{"t": 3}))
		p1 := store.AppliedPolicy{Process: "p1", Host: "host-p1", SeenAt: now, InMemory: true, Revision: 7}
		p2 := store.AppliedPolicy{Process: "p2", Host: "host-p2", SeenAt: now.Add(time.Second)}
		list := func(what, tenant string, limit int, want ...store.AppliedPolicy) {
			t.Helper()
			got, err := f.AppliedPolicies(ctx, tenant, now, limit)
			same(t, what, got, err, want)
		}
		list("AppliedPolicies", "t", 10, p1, p2)
		list("AppliedPolicies, bounded", "t", 1, p1)
		none := p1
		none.Revision = 0
		list("AppliedPolicies where none was published", "other", 10, none, p2)

		f.must(f.NoteApplied(ctx, "p1", map[string]int64{"t": 9}))
		p1.Revision, none.InMemory = 9, false
		list("AppliedPolicies, noted again", "t", 10, p1, p2)
		list("AppliedPolicies of what is in memory no more", "other", 10, none, p2)
		f.must(f.HoldKeys(ctx, store.KeyHolder{Process: "p1", Host: "host-p1", SeenAt: now})) // which keeps what it said
		list("AppliedPolicies after a heartbeat", "t", 10, p1, p2)
		f.must(f.LeaveKeys(ctx, "p1", time.Time{}))
		list("AppliedPolicies without who left", "t", 10, p2)
	}},
	{"Applied/PolicyRevisions", func(t *testing.T, f fixture) {
		ctx := t.Context()
		for _, id := range []string{"t", "other", "none"} {
			f.tenant(id)
		}
		for _, p := range []store.PolicyRevision{{Tenant: "t", Revision: 2}, {Tenant: "t", Revision: 9}, {Tenant: "other", Revision: 4}} {
			p.Author, p.CreatedAt = "user:ann", now
			f.must(f.InsertPolicy(ctx, p))
		}
		got, err := f.PolicyRevisions(ctx, "t", "none", "nowhere")
		same(t, "PolicyRevisions", got, err, map[string]int64{"t": 9})
		got, err = f.PolicyRevisions(ctx)
		same(t, "PolicyRevisions of nobody", got, err, map[string]int64{})
	}},
}
