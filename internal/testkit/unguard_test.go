package testkit_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
)

func TestUnguard(t *testing.T) {
	path, url := filepath.Join(t.TempDir(), "rolegate.db"), pgtest.URL(t)
	for driver, open := range map[string]func() (*sqlstore.DB, error){
		"sqlite": func() (*sqlstore.DB, error) { return sqlstore.OpenSQLite(t.Context(), path) },
		"pgx":    func() (*sqlstore.DB, error) { return sqlstore.OpenPostgres(t.Context(), url) },
	} {
		st, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		db, err := sql.Open(driver, map[string]string{"sqlite": path, "pgx": url}[driver])
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`DELETE FROM audit_head`); err == nil {
			t.Errorf("%s: there was no guard", driver)
		}
		testkit.Unguard(t, db)
		for _, s := range []string{`DELETE FROM audit_head`, `DELETE FROM audit_entries`, `UPDATE audit_sealed SET seg = 1`} {
			if _, err := db.Exec(s); err != nil {
				t.Errorf("%s: %s: %v", driver, s, err)
			}
		}
	}
}
