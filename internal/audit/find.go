package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Month is a class and a month of a tenant, all of whose sealed data lies under one
// key.
type Month struct {
	Class Class
	Month string // 2026-11
}

// Months are those of the tenant with that ref (none: of no tenant) whose key there
// is, by class and month.
func (l *Log) Months(ctx context.Context, tenant []byte) ([]Month, error) {
	keys, err := l.people.keys.MonthKeys(ctx, tenant)
	months := make([]Month, len(keys))
	for i, k := range keys {
		months[i] = Month{Class(k.Class), k.Month}
	}
	return months, err
}

// Pseudonym is what a person, "type:id", of the tenant with that ref is called in
// the log; store.ErrNotFound where the log never heard of them, or was made to
// forget them. It asks the keystore each time and makes no key.
func (l *Log) Pseudonym(ctx context.Context, tenant []byte, person string) ([]byte, error) {
	row, err := l.people.keys.PersonKey(ctx, l.people.index(personID{string(tenant), person}))
	return row.Ref, err
}

// Mark stands for a name that the log must not hold, since no erasure would find it:
// a keyed hash, the same for the same name of a tenant. Whoever has the keystore can
// tell whether it is a certain name's, and nobody which name it is.
func (l *Log) Mark(tenant []byte, name string) string {
	h := hmac.New(sha256.New, l.people.pepper)
	fmt.Fprintf(h, "mark|%d|%s%s", len(tenant), tenant, name)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
