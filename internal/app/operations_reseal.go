package app

import (
	"context"
	"errors"
	"fmt"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// Resealed is what came of sealing everything under the key that seals now.
type Resealed struct {
	Key    KEKInfo `json:"key"`
	Values int     `json:"values"` // sealed anew
	Failed int     `json:"failed"` // that no key of the file opens, left as they are
}

// Reseal seals everything anew that another key has sealed. It may be cut off and
// begun again.
var Reseal = Operation[None, Resealed]{"keys-reseal", func(ctx context.Context, a *App, caller model.Caller, _ None) (Resealed, error) {
	return a.reseal(ctx, caller)
}}

// sealedColumns are the columns with values that may outlive a key, and where they are.
func (a *App) sealedColumns() []sealedIn {
	return []sealedIn{
		{a.Store, store.SealedDevices}, {a.Store, store.SealedRemoved}, {a.Store, store.SealedSigningKeys}, {a.Store, store.SealedMeta},
		{a.Keystore, store.SealedPersonKeys}, {a.Keystore, store.SealedMonthKeys}, {a.Keystore, store.SealedMeta},
	}
}

type sealedIn struct {
	store.SealedValues
	column store.SealedColumn
}

func (s sealedIn) place(key []string) (keyring.Place, error) {
	if s.column == store.SealedMeta {
		return metaPlace(key[0]), nil
	}
	for _, find := range []func(store.SealedColumn, []string) (keyring.Place, bool){login.SealedPlace, audit.SealedPlace} {
		if p, ok := find(s.column, key); ok {
			return p, nil
		}
	}
	return keyring.Place{}, fmt.Errorf("nobody knows what the values of %s are sealed to", s.column)
}

func (a *App) sealedUnder(ctx context.Context, check []byte) (int, error) {
	total := 0
	for _, s := range a.sealedColumns() {
		n, err := s.SealedUnder(ctx, s.column, keyring.IDOf(check))
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// resealAtOnce is how many values a transaction seals anew, so that others wait
// for it only shortly.
const resealAtOnce = 200

func (a *App) reseal(ctx context.Context, caller model.Caller) (Resealed, error) {
	if err := a.followKEK(ctx); err != nil {
		return Resealed{}, err
	}
	var res Resealed
	var failed error
	for _, s := range a.sealedColumns() {
		n, bad, err := a.resealColumn(ctx, s)
		res.Values, res.Failed = res.Values+n, res.Failed+bad
		if failed = errors.Join(failed, err); err != nil {
			break
		}
	}
	e := kekEntry(caller, audit.KEKResealed, a.kek.Check())
	e.Count = int64(res.Values)
	if failed != nil {
		e.Outcome = audit.OutcomeError
	}
	if err := errors.Join(failed, a.Log.Append(ctx, e)); err != nil {
		return res, err
	}
	var err error
	res.Key, err = a.findKEK(ctx, keyID(a.kek.Check()))
	return res, err
}

// resealColumn seals the values of a column anew. What does not open stays, and
// is passed over.
func (a *App) resealColumn(ctx context.Context, s sealedIn) (done, failed int, err error) {
	id := a.kek.ID()
	for {
		values, err := s.SealedExcept(ctx, s.column, id, failed, resealAtOnce)
		if err != nil || len(values) == 0 {
			return done, failed, err
		}
		var was []store.SealedValue
		var sealed [][]byte
		for _, v := range values {
			place, err := s.place(v.Key)
			if err != nil {
				return done, failed, err
			}
			plain, err := a.kek.Open(v.Value, place)
			if err != nil {
				failed++
				a.Logger.Error("a sealed value does not open", "column", s.column)
				continue
			}
			again, err := a.kek.Seal(plain, place)
			clear(plain)
			if err != nil {
				return done, failed, err
			}
			was, sealed = append(was, v), append(sealed, again)
		}
		n, err := s.Reseal(ctx, s.column, was, sealed)
		done += n
		if err != nil {
			return done, failed, err
		}
	}
}
