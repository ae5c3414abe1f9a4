package login

import (
	"time"

	"rolegate/model"
)

// Status of a login step's answer: the wire's `status`.
type Status string

const (
	StatusOK                Status = "ok"                 // Tokens is set
	StatusMFARequired       Status = "mfa_required"       // a ticket for /v1/login/totp or /recovery
	StatusEnrolmentRequired Status = "enrolment_required" // a ticket for /v1/login/enrol
)

// Result is the answer of a login step: tokens, or a ticket for the next step,
// never both except after a recovery code, whose tokens can only re-enrol.
type Result struct {
	Status        Status
	Tokens        *Tokens
	Ticket        string
	Factors       []string      // "totp", "recovery"
	ExpiresIn     time.Duration // of the ticket
	RecoveryCodes []string      // enrol/confirm only; shown this once
}

// Tokens is what Issue hands out.
type Tokens struct {
	AccessToken  string
	RefreshToken string // "" for clients
	ExpiresIn    time.Duration
	Scope        string // clients only
	Device       string // the secret of the device, now known; "" where it has one or gets none
}

// Enrolment is a device waiting to be confirmed, shown once.
type Enrolment struct {
	DeviceID   string
	Username   string // whose it is
	Secret     string // base32 without padding
	OTPAuthURI string
	QRPNG      []byte
	Form       string // names the form that confirms it; see ConfirmEnrolment, ConfirmDevice
}

// ClientAuth is how a client shows who it is: by its secret, or by an assertion
// that its key signed. With an assertion ClientID may be "", as that names it.
type ClientAuth struct {
	ClientID     string
	ClientSecret string
	Assertion    string // RFC 7523, section 2.2
}

// ClientCredentials is an OAuth 2.0 client_credentials request.
type ClientCredentials struct {
	ClientAuth
	Scope  string // space-separated; "" asks for all the client has
	Tenant string // platform clients must name one
}

// Session is a verified live session behind a person's access token.
type Session struct {
	Caller     model.Caller
	Username   string // what its person logs in with, which need not be their id
	Assurance  model.Assurance
	Restricted bool // re-enrol only
}
