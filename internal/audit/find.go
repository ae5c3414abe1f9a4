package audit

import (
	"context"
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
