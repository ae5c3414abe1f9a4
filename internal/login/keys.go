package login

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/token"
)

// Keys holds the signing keys in memory, opened. Which of them signs, and which
// still verify, the clock says (see schedule), so all replicas agree without
// telling each other; that a key came or was revoked they learn by the
// installation's revision.
type Keys struct {
	// Life is how long a key signs before Maintain makes the next; 0 leaves that
	// to people.
	Life time.Duration

	store     store.Store
	log       *audit.Log
	kek       *keyring.KEK
	algorithm string
	now       func() time.Time
	opened    time.Time

	loading sync.Mutex // held while the rows are read, and for looked and failed
	looked  time.Time  // when that was tried last
	failed  error      // why it failed
	set     atomic.Pointer[keySet]
	unknown atomic.Uint64
	reads   atomic.Uint64
}

// keySet is the keys as they were read once. It never changes.
type keySet struct {
	revision   int64  // of the installation, known before the rows were read
	generation uint64 // stays the same for as long as the keys do
	rows       []store.SigningKey
	keys       map[string]token.Key // by kid, without the revoked
}

// reloadEvery bounds how often an unknown kid makes us look for keys that
// another process has added.
const reloadEvery = time.Second

// OpenKeys loads the signing keys. Where there is none of use it makes one of
// algorithm (ES256, EdDSA or RS256) that signs at once; where the last one is of
// another algorithm, the next.
func OpenKeys(ctx context.Context, st store.Store, log *audit.Log, kek *keyring.KEK, algorithm string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: st, log: log, kek: kek, algorithm: algorithm, now: now, opened: now()}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	return k, k.begin(ctx)
}

// load reads the keys anew.
func (k *Keys) load(ctx context.Context) error {
	k.loading.Lock()
	defer k.loading.Unlock()
	return k.read(ctx)
}

func (k *Keys) read(ctx context.Context) (err error) {
	k.reads.Add(1)
	defer func() { k.looked, k.failed = k.now(), err }()
	set := &keySet{revision: k.store.Revisions().Known(store.Installation), keys: map[string]token.Key{}}
	if set.rows, err = k.store.ListSigningKeys(ctx); err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}
	for _, row := range set.rows {
		if !row.RevokedAt.IsZero() {
			continue
		}
		der, err := k.kek.Open(row.Private, signingPlace(row.ID))
		if err != nil {
			return fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		key, err := token.Parse(row.Algorithm, der)
		if err != nil || key.ID != row.ID {
			return fmt.Errorf("signing key %s: not the key its id names: %w", row.ID, err)
		}
		set.keys[row.ID] = key
	}
	if was := k.set.Load(); was != nil {
		set.generation = was.generation
		if !maps.EqualFunc(was.keys, set.keys, func(token.Key, token.Key) bool { return true }) {
			set.generation++
		}
	}
	k.set.Store(set)
	return nil
}

// fresh is the keys, as far as this process knows of any change: whoever
// verifies or signs after a key was revoked does so without it, or not at all.
func (k *Keys) fresh() (*keySet, error) {
	if set := k.set.Load(); k.holds(set) {
		return set, nil
	}
	k.loading.Lock()
	defer k.loading.Unlock()
	if set := k.set.Load(); k.holds(set) { // somebody else has looked meanwhile
		return set, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), audit.Timeout)
	defer cancel()
	if err := k.read(ctx); err != nil {
		return nil, err
	}
	return k.set.Load(), nil
}

func (k *Keys) holds(set *keySet) bool {
	return k.store.Revisions().Known(store.Installation) <= set.revision
}

// Follow reads the keys as soon as this process knows of a change, until ctx
// ends.
func (k *Keys) Follow(ctx context.Context) {
	for k.store.Revisions().Wait(ctx, store.Installation, k.set.Load().revision+1) {
		if _, err := k.fresh(); err == nil {
			continue
		}
		select { // the database is away; who verifies meanwhile tries as well, and refuses
		case <-ctx.Done():
			return
		case <-time.After(reloadEvery):
		}
	}
}

// Current is the key that signs, as it was read last: it is asked inside
// transactions, which must not wait for a second connection. Should it have been
// revoked in this moment, what it signs is refused.
func (k *Keys) Current() (token.Key, error) {
	set := k.set.Load()
	for _, i := range schedule(set.rows, k.now()) {
		if i.State == KeySigning {
			return set.keys[i.ID], nil
		}
	}
	return token.Key{}, fmt.Errorf("no signing key is left of %d", len(set.rows))
}

// Find looks a kid up among the keys that verify: the token's text is only ever
// compared. A kid that is not among them is token.ErrNoKey only after a look at what
// other processes have added; where nobody can look, the error says so.
func (k *Keys) Find(kid string) (token.Key, error) {
	set, err := k.fresh()
	if err != nil {
		return token.Key{}, err
	}
	if key, ok := set.find(kid, k.now()); ok {
		return key, nil
	}
	if set, err = k.look(); err != nil {
		return token.Key{}, err
	}
	if key, ok := set.find(kid, k.now()); ok {
		return key, nil
	}
	k.unknown.Add(1)
	return token.Key{}, token.ErrNoKey
}

// look reads the keys again, at most once in reloadEvery: who asks sooner gets what
// the last look found, or why it failed.
func (k *Keys) look() (*keySet, error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	if k.now().Sub(k.looked).Abs() >= reloadEvery {
		ctx, cancel := context.WithTimeout(context.Background(), audit.Timeout)
		defer cancel()
		_ = k.read(ctx)
	}
	return k.set.Load(), k.failed
}

func (s *keySet) find(kid string, now time.Time) (token.Key, bool) {
	key, ok := s.keys[kid]
	if !ok {
		return token.Key{}, false
	}
	for _, i := range schedule(s.rows, now) {
		if i.ID == kid {
			return key, i.State.verifies()
		}
	}
	return token.Key{}, false
}

// UnknownKIDs is how many tokens named a key that is none of ours.
func (k *Keys) UnknownKIDs() uint64 { return k.unknown.Load() }

// Reads is how often the keys were read from the store.
func (k *Keys) Reads() uint64 { return k.reads.Load() }

// Age is how long the key that signs has done so; 0 when there is none.
func (k *Keys) Age() time.Duration {
	for _, i := range schedule(k.set.Load().rows, k.now()) {
		if i.State == KeySigning {
			return max(0, k.now().Sub(i.SignsFrom))
		}
	}
	return 0
}

// JWKS is the public half of the keys that sign now, will sign next, or have
// signed tokens that are still good: RFC 7517.
func (s *Service) JWKS(context.Context) ([]byte, error) {
	set, err := s.Keys.fresh()
	if err != nil {
		return nil, err
	}
	var published []token.Key
	for _, i := range schedule(set.rows, s.Keys.now()) {
		if i.State.verifies() {
			published = append(published, set.keys[i.ID])
		}
	}
	return token.JWKS(published), nil
}

func signingPlace(id string) keyring.Place {
	return keyring.Place{Table: "signing_keys", Row: id, Column: "private"}
}
