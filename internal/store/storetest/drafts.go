package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rolegate/internal/store"
)

// draft is one with something in every field.
func draft(id string, edited time.Time) store.Draft {
	return store.Draft{ID: id, Tenant: "t", Title: "销售 \"east\"", State: store.DraftApproved, Base: 7, Version: 1,
		Document: "# it's\np, role:销售, deal, read, own, , allow\n", Cases: "- name: a\n", Author: "user:ann", CreatedAt: now,
		EditedBy: "user:bob", EditedAt: edited, Editors: []string{"user:ann", "user:bob"}, SubmittedBy: "user:ann", SubmittedAt: now.Add(time.Second),
		Digest: "d1", AloneFrom: now.Add(time.Hour), DecidedBy: "user:aud", DecidedAt: now.Add(time.Minute), Comment: "好", Published: 9, PublishedAt: now.Add(2 * time.Hour)}
}

var draftTests = []storeTest{
	{"Drafts/KeptWhole", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		d := draft("d", now)
		f.must(f.InsertDraft(ctx, d))
		wantErr(t, "InsertDraft again", f.InsertDraft(ctx, d), store.ErrExists)
		got, err := f.Draft(ctx, "t", "d")
		same(t, "Draft", got, err, d)
		_, err = f.Draft(ctx, "other", "d")
		wantErr(t, "Draft of another tenant", err, store.ErrNotFound)
		lost := draft("lost", now)
		lost.Tenant = "none"
		wantErr(t, "InsertDraft of no tenant", f.InsertDraft(ctx, lost), store.ErrNotFound)

		next := draft("d", now.Add(time.Minute))
		next.Version, next.Title, next.State, next.Base, next.Document, next.Cases = 2, "x", store.DraftOpen, 8, strings.Repeat("# x\n", 1<<19), ""
		next.EditedBy, next.Editors, next.SubmittedBy, next.SubmittedAt, next.Digest, next.AloneFrom = "user:cid", []string{"user:ann", "user:cid"}, "", time.Time{}, "", time.Time{}
		next.DecidedBy, next.DecidedAt, next.Comment, next.Published, next.PublishedAt = "", time.Time{}, "", 0, time.Time{}
		elsewhere := next
		elsewhere.Tenant = "other"
		took, err := f.UpdateDraft(ctx, elsewhere)
		no(t, "UpdateDraft in another tenant", took, err)
		forged := next
		forged.Author, forged.CreatedAt = "user:mallory", now.Add(time.Hour)
		took, err = f.UpdateDraft(ctx, forged)
		yes(t, "UpdateDraft", took, err)
		got, err = f.Draft(ctx, "t", "d")
		same(t, "Draft updated, author and creation as they were", got, err, next)
	}},
	{"Drafts/OfTwoEditsOneCounts", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.must(f.InsertDraft(ctx, draft("d", now)))
		for _, version := range []int64{0, 1, 3} {
			d := draft("d", now)
			d.Version = version
			took, err := f.UpdateDraft(ctx, d)
			no(t, fmt.Sprint("UpdateDraft to version ", version), took, err)
		}
		wins(t, "UpdateDraft", 8, 1, func(i int) (bool, error) {
			d := draft("d", now)
			d.Version, d.Title = 2, fmt.Sprint(i)
			return f.UpdateDraft(t.Context(), d)
		})
	}},
	{"Drafts/ListedByWhatMayComeOfThem", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		var want []store.Draft
		for i, state := range []store.DraftState{store.DraftOpen, store.DraftSubmitted, store.DraftApproved, store.DraftPublished, store.DraftWithdrawn} {
			d := draft(string(state), now.Add(-time.Duration(i)*time.Minute))
			d.State = state
			f.must(f.InsertDraft(ctx, d))
			d.Document, d.Cases = "", ""
			want = append(want, d)
		}
		newest := draft("newest", now.Add(time.Hour))
		newest.State = store.DraftWithdrawn
		f.must(f.InsertDraft(ctx, newest))
		newest.Document, newest.Cases = "", ""
		other := draft("elsewhere", now)
		other.Tenant = "other"
		f.must(f.InsertDraft(ctx, other))
		list, err := f.ListDrafts(ctx, "t", 5)
		same(t, "ListDrafts", list, err, append(want[:3:3], newest, want[3]))
	}},
	{"Drafts/NothingIsApprovedAfterARestore", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		for _, state := range []store.DraftState{store.DraftOpen, store.DraftSubmitted, store.DraftApproved, store.DraftPublished} {
			d := draft(string(state), now)
			d.State = state
			f.must(f.InsertDraft(ctx, d))
		}
		ended, err := f.EndAll(ctx, now)
		same(t, "EndAll", ended, err, store.Ended{Drafts: 2})
		for state, want := range map[store.DraftState]store.DraftState{store.DraftOpen: store.DraftOpen, store.DraftSubmitted: store.DraftOpen,
			store.DraftApproved: store.DraftOpen, store.DraftPublished: store.DraftPublished} {
			d, err := f.Draft(ctx, "t", string(state))
			same(t, string(state)+" after EndAll", d.State, err, want)
			if ended := state == store.DraftSubmitted || state == store.DraftApproved; ended &&
				(d.Version != 2 || d.Digest != "" || d.SubmittedBy != "" || d.DecidedBy != "" || !d.AloneFrom.IsZero() || !d.SubmittedAt.IsZero() || !d.DecidedAt.IsZero()) {
				t.Errorf("%s is still %+v", state, d)
			}
		}
	}},
}
