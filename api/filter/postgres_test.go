package filter_test

import (
	"database/sql"
	"math"
	"net/url"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"rolegate/api/filter"
	"rolegate/internal/testkit/pgtest"
)

// openPostgreSQL gives a database with some settings off, and jit.
func openPostgreSQL(t testing.TB, off ...string) *sql.DB {
	t.Helper()
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("jit", "off") // which compiles for a second what runs for a millisecond
	for _, s := range off {
		q.Set(s, "off")
	}
	u.RawQuery = q.Encode()
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// array is a column of an array, given in PostgreSQL's own spelling.
func array(field, of string, elem filter.ColumnType, types []filter.Type, cells ...cell) column {
	c := column{field: field, ddl: of + "[]", put: "CAST(CAST(? AS text) AS " + of + "[])", Column: name(field, filter.Array), types: types, list: true, cells: append(cells, cell{})}
	c.Elem, c.any = elem, elem != filter.Int
	return c
}

func l(values ...any) []any { return append([]any{}, values...) }

func TestPostgreSQL(t *testing.T) {
	texts := withoutNUL()
	floats := append(same(doubles...), cell{math.Inf(1), other{}}, cell{math.Inf(-1), other{}}, cell{math.NaN(), other{}})
	decimals := []cell{{"1e400", other{}}, {"-1e400", other{}}, {"NaN", other{}}, {"1e-400", 0.0}, {"-1e-330", 0.0}, {"0.1", 0.1}, {"0.10000000000000000555", 0.1}, {"2.50", 2.5},
		{"9007199254740993", 9007199254740992.0}, {"1.7976931348623158080e308", other{}},
		{"1.7976931348623157081e308", math.MaxFloat64}, {"0.30000000000000004", 0.30000000000000004}, {"123456789.123456789", 123456789.123456789}, {"0", 0.0}, {nil, nil}}
	stamps := stampColumn("stamp", "timestamptz", filter.Timestamp, "CAST(CAST(? AS text) AS timestamptz)", func(t time.Time) string { return t.Format(time.RFC3339Nano) })
	stamps.cells = append(stamps.cells, cell{"infinity", other{}}, cell{"-infinity", other{}}, cell{"10000-01-01 00:00:00+00", other{}}, cell{"0002-01-01 00:00:00+00 BC", other{}}, cell{"0001-01-01 00:00:00+00 BC", "0000-01-01T00:00:00Z"})
	plain := stampColumn("plain", "timestamp", filter.TimestampUTC, "CAST(CAST(? AS text) AS timestamp)", func(t time.Time) string { return t.Format("2006-01-02 15:04:05.999999") })
	plain.cells = append(plain.cells, cell{"infinity", other{}}, cell{"-infinity", other{}}, cell{"10000-01-01 00:00:00", other{}}, cell{"0002-01-01 00:00:00 BC", other{}})

	columns := []column{
		textColumn("txt", "text", texts...),
		textColumn("vary", "varchar(1000)", texts...),
		textColumn("folded", "text COLLATE folded", texts...),
		clockColumn("clock", "text"),
		numberColumn("int_n", "bigint", filter.Int, asNumbers()),
		numberColumn("small", "smallint", filter.Int, []cell{{}, {int64(0), 0.0}, {int64(9), 9.0}, {int64(10), 10.0}, {int64(-2), -2.0}}),
		{field: "int_s", ddl: "bigint", Column: name("int_s", filter.Int), types: str, cells: asStrings()},
		numberColumn("flt", "double precision", filter.Float, floats),
		{field: "deci", ddl: "numeric", put: "CAST(CAST(? AS text) AS numeric)", Column: name("deci", filter.Decimal), types: num, any: true, cells: decimals},
		uuidColumn("uuid", "uuid", func(s string) any { return s }),
		{field: "flag", ddl: "boolean", Column: name("flag", filter.Boolean), types: bln, any: true, cells: same(true, false)},
		stamps, plain,
		{field: "shares", ddl: "jsonb", Column: name("shares", filter.JSON), share: true, list: true, cells: jsonCells(append(shareLists, twice...)...)},
		array("a_txt", "text", filter.Text, str, cell{"{}", l()}, cell{"{a}", l("a")}, cell{"{A,\"a \",%}", l("A", "a ", "%")}, cell{"{a,NULL}", l("a", nil)}, cell{"{NULL}", l(nil)},
			cell{"{{a,b},{c,d}}", l(l("a", "b"), l("c", "d"))}, cell{"{user:bob,user:}", l("user:bob", "user:")}, cell{`{"\\","'","\"",é,😀,"",b,b}`, l("\\", "'", "\"", "é", "😀", "", "b", "b")}, cell{"[5:6]={a,b}", l("a", "b")}),
		array("a_int", "bigint", filter.Int, str, cell{"{}", l()}, cell{"{17}", l("17")}, cell{"{17,9007199254740993}", l("17", "9007199254740993")}, cell{"{17,NULL}", l("17", nil)}),
		array("a_num", "bigint", filter.Int, num, cell{"{}", l()}, cell{"{17}", l(17.0)}, cell{"{17,9007199254740993}", l(17.0, 9007199254740992.0)}, cell{"{17,NULL}", l(17.0, nil)}),
		array("a_flt", "double precision", filter.Float, num, cell{"{}", l()}, cell{"{0.1,2.5}", l(0.1, 2.5)}, cell{"{0.1,NaN}", l(0.1, other{})}, cell{"{0.1,Infinity}", l(0.1, other{})}),
		array("a_dec", "numeric", filter.Decimal, num, cell{"{}", l()}, cell{"{0.1,2.5}", l(0.1, 2.5)}, cell{"{0.1,NaN}", l(0.1, other{})}, cell{"{1e400}", l(other{})}),
		array("a_uuid", "uuid", filter.UUID, str, cell{"{}", l()}, cell{"{" + uuids[0] + "," + uuids[1] + "}", l(uuids[0], uuids[1])}, cell{"{" + uuids[2] + ",NULL}", l(uuids[2], nil)}),
		array("a_bool", "boolean", filter.Boolean, bln, cell{"{}", l()}, cell{"{t,f}", l(true, false)}, cell{"{t}", l(true)}, cell{"{t,NULL}", l(true, nil)}),
	}
	columns = append(columns, countColumns()...)
	columns = append(columns, jsonColumns("jsonb", "", jsonCells(append(lists, `[1e400]`)...))...)
	sides := sideTables("text", "double precision", false)
	columns = append(columns, joinColumns(sides)...)

	db := openPostgreSQL(t, "enable_seqscan") // however small the table
	exec(t, db, "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
	tab := fill(t, db, filter.PostgreSQL, "", columns, sides)
	tab.sweep(t)
	tab.lookUp(t, "CREATE INDEX t_%[1]s ON t (%[1]s)")
	tab.agree(t)
}
