package filter

import (
	"math"
	"strconv"
)

// number reads an operand as a double. Its expr is one; plain comparisons of
// columns go by compareNumber, which can use an index.
func (w *writer) number(x operand) value {
	switch w.Dialect {
	case SQLite:
		kind := sql("typeof(", x.expr, ")")
		if x.typ == JSON {
			kind = x.kind
		}
		return value{
			expr:  sql("CAST(", x.expr, " AS REAL)"),
			there: sql("(", kind, " IN ('integer', 'real') AND ", x.expr, " > -9e999 AND ", x.expr, " < 9e999)"), // infinity
		}
	case PostgreSQL:
		switch x.typ {
		case Int:
			return value{expr: sql("CAST(", x.expr, " AS double precision)")}
		case Float:
			return value{expr: x.expr, there: sql("(", x.expr, " > CAST('-Infinity' AS double precision) AND ", x.expr, " < CAST('Infinity' AS double precision))")}
		case JSON:
			n := sql("CAST(", x.expr, " AS numeric)")
			return value{expr: double(n), there: when(sql(x.kind, " = 'number'"), finite(n)), fragile: true}
		}
		return value{expr: double(x.expr), there: finite(x.expr), fragile: true}
	}
	if x.typ == JSON {
		d := sql("CAST(JSON_UNQUOTE(", x.expr, ") AS DOUBLE)")
		return value{expr: d, fragile: true, // MariaDB takes the greatest double for what is beyond it
			there: when(sql(x.kind, " IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL')"), sql("(ABS(", d, ") < 1.7976931348623157e308)"))}
	}
	return value{expr: sql("(", x.expr, " + 0e0)")}
}

// A numeric of PostgreSQL that no double holds is an error to convert. From
// tooLarge on, which is between the greatest double and what would be rounded to
// infinity, it is absent; below tooSmall, half of the least double, it is zero.
const (
	tooLarge = "1.797693134862315807937e308"
	tooSmall = "2.4703282292062328e-324"
)

func finite(n frag) frag {
	return sql("(abs(", n, ") < ", tooLarge, ")") // NaN is greater than any number
}

func double(n frag) frag {
	return sql("(CASE WHEN abs(", n, ") < ", tooSmall, " THEN CAST(0 AS double precision) ELSE CAST(", n, " AS double precision) END)")
}

// exact is the number, but absent beyond 2^53-1.
func (w *writer) exact(x operand, v value) value {
	v.there = when(v.exists(), sql("(", v.expr, " BETWEEN -", maxExact, " AND ", maxExact, ")"))
	return v
}

// compareNumber compares with a double, as doubles.
func (w *writer) compareNumber(op Op, x operand, v value, n float64, m mode) frag {
	small := math.Abs(n) <= maxExact
	switch {
	case x.typ == Int && w.Dialect != SQLite && small:
		// An integer that a double may not hold is farther from zero than all these,
		// as is its double. So they compare as integers, and by an index.
		whole := math.Floor(n)
		if whole != n {
			switch op {
			case Equal, NotEqual:
				return v.known(op == NotEqual, m)
			case Less:
				op = LessOrEqual
			case GreaterOrEqual:
				op = Greater
			}
		}
		return sql("(", x.expr, sqlOps[op], w.int(int64(whole)), ")")
	case w.Dialect == SQLite && small, w.Dialect != SQLite && x.typ == Float:
		return v.guard(sql("(", x.expr, sqlOps[op], w.double(n), ")"), m)
	}
	return v.guard(sql("(", v.expr, sqlOps[op], w.double(n), ")"), m)
}

// int is a bound integer. What not every reader of JSON keeps is sent as text.
func (w *writer) int(n int64) frag {
	p, as := param(n), map[Dialect]string{SQLite: "INTEGER", PostgreSQL: "bigint", MySQL: "SIGNED"}[w.Dialect]
	if n > maxExact || n < -maxExact {
		p = param(strconv.FormatInt(n, 10))
		if w.Dialect == PostgreSQL {
			p = sql("CAST(", p, " AS text)")
		}
	}
	return sql("CAST(", p, " AS ", as, ")")
}

// double is a bound number.
func (w *writer) double(n float64) frag {
	return sql("CAST(", param(n), " AS ", map[Dialect]string{SQLite: "REAL", PostgreSQL: "double precision", MySQL: "DOUBLE"}[w.Dialect], ")")
}

// amongNumbers asks whether a number is one of some.
func (w *writer) amongNumbers(x operand, v value, values []scalar, m mode) frag {
	if len(values) == 1 {
		return w.compareNumber(Equal, x, v, values[0].num, m)
	}
	var conds []frag
	odd := values
	if x.typ == Int || w.Dialect == SQLite {
		var whole []scalar
		whole, odd = split(values, func(s scalar) bool { return math.Abs(s.num) <= maxExact && s.num == math.Floor(s.num) })
		ids := make([]int64, len(whole))
		for i, s := range whole {
			ids[i] = int64(s.num)
		}
		if len(ids) > 0 {
			conds = append(conds, w.amongInts(x, v, ids, m))
		}
	}
	if w.Dialect == PostgreSQL && len(odd) > 0 {
		list := make([]float64, len(odd))
		for i, s := range odd {
			list[i] = s.num
		}
		conds = append(conds, v.guard(sql("(", v.expr, " = ANY(CAST(", param(list), " AS double precision[])))"), m))
		odd = nil
	}
	for _, s := range odd {
		conds = append(conds, w.compareNumber(Equal, x, v, s.num, m))
	}
	return anyOf(conds...)
}

// amongInts asks whether an integer is one of some.
func (w *writer) amongInts(x operand, v value, ids []int64, m mode) frag {
	var cond frag
	switch {
	case len(ids) == 0:
		return v.known(false, m)
	case len(ids) == 1:
		cond = sql("(", x.expr, " = ", w.int(ids[0]), ")")
	case w.Dialect == PostgreSQL:
		list := make([]string, len(ids))
		for i, n := range ids {
			list[i] = strconv.FormatInt(n, 10)
		}
		cond = sql("(", x.expr, " = ANY(CAST(CAST(", param(list), " AS text[]) AS bigint[])))")
	case w.Dialect == MySQL:
		cond = sql("(", x.expr, " IN (SELECT rolegate_v FROM JSON_TABLE(", param(jsonList(ids)), ", '$[*]' COLUMNS(rolegate_v BIGINT PATH '$')) ", w.alias(), "))")
	default:
		cond = sql("(", x.expr, " IN (SELECT value FROM json_each(", param(jsonList(ids)), ")))")
	}
	return v.guard(cond, m)
}

// boolean reads an operand as a bool.
func (w *writer) boolean(x operand) value {
	switch {
	case w.Dialect == PostgreSQL && x.typ == JSON:
		return value{expr: sql("CAST(", x.expr, " AS boolean)"), there: sql("(", x.kind, " = 'boolean')"), fragile: true}
	case w.Dialect == PostgreSQL:
		return value{expr: x.expr}
	case w.Dialect == SQLite && x.typ == JSON:
		return value{expr: x.expr, there: sql("(", x.kind, " IN ('true', 'false'))")}
	case w.Dialect == SQLite:
		return value{expr: x.expr, there: sql("(typeof(", x.expr, ") = 'integer' AND ", x.expr, " IN (0, 1))")}
	case x.typ == JSON:
		return value{expr: sql("(CAST(JSON_UNQUOTE(", x.expr, ") AS BINARY) = 'true')"), there: sql("(", x.kind, " = 'BOOLEAN')"), fragile: true}
	}
	return value{expr: x.expr, there: sql("(", x.expr, " IN (0, 1))")}
}

func (w *writer) bool(b bool) string {
	switch {
	case w.Dialect == PostgreSQL && b:
		return "TRUE"
	case w.Dialect == PostgreSQL:
		return "FALSE"
	case b:
		return "1"
	}
	return "0"
}
