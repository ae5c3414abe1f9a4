package login

import (
	"context"
	"errors"
	"strconv"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var (
	errUnauthorized = model.Errorf(model.CodeUnauthorized, "a valid access token is required")
	errRefresh      = model.Errorf(model.CodeTokenInvalid, "this refresh token is unknown, expired or already used; log in again")
)

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
	if _, _, err := s.alive(ctx, s.Store, row); err != nil {
		return row, Session{}, err
	}
	level, err := strconv.Atoi(c.ACR)
	if err != nil {
		return row, Session{}, errUnauthorized
	}
	return row, Session{
		Caller:     model.Caller{Kind: model.CallerUser, ID: c.Subject, Tenant: c.Tenant, Session: row.ID},
		Assurance:  model.Assurance{Level: min(level, row.ACR), AuthTime: c.AuthTime, Methods: c.AMR},
		Restricted: row.Restricted,
	}, nil
}

// alive refuses a session that has ended, expired, or whose user or tenant may
// no longer log in.
func (s *Service) alive(ctx context.Context, q store.Queries, session store.Session) (model.Tenant, model.User, error) {
	if !session.EndedAt.IsZero() || !s.Now().Before(session.ExpiresAt) {
		return model.Tenant{}, model.User{}, errUnauthorized
	}
	t, err := q.Tenant(ctx, session.Tenant)
	if err != nil {
		return model.Tenant{}, model.User{}, notFound(err, errUnauthorized)
	}
	user, err := q.User(ctx, session.Tenant, session.User)
	if err != nil {
		return model.Tenant{}, model.User{}, notFound(err, errUnauthorized)
	}
	if t.Disabled || user.Disabled {
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

// Refresh rotates a refresh token. Everything is looked at again: the session,
// the user, and what is required of them now. A token that was already used
// ends the whole session, since one of its two holders is not the person.
func (s *Service) Refresh(ctx context.Context, refresh string) (Result, error) {
	due, err := s.refreshDue(ctx, refresh)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		rt, err := tx.RefreshToken(ctx, token.Hash(refresh))
		if errors.Is(err, store.ErrNotFound) {
			if err := s.tooManyMisses(ctx); err != nil {
				return err
			}
			refused = errRefresh
			return s.Log.AppendIn(ctx, tx, failure("", "", audit.RefreshFailed, model.CodeTokenInvalid))
		}
		if err != nil {
			return err
		}
		session, err := tx.Session(ctx, rt.Session)
		if err != nil {
			return err
		}
		var user model.User
		if user, refused = s.rotate(ctx, tx, rt, session, due); refused != nil {
			err := s.refuseRefresh(ctx, tx, rt, session, refused)
			refused = errRefresh // whatever it was: the holder can only log in again
			return err
		}
		tokens, err := s.mint(ctx, tx, session)
		if err != nil {
			return err
		}
		res = Result{Status: StatusOK, Tokens: &tokens}
		p := proof{Methods: session.AMR, Level: session.ACR}
		return s.Log.AppendIn(ctx, tx, success(user, audit.TokenRefreshed, p))
	})
	return answer(res, err, refused)
}

// refreshDue tells whether a second factor is due of the token's holder now.
func (s *Service) refreshDue(ctx context.Context, refresh string) (bool, error) {
	rt, err := s.Store.RefreshToken(ctx, token.Hash(refresh))
	if err != nil {
		return true, ignore(err, store.ErrNotFound) // refused in the transaction
	}
	session, err := s.Store.Session(ctx, rt.Session)
	if err != nil {
		return true, err
	}
	t, err := s.Store.Tenant(ctx, session.Tenant)
	if err != nil {
		return true, err
	}
	return s.mfaDue(ctx, t, session.User)
}

// ignore is err, but nil where it is the one expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// rotate takes the token out of use, if session, user and requirement still allow it.
func (s *Service) rotate(ctx context.Context, tx store.Tx, rt store.RefreshToken, session store.Session, due bool) (model.User, error) {
	_, user, err := s.alive(ctx, tx, session)
	if err != nil {
		return user, err
	}
	if !session.Restricted {
		if err := enough(ctx, tx, user, session.ACR, due); err != nil {
			return user, err
		}
	}
	now := s.Now()
	if ok, err := tx.UseRefreshToken(ctx, rt.Hash, now); err != nil || !ok {
		return user, cmpErr(err, errRefresh)
	}
	return user, tx.SeeSession(ctx, session.ID, now)
}

// refuseRefresh records a refusal; a reused token, or one whose session no
// longer meets the requirement, ends the session with it.
func (s *Service) refuseRefresh(ctx context.Context, tx store.Tx, rt store.RefreshToken, session store.Session, refused error) error {
	activity := audit.RefreshFailed
	switch model.CodeOf(refused) {
	case model.CodeUnauthorized:
	case model.CodeForbidden, model.CodeTokenInvalid:
		if !rt.UsedAt.IsZero() {
			activity = audit.RefreshReused
		}
		if _, err := tx.EndSession(ctx, session.ID, s.Now()); err != nil {
			return err
		}
		if _, err := tx.Bump(ctx, session.Tenant); err != nil {
			return err
		}
	default:
		return refused
	}
	return s.Log.AppendIn(ctx, tx, failure(session.Tenant, session.User, activity, model.CodeTokenInvalid))
}

// Logout ends the caller's session as the tenant's revision that it returns. The
// access token is refused from the next request on, and the refresh token with it.
func (s *Service) Logout(ctx context.Context, caller model.Caller) (revision int64, err error) {
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.EndSession(ctx, caller.Session, s.Now()); err != nil {
			return err
		}
		if revision, err = tx.Bump(ctx, caller.Tenant); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{
			Tenant: caller.Tenant, Class: audit.ClassLogin, Activity: audit.LoggedOut, Outcome: audit.OutcomeOK, Caller: caller,
		})
	})
	return revision, err
}
