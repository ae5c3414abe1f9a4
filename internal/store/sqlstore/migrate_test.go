package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// openers are the ways to open one database again and again.
func openers(t *testing.T, test func(t *testing.T, open func() (*DB, error), openKeystore func() (*Keystore, error))) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "rolegate.db")
		test(t, func() (*DB, error) { return OpenSQLite(t.Context(), path) },
			func() (*Keystore, error) { return OpenKeystoreSQLite(t.Context(), path) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		test(t, func() (*DB, error) { return OpenPostgres(t.Context(), url) },
			func() (*Keystore, error) { return OpenKeystorePostgres(t.Context(), url) })
	})
}

func TestMigrateTwiceKeepsData(t *testing.T) {
	openers(t, func(t *testing.T, open func() (*DB, error), _ func() (*Keystore, error)) {
		db, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.InsertMeta(t.Context(), "k", []byte("v")); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		db, err = open()
		opened(t, db, err)
		if v, err := db.MetaValue(t.Context(), "k"); string(v) != "v" || err != nil {
			t.Errorf("MetaValue = %q, %v", v, err)
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	openers(t, func(t *testing.T, open func() (*DB, error), _ func() (*Keystore, error)) {
		db, err := open()
		opened(t, db, err)
		if _, err := db.write.Exec(`INSERT INTO schema_version (version_id, is_applied) VALUES (99, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_, err = open()
		wantCode(t, err, model.CodeStoreUnavailable)
		for _, want := range []string{"newer Rolegate", "version 99"} {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	})
}

func TestKeystoreAndMainDatabaseMustBeTwo(t *testing.T) {
	openers(t, func(t *testing.T, open func() (*DB, error), openKeystore func() (*Keystore, error)) {
		db, err := open()
		opened(t, db, err)
		_, err = openKeystore()
		wantCode(t, err, model.CodeSettingInvalid)
	})
	openers(t, func(t *testing.T, open func() (*DB, error), openKeystore func() (*Keystore, error)) {
		k, err := openKeystore()
		opened(t, k, err)
		_, err = open()
		wantCode(t, err, model.CodeSettingInvalid)
	})
}

func TestReplicasMigrateAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			db, err := OpenPostgres(t.Context(), url)
			if err == nil {
				err = errors.Join(db.Ping(t.Context()), db.Close())
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestMigratingPrintsNothing(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = out, out
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	mustSQLite(t)
	if text, _ := os.ReadFile(out.Name()); len(text) > 0 {
		t.Errorf("printed %q", text)
	}
}

func wantCode(t *testing.T, err error, want model.Code) {
	t.Helper()
	if got := model.CodeOf(err); got != want {
		t.Errorf("got error %v (code %s), want code %s", err, got, want)
	}
}

// A database from before the history of changes has none until its tenants'
// revisions of that day.
func TestChangesBeginWithTheirMigration(t *testing.T) {
	upgrades(t, 1, func(t *testing.T, write func(string), open func() *DB) {
		write(written[0])
		db := open()
		for after, want := range map[int64]bool{5: false, 6: false, 7: true} {
			if _, complete, err := db.ChangesSince(t.Context(), "t", after, 10); complete != want || err != nil {
				t.Errorf("complete after %d: %v, %v", after, complete, err)
			}
		}
	})
}
