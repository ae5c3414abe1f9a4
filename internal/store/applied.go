package store

import (
	"context"
	"time"
)

// HolderGone is after what time a process that said nothing is taken for gone, see
// KeyHolder.
const HolderGone = time.Minute

// AppliedPolicy is a running process, and by which policy of a tenant it decides.
type AppliedPolicy struct {
	Process  string // as in KeyHolder, likewise Host and SeenAt
	Host     string
	SeenAt   time.Time
	InMemory bool  // the process has the tenant in memory; else it reads what is in force when it is asked
	Revision int64 // as which the policy was published; 0 where none was, or nothing is in memory
}

// Applied holds by which policies running processes decide.
type Applied interface {
	// NoteApplied replaces what a process said of the tenants in its memory. Only what
	// differs is written. A process that HoldKeys has not named is ErrNotFound.
	NoteApplied(ctx context.Context, process string, revisions map[string]int64) error
	// AppliedPolicies lists the processes seen since then, by host, with what they said
	// of a tenant.
	AppliedPolicies(ctx context.Context, tenant string, since time.Time, limit int) ([]AppliedPolicy, error)
	// PolicyRevisions are the revisions of the policies in force; a tenant without one
	// is left out.
	PolicyRevisions(ctx context.Context, tenants ...string) (map[string]int64, error)
}
