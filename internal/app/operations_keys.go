package app

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// KeyList is all keys.
type KeyList struct {
	Signing    []login.KeyInfo `json:"signing_keys"`
	Encryption []KEKInfo       `json:"key_encryption_keys"`
}

func (l KeyList) count() int { return len(l.Signing) + len(l.Encryption) }

// KEKState is what a key-encryption key does.
type KEKState string

const (
	KEKSealing KEKState = "sealing" // seals what is sealed now
	KEKOpening KEKState = "opening" // opens what it sealed before
	KEKUnused  KEKState = "unused"  // is in the key file, and has sealed nothing
	KEKDropped KEKState = "dropped" // was taken out
)

// KEKInfo is a key-encryption key as people see it.
type KEKInfo struct {
	ID        string    `json:"id"`
	State     KEKState  `json:"state"`
	InFile    bool      `json:"in_file"` // of the process that answers
	SealsFrom time.Time `json:"seals_from,omitzero"`
	Values    int       `json:"values"`               // sealed under it
	MissingAt []string  `json:"missing_at,omitempty"` // hosts with another running replica that has it not

	check []byte
}

// ListKeys lists all keys.
var ListKeys = showing("keys-list", audit.KeyRead, func(ctx context.Context, a *App, _ model.Caller, _ None) (KeyList, error) {
	signing, err := a.Login.Keys.List(ctx)
	if err != nil {
		return KeyList{}, err
	}
	keks, err := a.keks(ctx)
	return KeyList{signing, keks}, err
}, KeyList.count)

// KeyRotation says when the next signing key signs.
type KeyRotation struct {
	AtOnce bool // not after it was published for a while
}

// RotateKey makes the next signing key.
var RotateKey = Operation[KeyRotation, login.KeyInfo]{"keys-rotate", func(ctx context.Context, a *App, caller model.Caller, r KeyRotation) (login.KeyInfo, error) {
	return a.Login.Keys.Rotate(ctx, caller, r.AtOnce)
}}

// KeyRequest names a key: a signing key by its kid, a key-encryption key by its id.
type KeyRequest struct {
	ID string
}

// RevokeKey ends a signing key and answers with the one that signs.
var RevokeKey = Operation[KeyRequest, login.KeyInfo]{"keys-revoke", func(ctx context.Context, a *App, caller model.Caller, r KeyRequest) (login.KeyInfo, error) {
	return a.Login.Keys.Revoke(ctx, caller, r.ID)
}}

// AddKEK adds a new key-encryption key to the key file, or names the one there
// that is not used yet.
var AddKEK = Operation[None, KEKInfo]{"kek-add", func(ctx context.Context, a *App, caller model.Caller, _ None) (KEKInfo, error) {
	return a.addKEK(ctx, caller)
}}

// UseKEK has a key of the key file seal from now on.
var UseKEK = Operation[KeyRequest, KEKInfo]{"kek-use", func(ctx context.Context, a *App, caller model.Caller, r KeyRequest) (KEKInfo, error) {
	return a.useKEK(ctx, caller, r.ID)
}}

// DropKEK takes a key out of use, and out of the key file, once nothing is sealed
// under it any more.
var DropKEK = Operation[KeyRequest, KEKInfo]{"kek-drop", func(ctx context.Context, a *App, caller model.Caller, r KeyRequest) (KEKInfo, error) {
	return a.dropKEK(ctx, caller, r.ID)
}}

// RotateKEK is AddKEK, UseKEK and Reseal.
var RotateKEK = Operation[None, Resealed]{"kek-rotate", func(ctx context.Context, a *App, caller model.Caller, _ None) (Resealed, error) {
	added, err := a.addKEK(ctx, caller)
	if err != nil {
		return Resealed{}, err
	}
	if _, err := a.useKEK(ctx, caller, added.ID); err != nil {
		return Resealed{}, err
	}
	return a.reseal(ctx, caller)
}}

// keks lists the keys of the store, the one that seals first, and then those of
// the file that the store does not know.
func (a *App) keks(ctx context.Context) ([]KEKInfo, error) {
	rows, err := a.Store.ListEncryptionKeys(ctx)
	if err != nil {
		return nil, err
	}
	others, err := a.otherHolders(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	var out []KEKInfo
	for n, r := range rows {
		k := KEKInfo{State: KEKOpening, SealsFrom: r.SealsFrom, check: r.Check}
		switch {
		case n == 0:
			k.State = KEKSealing
		case !r.DroppedAt.IsZero():
			k.State = KEKDropped
		}
		out = append(out, k)
	}
	for _, check := range a.kek.Checks() {
		if !slices.ContainsFunc(rows, func(r store.EncryptionKey) bool { return bytes.Equal(r.Check, check) }) {
			out = append(out, KEKInfo{State: KEKUnused, check: check})
		}
	}
	for i := range out {
		k := &out[i]
		k.ID, k.InFile = keyID(k.check), a.kek.Knows(k.check)
		if k.State != KEKDropped {
			k.MissingAt = missingAt(others, k.check, a.now())
		}
		if k.Values, err = a.sealedUnder(ctx, k.check); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// otherHolders is what other processes said of their key files. What this one has
// it knows, and said perhaps before it read the file again.
func (a *App) otherHolders(ctx context.Context, s store.EncryptionKeys) ([]store.KeyHolder, error) {
	holders, err := s.KeyHolders(ctx)
	return slices.DeleteFunc(holders, func(h store.KeyHolder) bool { return h.Process == a.process }), err
}

// missingAt names the hosts of the processes that run and have not the key.
func missingAt(holders []store.KeyHolder, check []byte, now time.Time) (hosts []string) {
	for _, h := range holders {
		if now.Sub(h.SeenAt).Abs() <= holderGone && !slices.Contains(h.Checks, fmt.Sprintf("%x", check)) {
			hosts = append(hosts, h.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// findKEK finds a key by the id people know it by.
func (a *App) findKEK(ctx context.Context, id string) (KEKInfo, error) {
	keks, err := a.keks(ctx)
	if err != nil {
		return KEKInfo{}, err
	}
	for _, k := range keks {
		if k.ID == id {
			return k, nil
		}
	}
	return KEKInfo{}, model.Errorf(model.CodeNotFound, "there is no key-encryption key %q; `rolegate keys list` shows them", id)
}

func (a *App) addKEK(ctx context.Context, caller model.Caller) (KEKInfo, error) {
	if err := a.readKeyFile(); err != nil {
		return KEKInfo{}, err
	}
	keks, err := a.keks(ctx)
	if err != nil {
		return KEKInfo{}, err
	}
	for _, k := range keks {
		if k.State == KEKUnused {
			return k, nil // made before, and not used yet
		}
	}
	check, err := keyring.AddKey(a.Config.KeyFile, func(check []byte) error {
		return a.Log.Append(ctx, kekEntry(caller, audit.KeyEncryptionKey, check))
	})
	if err != nil {
		return KEKInfo{}, err
	}
	if err := a.readKeyFile(); err != nil {
		return KEKInfo{}, err
	}
	return a.findKEK(ctx, keyID(check))
}

// readKeyFile takes over the file as it is now.
func (a *App) readKeyFile() error {
	file, err := keyring.ReadFile(a.Config.KeyFile)
	if err == nil {
		a.kek.Adopt(file)
	}
	return err
}

func (a *App) useKEK(ctx context.Context, caller model.Caller, id string) (KEKInfo, error) {
	if err := a.readKeyFile(); err != nil {
		return KEKInfo{}, err
	}
	k, err := a.findKEK(ctx, id)
	switch {
	case err != nil:
		return KEKInfo{}, err
	case k.State == KEKSealing:
		return k, nil
	case k.State == KEKDropped:
		return KEKInfo{}, model.Errorf(model.CodeConflict, "the key %s was dropped; make a new one with `rolegate keys kek add`", id)
	case !k.InFile:
		return KEKInfo{}, model.Errorf(model.CodeKeyMissing, "the key file %s has not the key %s", a.Config.KeyFile, id)
	}
	err = a.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.BumpInstallation(ctx); err != nil {
			return err
		}
		others, err := a.otherHolders(ctx, tx)
		if err != nil {
			return err
		}
		if hosts := missingAt(others, k.check, a.now()); len(hosts) > 0 {
			return model.Errorf(model.CodeConflict, "the key %s is not in the key file of every replica: copy %s to %s, wait ten seconds, and run `rolegate keys kek use %s`",
				id, a.Config.KeyFile, strings.Join(hosts, ", "), id)
		}
		used, err := tx.UseEncryptionKey(ctx, k.check, a.now())
		if err != nil {
			return err
		}
		if !used {
			if err := insertSealing(ctx, tx, k.check, a.now()); err != nil {
				return err
			}
		}
		return a.Log.AppendIn(ctx, tx, kekEntry(caller, audit.KEKRotated, k.check))
	})
	if err != nil {
		return KEKInfo{}, err
	}
	a.kek.Use(k.check)
	return a.findKEK(ctx, id)
}

// insertSealing adds a key that seals from now on.
func insertSealing(ctx context.Context, tx store.Tx, check []byte, now time.Time) error {
	if err := tx.InsertEncryptionKey(ctx, store.EncryptionKey{Check: check}); err != nil {
		return err
	}
	_, err := tx.UseEncryptionKey(ctx, check, now)
	return err
}

// dropAfter is how long after another key began to seal one may be dropped: by
// then every process knows, and what lives for seconds is gone.
const dropAfter = 10 * time.Minute

func (a *App) dropKEK(ctx context.Context, caller model.Caller, id string) (KEKInfo, error) {
	k, err := a.findKEK(ctx, id)
	if err != nil {
		return KEKInfo{}, err
	}
	if k.Values > 0 && k.State != KEKSealing {
		return KEKInfo{}, model.Errorf(model.CodeInUse, "%d values are sealed under the key %s; `rolegate keys reseal` seals them anew", k.Values, id)
	}
	if err := a.recordDrop(ctx, caller, k); err != nil {
		return KEKInfo{}, err
	}
	if _, err := keyring.RemoveKey(a.Config.KeyFile, k.check); err != nil {
		return KEKInfo{}, err
	}
	k.State, k.InFile = KEKDropped, false
	return k, a.readKeyFile()
}

// recordDrop comes before the key leaves the file: cut off between the two, the
// key is in the file still, and dropping it again takes it out.
func (a *App) recordDrop(ctx context.Context, caller model.Caller, k KEKInfo) error {
	return a.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.BumpInstallation(ctx); err != nil {
			return err
		}
		keys, err := tx.ListEncryptionKeys(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(keys, func(key store.EncryptionKey) bool { return bytes.Equal(key.Check, k.check) })
		switch { // below 0 it was never used
		case at == 0:
			return model.Errorf(model.CodeInUse, "the key %s seals; have another one seal first, with `rolegate keys kek use`", k.ID)
		case at > 0 && !keys[at].DroppedAt.IsZero():
			return nil
		case at > 0:
			if err := a.nobodySeals(ctx, tx, k, keys[0]); err != nil {
				return err
			}
			if _, err := tx.DropEncryptionKey(ctx, k.check, a.now()); err != nil {
				return err
			}
		}
		return a.Log.AppendIn(ctx, tx, kekEntry(caller, audit.KEKDropped, k.check))
	})
}

// nobodySeals refuses to drop a key while a process may seal under it still: one that has
// not heard of the key that seals now, or has not got it.
func (a *App) nobodySeals(ctx context.Context, q store.EncryptionKeys, k KEKInfo, seals store.EncryptionKey) error {
	if since := a.now().Sub(seals.SealsFrom); since < dropAfter {
		return model.Errorf(model.CodeInUse, "the key %s sealed until a moment ago, and a replica may still do; try again in %s", k.ID, (dropAfter - since).Round(time.Second))
	}
	others, err := a.otherHolders(ctx, q)
	if err != nil {
		return err
	}
	if hosts := missingAt(others, seals.Check, a.now()); len(hosts) > 0 {
		return model.Errorf(model.CodeConflict, "the key %s, which seals now, is not in the key file of every replica, and the others go on with the one before: copy %s to %s, wait ten seconds, and run `rolegate keys reseal`",
			keyID(seals.Check), a.Config.KeyFile, strings.Join(hosts, ", "))
	}
	return nil
}

func kekEntry(caller model.Caller, what audit.Activity, check []byte) audit.Entry {
	return audit.Entry{Class: audit.ClassSystem, Activity: what, Outcome: audit.OutcomeOK, Object: "key_encryption_key", Op: keyID(check), Caller: caller}
}
