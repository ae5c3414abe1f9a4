package model

import "time"

// Reason codes of decisions: the answer's context.code. Stable, documented in
// docs/api.md, never localized.
const (
	ReasonAllowed         Code = "allowed"                          //
	ReasonSubjectUnknown  Code = "subject_unknown"                  // not registered in the tenant
	ReasonSubjectDisabled Code = "subject_disabled"                 // a disabled user
	ReasonObjectUnknown   Code = "object_unknown"                   // neither in the catalogue nor named by a row
	ReasonActionUnknown   Code = "action_unknown"                   // likewise, for the action on the object
	ReasonObjectDisabled  Code = "object_disabled"                  // switched off whole in the catalogue
	ReasonNotGranted      Code = "not_granted"                      // no grant reaches the record
	ReasonDenied          Code = "denied"                           // a deny row took it away
	ReasonRestricted      Code = "restricted"                       // a restriction's condition fails
	ReasonStepUp          Code = "insufficient_user_authentication" // RFC 9470: acr_values and max_age say what would help
	ReasonFieldsClosed    Code = "fields_closed"                    // a named field may not be read, written or used to filter
	ReasonRequiredAction  Code = "required_action_denied"           // an action this one requires is denied
	ReasonSessionInvalid  Code = "session_invalid"                  // context.access_token is present but not valid for the subject
	ReasonTokenRequired   Code = "token_required"                   // the client was added with --require-token
	ReasonTenantDisabled  Code = "tenant_disabled"                  //
	ReasonRouteUnknown    Code = "route_unknown"                    // forward-auth: no route of the catalogue is meant
	ReasonPathRefused     Code = "path_refused"                     // forward-auth: a path that could be read in two ways
	ReasonItemInvalid     Code = "invalid_request"                  // an item of a batch is malformed
)

// Entity is a subject or resource of a question: AuthZEN section 5.
type Entity struct {
	Type       string
	ID         string
	Properties map[string]any // JSON values as decoded: nil, bool, float64, string, []any, map[string]any
}

// AnyRecord is the resource id of a question without a record: "may she do this at all?"
const AnyRecord = "*"

// Question is one access evaluation, before tenant and caller are known to it.
type Question struct {
	Subject  Entity
	Action   Action
	Resource Entity
	Context  map[string]any // the caller's context, without access_token and min_revision
}

// Action is what is to be done: AuthZEN section 5.
type Action struct {
	Name       string
	Properties map[string]any // fields, return_fields, filter_fields, sort_fields, aggregate_fields, strict_fields, changes
}

// Assurance is what the person's own access token proves. The zero value is
// level 0: nothing.
type Assurance struct {
	Level    int       // 0 none, 1 password, 2 password + one-time code, 3 phishing-resistant key
	AuthTime time.Time // when the strongest factor was proven; zero: longer ago than any limit
	Methods  []string  // amr values, RFC 8176
}

// Rule names one row of a policy document. The zero value names none.
type Rule struct {
	Kind string // p, p2, p3, p4; empty: no row
	Text string // the row as the document spells it, "p, role:sales-rep, contact, read, own, , allow"
	Name string // the comment directly above the row; empty for none
	Line int    // where it stands in the document
}

// IsZero tells that no row is named.
func (r Rule) IsZero() bool { return r.Kind == "" }

// Fields is what the field pass found. A "*" stands for every field that is in
// none of the lists.
type Fields struct {
	Hidden   []string          // may not be read
	Masked   []string          // may be read masked only
	ReadOnly []string          // may be read, not updated
	Open     []string          // may be read, masked or not: said only where a "*" is in Hidden or ReadOnly
	Masks    map[string]string // the catalogue's mask style of each masked field
}

// Decision is the answer to a Question. The zero value denies.
type Decision struct {
	Allow      bool
	Code       Code      // why
	Rule       Rule      // the row that decided, where one did
	Roles      []string  // the subject's effective roles that decided, for the log ("role:sales-rep")
	Fields     *Fields   // reads only
	Closed     []string  // the field names of ReasonFieldsClosed
	Required   string    // the action of ReasonRequiredAction
	StepUp     *StepUp   // ReasonStepUp only
	AnyRecord  bool      // the question named no record
	Cause      error     // of CodeInternal: for the operators' log, never shown
	Revision   int64     // the tenant revision the decision was made on
	PolicyHash []byte    // SHA-256 of the document
	Assurance  Assurance // what the person's token proved, for the log
}

// StepUp says which authentication would change the answer.
type StepUp struct {
	ACR    int           // needed level
	MaxAge time.Duration // needed freshness; 0 means any
}
