package condition

import (
	"net/netip"
	"time"

	"rolegate/api/filter"
)

// Node is a condition, or a part of one that is true, false or unknown. The
// nodes below are all there are; whoever translates conditions walks them.
type Node interface {
	eval(f *Facts) Truth
	possible(f *Facts) Set // for a record nobody has seen
	expr(b *binder) filter.Expr
}

type (
	// Const is a condition without a question.
	Const struct{ Truth Truth }

	Not struct{ X Node }
	And struct{ Xs []Node }
	Or  struct{ Xs []Node }

	// Flag is a boolean attribute standing by itself.
	Flag struct{ X Term }

	// Compare is X Op Y, both read as Kind. If Kind is Any, neither side has a
	// known type, and two values of different types compare as Unknown.
	Compare struct {
		Op   Op
		X, Y Term
		Kind Kind
	}

	// In tells whether X is an element of List, both read as Kind.
	In struct {
		X    Term
		List List
		Kind Kind
	}

	// Quantified is Over.exists(x, x in L), or Over.all(x, x in L).
	Quantified struct {
		All     bool
		Over, L List
		Kind    Kind
	}

	// Match looks for one string in another. Y is never of the record.
	Match struct {
		How  How
		X, Y Term
	}

	// Has tells whether an attribute is something other than null.
	Has struct{ X Attr }

	// Below tells whether Unit is Root or lies below it. Root is never of the
	// record.
	Below struct{ Unit, Root Term }

	// InCIDR tells whether an address lies in one of the networks. IP is never
	// of the record.
	InCIDR struct {
		IP   Term
		Nets []netip.Prefix
	}
)

// Op is a comparison, spelled as in the text.
type Op string

const (
	Equal          Op = "=="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
)

// How is a test of two strings, spelled as in the text. All are byte-wise, and
// an empty Y is always found.
type How string

const (
	StartsWith How = "startsWith"
	EndsWith   How = "endsWith"
	Contains   How = "contains"
)

// Kind is a type of single values.
type Kind uint8

const (
	Any    Kind = iota // not declared: whatever comes
	String             // and ref, a string that names something
	Number             // a double
	Bool
	Time // in JSON a string: RFC 3339
)

// Shape tells lists from single values.
type Shape uint8

const (
	Either Shape = iota // not declared
	Single
	ListOf
)

// Type is what is known of a value before there is one.
type Type struct {
	Kind  Kind
	Shape Shape
}

// Source says where a value comes from. All but Record and Literal fold to
// constants once the subject and the request are known.
type Source uint8

const (
	Literal Source = iota
	Record
	User
	UserID
	UserRoles
	UserTeams
	UserUnit
	Action
	Context
	RequestTime
	RequestIP
	RequestACR
	RequestAMR
	RequestAuthAge
	RequestClient
)

// Attr is a named value.
type Attr struct {
	From Source
	Name string // of Record, User, Action and Context
	Type Type

	// Prefix is the kind of things an attribute names, with its colon: "user:"
	// in front of an id of the record's owner is taken off.
	Prefix string

	// Exact refuses integers a double does not hold exactly, beyond 2^53-1: two
	// of them may be equal as doubles and differ in the CRM. A literal is always
	// small enough, so this matters only between attributes.
	Exact bool
}

// Term is a single value: an attribute, a literal, or request.time made into
// something else.
type Term struct {
	Attr
	Value scalar // of a Literal

	Shift time.Duration  // added to RequestTime
	Part  Part           // of RequestTime, in Zone: a Number; "" for the time itself
	Zone  *time.Location // never nil with a Part
}

// List is a list attribute or a literal list.
type List struct {
	Attr
	Terms []Term // of a Literal; none is of the record
}
