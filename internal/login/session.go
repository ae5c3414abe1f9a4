package login

import (
	"context"
	"strconv"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var errUnauthorized = &model.Error{Code: model.CodeUnauthorized}

// AuthenticateUser verifies a person's access token and looks at the live
// session, user and tenant behind it: what ended since the token was made is
// refused, whatever the token says, and wherever it was ended.
func (s *Service) AuthenticateUser(ctx context.Context, raw string) (Session, error) {
	v, err := s.verifyUser(raw)
	if err != nil {
		return Session{}, err
	}
	return s.look(ctx, v)
}

func (s *Service) verifyUser(raw string) (*verified, error) {
	v, err := s.verify(raw)
	if err != nil && !untrue(err) {
		return nil, err
	}
	if err != nil || v.claims.SessionID == "" {
		return nil, errUnauthorized.Because(err)
	}
	return v, nil
}

// look reads the rows behind a person's token, and remembers what they say.
func (s *Service) look(ctx context.Context, v *verified) (Session, error) {
	revision := s.Revisions.Known(v.claims.Tenant) // before the rows are read
	row, session, err := s.liveSession(ctx, v.claims)
	if err != nil {
		return Session{}, err
	}
	v.keep(live{revision: revision, session: session, ends: row.ExpiresAt})
	return session, nil
}

// liveSession is the session behind a person's token as it is now.
func (s *Service) liveSession(ctx context.Context, c token.Claims) (store.Session, Session, error) {
	row, err := s.Store.Session(ctx, c.SessionID)
	if err != nil {
		return row, Session{}, notFound(err, errUnauthorized)
	}
	if row.Tenant != c.Tenant || row.User != c.Subject {
		return row, Session{}, errUnauthorized
	}
	_, user, err := s.alive(ctx, s.Store, row)
	if err != nil {
		return row, Session{}, err
	}
	level, err := strconv.Atoi(c.ACR)
	if err != nil {
		return row, Session{}, errUnauthorized
	}
	level = min(level, row.ACR)
	proven := c.AuthTime
	if proven.Sub(s.Now()) > token.MaxLeeway { // the clock went back since: or it would be fresh until then
		proven = time.Time{}
	}
	return row, Session{
		Caller:     model.Caller{Kind: model.CallerUser, ID: c.Subject, Tenant: c.Tenant, Session: row.ID, Level: level},
		Username:   user.Username,
		Assurance:  model.Assurance{Level: level, AuthTime: proven, Methods: c.AMR},
		Restricted: row.Restricted,
	}, nil
}

// alive refuses a session that has ended, expired, is of an earlier epoch of its
// user, or whose user or tenant may no longer log in. The idle limit is not looked
// at: it is the refresh token's, and no access token lives as long.
func (s *Service) alive(ctx context.Context, q store.Queries, session store.Session) (model.Tenant, model.User, error) {
	if !session.EndedAt.IsZero() || !s.Now().Before(session.ExpiresAt) {
		return model.Tenant{}, model.User{}, errUnauthorized
	}
	t, err := q.TenantHead(ctx, session.Tenant)
	if err != nil {
		return model.Tenant{}, model.User{}, notFound(err, errUnauthorized)
	}
	user, err := q.User(ctx, session.Tenant, session.User)
	if err != nil {
		return model.Tenant{}, model.User{}, notFound(err, errUnauthorized)
	}
	if t.Disabled || user.Disabled || session.Epoch != user.Epoch {
		return t, user, errUnauthorized
	}
	return t, user, nil
}

// Assurance tells what the access token that a CRM backend forwards proves
// about the subject of a question. A token that is not valid for this tenant
// and user, or can only re-enrol, is CodeUnauthorized.
//
// While the tenant is not known to have moved, the answer is from memory: the
// record of the question is what makes sure (see audit.Log.AppendDecision).
func (s *Service) Assurance(ctx context.Context, tenant, user, raw string) (model.Assurance, error) {
	session, err := s.Person(ctx, raw)
	if err != nil {
		return model.Assurance{}, err
	}
	if session.Caller.Tenant != tenant || session.Caller.ID != user || session.Restricted {
		return model.Assurance{}, errUnauthorized
	}
	return session.Assurance, nil
}

// Person is AuthenticateUser from memory, while the tenant is not known to have
// moved: for whoever goes on to ask a question, whose record makes sure.
func (s *Service) Person(ctx context.Context, raw string) (Session, error) {
	v, err := s.verifyUser(raw)
	if err != nil {
		return Session{}, err
	}
	if l := v.liveAt(s.Revisions.Known(v.claims.Tenant)); l != nil && s.Now().Before(l.ends) {
		return l.session, nil
	}
	return s.look(ctx, v)
}

// Logout ends the caller's session as the tenant's revision that it returns. The
// access token is refused from the next request on, and the refresh token with it.
func (s *Service) Logout(ctx context.Context, caller model.Caller) (revision int64, err error) {
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = tx.Bump(ctx, caller.Tenant); err != nil {
			return err
		}
		session, err := tx.Session(ctx, caller.Session)
		if err != nil {
			return notFound(err, errUnauthorized)
		}
		if ended, err := s.end(ctx, tx, session); err != nil || !ended {
			return cmpErr(err, errUnauthorized)
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{
			Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.LoggedOut, Outcome: audit.OutcomeOK, Caller: caller,
		})
	})
	return revision, err
}
