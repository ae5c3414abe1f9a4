package storetest

import (
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var administrationTests = []storeTest{
	{"Administration/PageUsers", func(t *testing.T, f fixture) {
		ctx := t.Context()
		var ids []string
		page := func(q store.UserQuery) []string {
			us, err := f.PageUsers(ctx, "t", q)
			f.must(err)
			ids = nil
			for _, u := range us {
				ids = append(ids, u.ID)
			}
			return ids
		}
		f.user("u1")
		f.tenant("other")
		for _, u := range []model.User{
			{ID: "u2", UsernameKey: "ann", PasswordHash: "h"}, {ID: "u3", UsernameKey: "anna"}, {ID: "u4", UsernameKey: "an_", PasswordHash: "h", Disabled: true},
			{ID: "u5", UsernameKey: "安娜", Disabled: true},
		} {
			u.Tenant, u.Username, u.CreatedAt = "t", u.UsernameKey, now
			f.must(f.InsertUser(ctx, u))
		}
		f.must(f.InsertUser(ctx, model.User{Tenant: "other", ID: "u9", Username: "ann", UsernameKey: "ann", CreatedAt: now}))
		for what, c := range map[string]struct {
			q    store.UserQuery
			want []string
		}{
			"all":            {store.UserQuery{Limit: 9}, []string{"u1", "u2", "u3", "u4", "u5"}},
			"behind":         {store.UserQuery{Limit: 2, After: "u2"}, []string{"u3", "u4"}},
			"by name":        {store.UserQuery{Limit: 9, Name: "ann"}, []string{"u2", "u3"}},
			"no pattern":     {store.UserQuery{Limit: 9, Name: "an_"}, []string{"u4"}},
			"any script":     {store.UserQuery{Limit: 9, Name: "安"}, []string{"u5"}},
			"invited":        {store.UserQuery{Limit: 9, State: store.UserInvited}, []string{"u3"}},
			"active":         {store.UserQuery{Limit: 9, State: store.UserActive}, []string{"u1", "u2"}},
			"disabled":       {store.UserQuery{Limit: 9, State: store.UserDisabled}, []string{"u4", "u5"}},
			"name and state": {store.UserQuery{Limit: 9, Name: "ann", State: store.UserActive}, []string{"u2"}},
		} {
			same(t, what, page(c.q), nil, c.want)
		}
	}},
	{"Administration/OfficeRequests", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		r := store.OfficeRequest{ID: "r1", Tenant: "t", Member: "user:dan", Office: "audit-admin", Reason: "审计", RequestedBy: "user:sys",
			CreatedAt: now, ExpiresAt: now.Add(time.Hour), State: store.RequestPending}
		f.must(f.InsertOfficeRequest(ctx, r))
		wantErr(t, "InsertOfficeRequest again", f.InsertOfficeRequest(ctx, r), store.ErrExists)
		later := r
		later.ID, later.CreatedAt = "r2", now.Add(time.Second)
		f.must(f.InsertOfficeRequest(ctx, later))
		got, err := f.OfficeRequest(ctx, "t", "r1")
		same(t, "OfficeRequest", got, err, r)
		_, err = f.OfficeRequest(ctx, "other", "r1")
		wantErr(t, "OfficeRequest of another tenant", err, store.ErrNotFound)
		list, err := f.OfficeRequests(ctx, "t", 9)
		same(t, "OfficeRequests", list, err, []store.OfficeRequest{later, r})
		pending := func(what string, want bool, tenant, member, office string, at time.Time) {
			t.Helper()
			got, err := f.OfficePending(ctx, tenant, member, office, at)
			same(t, what, got, err, want)
		}
		pending("OfficePending", true, "t", "user:dan", "audit-admin", now)
		pending("OfficePending in another tenant", false, "other", "user:dan", "audit-admin", now)
		pending("OfficePending for another", false, "t", "user:sys", "audit-admin", now)
		pending("OfficePending of another office", false, "t", "user:dan", "system-admin", now)
		pending("OfficePending when it has expired", false, "t", "user:dan", "audit-admin", now.Add(time.Hour))

		took, err := f.DecideOfficeRequest(ctx, "other", "r1", store.RequestApproved, "user:sec", now)
		no(t, "deciding in another tenant", took, err)
		took, err = f.DecideOfficeRequest(ctx, "t", "r1", store.RequestApproved, "user:sec", now.Add(time.Hour))
		no(t, "deciding too late", took, err)
		wins(t, "DecideOfficeRequest", 8, 1, func(int) (bool, error) {
			return f.DecideOfficeRequest(ctx, "t", "r1", store.RequestApproved, "user:sec", now)
		})
		took, err = f.DecideOfficeRequest(ctx, "t", "r1", store.RequestDenied, "user:aud", now)
		no(t, "deciding again", took, err)
		r.State, r.DecidedBy, r.DecidedAt = store.RequestApproved, "user:sec", now
		got, err = f.OfficeRequest(ctx, "t", "r1")
		same(t, "OfficeRequest decided", got, err, r)
		pending("OfficePending of the other", true, "t", "user:dan", "audit-admin", now)
		took, err = f.DecideOfficeRequest(ctx, "t", "r2", store.RequestDenied, "user:aud", now)
		same(t, "DecideOfficeRequest of the other", took, err, true)
		pending("OfficePending when all are decided", false, "t", "user:dan", "audit-admin", now)
	}},
}
