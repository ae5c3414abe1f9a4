package condition

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a zone that one replica knows all know

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"rolegate/model"
)

// maxShift bounds what is added to request.time.
const maxShift = 100 * 366 * 24 * time.Hour

// shifted compiles request.time plus or minus durations.
func (c *compiler) shifted(o *operand, e ast.Expr) {
	call := e.AsCall()
	*o = c.operand(call.Args()[0])
	if o.From != RequestTime || o.Part != "" {
		c.refuse(c.place(e), "%s is not allowed: only request.time plus or minus a duration is computed", symbol(call.FunctionName()))
		return
	}
	by := call.Args()[1]
	text, ok := c.literalArgument(by, "duration")
	if !ok {
		c.refuse(c.place(by), "request.time is moved by a duration only, such as duration('24h')")
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d.Abs() > maxShift {
		c.refuse(c.place(by), "%s is no duration of at most 100 years, such as 90m or 24h", show(text))
		return
	}
	if call.FunctionName() == operators.Subtract {
		d = -d
	}
	if o.Shift += d; o.Shift.Abs() > maxShift {
		c.refuse(c.place(e), "request.time is moved by more than 100 years")
	}
}

// timestamp compiles timestamp('…').
func (c *compiler) timestamp(o *operand, e ast.Expr) {
	text, ok := c.literalArgument(e, "timestamp")
	if !ok {
		c.refuse(o.at, "timestamp needs a literal; an attribute that holds a time is compared as it is")
		return
	}
	at, ok := parseTime(text)
	if !ok {
		c.refuse(o.at, "%s is no time: write RFC 3339, such as 2026-01-31T00:00:00Z", show(text))
	}
	o.name = "timestamp(" + show(text) + ")"
	o.Type = Type{Time, Single}
	o.Value = at
}

// part compiles request.time.getHours('Asia/Shanghai') and its like.
func (c *compiler) part(o *operand, e ast.Expr) {
	call := e.AsCall()
	at, name := o.at, call.FunctionName()
	*o = c.operand(call.Target())
	o.at = at
	if o.From != RequestTime || o.Part != "" {
		c.refuse(at, "%s is a part of request.time only", name)
		return
	}
	o.name, o.Part, o.Zone, o.Type = name, Part(name), time.UTC, Type{Number, Single}
	switch args := call.Args(); {
	case len(args) > 1:
		c.refuse(at, "%s needs a time zone or nothing", name)
	case len(args) == 1:
		o.Zone = c.zone(name, args[0])
	}
}

// fixedZone is the spelling of zones without a name.
var fixedZone = regexp.MustCompile(`^[+-]([01][0-9]|2[0-3]):[0-5][0-9]$`)

func (c *compiler) zone(function string, e ast.Expr) *time.Location {
	zone, ok := literalString(e)
	if !ok {
		c.refuse(c.place(e), "the time zone of %s must be a literal, such as 'Asia/Shanghai'", function)
		return time.UTC
	}
	if fixedZone.MatchString(zone) {
		// Not time.Parse, which takes the machine's zone if that is as far off today.
		t, _ := time.ParseInLocation("-07:00", zone, time.UTC)
		return t.Location()
	}
	// "" and "Local" are what the machine makes of them.
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		c.refuse(c.place(e), "%s is no time zone, such as 'Asia/Shanghai' or '+08:00'", show(zone))
		return time.UTC
	}
	return loc
}

// inCIDR compiles inCIDR(request.ip, '10.0.0.0/8'), or a list of networks.
func (c *compiler) inCIDR(e ast.Expr, args []ast.Expr) Node {
	if !c.count(e, args, 2) {
		return &Const{}
	}
	ip := c.operand(args[0])
	if ip.From == Record {
		c.refuse(ip.at, "inCIDR looks at addresses of the user's or the request's: %s is the record's", ip.name)
	}
	literals := []ast.Expr{args[1]}
	if args[1].Kind() == ast.ListKind {
		literals = args[1].AsList().Elements()
	}
	n := &InCIDR{IP: c.string(ip)}
	for _, l := range literals {
		text, ok := literalString(l)
		if !ok {
			c.refuse(c.place(l), "the networks of inCIDR must be literals, such as '10.0.0.0/8'")
		}
		n.Nets = append(n.Nets, c.network(c.place(l), text))
	}
	if len(literals) == 0 {
		c.refuse(c.place(args[1]), "inCIDR needs at least one network")
	}
	return n
}

func (c *compiler) network(at int, text string) netip.Prefix {
	net, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		c.refuse(at, "%s is no network, such as '10.0.0.0/8'", show(text))
	case net.Addr().Is4In6():
		c.refuse(at, "%s wraps IPv4 in IPv6: write the IPv4 network", show(text))
	case net != net.Masked():
		c.refuse(at, "%s has bits beyond its length: write '%s'", show(text), net.Masked().String())
	}
	return net
}

func literalString(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().Value().(string)
	return s, ok
}

// literalArgument returns the text of function('text').
func (c *compiler) literalArgument(e ast.Expr, function string) (string, bool) {
	if e.Kind() != ast.CallKind {
		return "", false
	}
	call := e.AsCall()
	if call.FunctionName() != function || call.IsMemberFunction() || len(call.Args()) != 1 {
		return "", false
	}
	return literalString(call.Args()[0])
}

// instead says what to write for what is not allowed.
var instead = map[string]model.Phrase{
	"?:":         model.Say("use && and ||"),
	"[]":         model.Say("use in, exists or all"),
	"matches":    model.Say("use startsWith, endsWith or contains"),
	"map":        model.Say("of the macros there are has, exists and all"),
	"filter":     model.Say("of the macros there are has, exists and all"),
	"exists_one": model.Say("of the macros there are has, exists and all"),
	"+":          model.Say("only request.time plus or minus a duration is computed"),
	"-":          model.Say("only request.time plus or minus a duration is computed"),
	"duration":   model.Say("it only moves request.time, as in request.time - duration('24h')"),
}

// usage shows the calls with a truth value, as they are written.
var usage = map[string]string{
	"has":        "has(record.x)",
	"below":      "below(record.unit, user.unit)",
	"inCIDR":     "inCIDR(request.ip, '10.0.0.0/8')",
	"exists":     "record.tags.exists(x, x in user.tags)",
	"all":        "record.tags.all(x, x in user.tags)",
	"startsWith": "record.x.startsWith('a')",
	"endsWith":   "record.x.endsWith('a')",
	"contains":   "record.x.contains('a')",
}

// refuseCall refuses a call that makes no value.
func (c *compiler) refuseCall(o *operand, e ast.Expr) {
	call := e.AsCall()
	name := symbol(call.FunctionName())
	example, conditional := usage[name]
	misused := conditional && call.IsMemberFunction() != strings.HasPrefix(example, "record.")
	hint, known := instead[name]
	switch {
	case misused:
		c.refuse(o.at, "%s is not written so: write %s", name, example)
	case conditional || isOperator(name):
		c.refuse(o.at, "%s makes a condition, and conditions are not compared: join them with &&, || and !", name)
	case known:
		c.refuse(o.at, "%s is not allowed: %s", name, hint)
	default:
		c.refuse(o.at, "%s is not allowed", name)
	}
}

// isOperator tells whether the result of an operator is a condition.
func isOperator(symbol string) bool {
	switch symbol {
	case "&&", "||", "!", "in", "==", "!=", "<", "<=", ">", ">=":
		return true
	}
	return false
}

// symbol is a function's name, or an operator as it is written.
func symbol(function string) string {
	switch function {
	case operators.Conditional:
		return "?:"
	case operators.Index:
		return "[]"
	}
	if operator, ok := operators.FindReverse(function); ok {
		return operator
	}
	return spell(function)
}
