package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"rolegate/model"
)

// operand is a value or a list in the text, before it is known which is wanted.
type operand struct {
	Term
	terms []Term // of a literal list
	at    int
	name  string // for messages
}

// roots are the variables. All have members, and none stands alone.
var roots = map[string]string{
	"record":  "record.owner",
	"user":    "user.id",
	"action":  "action.reason",
	"request": "request.time",
}

// wellKnown are the record attributes that scopes read too. They have their
// types without being declared; Prefix is the kind of what they name.
var wellKnown = map[string]Attr{
	"id":         {Type: Type{String, Single}},
	"owner":      {Type: Type{String, Single}, Prefix: "user:"},
	"created_by": {Type: Type{String, Single}, Prefix: "user:"},
	"assignees":  {Type: Type{String, ListOf}, Prefix: "user:"},
	"teams":      {Type: Type{String, ListOf}, Prefix: "team:"},
	"unit":       {Type: Type{String, Single}, Prefix: "unit:"},
	"territory":  {Type: Type{String, Single}, Prefix: "territory:"},
	"account":    {Type: Type{String, Single}, Prefix: "account:"},
	"contacts":   {Type: Type{String, ListOf}, Prefix: "contact:"},
}

// PrefixOf is the Prefix of an attribute of the record, "" without one.
func PrefixOf(attribute string) string { return wellKnown[attribute].Prefix }

var userBuiltIn = map[string]Attr{
	"id":    {From: UserID, Type: Type{String, Single}, Prefix: "user:"},
	"roles": {From: UserRoles, Type: Type{String, ListOf}},
	"teams": {From: UserTeams, Type: Type{String, ListOf}, Prefix: "team:"},
	"unit":  {From: UserUnit, Type: Type{String, Single}, Prefix: "unit:"},
}

var requestBuiltIn = map[string]Attr{
	"time":     {From: RequestTime, Type: Type{Time, Single}},
	"ip":       {From: RequestIP, Type: Type{String, Single}},
	"acr":      {From: RequestACR, Type: Type{Number, Single}},
	"amr":      {From: RequestAMR, Type: Type{String, ListOf}},
	"auth_age": {From: RequestAuthAge, Type: Type{Number, Single}},
	"client":   {From: RequestClient, Type: Type{String, Single}},
}

// reservedContext are members of the caller's context with meanings of their own.
var reservedContext = map[string]model.Phrase{
	"ip":           model.Say("it is request.ip"),
	"access_token": model.Say("what it proves is request.acr, request.amr and request.auth_age"),
	"min_revision": model.Say("it is no fact about the request"),
}

// operand compiles what can be compared.
func (c *compiler) operand(e ast.Expr) operand {
	o := operand{at: c.place(e)}
	switch e.Kind() {
	case ast.LiteralKind:
		c.literal(&o, e)
	case ast.IdentKind:
		o.name = spell(e.AsIdent())
		if example, ok := roots[e.AsIdent()]; ok {
			c.refuse(o.at, "%s cannot stand alone: name a member, such as %s", o.name, example)
		} else {
			c.refuse(o.at, "%s is not declared: there are record, user, action and request", o.name)
		}
	case ast.SelectKind:
		c.member(&o, e)
	case ast.ListKind:
		c.literalList(&o, e)
	case ast.CallKind:
		c.made(&o, e)
	case ast.MapKind:
		c.refuse(o.at, "map literals are not allowed")
	case ast.StructKind:
		c.refuse(o.at, "message literals are not allowed")
	default:
		c.refuse(o.at, "this construct is not allowed")
	}
	return o
}

func (c *compiler) literal(o *operand, e ast.Expr) {
	switch v := e.AsLiteral().(type) {
	case types.String:
		o.name = show(string(v))
		o.Value = scalar{kind: String, str: string(v)}
		if strings.ContainsRune(string(v), 0) {
			c.refuse(o.at, "a string with a zero byte is not allowed")
		}
	case types.Int:
		c.number(o, fmt.Sprint(int64(v)), float64(v))
	case types.Double:
		c.number(o, fmt.Sprint(float64(v)), float64(v))
	case types.Bool:
		o.name = fmt.Sprint(bool(v))
		o.Value = boolean(bool(v))
	case types.Null:
		c.refuse(o.at, "null is not allowed: has(record.x) tells whether there is something")
	case types.Uint:
		c.refuse(o.at, "unsigned integers are not allowed: leave the u away")
	case types.Bytes:
		c.refuse(o.at, "bytes are not allowed")
	default:
		c.refuse(o.at, "this literal is not allowed")
	}
	o.Type = Type{o.Value.kind, Single}
}

// number refuses what JSON's doubles hold only roughly: a column might differ.
func (c *compiler) number(o *operand, text string, n float64) {
	o.name = text
	o.Value = scalar{kind: Number, num: n}
	if n > maxExact || n < -maxExact {
		c.refuse(o.at, "the number %s is %s", text, tooLarge)
	}
}

// show quotes text of the author's for a message.
func show(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return "'" + strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text) + "'"
}

// member compiles record.NAME and its like.
func (c *compiler) member(o *operand, e ast.Expr) {
	path, shown, ok := pathOf(e)
	o.name = shown
	if !ok {
		o.name = "." + spell(e.AsSelect().FieldName())
		c.refuse(o.at, "%s is a member of something that has none", o.name)
		return
	}
	root, name := path[0], path[1]
	inContext := root == "request" && name == "context"
	switch {
	case roots[root] == "":
		c.refuse(o.at, "%s is not declared: there are record, user, action and request", spell(root))
	case inContext && len(path) == 2:
		c.refuse(o.at, "request.context cannot stand alone: name a member, such as request.context.channel")
	case !inContext && len(path) > 2, len(path) > 3:
		c.refuse(o.at, "%s reaches into an attribute: paths below %s.%s are not allowed", o.name, root, spell(name))
	case root == "record":
		o.Attr = c.recordField(o.at, name)
	case root == "user":
		o.Attr = Attr{From: User, Name: name, Exact: true}
		if a, ok := userBuiltIn[name]; ok {
			o.Attr = a
		}
	case root == "action":
		o.Attr = Attr{From: Action, Name: name, Exact: true}
	case inContext:
		o.Attr = Attr{From: Context, Name: path[2], Exact: true}
		if instead, ok := reservedContext[path[2]]; ok {
			c.refuse(o.at, "%s is not allowed: %s", o.name, instead)
		}
	default:
		if o.Attr, ok = requestBuiltIn[name]; !ok {
			c.refuse(o.at, "%s is not declared: request has time, ip, acr, amr, auth_age, client, and request.context.NAME for what the caller sends", o.name)
		}
	}
}

func (c *compiler) recordField(at int, name string) Attr {
	if !slices.Contains(c.fields, name) {
		c.fields = append(c.fields, name)
	}
	a := wellKnown[name]
	a.From, a.Name = Record, name
	declared := ""
	if c.schema != nil {
		declared = c.schema(name)
	}
	if declared == "" {
		return a
	}
	t, ok := typeOf(declared)
	if !ok {
		c.refuse(at, "record.%s is declared as %q, a type that conditions do not know", spell(name), declared)
	}
	a.Type = t
	return a
}

// pathOf takes a.b.c apart, into a token and names, and shows how it is written;
// false if it does not begin with a name.
func pathOf(e ast.Expr) (path []string, shown string, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}, spell(e.AsIdent()), true
	case ast.SelectKind:
		member := e.AsSelect().FieldName()
		path, shown, ok = pathOf(e.AsSelect().Operand())
		return append(path, nameOf(member)), shown + "." + spell(member), ok
	}
	return nil, "", false
}

func (c *compiler) literalList(o *operand, e ast.Expr) {
	o.name = "[…]"
	o.Type.Shape = ListOf
	for _, el := range e.AsList().Elements() {
		x := c.operand(el)
		if x.From == Record {
			c.refuse(x.at, "%s inside a list is not allowed: a list holds literals and values of the user's or the request's", x.name)
		}
		if x.Type.Shape == ListOf {
			c.refuse(x.at, "a list inside a list is not allowed")
		}
		if o.Type.Kind != Any && x.Type.Kind != Any && o.Type.Kind != x.Type.Kind {
			c.refuse(x.at, "%s is %s in a list of %s", x.name, x.Type.Kind.phrase(), o.Type.Kind.plural())
		}
		if x.Type.Kind != Any {
			o.Type.Kind = x.Type.Kind
		}
		o.terms = append(o.terms, c.single(x))
	}
}

// made compiles the calls that make a value, all on the request's side.
func (c *compiler) made(o *operand, e ast.Expr) {
	call := e.AsCall()
	name := call.FunctionName()
	o.name = name
	_, isPart := parts[Part(name)]
	switch {
	case name == operators.Add || name == operators.Subtract:
		c.shifted(o, e)
	case isPart && call.IsMemberFunction():
		c.part(o, e)
	case name == "timestamp" && !call.IsMemberFunction():
		c.timestamp(o, e)
	default:
		c.refuseCall(o, e)
	}
}

// ordinary tells whether a name is none of those CEL makes up itself.
func ordinary(name string) bool {
	return !strings.HasPrefix(name, "__") && !strings.ContainsAny(name, ".@`")
}
