package login

import (
	"cmp"
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// SessionLimits bound people's sessions. A limit of zero stands for its default.
type SessionLimits struct {
	Idle time.Duration // without a refresh; at least AccessTTL
	Max  time.Duration // whatever is done in it
	Live int           // of one person at once; of more the oldest end
}

func (l SessionLimits) idle() time.Duration { return cmp.Or(l.Idle, RefreshTTL) }
func (l SessionLimits) max() time.Duration  { return cmp.Or(l.Max, SessionTTL) }
func (l SessionLimits) live() int           { return cmp.Or(l.Live, MaxSessions) }

// Sufficient refuses a session below what is required of its person now, such as
// after a role that asks for a second factor was assigned, where there is a factor
// to be shown. Who has none yet can enrol one.
func (s *Service) Sufficient(ctx context.Context, session Session) error {
	if session.Assurance.Level >= 2 {
		return nil
	}
	c := session.Caller
	t, err := s.Store.TenantHead(ctx, c.Tenant)
	if err != nil {
		return err
	}
	due, err := s.mfaDue(ctx, t, c.ID)
	if err != nil || !due {
		return err
	}
	devices, err := s.Store.Devices(ctx, c.Tenant, c.ID)
	if err == nil && len(devices) > 0 {
		return errBelow
	}
	return err
}

var errBelow = model.Errorf(model.CodeStepUp, "a second factor is required of you by now, and this session was opened without one")

// Sessions lists a person's live sessions, oldest first.
func (s *Service) Sessions(ctx context.Context, caller model.Caller) ([]store.Session, error) {
	return s.liveSessions(ctx, s.Store, caller.Tenant, caller.ID)
}

func (s *Service) liveSessions(ctx context.Context, q store.Sessions, tenant, user string) ([]store.Session, error) {
	now := s.Now()
	return q.LiveSessions(ctx, tenant, user, now, now.Add(-s.Limits.idle()))
}

var errNoSession = &model.Error{Code: model.CodeNotFound}

// EndSession ends a live session of the caller's, as the tenant's revision that it
// returns. CodeNotFound for one there is none of, whosever it was.
func (s *Service) EndSession(ctx context.Context, caller model.Caller, id string) (revision int64, err error) {
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = tx.Bump(ctx, caller.Tenant); err != nil {
			return err
		}
		session, err := tx.Session(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errNoSession
		case err != nil:
			return err
		case session.Tenant != caller.Tenant || session.User != caller.ID || !s.Now().Before(session.ExpiresAt):
			return errNoSession
		}
		if ended, err := s.end(ctx, tx, session); err != nil || !ended {
			return cmpErr(err, errNoSession)
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{
			Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.SessionRevoked, Outcome: audit.OutcomeOK, Caller: caller,
			Personal: map[string]any{"session": id},
		})
	})
	return revision, err
}

// end ends a session, with the ticket to enrol that came with one which can do
// nothing else, and tells whether it was live.
func (s *Service) end(ctx context.Context, tx store.Tx, session store.Session) (ended bool, err error) {
	if ended, err = tx.EndSession(ctx, session.ID, s.Now()); err != nil || !ended || !session.Restricted {
		return ended, err
	}
	_, err = tx.EndTickets(ctx, session.Tenant, session.User, s.Now())
	return ended, err
}

// EndOtherSessions ends all of the caller's sessions but the one it is in, and
// counts them. A login that is half done elsewhere ends with them. If there is
// nothing to end the tenant takes no revision, and the one it has is returned.
func (s *Service) EndOtherSessions(ctx context.Context, caller model.Caller) (ended int, revision int64, err error) {
	entry := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.OthersRevoked, Outcome: audit.OutcomeOK, Caller: caller}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = tx.Bump(ctx, caller.Tenant); err != nil {
			return err
		}
		if ended, err = tx.EndSessions(ctx, caller.Tenant, caller.ID, caller.Session, s.Now()); err != nil {
			return err
		}
		tickets, err := tx.EndTickets(ctx, caller.Tenant, caller.ID, s.Now())
		if err != nil {
			return err
		}
		if ended+tickets == 0 {
			return errNothingEnded
		}
		entry.Count = int64(ended)
		return s.Log.AppendIn(ctx, tx, entry)
	})
	if errors.Is(err, errNothingEnded) {
		return 0, revision - 1, s.Log.Append(ctx, entry)
	}
	return ended, revision, err
}

// errNothingEnded gives a revision back that nothing would have.
var errNothingEnded = errors.New("nothing was ended")

// endOldest makes room for a session that was just opened: of a person's live ones
// the oldest end. One entry tells of each.
func (s *Service) endOldest(ctx context.Context, tx store.Tx, opened store.Session) error {
	live, err := s.liveSessions(ctx, tx, opened.Tenant, opened.User)
	if err != nil {
		return err
	}
	excess := len(live) - s.Limits.live()
	for _, old := range live {
		if excess <= 0 {
			return nil
		}
		if old.ID == opened.ID { // a step-up's is as old as the one it takes the place of
			continue
		}
		excess--
		if _, err := s.end(ctx, tx, old); err != nil {
			return err
		}
		e := success(model.User{Tenant: old.Tenant, ID: old.User}, audit.SessionLimited, proof{Methods: old.AMR, Level: old.ACR})
		e.Personal["session"] = old.ID
		if err := s.Log.AppendIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// History pages what a person may know of their own logins, newest first.
func (s *Service) History(ctx context.Context, caller model.Caller, before store.EventPlace, limit int) ([]store.Event, error) {
	return s.Store.Events(ctx, caller.Tenant, caller.ID, before, limit)
}
