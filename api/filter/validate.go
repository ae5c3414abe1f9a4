package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Limits of an expression.
const (
	MaxDepth  = 128     // of parts within parts
	MaxParts  = 20_000  // of all of them
	MaxValues = 200_000 // in lists
)

// Validate tells what is wrong with the filter, or nothing.
func (f Filter) Validate() error {
	switch f.Kind {
	case Never, Always:
		if f.Expr != nil {
			return fmt.Errorf("filter: %q with an expression", f.Kind)
		}
		return nil
	case Conditional:
		if f.Expr == nil {
			return errors.New(`filter: "conditional" without an expression`)
		}
		return f.Expr.Validate()
	}
	return fmt.Errorf("filter: unknown kind %q", f.Kind)
}

// UnmarshalJSON takes an expression that this version understands whole: a
// member or an op it does not know would mean something.
func (e *Expr) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var p part
	if err := dec.Decode(&p); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("filter: more than one expression")
	}
	c := checker{}
	if err := c.measure(&p, 1); err != nil {
		return err
	}
	read := p.expr()
	if err := read.Validate(); err != nil {
		return err
	}
	*e = read
	return nil
}

// part is Expr as it is decoded, without the method above: each level would
// read all below it once more.
type part struct {
	Op          Op     `json:"op"`
	Field       string `json:"field"`
	Other       string `json:"other"`
	Type        Type   `json:"type"`
	Prefix      string `json:"prefix"`
	OtherPrefix string `json:"other_prefix"`
	Value       any    `json:"value"`
	Share       *Share `json:"share"`
	Args        []part `json:"args"`
}

func (p *part) expr() Expr {
	e := Expr{Op: p.Op, Field: p.Field, Other: p.Other, Type: p.Type, Prefix: p.Prefix, OtherPrefix: p.OtherPrefix,
		Value: p.Value, Share: p.Share}
	for i := range p.Args {
		e.Args = append(e.Args, p.Args[i].expr())
	}
	return e
}

// Validate tells what is wrong with the expression, or nothing.
func (e *Expr) Validate() error {
	return (&checker{}).check(e, 1)
}

// checker counts while it looks.
type checker struct{ parts, values int }

func (c *checker) measure(p *part, depth int) error {
	if err := c.enter(depth); err != nil {
		return err
	}
	for i := range p.Args {
		if err := c.measure(&p.Args[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) enter(depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("filter: more than %d levels", MaxDepth)
	}
	if c.parts++; c.parts > MaxParts {
		return fmt.Errorf("filter: more than %d parts", MaxParts)
	}
	return nil
}

// shape is what an op has beside it. What is not named must be left out.
type shape struct {
	args, field       bool
	value, list       bool // a single value, a list of them
	other             bool // a field instead of the value
	prefix            bool
	share             bool
	types             []Type
	oneArg, untypedOK bool
}

var shapes = map[Op]shape{
	True:    {},
	False:   {},
	Unknown: {},
	And:     {args: true},
	Or:      {args: true},
	Not:     {args: true, oneArg: true},
	Known:   {args: true, oneArg: true},

	Equal:          comparison(String, Number, Bool, Time),
	NotEqual:       comparison(String, Number, Bool, Time),
	Less:           comparison(String, Number, Time),
	LessOrEqual:    comparison(String, Number, Time),
	Greater:        comparison(String, Number, Time),
	GreaterOrEqual: comparison(String, Number, Time),

	In:         {field: true, list: true, other: true, prefix: true, types: scalars},
	StartsWith: {field: true, value: true, prefix: true, types: []Type{String}},
	EndsWith:   {field: true, value: true, prefix: true, types: []Type{String}},
	Contains:   {field: true, value: true, prefix: true, types: []Type{String}},
	Present:    {field: true, types: scalars, untypedOK: true},
	Has:        {field: true, value: true, prefix: true, types: scalars},
	Any:        {field: true, list: true, prefix: true, types: scalars},
	All:        {field: true, list: true, prefix: true, types: scalars},
	Shared:     {field: true, share: true, types: []Type{}, untypedOK: true},
}

var scalars = []Type{String, Number, Bool, Time}

func comparison(types ...Type) shape {
	return shape{field: true, value: true, other: true, prefix: true, types: types}
}

func (c *checker) check(e *Expr, depth int) error {
	if err := c.enter(depth); err != nil {
		return err
	}
	s, known := shapes[e.Op]
	if !known {
		return fmt.Errorf("filter: unknown op %q", e.Op)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("filter: %s %q: %s", e.Op, e.Field, fmt.Sprintf(format, args...))
	}
	switch {
	case s.args != (len(e.Args) > 0) || s.oneArg && len(e.Args) != 1:
		return bad("has %d arguments", len(e.Args))
	case s.field != (e.Field != ""):
		return bad("field %q", e.Field)
	case s.share != (e.Share != nil):
		return bad("a share is given: %t", e.Share != nil)
	case e.Other != "" && (!s.other || e.Value != nil):
		return bad("other %q", e.Other)
	case !s.prefix && e.Prefix != "" || e.Other == "" && e.OtherPrefix != "":
		return bad("has a prefix")
	case (e.Prefix != "" || e.OtherPrefix != "") && e.Type != String && (e.Type != AnyType || e.Other == ""):
		return bad("a prefix of type %q", e.Type)
	case !text(e.Field) || !text(e.Other) || !text(e.Prefix) || !text(e.OtherPrefix):
		return bad("is not UTF-8")
	case e.Type == AnyType && s.field && e.Other == "" && !s.untypedOK:
		return bad("has no type")
	case e.Type != AnyType && !slices.Contains(s.types, e.Type):
		return bad("type %q", e.Type)
	}
	if s.share {
		if why := e.Share.wrong(); why != "" {
			return bad("%s", why)
		}
		if c.values += len(e.Share.To); c.values > MaxValues {
			return fmt.Errorf("filter: more than %d values", MaxValues)
		}
	}
	if err := c.checkValue(e, s); err != nil {
		return bad("%s", err)
	}
	for i := range e.Args {
		if err := c.check(&e.Args[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkValue(e *Expr, s shape) error {
	switch {
	case e.Other != "":
		return nil
	case s.value:
		return checkScalar(e.Value, e.Type)
	case s.list:
		list, ok := e.Value.([]any)
		if !ok {
			return fmt.Errorf("the value is %T, not a list", e.Value)
		}
		if c.values += len(list); c.values > MaxValues {
			return fmt.Errorf("more than %d values", MaxValues)
		}
		for _, v := range list {
			if err := checkScalar(v, e.Type); err != nil {
				return err
			}
		}
		return nil
	case e.Value != nil:
		return errors.New("has a value")
	}
	return nil
}

// checkScalar refuses a value that is not of the type. Otherwise a comparison
// with it would be unknown, which an expression says with Unknown.
func checkScalar(v any, t Type) error {
	if _, ok := read(v, t, ""); !ok {
		if n, is := v.(float64); is && (math.IsNaN(n) || math.IsInf(n, 0)) {
			return errors.New("a number that is none")
		}
		return fmt.Errorf("a value of type %T, not %s", v, t)
	}
	if s, is := v.(string); is && !text(s) {
		return errors.New("a string that is not UTF-8")
	}
	return nil
}

func (s *Share) wrong() string {
	if _, ok := parseTime(s.At); !ok {
		return "at is not a time in RFC 3339"
	}
	if !text(s.Action) || slices.ContainsFunc(s.To, func(to string) bool { return !text(to) }) {
		return "a share that is not UTF-8"
	}
	return ""
}
