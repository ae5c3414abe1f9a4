package login

import (
	"context"
	"encoding/hex"
	"errors"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// The refresh tokens of a session are a family: each has one successor.
//
//	first ─▶ used ─▶ used ─▶ live
//	                  └── within RefreshGrace it gets its successor again
//
// Whoever presents any other used token holds a copy, or somebody else does: the
// family ends, and the person logs in again.

var (
	errRefresh = model.Errorf(model.CodeTokenInvalid, "this refresh token is unknown, expired or already used; log in again")
	errReused  = errRefresh.Because(errors.New("the refresh token was used before"))
)

// Refresh rotates a refresh token. Everything is looked at again: the session,
// the user, and what is required of them now. What the session has proven, and
// when, stays as it is.
//
// For RefreshGrace the same token is answered with the same successor, so that two
// tabs, or an answer that was lost, do not log anybody out. Later, or once the
// successor was used, it ends the whole session.
//
// A token that nobody has, or whose session has ended, is refused by reading, as any
// secret that is none: anybody can make one up, and keep one that has ended.
func (s *Service) Refresh(ctx context.Context, refresh string) (Result, error) {
	due, err := s.refreshDue(ctx, refresh)
	if err != nil {
		return Result{}, err
	}
	var res Result
	var refused error
	var reusedIn string
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused, reusedIn = Result{}, nil, ""
		rt, session, err := family(ctx, tx, refresh)
		if err != nil {
			return notFound(err, errRefresh)
		}
		user, tokens, err := s.renew(ctx, tx, rt, session, due)
		if err != nil {
			if refused = errRefresh; err == errReused { // whatever it was: the holder can only log in again
				reusedIn = session.Tenant
			}
			return s.refuseRefresh(ctx, tx, session, err)
		}
		res = Result{Status: StatusOK, Tokens: &tokens}
		p := proof{Methods: session.AMR, Level: session.ACR}
		return s.Log.AppendIn(ctx, tx, success(user, audit.TokenRefreshed, p))
	})
	if err == nil && reusedIn != "" && s.Reused != nil {
		s.Reused(reusedIn)
	}
	return answer(res, err, refused)
}

// family finds a refresh token and its session.
func family(ctx context.Context, q store.Sessions, refresh string) (rt store.RefreshToken, session store.Session, err error) {
	if rt, err = q.RefreshToken(ctx, token.Hash(refresh)); err == nil {
		session, err = q.Session(ctx, rt.Session)
	}
	return rt, session, err
}

// refreshDue tells whether a second factor is due of the token's holder now.
func (s *Service) refreshDue(ctx context.Context, refresh string) (bool, error) {
	_, session, err := family(ctx, s.Store, refresh)
	if errors.Is(err, store.ErrNotFound) {
		return true, s.miss(ctx, failure("", "", audit.RefreshFailed, model.CodeTokenInvalid), errRefresh)
	}
	if err != nil {
		return true, err
	}
	t, _, err := s.alive(ctx, s.Store, session)
	if model.CodeOf(err) == model.CodeUnauthorized {
		return true, s.miss(ctx, failure(session.Tenant, session.User, audit.RefreshFailed, model.CodeTokenInvalid), errRefresh)
	}
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

// renew takes the token out of use and makes the next pair, if session, user and
// requirement still allow it.
func (s *Service) renew(ctx context.Context, tx store.Tx, rt store.RefreshToken, session store.Session, due bool) (model.User, Tokens, error) {
	_, user, err := s.alive(ctx, tx, session)
	if err != nil {
		return user, Tokens{}, err
	}
	if !session.Restricted {
		if err := enough(ctx, tx, user, session.ACR, due); err != nil {
			return user, Tokens{}, err
		}
	}
	now := s.Now()
	secret, _ := token.NewSecret()
	sealed, err := s.KEK.Seal([]byte(secret), successorPlace(rt))
	if err != nil {
		return user, Tokens{}, err
	}
	switch first, err := tx.UseRefreshToken(ctx, rt.Hash, sealed, now); {
	case err != nil:
		return user, Tokens{}, err
	case !first:
		tokens, err := s.again(ctx, tx, rt, session)
		return user, tokens, err
	}
	if err := tx.SeeSession(ctx, session.ID, now); err != nil {
		return user, Tokens{}, err
	}
	tokens, err := s.mint(ctx, tx, session, secret)
	return user, tokens, err
}

// again answers a token that could not be taken out of use: with its successor,
// while the grace lasts, no longer where the clock went back. Once that was used
// itself, the store has forgotten it.
func (s *Service) again(ctx context.Context, tx store.Sessions, rt store.RefreshToken, session store.Session) (Tokens, error) {
	rt, err := tx.RefreshToken(ctx, rt.Hash) // another may have used it since it was read
	switch {
	case err != nil:
		return Tokens{}, err
	case rt.UsedAt.IsZero():
		return Tokens{}, errRefresh // it has expired
	case len(rt.Successor) == 0 || s.Now().Sub(rt.UsedAt).Abs() > RefreshGrace:
		return Tokens{}, errReused
	}
	secret, err := s.KEK.Open(rt.Successor, successorPlace(rt))
	if err != nil {
		return Tokens{}, err
	}
	return s.pair(session, string(secret))
}

// successorPlace ties a sealed successor to the token it took the place of.
func successorPlace(rt store.RefreshToken) keyring.Place {
	return keyring.Place{Table: "refresh_tokens", Row: hex.EncodeToString(rt.Hash), Column: "successor"}
}

// refuseRefresh records a refusal; a token that came back or was left lying for
// too long, or one whose session no longer meets the requirement, ends the session
// with it.
func (s *Service) refuseRefresh(ctx context.Context, tx store.Tx, session store.Session, refused error) error {
	activity := audit.RefreshFailed
	switch model.CodeOf(refused) {
	case model.CodeUnauthorized:
	case model.CodeForbidden, model.CodeDeviceRequired, model.CodeTokenInvalid:
		if refused == errReused {
			activity = audit.RefreshReused
		}
		if _, err := tx.Bump(ctx, session.Tenant); err != nil {
			return err
		}
		if _, err := s.end(ctx, tx, session); err != nil {
			return err
		}
	default:
		return refused
	}
	return s.Log.AppendIn(ctx, tx, failure(session.Tenant, session.User, activity, model.CodeTokenInvalid))
}
