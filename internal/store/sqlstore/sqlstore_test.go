package sqlstore

import (
	"path/filepath"
	"testing"

	"rolegate/internal/store"
	"rolegate/internal/store/storetest"
	"rolegate/internal/testkit/pgtest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return mustSQLite(t) })
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return mustPostgres(t, pgtest.URL(t)) })
}

func TestKeystoreSQLite(t *testing.T) {
	storetest.RunKeystore(t, func(t *testing.T) store.Keystore {
		k, err := OpenKeystoreSQLite(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
		return opened(t, k, err)
	})
}

func TestKeystorePostgres(t *testing.T) {
	storetest.RunKeystore(t, func(t *testing.T) store.Keystore {
		k, err := OpenKeystorePostgres(t.Context(), pgtest.URL(t))
		return opened(t, k, err)
	})
}

func mustSQLite(t *testing.T) *DB {
	t.Helper()
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "rolegate.db"))
	return opened(t, db, err)
}

func mustPostgres(t *testing.T, url string) *DB {
	t.Helper()
	db, err := OpenPostgres(t.Context(), url)
	return opened(t, db, err)
}

func opened[T interface{ Close() error }](t *testing.T, db T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
