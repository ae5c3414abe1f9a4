package filter_test

import (
	"database/sql"
	"math"
	"testing"

	_ "modernc.org/sqlite"

	"rolegate/api/filter"
)

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/hostile.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// anything is what a column of SQLite may hold although it is declared otherwise.
func anything(cells []cell) []cell {
	return append(cells, cell{[]byte("a"), other{}}, cell{[]byte{}, other{}})
}

func TestSQLite(t *testing.T) {
	intNumbers := append(asNumbers(), cell{2.5, 2.5}, cell{"x", other{}}, cell{math.Inf(1), other{}})
	intStrings := append(asStrings(), cell{2.5, other{}}, cell{"x", other{}})
	floats := append(same(doubles...), cell{math.Inf(1), other{}}, cell{math.Inf(-1), other{}}, cell{"1", other{}}, cell{int64(7), 7.0})
	raw := anything(append(textCells(hostile...), cell{}, cell{int64(10), other{}}, cell{1.5, other{}}))
	uuid := uuidColumn("uuid", "blob", uuidBytes)
	uuid.cells = append(uuid.cells, cell{[]byte("short"), other{}}, cell{uuids[0], other{}}, cell{"0123456789abcdef", other{}})

	columns := []column{
		textColumn("txt", "TEXT", hostile...),
		textColumn("nocase", "TEXT COLLATE NOCASE", hostile...),
		textColumn("rtrim", "TEXT COLLATE RTRIM", hostile...),
		textColumn("txi", "INTEGER", "a", "A", "abc", "!", "user:1", "1a"),
		{field: "raw", Column: name("raw", filter.Text), types: str, any: true, cells: raw},
		clockColumn("clock", "TEXT"),
		numberColumn("int_n", "INTEGER", filter.Int, intNumbers),
		{field: "int_s", ddl: "INTEGER", Column: name("int_s", filter.Int), types: str, cells: intStrings},
		numberColumn("flt", "", filter.Float, floats),
		numberColumn("deci", "", filter.Decimal, floats),
		uuid,
		{field: "flag", Column: name("flag", filter.Boolean), types: bln, any: true,
			cells: []cell{{}, {int64(0), false}, {int64(1), true}, {int64(2), other{}}, {int64(-1), other{}}, {1.0, other{}}, {"1", other{}}, {"true", other{}}}},
		{field: "shares", ddl: "TEXT", Column: name("shares", filter.JSON), share: true, list: true,
			cells: append(jsonCells(append(shareLists, notJSON...)...), stored(twice...)...)},
	}
	columns = append(columns, countColumns()...)
	columns = append(columns, jsonColumns("TEXT", "", anything(jsonCells(append(lists, append(notJSON, withNUL...)...)...)))...)
	sides := sideTables("TEXT", "REAL", true)
	columns = append(columns, joinColumns(sides)...)
	tab := fill(t, openSQLite(t), filter.SQLite, "", columns, sides)
	tab.sweep(t)
	tab.lookUp(t, "CREATE INDEX t_%[1]s ON t (%[1]s)")
	tab.agree(t)
}

// stored are cells that say nothing.
func stored(texts ...string) (cells []cell) {
	for _, s := range texts {
		cells = append(cells, cell{s, other{}})
	}
	return cells
}
