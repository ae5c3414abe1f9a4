package store

import (
	"context"
	"time"
)

// Spent holds digests of what counts once, or no more, until it would have
// expired by itself: used assertions of clients, revoked access tokens.
type Spent interface {
	// Spend notes a digest: true for exactly one caller.
	Spend(ctx context.Context, id []byte, expires time.Time) (bool, error)
	IsSpent(ctx context.Context, id []byte) (bool, error)
	// SweepSpent removes what has expired at now.
	SweepSpent(ctx context.Context, now time.Time) error
}
