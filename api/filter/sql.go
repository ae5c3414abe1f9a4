package filter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SQL writes the filter as a condition for WHERE, to stand beside others under AND.
// It is TRUE for the rows whose record passes: the record that the caller's
// backend sends when it asks about the row alone, see ColumnType.
//
// No value is in the text: params go to its placeholders in order. They are "?",
// or, on PostgreSQL, $first and up, of which each may appear more than once. A
// parameter is a string, int64, float64 or, on PostgreSQL only, a []string,
// []int64 or []float64 for an array.
//
// columns has the column of every field the filter asks for, and may have others;
// each must be one, so that a mistake shows whoever is asked about. An error is a
// ColumnError or tells what is wrong with the filter; there is no text then.
func (f Filter) SQL(d Dialect, columns map[string]Column, first int) (text string, params []any, err error) {
	if d != SQLite && d != PostgreSQL && d != MySQL {
		return "", nil, fmt.Errorf("filter: unknown dialect %q", d)
	}
	if first < 1 {
		return "", nil, fmt.Errorf("filter: placeholders begin at 1, not %d", first)
	}
	if err := f.Validate(); err != nil {
		return "", nil, err
	}
	for _, field := range slices.Sorted(maps.Keys(columns)) {
		if _, why := columns[field].in(d); why.format != "" {
			return "", nil, why.about(field, "")
		}
	}
	switch f.Kind {
	case Always:
		return "TRUE", []any{}, nil
	case Conditional:
		return f.Expr.sql(d, columns, first)
	}
	return "FALSE", []any{}, nil
}

// sql is the expression as a condition for WHERE.
func (e *Expr) sql(d Dialect, columns map[string]Column, first int) (string, []any, error) {
	w := writer{Dialect: d, columns: columns}
	f := w.expr(e, loose)
	if w.err != nil {
		return "", nil, w.err
	}
	text, params := f.render(d, first)
	last := len(params)
	if d == PostgreSQL {
		last += first - 1
	}
	if n := maxParams[d]; last > n {
		return "", nil, fmt.Errorf("filter: %d parameters, of which %s takes %d", last, d, n)
	}
	return text, params, nil
}

var maxParams = map[Dialect]int{SQLite: 32_766, PostgreSQL: 65_535, MySQL: 65_535}

// mode says what a condition is needed for. Loose, it may be FALSE where it
// should be NULL or the other way round, since both let nothing pass; so it may
// begin with a plain comparison that finds an index. Strict, it may not: it is
// about to be negated.
type mode bool

const (
	loose  mode = false
	strict mode = true
)

// writer turns expressions into SQL.
type writer struct {
	Dialect
	columns map[string]Column
	aliases int
	now     *Expr // that is being written, for errors
	err     error // the first
}

// aliasPrefix begins the names we give; no name of others does.
const aliasPrefix = "rolegate_"

func (w *writer) alias() string {
	w.aliases++
	return fmt.Sprint(aliasPrefix, w.aliases)
}

// refuse keeps the error and gives what lets nothing pass.
func (w *writer) refuse(field, format string, args ...any) frag {
	return w.refuseFor(field, because(format, args...))
}

func (w *writer) refuseFor(field string, why reason) frag {
	if w.err == nil {
		w.err = why.about(field, w.now.Op)
	}
	return sql("FALSE")
}

func (w *writer) unknown() frag {
	if w.Dialect == PostgreSQL {
		return sql("CAST(NULL AS boolean)")
	}
	return sql("NULL")
}

func constant(b bool) frag {
	if b {
		return sql("TRUE")
	}
	return sql("FALSE")
}

func (w *writer) expr(e *Expr, m mode) frag {
	switch e.Op {
	case True, False:
		return constant(e.Op == True)
	case Unknown:
		return w.unknown()
	case And, Or:
		parts := make([]frag, len(e.Args))
		for i := range e.Args {
			parts[i] = w.expr(&e.Args[i], m)
		}
		return logic(map[Op]string{And: " AND ", Or: " OR "}[e.Op], parts...)
	case Not:
		return negate(w.expr(&e.Args[0], strict))
	case Known:
		f := w.expr(&e.Args[0], loose)
		if m == strict {
			return sql("COALESCE(", f, ", FALSE)")
		}
		return f
	}
	w.now = e
	return w.field(e, m)
}

// field asks about one or two columns.
func (w *writer) field(e *Expr, m mode) frag {
	c, ok := w.column(e.Field)
	if !ok {
		return sql("FALSE")
	}
	if e.Other != "" {
		o, ok := w.column(e.Other)
		if !ok {
			return sql("FALSE")
		}
		return w.relate(e, c, o, m)
	}
	switch e.Op {
	case Present:
		return w.present(e, c)
	case Has, Any, All:
		return w.quantified(e, c, m)
	case Shared:
		return w.shared(e, c)
	}
	x, ok := w.scalar(e.Field, c)
	if !ok {
		return sql("FALSE")
	}
	return w.test(e, x, e.Type, m)
}

// column finds the column of a field and looks whether it can be used.
func (w *writer) column(field string) (Column, bool) {
	c, ok := w.columns[field]
	if !ok {
		w.refuse(field, "the field has no column")
		return c, false
	}
	c, why := c.in(w.Dialect)
	if why.format != "" {
		w.refuseFor(field, why)
		return c, false
	}
	unpacked := c.Type == JSON || w.now.Other != "" // it may stand where a list is unpacked
	if unpacked && w.Dialect == SQLite && slices.Contains(jsonEachColumns, strings.ToLower(c.Name)) {
		w.refuse(field, "write table.%s: SQLite has a column of that name where it unpacks a list", c.Name)
		return c, false
	}
	return c, true
}

// operand is something in SQL that has a value: a column, or an element of a
// list.
type operand struct {
	field     string
	expr      frag
	typ       ColumnType // JSON: an element, of the type that kind says at run time
	kind      frag       // of JSON: what the dialect calls its type
	column    bool       // and not an element: there may be an index
	collation string
}

// scalar is a column that holds one value.
func (w *writer) scalar(field string, c Column) (operand, bool) {
	switch c.Type {
	case Array, JSON, Join:
		w.refuse(field, "a %s column holds a list, not a single value", c.Type)
		return operand{}, false
	}
	return operand{field: field, expr: sql(w.quote(c.Name)), typ: c.Type, column: true, collation: c.Collation}, true
}

// value is an operand read as a type. cond holds for it only where there does,
// which is tried first if it is fragile: asking might be an error elsewhere. An
// empty there means that expr is NULL where there is no value.
type value struct {
	expr    frag
	there   frag
	fragile bool
}

// guard is the condition about the value, NULL where there is none.
func (v value) guard(cond frag, m mode) frag {
	if m == loose && !v.fragile {
		return allOf(cond, v.there)
	}
	return when(v.there, cond)
}

// exists is a condition that is true where there is a value.
func (v value) exists() frag {
	if v.there.empty() {
		return sql("(", v.expr, " IS NOT NULL)")
	}
	return v.there
}

// known is a condition that is settled for all values that are there.
func (v value) known(b bool, m mode) frag {
	if m == loose && !b {
		return constant(false)
	}
	return when(v.exists(), constant(b))
}

// read reads an operand as a type, or refuses to.
func (w *writer) read(x operand, t Type, prefix string) (value, bool) {
	switch {
	case t == String && reads(x.typ, String):
		return w.text(x, prefix), true
	case t == Number && reads(x.typ, Number):
		return w.number(x), true
	case t == Bool && reads(x.typ, Bool):
		return w.boolean(x), true
	}
	w.refuse(x.field, "a %s column cannot be read as %s", x.typ, t)
	return value{}, false
}

// reads tells whether a column can be read as a type.
func reads(c ColumnType, t Type) bool {
	switch c {
	case JSON:
		return true
	case Text:
		return t == String || t == Time
	case Int:
		return t == String || t == Number
	case Float, Decimal:
		return t == Number
	case UUID:
		return t == String
	case Boolean:
		return t == Bool
	case Timestamp, TimestampUTC, Unix, UnixMilli, UnixMicro:
		return t == Time
	}
	return false
}

// test asks an operand about the expression's Value.
func (w *writer) test(e *Expr, x operand, t Type, m mode) frag {
	if t == Time && reads(x.typ, Time) {
		return w.testTime(e, x, m)
	}
	v, ok := w.read(x, t, e.Prefix)
	if !ok {
		return sql("FALSE")
	}
	values := bound(e)
	switch e.Op {
	case Equal, In, Has, Any, All:
		return w.among(x, v, t, e.Prefix, values, m)
	case NotEqual:
		return negate(w.among(x, v, t, e.Prefix, values, strict))
	case StartsWith, EndsWith, Contains:
		return w.match(e.Op, v, values[0].str, m)
	}
	if t == String {
		return w.orderText(e.Op, v, values[0].str, m)
	}
	return w.compareNumber(e.Op, x, v, values[0].num, m)
}

// among asks whether a value is one of those bound.
func (w *writer) among(x operand, v value, t Type, prefix string, values []scalar, m mode) frag {
	if len(values) == 0 {
		return v.known(false, m)
	}
	switch t {
	case String:
		return w.amongText(x, prefix, values, m)
	case Number:
		return w.amongNumbers(x, v, values, m)
	}
	var conds []frag
	for _, b := range values {
		conds = append(conds, sql(v.expr, " = ", w.bool(b.num == 1)))
	}
	return v.guard(anyOf(conds...), m)
}

// sqlOps are the comparisons.
var sqlOps = map[Op]string{Equal: " = ", NotEqual: " <> ", Less: " < ", LessOrEqual: " <= ", Greater: " > ", GreaterOrEqual: " >= "}

// relate asks about two columns.
func (w *writer) relate(e *Expr, c, o Column, m mode) frag {
	x, ok := w.scalar(e.Field, c)
	if !ok {
		return sql("FALSE")
	}
	t := e.Type
	if t == AnyType {
		if t, ok = sentAs(c.Type); !ok {
			return w.refuse(e.Field, "what is sent for a %s column depends on the type of the field, which the catalogue does not tell", c.Type)
		}
	}
	if e.Op == In {
		return w.inList(e, x, t, c, o)
	}
	y, ok := w.scalar(e.Other, o)
	if !ok {
		return sql("FALSE")
	}
	if e.Type == AnyType {
		u, ok := sentAs(o.Type)
		if !ok {
			return w.refuse(e.Other, "what is sent for a %s column depends on the type of the field, which the catalogue does not tell", o.Type)
		}
		if t != u || t == Bool && e.Op.orders() {
			return w.unknown()
		}
	}
	return w.pair(e.Op, x, y, t, e.Prefix, e.OtherPrefix)
}

// sentAs is the type of what is sent for a column, if the field's does not
// matter.
func sentAs(c ColumnType) (Type, bool) {
	switch c {
	case Text, UUID:
		return String, true
	case Float, Decimal:
		return Number, true
	case Boolean:
		return Bool, true
	}
	return AnyType, false
}

// pair compares two operands of a type. Of numbers beyond 2^53-1 it says nothing.
func (w *writer) pair(op Op, x, y operand, t Type, xPrefix, yPrefix string) frag {
	if t == Time {
		return w.pairTimes(op, x, y)
	}
	v, ok := w.read(x, t, xPrefix)
	if !ok {
		return sql("FALSE")
	}
	u, ok := w.read(y, t, yPrefix)
	if !ok {
		return sql("FALSE")
	}
	if t == Number {
		v, u = w.exact(x, v), w.exact(y, u)
	}
	cond := sql("(", v.expr, sqlOps[op], u.expr, ")")
	there := []frag{v.exists(), u.exists()}
	return when(allOf(there...), cond)
}
