package filter

import "strings"

// list is a list in SQL: rows of one element each.
type list struct {
	there frag // a condition; empty: it always is
	from  frag // what follows FROM
	where frag // which of those rows are of this list; empty: all
	elem  operand
	alias string // of those rows
}

// exists asks whether an element is so.
func (l list) exists(cond frag) frag {
	return sql("EXISTS (SELECT 1 FROM ", l.from, " WHERE ", allOf(l.where, cond), ")")
}

// whole is the condition about a list where none of its elements is bad, NULL
// elsewhere.
func (l list) whole(bad, cond frag) frag {
	return when(allOf(l.there, sql("NOT ", l.exists(bad))), cond)
}

// list is a column that holds a list.
func (w *writer) list(field string, c Column) (list, bool) {
	x := sql(w.quote(c.Name))
	a := w.alias()
	switch c.Type {
	case Array:
		return list{
			there: sql("(", x, " IS NOT NULL AND COALESCE(array_ndims(", x, "), 1) = 1)"),
			from:  sql("unnest(", x, ") AS ", a, "(rolegate_v)"),
			elem:  operand{field: field, expr: sql(a, ".rolegate_v"), typ: c.Elem},
		}, true
	case JSON:
		l := w.unpack(field, x, w.isJSONList(x))
		if w.Dialect == MySQL {
			l.there = sql("(", l.there, " AND ", soundEscapes(x), ")")
		}
		return l, true
	case Join:
		return list{
			from:  sql(w.quote(c.Table), " AS ", a),
			where: sql("(", a, ".", w.quote(c.Key), " = ", x, ")"),
			elem:  operand{field: field, expr: sql(a, ".", w.quote(c.Value)), typ: c.Elem},
			alias: a,
		}, true
	}
	w.refuse(field, "a %s column holds no list", c.Type)
	return list{}, false
}

// isJSONList tells whether a column holds a list in JSON.
func (w *writer) isJSONList(x frag) frag {
	switch w.Dialect {
	case PostgreSQL:
		return sql("(jsonb_typeof(", x, ") = 'array')")
	case MySQL:
		return sql("(CASE WHEN JSON_VALID(", x, ") THEN JSON_TYPE(", x, ") = 'ARRAY' ELSE FALSE END)")
	}
	return sql("(CASE WHEN typeof(", x, ") = 'text' AND json_valid(", x, ") THEN json_type(", x, ") = 'array' ELSE FALSE END)")
}

// soundEscapes tells whether a text that MariaDB takes for JSON has no escapes in
// it that JSON does not have: "\\x" would be x to it.
func soundEscapes(x frag) frag {
	return sql("(LOCATE(CHAR(92), ", x, ") = 0 OR CONVERT(", x, " USING utf8mb4) COLLATE utf8mb4_bin REGEXP ", param(`^(?:[^\\]|\\["\\/bfnrtu])*+\z`), ")")
}

// unpack is the list in a piece of JSON, where it is one; else it has no rows,
// for even to look would be an error.
func (w *writer) unpack(field string, x, isList frag) list {
	a := w.alias()
	l := list{there: isList, elem: operand{field: field, typ: JSON}}
	switch w.Dialect {
	case PostgreSQL:
		l.from = sql("jsonb_array_elements(CASE WHEN ", isList, " THEN ", x, " END) AS ", a, "(rolegate_v)")
		l.elem.expr = sql(a, ".rolegate_v")
		l.elem.kind = sql("jsonb_typeof(", l.elem.expr, ")")
	case MySQL:
		l.from = sql("JSON_TABLE(CASE WHEN ", isList, " THEN ", x, " ELSE '[]' END, '$[*]' COLUMNS(rolegate_v JSON PATH '$')) AS ", a)
		l.elem.expr = sql(a, ".rolegate_v")
		l.elem.kind = sql("JSON_TYPE(", l.elem.expr, ")")
	default:
		l.from = sql("json_each(CASE WHEN ", isList, " THEN ", x, " END) AS ", a)
		l.elem.expr = sql(a, ".value")
		l.elem.kind = sql(a, ".type")
	}
	return l
}

// present asks whether there is anything.
func (w *writer) present(e *Expr, c Column) frag {
	x := sql(w.quote(c.Name))
	isThere := sql("(", x, " IS NOT NULL)")
	switch c.Type {
	case Array, JSON, Join:
		if e.Type != AnyType {
			return w.refuse(e.Field, "a %s column holds a list, not a single value of type %s", c.Type, e.Type)
		}
		if c.Type == Join {
			return constant(true)
		}
		if c.Type == JSON {
			return w.presentJSON(x)
		}
		return isThere
	}
	if e.Type == AnyType {
		return isThere
	}
	if !reads(c.Type, e.Type) {
		return w.refuse(e.Field, "a %s column cannot be read as %s", c.Type, e.Type)
	}
	o, _ := w.scalar(e.Field, c)
	return sql("(CASE WHEN ", x, " IS NULL THEN FALSE WHEN ", w.isThere(o, e.Type), " THEN TRUE END)")
}

// presentJSON is false for null in JSON as well.
func (w *writer) presentJSON(x frag) frag {
	switch w.Dialect {
	case PostgreSQL:
		return sql("(", x, " IS NOT NULL AND jsonb_typeof(", x, ") <> 'null')")
	case MySQL:
		return sql("(CASE WHEN ", x, " IS NULL THEN FALSE WHEN JSON_VALID(", x, ") THEN JSON_TYPE(", x, ") <> 'NULL' ELSE TRUE END)")
	}
	return sql("(CASE WHEN ", x, " IS NULL THEN FALSE WHEN typeof(", x, ") = 'text' AND json_valid(", x, ") THEN json_type(", x, ") <> 'null' ELSE TRUE END)")
}

// isThere is the condition that an operand has a value of a type it reads.
func (w *writer) isThere(x operand, t Type) frag {
	if t == Time {
		return w.isTime(x)
	}
	v, _ := w.read(x, t, "")
	return v.exists()
}

// quantified asks whether some or all elements are among the bound values.
func (w *writer) quantified(e *Expr, c Column, m mode) frag {
	l, ok := w.list(e.Field, c)
	if !ok {
		return sql("FALSE")
	}
	if !reads(l.elem.typ, e.Type) {
		return w.refuse(e.Field, "elements of type %s cannot be read as %s", l.elem.typ, e.Type)
	}
	bad := notTrue(w.isThere(l.elem, e.Type))
	if e.Op == All {
		return l.whole(bad, sql("NOT ", l.exists(notTrue(w.test(e, l.elem, e.Type, strict)))))
	}
	some := l.whole(bad, l.exists(w.test(e, l.elem, e.Type, loose)))
	if m == loose && c.Type == Array {
		return allOf(w.overlaps(e, c), some)
	}
	return some
}

// overlaps finds an array's index (GIN); what it finds is still to be looked at.
func (w *writer) overlaps(e *Expr, c Column) frag {
	list, array := only(spellings(e.Prefix, bound(e)), w.holdable), "text[]"
	switch c.Elem {
	case Text:
	case UUID:
		list, array = only(list, isUUID), "text[]) AS uuid[]"
	default:
		return frag{}
	}
	if len(list) == 0 {
		return constant(false)
	}
	cast := sql("CAST(", param(list), " AS ", array, ")")
	if c.Elem == UUID {
		cast = sql("CAST(", cast)
	}
	return sql("(", w.quote(c.Name), " && ", cast, ")")
}

// inList asks whether a column is an element of a list in another.
func (w *writer) inList(e *Expr, x operand, t Type, c, o Column) frag {
	if o.Type == Join && !strings.Contains(c.Name, ".") {
		return w.refuse(e.Field, "write table.%s: a bare name could mean a column of the side table", c.Name)
	}
	l, ok := w.list(e.Other, o)
	if !ok {
		return sql("FALSE")
	}
	if e.Type == AnyType && l.elem.typ != JSON {
		if u, ok := sentAs(l.elem.typ); !ok || t != u {
			return w.refuse(e.Other, "elements of type %s cannot be compared with a %s column without a declared type", l.elem.typ, c.Type)
		}
	}
	if !reads(x.typ, t) || !reads(l.elem.typ, t) {
		return w.refuse(e.Field, "a %s column and elements of type %s cannot be read as %s", x.typ, l.elem.typ, t)
	}
	fits := func(x operand) frag {
		if t == Number {
			return w.exact(x, w.number(x)).there
		}
		return w.isThere(x, t)
	}
	found := l.exists(w.pair(Equal, x, l.elem, t, e.Prefix, e.OtherPrefix))
	return when(fits(x), l.whole(notTrue(fits(l.elem)), found))
}
