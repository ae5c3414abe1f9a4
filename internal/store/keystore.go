package store

import (
	"context"
	"time"
)

// Keystore holds the log's wrapped keys, in a database of its own, apart from
// the log, so that destroying a key there erases what it sealed here.
type Keystore interface {
	// PersonKey finds the key row of a person by index, a keyed hash of tenant and id; ErrNotFound.
	PersonKey(ctx context.Context, index []byte) (PersonKey, error)
	// PersonKeyByRef finds it by the person's pseudonym; ErrNotFound.
	PersonKeyByRef(ctx context.Context, ref []byte) (PersonKey, error)
	// InsertPersonKey commits a new one; ErrExists when another process was first.
	InsertPersonKey(ctx context.Context, k PersonKey) error
	// InsertPersonKeys commits, in one transaction, those that are not there yet.
	InsertPersonKeys(ctx context.Context, keys []PersonKey) error
	// MonthKey finds the key of (tenant ref, class, month); ErrNotFound.
	MonthKey(ctx context.Context, tenant []byte, class, month string) (MonthKey, error)
	InsertMonthKey(ctx context.Context, k MonthKey) error
	// DestroyKeys deletes the keys of persons, by their pseudonyms, and of months,
	// and counts them; what is not there is passed over. In the same transaction the
	// mark changes by which processes that hold keys in memory learn of it.
	DestroyKeys(ctx context.Context, refs [][]byte, months []MonthKey) (int, error)
	// DestroyedMark is another one after each DestroyKeys; nil before the first.
	DestroyedMark(ctx context.Context) ([]byte, error)
	// MonthKeys lists a tenant's, by class and month.
	MonthKeys(ctx context.Context, tenant []byte) ([]MonthKey, error)
	Meta
	// SetMeta sets a value again and again; nil for none.
	SetMeta(ctx context.Context, key string, value []byte) error
	// SwapMeta sets a value that is still was, nil for none, and tells whether it did.
	SwapMeta(ctx context.Context, key string, was, value []byte) (bool, error)
	SealedValues
	Ping(ctx context.Context) error
	Close() error
}

// PersonKey is a person's wrapped key and pseudonym.
type PersonKey struct {
	Index     []byte // keyed hash; holds no id
	Ref       []byte // 16 random bytes
	Wrapped   []byte
	CreatedAt time.Time
}

// MonthKey is the wrapped key of one tenant, class and month.
type MonthKey struct {
	Tenant    []byte // the tenant's ref
	Class     string
	Month     string // 2026-11
	Wrapped   []byte
	CreatedAt time.Time
}
