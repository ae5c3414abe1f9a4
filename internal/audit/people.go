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
	keys    store.Keystore
	kek     *keyring.KEK
	now     func() time.Time
	pepper  []byte
	persons cache[personID, personKey]
	months  cache[monthID, []byte]
	seen    lookedAt
}

// personID is a person of a tenant, who is known by the tenant's ref.
type personID struct{ tenant, id string }

type monthID struct {
	tenant string // ref
	class  Class
	month  string // 2026-11
}

// personKey is a person's pseudonym and key. key is never logged.
type personKey struct {
	ref []byte
	key []byte
}

// cacheLimit bounds each cache; beyond it the cache starts anew, since reading
// a key again costs one look-up.
const cacheLimit = 100_000

// cache is held for the map only, never while waiting.
type cache[K comparable, V any] struct {
	mu     sync.RWMutex
	m      map[K]V
	clears int
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.m[k]
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) { c.putRead(k, v, c.turn()) }

// turn is what is to be given to putRead: taken before the value is read.
func (c *cache[K, V]) turn() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.clears
}

// putRead puts a value that was read, unless the cache was cleared meanwhile: it
// may be of before.
func (c *cache[K, V]) putRead(k K, v V, turn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clears != turn {
		return
	}
	if c.m == nil || len(c.m) >= cacheLimit {
		c.m = map[K]V{}
	}
	c.m[k] = v
}

func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m = nil
	c.clears++
}

const pepperName = "person_index_pepper"

// openPeople reads the pepper that keys the index of persons, or makes it.
func openPeople(ctx context.Context, keys store.Keystore, kek *keyring.KEK, now func() time.Time) (p *people, err error) {
	p = &people{keys: keys, kek: kek, now: now}
	if p.pepper, err = secret(ctx, keys, kek, pepperName); err != nil {
		return nil, err
	}
	return p, p.look(ctx)
}

// secret opens a secret of the keystore's meta, or makes it.
func secret(ctx context.Context, keys store.Keystore, kek *keyring.KEK, name string) ([]byte, error) {
	place := keyring.Place{Table: "meta", Row: name, Column: "value"}
	sealed, err := keys.MetaValue(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		if sealed, err = kek.Seal(random(32), place); err != nil {
			return nil, err
		}
		err = keys.InsertMeta(ctx, name, sealed)
		if err == nil || errors.Is(err, store.ErrExists) {
			sealed, err = keys.MetaValue(ctx, name) // another process may have been first
		}
	}
	if err != nil {
		return nil, err
	}
	opened, err := kek.Open(sealed, place)
	if err != nil {
		return nil, model.Errorf(model.CodeKeyWrong, "the keystore was made with another key-encryption key: ROLEGATE_KEYSTORE_URL and ROLEGATE_KEY_FILE do not belong together").Because(err)
	}
	return opened, nil
}

// ensure finds or makes the keys of several people; new ones are committed
// together.
func (p *people) ensure(ctx context.Context, ids ...personID) error {
	var fresh []store.PersonKey
	seen := make(map[personID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		_, err := p.find(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			row, err := p.newPerson(p.index(id))
			if err != nil {
				return err
			}
			fresh = append(fresh, row)
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return p.keys.InsertPersonKeys(ctx, fresh)
}

// person finds or makes the key of one person.
func (p *people) person(ctx context.Context, id personID) (personKey, error) {
	key, err := p.find(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	if err := p.ensure(ctx, id); err != nil {
		return personKey{}, err
	}
	return p.find(ctx, id) // another process may have been first: what is stored counts
}

// find opens a person's key, from the cache or the keystore.
func (p *people) find(ctx context.Context, id personID) (personKey, error) {
	if k, ok := p.persons.get(id); ok {
		return k, nil
	}
	turn := p.persons.turn()
	row, err := p.keys.PersonKey(ctx, p.index(id))
	if err != nil {
		return personKey{}, err
	}
	key, err := p.kek.Open(row.Wrapped, personPlace(row.Index))
	if err != nil {
		return personKey{}, fmt.Errorf("unwrap: %w", err)
	}
	k := personKey{ref: row.Ref, key: key}
	p.persons.putRead(id, k, turn)
	return k, nil
}

func (p *people) newPerson(index []byte) (store.PersonKey, error) {
	wrapped, err := p.kek.Seal(random(32), personPlace(index))
	return store.PersonKey{Index: index, Ref: random(16), Wrapped: wrapped, CreatedAt: p.now().UTC()}, err
}

// month finds or makes the key of a tenant's class and month.
func (p *people) month(ctx context.Context, id monthID) ([]byte, error) {
	key, err := p.findMonth(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	tenant := []byte(id.tenant)
	wrapped, err := p.kek.Seal(random(32), monthPlace(tenant, string(id.class), id.month))
	if err != nil {
		return nil, err
	}
	err = p.keys.InsertMonthKey(ctx, store.MonthKey{Tenant: tenant, Class: string(id.class), Month: id.month, Wrapped: wrapped, CreatedAt: p.now().UTC()})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	return p.findMonth(ctx, id) // another process may have been first: what is stored counts
}

// findMonth opens the key of a month, from the cache or the keystore.
func (p *people) findMonth(ctx context.Context, id monthID) ([]byte, error) {
	if key, ok := p.months.get(id); ok {
		return key, nil
	}
	turn := p.months.turn()
	tenant := []byte(id.tenant)
	row, err := p.keys.MonthKey(ctx, tenant, string(id.class), id.month)
	if err != nil {
		return nil, err
	}
	key, err := p.kek.Open(row.Wrapped, monthPlace(tenant, string(id.class), id.month))
	if err != nil {
		return nil, fmt.Errorf("unwrap: %w", err)
	}
	p.months.putRead(id, key, turn)
	return key, nil
}

// index is a keyed hash of tenant and person: it finds the row, and without the
// pepper tells nothing of whom it is.
func (p *people) index(id personID) []byte {
	h := hmac.New(sha256.New, p.pepper)
	fmt.Fprintf(h, "%d|%s%s", len(id.tenant), id.tenant, id.id)
	return h.Sum(nil)
}

func personPlace(index []byte) keyring.Place {
	return keyring.Place{Table: "person_keys", Row: hex.EncodeToString(index), Column: "wrapped"}
}

func monthPlace(tenant []byte, class, month string) keyring.Place {
	return keyring.Place{Table: "month_keys", Row: hex.EncodeToString(tenant) + "/" + class + "/" + month, Column: "wrapped"}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
