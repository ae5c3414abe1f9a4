package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// All changes of signing keys take the installation's row first, as every
// tenant's change takes the tenant's: of several replicas that find a key due,
// the first makes it, and the others then find that it is there.

const (
	// settleFor is how long a process runs before it makes a key by itself, so that
	// an update of all replicas is over: an older release signs with the newest key
	// at once.
	settleFor = time.Hour

	// rememberRevoked is how long a revoked key is listed.
	rememberRevoked = 90 * 24 * time.Hour
)

var (
	system    = model.Caller{Kind: model.CallerSystem}
	errNotDue = errors.New("not due any more") // ends a transaction; nobody is told
)

// begin makes what a start needs: the first key, or the next one where another
// algorithm is chosen than the last key has.
func (k *Keys) begin(ctx context.Context) error {
	newest := func(rows []store.SigningKey) *store.SigningKey {
		for i := range rows {
			if rows[i].RevokedAt.IsZero() {
				return &rows[i]
			}
		}
		return nil
	}
	last := newest(k.set.Load().rows)
	switch {
	case last == nil:
		_, err := k.make(ctx, system, audit.SigningKeyMade, 0, func(rows []store.SigningKey) error {
			if newest(rows) != nil {
				return errNotDue
			}
			return nil
		})
		return err
	case last.Algorithm != k.algorithm:
		_, err := k.make(ctx, system, audit.SigningKeyRotated, PrepublishFor, func(rows []store.SigningKey) error {
			if n := newest(rows); n != nil && n.ID != last.ID {
				return errNotDue
			}
			return nil
		})
		return err
	}
	return nil
}

// Rotate makes the next key. It is published now and signs after PrepublishFor,
// or, with atOnce, now: verifiers that keep the JWKS may then refuse its tokens
// until they look again, at most five minutes. Where the next key is published
// already, atOnce has that one sign: some verifiers know it, and it would sign
// soon anyway.
func (k *Keys) Rotate(ctx context.Context, caller model.Caller, atOnce bool) (KeyInfo, error) {
	if atOnce {
		return k.rotateNow(ctx, caller)
	}
	return k.make(ctx, caller, audit.SigningKeyRotated, PrepublishFor, func(rows []store.SigningKey) error {
		if i := published(rows, k.now()); i.ID != "" {
			return model.Errorf(model.CodeConflict, "the next key %s is published already, and signs from %s", i.ID, i.SignsFrom.UTC().Format(time.RFC3339))
		}
		return nil
	})
}

func (k *Keys) rotateNow(ctx context.Context, caller model.Caller) (KeyInfo, error) {
	fresh, err := k.generate()
	if err != nil {
		return KeyInfo{}, err
	}
	fresh.NotBefore = fresh.CreatedAt
	kid := ""
	err = k.change(ctx, func(tx store.Tx) error {
		rows, err := tx.ListSigningKeys(ctx)
		if err != nil {
			return err
		}
		now := k.now()
		if kid = published(rows, now).ID; kid != "" {
			_, err = tx.AdvanceSigningKey(ctx, kid, now)
		} else {
			kid, err = fresh.ID, tx.InsertSigningKey(ctx, fresh)
		}
		if err != nil {
			return err
		}
		return k.log.AppendIn(ctx, tx, keyEntry(caller, audit.SigningKeyRotated, kid))
	})
	if err != nil {
		return KeyInfo{}, err
	}
	return k.info(kid), nil
}

// published is the key that signs next, the zero one where none is published.
func published(rows []store.SigningKey, now time.Time) (next KeyInfo) {
	for _, i := range schedule(rows, now) { // the last to sign first
		if i.State == KeyPrepublished {
			next = i
		}
	}
	return next
}

// make makes a key that signs after a while, if may allows it of the keys there
// are; errNotDue from it is no error. It reads the keys anew.
func (k *Keys) make(ctx context.Context, caller model.Caller, what audit.Activity, after time.Duration, may func([]store.SigningKey) error) (KeyInfo, error) {
	row, err := k.generate()
	if err != nil {
		return KeyInfo{}, err
	}
	err = k.change(ctx, func(tx store.Tx) error {
		rows, err := tx.ListSigningKeys(ctx)
		if err != nil {
			return err
		}
		if err := may(rows); err != nil {
			return err
		}
		row.NotBefore = row.CreatedAt.Add(after)
		if err := tx.InsertSigningKey(ctx, row); err != nil {
			return err
		}
		return k.log.AppendIn(ctx, tx, keyEntry(caller, what, row.ID))
	})
	if err != nil && !errors.Is(err, errNotDue) {
		return KeyInfo{}, err
	}
	return k.info(row.ID), nil
}

// generate makes a new key, sealed. No kid begins with a dash: commands would take
// it for a flag.
func (k *Keys) generate() (store.SigningKey, error) {
	for {
		key, err := token.Generate(k.algorithm)
		if err != nil {
			return store.SigningKey{}, err
		}
		if strings.HasPrefix(key.ID, "-") {
			continue
		}
		der, err := token.Marshal(key)
		if err != nil {
			return store.SigningKey{}, err
		}
		sealed, err := k.kek.Seal(der, signingPlace(key.ID))
		clear(der)
		return store.SigningKey{ID: key.ID, Algorithm: k.algorithm, Private: sealed, CreatedAt: k.now()}, err
	}
}

// change runs fn in a transaction that has the installation's row, and reads the
// keys anew, whatever came of it.
func (k *Keys) change(ctx context.Context, fn func(tx store.Tx) error) error {
	err := k.store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.BumpInstallation(ctx); err != nil {
			return err
		}
		return fn(tx)
	})
	if loaded := k.load(ctx); err == nil {
		return loaded
	}
	return err
}

// Revoke ends a key: from now on its tokens are refused here, and on other
// replicas as soon as they have read the installation's revision. It is always
// allowed. The key that signed is followed at once by a new one, which is
// returned; else the one that signs.
func (k *Keys) Revoke(ctx context.Context, caller model.Caller, kid string) (KeyInfo, error) {
	successor, err := k.generate()
	if err != nil {
		return KeyInfo{}, err
	}
	err = k.change(ctx, func(tx store.Tx) error {
		rows, err := tx.ListSigningKeys(ctx)
		if err != nil {
			return err
		}
		now := k.now()
		revoked, err := tx.RevokeSigningKey(ctx, kid, now)
		if err != nil {
			return err
		}
		if !revoked {
			if slices.ContainsFunc(rows, func(r store.SigningKey) bool { return r.ID == kid }) {
				return errNotDue // it was revoked before
			}
			return model.Errorf(model.CodeNotFound, "there is no signing key %q; `rolegate keys list` shows them", kid)
		}
		for _, i := range schedule(rows, now) {
			if i.ID == kid && i.State == KeySigning {
				successor.NotBefore = now
				if err := tx.InsertSigningKey(ctx, successor); err != nil {
					return err
				}
			}
		}
		return k.log.AppendIn(ctx, tx, keyEntry(caller, audit.SigningKeyRevoked, kid))
	})
	if err != nil && !errors.Is(err, errNotDue) {
		return KeyInfo{}, err
	}
	key, err := k.Current()
	return k.info(key.ID), err
}

// Maintain reads the keys, destroys those that were dropped, and makes the next
// one when it is due. Every replica calls it now and then.
func (k *Keys) Maintain(ctx context.Context) error {
	if err := k.load(ctx); err != nil {
		return err
	}
	if err := k.sweep(ctx); err != nil {
		return err
	}
	if k.Life == 0 || k.now().Sub(k.opened) < settleFor || !k.due(k.set.Load().rows) {
		return nil
	}
	_, err := k.make(ctx, system, audit.SigningKeyRotated, PrepublishFor, func(rows []store.SigningKey) error {
		if !k.due(rows) {
			return errNotDue
		}
		return nil
	})
	return err
}

// due tells whether the key that signs is so old that the next one has to be
// published, and none is.
func (k *Keys) due(rows []store.SigningKey) bool {
	now, due := k.now(), false
	for _, i := range schedule(rows, now) {
		switch i.State {
		case KeyPrepublished:
			return false
		case KeySigning:
			due = !now.Before(i.SignsFrom.Add(k.Life - PrepublishFor))
		}
	}
	return due
}

// sweep deletes what is not needed any more, private halves with it.
func (k *Keys) sweep(ctx context.Context) error {
	over := func(rows []store.SigningKey) (out []KeyInfo) {
		now := k.now()
		for _, i := range schedule(rows, now) {
			if i.State == KeyDropped || i.State == KeyRevoked && now.Sub(i.RevokedAt) > rememberRevoked {
				out = append(out, i)
			}
		}
		return out
	}
	if len(over(k.set.Load().rows)) == 0 {
		return nil
	}
	return k.change(ctx, func(tx store.Tx) error {
		rows, err := tx.ListSigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, i := range over(rows) {
			deleted, err := tx.DeleteSigningKey(ctx, i.ID)
			if err != nil {
				return err
			}
			if !deleted || i.State == KeyRevoked { // whose end was recorded when it came
				continue
			}
			if err := k.log.AppendIn(ctx, tx, keyEntry(system, audit.SigningKeyDropped, i.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// List is all keys, the last to sign first.
func (k *Keys) List(ctx context.Context) ([]KeyInfo, error) {
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	return schedule(k.set.Load().rows, k.now()), nil
}

func (k *Keys) info(kid string) KeyInfo {
	for _, i := range schedule(k.set.Load().rows, k.now()) {
		if i.ID == kid {
			return i
		}
	}
	return KeyInfo{}
}

// keyEntry names the key in the clear: it is nobody's.
func keyEntry(caller model.Caller, what audit.Activity, kid string) audit.Entry {
	return audit.Entry{Class: audit.ClassSystem, Activity: what, Outcome: audit.OutcomeOK, Object: "signing_key", Op: kid, Caller: caller}
}
