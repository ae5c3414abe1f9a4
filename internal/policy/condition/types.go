package condition

import (
	"strings"

	"rolegate/model"
)

func (k Kind) String() string { return k.phrase().Text }

func (k Kind) phrase() model.Phrase {
	switch k {
	case String:
		return model.Say("a string")
	case Number:
		return model.Say("a number")
	case Bool:
		return model.Say("a bool")
	case Time:
		return model.Say("a time")
	}
	return model.Say("anything")
}

func (k Kind) plural() model.Phrase {
	switch k {
	case String:
		return model.Say("strings")
	case Number:
		return model.Say("numbers")
	case Bool:
		return model.Say("bools")
	case Time:
		return model.Say("times")
	}
	return model.Say("anything")
}

func (t Type) String() string { return t.phrase().Text }

func (t Type) phrase() model.Phrase {
	if t.Shape == ListOf {
		return model.Say("a list")
	}
	return t.Kind.phrase()
}

// typeOf reads a type as the catalogue spells it.
func typeOf(declared string) (Type, bool) {
	element, isList := strings.CutPrefix(declared, "list of ")
	t := Type{Shape: Single}
	if isList {
		t.Shape = ListOf
	}
	switch element {
	case "string", "ref":
		t.Kind = String
	case "number":
		t.Kind = Number
	case "bool":
		t.Kind = Bool
	case "time":
		t.Kind = Time
	default:
		return t, false
	}
	return t, true
}

// common is the kind in which two operands, or their elements, are compared:
// the one that is known. Two that differ are never compared at all, so whoever
// wrote that meant something else.
func (c *compiler) common(at int, x, y operand) Kind {
	switch {
	case x.Type.Kind == Any:
		return y.Type.Kind
	case y.Type.Kind == Any || x.Type.Kind == y.Type.Kind:
		return x.Type.Kind
	}
	if x.Type.Kind == Time && y.Value.kind == String || y.Type.Kind == Time && x.Value.kind == String {
		c.refuse(at, "%s %s and %s %s, which are never equal nor ordered: write timestamp('2026-01-31T00:00:00Z')", x.name, x.is(), y.name, y.is())
	}
	c.refuse(at, "%s %s and %s %s, which are never equal nor ordered", x.name, x.is(), y.name, y.is())
	return Any
}

// is says what an operand is, with its verb.
func (o *operand) is() model.Phrase {
	if o.Type.Shape == ListOf {
		return model.Say("lists %s", o.Type.Kind.plural())
	}
	return model.Say("is %s", o.Type.phrase())
}

// single makes a term of an operand, and list a list.
func (c *compiler) single(o operand) Term {
	if o.Type.Shape == ListOf {
		c.refuse(o.at, "%s is a list: use in, exists or all", o.name)
	}
	return o.Term
}

func (c *compiler) list(o operand) List {
	if o.Type.Shape == Single {
		c.refuse(o.at, "%s is %s, not a list", o.name, o.Type.phrase())
	}
	return List{Attr: o.Attr, Terms: o.terms}
}

// string is single for strings.
func (c *compiler) string(o operand) Term {
	t := c.single(o)
	if o.Type.Kind != Any && o.Type.Kind != String {
		c.refuse(o.at, "%s is %s, not a string", o.name, o.Type.phrase())
	}
	return t
}

// spelledAs refuses literals that can never equal the ids they stand beside:
// ids are bare, and roles are not.
func (c *compiler) spelledAs(ids, literal operand) {
	terms := literal.terms
	if literal.Value.kind == String {
		terms = []Term{literal.Term}
	}
	for _, t := range terms {
		if t.Value.kind != String {
			continue
		}
		switch text := t.Value.str; {
		case ids.From == UserRoles && !strings.HasPrefix(text, "role:"):
			c.refuse(literal.at, "%s is no role: roles are spelled %s", show(text), show("role:"+text))
		case ids.Prefix != "" && strings.HasPrefix(text, ids.Prefix):
			c.refuse(literal.at, "%s is compared with ids, which are bare: write %s", show(text), show(strings.TrimPrefix(text, ids.Prefix)))
		}
	}
}
