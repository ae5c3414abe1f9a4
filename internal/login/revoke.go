package login

import (
	"context"
	"errors"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// Revoke ends a token (RFC 7009) for whom it was issued to, and returns the
// tenant's revision from which on it is refused; 0 if there was nothing to end.
// A token that is unknown, has ended, or is another's is no error.
//
// A client that shows who it is ends an access token of its own. FirstPartyClient
// is public and has nothing to show but the token: a person's refresh token, of
// whatever age, or access token, with which the whole session ends.
func (s *Service) Revoke(ctx context.Context, a ClientAuth, raw string) (revision int64, err error) {
	if (a == ClientAuth{ClientID: FirstPartyClient}) {
		return s.revokeSession(ctx, raw)
	}
	c, err := s.client(ctx, a)
	if err != nil {
		return 0, err
	}
	v, err := s.verify(raw)
	if err != nil && !untrue(err) {
		return 0, err
	}
	if err != nil || v.claims.SessionID != "" || v.claims.ClientID != c.ID || v.claims.Subject != c.ID {
		return 0, s.Log.AppendRefusal(ctx, nothingRevoked(clientEntry(c.ID, c.Tenant, audit.TokenRevoked, "")))
	}
	done := clientEntry(c.ID, v.claims.Tenant, audit.TokenRevoked, "")
	// A revision makes all replicas forget what they remember of the tenant, so
	// nothing takes one that has ended before.
	switch spent, err := s.Store.IsSpent(ctx, revokedToken(v.claims.ID)); {
	case err != nil:
		return 0, err
	case spent:
		return 0, s.Log.AppendRefusal(ctx, nothingRevoked(done))
	}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		e := done
		if revision, err = tx.Bump(ctx, v.claims.Tenant); err != nil { // what was remembered of the token is forgotten
			return err
		}
		took, err := tx.Spend(ctx, revokedToken(v.claims.ID), v.claims.ExpiresAt.Add(token.MaxLeeway))
		if err != nil {
			return err
		}
		if !took {
			e = nothingRevoked(e)
		}
		return s.Log.AppendIn(ctx, tx, e)
	})
	s.sweepSpent(ctx)
	return revision, err
}

// revokeSession ends the session that a person's token belongs to.
func (s *Service) revokeSession(ctx context.Context, raw string) (revision int64, err error) {
	session, err := s.sessionOf(ctx, raw)
	if err != nil {
		return 0, err
	}
	if session.ID == "" {
		return 0, s.Log.AppendRefusal(ctx, nothingRevoked(failure("", "", audit.TokenRevoked, "")))
	}
	done := audit.Entry{
		Tenant: session.Tenant, Class: audit.ClassLogin, Activity: audit.TokenRevoked, Outcome: audit.OutcomeOK,
		Caller: model.Caller{Kind: model.CallerUser, ID: session.User, Tenant: session.Tenant, Session: session.ID, Level: session.ACR},
	}
	if !session.EndedAt.IsZero() { // no revision for it, as above
		return 0, s.Log.Append(ctx, nothingRevoked(done))
	}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = tx.Bump(ctx, session.Tenant); err != nil {
			return err
		}
		ended, err := s.end(ctx, tx, session)
		if err != nil {
			return err
		}
		e := done
		if !ended {
			e = nothingRevoked(e)
		}
		return s.Log.AppendIn(ctx, tx, e)
	})
	return revision, err
}

// sessionOf is the session of a person's refresh or access token, the zero one
// where there is none.
func (s *Service) sessionOf(ctx context.Context, raw string) (store.Session, error) {
	id := ""
	rt, err := s.Store.RefreshToken(ctx, token.Hash(raw))
	switch {
	case err == nil:
		id = rt.Session
	case !errors.Is(err, store.ErrNotFound):
		return store.Session{}, err
	default:
		v, err := s.verifyUser(raw)
		if model.CodeOf(err) == model.CodeUnauthorized {
			return store.Session{}, nil
		}
		if err != nil {
			return store.Session{}, err
		}
		id = v.claims.SessionID
	}
	session, err := s.Store.Session(ctx, id)
	return session, ignore(err, store.ErrNotFound)
}

// nothingRevoked turns the entry of a revocation into that of one without effect.
func nothingRevoked(e audit.Entry) audit.Entry {
	e.Outcome, e.Code = audit.OutcomeDeny, model.CodeTokenInvalid
	return e
}
