package filter

// rfc3339 is what parseTime accepts. It is a parameter: it has a ? in it.
const rfc3339 = "^(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))" +
	"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)" +
	"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

// clock is an operand's text as the functions below take it.
func (w *writer) clock(x operand) frag {
	if w.Dialect != MySQL {
		return w.text(x, "").expr
	}
	if x.typ == JSON {
		return sql("CONVERT(JSON_UNQUOTE(", x.expr, ") USING utf8mb4)")
	}
	return sql("CONVERT(", x.expr, " USING utf8mb4)")
}

// isRFC3339 tells whether a text is a time.
func (w *writer) isRFC3339(x frag) frag {
	switch w.Dialect {
	case PostgreSQL:
		return sql("(", x, " ~ CAST(", param(rfc3339+"$"), " AS text))")
	case MySQL: // where $ is also before a last line break, and T may be t
		return sql("(", x, " COLLATE utf8mb4_bin REGEXP ", param(rfc3339+`\z`), ")")
	}
	part := func(from, n int) frag { return sql("substr(", x, ", ", from, ", ", n, ")") }
	zone := sql("substr(", x, ", -6)")
	return allOf(
		sql("length(CAST(", x, " AS BLOB)) = length(", x, ")"), // ASCII, without U+0000
		sql(part(1, 19), " GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]'"),
		sql("date(", part(1, 10), ", '+0 days') = ", part(1, 10)), // a day there was: without a modifier, older ones take February 30
		sql(part(12, 2), " <= '23'"), sql(part(15, 2), " <= '59'"), sql(part(18, 2), " <= '59'"),
		sql("(substr(", x, ", -1) = 'Z' OR (length(", x, ") >= 25 AND ", zone, " GLOB '[+-][0-9][0-9]:[0-9][0-9]' AND substr(", zone, ", 2, 2) <= '23' AND substr(", zone, ", 5, 2) <= '59'))"),
		sql("(length(", x, ") = 19 + ", w.zoneLength(x), " OR (", part(20, 1), " = '.' AND length(", x, ") > 20 + ", w.zoneLength(x), " AND ", w.digits(x), " NOT GLOB '*[^0-9]*'))"))
}

func (w *writer) zoneLength(x frag) frag {
	return sql("(CASE WHEN ", w.right(x, 1), " = 'Z' THEN 1 ELSE 6 END)")
}

// digits are those of the fraction of a second, if there is one.
func (w *writer) digits(x frag) frag {
	return sql("substr(", x, ", 21, ", w.length(x), " - 20 - ", w.zoneLength(x), ")")
}

func (w *writer) right(x frag, n int) frag {
	if w.Dialect == SQLite {
		return sql("substr(", x, ", ", -n, ")")
	}
	return sql("right(", x, ", ", n, ")")
}

func (w *writer) length(x frag) frag {
	if w.Dialect == MySQL {
		return sql("CHAR_LENGTH(", x, ")")
	}
	return sql("length(", x, ")")
}

// years are so many seconds: 2000 of them repeat the calendar, and databases do
// not know the year 0.
const years = "63113904000"

// parse takes a text that isRFC3339 apart.
func (w *writer) parse(x frag) (sec, nano frag) {
	asInt := map[Dialect]string{SQLite: " AS INTEGER)", PostgreSQL: " AS bigint)", MySQL: " AS SIGNED)"}[w.Dialect]
	local := sql("CAST(strftime('%s', substr(", x, ", 1, 19))", asInt)
	switch w.Dialect {
	case PostgreSQL:
		epoch := func(s frag) frag { return sql("CAST(extract(epoch FROM CAST(", s, " AS timestamp))", asInt) }
		local = sql("(CASE WHEN left(", x, ", 4) = '0000' THEN ", epoch(sql("('2000' || substr(", x, ", 5, 15))")), " - ", years,
			" ELSE ", epoch(sql("left(", x, ", 19)")), " END)")
	case MySQL:
		epoch := func(s frag) frag {
			return sql("TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', CAST(", s, " AS DATETIME))")
		}
		local = sql("(CASE WHEN LEFT(", x, ", 4) = '0000' THEN ", epoch(sql("CONCAT('2000', SUBSTRING(", x, ", 5, 15))")), " - ", years,
			" ELSE ", epoch(sql("LEFT(", x, ", 19)")), " END)")
	}
	zone := w.right(x, 6)
	offset := sql("(CASE WHEN ", w.right(x, 1), " = 'Z' THEN 0 ELSE (CASE substr(", zone, ", 1, 1) WHEN '-' THEN -1 ELSE 1 END) * (CAST(substr(", zone, ", 2, 2)",
		asInt, " * 3600 + CAST(substr(", zone, ", 5, 2)", asInt, " * 60) END)")
	fraction := sql("rpad(", w.digits(x), ", 9, '0')")
	if w.Dialect == SQLite {
		fraction = sql("substr(", w.digits(x), " || '000000000', 1, 9)")
	}
	nano = sql("(CASE WHEN substr(", x, ", 20, 1) = '.' THEN CAST(", fraction, asInt, " ELSE 0 END)")
	return sql("(", local, " - ", offset, ")"), nano
}
