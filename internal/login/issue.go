package login

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// issue is the one door for people's tokens: it opens a session for what was
// proven, if that is enough for what is required now. A recovery code proves
// enough to enrol again, and nothing else. due is whether a second factor is due.
func (s *Service) issue(ctx context.Context, tx store.Tx, t model.Tenant, u model.User, p proof, due bool) (Tokens, error) {
	life := SessionTTL
	if p.Recovery {
		life = ReEnrolTTL
	} else if err := enough(ctx, tx, u, p.level(), due); err != nil {
		return Tokens{}, err
	}
	now := s.Now()
	session := store.Session{
		ID: rand.Text(), Tenant: t.ID, User: u.ID, Restricted: p.Recovery,
		ACR: p.level(), AMR: p.Methods, AuthTime: p.At,
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(life),
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
	if _, err := tx.Bump(ctx, t.ID); err != nil {
		return Tokens{}, err
	}
	tokens, err := s.mint(ctx, tx, session)
	if err == nil && !p.Recovery && p.After == nil { // a full login
		tokens.Device, err = s.know(ctx, tx, u)
	}
	return tokens, err
}

// enough refuses a proof below what is required. due is what user, roles and
// tenant ask, looked up before the transaction: from inside, the look-up would
// wait for a second connection that other transactions may hold.
func enough(ctx context.Context, tx store.Factors, u model.User, level int, due bool) error {
	if level >= 2 {
		return nil
	}
	devices, err := tx.Devices(ctx, u.Tenant, u.ID)
	if err != nil {
		return err
	}
	if due || len(devices) > 0 {
		return model.Errorf(model.CodeForbidden, "a second factor is required")
	}
	return nil
}

// mint makes the next pair of tokens of a live session.
func (s *Service) mint(ctx context.Context, tx store.Sessions, session store.Session) (Tokens, error) {
	now := s.Now()
	refresh, hash := token.NewSecret()
	idle := min(RefreshTTL, session.ExpiresAt.Sub(now))
	if err := tx.InsertRefreshToken(ctx, store.RefreshToken{Hash: hash, Session: session.ID, CreatedAt: now, ExpiresAt: now.Add(idle)}); err != nil {
		return Tokens{}, err
	}
	ttl := min(AccessTTL, session.ExpiresAt.Sub(now))
	access, err := s.sign(token.Claims{
		Subject: session.User, ClientID: FirstPartyClient, Tenant: session.Tenant, SessionID: session.ID,
		AuthTime: session.AuthTime, ACR: strconv.Itoa(session.ACR), AMR: session.AMR,
	}, ttl)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: access, RefreshToken: refresh, ExpiresIn: ttl}, nil
}

// sign completes and signs claims with the newest key.
func (s *Service) sign(c token.Claims, ttl time.Duration) (string, error) {
	now := s.Now()
	c.Issuer, c.Audience, c.ID = s.Issuer, s.Audience, rand.Text()
	c.IssuedAt, c.ExpiresAt = now, now.Add(ttl)
	raw, err := token.Sign(s.Keys.Current(), c)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return raw, nil
}
