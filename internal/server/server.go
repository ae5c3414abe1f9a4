// Package server is the JSON API: it decodes strictly, calls a service, and
// replies. Rules live in the services, so the command line and the console
// share them; what lives here is HTTP.
//
//	request ─▶ client address ─▶ observe ─▶ CORS ─▶ routes.go ─▶ permission ─▶ handler
//	             (proxy named)    trace id,  exact   one screen   token →       decode, call,
//	                              headers,   origins              model.Caller  reply or error
//	                              log line,                                        │
//	                              metrics ◀── problem+json ◀── record ◀────────────┘
//
// A request that fails before a service has recorded it is recorded here, and
// is answered 503 when that cannot be done.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"rolegate/internal/administration"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/throttle"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// Server answers the public listener. Fill it and call Handler once; all fields
// but the optional ones are required.
type Server struct {
	// Issuer is the public URL without a trailing slash: the only source of URLs
	// in answers. With https, answers carry Strict-Transport-Security.
	Issuer string
	// Login takes people through the login and verifies tokens.
	Login Login
	// Factors are people's own devices and recovery codes, and their step-up.
	Factors Factors
	// Passwords changes passwords and judges new ones.
	Passwords Passwords
	// Sessions shows people their sessions and logins.
	Sessions Sessions
	// Tokens tells what tokens are worth, and ends them.
	Tokens Tokens
	// Decider answers questions, each recorded before it is given.
	Decider Decider
	// Recorder writes the entry of a request that failed before a service did.
	Recorder Recorder
	// Known keeps the devices that people have logged in with.
	Known KnownDevices
	// Tenants finds tenants, for their metadata.
	Tenants Tenants
	// Provisioning keeps the directory.
	Provisioning Provisioning
	// Tree is the log's checkpoints, tiles and proofs.
	Tree Tree
	// AuditPublic lets anybody have those that hold hashes only.
	AuditPublic bool
	// Administration is what people do to others' accounts.
	Administration *administration.Service
	// PageKey derives a 32-byte key from what a page token belongs to, the same on
	// every replica and after every start.
	PageKey func(parts ...[]byte) []byte
	// Limits bound what a request may ask.
	Limits model.Limits
	// Pages are the pages for people.
	Pages Pages
	// Logger gets one event per request, without personal data or tokens.
	Logger *slog.Logger
	// Metrics counts requests and decisions; optional.
	Metrics *Metrics
	// Tracer tells a collector where the time goes; optional.
	Tracer *tracing.Tracer
	// TrustedProxies are the networks whose X-Forwarded-For is believed; optional.
	TrustedProxies []netip.Prefix
	// CORSOrigins are the exact origins of CRM frontends whose pages log people in
	// and show them their account; optional, and without any there is no CORS.
	CORSOrigins []string
	// LoginRate is how many logins a minute may fail from one address; 0 means
	// DefaultLoginRate. How many requests it may send is taken from it.
	LoginRate int

	requests     *throttle.Meter // of addresses and devices, made with the routes
	siteRequests *throttle.Meter // of sites, likewise
	turns        chan struct{}   // one for each that is heard past its limit, likewise
	reads        *throttle.Meter // of addresses, of the log's hashes; likewise
	everybodys   map[string]bool // patterns of which nothing is recorded, likewise
	missing      Page            // where no route takes a browser's request; likewise
	warnings     *throttle.Meter // of a crowd that is turned away; likewise
}

// Login is what the server needs of the login service. Errors carry a
// model.Code; an error without one is a fault of ours.
type Login interface {
	AcceptInvite(ctx context.Context, invite, password string) (login.Result, error)
	Login(ctx context.Context, tenant, username, password string) (login.Result, error)
	VerifyTOTP(ctx context.Context, ticket, code string) (login.Result, error)
	VerifyRecovery(ctx context.Context, ticket, code string) (login.Result, error)
	Enrol(ctx context.Context, ticket string) (login.Enrolment, error)
	ConfirmEnrolment(ctx context.Context, ticket, code, form string) (login.Result, error)
	// ReEnrol and ConfirmReEnrolment are CodeForbidden for a session that no recovery code opened.
	ReEnrol(ctx context.Context, session login.Session) (login.Enrolment, error)
	ConfirmReEnrolment(ctx context.Context, session login.Session, code, form string) (login.Result, error)
	Refresh(ctx context.Context, refreshToken string) (login.Result, error)
	// Logout returns the tenant's revision in which the session has ended.
	Logout(ctx context.Context, caller model.Caller) (revision int64, err error)
	ClientToken(ctx context.Context, cc login.ClientCredentials) (login.Tokens, error)

	// AuthenticateUser and AuthenticateClient are CodeUnauthorized for a token
	// that is not valid, of another kind, or whose session or client has ended.
	AuthenticateUser(ctx context.Context, raw string) (login.Session, error)
	// Sufficient is CodeStepUp for a session below what is required of its person
	// now, where there is a factor to be shown.
	Sufficient(ctx context.Context, session login.Session) error
	// Fresh is CodeStepUp unless the session's strongest factor was proven lately.
	Fresh(ctx context.Context, session login.Session) error
	FreshFactor(ctx context.Context, session login.Session) error
	AuthenticateClient(ctx context.Context, raw string) (model.Caller, error)
	// AuthenticateClientSecret and Person are their like for proxies, which
	// cannot renew a token, and for questions, whose record makes sure.
	AuthenticateClientSecret(ctx context.Context, id, secret string) (model.Caller, error)
	Person(ctx context.Context, raw string) (login.Session, error)

	// JWKS is the JSON Web Key Set of the public keys.
	JWKS(ctx context.Context) ([]byte, error)
}

// Decider answers questions. An error means there is no answer, and nothing may
// go through.
type Decider interface {
	Evaluate(ctx context.Context, caller model.Caller, r policy.Request) (model.Decision, error)
	// EvaluateBatch answers in order, and cut short as the semantic says.
	EvaluateBatch(ctx context.Context, caller model.Caller, rs []policy.Request, sem policy.Semantic) ([]model.Decision, error)
	// Search finds one page of what the question would be allowed for.
	Search(ctx context.Context, caller model.Caller, sr policy.SearchRequest) (policy.Found, error)
	// Forward answers whether a request may pass a proxy to the CRM.
	Forward(ctx context.Context, caller model.Caller, fr policy.ForwardRequest) (policy.Forwarded, error)
	// Explain answers one question with all its reasons; their texts are empty.
	Explain(ctx context.Context, caller model.Caller, r policy.ExplainRequest) (policy.Explained, error)
	// Permissions gives what a subject may do at all.
	Permissions(ctx context.Context, caller model.Caller, r policy.PermissionsRequest) (model.Permissions, error)
	// Filter tells for which records of resource.type the question would be allowed.
	Filter(ctx context.Context, caller model.Caller, r policy.Request) (policy.Listed, error)
}

// Tenants finds tenants.
type Tenants interface {
	// Tenant is CodeTenantUnknown where there is none of that name.
	Tenant(ctx context.Context, id string) (model.Tenant, error)
}

// Recorder writes one durable entry for a request that failed before a service
// recorded it. The caller is anonymous where none was authenticated.
type Recorder interface {
	RecordFailure(ctx context.Context, caller model.Caller, route string, code model.Code) error
}

// Handler is the whole public surface.
func (s *Server) Handler() http.Handler { return s.router() }
