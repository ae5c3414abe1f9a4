package condition

import (
	"strings"
	"time"

	"rolegate/api/filter"
	"rolegate/model"
)

// Filter is the condition as an expression over the columns of a record, with
// all else bound to what the facts say: for every record whose attributes are
// all known it is true, false and unknown exactly where Eval is. f.Record is not
// read. The error tells what an expression cannot say.
func (c *Condition) Filter(f *Facts) (filter.Expr, error) {
	b := binder{Facts: f}
	e := c.root.expr(&b)
	return e, b.err
}

// binder binds what is not of the record.
type binder struct {
	*Facts
	err error // the first
}

func (b *binder) unsayable(format string, args ...any) {
	if b.err == nil {
		b.err = model.Say(format, args...).Err()
	}
}

// open tells whether an attribute is the record's, and not settled for all of
// them: a column.
func (a *Attr) open(f *Facts) bool { return a.From == Record && !f.fixes(a.Name) }

// fixes tells whether the attribute of every record is known beforehand.
func (f *Facts) fixes(name string) bool {
	_, fixed := f.Fixed[name]
	return fixed && name != "id"
}

// constant is an expression that does not ask the record.
func constant(t Truth) filter.Expr {
	switch t {
	case True:
		return filter.Expr{Op: filter.True}
	case False:
		return filter.Expr{Op: filter.False}
	}
	return filter.Expr{Op: filter.Unknown}
}

func (n *Const) expr(*binder) filter.Expr { return constant(n.Truth) }

func (n *Not) expr(b *binder) filter.Expr { return not(n.X.expr(b)) }

func (n *And) expr(b *binder) filter.Expr { return filter.Expr{Op: filter.And, Args: b.all(n.Xs)} }

func (n *Or) expr(b *binder) filter.Expr { return filter.Expr{Op: filter.Or, Args: b.all(n.Xs)} }

func (b *binder) all(nodes []Node) []filter.Expr {
	exprs := make([]filter.Expr, len(nodes))
	for i, n := range nodes {
		exprs[i] = n.expr(b)
	}
	return exprs
}

func not(e filter.Expr) filter.Expr { return filter.Expr{Op: filter.Not, Args: []filter.Expr{e}} }

func both(es ...filter.Expr) filter.Expr { return filter.Expr{Op: filter.And, Args: es} }

func (n *Flag) expr(b *binder) filter.Expr {
	if !n.X.open(b.Facts) {
		return constant(n.eval(b.Facts))
	}
	return filter.Expr{Op: filter.Equal, Field: n.X.Name, Type: filter.Bool, Value: true}
}

// comparisonOps are the operators in an expression, and with the sides exchanged.
var comparisonOps = map[Op]struct{ as, exchanged filter.Op }{
	Equal:          {filter.Equal, filter.Equal},
	NotEqual:       {filter.NotEqual, filter.NotEqual},
	Less:           {filter.Less, filter.Greater},
	LessOrEqual:    {filter.LessOrEqual, filter.GreaterOrEqual},
	Greater:        {filter.Greater, filter.Less},
	GreaterOrEqual: {filter.GreaterOrEqual, filter.LessOrEqual},
}

func (n *Compare) expr(b *binder) filter.Expr {
	x, y, op := &n.X, &n.Y, comparisonOps[n.Op].as
	switch xOpen, yOpen := x.open(b.Facts), y.open(b.Facts); {
	case !xOpen && !yOpen:
		return constant(n.eval(b.Facts))
	case xOpen && yOpen:
		return columns(op, &x.Attr, &y.Attr, n.Kind)
	case yOpen:
		x, y, op = y, x, comparisonOps[n.Op].exchanged
	}
	v, ok := y.read(b.Facts, n.Kind)
	if !ok || v.kind == Bool && n.Op.orders() {
		return constant(Unknown)
	}
	return exactly(&x.Attr, v.kind, b.compare(op, &x.Attr, v))
}

// orders tells whether the operator asks for more than equality.
func (o Op) orders() bool { return o != Equal && o != NotEqual }

// compare is a column against a value that is there.
func (b *binder) compare(op filter.Op, x *Attr, v scalar) filter.Expr {
	e := filter.Expr{Op: op, Field: x.Name, Type: typeNames[v.kind], Value: b.value(v)}
	if v.kind != String || x.Prefix == "" {
		return e
	}
	// A list of both spellings, where that says the same, finds an index.
	switch op {
	case filter.Equal:
		return Among(x.Name, x.Prefix, v.str)
	case filter.NotEqual:
		return not(Among(x.Name, x.Prefix, v.str))
	}
	e.Prefix = x.Prefix
	return e
}

// columns compares two columns, or looks for one in the other.
func columns(op filter.Op, x, y *Attr, k Kind) filter.Expr {
	e := filter.Expr{Op: op, Field: x.Name, Other: y.Name, Type: typeNames[k]}
	if k == String || k == Any {
		e.Prefix, e.OtherPrefix = x.Prefix, y.Prefix
	}
	return e
}

// typeNames are the kinds in an expression.
var typeNames = map[Kind]filter.Type{Any: filter.AnyType, String: filter.String, Number: filter.Number, Bool: filter.Bool, Time: filter.Time}

// exactly is e, but unknown where the column holds a number that is not exact.
// That only matters where two attributes of the record are compared of which one
// is settled (see Facts.Fixed): of two columns an expression means so anyway.
func exactly(x *Attr, k Kind, e filter.Expr) filter.Expr {
	if !x.Exact || k != Number {
		return e
	}
	exact := filter.Expr{Op: filter.Equal, Field: x.Name, Other: x.Name, Type: filter.Number} // true or unknown
	return filter.Expr{Op: filter.Or, Args: []filter.Expr{both(exact, e), not(exact)}}
}

func (n *In) expr(b *binder) filter.Expr {
	switch xOpen, listOpen := n.X.open(b.Facts), n.List.open(b.Facts); {
	case !xOpen && !listOpen:
		return constant(n.eval(b.Facts))
	case xOpen && listOpen:
		return columns(filter.In, &n.X.Attr, &n.List.Attr, n.Kind)
	case xOpen:
		values, kind, ok := b.values(&n.List, n.Kind)
		if !ok {
			return constant(Unknown)
		}
		return exactly(&n.X.Attr, kind, b.member(filter.In, &n.X.Attr, values, kind))
	}
	v, ok := n.X.read(b.Facts, n.Kind)
	if !ok {
		return constant(Unknown)
	}
	if n.List.Exact && v.kind == Number {
		b.unsayable("%s in record.%s compares two numbers of the record of which one is about to change", n.X.Name, n.List.Name)
	}
	if v.kind == String && n.List.Prefix != "" {
		return b.member(filter.Any, &n.List.Attr, []scalar{v}, String)
	}
	return filter.Expr{Op: filter.Has, Field: n.List.Name, Type: typeNames[v.kind], Value: b.value(v)}
}

func (n *Quantified) expr(b *binder) filter.Expr {
	if !n.Over.open(b.Facts) {
		return constant(n.eval(b.Facts))
	}
	values, kind, ok := b.values(&n.L, n.Kind)
	if !ok {
		return constant(Unknown)
	}
	op := filter.Any
	if n.All {
		op = filter.All
	}
	return b.member(op, &n.Over.Attr, values, kind)
}

// values reads a list that is not the record's, and its kind: Any only where it
// is empty.
func (b *binder) values(l *List, k Kind) (values []scalar, kind Kind, ok bool) {
	v, ok := l.view(b.Facts)
	if !ok {
		return nil, k, false
	}
	if kind, ok = v.uniform(k); !ok {
		return nil, k, false
	}
	for i := range v.len() {
		s, _ := v.at(i, kind)
		values = append(values, s)
	}
	return values, kind, true
}

// member is In, Any or All of values of a kind. Of no values and no kind, a
// column of any kind will do: what is false or true of one kind is unknown of
// the others, and false && unknown is false. All of no values is true for an
// empty list, which is one of every kind.
func (b *binder) member(op filter.Op, x *Attr, values []scalar, k Kind) filter.Expr {
	if k == Any {
		var each []filter.Expr
		for _, k := range []Kind{String, Number, Bool} {
			each = append(each, exactly(x, k, b.member(op, x, nil, k)))
		}
		return both(each...)
	}
	list := make([]any, 0, len(values))
	for _, v := range values {
		if v.kind == String {
			list = append(list, Spellings(x.Prefix, v.str)...)
		} else {
			list = append(list, b.value(v))
		}
	}
	return filter.Expr{Op: op, Field: x.Name, Type: typeNames[k], Value: list}
}

// Among is the expression that a column of ids, which may be spelled with a
// prefix, has one of some.
func Among(field, prefix string, ids ...string) filter.Expr {
	list := Spellings(prefix, ids...)
	if len(list) == 1 {
		return filter.Expr{Op: filter.Equal, Field: field, Type: filter.String, Value: list[0]}
	}
	return filter.Expr{Op: filter.In, Field: field, Type: filter.String, Value: list}
}

// Spellings lists what a column may hold that is read as one of the ids: bob and,
// next to it, user:bob. One that already looks like it has a prefix needs another.
func Spellings(prefix string, ids ...string) []any {
	list := make([]any, 0, 2*len(ids))
	for _, id := range ids {
		if bareOf(prefix, id) == id {
			list = append(list, id)
		}
		if prefix != "" && id != "" {
			list = append(list, prefix+id)
		}
	}
	return list
}

// value is a scalar as expressions have it.
func (b *binder) value(s scalar) any {
	switch s.kind {
	case String:
		return s.str
	case Number:
		return s.num
	case Bool:
		return s == boolean(true)
	}
	at := time.Unix(int64(s.num), int64(s.nano)).UTC()
	if y := at.Year(); y < 0 || y > 9999 {
		b.unsayable("a time in the year %d cannot be written down", y)
	}
	return at.Format(time.RFC3339Nano)
}

var matchOps = map[How]filter.Op{StartsWith: filter.StartsWith, EndsWith: filter.EndsWith, Contains: filter.Contains}

func (n *Match) expr(b *binder) filter.Expr {
	if !n.X.open(b.Facts) {
		return constant(n.eval(b.Facts))
	}
	y, ok := n.Y.read(b.Facts, String)
	if !ok {
		return constant(Unknown)
	}
	e := filter.Expr{Op: matchOps[n.How], Field: n.X.Name, Type: filter.String, Value: y.str}
	if y.str != "" {
		e.Prefix = n.X.Prefix
	}
	return e
}

// expr of an attribute with a declared type is unknown where the value
// contradicts it. Of a list that is said by a test that is false for every list
// of the type, and unknown for all else; null is false before that.
func (n *Has) expr(b *binder) filter.Expr {
	if !n.X.open(b.Facts) {
		return constant(n.eval(b.Facts))
	}
	there := filter.Expr{Op: filter.Present, Field: n.X.Name}
	switch n.X.Type.Shape {
	case Single:
		there.Type = typeNames[n.X.Type.Kind]
	case ListOf:
		return both(there, not(filter.Expr{Op: filter.Any, Field: n.X.Name, Type: typeNames[n.X.Type.Kind], Value: []any{}}))
	}
	return there
}

func (n *Below) expr(b *binder) filter.Expr {
	if !n.Unit.open(b.Facts) {
		return constant(n.eval(b.Facts))
	}
	root, ok := n.Root.read(b.Facts, String)
	if !ok || b.Below == nil {
		return constant(Unknown)
	}
	if root.str == "" { // no unit, and nothing is below it
		return b.member(filter.In, &n.Unit.Attr, nil, String)
	}
	if b.Units == nil {
		b.unsayable("the units below another are not known")
		return constant(Unknown)
	}
	ids, cut := b.Units(root.str)
	if cut {
		return filter.Expr{Op: filter.In, Field: n.Unit.Name, Type: filter.String, Value: Cut{}}
	}
	return Among(n.Unit.Name, n.Unit.Prefix, ids...)
}

// Cut is the value of an In or Any in place of a list that was cut short. What is
// simplified away does no harm; else there is no filter, since half a list is wider
// wherever it is negated. No expression with it is valid.
type Cut struct{}

func (n *InCIDR) expr(b *binder) filter.Expr { return constant(n.eval(b.Facts)) }

// bareOf takes a prefix off an id where something is left behind it.
func bareOf(prefix, id string) string {
	if rest, ok := strings.CutPrefix(id, prefix); ok && rest != "" {
		return rest
	}
	return id
}
