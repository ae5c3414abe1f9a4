package filter

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text reads an operand as a string that compares byte by byte.
func (w *writer) text(x operand, prefix string) value {
	var v value
	switch w.Dialect {
	case SQLite:
		v = w.textSQLite(x)
	case PostgreSQL:
		v = w.textPostgreSQL(x)
	default:
		v = w.textMySQL(x)
	}
	if prefix != "" {
		v.expr = w.strip(v.expr, prefix)
	}
	return v
}

func (w *writer) textSQLite(x operand) value {
	switch x.typ {
	case UUID:
		h := func(from, n int) frag { return sql("lower(hex(substr(", x.expr, ", ", from, ", ", n, ")))") }
		return value{
			expr:  sql("((", h(1, 4), " || '-' || ", h(5, 2), " || '-' || ", h(7, 2), " || '-' || ", h(9, 2), " || '-' || ", h(11, 6), ") COLLATE BINARY)"),
			there: sql("(typeof(", x.expr, ") = 'blob' AND length(", x.expr, ") = 16)"),
		}
	case Int:
		return value{expr: sql("(CAST(", x.expr, " AS TEXT) COLLATE BINARY)"), there: sql("(typeof(", x.expr, ") = 'integer')")}
	case JSON:
		return value{expr: sql("(CAST(", x.expr, " AS TEXT) COLLATE BINARY)"), there: sql("(", x.kind, " = 'text')")}
	}
	return value{expr: sql("(CAST(", x.expr, " AS TEXT) COLLATE BINARY)"), there: sql("(typeof(", x.expr, ") = 'text')")}
}

func (w *writer) textPostgreSQL(x operand) value {
	if x.typ == JSON {
		return value{expr: sql(`((`, x.expr, ` #>> '{}') COLLATE "C")`), there: sql("(", x.kind, " = 'string')")}
	}
	return value{expr: sql("(CAST(", x.expr, ` AS text) COLLATE "C")`)}
}

func (w *writer) textMySQL(x operand) value {
	switch x.typ {
	case UUID:
		return value{
			expr:  sql("CAST(LOWER(INSERT(INSERT(INSERT(INSERT(HEX(", x.expr, "), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')) AS BINARY)"),
			there: sql("(LENGTH(", x.expr, ") = 16)"),
		}
	case Int:
		return value{expr: sql("CAST(CAST(", x.expr, " AS CHAR) AS BINARY)")}
	case JSON:
		return value{expr: sql("CAST(CONVERT(JSON_UNQUOTE(", x.expr, ") USING utf8mb4) AS BINARY)"), there: sql("(", x.kind, " = 'STRING')"), fragile: true}
	}
	return value{expr: w.bytes(x.expr)}
}

// bytes is a MySQL text as its bytes in UTF-8, which no collation touches.
func (w *writer) bytes(x frag) frag { return sql("CAST(CONVERT(", x, " USING utf8mb4) AS BINARY)") }

// string is a bound string that compares with what text gives.
func (w *writer) string(s string) frag {
	switch w.Dialect {
	case PostgreSQL:
		return sql("CAST(", param(s), " AS text)")
	case MySQL:
		return w.bytes(param(s))
	}
	return param(s)
}

// strip takes a prefix off where something is left behind it.
func (w *writer) strip(x frag, prefix string) frag {
	switch w.Dialect {
	case PostgreSQL:
		n, p := utf8.RuneCountInString(prefix), w.string(prefix)
		return sql("((CASE WHEN starts_with(", x, ", ", p, ") AND length(", x, ") > ", n, " THEN substr(", x, ", ", n+1, ") ELSE ", x, ` END) COLLATE "C")`)
	case MySQL:
		n, p := len(prefix), w.string(prefix)
		return sql("(CASE WHEN LEFT(", x, ", ", n, ") = ", p, " AND LENGTH(", x, ") > ", n, " THEN SUBSTRING(", x, ", ", n+1, ") ELSE ", x, " END)")
	}
	n, b := len(prefix), sql("CAST(", x, " AS BLOB)")
	return sql("((CASE WHEN substr(", b, ", 1, ", n, ") = CAST(", param(prefix), " AS BLOB) AND length(", b, ") > ", n,
		" THEN CAST(substr(", b, ", ", n+1, ") AS TEXT) ELSE ", x, " END) COLLATE BINARY)")
}

// holdable tells whether a text of the database can hold the string: those of
// PostgreSQL cannot hold U+0000, and a parameter with it is an error.
func (w *writer) holdable(s string) bool {
	return w.Dialect != PostgreSQL || !strings.Contains(s, "\x00")
}

// match is one of the tests of a string.
func (w *writer) match(op Op, v value, s string, m mode) frag {
	if s == "" || !w.holdable(s) {
		return v.known(s == "", m)
	}
	var cond frag
	switch p := w.string(s); w.Dialect {
	case PostgreSQL:
		switch op {
		case StartsWith:
			cond = sql("starts_with(", v.expr, ", ", p, ")")
		case EndsWith:
			cond = sql("(right(", v.expr, ", ", utf8.RuneCountInString(s), ") = ", p, ")")
		case Contains:
			cond = sql("(strpos(", v.expr, ", ", p, ") > 0)")
		}
	case MySQL:
		switch op {
		case StartsWith:
			cond = sql("(LEFT(", v.expr, ", ", len(s), ") = ", p, ")")
		case EndsWith:
			cond = sql("(RIGHT(", v.expr, ", ", len(s), ") = ", p, ")")
		case Contains:
			cond = sql("(LOCATE(", p, ", ", v.expr, ") > 0)")
		}
	default: // as blobs, since text ends at U+0000 for these functions; a part of an empty one is NULL
		x, p := sql("CAST(", v.expr, " AS BLOB)"), sql("CAST(", p, " AS BLOB)")
		switch op {
		case StartsWith:
			cond = sql("(length(", x, ") >= ", len(s), " AND substr(", x, ", 1, ", len(s), ") = ", p, ")")
		case EndsWith:
			cond = sql("(length(", x, ") >= ", len(s), " AND substr(", x, ", ", -len(s), ") = ", p, ")")
		case Contains:
			cond = sql("(instr(", x, ", ", p, ") > 0)")
		}
	}
	return v.guard(cond, m)
}

// orderText compares by order. No text of PostgreSQL has U+0000 in it, so one is
// less than a string that has it if it is not greater than what is before it.
func (w *writer) orderText(op Op, v value, s string, m mode) frag {
	if !w.holdable(s) {
		s, _, _ = strings.Cut(s, "\x00")
		switch op {
		case Less:
			op = LessOrEqual
		case GreaterOrEqual:
			op = Greater
		}
	}
	return v.guard(sql("(", v.expr, sqlOps[op], w.string(s), ")"), m)
}

// spellings are what a column may hold that is read, without the prefix, as one
// of the values.
func spellings(prefix string, values []scalar) []string {
	list := make([]string, 0, len(values))
	seen := make(map[string]bool, len(values))
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			list = append(list, s)
		}
	}
	for _, v := range values {
		if bare(prefix, v.str) == v.str {
			add(v.str)
		}
		if prefix != "" && v.str != "" {
			add(prefix + v.str)
		}
	}
	return list
}

// amongText asks whether the operand is one of some strings.
func (w *writer) amongText(x operand, prefix string, values []scalar, m mode) frag {
	v := w.text(x, "")
	list := spellings(prefix, values)
	switch x.typ {
	case Int:
		return w.amongIDs(x, v, list, m)
	case UUID:
		return w.amongUUIDs(x, v, list, m)
	}
	list = only(list, w.holdable)
	if len(list) == 0 {
		return v.known(false, m)
	}
	switch w.Dialect {
	case PostgreSQL:
		p := sql("= ", w.string(list[0]))
		if len(list) > 1 {
			p = sql("= ANY(CAST(", param(list), " AS text[]))")
		}
		cond := sql("(", v.expr, " ", p, ")")
		if x.column { // finds the index, which has the column's own collation
			cond = sql("(", x.expr, " ", p, " AND ", cond, ")")
		}
		return v.guard(cond, m)
	case MySQL:
		return v.guard(w.amongMySQL(x, v, list), m)
	}
	var conds []frag
	short, odd := split(list, func(s string) bool { return !strings.Contains(s, "\x00") }) // where json_each ended a string before SQLite 3.45
	if len(short) == 1 {
		short, odd = nil, append(odd, short...)
	}
	if len(short) > 0 {
		conds = append(conds, sql("(", x.expr, " COLLATE BINARY IN (SELECT value FROM json_each(", param(jsonList(short)), ")))"))
	}
	for _, s := range odd {
		conds = append(conds, sql("(", x.expr, " COLLATE BINARY = ", param(s), ")"))
	}
	return v.guard(anyOf(conds...), m)
}

// longest is how many characters a string of a list parameter may have on MySQL,
// which then looks it up instead of reading the list for each row.
const longest = 255

func (w *writer) amongMySQL(x operand, v value, list []string) frag {
	var conds []frag
	short, odd := split(list, func(s string) bool { return utf8.RuneCountInString(s) <= longest })
	if len(short) == 1 {
		short, odd = nil, append(odd, short...)
	}
	if len(short) > 0 {
		n := 1
		for _, s := range short {
			n = max(n, utf8.RuneCountInString(s))
		}
		from := func(what, collate string) frag {
			return sql("(SELECT ", what, " FROM JSON_TABLE(", param(jsonList(short)), ", '$[*]' COLUMNS(rolegate_v VARCHAR(", n, ") CHARACTER SET utf8mb4", collate, " PATH '$')) ", w.alias(), ")")
		}
		cond := sql("(", v.expr, " IN ", from("CAST(rolegate_v AS BINARY)", ""), ")")
		if x.column && x.collation != "" {
			cond = sql("(", x.expr, " IN ", from("rolegate_v", " COLLATE "+x.collation), " AND ", cond, ")")
		}
		conds = append(conds, cond)
	}
	for _, s := range odd {
		cond := sql("(", v.expr, " = ", w.string(s), ")")
		// A column of another character set has no collation in common with what it
		// cannot hold, which is an error; they all hold ASCII.
		if x.column && (x.collation != "" || isASCII(s)) {
			cond = sql("(", x.expr, " = ", param(s), " AND ", cond, ")")
		}
		conds = append(conds, cond)
	}
	return anyOf(conds...)
}

// amongIDs compares integers as such; what is not spelled like one is none. MySQL
// has columns of integers that only a type without a sign holds.
func (w *writer) amongIDs(x operand, v value, list []string, m mode) frag {
	var ids []int64
	var beyond []uint64
	for _, s := range list {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
			ids = append(ids, n)
		} else if n, err := strconv.ParseUint(s, 10, 64); err == nil && n > math.MaxInt64 && strconv.FormatUint(n, 10) == s && w.Dialect == MySQL {
			beyond = append(beyond, n)
		}
	}
	switch {
	case len(beyond) == 0:
		return w.amongInts(x, v, ids, m)
	case len(ids) == 0:
		return w.amongUnsigned(x, v, beyond, m)
	}
	return anyOf(w.amongInts(x, v, ids, m), w.amongUnsigned(x, v, beyond, m))
}

// amongUnsigned is amongInts for integers from 2^63 on, on MySQL.
func (w *writer) amongUnsigned(x operand, v value, ids []uint64, m mode) frag {
	if len(ids) == 1 {
		return v.guard(sql("(", x.expr, " = CAST(", param(strconv.FormatUint(ids[0], 10)), " AS UNSIGNED))"), m)
	}
	return v.guard(sql("(", x.expr, " IN (SELECT rolegate_v FROM JSON_TABLE(", param(jsonList(ids)), ", '$[*]' COLUMNS(rolegate_v BIGINT UNSIGNED PATH '$')) ", w.alias(), "))"), m)
}

func (w *writer) amongUUIDs(x operand, v value, list []string, m mode) frag {
	list = only(list, isUUID)
	if len(list) == 0 {
		return v.known(false, m)
	}
	hex := func(s string) string { return strings.ReplaceAll(s, "-", "") }
	var cond frag
	switch w.Dialect {
	case PostgreSQL:
		cond = sql("(", x.expr, " = ANY(CAST(CAST(", param(list), " AS text[]) AS uuid[])))")
	case MySQL:
		if len(list) == 1 {
			cond = sql("(", x.expr, " = UNHEX(", param(hex(list[0])), "))")
			break
		}
		for i := range list {
			list[i] = hex(list[i])
		}
		cond = sql("(", x.expr, " IN (SELECT UNHEX(rolegate_v) FROM JSON_TABLE(", param(jsonList(list)), ", '$[*]' COLUMNS(rolegate_v VARCHAR(32) CHARACTER SET latin1 PATH '$')) ", w.alias(), "))")
	default:
		for i := range list {
			list[i] = hex(list[i])
		}
		cond = sql("(", x.expr, " IN (SELECT unhex(value) FROM json_each(", param(jsonList(list)), ")))")
	}
	return v.guard(cond, m)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !('0' <= c && c <= '9' || 'a' <= c && c <= 'f'):
			return false
		}
	}
	return true
}

func only(list []string, keep func(string) bool) []string {
	kept, _ := split(list, keep)
	return kept
}

func split[T any](list []T, first func(T) bool) (yes, no []T) {
	for _, v := range list {
		if first(v) {
			yes = append(yes, v)
		} else {
			no = append(no, v)
		}
	}
	return yes, no
}

// jsonList is a list parameter where the dialect has no arrays.
func jsonList[T any](list []T) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil {
		panic(err) // strings and integers always can
	}
	return strings.TrimSuffix(b.String(), "\n")
}
