package condition

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// A written condition is text of ours and what CEL is asked in its place: the
// same, but where CEL has another idea of absent than we do (see witness_test.go).
type written struct{ text, cel string }

func same(format string, args ...any) written {
	s := fmt.Sprintf(format, args...)
	return written{s, s}
}

// attribute is one that random conditions name. Its type never changes, though
// facts may bring a value of another one.
type attribute struct {
	path     string
	typ      Type
	declared string // in the schema
}

// open tells whether values of the attribute are taken as they come.
func (a attribute) open() bool {
	return a.declared == "" && a.typ.Kind != Time && (notRecord(a) || wellKnown[a.name()].Type == Type{})
}

func (a attribute) name() string { return a.path[strings.LastIndex(a.path, ".")+1:] }

var (
	str, num, boo, tim = Type{String, Single}, Type{Number, Single}, Type{Bool, Single}, Type{Time, Single}
	strs, nums         = Type{String, ListOf}, Type{Number, ListOf}
)

// plain are the attributes that facts draw at random. Half of the record's are declared.
var plain = []attribute{
	{"record.s1", str, "string"}, {"record.s2", str, ""},
	{"record.n1", num, "number"}, {"record.n2", num, ""},
	{"record.b1", boo, "bool"}, {"record.b2", boo, ""},
	{"record.t1", tim, "time"}, {"record.t2", tim, ""},
	{"record.l1", strs, "list of string"}, {"record.l2", strs, ""},
	{"record.m1", nums, "list of number"}, {"record.m2", nums, ""},
	{"record.owner", str, "ref"}, {"record.unit", str, ""}, {"record.assignees", strs, ""}, {"record.teams", strs, ""},
	{"user.s", str, ""}, {"user.n", num, ""}, {"user.b", boo, ""}, {"user.t", tim, ""}, {"user.l", strs, ""}, {"user.m", nums, ""},
	{"action.s", str, ""}, {"action.l", strs, ""},
	{"request.context.s", str, ""}, {"request.context.n", num, ""}, {"request.context.b", boo, ""},
}

var builtIn = []attribute{
	{"user.id", str, "string"}, {"user.unit", str, "string"}, {"user.roles", strs, "list of string"}, {"user.teams", strs, "list of string"},
	{"request.ip", str, "string"}, {"request.client", str, "string"}, {"request.amr", strs, "list of string"},
	{"request.acr", num, "number"}, {"request.auth_age", num, "number"},
}

func generatedSchema(field string) string {
	for _, a := range plain {
		if a.path == "record."+field {
			return a.declared
		}
	}
	return ""
}

var words = []string{"", "a", "ab", "b", "ann", "bob", "sales", "sales/emea", "é", "中文", "A", `q"'\`, "%", "10.1.2.3", "role:lead", "x\ty"}

func word(t *rapid.T) string { return rapid.SampledFrom(words).Draw(t, "word") }

func number(t *rapid.T) float64 { return float64(rapid.IntRange(-4, 8).Draw(t, "halves")) / 2 }

func moment(t *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.IntRange(-6, 6).Draw(t, "hours")) * time.Hour)
}

func quote(s string) string { return strconv.Quote(s) }

// pick draws an attribute of a type.
func pick(t *rapid.T, typ Type, ok func(attribute) bool) attribute {
	all := slices.Concat(plain, builtIn)
	all = slices.DeleteFunc(all, func(a attribute) bool { return a.typ != typ || ok != nil && !ok(a) })
	return rapid.SampledFrom(all).Draw(t, "attribute")
}

func notRecord(a attribute) bool { return !strings.HasPrefix(a.path, "record.") }

// value draws an attribute, a literal or something computed.
func value(t *rapid.T, k Kind) (text string, known bool) {
	choice := rapid.IntRange(0, 3).Draw(t, "value")
	switch {
	case k == Time && choice == 0:
		return fmt.Sprintf("request.time %s duration('%dm')", rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign"), 30*rapid.IntRange(0, 8).Draw(t, "minutes")), true
	case k == Time && choice == 1:
		return fmt.Sprintf("timestamp('%s')", moment(t).Format(time.RFC3339)), true
	case k == Number && choice == 0:
		return fmt.Sprintf("request.time.getHours('%s')", rapid.SampledFrom([]string{"Asia/Shanghai", "UTC", "-12:30"}).Draw(t, "zone")), true
	case k == String && choice <= 1:
		return quote(word(t)), true
	case k == Number && choice <= 1:
		return strconv.FormatFloat(number(t), 'g', -1, 64), true // 1 is an integer, 1.5 is not
	case k == Bool && choice == 0:
		return fmt.Sprint(rapid.Bool().Draw(t, "bool")), true
	}
	a := pick(t, Type{k, Single}, nil)
	return a.path, a.declared != ""
}

// list draws a list that is not the record's.
func list(t *rapid.T, k Kind) string {
	if rapid.Bool().Draw(t, "attribute") {
		return pick(t, Type{k, ListOf}, notRecord).path
	}
	elements := make([]string, rapid.IntRange(0, 3).Draw(t, "length"))
	for i := range elements {
		switch {
		case rapid.IntRange(0, 4).Draw(t, "inside") == 0:
			elements[i] = pick(t, Type{k, Single}, notRecord).path
		case k == String:
			elements[i] = quote(word(t))
		default:
			elements[i] = strconv.FormatFloat(number(t), 'g', -1, 64)
		}
	}
	return "[" + strings.Join(elements, ", ") + "]"
}

// leaf draws a condition without && || !.
func leaf(t *rapid.T) written {
	switch rapid.IntRange(0, 9).Draw(t, "leaf") {
	case 0:
		return same("%s", pick(t, boo, nil).path)
	case 1:
		return same("has(%s)", rapid.SampledFrom(slices.Concat(plain, builtIn)).Draw(t, "attribute").path)
	case 2: // in a list
		k := rapid.SampledFrom([]Kind{String, Number}).Draw(t, "kind")
		x, _ := value(t, k)
		if rapid.Bool().Draw(t, "record's") {
			return roles(same("%s in %s", x, pick(t, Type{k, ListOf}, nil).path))
		}
		return roles(same("%s in %s", x, list(t, k)))
	case 3: // some or all of a list
		k := rapid.SampledFrom([]Kind{String, Number}).Draw(t, "kind")
		over, l := pick(t, Type{k, ListOf}, nil).path, list(t, k)
		how := rapid.SampledFrom([]string{"exists", "all"}).Draw(t, "how")
		w := same("%s.%s(x, x in %s)", over, how, l)
		// CEL does not look at l if there is nothing to look for.
		w.cel = fmt.Sprintf("(size(%s) >= 0 ? %s : false)", l, w.cel)
		return roles(w)
	case 4: // within a string
		how := rapid.SampledFrom([]string{"startsWith", "endsWith", "contains"}).Draw(t, "how")
		y := quote(word(t))
		if rapid.Bool().Draw(t, "attribute") {
			y = pick(t, str, notRecord).path
		}
		return same("%s.%s(%s)", pick(t, str, nil).path, how, y)
	case 5:
		root := quote(word(t))
		if rapid.Bool().Draw(t, "attribute") {
			root = pick(t, str, notRecord).path
		}
		return same("below(%s, %s)", pick(t, str, nil).path, root)
	case 6:
		return same("inCIDR(%s, ['10.0.0.0/8', '2001:db8::/32'])", pick(t, str, notRecord).path)
	case 7: // different types, seen only when they come
		x := pick(t, rapid.SampledFrom([]Type{str, num, boo}).Draw(t, "type"), attribute.open)
		y := pick(t, rapid.SampledFrom([]Type{str, num, boo}).Draw(t, "type"), attribute.open)
		op := rapid.SampledFrom([]string{"==", "!="}).Draw(t, "op")
		w := same("%s %s %s", x.path, op, y.path)
		if x.typ != y.typ {
			w.cel = "1 / 0 == 1" // CEL: not equal
		}
		return w
	default:
		k := rapid.SampledFrom([]Kind{String, Number, Bool, Time}).Draw(t, "kind")
		x, known := value(t, k)
		y, too := value(t, k)
		ops := []string{"==", "!=", "<", "<=", ">", ">="}
		if k == Bool {
			ops = ops[:2]
		}
		if k == Time && !known && !too {
			y = "request.time" // two undeclared strings would not be times
		}
		return same("%s %s %s", x, rapid.SampledFrom(ops).Draw(t, "op"), y)
	}
}

// roles replaces what the compiler refuses because it can never be true.
func roles(w written) written {
	if strings.Contains(w.text, "user.roles") && strings.ContainsAny(w.text, `"[`) {
		return same("'role:lead' in user.roles")
	}
	return w
}

func condition(t *rapid.T, depth int) written {
	if depth == 0 {
		return leaf(t)
	}
	join := func(op string) written {
		a, b := condition(t, depth-1), condition(t, depth-1)
		return written{fmt.Sprintf("(%s %s %s)", a.text, op, b.text), fmt.Sprintf("(%s %s %s)", a.cel, op, b.cel)}
	}
	switch rapid.IntRange(0, 4).Draw(t, "join") {
	case 0, 1:
		return join("&&")
	case 2, 3:
		return join("||")
	}
	a := condition(t, depth-1)
	return written{"!(" + a.text + ")", "!(" + a.cel + ")"}
}

// state is how an attribute is absent, or that it is not.
type state int

const (
	present state = iota
	unsent
	null
	wrong // of another type, or a list with an element of another type
)

// given is one attribute's value: as JSON for us, as CEL should see it.
type given struct {
	state state
	json  any
	cel   any
}

// drawn are the facts of one question before they are put in their places.
type drawn struct {
	plain map[string]given // by path; all of plain
	facts Facts            // what is built in
}

func drawFacts(t *rapid.T) drawn {
	d := drawn{plain: map[string]given{}}
	for _, a := range plain {
		d.plain[a.path] = drawValue(t, a)
	}
	id := func(s string) string { return rapid.SampledFrom([]string{"ann", "bob", "sales", s}).Draw(t, "id") }
	d.facts = Facts{
		UserID: id("a"),
		Roles:  rapid.SampledFrom([][]string{nil, {"role:lead"}, {"role:lead", "role:rep"}}).Draw(t, "roles"),
		Teams:  rapid.SampledFrom([][]string{nil, {"a", "b"}}).Draw(t, "teams"),
		Unit:   rapid.SampledFrom([]string{"", "sales", "sales/emea"}).Draw(t, "unit"),
		IP:     rapid.SampledFrom([]string{"", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "fe80::1%eth0", "10.1.2"}).Draw(t, "ip"),
		Time:   noon,
		ACR:    rapid.IntRange(0, 3).Draw(t, "acr"), AMR: rapid.SampledFrom([][]string{nil, {"a", "otp"}}).Draw(t, "amr"),
		AuthAge: time.Duration(rapid.IntRange(0, 8).Draw(t, "age")) * time.Second / 2, HasAuth: rapid.Bool().Draw(t, "auth"),
		Client: rapid.SampledFrom([]string{"", "a", "crm"}).Draw(t, "client"),
		Below:  func(unit, root string) bool { return unit == root || strings.HasPrefix(unit, root+"/") },
	}
	return d
}

func drawValue(t *rapid.T, a attribute) given {
	g := given{state: rapid.SampledFrom([]state{present, present, present, present, unsent, null, wrong}).Draw(t, "state")}
	if g.state != present {
		if g.state == wrong {
			values := wrongValues[a.typ]
			if a.open() {
				values = incomparable[a.typ.Shape]
			}
			g.json = rapid.SampledFrom(values).Draw(t, "wrong")
		}
		return g
	}
	switch a.typ {
	case str:
		g.json, g.cel = named(a, word(t), rapid.Bool().Draw(t, "prefixed"))
	case num:
		n := number(t)
		g.json, g.cel = n, n
	case boo:
		b := rapid.Bool().Draw(t, "bool")
		g.json, g.cel = b, b
	case tim:
		at := moment(t)
		zone := time.FixedZone("", 1800*rapid.IntRange(-4, 16).Draw(t, "zone"))
		g.json, g.cel = at.In(zone).Format(time.RFC3339), at
	case strs:
		js, cels := []any{}, []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			j, c := named(a, word(t), rapid.Bool().Draw(t, "prefixed"))
			js, cels = append(js, j), append(cels, c)
		}
		g.json, g.cel = js, cels
	case nums:
		l := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			l = append(l, number(t))
		}
		g.json, g.cel = l, l
	}
	return g
}

// named spells an id with its kind now and then, which CEL need not know. Of no id
// there is no kind: "user:" is an id of its own.
func named(a attribute, s string, prefixed bool) (json, cel any) {
	if prefix := wellKnown[a.name()].Prefix; prefixed && prefix != "" && s != "" && !notRecord(a) {
		return prefix + s, s
	}
	return s, s
}

var wrongValues = map[Type][]any{
	str:  {1.0, true, []any{}, []any{"a"}, map[string]any{}},
	num:  {"1", false, []any{1.0}, map[string]any{"a": 1.0}},
	boo:  {"true", 1.0, []any{true}},
	tim:  {"", "soon", 1.0, "2026-03-04", "2026-03-04T1:00:00Z", "2026-03-04T1:00:00.50Z", "2026-03-04T01:00:00+08:60", "2026-03-04T01:00:00,5Z", "2026-03-04T01:00:00+24:00", "2026-03-04T25:00:00Z"},
	strs: {"a", []any{"a", 1.0}, []any{1.0}, []any{"a", nil}, []any{[]any{"a"}}, map[string]any{}},
	nums: {1.0, []any{1.0, "a"}, []any{true}, []any{nil, 1.0}},
}

// incomparable values are wrong wherever nothing is declared: there, a number in
// place of a string is as good as any, if the other side is a number too.
var incomparable = map[Shape][]any{
	Single: {[]any{}, []any{"a"}, map[string]any{}},
	ListOf: {"a", 1.0, []any{"a", 1.0}, []any{1.0, true}, []any{nil}, []any{"a", nil}, []any{[]any{"a"}}, map[string]any{}},
}

// build puts the facts in their places, as we see them.
func (d drawn) build() *Facts {
	f := d.facts
	record, user := attributes{}, attributes{}
	f.Record, f.User, f.Action, f.Context = record, user, map[string]any{}, map[string]any{}
	for _, a := range plain {
		g := d.plain[a.path]
		if g.state == unsent {
			continue
		}
		switch root, _, _ := strings.Cut(a.path, "."); root {
		case "record":
			record[a.name()] = g.json
		case "user":
			user[a.name()] = g.json
		case "action":
			f.Action[a.name()] = g.json
		case "request":
			f.Context[a.name()] = g.json
		}
	}
	return &f
}

// without is the facts less some of what was sent.
func (d drawn) without(paths []string) drawn {
	d.plain = maps.Clone(d.plain)
	for _, p := range paths {
		d.plain[p] = given{state: unsent}
	}
	return d
}
