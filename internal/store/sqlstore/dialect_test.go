package sqlstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

func both(t *testing.T, test func(t *testing.T, db *DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, mustSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, mustPostgres(t, pgtest.URL(t))) })
}

func TestDialect(t *testing.T) {
	both(t, func(t *testing.T, db *DB) {
		if got := string(db.Dialect()); !strings.HasSuffix(t.Name(), got) {
			t.Errorf("Dialect() = %q", got)
		}
	})
}

// SQLite by itself would store any of these.
func TestColumnsHoldTheirType(t *testing.T) {
	both(t, func(t *testing.T, db *DB) {
		for _, statement := range []string{
			`UPDATE audit_head SET size = 'abc'`,
			`INSERT INTO meta (key, value) VALUES ('k', 1)`,
			`INSERT INTO meta (key, value) VALUES (NULL, '')`,
			`INSERT INTO audit_head (id, size) VALUES (2, 0)`,
			`INSERT INTO subjects VALUES ('t', 'role', 'x', '', '', '', '', '', '', '')`,
		} {
			if _, err := db.write.Exec(statement); err == nil {
				t.Errorf("%s: was taken", statement)
			}
		}
	})
}

func TestDeletingATenantTakesAllThatIsItsOwn(t *testing.T) {
	both(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		for _, tenant := range []string{"a", "b"} {
			fill(t, db, tenant)
		}
		if _, err := db.write.Exec(`DELETE FROM tenants WHERE id = 'a'`); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"subjects", "teams", "units", "territories", "roles", "assignments", "resources", "users",
			"invites", "tickets", "totp_devices", "recovery_codes", "sessions", "refresh_tokens", "clients", "policies"} {
			var n int
			if err := db.read.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 1 {
				t.Errorf("%s: %d rows, %v; want the other tenant's one", table, n, err)
			}
		}
		if n, err := db.LogSize(ctx); n != 2 || err != nil {
			t.Errorf("LogSize = %d, %v; want 2", n, err)
		}
	})
}

// fill gives a tenant one of everything.
func fill(t *testing.T, db *DB, tenant string) {
	t.Helper()
	ctx := t.Context()
	now := time.Now()
	h := []byte(tenant)
	err := db.InTx(ctx, func(tx store.Tx) error {
		for i, err := range []error{
			tx.InsertTenant(ctx, model.Tenant{ID: tenant, Ref: h}),
			tx.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: "u"}),
			tx.PutTeam(ctx, tenant, model.Team{ID: "x"}),
			tx.PutUnit(ctx, tenant, model.Unit{ID: "x"}),
			tx.PutTerritory(ctx, tenant, model.Territory{ID: "x"}),
			tx.EnsureRole(ctx, tenant, "r"),
			tx.PutAssignment(ctx, tenant, model.Assignment{Member: "user:u", Role: "r"}),
			tx.PutResource(ctx, tenant, model.Resource{Type: "x", ID: "x"}),
			tx.InsertUser(ctx, model.User{Tenant: tenant, ID: "u", UsernameKey: "u"}),
			tx.InsertInvite(ctx, store.Invite{Hash: h, Tenant: tenant, User: "u"}),
			tx.InsertTicket(ctx, store.Ticket{Hash: h, Tenant: tenant, User: "u"}),
			tx.InsertDevice(ctx, store.Device{ID: tenant, Tenant: tenant, User: "u"}),
			tx.ReplaceRecoveryCodes(ctx, tenant, "u", []store.RecoveryCode{{Selector: "x"}}),
			tx.InsertSession(ctx, store.Session{ID: tenant, Tenant: tenant, User: "u"}),
			tx.InsertRefreshToken(ctx, store.RefreshToken{Hash: h, Session: tenant, ExpiresAt: now}),
			tx.InsertClient(ctx, model.Client{ID: tenant, Tenant: tenant}),
			tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: tenant, Revision: 1}),
		} {
			if err != nil {
				return fmt.Errorf("insert %d: %w", i, err)
			}
		}
		_, err := tx.AppendEntries(ctx, []store.Entry{{Leaf: h, Sealed: []store.Segment{{Ref: h}}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSQLiteFilesAreTheOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%41&e=中.db")
	db, err := OpenSQLite(t.Context(), path)
	opened(t, db, err)
	if err := db.InsertMeta(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.MetaValue(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", suffix, info.Mode())
		}
	}
}

func TestSQLitePragmas(t *testing.T) {
	db := mustSQLite(t)
	for pragma, want := range map[string]string{"foreign_keys": "1", "journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "secure_delete": "1", "temp_store": "2", "wal_autocheckpoint": "4000"} {
		var got string
		if err := db.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	var cache int
	if err := db.read.QueryRow(`PRAGMA cache_size`).Scan(&cache); err != nil || cache != -512 {
		t.Errorf("a reader keeps %d, %v; want -512, in KiB", cache, err)
	}
	if _, err := db.read.Exec(`DELETE FROM meta`); err == nil {
		t.Error("the readers' connections can write")
	}
}

func TestPostgresConfig(t *testing.T) {
	cfg, err := postgresConfig("postgres://u:p@h/db?statement_timeout=1min", settingURL)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.ConnectTimeout != 5*time.Second {
		t.Errorf("ConnectTimeout = %v", cfg.ConnectTimeout)
	}
	for k, want := range map[string]string{"application_name": "rolegate", "statement_timeout": "1min", "lock_timeout": "10s"} {
		if got := cfg.RuntimeParams[k]; got != want {
			t.Errorf("%s = %q, want %q", k, got, want)
		}
	}
	for _, bad := range []string{"postgres://u:hunter2@h:port/db", "postgres://u:hunter2@%zz/", "\x00hunter2", "postgres://u:hunter2@h/db?connect_timeout=x"} {
		_, err := OpenPostgres(t.Context(), bad)
		wantCode(t, err, model.CodeSettingInvalid)
		if err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "ROLEGATE_DATABASE_URL")) {
			t.Errorf("%q names the password, or not the setting", err)
		}
	}
}
