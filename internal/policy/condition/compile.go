package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

var comparisons = map[string]Op{
	operators.Equals:        Equal,
	operators.NotEquals:     NotEqual,
	operators.Less:          Less,
	operators.LessEquals:    LessOrEqual,
	operators.Greater:       Greater,
	operators.GreaterEquals: GreaterOrEqual,
}

// condition compiles what must be true, false or unknown.
func (c *compiler) condition(e ast.Expr) Node {
	if e.Kind() == ast.CallKind {
		if n := c.call(e); n != nil {
			return n
		}
	}
	o := c.operand(e)
	if o.From == Literal && o.Value.kind == Bool {
		return &Const{truthOf(o.Value == boolean(true))}
	}
	if o.Type.Shape == ListOf || o.Type.Kind != Any && o.Type.Kind != Bool {
		c.refuse(o.at, "%s is %s, not a condition: compare it with something", o.name, o.Type.phrase())
	}
	return &Flag{c.single(o)}
}

// call compiles the calls that are conditions, and returns nil for all others.
func (c *compiler) call(e ast.Expr) Node {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if op, ok := comparisons[name]; ok {
		return c.compare(e, op, c.operand(args[0]), c.operand(args[1]))
	}
	switch name {
	case operators.LogicalNot:
		return &Not{c.condition(args[0])}
	case operators.LogicalAnd:
		return &And{c.conditions(args)}
	case operators.LogicalOr:
		return &Or{c.conditions(args)}
	case operators.In:
		return c.in(c.operand(args[0]), c.operand(args[1]))
	}
	if call.IsMemberFunction() {
		switch name {
		case "exists", "all":
			return c.quantified(e, name == "all", call.Target(), args)
		case string(StartsWith), string(EndsWith), string(Contains):
			return c.match(e, How(name), call.Target(), args)
		}
		return nil
	}
	switch name {
	case "has":
		return c.has(e, args)
	case "below":
		return c.below(e, args)
	case "inCIDR":
		return c.inCIDR(e, args)
	}
	return nil
}

func (c *compiler) conditions(args []ast.Expr) []Node {
	nodes := make([]Node, len(args))
	for i, arg := range args {
		nodes[i] = c.condition(arg)
	}
	return nodes
}

func (c *compiler) compare(e ast.Expr, op Op, x, y operand) Node {
	for _, o := range []operand{x, y} {
		if o.Type.Shape == ListOf {
			c.refuse(c.place(e), "%s cannot be compared whole, for it is a list: use in, exists or all", o.name)
		}
	}
	kind := c.common(c.place(e), x, y)
	if kind == Bool && op != Equal && op != NotEqual {
		c.refuse(c.place(e), "%s does not order bools: use == or !=", op)
	}
	c.spelledAs(x, y)
	c.spelledAs(y, x)
	beExact(&x, &y)
	return &Compare{Op: op, X: c.single(x), Y: c.single(y), Kind: kind}
}

func (c *compiler) in(x, list operand) Node {
	kind := c.common(list.at, x, list)
	c.spelledAs(list, x)
	c.spelledAs(x, list)
	beExact(&x, &list)
	return &In{X: c.single(x), List: c.list(list), Kind: kind}
}

// beExact makes two attributes of the record say nothing beyond 2^53-1; those
// of the user and the request never do.
func beExact(x, y *operand) {
	if x.From == Record && y.From == Record {
		x.Exact, y.Exact = true, true
	}
}

// quantified compiles over.exists(v, v in l) and over.all(v, v in l).
func (c *compiler) quantified(e ast.Expr, all bool, target ast.Expr, args []ast.Expr) Node {
	name := e.AsCall().FunctionName()
	over := c.operand(target)
	if len(args) != 2 || args[0].Kind() != ast.IdentKind {
		c.refuse(c.place(e), "%s needs a name and a condition, as in record.tags.%[1]s(t, t in user.tags)", name)
		return &Const{}
	}
	v := args[0].AsIdent()
	if _, taken := roots[v]; taken || !ordinary(v) {
		c.refuse(c.place(args[0]), "%s cannot be the name of an element: take another, such as x", spell(v))
	}
	body := args[1]
	if body.Kind() != ast.CallKind || body.AsCall().FunctionName() != operators.In ||
		body.AsCall().Args()[0].Kind() != ast.IdentKind || body.AsCall().Args()[0].AsIdent() != v {
		c.refuse(c.place(body), "within %s only %s in a list is allowed", name, v)
		return &Const{}
	}
	l := c.operand(body.AsCall().Args()[1])
	if l.From == Record {
		c.refuse(l.at, "%s looks in a list of the user's, the request's or a literal one: %s is the record's", name, l.name)
	}
	kind := c.common(l.at, over, l)
	c.spelledAs(over, l)
	c.spelledAs(l, over)
	return &Quantified{All: all, Over: c.list(over), L: c.list(l), Kind: kind}
}

func (c *compiler) match(e ast.Expr, how How, target ast.Expr, args []ast.Expr) Node {
	x := c.operand(target)
	if !c.count(e, args, 1) {
		return &Const{}
	}
	y := c.operand(args[0])
	if y.From == Record {
		c.refuse(y.at, "%s looks for something of the user's, the request's or a literal: %s is the record's", how, y.name)
	}
	c.spelledAs(x, y)
	return &Match{How: how, X: c.string(x), Y: c.string(y)}
}

func (c *compiler) has(e ast.Expr, args []ast.Expr) Node {
	if !c.count(e, args, 1) {
		return &Const{}
	}
	if args[0].Kind() != ast.SelectKind {
		c.refuse(c.place(e), "has needs an attribute, as in has(record.owner)")
		return &Const{}
	}
	return &Has{c.operand(args[0]).Attr}
}

func (c *compiler) below(e ast.Expr, args []ast.Expr) Node {
	if !c.count(e, args, 2) {
		return &Const{}
	}
	unit, root := c.operand(args[0]), c.operand(args[1])
	if root.From == Record {
		c.refuse(root.at, "below needs a unit of the user's or a literal on the right: %s is the record's", root.name)
	}
	for _, o := range []operand{unit, root} {
		c.spelledAs(operand{Term: Term{Attr: Attr{Prefix: "unit:"}}}, o)
	}
	return &Below{Unit: c.string(unit), Root: c.string(root)}
}

// count refuses a call with another number of arguments.
func (c *compiler) count(e ast.Expr, args []ast.Expr, want int) bool {
	if len(args) == want {
		return true
	}
	name := e.AsCall().FunctionName()
	if want == 1 {
		c.refuse(c.place(e), "%s needs one argument", name)
	} else {
		c.refuse(c.place(e), "%s needs %d arguments", name, want)
	}
	return false
}
