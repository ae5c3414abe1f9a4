package policy

// Engine answers the passes of crm.conf over the rows and role assignments of
// one tenant. It is immutable and safe for concurrent use; Casbin implements it
// (see casbin.go) and is the reference for anything faster. Every subject asked
// about must be registered: the caller turns away the others.
//
// An error means that a pass could not be answered; its Verdict denies.
type Engine interface {
	// Grants is e/m over the p rows: granted, and not taken away. The rule is
	// the first denial that matches, else the first grant.
	Grants(Query) (Verdict, error)
	// Restrictions is e2/m2 over the p2 rows. The rule is the first that fails.
	Restrictions(Query) (Verdict, error)
	// Assurance is e2/m4 over the p4 rows. The rule is the first that fails.
	Assurance(Query) (Verdict, error)
	// Field is one of the passes over the p3 rows that name exactly the field
	// asked for ("*" included).
	Field(FieldPass, FieldQuery) (Verdict, error)
}

// Query asks about an action on a record.
type Query struct {
	Subject string // "type:id"
	Object  string
	Action  string
	Facts   *Facts
}

// FieldQuery asks about a field.
type FieldQuery struct {
	Subject string // "type:id"
	Object  string
	Field   string // a name, or "*" for the rows about all fields
	Access  Access
}

// Verdict is the outcome of one pass. The zero value denies.
type Verdict struct {
	Allow bool
	Rule  *Row // the row that decided, if one did
}

// Access is what is done with a field; none implies another.
type Access string

const (
	AccessRead   Access = "read"
	AccessUpdate Access = "update"
	AccessCreate Access = "create"
	AccessUnmask Access = "unmask" // see a masked field as it is; reading it is another matter
)

var accesses = []Access{AccessRead, AccessUpdate, AccessCreate, AccessUnmask}

// FieldPass chooses which p3 rows are looked at, and how they combine.
type FieldPass uint8

const (
	DeniedToAll FieldPass = iota // e2/m5: allowed unless a row for everybody denies
	Opened                       // e3/m3: allowed if a row of the subject or its roles allows
	NotClosed                    // e2/m3: allowed unless a row of the subject or its roles denies
)
