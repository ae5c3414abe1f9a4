package storetest

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var userTests = []storeTest{
	{"Users/RoundTrip", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		u := model.User{Tenant: "t", ID: "ann", Username: "Ann@Example", UsernameKey: "ann@example", PasswordHash: "$argon2id$",
			Disabled: true, CreatedAt: now}
		f.must(f.InsertUser(ctx, u))
		got, err := f.User(ctx, "t", "ann")
		same(t, "User", got, err, u)
		got, err = f.UserByName(ctx, "t", "ann@example")
		same(t, "UserByName", got, err, u)
		_, err = f.UserByName(ctx, "other", "ann@example")
		wantErr(t, "UserByName in another tenant", err, store.ErrNotFound)
		_, err = f.User(ctx, "t", "ann ")
		wantErr(t, "User unknown", err, store.ErrNotFound)
	}},
	{"Users/IdAndNameAreUniqueInTheTenant", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.tenant("other")
		wantErr(t, "same id", f.InsertUser(ctx, model.User{Tenant: "t", ID: "ann", UsernameKey: "x"}), store.ErrExists)
		wantErr(t, "same name", f.InsertUser(ctx, model.User{Tenant: "t", ID: "x", UsernameKey: "ann"}), store.ErrExists)
		f.must(f.InsertUser(ctx, model.User{Tenant: "other", ID: "ann", UsernameKey: "ann"}))
		wantErr(t, "no tenant", f.InsertUser(ctx, model.User{Tenant: "none", ID: "ann", UsernameKey: "ann"}), store.ErrNotFound)
	}},
	{"Users/PagesInByteOrder", func(t *testing.T, f fixture) {
		want := []string{"Z", "a", "b", "ü", "中"}
		var got []string
		for i := range want {
			f.user(want[len(want)-1-i])
		}
		after := ""
		for range 10 {
			page, err := f.ListUsers(t.Context(), "t", after, 2)
			f.must(err)
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				got = append(got, u.ID)
			}
			after = got[len(got)-1]
		}
		same(t, "all pages", got, nil, want)
		for _, limit := range []int{0, -1} {
			none, err := f.ListUsers(t.Context(), "t", "", limit)
			same(t, fmt.Sprintf("limit %d", limit), none, err, nil)
		}
	}},
	{"Users/SetPasswordComparesAndSwaps", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		took, err := f.SetPassword(ctx, "t", "ann", "other", "new")
		no(t, "SetPassword over another", took, err)
		took, err = f.SetPassword(ctx, "t", "bob", "first", "new")
		no(t, "SetPassword of nobody", took, err)
		wins(t, "SetPassword", 20, 1, func(i int) (bool, error) {
			return f.SetPassword(ctx, "t", "ann", "first", fmt.Sprint("hash", i))
		})
	}},
	{"Users/SetUserDisabled", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		for _, disabled := range []bool{true, true, false} {
			took, err := f.SetUserDisabled(ctx, "t", "ann", disabled)
			yes(t, "SetUserDisabled", took, err)
			u, err := f.User(ctx, "t", "ann")
			same(t, "Disabled", u.Disabled, err, disabled)
		}
		took, err := f.SetUserDisabled(ctx, "t", "bob", true)
		no(t, "SetUserDisabled of nobody", took, err)
	}},
	{"Users/OneInsertWins", func(t *testing.T, f fixture) {
		f.tenant("t")
		wins(t, "InsertUser", 20, 1, func(i int) (bool, error) {
			return inserted(f.InsertUser(t.Context(), model.User{Tenant: "t", ID: fmt.Sprint(i), UsernameKey: "same"}))
		})
	}},
}

var inviteTests = []storeTest{
	{"Invites/RoundTripAndExpiry", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		i := store.Invite{Hash: []byte{1, 0, 2}, Tenant: "t", User: "ann", MadeBy: "bob", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		f.must(f.InsertInvite(ctx, i))
		got, err := f.Invite(ctx, i.Hash, now)
		same(t, "Invite", got, err, i)
		_, err = f.Invite(ctx, i.Hash, i.ExpiresAt)
		wantErr(t, "Invite when it expires", err, store.ErrNotFound)
		took, err := f.UseInvite(ctx, i.Hash, i.ExpiresAt)
		no(t, "UseInvite when it expires", took, err)
		took, err = f.UseInvite(ctx, i.Hash, i.ExpiresAt.Add(-time.Microsecond))
		yes(t, "UseInvite just before", took, err)
		_, err = f.Invite(ctx, i.Hash, now)
		wantErr(t, "Invite when used", err, store.ErrNotFound)
		i.Hash, i.User = []byte("other"), "nobody"
		wantErr(t, "InsertInvite of nobody", f.InsertInvite(ctx, i), store.ErrNotFound)
	}},
	{"Invites/NewEndsOld", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		for _, i := range []store.Invite{
			{Hash: []byte("old"), Tenant: "t", User: "ann", ExpiresAt: now.Add(time.Hour)},
			{Hash: []byte("bob"), Tenant: "t", User: "bob", ExpiresAt: now.Add(time.Hour)},
			{Hash: []byte("new"), Tenant: "t", User: "ann", ExpiresAt: now.Add(time.Hour)},
		} {
			f.must(f.InsertInvite(ctx, i))
		}
		took, err := f.UseInvite(ctx, []byte("old"), now)
		no(t, "UseInvite of the old one", took, err)
		took, err = f.UseInvite(ctx, []byte("new"), now)
		yes(t, "UseInvite of the new one", took, err)
		took, err = f.UseInvite(ctx, []byte("bob"), now)
		yes(t, "UseInvite of another user", took, err)
	}},
	{"Invites/EndForGood", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		for _, user := range []string{"ann", "bob"} {
			f.must(f.InsertInvite(ctx, store.Invite{Hash: []byte(user), Tenant: "t", User: user, ExpiresAt: now.Add(time.Hour)}))
		}
		f.must(f.EndInvites(ctx, "t", "ann", now))
		_, err := f.Invite(ctx, []byte("ann"), now)
		wantErr(t, "Invite after the end", err, store.ErrNotFound)
		took, err := f.UseInvite(ctx, []byte("ann"), now)
		no(t, "UseInvite after the end", took, err)
		took, err = f.UseInvite(ctx, []byte("bob"), now)
		yes(t, "UseInvite of somebody else's", took, err)
		f.must(f.EndInvites(ctx, "t", "nobody", now))
	}},
	{"Invites/OneUseWins", func(t *testing.T, f fixture) {
		f.user("ann")
		f.must(f.InsertInvite(t.Context(), store.Invite{Hash: []byte("h"), Tenant: "t", User: "ann", ExpiresAt: now.Add(time.Hour)}))
		wins(t, "UseInvite", 30, 1, func(int) (bool, error) { return f.UseInvite(t.Context(), []byte("h"), now) })
	}},
	{"Invites/OneOfManyInsertsLives", func(t *testing.T, f fixture) {
		f.user("ann")
		together(t, 20, func(i int) error {
			return f.InsertInvite(t.Context(), store.Invite{Hash: []byte{byte(i)}, Tenant: "t", User: "ann", ExpiresAt: now.Add(time.Hour)})
		})
		wins(t, "UseInvite", 20, 1, func(i int) (bool, error) { return f.UseInvite(t.Context(), []byte{byte(i)}, now) })
	}},
}
