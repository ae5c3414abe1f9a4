package filter_test

import (
	"testing"
	"time"

	"rolegate/api/filter"
	"rolegate/internal/testkit/mariatest"
)

func TestMySQL(t *testing.T) {
	dates := stampColumn("stamp", "datetime(6)", filter.TimestampUTC, "", func(t time.Time) string { return t.Format("2006-01-02 15:04:05.999999") })
	dates.cells = append(dates.cells, cell{"0000-00-00 00:00:00", other{}}, cell{"2026-00-01 00:00:00", other{}}, cell{"2026-01-00 00:00:00", other{}})
	seconds := column{field: "seconds", ddl: "datetime", Column: name("seconds", filter.TimestampUTC), types: when,
		cells: []cell{{}, {"2026-01-01 00:00:00", "2026-01-01T00:00:00Z"}, {"2026-01-01 00:00:01", "2026-01-01T00:00:01Z"}}}
	indexed := textColumn("ci", "varchar(1000) COLLATE utf8mb4_general_ci", hostile...)
	indexed.Collation = "utf8mb4_general_ci"
	var decimals []cell
	for _, c := range []struct {
		stored string
		sent   float64
	}{{"0", 0}, {"0.1", 0.1}, {"0.30000000000000004", 0.30000000000000004}, {"2.5", 2.5}, {"-2.5", -2.5}, {"9007199254740993", 9007199254740992}, {"9007199254740991", 1<<53 - 1}, {"123456789.123456789", 123456789.123456789}} {
		decimals = append(decimals, cell{c.stored, c.sent})
	}

	columns := []column{
		indexed,
		textColumn("uca", "varchar(1000) COLLATE utf8mb4_unicode_ci", hostile...),
		textColumn("bin", "varchar(1000) COLLATE utf8mb4_bin", hostile...),
		textColumn("nopad", "text COLLATE utf8mb4_unicode_nopad_ci", hostile...),
		textColumn("latin", "varchar(1000) CHARACTER SET latin1", latin()...),
		textColumn("ascii", "varchar(1000) CHARACTER SET ascii COLLATE ascii_general_ci", ascii()...),
		clockColumn("clock", "varchar(100)"),
		numberColumn("int_n", "bigint", filter.Int, asNumbers()),
		numberColumn("big", "bigint unsigned", filter.Int, []cell{{}, {"0", 0.0}, {"17", 17.0}, {"9007199254740993", 9007199254740992.0}, {"18446744073709551615", 18446744073709551616.0}, {"9223372036854775808", 9223372036854775808.0}}),
		{field: "big_s", ddl: "bigint unsigned", Column: name("big_s", filter.Int), types: str, cells: append(same(unsigned...), cell{"0", "0"}, cell{"17", "17"})},
		{field: "int_s", ddl: "bigint", Column: name("int_s", filter.Int), types: str, cells: asStrings()},
		numberColumn("flt", "double", filter.Float, same(doubles...)),
		numberColumn("deci", "decimal(60,20)", filter.Decimal, append(decimals, cell{})),
		uuidColumn("uuid", "binary(16)", uuidBytes),
		{field: "flag", ddl: "tinyint(1)", Column: name("flag", filter.Boolean), types: bln, any: true, cells: []cell{{}, {int64(0), false}, {int64(1), true}, {int64(2), other{}}, {int64(-1), other{}}}},
		dates, seconds,
		{field: "shares", ddl: "json", Column: name("shares", filter.JSON), share: true, list: true, cells: append(jsonCells(shareLists...), stored(twice...)...)},
		{field: "loose", ddl: "text", Column: name("loose", filter.JSON), share: true, list: true, cells: jsonCells(append(shareLists, notJSON...)...)},
	}
	columns = append(columns, countColumns()...)
	columns = append(columns, jsonColumns("longtext", "", jsonCells(append(lists, append(notJSON, withNUL...)...)...))...)
	sides := sideTables("varchar(100)", "double", true)
	columns = append(columns, joinColumns(sides)...)

	db := mariatest.Open(t)
	db.SetMaxOpenConns(1)
	exec(t, db, "SET sql_mode = ''") // so that a date may be none
	tab := fill(t, db, filter.MySQL, "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", columns, sides)
	tab.sweep(t)
	tab.lookUp(t, "CREATE INDEX t_%[1]s ON t (%[1]s(255))")
	for _, mode := range []string{"", "ANSI,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH"} {
		exec(t, db, "SET sql_mode = '"+mode+"'")
		tab.agree(t)
	}
}
