package storetest

import (
	"testing"
	"time"

	"rolegate/internal/store"
)

func ticket(hash, user string) store.Ticket {
	return store.Ticket{Hash: []byte(hash), Tenant: "t", User: user, Purpose: store.TicketMFA, Methods: []string{"pwd"},
		AuthTime: now.Add(-time.Second), CreatedAt: now, ExpiresAt: now.Add(5 * time.Minute)}
}

var ticketTests = []storeTest{
	{"Tickets/RoundTripAndExpiry", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		want := ticket("h", "ann")
		want.Device, want.Tries, want.Purpose, want.Password = "d", 2, store.TicketEnrol, "phc"
		f.must(f.InsertTicket(ctx, want))
		got, err := f.Ticket(ctx, want.Hash, now)
		same(t, "Ticket", got, err, want)
		late := want.ExpiresAt
		_, err = f.Ticket(ctx, want.Hash, late)
		wantErr(t, "Ticket when it expires", err, store.ErrNotFound)
		took, err := f.TryTicket(ctx, want.Hash, 5, late)
		no(t, "TryTicket when it expires", took, err)
		took, err = f.SetTicketDevice(ctx, want.Hash, "e", late)
		no(t, "SetTicketDevice when it expires", took, err)
		took, err = f.EndTicket(ctx, want.Hash, late)
		no(t, "EndTicket when it expires", took, err)
		wantErr(t, "InsertTicket of nobody", f.InsertTicket(ctx, ticket("n", "nobody")), store.ErrNotFound)
	}},
	{"Tickets/NewEndsOld", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.must(f.InsertTicket(ctx, ticket("old", "ann")))
		took, err := f.TryTicket(ctx, []byte("old"), 5, now)
		yes(t, "TryTicket", took, err)
		f.must(f.InsertTicket(ctx, ticket("new", "ann")))
		_, err = f.Ticket(ctx, []byte("old"), now)
		wantErr(t, "Ticket of the old one", err, store.ErrNotFound)
		got, err := f.Ticket(ctx, []byte("new"), now)
		same(t, "Ticket of the new one", got, err, ticket("new", "ann"))
	}},
	{"Tickets/EndsForGood", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.must(f.InsertTicket(ctx, ticket("h", "ann")))
		took, err := f.SetTicketDevice(ctx, []byte("h"), "dev", now)
		yes(t, "SetTicketDevice", took, err)
		got, err := f.Ticket(ctx, []byte("h"), now)
		same(t, "Device", got.Device, err, "dev")
		ended, err := f.EndTickets(ctx, "t", "ann", now)
		same(t, "EndTickets", ended, err, 1)
		ended, err = f.EndTickets(ctx, "t", "ann", now)
		same(t, "EndTickets again", ended, err, 0)
		took, err = f.TryTicket(ctx, []byte("h"), 5, now)
		no(t, "TryTicket after the end", took, err)
		took, err = f.SetTicketDevice(ctx, []byte("h"), "dev", now)
		no(t, "SetTicketDevice after the end", took, err)
		took, err = f.EndTicket(ctx, []byte("h"), now)
		no(t, "EndTicket after the end", took, err)
		_, err = f.Ticket(ctx, []byte("h"), now)
		wantErr(t, "Ticket after the end", err, store.ErrNotFound)
	}},
	{"Tickets/OneEndWins", func(t *testing.T, f fixture) {
		f.user("ann")
		f.must(f.InsertTicket(t.Context(), ticket("h", "ann")))
		wins(t, "EndTicket", 30, 1, func(int) (bool, error) { return f.EndTicket(t.Context(), []byte("h"), now) })
	}},
	{"Tickets/NoMoreTriesThanAllowed", func(t *testing.T, f fixture) {
		f.user("ann")
		f.must(f.InsertTicket(t.Context(), ticket("h", "ann")))
		wins(t, "TryTicket", 50, 5, func(int) (bool, error) { return f.TryTicket(t.Context(), []byte("h"), 5, now) })
		got, err := f.Ticket(t.Context(), []byte("h"), now)
		same(t, "Tries", got.Tries, err, 5)
	}},
}

func session(id, user string) store.Session {
	return store.Session{ID: id, Tenant: "t", User: user, ACR: 2, AMR: []string{"pwd", "otp", "mfa"}, AuthTime: now,
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(time.Hour)}
}

var sessionTests = []storeTest{
	{"Sessions/RoundTrip", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		want := session("s", "ann")
		want.Restricted = true
		f.must(f.InsertSession(ctx, want))
		got, err := f.Session(ctx, "s")
		same(t, "Session", got, err, want)
		wantErr(t, "InsertSession again", f.InsertSession(ctx, want), store.ErrExists)
		wantErr(t, "InsertSession of nobody", f.InsertSession(ctx, session("n", "nobody")), store.ErrNotFound)
		want.LastSeen = now.Add(time.Minute)
		f.must(f.SeeSession(ctx, "s", want.LastSeen))
		got, err = f.Session(ctx, "s")
		same(t, "Session seen", got, err, want)
		wantErr(t, "SeeSession unknown", f.SeeSession(ctx, "x", now), store.ErrNotFound)
		_, err = f.Session(ctx, "x")
		wantErr(t, "Session unknown", err, store.ErrNotFound)
	}},
	{"Sessions/EndAllButOne", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.user("bob")
		for _, id := range []string{"a", "b", "c", "gone", "late"} {
			s := session(id, "ann")
			if id == "late" {
				s.ExpiresAt = now
			}
			f.must(f.InsertSession(ctx, s))
		}
		f.must(f.InsertSession(ctx, session("bob", "bob")))
		took, err := f.EndSession(ctx, "gone", now)
		yes(t, "EndSession", took, err)
		n, err := f.EndSessions(ctx, "t", "ann", "b", now)
		same(t, "EndSessions but b", n, err, 2)
		n, err = f.EndSessions(ctx, "t", "ann", "", now)
		same(t, "EndSessions", n, err, 1)
		s, err := f.Session(ctx, "bob")
		same(t, "another user's session", s, err, session("bob", "bob"))
		s, err = f.Session(ctx, "a")
		same(t, "EndedAt", s.EndedAt, err, now)
	}},
	{"Sessions/OneEndWins", func(t *testing.T, f fixture) {
		f.user("ann")
		f.must(f.InsertSession(t.Context(), session("s", "ann")))
		wins(t, "EndSession", 30, 1, func(int) (bool, error) { return f.EndSession(t.Context(), "s", now) })
	}},
	{"Sessions/RefreshTokens", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.user("ann")
		f.must(f.InsertSession(ctx, session("s", "ann")))
		want := store.RefreshToken{Hash: []byte{0, 9}, Session: "s", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		f.must(f.InsertRefreshToken(ctx, want))
		got, err := f.RefreshToken(ctx, want.Hash)
		same(t, "RefreshToken", got, err, want)
		wantErr(t, "InsertRefreshToken again", f.InsertRefreshToken(ctx, want), store.ErrExists)
		wantErr(t, "InsertRefreshToken of no session",
			f.InsertRefreshToken(ctx, store.RefreshToken{Hash: []byte("x"), Session: "x"}), store.ErrNotFound)
		took, err := f.UseRefreshToken(ctx, want.Hash, nil, want.ExpiresAt)
		no(t, "UseRefreshToken when it expires", took, err)
		wins(t, "UseRefreshToken", 30, 1, func(int) (bool, error) { return f.UseRefreshToken(ctx, want.Hash, nil, now) })
		want.UsedAt = now
		got, err = f.RefreshToken(ctx, want.Hash)
		same(t, "RefreshToken used", got, err, want)
		_, err = f.RefreshToken(ctx, []byte("x"))
		wantErr(t, "RefreshToken unknown", err, store.ErrNotFound)
	}},
}
