package login

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// Account is what people are told of their own account.
type Account struct {
	Tenant, ID, Username string
	Required             bool // a second factor is required of them
}

// Account tells who the session's person is.
func (s *Service) Account(ctx context.Context, session Session) (Account, error) {
	t, u, err := s.self(ctx, session)
	if err != nil {
		return Account{}, err
	}
	due, err := s.mfaDue(ctx, t, u.ID)
	return Account{Tenant: t.ID, ID: u.ID, Username: u.Username, Required: due}, err
}

// Disowned counts what ended with a login that was not its person's.
type Disowned struct {
	Sessions int // other than the one it was said in
	Known    int // known devices
}

// Disown takes a person's word that a line of their history was not them: whatever
// else is open ends, logins that are half done and invitations with it, and no device
// is known any more. The log has it under an activity of its own, for those who watch it. An
// event that is not theirs, or none, is left out of that.
//
// It is let do so with any proof, as ending sessions is: somebody else's intrusion
// is not to be waited out for want of a phone.
func (s *Service) Disown(ctx context.Context, session Session, event store.EventPlace) (d Disowned, revision int64, err error) {
	caller := session.Caller
	entry := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.LoginDisowned, Outcome: audit.OutcomeOK, Caller: caller}
	of, err := s.Event(ctx, session, event)
	switch {
	case errors.Is(err, errNoEvent):
	case err != nil:
		return d, 0, err
	default:
		entry.Personal = map[string]any{"event": of.Activity, "time": of.At.UTC().Format(time.RFC3339), "network": of.Network}
	}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = tx.Bump(ctx, caller.Tenant); err != nil {
			return err
		}
		now := s.Now()
		if d.Sessions, err = tx.EndSessions(ctx, caller.Tenant, caller.ID, caller.Session, now); err != nil {
			return err
		}
		if _, err = tx.EndTickets(ctx, caller.Tenant, caller.ID, now); err != nil {
			return err
		}
		if err = tx.EndInvites(ctx, caller.Tenant, caller.ID, now); err != nil {
			return err
		}
		if d.Known, err = tx.DeleteKnownDevices(ctx, caller.Tenant, caller.ID); err != nil {
			return err
		}
		entry.Count = int64(d.Sessions)
		return s.Log.AppendIn(ctx, tx, entry)
	})
	return d, revision, err
}

// Event is the line of the person's history at a place, CodeNotFound where there is
// none of theirs.
func (s *Service) Event(ctx context.Context, session Session, at store.EventPlace) (store.Event, error) {
	if at.ID == "" {
		return store.Event{}, errNoEvent
	}
	next := store.EventPlace{At: at.At.Add(time.Microsecond)} // the store's unit: lines older than that begin with those of the time
	lines, err := s.History(ctx, session.Caller, next, sameTime)
	if err != nil {
		return store.Event{}, err
	}
	for _, e := range lines {
		if e.ID == at.ID && e.At.Equal(at.At) {
			return e, nil
		}
	}
	return store.Event{}, errNoEvent
}

// sameTime is how many lines of one microsecond are looked through.
const sameTime = 10

var errNoEvent = model.Errorf(model.CodeNotFound, "your history has no such line")
