package store

import (
	"context"
	"time"
)

// Counter is what tries are charged to.
type Counter struct {
	Key       []byte // keyed hash of the budget and of whom it is about
	About     []byte // keyed hash of the account that an unlock frees; nil for none
	Tries     int64
	At        time.Time // of the last try, or until when tries were given back
	ExpiresAt time.Time // when it says nothing any more; zero: never by itself
}

// Counters holds them. LockCounters and PutCounters are for transactions: what
// one has locked, no other reads before it ends, so a rule may be worked out in
// between and no try is lost.
type Counters interface {
	// LockCounters finds the counters with the keys and holds them, also those
	// that are not there yet, in the order of the keys, which must be sorted and
	// without repeats. A counter that is not there has no Tries and no At.
	LockCounters(ctx context.Context, keys [][]byte) ([]Counter, error)
	// PutCounters writes counters that are locked; one without Tries is removed.
	PutCounters(ctx context.Context, counters []Counter) error
	// DeleteCounters removes those that are about one of the accounts.
	DeleteCounters(ctx context.Context, about ...[]byte) error
	// SweepCounters removes up to limit that expired before now, and counts them.
	SweepCounters(ctx context.Context, now time.Time, limit int) (int, error)
}

// KnownDevice is a browser or an app that a person has logged in with. It proves
// nothing; logins from it are not slowed by what strangers do.
type KnownDevice struct {
	ID        string
	Tenant    string
	User      string
	Hash      []byte // SHA-256 of the secret
	Previous  []byte // of the secret before the last rotation
	CreatedAt time.Time
	UsedAt    time.Time // the last login, which rotated the secret
	ExpiresAt time.Time
}

// KnownDevices holds them.
type KnownDevices interface {
	// InsertKnownDevice adds one, and keeps the user's latest keep only.
	InsertKnownDevice(ctx context.Context, d KnownDevice, keep int) error
	// KnownDevice finds the one with the secret, or with the one before it, that
	// has not expired at now.
	KnownDevice(ctx context.Context, hash []byte, now time.Time) (KnownDevice, error)
	// RotateKnownDevice puts a new secret in the place of old: true for exactly one caller.
	RotateKnownDevice(ctx context.Context, id string, old, hash []byte, now, expires time.Time) (bool, error)
	// KnownDevices lists a user's, the last used first.
	KnownDevices(ctx context.Context, tenant, user string, now time.Time) ([]KnownDevice, error)
	// DeleteKnownDevice is false when the user has none of that id.
	DeleteKnownDevice(ctx context.Context, tenant, user, id string) (bool, error)
	// DeleteKnownDevices removes all of a user's and counts them.
	DeleteKnownDevices(ctx context.Context, tenant, user string) (int, error)
	// SweepKnownDevices removes up to limit that expired before now, and counts them.
	SweepKnownDevices(ctx context.Context, now time.Time, limit int) (int, error)
}
