package audit

import (
	"time"

	"rolegate/model"
)

// Class groups entries that share a month key and a retention period.
type Class string

const (
	ClassLogin      Class = "login"       // login steps, tokens, sessions
	ClassDecision   Class = "decision"    // access evaluations
	ClassAdmin      Class = "admin"       // directory, clients, roles, policies
	ClassBreakGlass Class = "break_glass" // host-only acts with a reason
	ClassSystem     Class = "system"      // starts, jobs, keys
)

// Activity names what happened, in the words of the OWASP Logging Vocabulary
// where it has one. The list is open; constants keep its spelling in one place.
type Activity string

const (
	InviteAccepted    Activity = "invite_accept"
	InviteFailed      Activity = "invite_fail"
	PasswordPassed    Activity = "authn_password_success" // first step done, a second is due
	PasswordFailed    Activity = "authn_login_fail"
	PasswordChanged   Activity = "authn_password_change"
	ChangeFailed      Activity = "authn_password_change_fail"
	LoginSucceeded    Activity = "authn_login_success"
	OTPFailed         Activity = "authn_otp_fail"
	LoginFailMax      Activity = "authn_login_fail_max" // tries are refused for a while, from one source or at one account
	LoginLocked       Activity = "authn_login_lock"     // one-time codes of one account are refused
	LoginUnlocked     Activity = "authn_login_unlock"   // tries count from zero again
	DeviceForgotten   Activity = "known_device_delete"
	RecoveryUsed      Activity = "authn_recovery_use"
	RecoveryFailed    Activity = "authn_recovery_fail"
	EnrolStarted      Activity = "mfa_enrol_start"
	EnrolConfirmed    Activity = "mfa_enrol_confirm"
	EnrolFailed       Activity = "mfa_enrol_fail"
	DeviceRenamed     Activity = "mfa_device_rename"
	DeviceRemoved     Activity = "mfa_device_remove"
	RecoveryRenewed   Activity = "mfa_recovery_codes_renew"
	RecoveryShown     Activity = "mfa_recovery_codes_show" // again, to the form that made them a moment ago
	SteppedUp         Activity = "authn_step_up"
	TokenRefreshed    Activity = "authn_token_refresh"
	RefreshFailed     Activity = "authn_token_refresh_fail"
	RefreshReused     Activity = "authn_token_reuse"
	LoggedOut         Activity = "authn_logout"
	SessionRevoked    Activity = "session_revoke"        // by its own person, or one that a recovery code opened, by a code of theirs
	OthersRevoked     Activity = "session_revoke_others" // likewise: Count of them
	LoginDisowned     Activity = "authn_login_disown"    // its person says it was not them, and Count other sessions ended
	SessionLimited    Activity = "session_limit"         // ended to make room for another one
	ClientToken       Activity = "authn_token_created"
	ClientFailed      Activity = "authn_client_fail"
	TokenRevoked      Activity = "authn_token_revoked"    // and the session of a person's; deny: there was nothing to end
	TokenIntrospected Activity = "authn_token_introspect" // deny: not active for this client
	Evaluated         Activity = "authz_evaluate"
	EvaluatedBatch    Activity = "authz_evaluate_batch"
	SearchedSubject   Activity = "authz_search_subject"
	SearchedResource  Activity = "authz_search_resource"
	SearchedAction    Activity = "authz_search_action"
	Explained         Activity = "authz_explain"
	ShownPermissions  Activity = "authz_permissions"
	Filtered          Activity = "authz_filter"
	RequestFailed     Activity = "request_fail"   // refused before a service saw it
	OperationFailed   Activity = "operation_fail" // an operator's command was refused
	Started           Activity = "sys_startup"
	Stopped           Activity = "sys_shutdown"
	Restored          Activity = "sys_restore" // a backup was restored, and Count sessions ended
	TenantCreated     Activity = "tenant_create"
	TenantChanged     Activity = "tenant_update"
	TenantRead        Activity = "tenant_read" // Count of them
	UserCreated       Activity = "user_create"
	UserInvited       Activity = "user_invite"
	UserImported      Activity = "user_import" // with the hash of a password that was chosen elsewhere
	UserDisabled      Activity = "user_disable"
	UserEnabled       Activity = "user_enable"
	SessionsEnded     Activity = "session_end_all" // of a user, by somebody else: Count of them
	UserRead          Activity = "user_read"       // one, or a page of Count of them
	ClientRead        Activity = "client_read"
	OfficeRead        Activity = "office_request_read"
	OfficeRequested   Activity = "office_request"
	OfficeApproved    Activity = "office_approve" // and thereby given
	OfficeDenied      Activity = "office_deny"
	ClientCreated     Activity = "client_create"
	ClientDisabled    Activity = "client_disable"
	ClientEnabled     Activity = "client_enable"
	ClientRotated     Activity = "client_rotate_secret"
	ClientKeyed       Activity = "client_rotate_key"
	RoleChanged       Activity = "role_update"
	RoleDeleted       Activity = "role_delete"
	RoleAssigned      Activity = "role_assign"
	RoleUnassigned    Activity = "role_unassign"
	DirectoryImport   Activity = "directory_import"
	DirectoryRead     Activity = "directory_read" // an entry, or a page of Count of them
	SubjectPut        Activity = "subject_update"
	SubjectDeleted    Activity = "subject_delete"
	TeamPut           Activity = "team_update"
	TeamDeleted       Activity = "team_delete"
	UnitPut           Activity = "unit_update"
	UnitDeleted       Activity = "unit_delete"
	TerritoryPut      Activity = "territory_update"
	TerritoryDeleted  Activity = "territory_delete"
	ResourcePut       Activity = "resource_update"
	ResourceDeleted   Activity = "resource_delete"
	PolicyImported    Activity = "policy_import"
	PolicyRead        Activity = "policy_read" // one, or a draft, or a page of Count of them
	DraftCreated      Activity = "policy_draft_create"
	DraftSaved        Activity = "policy_draft_update"
	DraftRebased      Activity = "policy_draft_rebase" // what was published meanwhile was taken over
	DraftSubmitted    Activity = "policy_draft_submit"
	DraftWithdrawn    Activity = "policy_draft_withdraw"
	DraftApproved     Activity = "policy_draft_approve"
	DraftRejected     Activity = "policy_draft_reject"
	PolicyPublished   Activity = "policy_publish"
	PolicyRolledBack  Activity = "policy_rollback"
	PolicyAnnounced   Activity = "policy_announce"  // every office holder is told that one person alone changes the policy
	FourEyesSingle    Activity = "four_eyes_single" // this process lets one person alone change policies
	KeyRead           Activity = "key_read"         // which keys there are, and never one of them
	SigningKeyMade    Activity = "signing_key_create"
	SigningKeyRotated Activity = "signing_key_rotate"
	SigningKeyRevoked Activity = "signing_key_revoke"
	SigningKeyDropped Activity = "signing_key_drop"
	BundleRead        Activity = "audit_bundle_read"   // Count entries of the log
	LogKeyMade        Activity = "log_key_create"      // the key that signs checkpoints of the log
	LogHeadKeyMade    Activity = "log_head_key_create" // the log's head has a MAC from here on; Count entries were there
	KeyEncryptionKey  Activity = "kek_create"
	KEKRotated        Activity = "kek_rotate" // it seals from now on
	KEKDropped        Activity = "kek_drop"
	KEKResealed       Activity = "kek_reseal"              // Count values
	LogVerified       Activity = "audit_verify"            // the whole log: Count entries; error: it was altered, or could not be read
	LogResumed        Activity = "audit_checkpoint_resume" // checkpoints are made again, after the log was found to be another one
	LogAccepted       Activity = "audit_verify_accept"     // somebody answers for what a verification finds
	JobCutOff         Activity = "job_cut_off"             // the background job Op ended early, after Count of what it counts
	Gap               Activity = "audit_gap"               // records in a process's memory are lost: Count of them, -1 unknown
	LogExported       Activity = "audit_export"            // of Count entries, sealed data among them
	Overflow          Activity = "audit_refused"           // Count decisions were refused because no record of them could be kept
	SinkStarted       Activity = "audit_sink_start"        // from here on a copy with personal data goes out, to the sink Op
	SinkCursor        Activity = "audit_sink_cursor"       // where sink Op goes on: at entry Count. ok: as an earlier release left it; error: its cursor was altered
	LogSearched       Activity = "audit_search"            // entries of the log: a page of Count of them
	LogCounted        Activity = "audit_count"             // logins and decisions in the log, as charts show them
	LogSampled        Activity = "audit_sample"            // decisions, Count requests, were opened and asked again to simulate a policy
	LogRead           Activity = "audit_read"              // one entry, and what it seals where it was opened
)

// Outcome is what came of it.
type Outcome string

const (
	OutcomeOK    Outcome = "ok"    // done
	OutcomeAllow Outcome = "allow" // decision: yes
	OutcomeDeny  Outcome = "deny"  // decision, or credential: no
	OutcomeError Outcome = "error" // could not be answered
)

// Entry is one thing that happened, as services hand it to the log. What names
// a person or a record (Person, Personal) is sealed; the rest is the leaf.
type Entry struct {
	Tenant     string // tenant id; its ref is what the leaf holds; "" for none
	Class      Class
	Activity   Activity
	Outcome    Outcome
	Code       model.Code // reason
	Roles      []string   // roles that decided
	Object     string     // resource type
	Op         string     // action
	Rule       string     // the matched row: kind and position, such as "p:12"
	PolicyHash []byte
	PrevPolicy []byte // a policy change: the hash before it
	Revision   int64
	Service    string // the calling client's id
	Level      int    // assurance level; 0: the caller's
	Age        int64  // seconds since it was proven; -1 unknown. 0 is not in the leaf, so where the age matters it is at least 1
	Items      []Item // members of a batch
	Count      int64  // what the entry stands for, where it is not one act: results of a search, decisions lost; -1 unknown
	// Since, where set, says that the entry was written later than what it tells of: of
	// a flood it stands for Count denials, from then on, and what they have not in common
	// is left out (see flood); of one decision it is when that was made (see flush).
	Since time.Time

	// Caller is who did it; a user's or operator's identity is sealed.
	Caller model.Caller
	// Person is whom the entry is about: "type:id". "" means nobody but the caller.
	Person string
	// Personal is sealed for that person: ids, names, addresses; JSON values.
	Personal map[string]any
	// Others is what is sealed for further people, such as a batch's other subjects.
	Others []Part

	// Act is what the entry says of the log itself; nil for most.
	Act *Act
}

// failure tells whether the entry says that the request failed which it is of. The no
// of a decision is an answer, but where a fault of ours is why.
func (e Entry) failure() bool {
	return e.Outcome == OutcomeError || e.Outcome == OutcomeDeny && (e.Class != ClassDecision || e.Activity == RequestFailed || e.Code.Fault())
}

// Part is what an entry seals for one person, under that person's key.
type Part struct {
	Person   string // "type:id"
	Personal map[string]any
}

// Member is what a batch's entry seals of one of its members, for one person. It
// may stand in Part.Personal as a list; what is empty is left out.
type Member struct {
	Item     int    // place in the batch
	Subject  string // "type:id"
	Action   string
	Resource string // "type:id"
	Person   string // whom the record is about, in that one's part
}

// Item is one member of a batch, as the leaf holds it.
type Item struct {
	Outcome Outcome    `cbor:"1,keyasint"`
	Code    model.Code `cbor:"2,keyasint,omitempty"`
	Object  string     `cbor:"3,keyasint,omitempty"`
	Op      string     `cbor:"4,keyasint,omitempty"`
	Rule    string     `cbor:"5,keyasint,omitempty"`
}

// Leaf is the public half of a record: exactly the bytes that are stored and,
// with the tree, hashed. It holds no name, id of a person or record, address,
// free text or token. Encoded as deterministic CBOR (RFC 8949 section 4.2.1).
type Leaf struct {
	Version    int        `cbor:"1,keyasint"`
	Time       int64      `cbor:"2,keyasint"`           // Unix microseconds, UTC
	Tenant     []byte     `cbor:"3,keyasint,omitempty"` // the tenant's 16-byte ref
	Class      Class      `cbor:"4,keyasint"`
	Activity   Activity   `cbor:"5,keyasint"`
	Outcome    Outcome    `cbor:"6,keyasint"`
	Code       model.Code `cbor:"7,keyasint,omitempty"`
	Roles      []string   `cbor:"8,keyasint,omitempty"`
	Object     string     `cbor:"9,keyasint,omitempty"`
	Op         string     `cbor:"10,keyasint,omitempty"`
	Rule       string     `cbor:"11,keyasint,omitempty"`
	PolicyHash []byte     `cbor:"12,keyasint,omitempty"`
	Revision   int64      `cbor:"13,keyasint,omitempty"`
	Service    string     `cbor:"14,keyasint,omitempty"`
	Request    string     `cbor:"15,keyasint,omitempty"` // trace id
	Level      int        `cbor:"16,keyasint,omitempty"`
	Age        int64      `cbor:"17,keyasint,omitempty"`
	Items      []Item     `cbor:"18,keyasint,omitempty"`
	Actor      string     `cbor:"19,keyasint"` // kind of the caller: user, client, operator, system, anonymous
	Source     []byte     `cbor:"20,keyasint"` // this process's start: 8 random bytes
	Seq        int64      `cbor:"21,keyasint"` // per Source, from 1, without a gap
	Segments   []SegRef   `cbor:"22,keyasint,omitempty"`
	PrevPolicy []byte     `cbor:"23,keyasint,omitempty"` // a policy change: the hash before it
	Count      int64      `cbor:"24,keyasint,omitempty"` // results of a search's page, or what the entry stands for where it is not one act; -1 unknown
	Act        *Act       `cbor:"25,keyasint,omitempty"` // what the entry says of the log itself
	Since      int64      `cbor:"26,keyasint,omitempty"` // when what it tells of began, where it was written later; Unix microseconds
}

// SegRef ties a sealed segment to its leaf.
type SegRef struct {
	Ref   []byte `cbor:"1,keyasint"` // the person's pseudonym
	Epoch string `cbor:"2,keyasint"` // class and month of the month key, such as decision/2026-11
	Sum   []byte `cbor:"3,keyasint"` // SHA-256 of the sealed bytes
}

// Counts tells whether the leaf stands for Count denials of a flood. One that has Since
// alone was only written late; and an explanation's Count is of those who could.
func (l *Leaf) Counts() bool {
	return l.Since != 0 && l.Count > 0 && l.Outcome == OutcomeDeny && l.Activity != Explained
}
