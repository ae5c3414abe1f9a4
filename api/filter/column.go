package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Dialect is the SQL of a database.
type Dialect string

const (
	SQLite     Dialect = "sqlite"   // 3.38 or newer (3.41 for UUID), a database in UTF-8
	PostgreSQL Dialect = "postgres" // 14 or newer, a database in UTF8
	MySQL      Dialect = "mysql"    // MySQL 8.0.17 or newer; MariaDB 10.6 or newer
)

// ColumnType says what a column holds, and with it what the CRM's backend sends
// for it when it asks about a single record. A row and what is sent for it must
// say the same, or check and filter part.
type ColumnType string

const (
	// Text is sent as a string. PostgreSQL: text or varchar, not char(n). MySQL: a
	// character column of any character set and collation. SQLite: what is stored
	// as text, in UTF-8; anything else in the column is absent. A field of type Time
	// is read from it as RFC 3339, row by row, without an index.
	Text ColumnType = "text"

	// Int is sent as a string of decimal digits where the field is a String (an id,
	// say), as a number where it is a Number. An integer of up to 64 bits; not
	// ZEROFILL. Two fields without a declared type it cannot compare.
	Int ColumnType = "int"

	// Float is sent as a number: double precision, DOUBLE, or REAL on SQLite. Not
	// single precision: its 0.1 is not what is sent. NaN and infinities are absent.
	Float ColumnType = "float"

	// Decimal is sent as a number, and read as a double as all numbers are: numeric,
	// DECIMAL. On SQLite the same as Float.
	Decimal ColumnType = "decimal"

	// UUID is sent as 36 characters in lower case. PostgreSQL: uuid. MySQL and
	// SQLite: 16 bytes, in the order of the text (no bytes swapped). A UUID kept as
	// text is Text.
	UUID ColumnType = "uuid"

	// Boolean is sent as a bool. PostgreSQL: boolean. MySQL and SQLite: 0 or 1; any
	// other number is absent.
	Boolean ColumnType = "bool"

	// Timestamp is sent as RFC 3339 with the column's microseconds. PostgreSQL:
	// timestamp with time zone. Not on MySQL, whose TIMESTAMP is read in the zone of
	// the session, nor on SQLite, which has none.
	Timestamp ColumnType = "timestamp"

	// TimestampUTC is a date and time without a zone that is in UTC, sent as RFC
	// 3339. PostgreSQL: timestamp without time zone. MySQL: DATETIME(0 to 6). Not on
	// SQLite.
	TimestampUTC ColumnType = "timestamp_utc"

	// Unix, UnixMilli and UnixMicro are integers that count seconds, milliseconds or
	// microseconds since 1970, sent as RFC 3339. Outside of the years 0 to 9999 they
	// are absent.
	Unix      ColumnType = "unix"
	UnixMilli ColumnType = "unix_milli"
	UnixMicro ColumnType = "unix_micro"

	// Instant is sent as RFC 3339: the dialect's own way to keep a time, which is
	// Timestamp on PostgreSQL, TimestampUTC on MySQL and Text on SQLite.
	Instant ColumnType = "time"

	// Array is sent as a list: a one-dimensional array of PostgreSQL, whose elements
	// are Elem: Text (text[], not varchar[]), Int, UUID, Float, Decimal or Boolean.
	Array ColumnType = "array"

	// JSON is sent as what it holds, a list or a list of shares. PostgreSQL: jsonb.
	// MySQL: JSON, on MariaDB also text. SQLite: JSON text. Text that is not JSON is
	// absent, and so is, on SQLite and MariaDB, an object that names a member twice.
	JSON ColumnType = "json"

	// Join is a list kept in a side table, Table, with a row for each element: Key
	// is the column that equals this record's Name (table.column of the outer query),
	// Value the element, of type Elem. Without rows the list is empty; it never is
	// NULL. For shares Value is to whom, Action the one action and Until when it
	// ends, of type UntilType; a share of several actions has a row for each.
	Join ColumnType = "join"
)

// Column says where a field is kept.
type Column struct {
	// Name is column, table.column or schema.table.column: letters, digits and
	// underscores, at most 63 bytes each. It is quoted, so PostgreSQL takes upper
	// and lower case as they are.
	Name string     `json:"name"`
	Type ColumnType `json:"type"`
	Elem ColumnType `json:"elem,omitempty"` // of Array and Join

	// Collation of a Text column in utf8mb4 on MySQL, such as utf8mb4_general_ci. It
	// must be the column's own. Without it a list is not looked up in the column's
	// index, nor is a string that is not ASCII.
	Collation string `json:"collation,omitempty"`

	Table     string     `json:"table,omitempty"` // these are of Join
	Key       string     `json:"key,omitempty"`
	Value     string     `json:"value,omitempty"`
	Action    string     `json:"action,omitempty"`
	Until     string     `json:"until,omitempty"`
	UntilType ColumnType `json:"until_type,omitempty"`
}

// ColumnError tells that a filter cannot be put in SQL over the columns given.
// The list must then not be answered; nothing wider would be right.
type ColumnError struct {
	Field  string
	Op     Op
	Reason string

	Format string // what Reason was made of, as by fmt.Sprintf, and with what: to say
	Args   []any  // it in another language
}

// reason is why a column cannot be used.
type reason struct {
	format string
	args   []any
}

func because(format string, args ...any) reason { return reason{format, args} }

// about is the reason as the error of a field; op is "" for the column as such.
func (r reason) about(field string, op Op) *ColumnError {
	return &ColumnError{Field: field, Op: op, Reason: fmt.Sprintf(r.format, r.args...), Format: r.format, Args: r.args}
}

func (e *ColumnError) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("filter: column of %q: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("filter: %s %q: %s", e.Op, e.Field, e.Reason)
}

// jsonEachColumns are the names that SQLite takes for its own where it unpacks a
// list, if they are not qualified.
var jsonEachColumns = []string{"key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root"}

// elemTypes are what the elements of an Array or a Join may be.
var elemTypes = []ColumnType{Text, Int, Float, Decimal, UUID, Boolean}

// untilTypes are what the end of a share may be in a side table.
var untilTypes = []ColumnType{Text, Timestamp, TimestampUTC, Unix, UnixMilli, UnixMicro}

// in is the column as the dialect has it, or why there is none such.
func (c Column) in(d Dialect) (Column, reason) {
	c.Type, c.UntilType = c.Type.on(d), c.UntilType.on(d)
	return c, c.wrong(d)
}

// wrong says what is wrong with a column in a dialect, or nothing.
func (c Column) wrong(d Dialect) (none reason) {
	if !isPath(c.Name, 3) {
		return because("%q is not the name of a column", c.Name)
	}
	isJoin := c.Type == Join
	if !isJoin && (c.Table != "" || c.Key != "" || c.Value != "" || c.Action != "" || c.Until != "" || c.UntilType != "") {
		return because("table, key, value, action and until are of a join")
	}
	if c.Type != Array && !isJoin && c.Elem != "" {
		return because("elem is of an array or a join")
	}
	if c.Collation != "" && (d != MySQL || c.Type != Text || !isName(c.Collation) || !isASCII(c.Collation) || !strings.HasPrefix(c.Collation, "utf8mb4_")) {
		return because("collation is of a text column on MySQL, in utf8mb4")
	}
	if why := unfit(d, c.Type); why.format != "" {
		return why
	}
	switch c.Type {
	case Text, Int, Float, Decimal, UUID, Boolean, Timestamp, TimestampUTC, Unix, UnixMilli, UnixMicro, JSON:
		return none
	case Array:
		if !slices.Contains(elemTypes, c.Elem) {
			return because("elem %q", c.Elem)
		}
		return none
	case Join:
		return c.wrongJoin(d)
	}
	return because("unknown type %q", c.Type)
}

func (c Column) wrongJoin(d Dialect) (none reason) {
	switch {
	case !strings.Contains(c.Name, "."):
		return because("the name must be table.column: a bare one could mean a column of the side table")
	case !isPath(c.Table, 2):
		return because("%q is not the name of a table", c.Table)
	case !isName(c.Key) || !isName(c.Value):
		return because("key and value must be names of columns of the side table")
	case (c.Action != "") != (c.Until != "") || (c.Until != "") != (c.UntilType != ""):
		return because("action, until and until_type go together")
	case c.Action == "" && !slices.Contains(elemTypes, c.Elem):
		return because("elem %q", c.Elem)
	case c.Action == "":
		return none
	case !isName(c.Action) || !isName(c.Until):
		return because("action and until must be names of columns of the side table")
	case c.Elem != "" && c.Elem != Text:
		return because("shares are to a text")
	case !slices.Contains(untilTypes, c.UntilType):
		return because("until_type %q", c.UntilType)
	}
	return unfit(d, c.UntilType)
}

// on is the type as the dialect has it.
func (t ColumnType) on(d Dialect) ColumnType {
	if t != Instant {
		return t
	}
	return map[Dialect]ColumnType{SQLite: Text, PostgreSQL: Timestamp, MySQL: TimestampUTC}[d]
}

// unfit says why a dialect has no columns of the type, or nothing.
func unfit(d Dialect, t ColumnType) (none reason) {
	switch {
	case t == Array && d != PostgreSQL:
		return because("only PostgreSQL has arrays: use json or join")
	case t == Timestamp && d == MySQL:
		return because("TIMESTAMP is read in the zone of the session: use a DATETIME in UTC (timestamp_utc) or an integer")
	case (t == Timestamp || t == TimestampUTC) && d == SQLite:
		return because("SQLite has no type for times: use text (RFC 3339), unix, unix_milli or unix_micro")
	}
	return none
}

// isPath tells whether s is up to n names with dots between them.
func isPath(s string, n int) bool {
	names := strings.Split(s, ".")
	return len(names) <= n && !slices.ContainsFunc(names, func(name string) bool { return !isName(name) })
}

// maxName is how long a name is on PostgreSQL; the rest it drops without a word.
const maxName = 63

func isName(s string) bool {
	if s == "" || len(s) > maxName || !text(s) || strings.HasPrefix(strings.ToLower(s), aliasPrefix) {
		return false
	}
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return true
}

// quote writes a name that isPath has seen. SQLite takes a name in double
// quotes that it does not know for a string, but not one in backquotes.
func (d Dialect) quote(path string) string {
	q := "`"
	if d == PostgreSQL {
		q = `"`
	}
	return q + strings.ReplaceAll(path, ".", q+"."+q) + q
}
