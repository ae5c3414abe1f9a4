package store

import (
	"context"
	"time"
)

// Installation stands in Revisions for what belongs to no tenant: the keys. No
// tenant has the empty name.
const Installation = ""

// SigningKey is a key for access tokens, sealed at rest.
type SigningKey struct {
	ID        string // kid: RFC 7638 thumbprint
	Algorithm string // ES256, EdDSA or RS256
	Private   []byte // PKCS#8, sealed to (signing_keys, id, private); nil once it was revoked
	CreatedAt time.Time
	NotBefore time.Time // it signs from then on, until the next one does
	RevokedAt time.Time // zero: it was not
}

// SigningKeys holds them all, newest first.
type SigningKeys interface {
	// BumpInstallation takes the installation's next revision, and its row until
	// the transaction ends: changes of keys come after it, so that they are in
	// order and other replicas learn of them.
	BumpInstallation(ctx context.Context) (int64, error)
	InsertSigningKey(ctx context.Context, k SigningKey) error
	// ListSigningKeys is by NotBefore, the latest first, then by CreatedAt.
	ListSigningKeys(ctx context.Context) ([]SigningKey, error)
	// AdvanceSigningKey has a key that would sign later do so from at: true for
	// exactly one caller. A revoked one stays as it is.
	AdvanceSigningKey(ctx context.Context, id string, at time.Time) (bool, error)
	// RevokeSigningKey destroys the private half: true for exactly one caller.
	RevokeSigningKey(ctx context.Context, id string, now time.Time) (bool, error)
	DeleteSigningKey(ctx context.Context, id string) (bool, error)
}

// EncryptionKey is a key-encryption key the store has been sealed with. The key
// itself is in the key file.
type EncryptionKey struct {
	Check     []byte    // keyring.KEK.Check
	SealsFrom time.Time // the one with the latest seals
	DroppedAt time.Time // zero: values sealed under it may be left
}

// KeyHolder is a running process and the keys in its file.
type KeyHolder struct {
	Process string // random
	Host    string
	Checks  []string // in hexadecimal
	SeenAt  time.Time
}

// EncryptionKeys says which key-encryption keys are in use, and who has them.
type EncryptionKeys interface {
	// InsertEncryptionKey is ErrExists when the key is there.
	InsertEncryptionKey(ctx context.Context, k EncryptionKey) error
	// ListEncryptionKeys is by SealsFrom, the latest first.
	ListEncryptionKeys(ctx context.Context) ([]EncryptionKey, error)
	// UseEncryptionKey makes a key that is there seal from now on; false when it is
	// not there or was dropped.
	UseEncryptionKey(ctx context.Context, check []byte, now time.Time) (bool, error)
	// DropEncryptionKey is true for exactly one caller.
	DropEncryptionKey(ctx context.Context, check []byte, now time.Time) (bool, error)

	// HoldKeys notes what a process has in its file.
	HoldKeys(ctx context.Context, h KeyHolder) error
	// LeaveKeys forgets a process, or, with "", those not seen since before.
	LeaveKeys(ctx context.Context, process string, before time.Time) error
	KeyHolders(ctx context.Context) ([]KeyHolder, error) // by process
}

// SealedColumn is a column of values sealed under the key-encryption key.
type SealedColumn string

// The columns of sealed values. A value that lives for seconds needs no row
// here: DropEncryptionKey waits longer than that.
const (
	SealedDevices     SealedColumn = "totp_devices.secret"    // key: tenant, user, id
	SealedRemoved     SealedColumn = "removed_devices.secret" // likewise
	SealedSigningKeys SealedColumn = "signing_keys.private"   // key: id
	SealedMeta        SealedColumn = "meta.value"             // key: key; rows that SealedMetaRows names
	SealedPersonKeys  SealedColumn = "person_keys.wrapped"    // keystore; key: index in hexadecimal
	SealedMonthKeys   SealedColumn = "month_keys.wrapped"     // keystore; key: tenant's ref in hexadecimal, class, month
)

// SealedMetaRows are the rows of either meta table that hold a sealed value.
var SealedMetaRows = []string{"mac_root", "person_index_pepper", "log_signing_key", "log_head_key"}

// SealedValue is one of them, with what its place is made of.
type SealedValue struct {
	Key   []string
	Value []byte
}

// SealedValues finds sealed values by the key they are sealed under, which is
// known by its id, the four bytes after a value's first.
type SealedValues interface {
	// SealedExcept lists up to limit values of a column that are not sealed under
	// the key id, leaving out the first skip. Rows without a value are left out.
	SealedExcept(ctx context.Context, column SealedColumn, id []byte, skip, limit int) ([]SealedValue, error)
	// SealedUnder counts those that are.
	SealedUnder(ctx context.Context, column SealedColumn, id []byte) (int, error)
	// Reseal replaces, in one transaction, those values that still are as they were
	// read, and counts them: of a concurrent writer and this, the writer wins.
	Reseal(ctx context.Context, column SealedColumn, was []SealedValue, sealed [][]byte) (int, error)
}
