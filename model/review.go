package model

import "time"

// Severity says how much a finding matters.
type Severity string

const (
	SeverityError   Severity = "error"   // the document cannot be published by people as it is
	SeverityWarning Severity = "warning" // access may open wider than meant, or offices mix: look before approving
	SeverityNotice  Severity = "notice"  // the row does nothing, or less than it seems to
)

// FindingCode says what is noticed about a policy document.
type FindingCode string

const (
	// What a document is refused for, whatever its rows are about.
	FindingLockedOut FindingCode = "locked_out" // nobody could change the policy any more, but on the host (Word: what nobody may do then, "import, publish"; "" where too few people may do all). It has no row

	// Rows that change no answer: whoever removes one of them changes none.
	FindingShadowed   FindingCode = "shadowed"        // another row of its kind and effect, which Others names, says as much for whoever this is for
	FindingOverridden FindingCode = "overridden"      // what it allows, the denial that Others names takes away whole
	FindingObjectOff  FindingCode = "object_disabled" // the catalogue switches its object off
	FindingUngranted  FindingCode = "never_required"  // its action requires another (Word) that no row allows to anybody

	// Rows that may mean less, or other, than they seem to.
	FindingUnlisted FindingCode = "not_in_catalog" // the catalogue does not know its object, action or field (Word): a slip of the pen?
	FindingRequired FindingCode = "lacks_required" // its action requires another (Word) that no row allows to whom this is for: they need a further role

	// What opens, compared with the document before.
	FindingGrant       FindingCode = "widens_grant"       // an allow row is new or reaches further
	FindingDenial      FindingCode = "widens_denial"      // a denial is gone or reaches less far
	FindingRestriction FindingCode = "widens_restriction" // a p2 row is gone or holds for less
	FindingAssurance   FindingCode = "widens_assurance"   // a p4 row is gone or asks for less
	FindingField       FindingCode = "widens_field"       // a p3 row opens more, or one that closes is gone; with Word, no row names the field any more, so that answers no longer say it is hidden
	FindingInherits    FindingCode = "widens_inherits"    // a role gets the rights of another
	FindingFreed       FindingCode = "widens_freed"       // a role no longer inherits another: what that takes away, or conditions ask of it, no longer binds
	FindingWord        FindingCode = "widens_word"        // an object or action (Word) means something by this row alone, so that rows for * apply to it

	// What closes for all.
	FindingNobody FindingCode = "nobody_left" // no row lets anybody do to Rolegate itself what the row did (Word: the object and its actions)

	// Separation of duties.
	FindingTwoDuties     FindingCode = "duties_mixed"       // one role may do the work of two offices (Word)
	FindingAdministers   FindingCode = "duties_outside"     // a role or subject that is no office administers Rolegate
	FindingOfficeRecords FindingCode = "duties_crm_records" // an office reaches records of the CRM
)

// FindingCodes lists them all, in the order above.
var FindingCodes = []FindingCode{
	FindingLockedOut,
	FindingShadowed, FindingOverridden, FindingObjectOff, FindingUngranted, FindingUnlisted, FindingRequired,
	FindingGrant, FindingDenial, FindingRestriction, FindingAssurance, FindingField, FindingInherits, FindingFreed, FindingWord, FindingNobody,
	FindingTwoDuties, FindingAdministers, FindingOfficeRecords,
}

// Severity is that of every finding of the code.
func (c FindingCode) Severity() Severity {
	switch c {
	case FindingLockedOut:
		return SeverityError
	case FindingShadowed, FindingOverridden, FindingObjectOff, FindingUngranted, FindingUnlisted, FindingRequired:
		return SeverityNotice
	}
	return SeverityWarning
}

// Finding is one thing noticed about a document, or about what it changes.
type Finding struct {
	Code     FindingCode `json:"code"`
	Severity Severity    `json:"severity"`
	Text     string      `json:"text"`          // the sentence, once i18n.Review has written it
	New      bool        `json:"new,omitzero"`  // the document before has it not; of what widens, always
	Line     int         `json:"line,omitzero"` // of Row in the new document; 0 where the row is gone from it

	Row    PolicyRow   `json:"row,omitzero"`     // what the finding is about, a role link included
	Others []PolicyRow `json:"others,omitempty"` // rows that explain it: what shadows, what it was before, what gives a right
	Role   string      `json:"role,omitempty"`   // "role:id", or the subject, of a finding about duties
	Word   string      `json:"word,omitempty"`   // the object, action, field or pair of duties it is about
}

// PolicyRow is a row of a policy document, taken apart; columns its kind has not
// are empty.
type PolicyRow struct {
	Kind string `json:"kind"` // p, p2, p3, p4 or g
	Line int    `json:"line,omitzero"`
	Name string `json:"name,omitempty"` // the comment directly above it
	Text string `json:"text"`           // as written, without blanks at its end

	Subject   string `json:"subject"` // "*", "role:rep", "user:ann"; of g the role that inherits
	Object    string `json:"object,omitempty"`
	Action    string `json:"action,omitempty"`
	Scope     string `json:"scope,omitempty"`
	Condition string `json:"condition,omitempty"`
	Field     string `json:"field,omitempty"`
	Access    string `json:"access,omitempty"`
	ACR       string `json:"acr,omitempty"`
	MaxAge    string `json:"max_age,omitempty"` // seconds; "" for any age
	Effect    string `json:"effect,omitempty"`  // allow or deny
	Inherits  string `json:"inherits,omitempty"`
}

// ChangeKind says what became of a row.
type ChangeKind string

const (
	RowAdded   ChangeKind = "added"
	RowRemoved ChangeKind = "removed"
	RowChanged ChangeKind = "changed" // for the same subject, object and action (or field and access) it now says other things
	RowRenamed ChangeKind = "renamed" // only its comment is another
)

// RowChange is one difference between two documents. Before is zero of an added
// row, After of a removed one.
type RowChange struct {
	Kind   ChangeKind `json:"kind"`
	Text   string     `json:"text"` // the sentence, once i18n.Review has written it
	Before PolicyRow  `json:"before,omitzero"`
	After  PolicyRow  `json:"after,omitzero"`
}

// CaseResult is what became of one case kept with a policy.
type CaseResult struct {
	Name   string `json:"name"`
	Line   int    `json:"line"` // of the cases' text, where the case begins
	Passed bool   `json:"passed"`
	Text   string `json:"text"` // the sentence, once i18n.Review has written it

	Want     string        `json:"want"`                // allow or deny
	WantCode Code          `json:"want_code,omitempty"` // where the case names one
	Got      string        `json:"got"`                 // allow or deny
	Code     Code          `json:"code"`                // of the decision
	Rule     ExplainedRule `json:"rule,omitzero"`       // the row that decided
	Subject  string        `json:"subject"`             // "type:id", or "role:a, role:b" of somebody made up
	Action   string        `json:"action"`
	Object   string        `json:"object"`
	Record   string        `json:"record"`
}

// Simulated is what a new document would change for sampled requests.
type Simulated struct {
	Compared int      `json:"compared"` // samples decided under both documents
	Same     int      `json:"same"`     // of them, those answered alike
	Shifts   []Shift  `json:"shifts"`   // who gains, loses or is answered otherwise, gains first
	Unlisted int      `json:"shifts_left_out,omitzero"`
	Left     []Unseen `json:"not_looked_at,omitempty"`
	// Recorded is the same for requests of the log; nil where these were not asked for.
	Recorded *Recorded `json:"requests,omitempty"`
}

// Recorded is what a new document would change for requests that the log has the answers
// to. Each is asked at the time, and with the proof of identity, that it came with. What
// the log says less of than an answer hangs on is counted in Left, not compared.
type Recorded struct {
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Compared  int       `json:"compared"`  // answered under both documents
	Same      int       `json:"same"`      // of them, those answered alike
	Different int       `json:"different"` // and those that are not
	Shifts    []Shift   `json:"shifts"`    // with Entries for Records
	Unlisted  int       `json:"shifts_left_out,omitzero"`
	Left      []Unseen  `json:"not_looked_at,omitempty"`
}

// ShiftKind says how an answer shifts.
type ShiftKind string

const (
	ShiftGains  ShiftKind = "gains"  // what was denied is allowed, by proof of identity at most; or a field opens
	ShiftLoses  ShiftKind = "loses"  // the reverse
	ShiftProof  ShiftKind = "proof"  // as much may be done, and other proof of identity is asked for
	ShiftMixed  ShiftKind = "mixed"  // some fields open and others close
	ShiftReason ShiftKind = "reason" // still denied, for another reason
)

// Shift gathers the samples of one subject, object and action whose answers
// shift in one way.
type Shift struct {
	Kind    ShiftKind `json:"kind"`
	Text    string    `json:"text"` // the sentence, once i18n.Review has written it
	Subject string    `json:"subject"`
	Action  string    `json:"action"`
	Object  string    `json:"object"`
	Samples int       `json:"samples"`           // how many
	Records []string  `json:"records"`           // ids of some of the records, "*" where none was asked about
	Entries []int64   `json:"entries,omitempty"` // of requests of the log, instead: where some of them are in it
	Before  Code      `json:"before"`            // of the first sample
	After   Code      `json:"after"`
	Opened  []string  `json:"fields_opened,omitempty"` // of the first sample: hidden, masked or readonly before and less so after
	Closed  []string  `json:"fields_closed,omitempty"`
}

// Unseen says what a simulation did not look at: Of so many things it looked at
// Looked. Of is 0 where how many there are is not known.
type Unseen struct {
	What   UnseenKind `json:"what"`
	Text   string     `json:"text"` // the sentence, once i18n.Review has written it
	Of     int        `json:"of,omitzero"`
	Looked int        `json:"looked"`
}

// UnseenKind is a kind of thing a simulation cannot look at in full.
type UnseenKind string

const (
	UnseenSubjects UnseenKind = "subjects" // registered ones
	UnseenRecords  UnseenKind = "records"  // registered ones
	UnseenRequests UnseenKind = "requests" // recorded ones
	UnseenSamples  UnseenKind = "samples"  // that were offered, but the bound was reached; how many is not known

	// Of recorded requests that were looked at, those not compared.
	UnseenErased  UnseenKind = "requests_erased"  // who asked, or about what, was destroyed
	UnseenGone    UnseenKind = "requests_gone"    // the person, object or action is not there any more
	UnseenOther   UnseenKind = "requests_other"   // the policy in force answers otherwise than the log: people, records or policy are others, or the request said more than the log
	UnseenUnsaid  UnseenKind = "requests_unsaid"  // the answer under the draft hangs on what the log does not say
	UnseenCounted UnseenKind = "requests_counted" // denials of a flood, of which the log has the number
)
