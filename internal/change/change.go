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
//   - No document is the last: under it, too, the people there are can make a draft,
//     approve it and publish it.
//
// In a firm of one person (ROLEGATE_FOUR_EYES=single) nobody could approve: there a
// draft may be published a day after it was submitted, and every office holder is
// told. Each act is one entry of the log, in its transaction.
package change

import (
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Service is the life of changes. All fields but Single and Process are required; safe for
// concurrent use.
type Service struct {
	Store     store.Store
	Log       *audit.Log
	Directory *directory.Service
	Policy    *policy.Service
	Now       func() time.Time
	// Single lets one person alone change the policy, a day after telling.
	Single bool
	// Process is this one among the running ones, see store.KeyHolder.
	Process string
}

// now is the time as it is stored.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

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
