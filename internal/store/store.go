// Package store says what Rolegate needs of a database, by role: small
// interfaces, each with what its implementation owes. sqlstore implements them
// for SQLite and PostgreSQL with one set of SQL texts; storetest is the suite
// both pass.
//
// Common to all methods:
//   - Ids are made by the caller; times are UTC with microsecond precision.
//   - A missing row, also one an insert refers to, is ErrNotFound; a row that is
//     already there is ErrExists.
//   - Conditional updates report whether they took effect (bool), and are settled
//     inside one SQL statement: of many concurrent callers exactly one sees true.
//   - A database that cannot be reached or written is a *model.Error with
//     CodeStoreUnavailable, a full one CodeStorageFull. A write that ended so, or
//     with its context, may have taken effect; inside a transaction it has not.
//   - Text is compared and sorted byte by byte. Text with NUL or broken UTF-8 is
//     refused with CodeInvalidRequest. No bytes are read back as nil.
package store

import (
	"context"
	"errors"
	"time"

	"rolegate/model"
)

var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
)

// Store is the main database.
type Store interface {
	Queries

	// InTx runs fn in one write transaction and commits it if fn returns nil.
	// Busy and serialization failures are retried, so fn may run more than once
	// and must not have effects outside tx, nor use the store but through tx.
	// ErrExists and a lookup's ErrNotFound leave the transaction usable; any
	// other failed statement ends it, even if fn returns nil. Others' commits are
	// seen between its statements: a check that a later write depends on has to
	// come after Bump, which holds the tenant for this transaction.
	InTx(ctx context.Context, fn func(tx Tx) error) error

	// Revisions is what this process knows of the tenants' revisions: each
	// transaction that took one is noted in it once it is committed, and each
	// tenant row that is read outside a transaction.
	Revisions() *Revisions

	// Listen tells heard of revisions as they are committed, by any process, until
	// the connection breaks or ctx ends, which is its error. The first notice is
	// the zero one: it listens from now on. errors.ErrUnsupported where the
	// database does not tell.
	Listen(ctx context.Context, heard func(Notice)) error

	// Clock is the time by the database's own clock; errors.ErrUnsupported where it
	// has none but this machine's.
	Clock(ctx context.Context) (time.Time, error)

	// Ping tells whether the database answers and can be written.
	Ping(ctx context.Context) error
	Close() error
}

// Notice says that a tenant has reached a revision. It comes over a channel
// anybody with the database's password can speak on.
type Notice struct {
	Tenant   string
	Revision int64
}

// Tx is a write transaction: the same queries, seen and committed together.
type Tx interface {
	Queries

	// OnCommit has f called as soon as the transaction is committed: not when it is
	// rolled back, and not when it cannot be known whether it was committed.
	OnCommit(f func())
}

// Queries is every role at once; functions take the smallest interface they need.
type Queries interface {
	Meta
	Tenants
	Directory
	Users
	Invites
	Tickets
	Factors
	Sessions
	History
	Sweeping
	Counters
	KnownDevices
	Clients
	Spent
	Policies
	Drafts
	Applied
	SigningKeys
	EncryptionKeys
	Restores
	SealedValues
	Entries
	Checkpoints
	Jobs
	Found
	Administration
}

// Meta is a few named values of the installation, such as the key check value.
type Meta interface {
	MetaValue(ctx context.Context, key string) ([]byte, error)
	// InsertMeta sets a value once; ErrExists when it is already set.
	InsertMeta(ctx context.Context, key string, value []byte) error
}

// Tenants holds the tenants and their revision counters.
type Tenants interface {
	InsertTenant(ctx context.Context, t model.Tenant) error
	Tenant(ctx context.Context, id string) (model.Tenant, error)
	// TenantHead is Tenant without its catalogue, which may be large: for whoever does not
	// decide by it, as a login, of which there are many at a time.
	TenantHead(ctx context.Context, id string) (model.Tenant, error)
	ListTenants(ctx context.Context) ([]model.Tenant, error) // by id
	// UpdateTenant writes MFA, StrictFields, Disabled and Catalog, nothing else.
	UpdateTenant(ctx context.Context, t model.Tenant) error
	// TenantRevisions reads the revisions of the tenants named, or of all if none
	// is; one that does not exist is left out. Where it reads all, Revisions learns
	// that of the Installation, too.
	TenantRevisions(ctx context.Context, tenants ...string) (map[string]int64, error)
	// Bump takes the tenant's next revision and returns it. With changes the write
	// it belongs to changed what decisions are made from: SnapshotRevision follows
	// and the changes are noted under the revision (Compact says how many).
	// Without (sessions, passwords, clients) it stays.
	Bump(ctx context.Context, tenant string, changes ...Change) (int64, error)
	// ChangesSince lists what changed after a revision, oldest first. It is not
	// complete, and lists nothing, when there are more than limit or the history
	// does not reach back that far: it keeps KeptRevisions of a tenant.
	ChangesSince(ctx context.Context, tenant string, after int64, limit int) (changes []Change, complete bool, err error)
}

// Directory holds subjects, their groups and trees, roles and who has them.
// Put inserts or replaces; Delete reports whether there was something to delete.
type Directory interface {
	Provisioning
	PutSubject(ctx context.Context, tenant string, s model.Subject) error
	Subject(ctx context.Context, tenant, typ, id string) (model.Subject, error)
	PutTeam(ctx context.Context, tenant string, t model.Team) error
	PutUnit(ctx context.Context, tenant string, u model.Unit) error
	PutTerritory(ctx context.Context, tenant string, t model.Territory) error
	PutRole(ctx context.Context, tenant string, r model.Role) error
	Role(ctx context.Context, tenant, id string) (model.Role, error)
	// DeleteRole deletes its assignments, too.
	DeleteRole(ctx context.Context, tenant, id string) (bool, error)
	// EnsureRole inserts the role if it is not there and leaves it alone if it is.
	EnsureRole(ctx context.Context, tenant string, id string) error
	// PutAssignment gives member the role, which must exist; (member, role) is its key, the window is replaced.
	PutAssignment(ctx context.Context, tenant string, a model.Assignment) error
	DeleteAssignment(ctx context.Context, tenant, member, role string) (bool, error)
	// Assignments lists a member's, or a role's, assignments; "" means any.
	Assignments(ctx context.Context, tenant, member, role string) ([]model.Assignment, error)
	PutResource(ctx context.Context, tenant string, r model.Resource) error
	Resource(ctx context.Context, tenant, typ, id string) (model.Resource, error)
	// Resources pages by id: up to limit records of a type with an id greater than after.
	Resources(ctx context.Context, tenant, typ, after string, limit int) ([]model.Resource, error)
	// LoadDirectory reads everything a snapshot needs, each list in key order,
	// all as of one moment. An empty list or map may be nil.
	LoadDirectory(ctx context.Context, tenant string) (model.Directory, error)
}

// Users holds the accounts that can log in. Every user is also a subject of
// type "user" (PutSubject is the caller's business).
type Users interface {
	// InsertUser is ErrExists when the id or the folded user name is taken.
	InsertUser(ctx context.Context, u model.User) error
	User(ctx context.Context, tenant, id string) (model.User, error)
	UserByName(ctx context.Context, tenant, usernameKey string) (model.User, error)
	// ListUsers pages by id: up to limit users with an id greater than after.
	ListUsers(ctx context.Context, tenant, after string, limit int) ([]model.User, error)
	// SetPassword replaces the hash if it still is old: false when it changed meanwhile.
	SetPassword(ctx context.Context, tenant, id, old, hash string) (bool, error)
	// SetUserDisabled is false when there is no such user.
	SetUserDisabled(ctx context.Context, tenant, id string, disabled bool) (bool, error)
}

// Invite is a one-time invitation of a user to choose a password.
type Invite struct {
	Hash      []byte // SHA-256 of the secret
	Tenant    string
	User      string
	MadeBy    string // the user's id, of a person who made it; "" for the host
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Invites holds invitations; only digests are stored.
type Invites interface {
	// InsertInvite ends the user's older invitations.
	InsertInvite(ctx context.Context, i Invite) error
	// Invite finds one that is neither used nor expired at now.
	Invite(ctx context.Context, hash []byte, now time.Time) (Invite, error)
	// UseInvite burns it: true for exactly one caller, and only before it expires.
	UseInvite(ctx context.Context, hash []byte, now time.Time) (bool, error)
	// EndInvites burns all of a user's.
	EndInvites(ctx context.Context, tenant, user string, now time.Time) error
}

// TicketPurpose says what a pre-authentication ticket authorises.
type TicketPurpose string

const (
	TicketMFA   TicketPurpose = "mfa"   // the second step: one-time or recovery code
	TicketEnrol TicketPurpose = "enrol" // enrolment of a first, or after recovery a new, device
)

// Ticket is the short-lived answer of a first login step.
type Ticket struct {
	Hash      []byte // SHA-256 of the secret
	Tenant    string
	User      string
	Purpose   TicketPurpose
	Methods   []string  // amr proven so far: ["pwd"], or ["pwd","mfa"] after a recovery code
	AuthTime  time.Time // when the password was proven
	Device    string    // enrol: the pending device, "" before /enrol was called
	Tries     int       // failed or attempted codes so far
	Password  string    // hash of the one that the second factor sets; "" for none, and once the ticket has ended
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Tickets holds pre-authentication tickets; only digests are stored.
type Tickets interface {
	// InsertTicket ends the user's older tickets.
	InsertTicket(ctx context.Context, t Ticket) error
	// Ticket finds one that has not ended nor expired at now.
	Ticket(ctx context.Context, hash []byte, now time.Time) (Ticket, error)
	// TryTicket counts one attempt: false when the ticket has ended, expired or had max attempts.
	TryTicket(ctx context.Context, hash []byte, max int, now time.Time) (bool, error)
	// SetTicketDevice names the pending device of an enrolment ticket.
	SetTicketDevice(ctx context.Context, hash []byte, device string, now time.Time) (bool, error)
	// EndTicket spends it: true for exactly one caller.
	EndTicket(ctx context.Context, hash []byte, now time.Time) (bool, error)
	// EndTickets ends all of a user's and counts them.
	EndTickets(ctx context.Context, tenant, user string, now time.Time) (int, error)
}

// Device is a TOTP authenticator of a user.
type Device struct {
	ID          string
	Tenant      string
	User        string
	Name        string
	Secret      []byte // sealed to (totp_devices, id, secret)
	Algorithm   string // SHA1, SHA256, SHA512
	Digits      int
	Period      int   // seconds
	LastStep    int64 // the last time step that was used; 0 before any
	Drift       int64 // steps its clock was ahead at that time; below zero: behind
	ToldStep    int64 // a time step that was told of, and is refused for it; 0 for none
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero: pending, does not count as a factor
	UsedAt      time.Time // when LastStep was
}

// RemovedDevice is a device that was a factor once.
type RemovedDevice struct {
	Device
	RemovedAt time.Time
}

// RecoveryCode is one of a user's one-time codes.
type RecoveryCode struct {
	Selector string // finds the row; not secret
	Tenant   string
	User     string
	Hash     []byte
	UsedAt   time.Time
}

// Factors holds second factors.
type Factors interface {
	InsertDevice(ctx context.Context, d Device) error
	Device(ctx context.Context, id string) (Device, error)
	// Devices lists a user's confirmed devices, oldest first.
	Devices(ctx context.Context, tenant, user string) ([]Device, error)
	// PendingDevice is the user's newest device that was never confirmed.
	PendingDevice(ctx context.Context, tenant, user string) (Device, error)
	// UseStep moves LastStep forward to step and stores the drift that was learned from it: true
	// for exactly one of all callers with one step, never backwards, only on a confirmed device.
	UseStep(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error)
	// TellStep moves ToldStep forward to step: true for exactly one caller, and only where the one
	// before is older than oldest and step was not used.
	TellStep(ctx context.Context, device string, step, oldest int64) (bool, error)
	// ConfirmDevice makes a pending device count, and uses step: true for exactly one caller.
	ConfirmDevice(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error)
	// RenameDevice and DeleteDevice are ErrNotFound for a device that is not the user's.
	RenameDevice(ctx context.Context, tenant, user, device, name string) error
	DeleteDevice(ctx context.Context, tenant, user, device string, now time.Time) error
	// DeletePending removes the user's devices that were never confirmed.
	DeletePending(ctx context.Context, tenant, user string) error
	// DeleteDevices removes all of a user's devices but keep (which may be "").
	DeleteDevices(ctx context.Context, tenant, user, keep string, now time.Time) error
	// RemovedDevices are the user's confirmed devices that were deleted since, the latest first,
	// five at most. They are in a table of their own: no version of us takes one for a factor.
	RemovedDevices(ctx context.Context, tenant, user string, since time.Time) ([]RemovedDevice, error)
	// UseRemovedStep is UseStep of a removed device, whose codes open nothing.
	UseRemovedStep(ctx context.Context, device string, step int64) (bool, error)

	// ReplaceRecoveryCodes removes the user's codes and inserts new ones.
	ReplaceRecoveryCodes(ctx context.Context, tenant, user string, codes []RecoveryCode) error
	RecoveryCode(ctx context.Context, tenant, user, selector string) (RecoveryCode, error)
	// UseRecoveryCode burns it: true for exactly one caller, and only for this user's code.
	UseRecoveryCode(ctx context.Context, tenant, user, selector string, now time.Time) (bool, error)
	// RecoveryCodesLeft counts the unused ones.
	RecoveryCodesLeft(ctx context.Context, tenant, user string) (int, error)
}

// Session is a login that lives until it ends or expires.
type Session struct {
	ID         string // sid
	Tenant     string
	User       string
	Restricted bool // re-enrol only: after a recovery code; authorises nothing but enrolment
	ACR        int
	AMR        []string
	AuthTime   time.Time // when the strongest factor was proven
	CreatedAt  time.Time
	LastSeen   time.Time // last refresh
	ExpiresAt  time.Time // absolute limit
	EndedAt    time.Time // zero while it lives
	Epoch      int64     // of its user when it began; it is over once the user's is another
	Network    string    // where it began: 192.0.2.0/24, 2001:db8::/64, or ""
	Agent      string    // User-Agent it began with
}

// RefreshToken is one member of a session's rotating family.
type RefreshToken struct {
	Hash      []byte // SHA-256 of the secret
	Session   string
	CreatedAt time.Time
	ExpiresAt time.Time // idle limit
	UsedAt    time.Time // zero until rotated
	Successor []byte    // the secret in its place, sealed to (refresh_tokens, hash, successor); nil once it may not be had again
}

// Sessions holds sessions and their refresh tokens.
type Sessions interface {
	// InsertSession gives it the epoch that its user has now.
	InsertSession(ctx context.Context, s Session) error
	Session(ctx context.Context, id string) (Session, error)
	// LiveSessions lists a user's, oldest first: of the user's epoch, not ended nor
	// expired at now, and seen after idle.
	LiveSessions(ctx context.Context, tenant, user string, now, idle time.Time) ([]Session, error)
	// EndSession ends it: true for exactly one caller.
	EndSession(ctx context.Context, id string, now time.Time) (bool, error)
	// EndSessions ends all live sessions of a user but keep and counts them. With
	// keep "" it moves the user's epoch, too, and so ends what is being opened
	// meanwhile and has not been seen.
	EndSessions(ctx context.Context, tenant, user, keep string, now time.Time) (int, error)
	// SeeSession moves LastSeen.
	SeeSession(ctx context.Context, id string, now time.Time) error
	InsertRefreshToken(ctx context.Context, t RefreshToken) error
	RefreshToken(ctx context.Context, hash []byte) (RefreshToken, error)
	// UseRefreshToken rotates it out, with the successor that takes its place: true
	// for exactly one caller, and only before it expires. Successors that other
	// tokens of its session left behind are gone.
	UseRefreshToken(ctx context.Context, hash, successor []byte, now time.Time) (bool, error)
}

// Clients holds CRM backends.
type Clients interface {
	InsertClient(ctx context.Context, c model.Client) error
	Client(ctx context.Context, id string) (model.Client, error)
	ListClients(ctx context.Context) ([]model.Client, error) // by id
	// SetClientDisabled, SetClientSecret and SetClientKey are false when there is no such client.
	SetClientDisabled(ctx context.Context, id string, disabled bool) (bool, error)
	// SetClientSecret takes the key away, SetClientKey the secret: a client has one of them.
	SetClientSecret(ctx context.Context, id string, hash []byte) (bool, error)
	SetClientKey(ctx context.Context, id, publicKey string) (bool, error)
}

// PolicyRevision is one published policy document.
type PolicyRevision struct {
	Tenant    string
	Revision  int64 // the tenant revision it was published as
	Text      string
	Author    string // the caller as the log spells it
	Reason    string
	CreatedAt time.Time

	Cases      string // its test cases, YAML; "" for none
	Draft      string // the id of the draft it was; "" where it was none
	ApprovedBy string // who approved that; "" for nobody
}

// Policies holds the published documents of each tenant; history is never rewritten.
type Policies interface {
	InsertPolicy(ctx context.Context, p PolicyRevision) error
	// CurrentPolicy is the one with the highest revision; ErrNotFound before the first.
	CurrentPolicy(ctx context.Context, tenant string) (PolicyRevision, error)
	// Policy is the one of a revision.
	Policy(ctx context.Context, tenant string, revision int64) (PolicyRevision, error)
	// ListPolicies gives the history before a revision, or all of it (0), newest
	// first, texts (Text, Cases) left out.
	ListPolicies(ctx context.Context, tenant string, before int64, limit int) ([]PolicyRevision, error)
}
