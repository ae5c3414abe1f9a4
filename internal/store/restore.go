package store

import (
	"context"
	"time"
)

// Ended is how much EndAll ended.
type Ended struct {
	Sessions      int `json:"sessions"`
	Tickets       int `json:"tickets"`
	Invites       int `json:"invitations"`
	RecoveryCodes int `json:"recovery_codes"`
}

// Restores serves a database that was restored from a backup, in which what was
// used or ended since then is good again.
type Restores interface {
	// EndAll ends every session, ticket, invitation and recovery code there is, and
	// lets no device use a time step that has begun, nor the next one.
	EndAll(ctx context.Context, now time.Time) (Ended, error)
}
