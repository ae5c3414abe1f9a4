// Package change is the life of a change of a tenant's policy: from a draft to a
// revision in force, by more than one person.
//
//	Create ─▶ draft ──Submit──▶ submitted ──Decide──▶ approved ──Publish──▶ published
//	           ▲ │ ▲                │                    │
//	     Rebase┘ └─┴──── Save, Rebase, turned down ──────┘          Withdraw ─▶ withdrawn
//
// A draft is a whole document with its cases. Whoever does something to it says
// which version they saw; of two the second is shown what the first did (Moved).
// Beyond the rows of the policy stand rules that no row lifts:
//
//   - Bad rows can be saved, so that nothing is lost, but not submitted; nor is what
//     its own cases speak against.
//   - An approval is of exactly the bytes that were submitted, by the holder of an
//     office who has neither written nor submitted them, nor publishes them.
//   - A draft is published over the policy it was made from, and over no other.
//   - Documents give nobody a role: people get theirs from the directory.
//
// In a firm of one person (ROLEGATE_FOUR_EYES=single) nobody could approve: there a
// draft may be published a day after it was submitted, and every office holder is
// told. Each act is one entry of the log, in its transaction.
package change

import (
	"context"
	"fmt"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Service is the life of changes. All fields but Single are required; safe for
// concurrent use.
type Service struct {
	Store     store.Store
	Log       *audit.Log
	Directory *directory.Service
	Policy    *policy.Service
	Now       func() time.Time
	// Single lets one person alone change the policy, a day after telling.
	Single bool
}

// Draft, its State, and Revision are as they are stored.
type (
	Draft    = store.Draft
	State    = store.DraftState
	Revision = store.PolicyRevision
)

// States of a draft.
const (
	Open      = store.DraftOpen
	Submitted = store.DraftSubmitted
	Approved  = store.DraftApproved
	Published = store.DraftPublished
	Withdrawn = store.DraftWithdrawn
)

// Edit is what an editor makes of a draft, all of it.
type Edit struct {
	Title    string
	Document string
	Cases    string
}

// CoolOff is how long a change waits that is published by one person alone.
const CoolOff = 24 * time.Hour

// Moved says that somebody else has done something to the draft since the version
// that was named. Nothing was done. It is CodePrecondition.
type Moved struct {
	Now  Draft // as it is
	Seen int64 // the version that was named
}

func (m *Moved) Error() string { return m.Unwrap().Error() }

// Unwrap gives model.CodeOf its code.
func (m *Moved) Unwrap() error {
	return model.Errorf(model.CodePrecondition, "the draft is at version %d by now, by %s, and you saw version %d; look at what changed, and repeat what you wanted", m.Now.Version, m.Now.EditedBy, m.Seen)
}

// Outdated says that another policy is in force than the one the draft was made
// from: Rebase makes it one of that. It is CodePrecondition.
type Outdated struct{ Base, InForce int64 }

func (o *Outdated) Error() string { return o.Unwrap().Error() }

// Unwrap gives model.CodeOf its code.
func (o *Outdated) Unwrap() error {
	return model.Errorf(model.CodePrecondition, "the policy in force is of revision %d, and this draft was made from revision %d; take over what changed, and submit it anew", o.InForce, o.Base)
}

// Conflict is what the draft and the policy in force both have changed, otherwise
// each: rows of one subject, object and action. Rebase keeps what is in force.
type Conflict struct {
	Row     string   // what they are about: "p, role:rep, deal, read"
	Yours   []string // the draft's rows, as written; empty where it has none any more
	InForce []string // likewise of the policy in force
}

// Notice tells office holders of a change that one person makes alone.
type Notice struct {
	Draft Draft // without its texts
	// From is when it may be published; that it was, Draft.State says.
	From time.Time
}

func (c Conflict) String() string { return fmt.Sprintf("%s: %q, %q", c.Row, c.Yours, c.InForce) }

// lister and the others below are what the pages and the API call; ctx first.
var _ interface {
	Create(ctx context.Context, caller model.Caller, tenant, title string) (Draft, error)
	Save(ctx context.Context, caller model.Caller, tenant, id string, version int64, e Edit) (Draft, error)
	Submit(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error)
	Withdraw(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error)
	Decide(ctx context.Context, caller model.Caller, tenant, id string, version int64, approve bool, comment string) (Draft, error)
	Publish(ctx context.Context, caller model.Caller, tenant, id string, version int64, reason string) (policy.Published, error)
	Rebase(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, []Conflict, error)
	Rollback(ctx context.Context, caller model.Caller, tenant string, revision int64, reason string) (policy.Published, error)
	Draft(ctx context.Context, tenant, id string) (Draft, error)
	Drafts(ctx context.Context, tenant string) ([]Draft, error)
	Revisions(ctx context.Context, tenant string, before int64, limit int) ([]Revision, error)
	Revision(ctx context.Context, tenant string, revision int64) (Revision, error)
	Current(ctx context.Context, tenant string) (Revision, error)
	Notices(ctx context.Context, caller model.Caller, tenant string) ([]Notice, error)
} = (*Service)(nil)
