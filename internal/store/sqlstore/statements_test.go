package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"testing"
)

// Statements are compiled once and run again, nested, on a changed schema and after
// an error as if they had been compiled anew; and not too many are kept.
func TestStatementsAreKept(t *testing.T) {
	ctx := t.Context()
	db, err := openSQLitePool(sqliteDSN(filepath.Join(t.TempDir(), "x.db"), ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := one.ExecContext(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() (texts map[string]sqliteStmt) {
		t.Helper()
		err := one.Raw(func(c any) error { texts = c.(*keepingConn).kept; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return texts
	}
	exec(`CREATE TABLE t (a INTEGER PRIMARY KEY)`)
	const insert = `INSERT INTO t (a) VALUES ($1)`
	for i := range 3 {
		exec(insert, i)
	}
	compiled := kept()[insert]
	exec(insert, 3)
	if compiled == nil || kept()[insert] != compiled {
		t.Error("the same text was compiled twice")
	}
	if _, err := one.ExecContext(ctx, insert, 3); err == nil {
		t.Fatal("a key is there twice")
	}
	if _, still := kept()[insert]; still {
		t.Error("a statement that failed is kept")
	}
	exec(insert, 4)

	const list = `SELECT * FROM t ORDER BY a`
	count := func(depth int) (n int) {
		var read func(depth int)
		read = func(depth int) {
			rows, err := one.QueryContext(ctx, list)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				if n++; depth > 0 {
					read(depth - 1)
				}
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		}
		read(depth)
		return n
	}
	if n := count(1); n != 5+5*5 {
		t.Errorf("%d rows were read, want 30", n)
	}
	exec(`ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7`)
	rows, err := one.QueryContext(ctx, list)
	if err != nil {
		t.Fatal(err)
	}
	if columns, err := rows.Columns(); err != nil || len(columns) != 2 {
		t.Errorf("columns after a change of the schema: %v, %v", columns, err)
	}
	rows.Close()

	for i := range maxStatements + 10 {
		exec(fmt.Sprint(`DELETE FROM t WHERE a = -`, i+1))
	}
	if n := len(kept()); n != maxStatements {
		t.Errorf("%d statements are kept, want %d", n, maxStatements)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := one.ExecContext(gone, insert, 9); err == nil {
		t.Error("a statement ran for a caller that has gone")
	}
	if _, ok := any(&keepingConn{}).(driver.QueryerContext); !ok || count(0) != 5 {
		t.Error("the connection is not what it was")
	}
}
