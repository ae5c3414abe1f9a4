package model

import "time"

// Explanation is a decision with all its reasons. The reasons alone give the
// decision again: see docs/decisions/0022. It has no value of a record that the
// asker did not send, but for the ids of those a record belongs to.
type Explanation struct {
	Allow    bool    `json:"decision"`
	Code     Code    `json:"code"` // as an evaluation answers it
	Text     string  `json:"text"`
	Subject  string  `json:"subject"` // "type:id"
	Action   string  `json:"action"`
	Object   string  `json:"object"`
	Record   string  `json:"record"` // "*" for none in particular
	Required string  `json:"required_action,omitempty"`
	StepUp   *Needed `json:"step_up,omitempty"` // what the person would have to prove

	Gates     []Reason          `json:"gates"`       // what closes before any row is looked at; the first is the answer
	Actions   []ActionReasons   `json:"actions"`     // the action, and then all it requires; none where a gate keeps them from being asked
	WouldHelp []string          `json:"would_allow"` // roles each of which would make the answer yes, proof of identity aside
	WhoCould  *ExplainedHolders `json:"who_could,omitempty"`
	Revision  int64             `json:"revision"`
}

// Needed is a StepUp as explanations and permissions spell it.
type Needed struct {
	ACR    int `json:"acr"`
	MaxAge int `json:"max_age,omitzero"` // seconds; 0 means any
}

// ActionReasons are the reasons about one action.
type ActionReasons struct {
	Action     string   `json:"action"`
	RequiredBy string   `json:"required_by,omitempty"` // the action that requires it; empty for the one asked about
	Code       Code     `json:"code"`                  // of this action by itself, proof of identity aside
	Text       string   `json:"text"`
	Reasons    []Reason `json:"reasons"`
	LeftOut    int      `json:"reasons_left_out,omitzero"` // further ones of kinds that are listed
	Misses     []Reason `json:"near_misses"`               // of an action nothing grants: the nearest first
	Unlisted   int      `json:"near_misses_left_out,omitzero"`
}

// ReasonKind says what a reason does.
type ReasonKind string

const (
	ReasonGate        ReasonKind = "gate"        // closes by itself
	ReasonGrant       ReasonKind = "grant"       // grants; one suffices
	ReasonDenial      ReasonKind = "denial"      // takes every grant away
	ReasonNarrowing   ReasonKind = "narrowing"   // a denial that leaves some records: said where no record is asked about
	ReasonRestriction ReasonKind = "restriction" // its condition does not hold
	ReasonAssurance   ReasonKind = "assurance"   // asks for more proof than there is
	ReasonField       ReasonKind = "field"       // a field that is named and closed
	ReasonMiss        ReasonKind = "near_miss"   // a grant that does not reach
)

// Reason is one reason. What does not apply to its kind is left out.
type Reason struct {
	Kind ReasonKind `json:"kind"`
	Code Code       `json:"code"` // what the reason by itself makes of the answer
	Text string     `json:"text"`

	Rule   *ExplainedRule `json:"rule,omitempty"`
	Holder string         `json:"holder,omitempty"` // whom the row names: "role:rep", "team:emea", "user:ann", "*"
	Paths  []RolePath     `json:"paths,omitempty"`  // how the subject comes to be the holder, shortest first
	More   int            `json:"paths_left_out,omitzero"`

	Scope     string   `json:"scope,omitempty"`
	Condition string   `json:"condition,omitempty"`
	Holds     string   `json:"condition_is,omitempty"` // true, false or unknown
	Missed    []Missed `json:"missed,omitempty"`       // of a near miss, all that is in the way
	Looked    []Looked `json:"attributes,omitempty"`   // of the record: what scope and condition look at
	Absent    []string `json:"absent,omitempty"`       // what the condition reads and cannot use: not sent, null, of another type
	AsChanged bool     `json:"as_changed,omitzero"`    // a restriction on what the update would make of the record

	Field   string `json:"field,omitempty"`
	Access  string `json:"access,omitempty"`
	Because Closed `json:"because,omitempty"`

	Needed *Needed `json:"needed,omitempty"`
}

// ExplainedRule is a row of the policy document.
type ExplainedRule struct {
	Row  string `json:"row"`
	Name string `json:"name,omitempty"` // the comment directly above it
	Line int    `json:"line,omitzero"`
}

// RolePath is how a subject comes to a role: by which assignment, and through
// which team and roles.
type RolePath struct {
	Path  []string  `json:"path"` // "user:ann", "team:emea", "role:lead", "role:rep"
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"` // exclusive
}

// Missed is what keeps a grant from reaching.
type Missed string

const (
	MissedRole             Missed = "role"              // the subject does not hold it
	MissedWindow           Missed = "window"            // it is assigned, and not at this time; the paths say when
	MissedScope            Missed = "scope"             // the record lies outside
	MissedScopeUnknown     Missed = "scope_unknown"     // what the scope looks at was not sent, or cannot be read
	MissedCondition        Missed = "condition"         // it is false
	MissedConditionUnknown Missed = "condition_unknown" // what it looks at is absent
	MissedDenied           Missed = "denied"            // denials take away all that it reaches: where no record is asked about
)

// Closed is why a field is closed.
type Closed string

const (
	ClosedToAll   Closed = "denied_to_all" // a denial for everybody
	ClosedByRule  Closed = "denied"        // a denial, and no role opens it
	ClosedSecured Closed = "secured"       // the catalogue secures it, and no rule names it
	ClosedMasked  Closed = "masked"        // it is seen masked only
)

// Looked is an attribute of the record that was looked at.
type Looked struct {
	Name  string         `json:"name"`
	State AttributeState `json:"state"`
	Value any            `json:"value,omitzero"` // where it may be told
}

// AttributeState is what is known of an attribute.
type AttributeState string

const (
	AttributeKnown      AttributeState = "known"
	AttributeNone       AttributeState = "none"       // known to be none: null, "" or an empty list
	AttributeNotSent    AttributeState = "not_sent"   // and the record is not registered
	AttributeUnreadable AttributeState = "unreadable" // of another type than what it is looked at for
)

// ExplainedHolders is one page of subjects who could do it, proof of identity aside.
type ExplainedHolders struct {
	Type    string   `json:"type"`
	Results []string `json:"results"` // ids
	Next    string   `json:"next_token"`
}
