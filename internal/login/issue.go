package login

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// issue is the one door for people's tokens: it opens a session for what was
// proven, if that is enough for what is required now. A recovery code proves
// enough to enrol again, and nothing else. due is whether a second factor is due.
func (s *Service) issue(ctx context.Context, tx store.Tx, t model.Tenant, u model.User, p proof, due bool) (Tokens, error) {
	life := s.Limits.max()
	if p.Recovery {
		life = min(life, ReEnrolTTL)
	} else if err := enough(ctx, tx, u, p.level(), due); err != nil {
		return Tokens{}, err
	}
	if _, err := tx.Bump(ctx, t.ID); err != nil {
		return Tokens{}, err
	}
	now, req := s.Now(), reqctx.From(ctx)
	session := store.Session{
		ID: rand.Text(), Tenant: t.ID, User: u.ID, Restricted: p.Recovery,
		ACR: p.level(), AMR: p.Methods, AuthTime: p.At,
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(life),
		Network: req.Network(), Agent: req.Agent(),
	}
	if old := p.After; old != nil { // of parallel step-ups one takes its place
		if ended, err := tx.EndSession(ctx, old.ID, now); err != nil || !ended {
			return Tokens{}, cmpErr(err, errUnauthorized)
		}
		session.CreatedAt, session.ExpiresAt = old.CreatedAt, old.ExpiresAt
	}
	if err := tx.InsertSession(ctx, session); err != nil {
		return Tokens{}, err
	}
	if err := s.endOldest(ctx, tx, session); err != nil {
		return Tokens{}, err
	}
	secret, _ := token.NewSecret()
	tokens, err := s.mint(ctx, tx, session, secret)
	if err == nil && !p.Recovery && p.After == nil { // a full login
		tokens.Device, err = s.know(ctx, tx, u)
	}
	return tokens, err
}

// enough refuses a proof below what is required, and says what helps whoever has no
// device yet. due is what user, roles and tenant ask, looked up before the
// transaction: from inside, the look-up would wait for a second connection that other
// transactions may hold.
func enough(ctx context.Context, tx store.Factors, u model.User, level int, due bool) error {
	if level >= 2 {
		return nil
	}
	devices, err := tx.Devices(ctx, u.Tenant, u.ID)
	if err != nil {
		return err
	}
	switch {
	case len(devices) > 0:
		return model.Errorf(model.CodeForbidden, "a second factor is required")
	case due:
		return errNeedsDevice
	}
	return nil
}

// mint makes the next pair of tokens of a live session, with the refresh token given.
func (s *Service) mint(ctx context.Context, tx store.Sessions, session store.Session, refresh string) (Tokens, error) {
	now := s.Now()
	idle := min(s.Limits.idle(), session.ExpiresAt.Sub(now))
	rt := store.RefreshToken{Hash: token.Hash(refresh), Session: session.ID, CreatedAt: now, ExpiresAt: now.Add(idle)}
	if err := tx.InsertRefreshToken(ctx, rt); err != nil {
		return Tokens{}, err
	}
	return s.pair(session, refresh)
}

// pair puts an access token, as the session is, beside its refresh token.
func (s *Service) pair(session store.Session, refresh string) (Tokens, error) {
	ttl := min(AccessTTL, session.ExpiresAt.Sub(s.Now()))
	access, err := s.sign(token.Claims{
		Subject: session.User, ClientID: FirstPartyClient, Tenant: session.Tenant, SessionID: session.ID,
		AuthTime: session.AuthTime, ACR: strconv.Itoa(session.ACR), AMR: session.AMR,
	}, ttl)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: access, RefreshToken: refresh, ExpiresIn: ttl}, nil
}

// sign completes and signs claims with the key of this moment.
func (s *Service) sign(c token.Claims, ttl time.Duration) (string, error) {
	now := s.Now()
	c.Issuer, c.Audience, c.ID = s.Issuer, s.Audience, rand.Text()
	c.IssuedAt, c.ExpiresAt = now, now.Add(ttl)
	key, err := s.Keys.Current()
	if err != nil {
		return "", err
	}
	raw, err := token.Sign(key, c)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return raw, nil
}
