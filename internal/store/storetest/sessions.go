package storetest

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
)

// What a person is told of their sessions and logins, and what is swept.
var sweepTests = []storeTest{
	{"Sessions/Live", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		put := func(id, user string, change func(*store.Session)) {
			s := session(id, user)
			s.Network, s.Agent = "192.0.2.0/24", "agent"
			if change != nil {
				change(&s)
			}
			f.must(f.InsertSession(ctx, s))
		}
		put("young", "ann", func(s *store.Session) { s.CreatedAt = now.Add(time.Minute) })
		put("old", "ann", nil)
		put("of bob", "bob", nil)
		put("over", "ann", func(s *store.Session) { s.ExpiresAt = now })
		put("idle", "ann", func(s *store.Session) { s.LastSeen = now.Add(-time.Hour) })
		put("ended", "ann", func(s *store.Session) { s.EndedAt = now })
		ids := func() (ids []string) {
			live, err := f.LiveSessions(ctx, "t", "ann", now, now.Add(-time.Hour))
			f.must(err)
			for _, s := range live {
				ids = append(ids, s.ID)
				same(t, "Network of "+s.ID, s.Network, nil, "192.0.2.0/24")
			}
			return ids
		}
		same(t, "LiveSessions", ids(), nil, []string{"old", "young"})
		_, err := f.EndSessions(ctx, "t", "ann", "old", now)
		same(t, "LiveSessions after the others ended", ids(), err, []string{"old"})
		u, err := f.User(ctx, "t", "ann")
		same(t, "Epoch, while one was kept", u.Epoch, err, 0)
		_, err = f.EndSessions(ctx, "t", "ann", "", now)
		f.must(err)
		u, err = f.User(ctx, "t", "ann")
		same(t, "Epoch, when none was kept", u.Epoch, err, 1)
		put("next", "ann", nil)
		s, err := f.Session(ctx, "next")
		same(t, "Epoch of a session", s.Epoch, err, 1)
		same(t, "LiveSessions of the next epoch", ids(), nil, []string{"next"})
		u, err = f.User(ctx, "t", "bob")
		same(t, "Epoch of another", u.Epoch, err, 0)
	}},
	{"Sessions/Successors", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.must(f.InsertSession(ctx, session("s", "ann")))
		f.must(f.InsertSession(ctx, session("other", "ann")))
		for _, id := range []string{"a", "b", "c"} {
			f.must(f.InsertRefreshToken(ctx, store.RefreshToken{Hash: []byte(id), Session: "s", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}))
		}
		f.must(f.InsertRefreshToken(ctx, store.RefreshToken{Hash: []byte("x"), Session: "other", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}))
		successor := func(id string) string {
			rt, err := f.RefreshToken(ctx, []byte(id))
			f.must(err)
			return string(rt.Successor)
		}
		for _, id := range []string{"x", "a", "b"} {
			took, err := f.UseRefreshToken(ctx, []byte(id), []byte("after "+id), now)
			yes(t, "UseRefreshToken", took, err)
		}
		same(t, "successor of a, once b was used", successor("a"), nil, "")
		same(t, "successor of b", successor("b"), nil, "after b")
		took, err := f.UseRefreshToken(ctx, []byte("b"), []byte("another"), now)
		no(t, "UseRefreshToken again", took, err)
		same(t, "successor of b", successor("b"), nil, "after b")
		same(t, "successor in another session", successor("x"), nil, "after x")
		n, err := f.VoidSuccessors(ctx, now, 9)
		same(t, "VoidSuccessors of this moment", n, err, 0)
		n, err = f.VoidSuccessors(ctx, now.Add(1000), 1)
		same(t, "VoidSuccessors, one", n, err, 1)
		n, err = f.VoidSuccessors(ctx, now.Add(1000), 9)
		same(t, "VoidSuccessors, the rest", n, err, 1)
		same(t, "successor of b", successor("b"), nil, "")
	}},
	{"History/PagesNewestFirst", func(t *testing.T, f fixture) {
		ctx := t.Context()
		var want []string
		for i := range 5 {
			id := fmt.Sprint("e", i)
			e := store.Event{Tenant: "t", User: "ann", ID: id, At: now.Add(time.Duration(i/2) * time.Minute), Activity: "login", Outcome: "ok",
				Level: 2, Network: "192.0.2.0/24", Agent: "agent", Times: 1}
			f.must(f.NoteEvent(ctx, e))
			want = append([]string{id}, want...)
		}
		f.must(f.NoteEvent(ctx, store.Event{Tenant: "t", User: "bob", ID: "e0", At: now}))
		f.must(f.NoteEvent(ctx, store.Event{Tenant: "", User: "", ID: "e0", At: now}))
		var got []string
		var at store.EventPlace
		for {
			page, err := f.Events(ctx, "t", "ann", at, 2)
			f.must(err)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.ID)
				at = store.EventPlace{At: e.At, ID: e.ID}
			}
		}
		same(t, "Events", got, nil, want)
	}},
	{"History/CountsWhatIsAlike", func(t *testing.T, f fixture) {
		ctx := t.Context()
		e := store.Event{Tenant: "t", User: "ann", ID: "fail/1", At: now, Activity: "fail", Outcome: "deny", Code: "no", Network: "192.0.2.0/24", Times: 1}
		f.must(f.NoteEvent(ctx, e))
		e.At, e.Network, e.Agent = now.Add(time.Second), "198.51.100.0/24", "b"
		f.must(f.NoteEvent(ctx, e))
		e.Times = 2
		got, err := f.Events(ctx, "t", "ann", store.EventPlace{}, 9)
		same(t, "Events", got, err, []store.Event{e})
	}},
	{"Sweep/OneClaims", func(t *testing.T, f fixture) {
		ctx := t.Context()
		wins(t, "Claim", 20, 1, func(int) (bool, error) { return f.Claim(ctx, "sweep", now, now.Add(time.Hour)) })
		took, err := f.Claim(ctx, "sweep", now.Add(time.Hour-1000), now.Add(2*time.Hour))
		no(t, "Claim too early", took, err)
		wins(t, "Claim when due", 20, 1, func(int) (bool, error) { return f.Claim(ctx, "sweep", now.Add(time.Hour), now.Add(2*time.Hour)) })
		took, err = f.Claim(ctx, "another", now, now.Add(time.Hour))
		yes(t, "Claim another", took, err)
	}},
	{"Sweep/WhatHasEnded", func(t *testing.T, f fixture) {
		ctx := t.Context()
		late := now.Add(time.Hour)
		for _, id := range []string{"ann", "bob", "cat"} {
			f.user(id)
		}
		put := func(id string, expires, ended time.Time) {
			s := session(id, "ann")
			s.ExpiresAt, s.EndedAt = expires, ended
			f.must(f.InsertSession(ctx, s))
			f.must(f.InsertRefreshToken(ctx, store.RefreshToken{Hash: []byte(id), Session: id, CreatedAt: now, ExpiresAt: late}))
		}
		put("live", late, time.Time{})
		put("ended", late, now.Add(-1000))
		put("expired", now.Add(-1000), time.Time{})
		put("just ended", late, now)
		n, err := f.DeleteSessions(ctx, now, 1)
		same(t, "DeleteSessions, one", n, err, 1)
		n, err = f.DeleteSessions(ctx, now, 9)
		same(t, "DeleteSessions, the rest", n, err, 1)
		for id, want := range map[string]error{"live": nil, "just ended": nil, "ended": store.ErrNotFound, "expired": store.ErrNotFound} {
			_, err := f.Session(ctx, id)
			wantErr(t, "Session "+id, err, want)
			_, err = f.RefreshToken(ctx, []byte(id))
			wantErr(t, "RefreshToken of "+id, err, want)
		}

		for _, id := range []string{"ann", "bob", "cat"} {
			tk := ticket("t-"+id, id)
			i := store.Invite{Hash: []byte("i-" + id), Tenant: "t", User: id, CreatedAt: now, ExpiresAt: late}
			tk.ExpiresAt = late
			if id == "bob" {
				tk.ExpiresAt, i.ExpiresAt = now.Add(-1000), now.Add(-1000)
			}
			f.must(f.InsertTicket(ctx, tk))
			f.must(f.InsertInvite(ctx, i))
		}
		took, err := f.EndTicket(ctx, []byte("t-cat"), now.Add(-1000))
		yes(t, "EndTicket", took, err)
		took, err = f.UseInvite(ctx, []byte("i-cat"), now.Add(-1000))
		yes(t, "UseInvite", took, err)
		n, err = f.DeleteTickets(ctx, now, 9)
		same(t, "DeleteTickets", n, err, 2)
		n, err = f.DeleteInvites(ctx, now, 9)
		same(t, "DeleteInvites", n, err, 2)
		_, err = f.Ticket(ctx, []byte("t-ann"), now)
		wantErr(t, "Ticket that lives", err, nil)
		_, err = f.Invite(ctx, []byte("i-ann"), now)
		wantErr(t, "Invite that lives", err, nil)
	}},
	{"Sweep/History", func(t *testing.T, f fixture) {
		ctx := t.Context()
		for i := range 6 {
			f.must(f.NoteEvent(ctx, store.Event{Tenant: "t", User: "ann", ID: fmt.Sprint(i), At: now.Add(time.Duration(i) * time.Minute)}))
		}
		f.must(f.NoteEvent(ctx, store.Event{Tenant: "t", User: "bob", ID: "0", At: now}))
		f.must(f.NoteEvent(ctx, store.Event{Tenant: "t", User: "bob", ID: "1", At: now.Add(time.Minute)}))
		left := func(user string) (ids []string) {
			events, err := f.Events(ctx, "t", user, store.EventPlace{}, 9)
			f.must(err)
			for _, e := range events {
				ids = append(ids, e.ID)
			}
			return ids
		}
		n, err := f.DeleteEvents(ctx, now.Add(time.Minute), 3, 3)
		same(t, "DeleteEvents, three", n, err, 3)
		n, err = f.DeleteEvents(ctx, now.Add(time.Minute), 3, 3)
		same(t, "DeleteEvents, the rest", n, err, 1)
		same(t, "of ann", left("ann"), nil, []string{"5", "4", "3"})
		same(t, "of bob", left("bob"), nil, []string{"1"})
	}},
}
