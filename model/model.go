// Package model holds the words of the domain: tenants, subjects, roles,
// callers, decisions, errors. It imports the standard library only, does no
// input or output, and everything else may import it.
//
// Embedded beside the words is what Rolegate means by a policy: crm.conf, the
// Casbin model every tenant's document runs under, and catalog.yaml, the
// starter catalogue of objects, actions and fields.
package model

import (
	_ "embed"
	"time"
)

// CasbinModel is crm.conf: the one fixed Casbin model of every tenant.
//
//go:embed crm.conf
var CasbinModel string

// StarterCatalog is catalog.yaml: the catalogue of a tenant made without one.
//
//go:embed catalog.yaml
var StarterCatalog string

// DefaultTenant is the tenant a single-tenant install never has to name.
const DefaultTenant = "default"

// MFAMode says for whom a second factor is due at login.
type MFAMode string

const (
	MFAEveryone MFAMode = "all"     // everybody; the default
	MFAByRole   MFAMode = "by-role" // holders of a role marked RequireMFA, and the three offices always
)

// Tenant is a wall: its own policy document, directory and snapshot.
type Tenant struct {
	ID               string    // [a-z0-9-]{1,63}
	Ref              []byte    // 16 random bytes; stands for the tenant in audit leaves
	MFA              MFAMode   // when a second factor is due
	StrictFields     bool      // field pass: any denial closes (policy-language, section 5)
	Disabled         bool      // a disabled tenant answers no to everything
	Catalog          string    // YAML; empty means StarterCatalog
	Revision         int64     // bumped by every write that can change a decision
	SnapshotRevision int64     // the revision of the last write that changed policy, catalogue or directory
	CreatedAt        time.Time // UTC
}

// Subject is somebody or something decisions are about: a user, a client, or
// any other type except "role". (Type, ID) is its key within a tenant.
type Subject struct {
	Type        string         `json:"type"`
	ID          string         `json:"id"`
	Attributes  map[string]any `json:"attributes,omitempty"` // JSON values; conditions see them as user.*
	Teams       []string       `json:"teams,omitempty"`      // bare team ids
	Unit        string         `json:"unit,omitempty"`       // bare unit id
	Manager     string         `json:"manager,omitempty"`    // bare id of a user
	Territories []string       `json:"territories,omitempty"`
	Accounts    []string       `json:"accounts,omitempty"` // portal users: accounts they belong to
	Contact     string         `json:"contact,omitempty"`  // portal users: the contact they are
}

// Key is the subject as policy rows spell it: "type:id".
func (s Subject) Key() string { return s.Type + ":" + s.ID }

// Team is a group of subjects; teams may carry roles.
type Team struct {
	ID string `json:"id"`
}

// Unit is a department or business unit in a tree.
type Unit struct {
	ID     string   `json:"id"`
	Parent string   `json:"parent,omitempty"`
	Heads  []string `json:"heads,omitempty"` // bare ids of users
}

// Territory is a node of the territory tree.
type Territory struct {
	ID     string `json:"id"`
	Parent string `json:"parent,omitempty"`
}

// Role is a named set of grants. Its rows are in the policy document; who holds
// it is an Assignment; which roles it inherits is a g row.
type Role struct {
	ID         string `json:"id"` // bare: "sales-rep" is "role:sales-rep" in rows
	RequireMFA bool   `json:"require_mfa"`
}

// Key is the role as policy rows spell it: "role:id".
func (r Role) Key() string { return RolePrefix + r.ID }

// RolePrefix marks roles in policy rows; no subject may have the type "role".
const RolePrefix = "role:"

// The three separated offices (三员). One account cannot hold two of them, and
// each always needs a second factor.
const (
	SystemAdmin   = "system-admin"   // users, clients, keys, MFA resets
	SecurityAdmin = "security-admin" // policies
	AuditAdmin    = "audit-admin"    // the log, erasure approval
)

// Offices lists the three offices.
var Offices = []string{SystemAdmin, SecurityAdmin, AuditAdmin}

// IsOffice tells whether the bare role id is one of the three offices.
func IsOffice(role string) bool {
	return role == SystemAdmin || role == SecurityAdmin || role == AuditAdmin
}

// Assignment gives a role to a member within a window.
type Assignment struct {
	Member string    `json:"member"`         // "type:id" of a subject, or "team:id"
	Role   string    `json:"role"`           // bare role id
	From   time.Time `json:"from,omitzero"`  // inclusive; zero: since ever
	Until  time.Time `json:"until,omitzero"` // exclusive; zero: for ever
}

// ActiveAt tells whether the assignment's window contains t.
func (a Assignment) ActiveAt(t time.Time) bool {
	return (a.From.IsZero() || !t.Before(a.From)) && (a.Until.IsZero() || t.Before(a.Until))
}

// EndedAt tells whether the assignment's window is over at t, for ever.
func (a Assignment) EndedAt(t time.Time) bool { return !a.Until.IsZero() && !t.Before(a.Until) }

// Resource is a record registered for searches and stored attributes. A
// registered record's missing attributes are known to be none.
type Resource struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Directory is everything a tenant's snapshot needs to know about people.
type Directory struct {
	Subjects    []Subject
	Teams       []Team
	Units       []Unit
	Territories []Territory
	Roles       []Role
	Assignments []Assignment

	Disabled      []string // bare ids of disabled users, sorted
	ResourceTypes []string // types that have registered resources, sorted
}

// User is a subject of type user that can log in. Its personal data are the
// login name and what Subject.Attributes hold.
type User struct {
	Tenant       string
	ID           string // the subject id: `sub` of tokens, chosen once, immutable
	Username     string // as written by whoever made the user
	UsernameKey  string // folded by RFC 8265 UsernameCaseMapped; unique in the tenant
	PasswordHash string // argon2id PHC string; empty until an invitation is accepted
	Disabled     bool
	CreatedAt    time.Time
	Epoch        int64 // sessions of another one are over; the store moves it
}

// Client is a CRM backend (or another service) that calls Rolegate.
type Client struct {
	ID                     string   // also its name; unique in the installation
	Tenant                 string   // the tenant of an ordinary client; empty for a platform client
	Tenants                []string // platform client: the tenants it may name; ["*"] for all
	Scopes                 []string // of decide, explain, directory, audit
	TrustSubjectProperties bool     // its subject.properties overlay stored attributes
	RequireToken           bool     // questions about users without their access token are denied
	SecretHash             []byte   // SHA-256 of the 256-bit random secret; empty where there is a PublicKey
	PublicKey              string   // JWK (RFC 7517) that verifies the client's assertions; "" where it has a secret
	Disabled               bool
	CreatedAt              time.Time
}

// Scopes lists the scopes a client can be given.
var Scopes = []string{"decide", "explain", "directory", "audit"}

// MayActIn tells whether the client may be given a token of the tenant.
func (c Client) MayActIn(tenant string) bool {
	if c.Tenant != "" {
		return c.Tenant == tenant
	}
	for _, t := range c.Tenants {
		if t == "*" || t == tenant {
			return true
		}
	}
	return false
}

// Caller is who asks: set by middleware (or by the command line) and passed as
// an argument, so a call without one does not compile.
type Caller struct {
	Kind    CallerKind
	ID      string // user id, client id, or "<uid>@<host>" of an operator; empty for Anonymous
	Tenant  string // the tenant the caller acts in; empty for an operator
	Session string // sid of a user's session
	Level   int    // of assurance, as the session has it; 0 for who is no user
	Token   string // jti of a client's access token
	Scopes  []string
	Client  Client // the live client record, where Kind is CallerClient

	// Revision is one the tenant had reached before Client was read; 0 where
	// nothing was known. A later one may have changed the client.
	Revision int64

	// MinRevision is what this request demands of every answer: none may be of an
	// older revision of the tenant. 0 demands nothing.
	MinRevision int64

	// Grounds is what an administrative act of a person rests on. Without it no
	// person changes anything of others.
	Grounds *Grounds
}

// Grounds is the decision that lets a person administer, and what it was made
// from: the act takes place only in the tenant as it was then.
type Grounds struct {
	Object, Action string // what was decided about: "rolegate.user", "disable"
	Rule           string // the row that allows it: kind and line, such as "p:12"
	PolicyHash     []byte
	Revision       int64 // of the tenant, read before everything the decision looked at
}

// CallerKind tells what a Caller is.
type CallerKind string

const (
	CallerAnonymous CallerKind = "anonymous" // login steps before a token exists
	CallerUser      CallerKind = "user"      // a person's access token
	CallerClient    CallerKind = "client"    // a client token
	CallerOperator  CallerKind = "operator"  // the command line on the host
	CallerSystem    CallerKind = "system"    // the service itself: start, jobs
)

// String gives the caller as the log spells it: "user:alice",
// "operator:0@host", "system", "anonymous".
func (c Caller) String() string {
	if c.ID == "" {
		return string(c.Kind)
	}
	return string(c.Kind) + ":" + c.ID
}

// HasScope tells whether the caller's token carries the scope.
func (c Caller) HasScope(scope string) bool {
	for _, s := range c.Scopes {
		if s == scope {
			return true
		}
	}
	return false
}
