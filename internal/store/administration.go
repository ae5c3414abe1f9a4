package store

import (
	"context"
	"time"

	"rolegate/model"
)

// UserState is what can be said of an account in one word.
type UserState string

const (
	UserInvited  UserState = "invited"  // has no password yet
	UserActive   UserState = "active"   // can log in
	UserDisabled UserState = "disabled" // cannot, whatever else
)

// StateOf is a user's.
func StateOf(u model.User) UserState {
	switch {
	case u.Disabled:
		return UserDisabled
	case u.PasswordHash == "":
		return UserInvited
	}
	return UserActive
}

// UserQuery is which users to page through: those with an id greater than After.
type UserQuery struct {
	Name  string    // how the folded user name begins; "" for any
	State UserState // "" for any
	After string
	Limit int
}

// RequestState is what became of a request for an office.
type RequestState string

const (
	RequestPending  RequestState = "pending"
	RequestApproved RequestState = "approved"
	RequestDenied   RequestState = "denied"
)

// OfficeRequest asks for an office for somebody. Who asks and who decides are
// "type:id", as Member is.
type OfficeRequest struct {
	ID          string
	Tenant      string
	Member      string
	Office      string // bare
	Reason      string
	RequestedBy string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	State       RequestState
	DecidedBy   string    // "" while pending
	DecidedAt   time.Time // zero while pending
}

// Administration is what administrators look at, beside single accounts.
type Administration interface {
	// PageUsers pages by id.
	PageUsers(ctx context.Context, tenant string, q UserQuery) ([]model.User, error)

	InsertOfficeRequest(ctx context.Context, r OfficeRequest) error
	OfficeRequest(ctx context.Context, tenant, id string) (OfficeRequest, error)
	// OfficeRequests lists the newest, newest first.
	OfficeRequests(ctx context.Context, tenant string, limit int) ([]OfficeRequest, error)
	// OfficePending tells whether an office was asked for for somebody, and that is
	// neither decided nor has expired at now.
	OfficePending(ctx context.Context, tenant, member, office string, now time.Time) (bool, error)
	// DecideOfficeRequest settles a pending one that has not expired at now: true
	// for exactly one caller.
	DecideOfficeRequest(ctx context.Context, tenant, id string, state RequestState, by string, now time.Time) (bool, error)
}
