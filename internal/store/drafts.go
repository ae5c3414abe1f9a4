package store

import (
	"context"
	"time"
)

// DraftState is how far a change of the policy has come.
type DraftState string

const (
	DraftOpen      DraftState = "draft"     // being written; what was turned down is so again
	DraftSubmitted DraftState = "submitted" // waits for somebody else, and is not written to
	DraftApproved  DraftState = "approved"  // may be published, exactly as it is
	DraftPublished DraftState = "published"
	DraftWithdrawn DraftState = "withdrawn"
)

// Open tells the states something can still come of.
func (s DraftState) Open() bool {
	return s == DraftOpen || s == DraftSubmitted || s == DraftApproved
}

// Draft is a change of the policy on its way. Who did something is "type:id".
type Draft struct {
	ID     string
	Tenant string
	Title  string
	State  DraftState

	// Base is the revision of the policy that the draft was made from, 0 where there
	// was none: it is published only while that one is in force.
	Base int64
	// Version counts what was done to the draft, from 1: whoever does the next thing
	// says which version they saw.
	Version int64

	Document string // the policy, as Parse keeps it where it has no bad rows
	Cases    string // its test cases, YAML

	Author    string
	CreatedAt time.Time
	EditedBy  string // the last who wrote to it
	EditedAt  time.Time
	Editors   []string // everybody who ever wrote to it, the author first

	SubmittedBy string // "" while it is written to
	SubmittedAt time.Time
	// Digest is that of what was submitted: an approval is of these bytes and no
	// others. "" while it is written to.
	Digest string
	// AloneFrom is when it may be published though nobody approved; zero for never.
	AloneFrom time.Time

	DecidedBy string // who approved it, or turned it down; "" for nobody since it was submitted
	DecidedAt time.Time
	Comment   string // of who decided

	Published   int64 // as which revision; 0 for none
	PublishedAt time.Time
}

// Drafts holds changes of the policy on their way.
type Drafts interface {
	InsertDraft(ctx context.Context, d Draft) error
	Draft(ctx context.Context, tenant, id string) (Draft, error)
	// ListDrafts gives those something can still come of, and behind them the others;
	// of each the last edited first, texts (Document, Cases) left out.
	ListDrafts(ctx context.Context, tenant string, limit int) ([]Draft, error)
	// UpdateDraft writes all of a draft but Author and CreatedAt over its version
	// before, of which d.Version is the successor: true for exactly one caller.
	UpdateDraft(ctx context.Context, d Draft) (bool, error)
}
