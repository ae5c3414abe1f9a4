package login

import (
	"context"
	"time"

	"rolegate/internal/store"
)

// For tests of what no surface of this package's own uses yet, or shows.

func (s *Service) TryPassword(ctx context.Context, tenant, user string) error {
	return s.tryPassword(ctx, tenant, user)
}

func (s *Service) PasswordRight(ctx context.Context, tenant, user string) error {
	return s.Store.InTx(ctx, func(tx store.Tx) error { return s.passwordRight(ctx, tx, tenant, user) })
}

func CodeWait(failed int64) time.Duration { return codeWait(failed) }

func PasswordWait(failed int64) time.Duration { return passwordWait(failed) }

// Settled counts the transactions of the throttling.
func (s *Service) Settled() int64 { return s.ledger.Settled() }

// StandIn is for tests: the hash that is verified for a user name.
var StandIn = (*Service).standIn

// ParseRecovery is for tests: what a recovery code is read as.
var ParseRecovery = parseRecovery

// Through has the keys read through another store.
func (k *Keys) Through(other func(store.Store) store.Store) { k.store = other(k.store) }
