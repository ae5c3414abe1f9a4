// Package login is the login state machine: from an invitation or a password
// to tokens, and from tokens to a verified session.
//
//	invite ──▶ password ─┬─ no second factor due, 15 characters ▶ tokens (acr 1)
//	                     ├─ device enrolled ─▶ ticket ─▶ TOTP ───▶ tokens (acr 2)
//	                     │                        └─▶ recovery ─▶ re-enrol-only tokens + enrolment ticket
//	                     └─ none enrolled ──▶ ticket ─▶ enrol ─▶ confirm ─▶ tokens (acr 2), recovery codes
//	tokens ─▶ refresh ─▶ tokens                tokens ─▶ logout
//	tokens ─▶ step-up ─▶ tokens of a new session (a code proven now)
//	tokens ─▶ devices, recovery codes; a first device ─▶ tokens of a new session (acr 2)
//	tokens ─▶ new password ─▶ tokens of a new session, as sure as before
//	client (secret or assertion) ─▶ client token, introspection, revocation
//
// Every arrow that ends in a person's tokens passes issue (issue.go), the only
// code that opens sessions: it takes what was proven and what the tenant, user and
// roles require now. A refresh asks the same again (refresh.go). A ticket is opaque,
// stored as a digest, lives five minutes, counts five attempts and authorises its
// next step only.
//
// Every step appends one entry to the log in the transaction that settles it.
// A failed step commits too: its attempt is counted and recorded before it is
// answered. Races are settled by the store's conditional updates.
//
// Where things are, by what is done:
//
//	logging in   invite, service (password), enrol, totp, recovery; issue is the door
//	in a session session, refresh, sessions (one's own, history), fresh, stepup, sweep;
//	             remember keeps verified tokens in memory
//	one's own    owner (who is looked at again), devices, removed, change (password), known
//	guessing     throttle (what is charged to whom), miss (secrets nobody has)
//	passwords    rules (of a new one), standin (for names that nobody has)
//	clients      client (their token), clientauth, introspect, revoke
//	signing keys keys (in use), keyrotation (changed), keyschedule (which signs when)
package login

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/password"
	"rolegate/internal/store"
	"rolegate/internal/throttle"
	"rolegate/internal/token"
	"rolegate/model"
)

// Limits of the state machine. The sources are in docs/threat-model.md.
const (
	TicketTTL       = 5 * time.Minute
	TicketTries     = 5
	AccessTTL       = 10 * time.Minute
	RefreshTTL      = time.Hour      // idle limit of a session, unless set otherwise
	SessionTTL      = 24 * time.Hour // absolute limit of a session, likewise
	MaxSessions     = 10             // live sessions of a person, likewise
	RefreshGrace    = 10 * time.Second
	ReEnrolTTL      = time.Hour // absolute limit of a session that can only re-enrol
	MinPasswordMFA  = password.MinLengthMFA
	MinPasswordOnly = password.MinLength
)

// Requirements tells what the roles a subject holds now ask of its login, and what
// else its directory knows that a password must not be.
type Requirements interface {
	// RequiresMFA tells whether a role the subject ("user:alice") holds now,
	// directly, by team or by inheritance, is marked or is an office.
	RequiresMFA(ctx context.Context, tenant, subject string) (bool, error)
	// Addresses lists the e-mail addresses of the subject.
	Addresses(ctx context.Context, tenant, subject string) ([]string, error)
}

// Inviters tells what an invitation that a person made is worth when it is used.
type Inviters interface {
	// StillInvites tells whether the person by, at this revision of the tenant, may make
	// an invitation of the user: both by their ids.
	StillInvites(ctx context.Context, tenant string, revision int64, by, user string) (bool, error)
}

// Service runs the state machine. Fields are required unless they say otherwise; it
// is safe for concurrent use.
type Service struct {
	Store        store.Store
	Log          *audit.Log
	KEK          *keyring.KEK
	Hasher       *password.Hasher
	Breaches     *password.BreachFiles // nil for none
	Keys         *Keys
	Requirements Requirements
	Inviters     Inviters        // without it, invitations that people made open nothing
	Verifier     *token.Verifier // over Keys
	Assertions   *token.Assertions
	Revisions    Revisions
	Issuer       string // iss, and the issuer people see in their authenticator
	Audience     string // aud of access tokens
	Now          func() time.Time
	// TOTPSkew is 1 to take codes a step either side of where a device's clock was
	// last seen, 0 to take those of the present step and the one before alone.
	TOTPSkew int
	Limits   SessionLimits       // optional
	Reused   func(tenant string) // told of each refresh token that came back after its use; optional
	// Offset is told how many time steps each code that was accepted was ahead of the
	// present one, -3 to 3; optional.
	Offset func(steps int64)

	LoginRate int // failed logins a minute from one address; 0: DefaultLoginRate

	remembered memory
	standIns   standIns
	ledger     throttle.Ledger
	misses     misses
	sweptSpent atomic.Int64 // Unix microseconds of the last sweep
}

// FirstPartyClient is the client_id of tokens that people log in for.
const FirstPartyClient = "rolegate"

// UsernameKey folds a login name so that its spellings are one account (RFC
// 8265 UsernameCaseMapped: case, width and composition). A name with spaces,
// control characters or mixed direction is an error.
func UsernameKey(name string) (string, error) {
	key, err := precis.UsernameCaseMapped.String(name)
	if err != nil {
		return "", model.Errorf(model.CodeInvalidRequest, "this is not a usable user name: no spaces, no control characters, no mix of writing directions, and not empty")
	}
	return key, nil
}

var errLogin = model.Errorf(model.CodeLoginFailed, "the user name or password is wrong")

// Login is the password step. Whichever half is wrong, the answer and the work
// are the same: the same look-ups, one try charged, one hash, one entry.
func (s *Service) Login(ctx context.Context, tenant, username, pass string) (Result, error) {
	if len(pass) > password.MaxBytes {
		return Result{}, model.Errorf(model.CodeInvalidRequest, "the password is longer than %d bytes", password.MaxBytes)
	}
	if tenant == "" {
		tenant = model.DefaultTenant
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	return s.hear(ctx, tenant, username, pass)
}

// hear is Login, once it is its turn.
func (s *Service) hear(ctx context.Context, tenant, username, pass string) (Result, error) {
	t, user, err := s.lookup(ctx, tenant, username)
	if err != nil {
		return Result{}, err
	}
	stored, err := s.standIn(ctx, t.ID, user.PasswordHash, username)
	if err != nil {
		return Result{}, err
	}
	known, err := s.knownAs(ctx, user)
	if err != nil {
		return Result{}, err
	}
	try, err := s.tryLogin(ctx, tenant, username, t, user, known)
	if err != nil {
		return Result{}, err
	}
	if known != "" {
		ctx = password.Ahead(ctx)
	}
	ok, rehash, err := s.Hasher.Verify(ctx, stored, pass)
	if err != nil {
		return Result{}, s.unheard(ctx, err, try)
	}
	if !ok || user.PasswordHash == "" || user.Disabled || t.ID == "" || t.Disabled {
		if err := s.Log.Append(ctx, failure(t.ID, user.ID, audit.PasswordFailed, model.CodeLoginFailed, "username", username)); err != nil {
			return Result{}, err
		}
		return Result{}, errLogin
	}
	if rehash {
		user = s.upgrade(ctx, user, pass)
	}
	p := proof{Methods: []string{"pwd"}, At: s.Now(), Short: short(pass)}
	return s.proceed(ctx, t, user, p, func(tx store.Tx) error {
		_, err := s.ledger.Right(ctx, tx, try)
		return err
	})
}

// enter lets a request to log in take its turn, see password.Hasher.Enter. A device
// that somebody has logged in with is let in at once: whose it is is seen by what is
// looked up then, and whoever is none of theirs waits for a hash among strangers.
func (s *Service) enter(ctx context.Context) (leave func(), err error) {
	if id, err := s.KnownDevice(ctx); err != nil || id != "" {
		return func() {}, err
	}
	return s.Hasher.Enter(ctx)
}

// lookup finds tenant and user; a missing one is a zero value, not an error.
func (s *Service) lookup(ctx context.Context, tenant, username string) (model.Tenant, model.User, error) {
	if strings.ContainsRune(tenant, 0) {
		tenant = "" // there is none of either name, and only this one can be looked up
	}
	t, err := s.Store.TenantHead(ctx, tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return model.Tenant{}, model.User{}, err
	}
	key, err := UsernameKey(username)
	if err != nil {
		key = "" // no user has it, so the look-up below finds nobody at the same cost
	}
	user, err := s.Store.UserByName(ctx, tenant, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return model.Tenant{}, model.User{}, err
	}
	return t, user, nil
}

// upgrade stores a hash with today's parameters. A failure leaves the old hash,
// which still works, so the login goes on. Where another hash was stored since,
// as by a login of the same moment, that one counts, if the password is right by it.
func (s *Service) upgrade(ctx context.Context, u model.User, pass string) model.User {
	hash, err := s.Hasher.Hash(ctx, pass)
	if err != nil {
		return u
	}
	set, err := s.Store.SetPassword(ctx, u.Tenant, u.ID, u.PasswordHash, hash)
	switch {
	case err != nil:
		return u
	case set:
		u.PasswordHash = hash
		return u
	}
	now, err := s.Store.User(ctx, u.Tenant, u.ID)
	if err != nil {
		return u
	}
	if ok, _, err := s.Hasher.Verify(ctx, now.PasswordHash, pass); err == nil && ok {
		u.PasswordHash = now.PasswordHash
	}
	return u
}

// proof is what a person has shown so far.
type proof struct {
	Methods  []string // amr, RFC 8176
	At       time.Time
	Level    int    // acr; 0 is read as 1, the password
	Recovery bool   // the second factor was a recovery code: re-enrol only
	Chosen   string // hash of a password that the second factor is to set; "" for none
	// Short says that the password has too few characters to stand alone: it was chosen
	// while a second factor was due, or elsewhere (NIST SP 800-63B-4 3.1.1.2).
	Short bool
	// After is the session that a new one takes the place of, with its limits:
	// after a step-up. nil after a login.
	After *store.Session
}

// short tells whether a password has too few characters to stand alone.
func short(pass string) bool { return utf8.RuneCountInString(pass) < MinPasswordOnly }

// proceed decides what follows a right password: tokens, or a ticket for the
// second factor or for enrolling one. first runs in the same transaction before
// that; when it returns an error that is the answer.
func (s *Service) proceed(ctx context.Context, t model.Tenant, user model.User, p proof, first func(store.Tx) error) (Result, error) {
	due, err := s.mfaDue(ctx, t, user.ID)
	if err != nil {
		return Result{}, err
	}
	due = due || p.Short
	var res Result
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res = Result{}
		if _, err := tx.Bump(ctx, user.Tenant); err != nil { // the tenant's row first, as everywhere
			return err
		}
		if err := first(tx); err != nil {
			return err
		}
		epoch, err := same(ctx, tx, user)
		if err != nil {
			return err
		}
		if epoch != user.Epoch {
			return errLogin
		}
		if res, err = s.nextStep(ctx, tx, t, user, p, due); err != nil {
			return err
		}
		name := audit.PasswordPassed
		if res.Status == StatusOK {
			name = audit.LoginSucceeded
		}
		return s.Log.AppendIn(ctx, tx, success(user, name, p))
	})
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// unchanged refuses a user who was disabled, or whose password was replaced,
// while this one was being hashed, and tells the epoch they have now. It takes the
// tenant's row first, as whoever changes a user does, so that neither overtakes the
// other.
func (s *Service) unchanged(ctx context.Context, tx store.Tx, user model.User) (epoch int64, err error) {
	if _, err := tx.Bump(ctx, user.Tenant); err != nil {
		return 0, err
	}
	return same(ctx, tx, user)
}

// same is unchanged of a tenant that this transaction holds.
func same(ctx context.Context, tx store.Users, user model.User) (epoch int64, err error) {
	now, err := tx.User(ctx, user.Tenant, user.ID)
	if err != nil {
		return 0, err
	}
	if now.Disabled || now.PasswordHash != user.PasswordHash {
		return 0, errLogin
	}
	return now.Epoch, nil
}

// nextStep answers a right password: the second factor where one is enrolled,
// enrolment where one is due, else tokens.
func (s *Service) nextStep(ctx context.Context, tx store.Tx, t model.Tenant, user model.User, p proof, due bool) (Result, error) {
	devices, err := tx.Devices(ctx, t.ID, user.ID)
	if err != nil {
		return Result{}, err
	}
	switch {
	case len(devices) > 0:
		left, err := tx.RecoveryCodesLeft(ctx, t.ID, user.ID)
		if err != nil {
			return Result{}, err
		}
		factors := []string{"totp"}
		if left > 0 {
			factors = append(factors, "recovery")
		}
		return s.newTicket(ctx, tx, user, store.TicketMFA, StatusMFARequired, factors, p)
	case due:
		return s.newTicket(ctx, tx, user, store.TicketEnrol, StatusEnrolmentRequired, []string{"totp"}, p)
	}
	tokens, err := s.issue(ctx, tx, t, user, p, due)
	if err != nil {
		return Result{}, err
	}
	return Result{Status: StatusOK, Tokens: &tokens}, nil
}

// newTicket makes a ticket for the next step, ending the user's older ones.
func (s *Service) newTicket(ctx context.Context, tx store.Tickets, u model.User, purpose store.TicketPurpose, status Status, factors []string, p proof) (Result, error) {
	secret, hash := token.NewSecret()
	now := s.Now()
	err := tx.InsertTicket(ctx, store.Ticket{
		Hash: hash, Tenant: u.Tenant, User: u.ID, Purpose: purpose, Methods: p.Methods, AuthTime: p.At, Password: p.Chosen,
		CreatedAt: now, ExpiresAt: now.Add(TicketTTL),
	})
	if err != nil {
		return Result{}, err
	}
	return Result{Status: status, Ticket: secret, Factors: factors, ExpiresIn: TicketTTL}, nil
}

// mfaDue tells whether the tenant or one of the user's roles asks for a second factor now.
func (s *Service) mfaDue(ctx context.Context, t model.Tenant, user string) (bool, error) {
	if t.MFA != model.MFAByRole {
		return true, nil
	}
	return s.Requirements.RequiresMFA(ctx, t.ID, "user:"+user)
}

// success is the entry of a step that went well.
func success(u model.User, a audit.Activity, p proof) audit.Entry {
	return audit.Entry{
		Tenant: u.Tenant, Class: audit.ClassLogin, Activity: a, Outcome: audit.OutcomeOK,
		Level: p.level(), Caller: model.Caller{Kind: model.CallerAnonymous}, Person: "user:" + u.ID,
		Personal: map[string]any{"methods": p.Methods},
	}
}

// failure is the entry of a step that was refused. user may be "": then what
// the caller sent is sealed under the tenant's key for nobody in particular.
func failure(tenant, user string, a audit.Activity, code model.Code, personal ...string) audit.Entry {
	e := audit.Entry{
		Tenant: tenant, Class: audit.ClassLogin, Activity: a, Outcome: audit.OutcomeDeny, Code: code,
		Caller: model.Caller{Kind: model.CallerAnonymous}, Personal: map[string]any{},
	}
	if user != "" {
		e.Person = "user:" + user
	}
	for i := 0; i+1 < len(personal); i += 2 {
		e.Personal[personal[i]] = personal[i+1]
	}
	return e
}

func (p proof) level() int { return max(p.Level, 1) }
