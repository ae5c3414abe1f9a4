package audit_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
)

// mute is a keystore that, once it hangs, answers nothing about persons.
type mute struct {
	store.Keystore
	hangs bool
}

func (m *mute) PersonKey(ctx context.Context, index []byte) (store.PersonKey, error) {
	if m.hangs {
		<-ctx.Done()
		return store.PersonKey{}, ctx.Err()
	}
	return m.Keystore.PersonKey(ctx, index)
}

// A keystore that hangs is an outage of the log like any other: refused in time.
func TestKeystoreHangs(t *testing.T) {
	st := mustSQLite(t)
	f := newFixture(t, st)
	kek, err := keyring.CreateFile(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := &mute{Keystore: mustKeystore(t)}
	log, err := audit.Open(f.ctx, st, keys, kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.Background())
	keys.hangs = true
	ctx, cancel := context.WithTimeout(f.ctx, 10*audit.Timeout) // a request has longer than the log may take
	defer cancel()
	for name, appends := range map[string]func(audit.Entry) error{
		"Append":         func(e audit.Entry) error { return log.Append(ctx, e) },
		"AppendDecision": func(e audit.Entry) error { return log.AppendDecision(ctx, e) },
		"AppendIn": func(e audit.Entry) error {
			return st.InTx(ctx, func(tx store.Tx) error { return log.AppendIn(ctx, tx, e) })
		},
	} {
		began := time.Now()
		wantUnavailable(t, name, appends(about(1)))
		if took := time.Since(began); took > audit.Timeout+time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
	keys.hangs = false
	if err := log.Append(f.ctx, about(1)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func mustKeystore(t *testing.T) store.Keystore {
	t.Helper()
	keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	return keys
}
