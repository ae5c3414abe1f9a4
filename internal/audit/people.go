package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/model"
)

// people hands out the keys that seal segments, making them at first use. A new
// key is committed to the keystore before the first segment under it exists.
type people struct {
	keys   store.Keystore
	kek    *keyring.KEK
	now    func() time.Time
	pepper []byte

	mu      sync.Mutex // held for the caches only, never while waiting
	persons map[string]personKey
	months  map[string][]byte
}

// personKey is a person's pseudonym and key. key is never logged.
type personKey struct {
	ref []byte
	key []byte
}

// cacheLimit bounds each cache; beyond it the cache starts anew, since reading
// a key again costs one look-up.
const cacheLimit = 100_000

const pepperName = "person_index_pepper"

// openPeople reads the pepper that keys the index of persons, or makes it.
func openPeople(ctx context.Context, keys store.Keystore, kek *keyring.KEK, now func() time.Time) (*people, error) {
	p := &people{keys: keys, kek: kek, now: now, persons: map[string]personKey{}, months: map[string][]byte{}}
	place := keyring.Place{Table: "meta", Row: pepperName, Column: "value"}
	sealed, err := keys.MetaValue(ctx, pepperName)
	if errors.Is(err, store.ErrNotFound) {
		if sealed, err = kek.Seal(random(32), place); err != nil {
			return nil, err
		}
		err = keys.InsertMeta(ctx, pepperName, sealed)
		if err == nil || errors.Is(err, store.ErrExists) {
			sealed, err = keys.MetaValue(ctx, pepperName) // another process may have been first
		}
	}
	if err != nil {
		return nil, err
	}
	if p.pepper, err = kek.Open(sealed, place); err != nil {
		return nil, model.Errorf(model.CodeKeyWrong, "the keystore was made with another key-encryption key: ROLEGATE_KEYSTORE_URL and ROLEGATE_KEY_FILE do not belong together").Because(err)
	}
	return p, nil
}

// person finds or makes the key of "type:id" in a tenant.
func (p *people) person(ctx context.Context, tenant []byte, id string) (personKey, error) {
	keys, err := p.all(ctx, tenant, []string{id})
	return keys[id], err
}

// all finds or makes the keys of several people; new ones are committed together.
func (p *people) all(ctx context.Context, tenant []byte, ids []string) (map[string]personKey, error) {
	found := make(map[string]personKey, len(ids))
	var fresh []store.PersonKey
	var again []string
	for _, id := range ids {
		key, err := p.find(ctx, p.index(tenant, id))
		if errors.Is(err, store.ErrNotFound) {
			row, err := p.newPerson(p.index(tenant, id))
			if err != nil {
				return nil, err
			}
			fresh, again = append(fresh, row), append(again, id)
			continue
		}
		if err != nil {
			return nil, err
		}
		found[id] = key
	}
	if len(fresh) == 0 {
		return found, nil
	}
	if err := p.keys.InsertPersonKeys(ctx, fresh); err != nil {
		return nil, err
	}
	for _, id := range again { // another process may have been first: what is stored counts
		key, err := p.find(ctx, p.index(tenant, id))
		if err != nil {
			return nil, err
		}
		found[id] = key
	}
	return found, nil
}

// find opens the key of an index, from the cache or the keystore.
func (p *people) find(ctx context.Context, index []byte) (personKey, error) {
	cached := string(index)
	p.mu.Lock()
	k, ok := p.persons[cached]
	p.mu.Unlock()
	if ok {
		return k, nil
	}
	row, err := p.keys.PersonKey(ctx, index)
	if err != nil {
		return personKey{}, err
	}
	key, err := p.kek.Open(row.Wrapped, personPlace(row.Index))
	if err != nil {
		return personKey{}, fmt.Errorf("unwrap: %w", err)
	}
	k = personKey{ref: row.Ref, key: key}
	p.mu.Lock()
	if len(p.persons) >= cacheLimit {
		clear(p.persons)
	}
	p.persons[cached] = k
	p.mu.Unlock()
	return k, nil
}

func (p *people) newPerson(index []byte) (store.PersonKey, error) {
	wrapped, err := p.kek.Seal(random(32), personPlace(index))
	return store.PersonKey{Index: index, Ref: random(16), Wrapped: wrapped, CreatedAt: p.now().UTC()}, err
}

// month finds or makes the key of a tenant's class and month ("2026-11").
func (p *people) month(ctx context.Context, tenant []byte, class Class, month string) ([]byte, error) {
	cached := hex.EncodeToString(tenant) + "/" + string(class) + "/" + month
	p.mu.Lock()
	key, ok := p.months[cached]
	p.mu.Unlock()
	if ok {
		return key, nil
	}
	place := keyring.Place{Table: "month_keys", Row: cached, Column: "wrapped"}
	row, err := p.keys.MonthKey(ctx, tenant, string(class), month)
	if errors.Is(err, store.ErrNotFound) {
		var wrapped []byte
		if wrapped, err = p.kek.Seal(random(32), place); err != nil {
			return nil, err
		}
		row = store.MonthKey{Tenant: tenant, Class: string(class), Month: month, Wrapped: wrapped, CreatedAt: p.now().UTC()}
		if err = p.keys.InsertMonthKey(ctx, row); errors.Is(err, store.ErrExists) {
			row, err = p.keys.MonthKey(ctx, tenant, string(class), month)
		}
	}
	if err != nil {
		return nil, err
	}
	if key, err = p.kek.Open(row.Wrapped, place); err != nil {
		return nil, fmt.Errorf("unwrap: %w", err)
	}
	p.mu.Lock()
	if len(p.months) >= cacheLimit {
		clear(p.months)
	}
	p.months[cached] = key
	p.mu.Unlock()
	return key, nil
}

// index is a keyed hash of tenant and person: it finds the row, and without the
// pepper tells nothing of whom it is.
func (p *people) index(tenant []byte, id string) []byte {
	h := hmac.New(sha256.New, p.pepper)
	fmt.Fprintf(h, "%d|", len(tenant))
	h.Write(tenant)
	h.Write([]byte(id))
	return h.Sum(nil)
}

func personPlace(index []byte) keyring.Place {
	return keyring.Place{Table: "person_keys", Row: hex.EncodeToString(index), Column: "wrapped"}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
