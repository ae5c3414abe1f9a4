package testkit

import (
	"database/sql"
	"testing"
)

// Unguard takes away the triggers that keep a log as it is, where they are still
// there, as whoever owns the database could, for tests that tamper with it.
func Unguard(t testing.TB, db *sql.DB) {
	t.Helper()
	rows, err := db.Query(`SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit\_%' ESCAPE '\'`)
	if err != nil { // PostgreSQL
		rows, err = db.Query(`SELECT 'DROP TRIGGER ' || tgname || ' ON ' || tgrelid::regclass FROM pg_trigger
			WHERE tgfoid = 'audit_refuse'::regproc`)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
