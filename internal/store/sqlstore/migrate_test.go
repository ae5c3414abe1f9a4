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
	openers(t, func(t *testing.T, open func() (*DB, error), _ func() (*Keystore, error)) {
		ctx := t.Context()
		db, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.InsertTenant(ctx, model.Tenant{ID: "t", Ref: []byte("r")}); err != nil {
			t.Fatal(err)
		}
		for _, back := range []string{
			`ALTER TABLE totp_devices DROP COLUMN drift`,
			`ALTER TABLE totp_devices DROP COLUMN told_step`,
			`ALTER TABLE totp_devices DROP COLUMN used_at`,
			`DROP TABLE installation`,
			`DROP TABLE key_encryption_keys`,
			`DROP TABLE key_holders`,
			`ALTER TABLE signing_keys DROP COLUMN not_before`,
			`ALTER TABLE signing_keys DROP COLUMN revoked_at`,
			`DROP TABLE throttle_counters`,
			`DROP TABLE known_devices`,
			`DROP TABLE chores`, // 0005
			`DROP TABLE login_history`,
			`DROP INDEX refresh_tokens_successor`,
			`ALTER TABLE refresh_tokens DROP COLUMN successor`,
			`DROP INDEX sessions_ended`,
			`DROP INDEX sessions_expiry`,
			`ALTER TABLE sessions DROP COLUMN agent`,
			`ALTER TABLE sessions DROP COLUMN network`,
			`ALTER TABLE sessions DROP COLUMN epoch`,
			`ALTER TABLE users DROP COLUMN epoch`,
			`DROP TABLE office_requests`,
			`ALTER TABLE audit_head DROP COLUMN tree_size`, // 0011
			`ALTER TABLE audit_head DROP COLUMN frontier`,
			`DROP TABLE audit_checkpoints`,
			`DROP TABLE audit_tiles`,
			`DROP TABLE audit_tags`,
			`DROP TABLE audit_jobs`,
			`DROP TABLE audit_summaries`, // 0015
			`DROP TABLE spent`,
			`ALTER TABLE clients DROP COLUMN public_key`,
			`DROP INDEX audit_sources_held`, // 0003
			`ALTER TABLE audit_sources DROP COLUMN held_until`,
			`DROP INDEX users_disabled`,
			`ALTER TABLE tenants DROP COLUMN changes_from`,
			`DROP TABLE changes`,
			`DELETE FROM schema_version WHERE version_id > 1`,
			`UPDATE tenants SET revision = 7, snapshot_revision = 5`,
		} {
			if _, err := db.write.Exec(back); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		db, err = open()
		opened(t, db, err)
		for after, want := range map[int64]bool{5: false, 6: false, 7: true} {
			if _, complete, err := db.ChangesSince(ctx, "t", after, 10); complete != want || err != nil {
				t.Errorf("complete after %d: %v, %v", after, complete, err)
			}
		}
	})
}
