package store

import (
	"context"
	"time"
)

// Event is one line of a person's login history.
type Event struct {
	Tenant   string
	User     string // "" for attempts on nobody's account
	ID       string // events of one id are one line: the last of them, and how many there were
	At       time.Time
	Activity string
	Outcome  string
	Code     string // why it was refused
	Level    int    // assurance level; 0 for none
	Network  string // where it came from: 192.0.2.0/24, 2001:db8::/64, or ""
	Agent    string
	Times    int
}

// History holds what people are shown of their own logins.
type History interface {
	// NoteEvent adds an event, or counts it with those of its id.
	NoteEvent(ctx context.Context, e Event) error
	// Events pages a user's, newest first: up to limit of those older than before,
	// by time and id. Its zero value begins at the newest.
	Events(ctx context.Context, tenant, user string, before EventPlace, limit int) ([]Event, error)
}

// EventPlace is where a page of events ended.
type EventPlace struct {
	At time.Time
	ID string
}

// Sweeping deletes what has ended, up to limit rows at a time; each method tells
// how many there were.
type Sweeping interface {
	// Claim takes a chore that is due at now, and puts it off until next: true for
	// exactly one caller.
	Claim(ctx context.Context, chore string, now, next time.Time) (bool, error)
	// DeleteSessions deletes those that ended or expired before, with their
	// refresh tokens.
	DeleteSessions(ctx context.Context, before time.Time, limit int) (int, error)
	// VoidSuccessors forgets the successors of refresh tokens used before.
	VoidSuccessors(ctx context.Context, before time.Time, limit int) (int, error)
	// DeleteTickets deletes those that ended or expired before.
	DeleteTickets(ctx context.Context, before time.Time, limit int) (int, error)
	// DeletePendingDevices deletes those made before and never confirmed.
	DeletePendingDevices(ctx context.Context, before time.Time, limit int) (int, error)
	// DeleteRemovedDevices deletes those that were removed before that.
	DeleteRemovedDevices(ctx context.Context, before time.Time, limit int) (int, error)
	// DeleteInvites deletes those that were used or expired before.
	DeleteInvites(ctx context.Context, before time.Time, limit int) (int, error)
	// DeleteEvents deletes events from before, and of each user those beyond the
	// newest keep.
	DeleteEvents(ctx context.Context, before time.Time, keep, limit int) (int, error)
}
