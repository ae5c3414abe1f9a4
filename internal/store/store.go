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
	DeleteDevice(ctx context.Context, tenant, user, device string) error
	// DeletePending removes the user's devices that were never confirmed.
	DeletePending(ctx context.Context, tenant, user string) error
	// DeleteDevices removes all of a user's devices but keep (which may be "").
	DeleteDevices(ctx context.Context, tenant, user, keep string) error

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
}

// Policies holds the published documents of each tenant; history is never rewritten.
type Policies interface {
	InsertPolicy(ctx context.Context, p PolicyRevision) error
	// CurrentPolicy is the one with the highest revision; ErrNotFound before the first.
	CurrentPolicy(ctx context.Context, tenant string) (PolicyRevision, error)
	// ListPolicies gives the history, newest first, texts left out.
	ListPolicies(ctx context.Context, tenant string, limit int) ([]PolicyRevision, error)
}

// Entry is one record of the log as stored: the leaf, its sealed segments, and
// what it can be found by.
type Entry struct {
	Leaf   []byte // deterministic CBOR; holds no personal data
	Sealed []Segment
	Tags   [][]byte // of the records it is about; not read back
}

// Segment is personal data of one person, sealed beside the leaf.
type Segment struct {
	Ref        []byte // 16 random bytes: the person's pseudonym
	Salt       []byte
	Commitment []byte
	Ciphertext []byte
}

// Stored is what lies at an index of the log, also where that is not an entry.
type Stored struct {
	Index  int64
	Leaf   []byte // nil: there are only segments
	Sealed []StoredSegment
}

// StoredSegment is a segment and its place among those of its entry, from 0.
type StoredSegment struct {
	Place int64
	Segment
}

// Head is the end of the log: how many entries there are, and the tree over the
// first TreeSize of them, see tree.Frontier. The tree lags behind where a process
// of an older release has appended.
type Head struct {
	Size     int64
	TreeSize int64
	Frontier []byte
}

// Entries is the log's table. There is no update and no delete.
type Entries interface {
	// AppendEntries gives the entries the next indices, without a gap, and
	// returns the first. Concurrent appends, also of several processes, are
	// serialised by the head row. It is TakeHead and InsertEntries together, for
	// entries that need not know their numbers, and leaves the tree behind.
	AppendEntries(ctx context.Context, entries []Entry) (first int64, err error)
	// TakeHead locks the head until the transaction ends and takes the next n
	// indices and the next n numbers of a source (a process since its start, from
	// 1): head is the one before them, seq the first number. A rollback gives them
	// back, so neither has a gap; ExtendTree must follow in the same transaction.
	// What others committed before they let go of the head is seen by the
	// statements after.
	TakeHead(ctx context.Context, source []byte, n int) (head Head, seq int64, err error)
	// InsertEntries stores entries under indices that TakeHead gave.
	InsertEntries(ctx context.Context, index int64, entries []Entry) error
	// ExtendTree is InsertEntries and SetTree in one.
	ExtendTree(ctx context.Context, index int64, entries []Entry, size int64, frontier []byte) error
	// SetTree says that the frontier is that of the first size entries.
	SetTree(ctx context.Context, size int64, frontier []byte) error
	// Head is the end of the log as it is committed, LogSize its size alone.
	Head(ctx context.Context) (Head, error)
	LogSize(ctx context.Context) (int64, error)
	// LeavesFrom lists up to limit leaves with an index of at least from, in order.
	LeavesFrom(ctx context.Context, from int64, limit int) ([][]byte, error)
	// EntriesFrom lists up to limit entries with an index of at least from, in order.
	EntriesFrom(ctx context.Context, from int64, limit int) ([]Entry, error)
	// EntriesBetween lists the entries with an index of at least from and below to,
	// in order. Where they are not to-from the log has a hole.
	EntriesBetween(ctx context.Context, from, to int64) ([]Entry, error)
	// StoredFrom lists what is stored at the indices from a first one on and below
	// another, in order, for whoever looks for what is missing or does not belong;
	// the leaves alone unless sealed.
	StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]Stored, error)
	// HoldSource notes that a source keeps records in memory only, and will say
	// so again before until or be taken for dead; the zero time ends it.
	HoldSource(ctx context.Context, source []byte, until time.Time) error
	// LapsedSources lists the held sources whose time is over at now.
	LapsedSources(ctx context.Context, now time.Time) ([][]byte, error)
	// EndSource ends a held source whose time is over at now: true for exactly one caller.
	EndSource(ctx context.Context, source []byte, now time.Time) (bool, error)
}

// Checkpoint is a signed note over the first Size entries.
type Checkpoint struct {
	Size      int64
	Note      []byte // C2SP tlog-checkpoint
	CreatedAt time.Time
}

// Tile is 256 hashes of one level of the tree.
type Tile struct {
	Level  int // 0: of leaves; a level is eight levels of the tree
	N      int64
	Hashes []byte
}

// Checkpoints holds what is published of the tree. There is no update and no
// delete.
type Checkpoints interface {
	// InsertCheckpoint is ErrExists where there is one of that size.
	InsertCheckpoint(ctx context.Context, c Checkpoint) error
	// LastCheckpoint is the one of the largest size; ErrNotFound before the first.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)
	// CheckpointsFrom lists up to limit checkpoints of at least that size, in order.
	CheckpointsFrom(ctx context.Context, size int64, limit int) ([]Checkpoint, error)
	// InsertTiles leaves those alone that are there already.
	InsertTiles(ctx context.Context, tiles []Tile) error
	Tile(ctx context.Context, level int, n int64) (Tile, error)
	// TilesFrom lists up to limit tiles of a level from the n-th, in order.
	TilesFrom(ctx context.Context, level int, n int64, limit int) ([]Tile, error)
}

// Job is how far a job over the log has come, for all replicas together.
type Job struct {
	Name     string
	Position int64     // of entries; what it means is the job's own business
	At       time.Time // likewise
}

// Jobs holds them.
type Jobs interface {
	// LockJob takes the job's row until the transaction ends; one that never ran
	// is at the beginning.
	LockJob(ctx context.Context, name string) (Job, error)
	SetJob(ctx context.Context, j Job) error
	Job(ctx context.Context, name string) (Job, error) // likewise, without the row
}

// Numbered is an entry's leaf and its index.
type Numbered struct {
	Index int64
	Leaf  []byte
}

// Stretch is a part of the log, from one end of it to the other.
type Stretch struct {
	From, Until int64 // indices; Until is not in it
	Backwards   bool  // from the highest index on
}

// Summary is what a run of entries may have in it: 256 entries at level 0, 256
// summaries of the level below at the others. What the bytes mean is the business
// of package audit/search.
type Summary struct {
	Level          int
	N              int64 // the how manieth from the left
	Oldest, Newest int64 // times, Unix microseconds
	Tenants        []byte
	Keys           []byte
	Requests       []byte
}

// Detail says how much of summaries is read.
type Detail int

const (
	TimesOnly    Detail = iota
	WithKeys            // and Tenants
	WithRequests        // likewise, and Requests
)

// Found is how entries are found again.
type Found interface {
	// LeavesAt lists the leaves of the indices, in order; what is missing is left
	// out. No more than 500 at a time.
	LeavesAt(ctx context.Context, indices []int64) ([]Numbered, error)
	// IndicesOf lists up to limit indices of entries that seal something for the
	// person with a pseudonym, each once.
	IndicesOf(ctx context.Context, ref []byte, s Stretch, limit int) ([]int64, error)
	// IndicesTagged lists up to limit indices of entries with one of the tags, each
	// once.
	IndicesTagged(ctx context.Context, tags [][]byte, s Stretch, limit int) ([]int64, error)
	// InsertSummaries leaves those alone that are there already.
	InsertSummaries(ctx context.Context, summaries []Summary) error
	// SummariesFrom lists the summaries of a level from the n-th on and before
	// another, in order, with what is asked for of them.
	SummariesFrom(ctx context.Context, level int, n, until int64, d Detail) ([]Summary, error)
	// NextSummary is the first after all that there are of a level.
	NextSummary(ctx context.Context, level int) (n int64, err error)
}

// Keystore holds the log's wrapped keys, in a database of its own, apart from
// the log, so that destroying a key there erases what it sealed here.
type Keystore interface {
	// PersonKey finds the key row of a person by index, a keyed hash of tenant and id; ErrNotFound.
	PersonKey(ctx context.Context, index []byte) (PersonKey, error)
	// PersonKeyByRef finds it by the person's pseudonym; ErrNotFound.
	PersonKeyByRef(ctx context.Context, ref []byte) (PersonKey, error)
	// InsertPersonKey commits a new one; ErrExists when another process was first.
	InsertPersonKey(ctx context.Context, k PersonKey) error
	// InsertPersonKeys commits, in one transaction, those that are not there yet.
	InsertPersonKeys(ctx context.Context, keys []PersonKey) error
	// MonthKey finds the key of (tenant ref, class, month); ErrNotFound.
	MonthKey(ctx context.Context, tenant []byte, class, month string) (MonthKey, error)
	InsertMonthKey(ctx context.Context, k MonthKey) error
	// DestroyKeys deletes the keys of persons, by their pseudonyms, and of months,
	// and counts them; what is not there is passed over. In the same transaction the
	// mark changes by which processes that hold keys in memory learn of it.
	DestroyKeys(ctx context.Context, refs [][]byte, months []MonthKey) (int, error)
	// DestroyedMark is another one after each DestroyKeys; nil before the first.
	DestroyedMark(ctx context.Context) ([]byte, error)
	// MonthKeys lists a tenant's, by class and month.
	MonthKeys(ctx context.Context, tenant []byte) ([]MonthKey, error)
	Meta
	// SetMeta sets a value again and again; nil for none.
	SetMeta(ctx context.Context, key string, value []byte) error
	// SwapMeta sets a value that is still was, nil for none, and tells whether it did.
	SwapMeta(ctx context.Context, key string, was, value []byte) (bool, error)
	SealedValues
	Ping(ctx context.Context) error
	Close() error
}

// PersonKey is a person's wrapped key and pseudonym.
type PersonKey struct {
	Index     []byte // keyed hash; holds no id
	Ref       []byte // 16 random bytes
	Wrapped   []byte
	CreatedAt time.Time
}

// MonthKey is the wrapped key of one tenant, class and month.
type MonthKey struct {
	Tenant    []byte // the tenant's ref
	Class     string
	Month     string // 2026-11
	Wrapped   []byte
	CreatedAt time.Time
}
