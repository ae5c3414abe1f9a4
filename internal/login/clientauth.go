package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var errClient = model.Errorf(model.CodeInvalidClient, "client authentication failed")

// client is the live client that shows who it is. Whatever is wrong, the answer
// is the same, and recorded.
func (s *Service) client(ctx context.Context, a ClientAuth) (model.Client, error) {
	var c model.Client
	var right bool
	var err error
	if a.Assertion != "" {
		c, right, err = s.asserted(ctx, a)
	} else {
		c, right, err = s.secretHolder(ctx, a.ClientID, a.ClientSecret)
	}
	if err != nil {
		return model.Client{}, err
	}
	if !right {
		id := a.ClientID
		if c.ID != "" {
			id = c.ID
		}
		return model.Client{}, s.miss(ctx, clientEntry(id, c.Tenant, audit.ClientFailed, model.CodeInvalidClient), errClient)
	}
	return c, nil
}

// secretHolder finds a client, and tells whether the secret is its, and it may use it.
func (s *Service) secretHolder(ctx context.Context, id, secret string) (model.Client, bool, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return model.Client{}, false, err
	}
	// The hash of an unknown client, and of one with a key, is empty: the
	// comparison costs the same and fails.
	right := subtle.ConstantTimeCompare(c.SecretHash, token.Hash(secret)) == 1
	return c, right && c.ID != "" && !c.Disabled, nil
}

// asserted finds the client that an assertion names, and tells whether its key
// signed it and it was not used before.
func (s *Service) asserted(ctx context.Context, a ClientAuth) (model.Client, bool, error) {
	var c model.Client
	assertion, err := s.Assertions.Verify(a.Assertion, func(id string) (token.Key, error) {
		if a.ClientID != "" && a.ClientID != id { // RFC 7521, section 4.2
			return token.Key{}, errClient
		}
		var err error
		if c, err = s.Store.Client(ctx, id); err != nil {
			return token.Key{}, notFound(err, errClient)
		}
		if c.PublicKey == "" {
			return token.Key{}, errClient
		}
		key, _, err := token.ParseJWK([]byte(c.PublicKey))
		return key, err
	})
	switch {
	case errors.Is(err, token.ErrInvalid) || errors.Is(err, errClient):
		return c, false, nil
	case err != nil:
		return c, false, err
	case c.Disabled:
		return c, false, nil
	}
	first, err := s.Store.Spend(ctx, usedAssertion(c.ID, assertion.ID), assertion.ExpiresAt.Add(token.MaxLeeway))
	if err != nil {
		return c, false, err
	}
	s.sweepSpent(ctx)
	return c, first, nil
}

// usedAssertion and revokedToken are what is spent. No two of them are alike:
// the first byte differs, and ids of clients have no NUL.
func usedAssertion(client, jti string) []byte { return token.Hash("a" + client + "\x00" + jti) }
func revokedToken(jti string) []byte          { return token.Hash("r" + jti) }

// What is spent and has expired is removed, where there is something to spend, now
// and then, with an hour to spare for clocks that jump.
const (
	sweepSpentEvery = time.Minute
	spareSpent      = time.Hour
)

// sweepSpent removes what has expired. That it cannot is no reason to refuse
// anybody: it only takes up room until the next time.
func (s *Service) sweepSpent(ctx context.Context) {
	now, last := s.Now().UnixMicro(), s.sweptSpent.Load()
	if now-last < sweepSpentEvery.Microseconds() || !s.sweptSpent.CompareAndSwap(last, now) {
		return
	}
	_ = s.Store.SweepSpent(ctx, s.Now().Add(-spareSpent))
}
