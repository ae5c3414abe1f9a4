package store

import (
	"context"
	"time"
)

// Ended is how much EndAll ended.
type Ended struct {
	Sessions       int `json:"sessions"`
	Tickets        int `json:"tickets"`
	Invites        int `json:"invitations"`
	RecoveryCodes  int `json:"recovery_codes"`
	KnownDevices   int `json:"known_devices"`
	OfficeRequests int `json:"office_requests"` // that waited for a decision
	Drafts         int `json:"drafts"`          // changes of a policy that were submitted, or approved
}

// Restores serves a database that was restored from a backup, in which what was
// used or ended since then is good again.
type Restores interface {
	// EndAll ends every session, ticket, invitation, recovery code, known device and
	// open request for an office there is, forgets devices that were not confirmed,
	// takes submitted and approved
	// drafts back to where they are written, and lets no device use a time step that has begun by its clock, nor the next.
	EndAll(ctx context.Context, now time.Time) (Ended, error)
}
