package server

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/administration"
	"rolegate/internal/throttle"
)

// router is the whole surface, each path with who may call it; four groups are
// named here and are tables of their own: provisioning, administration, policies, pages. All
// of it, path by path, is in testdata/routes.golden and pages.golden.
//
//	public         anybody; nothing of anybody is in it, so nothing is recorded
//	public or      hashes and sizes of the log: anybody; with ROLEGATE_AUDIT_PUBLIC=false
//	 auditor       a client with the scope audit, or a person who may read the log
//	open           anybody; recorded
//	person         a person's access token with a live session that is enough for what
//	               is required of them now
//	person(fresh)  likewise, with a factor proven in the last five minutes
//	person(any)    any live session, also one that can only enrol again
//	officer(right) likewise, whose roles give the right; to change anything, or to read
//	               the log, with a factor proven in the last five minutes
//	client secret  a client's secret, or its signed assertion; or holder: a person's token alone
//	client(scope)  a client's access token with the scope
//	proxy(scope)   a client in Rolegate-Client-Authorization, a person in Authorization
func (s *Server) router() chi.Router {
	s.requests = &throttle.Meter{Rule: requestsFor(s.LoginRate)}
	s.siteRequests = &throttle.Meter{Rule: requestsFor(s.LoginRate).ForSite()}
	s.turns = make(chan struct{}, turns)
	s.reads = &throttle.Meter{Rule: treeReads}
	s.warnings = &throttle.Meter{Rule: throttle.Bucket{Size: 1, Every: warnEvery}}
	r := chi.NewRouter()
	r.Use(s.clientAddress(), s.observe, s.cors(), heads)
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed)

	r.Method("GET", "/healthz", s.public(s.health))
	r.Method("HEAD", "/healthz", s.public(s.health)) // by which many a monitor asks
	r.Method("GET", "/.well-known/jwks.json", s.public(s.jwks))
	// Documents are looked for between the issuer's host and its path; OAuth's also
	// below the issuer, by clients that know OpenID Connect's rule only.
	r.Method("GET", wellKnownOAuth, s.public(s.metadata))
	if path := s.issuerPath(); path != "" {
		r.Method("GET", wellKnownOAuth+path, s.public(s.metadata))
	}
	r.Method("GET", wellKnownPDP+s.issuerPath(), s.public(s.pdpMetadata))
	r.Method("GET", wellKnownPDP+s.issuerPath()+"/{tenant}", s.open(s.tenantPDPMetadata))
	r.Method("POST", "/oauth2/token", s.clientSecret(s.clientToken))
	r.Method("POST", "/oauth2/introspect", s.clientSecret(s.introspect))
	r.Method("POST", "/oauth2/revoke", s.clientOrHolder(s.revoke))

	r.Method("POST", "/v1/invite/accept", s.open(s.acceptInvite))
	r.Method("POST", "/v1/invite/strength", s.open(s.inviteStrength))
	r.Method("POST", "/v1/login", s.open(s.login))
	r.Method("POST", "/v1/login/totp", s.open(s.verifyTOTP))
	r.Method("POST", "/v1/login/recovery", s.open(s.verifyRecovery))
	r.Method("POST", "/v1/login/enrol", s.open(s.enrol))
	r.Method("POST", "/v1/login/enrol/confirm", s.open(s.confirmEnrolment))
	r.Method("POST", "/v1/token/refresh", s.open(s.refresh))
	r.Method("POST", "/v1/logout", s.anyPerson(s.logout))
	r.Method("POST", "/v1/me/re-enrol", s.anyPerson(s.reEnrol))
	r.Method("POST", "/v1/me/re-enrol/confirm", s.anyPerson(s.confirmReEnrolment))

	// Ending a session asks for no step-up: it only takes access away, and whoever
	// lost the phone with the second factor on it needs it most.
	r.Method("POST", "/v1/step-up", s.person(s.stepUp))
	r.Method("GET", "/v1/me/devices", s.person(s.devices))
	r.Method("POST", "/v1/me/devices", s.freshPerson(s.addDevice))
	r.Method("POST", "/v1/me/devices/{id}/confirm", s.freshPerson(s.confirmDevice))
	r.Method("PATCH", "/v1/me/devices/{id}", s.person(s.renameDevice))
	r.Method("DELETE", "/v1/me/devices/{id}", s.freshPerson(s.removeDevice))
	r.Method("GET", "/v1/me/recovery-codes", s.person(s.recoveryCodesLeft))
	r.Method("POST", "/v1/me/recovery-codes", s.freshPerson(s.newRecoveryCodes))
	r.Method("POST", "/v1/me/password", s.freshPerson(s.changePassword))
	r.Method("POST", "/v1/me/password/strength", s.person(s.passwordStrength))
	r.Method("GET", "/v1/me/sessions", s.person(s.listSessions))
	r.Method("DELETE", "/v1/me/sessions/{id}", s.person(s.endSession))
	r.Method("POST", "/v1/me/end-other-sessions", s.person(s.endOtherSessions))
	r.Method("GET", "/v1/me/history", s.person(s.history))
	r.Method("GET", "/v1/me/known-devices", s.person(s.knownDevices))
	r.Method("DELETE", "/v1/me/known-devices/{id}", s.person(s.forgetKnownDevice))

	r.Method("POST", "/access/v1/evaluation", s.client("decide", s.evaluation))
	r.Method("POST", "/access/v1/evaluations", s.client("decide", s.evaluations))
	r.Method("POST", "/access/v1/search/subject", s.client("decide", s.searchSubject))
	r.Method("POST", "/access/v1/search/resource", s.client("decide", s.searchResource))
	r.Method("POST", "/access/v1/search/action", s.client("decide", s.searchAction))
	r.Method("POST", "/v1/filter", s.client("decide", s.listFilter))
	r.Method("GET", "/v1/permissions", s.client("decide", s.permissions))
	r.Method("POST", "/v1/explain", s.client("explain", s.explain))
	for _, method := range forwardMethods {
		r.Method(method, "/v1/forward-auth", s.proxy("decide", s.forwardHeaders))
		r.Method(method, forwardPath+"/*", s.proxy("decide", s.forwardRequest))
	}

	// What holds the log to its word: C2SP tlog-checkpoint, tlog-tiles, tlog-proof.
	r.Method("GET", "/v1/audit/checkpoint", s.auditor(s.logCheckpoint))
	r.Method("GET", "/v1/audit/tile/entries/*", s.officer(logObject, logExport, s.logBundle))
	r.Method("GET", "/v1/audit/tile/{level}/*", s.auditor(s.logTile))
	r.Method("GET", "/v1/audit/entries/{index}/proof", s.auditor(s.logProof))
	r.Method("GET", "/v1/audit/proof/consistency", s.auditor(s.logConsistency))

	// PUT, GET, DELETE /v1/admin/{subjects,teams,units,territories,resources,assignments}/…,
	// GET their lists, POST /v1/admin/import: client(directory)
	s.mountProvisioning(r)
	// /v1/admin/{users,clients,offices}/…, the table in officers.go: officer(object:action)
	s.mountAdministration(r)
	// /v1/admin/policy/…, the table in policies.go: officer(rolegate.policy:action)
	s.mountPolicies(r)

	r.Method("GET", "/v1/audit/entries", s.officer(administration.AuditLog, administration.Read, s.logEntries))
	r.Method("GET", "/v1/audit/entries/{index}", s.officer(administration.AuditLog, administration.Read, s.logEntry))

	s.missing = s.Pages.Mount(r, s.page, s.mayCall) // /, /login, /account, /console: for people, the tables in packages below console
	s.everybodys = patternsForEverybody(r)
	return r
}

// patternsForEverybody are those of routes that take whoever comes, of which nothing is
// recorded.
func patternsForEverybody(r chi.Router) map[string]bool {
	public := map[string]bool{}
	_ = chi.Walk(r, func(_, pattern string, h http.Handler, _ ...func(http.Handler) http.Handler) error { // which only fails as this does
		if e, ok := h.(interface{ Permission() string }); ok && strings.HasPrefix(e.Permission(), "public") {
			public[pattern] = true
		}
		return nil
	})
	return public
}

// mending are the routes of persons that a session may call which is below what is
// required of its person by now: by them it gets there.
var mending = map[string]bool{"/v1/step-up": true}

// ownAccount begins the routes of what people may see and do of their own account.
const ownAccount = "/v1/me/"

// forPages tells whether pages of a CRM's frontend, from another origin, call the
// path: to log people in, and to let them mind their own account. Questions are a
// backend's to ask, and whoever administers does so from the gate's own origin.
func forPages(path string) bool { return browserRoutes[path] || strings.HasPrefix(path, ownAccount) }

// browserRoutes are those of them that ownAccount does not begin.
var browserRoutes = map[string]bool{
	"/v1/invite/accept":       true,
	"/v1/invite/strength":     true,
	"/v1/login":               true,
	"/v1/login/totp":          true,
	"/v1/login/recovery":      true,
	"/v1/login/enrol":         true,
	"/v1/login/enrol/confirm": true,
	"/v1/token/refresh":       true,
	"/v1/logout":              true,
	"/v1/step-up":             true,

	"/oauth2/revoke": true, // logs out where the access token has expired
}
