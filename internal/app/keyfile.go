package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/model"
)

// The key file says which key-encryption keys a process can use, the store which
// of them seals. To change keys, every replica gets a file with the new one first,
// and only then does the store say that it seals: nobody meets a value that no key
// of his opens. Processes tell the store what is in their files, so that the store
// can refuse while one of them is behind.

const (
	keyCheckName = "kek_check" // the first key's; releases before several keys look here alone
	macRootName  = "mac_root"

	// keepKeysPause is how often a process reads its key file and says what is in it.
	keepKeysPause = 10 * time.Second
	holderGone    = store.HolderGone
)

// openKey reads the key file and holds it against the check values the store
// keeps. Only for an empty SQLite store is a key made.
func (a *App) openKey(ctx context.Context) (*keyring.KEK, error) {
	path := a.Config.KeyFile
	check, err := a.Store.MetaValue(ctx, keyCheckName)
	fresh := errors.Is(err, store.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	kek, err := keyring.ReadFile(path)
	if model.CodeOf(err) == model.CodeKeyMissing {
		switch {
		case !fresh:
			return nil, model.Errorf(model.CodeKeyMissing, "the key file %s is missing, and this store was made with it: restore it, or name it in ROLEGATE_KEY_FILE", path)
		case a.Config.DatabaseURL != "":
			return nil, model.Errorf(model.CodeKeyMissing, "the key file %s is missing: make it once with `rolegate keys init`, and give every replica the same file", path)
		}
		kek, err = keyring.CreateFile(path)
	}
	if err != nil {
		return nil, err
	}
	if fresh {
		if err := a.Store.InsertMeta(ctx, keyCheckName, kek.Check()); err != nil && !errors.Is(err, store.ErrExists) {
			return nil, err
		}
		if check, err = a.Store.MetaValue(ctx, keyCheckName); err != nil { // another replica may have been first
			return nil, err
		}
	}
	keys, err := a.encryptionKeys(ctx, check)
	if err != nil {
		return nil, err
	}
	return kek, a.fits(kek, keys)
}

// encryptionKeys lists the keys of the store, the one that seals first. A store
// that has only the first key's check value has been sealed with that one.
func (a *App) encryptionKeys(ctx context.Context, first []byte) ([]store.EncryptionKey, error) {
	keys, err := a.Store.ListEncryptionKeys(ctx)
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	err = a.Store.InsertEncryptionKey(ctx, store.EncryptionKey{Check: first, SealsFrom: a.now()})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	return a.Store.ListEncryptionKeys(ctx)
}

// fits has the right key seal, if the file has all that are needed.
func (a *App) fits(kek *keyring.KEK, keys []store.EncryptionKey) error {
	path := a.Config.KeyFile
	if !slices.ContainsFunc(keys, func(k store.EncryptionKey) bool { return kek.Knows(k.Check) }) {
		return model.Errorf(model.CodeKeyWrong, "the key in %s is not the one this store was made with; name the right one in ROLEGATE_KEY_FILE", path)
	}
	for _, k := range keys {
		if k.DroppedAt.IsZero() && !kek.Knows(k.Check) {
			return model.Errorf(model.CodeKeyWrong, "the key file %s has not the key %s, which this store uses; copy the file from another replica, or restore it", path, keyID(k.Check))
		}
	}
	if !kek.Use(keys[0].Check) {
		return model.Errorf(model.CodeKeyWrong, "the key file %s has not the key %s, which seals", path, keyID(keys[0].Check))
	}
	return nil
}

// openMACRoot reads the root of what KEK.MAC computes, or makes it. It is the
// same on all replicas and outlives every key-encryption key.
func (a *App) openMACRoot(ctx context.Context) error {
	place := metaPlace(macRootName)
	sealed, err := a.Store.MetaValue(ctx, macRootName)
	if errors.Is(err, store.ErrNotFound) {
		root := make([]byte, keyring.MACRootSize)
		rand.Read(root)
		if sealed, err = a.kek.Seal(root, place); err != nil {
			return err
		}
		err = a.Store.InsertMeta(ctx, macRootName, sealed)
		if err == nil || errors.Is(err, store.ErrExists) {
			sealed, err = a.Store.MetaValue(ctx, macRootName) // another process may have been first
		}
	}
	if err != nil {
		return err
	}
	root, err := a.kek.Open(sealed, place)
	if err != nil {
		return fmt.Errorf("%s: %w", macRootName, err)
	}
	return a.kek.UseMACRoot(root)
}

// metaPlace is what a row of either meta table is sealed to.
func metaPlace(name string) keyring.Place {
	return keyring.Place{Table: "meta", Row: name, Column: "value"}
}

// keepKeysEvery goes on until ctx ends.
func (a *App) keepKeysEvery(ctx context.Context) {
	ticker := time.NewTicker(keepKeysPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := a.KeepKeys(ctx); err != nil && ctx.Err() == nil {
				a.Logger.Error("look after the keys", "error", err)
			}
		}
	}
}

// KeepKeys takes over what has changed in the key file, says what is in it, seals
// with the key the store names, and does what is due of the signing keys. Serve
// calls it every ten seconds.
func (a *App) KeepKeys(ctx context.Context) error {
	var errs []error
	if file, err := keyring.ReadFile(a.Config.KeyFile); err == nil {
		a.kek.Adopt(file)
	} else { // what was read at the start goes on
		errs = append(errs, err)
	}
	errs = append(errs, a.tellKeys(ctx), a.followKEK(ctx), a.Login.Keys.Maintain(ctx))
	return errors.Join(errs...)
}

// tellKeys comes before followKEK: either whoever changes the key sees that this
// process has it not, or this process sees that it was changed.
func (a *App) tellKeys(ctx context.Context) error {
	host, _ := os.Hostname()
	h := store.KeyHolder{Process: a.process, Host: host, SeenAt: a.now()}
	for _, check := range a.kek.Checks() {
		h.Checks = append(h.Checks, fmt.Sprintf("%x", check))
	}
	return errors.Join(a.Store.HoldKeys(ctx, h), a.Store.LeaveKeys(ctx, "", a.now().Add(-5*holderGone)))
}

func (a *App) followKEK(ctx context.Context) error {
	keys, err := a.Store.ListEncryptionKeys(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	known := a.kek.Use(keys[0].Check)
	a.unkeyed.Store(!known)
	if !known {
		return model.Errorf(model.CodeKeyMissing, "the key file %s has not the key %s, which seals now", a.Config.KeyFile, keyID(keys[0].Check))
	}
	return nil
}

// leaveKeys says that this process ends.
func (a *App) leaveKeys(ctx context.Context) error {
	return a.Store.LeaveKeys(ctx, a.process, time.Time{})
}

// keyID is how people name a key-encryption key.
func keyID(check []byte) string { return fmt.Sprintf("%x", keyring.IDOf(check)) }

// checkPrivate refuses a file with a private key that everybody may read.
func checkPrivate(setting, path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o007 == 0 {
		return nil // whether it can be read is for whoever reads it
	}
	return settingError("%s: %s can be read by everybody (mode %04o); run \"chmod o-rwx %s\"", setting, path, info.Mode().Perm(), path)
}
