// Package filter is the list filter that POST /v1/filter answers: which records
// of an object a subject may see, as an expression over the columns of the
// record, with the subject's side already bound. It says what an expression
// means (Eval) and writes it as SQL.
//
// For every record, the check of that record and the filter agree. So an
// expression is three-valued as conditions of policies are: what is compared
// with an absent value is unknown, and Kleene's tables hold for and, or and not,
// as they do in SQL. A record passes where the whole is true.
//
// A value is absent where the column is NULL, where it is of another type than
// Type says, where it is a list with such an element, and, between two fields,
// where it is a number beyond 2^53-1.
package filter

// Kind says how much of a list a subject may see.
type Kind string

const (
	Never       Kind = "never"       // nothing: the list is empty without asking the database
	Always      Kind = "always"      // every record
	Conditional Kind = "conditional" // the records for which the expression is true
)

// Op is what an expression does. Field is always a column of the record.
type Op string

const (
	True    Op = "true"
	False   Op = "false"
	Unknown Op = "unknown" // as NULL: what a comparison with an unknown bound value folds to

	And   Op = "and"   // of Args, one or more
	Or    Op = "or"    // of Args, one or more
	Not   Op = "not"   // of Args[0]
	Known Op = "known" // Args[0], but false where that is unknown: COALESCE(x, FALSE)

	// Comparisons of Field, read as Type, with Value or with the field Other.
	// Strings compare byte by byte, numbers as doubles, times as instants; bools
	// only with Equal and NotEqual.
	Equal          Op = "eq"
	NotEqual       Op = "ne"
	Less           Op = "lt"
	LessOrEqual    Op = "le"
	Greater        Op = "gt"
	GreaterOrEqual Op = "ge"

	// In is true where Field is an element of Value, a list, or of the list field
	// Other. In an empty Value it is known to be false, if Field is there.
	In Op = "in"

	// Tests of the string Field with the string Value, byte by byte. An empty Value
	// is found in every string that is there.
	StartsWith Op = "starts_with"
	EndsWith   Op = "ends_with"
	Contains   Op = "contains"

	// Present is true where Field is not NULL, and false where it is: never unknown,
	// but for a value of another type than Type, if that says one.
	Present Op = "present"

	// Of the list Field: has it Value, does it have one of the list Value, are all
	// its elements in the list Value (true for an empty list).
	Has Op = "has"
	Any Op = "any"
	All Op = "all"

	// Shared is true where the list Field of shares has one, not expired, for what
	// Value says, a Share. One malformed entry, and the list is absent.
	Shared Op = "shared"
)

// Type is how a field's values are read.
type Type string

const (
	AnyType Type = "" // only between two fields, and with Present: values of different types are unknown
	String  Type = "string"
	Number  Type = "number"
	Bool    Type = "bool"
	Time    Type = "time" // in JSON a string in RFC 3339
)

// Expr is an expression, or a part of one. Values are as encoding/json decodes
// them: string, float64, bool, []any; a time is a string in RFC 3339, in UTC.
type Expr struct {
	Op    Op     `json:"op"`
	Field string `json:"field,omitempty"`
	Other string `json:"other,omitempty"`
	Type  Type   `json:"type,omitempty"`

	// Prefix is taken off the Field's strings before they are compared, where
	// something is left behind it: "user:" makes user:bob and bob the same. Of two
	// fields each has its own.
	Prefix      string `json:"prefix,omitempty"`
	OtherPrefix string `json:"other_prefix,omitempty"`

	Value any    `json:"value,omitempty"` // false and "" are values: left out only where an Op has none
	Share *Share `json:"share,omitempty"`
	Args  []Expr `json:"args,omitempty"`
}

// Share is what Shared looks for: a share to one of To, that names Action, and is
// without an end or ends after At.
type Share struct {
	To     []string `json:"to"` // "type:id", "role:id", "team:id" or "*"
	Action string   `json:"action"`
	At     string   `json:"at"` // RFC 3339
}

// Filter is the answer: an expression, where it is conditional.
type Filter struct {
	Kind Kind  `json:"kind"`
	Expr *Expr `json:"filter,omitempty"`
}
