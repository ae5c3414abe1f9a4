package login

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// Keys holds the signing keys in memory, opened. The newest key of the chosen
// algorithm signs; all verify.
type Keys struct {
	store     store.Store
	kek       *keyring.KEK
	algorithm string
	now       func() time.Time

	mu       sync.RWMutex // held for the fields below only
	current  token.Key
	all      []token.Key // newest first
	loadedAt time.Time

	generation atomic.Uint64 // moves after a key came or went
}

// Generation stays the same for as long as the keys do.
func (k *Keys) Generation() uint64 { return k.generation.Load() }

// reloadEvery bounds how often an unknown kid makes us look for keys that
// another process has added.
const reloadEvery = time.Second

// jwksEvery is how old the published keys may be: another process may have
// added one.
const jwksEvery = 5 * time.Second

// OpenKeys loads the signing keys and makes the first one of algorithm (ES256
// or EdDSA) where there is none.
func OpenKeys(ctx context.Context, st store.Store, log *audit.Log, kek *keyring.KEK, algorithm string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: st, kek: kek, algorithm: algorithm, now: now}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if k.current.ID != "" {
		return k, nil
	}
	key, err := token.Generate(algorithm)
	if err != nil {
		return nil, err
	}
	der, err := token.Marshal(key)
	if err != nil {
		return nil, err
	}
	sealed, err := kek.Seal(der, signingPlace(key.ID))
	if err != nil {
		return nil, err
	}
	err = st.InTx(ctx, func(tx store.Tx) error {
		row := store.SigningKey{ID: key.ID, Algorithm: algorithm, Private: sealed, CreatedAt: now()}
		if err := tx.InsertSigningKey(ctx, row); err != nil {
			return err
		}
		return log.AppendIn(ctx, tx, audit.Entry{Class: audit.ClassSystem, Activity: audit.SigningKeyMade,
			Outcome: audit.OutcomeOK, Caller: model.Caller{Kind: model.CallerSystem}})
	})
	if err != nil {
		return nil, err
	}
	return k, k.load(ctx)
}

func (k *Keys) load(ctx context.Context) error {
	rows, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}
	var all []token.Key
	var current token.Key
	for _, row := range rows {
		der, err := k.kek.Open(row.Private, signingPlace(row.ID))
		if err != nil {
			return fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		key, err := token.Parse(row.Algorithm, der)
		if err != nil || key.ID != row.ID {
			return fmt.Errorf("signing key %s: not the key its id names: %w", row.ID, err)
		}
		all = append(all, key)
		if current.ID == "" && key.Algorithm == k.algorithm {
			current = key
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	same := slices.EqualFunc(k.all, all, func(a, b token.Key) bool { return a.ID == b.ID })
	k.all, k.current, k.loadedAt = all, current, k.now()
	if !same {
		k.generation.Add(1)
	}
	return nil
}

// Current is the key that signs.
func (k *Keys) Current() token.Key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.current
}

// Find looks a kid up among our keys: the token's text is only ever compared.
func (k *Keys) Find(kid string) (token.Key, bool) {
	if key, ok := k.find(kid); ok {
		return key, true
	}
	k.mu.Lock()
	stale := k.now().Sub(k.loadedAt).Abs() >= reloadEvery
	if stale {
		k.loadedAt = k.now() // one look, however many ask
	}
	k.mu.Unlock()
	if !stale {
		return token.Key{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), audit.Timeout)
	defer cancel()
	if err := k.load(ctx); err != nil {
		return token.Key{}, false
	}
	return k.find(kid)
}

func (k *Keys) find(kid string) (token.Key, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range k.all {
		if key.ID == kid {
			return key, true
		}
	}
	return token.Key{}, false
}

// JWKS is the public half of all keys: RFC 7517.
func (s *Service) JWKS(ctx context.Context) ([]byte, error) {
	s.Keys.mu.RLock()
	stale := s.Keys.now().Sub(s.Keys.loadedAt).Abs() >= jwksEvery
	s.Keys.mu.RUnlock()
	if stale {
		if err := s.Keys.load(ctx); err != nil {
			return nil, err
		}
	}
	s.Keys.mu.RLock()
	defer s.Keys.mu.RUnlock()
	return token.JWKS(s.Keys.all), nil
}

func signingPlace(id string) keyring.Place {
	return keyring.Place{Table: "signing_keys", Row: id, Column: "private"}
}
