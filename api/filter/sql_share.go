package filter

// shared asks a list of shares.
func (w *writer) shared(e *Expr, c Column) frag {
	if c.Type == Join {
		return w.sharedJoin(e, c)
	}
	if c.Type != JSON {
		return w.refuse(e.Field, "a %s column holds no shares", c.Type)
	}
	l, _ := w.list(e.Field, c)
	s := w.entry(l.elem)
	return l.whole(notTrue(allOf(s.sound...)), l.exists(allOf(
		s.actions.exists(w.equals(s.actions.elem, e.Share.Action)),
		w.names(s.to, e.Share.To),
		w.live(s.until, e.Share.At))))
}

// entry is one share in JSON, an object.
type entry struct {
	to, until operand
	actions   list
	sound     []frag // what is true of a share that is not malformed
}

func (w *writer) entry(x operand) entry {
	to, actions, until := w.member(x, "to"), w.member(x, "actions"), w.member(x, "until")
	word := map[Dialect][]string{
		SQLite:     {"object", "array", "null"},
		PostgreSQL: {"object", "array", "null"},
		MySQL:      {"OBJECT", "ARRAY", "NULL"},
	}[w.Dialect]
	is := func(x operand, what int) frag { return sql("(", x.kind, " = '", word[what], "')") }
	list := w.unpack(x.field, actions.expr, is(actions, 1))
	return entry{
		to: to, until: until, actions: list,
		sound: []frag{
			is(x, 0),
			w.namedOnce(x),
			w.isThere(to, String),
			w.isSharedTo(to),
			sql("(", is(actions, 2), " OR (", is(actions, 1), " AND NOT ", list.exists(notTrue(w.isThere(list.elem, String))), "))"),
			sql("(", until.kind, " IS NULL OR ", is(until, 2), " OR ", w.isTime(until), ")"),
		},
	}
}

// member is a member of an object in JSON. Its kind is NULL where there is none.
func (w *writer) member(x operand, name string) operand {
	m := operand{field: x.field, typ: JSON}
	switch w.Dialect {
	case PostgreSQL:
		m.expr = sql("(", x.expr, " -> '", name, "')")
		m.kind = sql("jsonb_typeof(", m.expr, ")")
	case MySQL:
		m.expr = sql("JSON_EXTRACT(", x.expr, ", '$.", name, "')")
		m.kind = sql("JSON_TYPE(", m.expr, ")")
	default: // an object is text in JSON here, anything else is not
		object := sql("CASE WHEN ", x.kind, " = 'object' THEN ", x.expr, " END")
		m.expr = sql("json_extract(", object, ", '$.", name, "')")
		m.kind = sql("json_type(", object, ", '$.", name, "')")
	}
	return m
}

// namedOnce is true where an object names each member once. Which of two counts
// is not the same everywhere; jsonb, and MySQL's own JSON, keep but one.
func (w *writer) namedOnce(x operand) frag {
	switch w.Dialect {
	case MySQL:
		return sql("(JSON_LENGTH(", x.expr, ") = JSON_LENGTH(JSON_KEYS(", x.expr, ")))")
	case SQLite:
		a := w.alias()
		return sql("(SELECT count(*) = count(DISTINCT ", a, ".key) FROM json_each(CASE WHEN ", x.kind, " = 'object' THEN ", x.expr, " END) AS ", a, ")")
	}
	return sql("TRUE")
}

// isSharedTo tells whether a string is * or type:id.
func (w *writer) isSharedTo(to operand) frag {
	v := w.text(to, "")
	spelled := func(at, length frag) frag {
		return sql("(", v.expr, " = '*' OR (", at, " > 1 AND ", at, " < ", length, "))")
	}
	switch w.Dialect {
	case PostgreSQL:
		return spelled(sql("strpos(", v.expr, ", ':')"), sql("length(", v.expr, ")"))
	case MySQL:
		return spelled(sql("LOCATE(':', ", v.expr, ")"), sql("LENGTH(", v.expr, ")"))
	}
	b := sql("CAST(", v.expr, " AS BLOB)")
	return spelled(sql("instr(", b, ", CAST(':' AS BLOB))"), sql("length(", b, ")"))
}

func (w *writer) equals(x operand, s string) frag {
	return w.amongText(x, "", []scalar{{typ: String, str: s}}, loose)
}

func (w *writer) names(x operand, list []string) frag {
	values := make([]scalar, len(list))
	for i, s := range list {
		values[i] = scalar{typ: String, str: s}
	}
	return w.among(x, w.text(x, ""), String, "", values, loose)
}

// live is true of the end of a share that is none, or after a time.
func (w *writer) live(until operand, at string) frag {
	t, _ := read(at, Time, "")
	none := sql("(", until.expr, " IS NULL)")
	if until.typ == JSON {
		none = sql("(", until.kind, " IS NULL OR ", until.kind, " IN ('null', 'NULL'))")
	}
	return sql("(", none, " OR ", w.compareTime(Greater, until, t, loose), ")")
}

// sharedJoin asks shares kept in a side table.
func (w *writer) sharedJoin(e *Expr, c Column) frag {
	if c.Action == "" {
		return w.refuse(e.Field, "a join without action and until holds no shares")
	}
	l, _ := w.list(e.Field, c)
	column := func(name string, t ColumnType) operand {
		return operand{field: e.Field, expr: sql(l.alias, ".", w.quote(name)), typ: t}
	}
	to, action, until := column(c.Value, Text), column(c.Action, Text), column(c.Until, c.UntilType)
	sound := allOf(
		w.isThere(to, String),
		w.isSharedTo(to),
		w.isThere(action, String),
		sql("(", until.expr, " IS NULL OR ", w.isTime(until), ")"))
	return l.whole(notTrue(sound), l.exists(allOf(w.equals(action, e.Share.Action), w.names(to, e.Share.To), w.live(until, e.Share.At))))
}
