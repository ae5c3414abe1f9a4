package filter

import (
	"strconv"
	"time"
)

// perSecond is what an integer column of times counts.
var perSecond = map[ColumnType]int64{Unix: 1, UnixMilli: 1_000, UnixMicro: 1_000_000}

// The years that RFC 3339 can write, in seconds since 1970: from the first to
// before the second.
var firstSecond, endSecond = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// testTime asks an operand about the times of the expression's Value.
func (w *writer) testTime(e *Expr, x operand, m mode) frag {
	values := bound(e)
	switch {
	case e.Op.orders() || e.Op == NotEqual:
		return w.compareTime(e.Op, x, values[0], m)
	case len(values) == 0:
		return w.knownTime(x, false)
	}
	var conds []frag
	for _, t := range values {
		conds = append(conds, w.compareTime(Equal, x, t, m))
	}
	return anyOf(conds...)
}

func (w *writer) knownTime(x operand, b bool) frag { return when(w.isTime(x), constant(b)) }

// isTime is the condition that an operand holds a time.
func (w *writer) isTime(x operand) frag {
	switch x.typ {
	case Unix, UnixMilli, UnixMicro:
		n := perSecond[x.typ]
		in := sql("(", x.expr, " >= ", strconv.FormatInt(firstSecond*n, 10), " AND ", x.expr, " < ", strconv.FormatInt(endSecond*n, 10), ")")
		if w.Dialect == SQLite {
			in = sql("(typeof(", x.expr, ") = 'integer' AND ", in, ")")
		}
		return in
	case Timestamp:
		return sql("(", x.expr, " >= TIMESTAMPTZ '0001-01-01 00:00:00+00 BC' AND ", x.expr, " < TIMESTAMPTZ '10000-01-01 00:00:00+00')")
	case TimestampUTC:
		if w.Dialect == MySQL { // where it also holds days that are none
			return sql("(DAYOFMONTH(", x.expr, ") BETWEEN 1 AND DAYOFMONTH(LAST_DAY(", x.expr, ")))")
		}
		return sql("(", x.expr, " >= TIMESTAMP '0001-01-01 00:00:00 BC' AND ", x.expr, " < TIMESTAMP '10000-01-01 00:00:00')")
	}
	v := w.text(x, "")
	return when(v.exists(), w.isRFC3339(w.clock(x)))
}

// compareTime compares with a bound time.
func (w *writer) compareTime(op Op, x operand, t scalar, m mode) frag {
	unit := perSecond[x.typ]
	switch x.typ {
	case Text, JSON:
		v := w.instant(x)
		return when(v.there, order(op, v.sec, sql(w.int(t.sec)), v.nano, sql(w.int(int64(t.nano)))))
	case Timestamp, TimestampUTC:
		unit = 1_000_000
	}
	switch {
	case t.sec < firstSecond:
		return w.knownTime(x, op.holds(1) == Yes)
	case t.sec >= endSecond:
		return w.knownTime(x, op.holds(-1) == Yes)
	}
	// Between two ticks of the column: equal to none of them.
	if tick := int32(1_000_000_000 / unit); t.nano%tick != 0 {
		t.nano -= t.nano % tick
		switch op {
		case Equal, NotEqual:
			return w.knownTime(x, op == NotEqual)
		case Less:
			op = LessOrEqual
		case GreaterOrEqual:
			op = Greater
		}
	}
	at := w.int(t.sec*unit + int64(t.nano)/(1_000_000_000/unit))
	if _, counts := perSecond[x.typ]; !counts {
		at = w.timestamp(x.typ, time.Unix(t.sec, int64(t.nano)).UTC())
	}
	return value{expr: x.expr, there: w.isTime(x)}.guard(sql("(", x.expr, sqlOps[op], at, ")"), m)
}

// timestamp is a bound time of a native column.
func (w *writer) timestamp(typ ColumnType, t time.Time) frag {
	const layout = "2006-01-02 15:04:05.000000"
	if w.Dialect == MySQL {
		return sql("CAST(", param(t.Format(layout)), " AS DATETIME(6))")
	}
	zone, name := "", "timestamp"
	if typ == Timestamp {
		zone, name = "+00", "timestamptz"
	}
	s := t.Format(layout) + zone
	if t.Year() == 0 {
		s = "0001" + s[4:] + " BC"
	}
	return sql("CAST(CAST(", param(s), " AS text) AS ", name, ")")
}

// instant is an operand as whole seconds since 1970 and nanoseconds. Without a
// time there, even to ask for them may be an error.
type instant struct{ there, sec, nano frag }

func (w *writer) instant(x operand) instant {
	i := instant{there: w.isTime(x)}
	ticks, unit := x.expr, perSecond[x.typ]
	switch x.typ {
	case Text, JSON:
		i.sec, i.nano = w.parse(w.clock(x))
		return i
	case Timestamp, TimestampUTC:
		unit = 1_000_000
		ticks = sql("CAST(extract(epoch FROM ", x.expr, ") * 1000000 AS bigint)")
		if w.Dialect == MySQL {
			ticks = sql("TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ", x.expr, ")")
		}
	}
	// Division rounds towards zero, and a time before 1970 has its rest below it.
	rest := sql("((", ticks, " % ", int(unit), " + ", int(unit), ") % ", int(unit), ")")
	divide := " / "
	if w.Dialect == MySQL {
		divide = " DIV "
	}
	i.sec = sql("((", ticks, " - ", rest, ")", divide, int(unit), ")")
	i.nano = sql("(", rest, " * ", int(1_000_000_000/unit), ")")
	return i
}

// order compares pairs of seconds and nanoseconds.
func order(op Op, sec, sec2, nano, nano2 frag) frag {
	same := sql("(", sec, " = ", sec2, " AND ", nano, sqlOps[op], nano2, ")")
	switch op {
	case Equal:
		return same
	case NotEqual:
		return sql("(", sec, " <> ", sec2, " OR ", nano, " <> ", nano2, ")")
	case Less, LessOrEqual:
		return sql("(", sec, " < ", sec2, " OR ", same, ")")
	}
	return sql("(", sec, " > ", sec2, " OR ", same, ")")
}

func (w *writer) pairTimes(op Op, x, y operand) frag {
	for _, o := range []operand{x, y} {
		if !reads(o.typ, Time) {
			return w.refuse(o.field, "a %s column cannot be read as %s", o.typ, Time)
		}
	}
	i, j := w.instant(x), w.instant(y)
	return when(i.there, when(j.there, order(op, i.sec, j.sec, i.nano, j.nano)))
}
