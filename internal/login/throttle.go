package login

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/throttle"
	"rolegate/model"
)

// Limits on tries. Where the numbers come from is in docs/threat-model.md.
const (
	DefaultLoginRate = 30 // failed logins a minute from one address

	freePasswords    = 5 // wrong passwords of one account from one network without a wait
	firstWait        = 5 * time.Second
	longestWait      = 15 * time.Minute
	forgetPasswords  = 24 * time.Hour
	accountPasswords = 200 // wrong passwords of one account from anywhere at once
	accountEvery     = 30 * time.Second

	freeCodes    = 10 // wrong one-time codes in a row
	codesALock   = 5  // and as many more, one ticket's, after each lock
	firstLock    = 15 * time.Minute
	longestLock  = 24 * time.Hour
	codesForGood = 50 // until a recovery code or an unlock (NIST SP 800-63B-4 3.2.2: at most 100)

	renewalsAtOnce = 5 // new sets of recovery codes, each of which is ten hashes
	renewalsEvery  = 12 * time.Minute

	unlocksAtOnce = 2 // unlocks of one account by people: each lets ten codes be tried anew, and more with waits
	unlocksEvery  = 24 * time.Hour

	recoveryAtOnce = 5 // wrong recovery codes; with the next line at most ten in any hour
	recoveryEvery  = 12 * time.Minute
)

// Budgets, as the metric names them.
const (
	BudgetAddress  = "login_address"    // failed logins from one address, or one site
	BudgetSpray    = "login_accounts"   // accounts that failed from one address, or one site
	BudgetNetwork  = "login_network"    // one account from one network, or from one known device
	BudgetAccount  = "login_account"    // one account from everywhere but known devices
	BudgetCode     = "code"             // one-time codes of one account
	BudgetRecovery = "recovery"         // recovery codes of one account
	BudgetRenewal  = "recovery_renewal" // new recovery codes of one account
	BudgetPassword = "password"         // the current password, asked for again
	BudgetUnlock   = "unlock"           // unlocks of one account by people
	BudgetSecret   = "secret"           // unknown tickets, refresh tokens, invitations and clients' secrets from one address, or one site
)

// Budgets lists them, for metrics.
var Budgets = []string{BudgetAddress, BudgetSpray, BudgetNetwork, BudgetAccount, BudgetCode, BudgetRecovery, BudgetRenewal, BudgetPassword, BudgetUnlock, BudgetSecret}

// Locks lists those of them that lock: so many tries in a row begin a wait. The others
// are of tries over time.
var Locks = []string{BudgetNetwork, BudgetCode, BudgetPassword}

var (
	passwords = throttle.Ladder{Wait: passwordWait, Forget: forgetPasswords}
	codes     = throttle.Ladder{Wait: codeWait}
	recovery  = throttle.Bucket{Size: recoveryAtOnce, Every: recoveryEvery}
	renewals  = throttle.Bucket{Size: renewalsAtOnce, Every: renewalsEvery}
	unlocks   = throttle.Bucket{Size: unlocksAtOnce, Every: unlocksEvery}
	anywhere  = throttle.Bucket{Size: accountPasswords, Every: accountEvery}
)

func passwordWait(failed int64) time.Duration {
	if failed < freePasswords {
		return 0
	}
	return doubled(firstWait, failed-freePasswords, longestWait)
}

// codeWait locks after ten, then after each five more: 15 min, 30 min, 1 h … 24 h, for good.
func codeWait(failed int64) time.Duration {
	switch {
	case failed >= codesForGood:
		return throttle.Never
	case failed < freeCodes || failed%codesALock != 0:
		return 0
	}
	return doubled(firstLock, (failed-freeCodes)/codesALock, longestLock)
}

func doubled(first time.Duration, times int64, longest time.Duration) time.Duration {
	return min(first<<min(times, 16), longest)
}

// tryLogin charges a try of a password to what its source is: a known device of
// the account (its id, "" for none) is a network of its own, in which strangers do nothing; whoever
// comes from elsewhere shares the budgets of its address, of the site that is of, of the
// network with the account, and of the account. A name nobody has is charged like any other, and
// looked at in the same order. So is that of a tenant there is none of; but no
// entry is of it, as not every name can be looked up.
func (s *Service) tryLogin(ctx context.Context, tenant, username string, t model.Tenant, user model.User, known string) (throttle.Try, error) {
	name, err := UsernameKey(username)
	if err != nil {
		name = "\x00" + username // of nobody
	}
	account := s.account(tenant, name)
	ofAccount := s.begins(failure(t.ID, user.ID, audit.LoginFailMax, model.CodeTooManyAttempts, "username", username))
	if known != "" {
		return s.charge(ctx, throttle.Line{Budget: BudgetNetwork, Key: s.counter(BudgetNetwork, account, []byte("device "+known)), About: account, Rule: passwords, Own: true, Begins: ofAccount})
	}
	from := reqctx.From(ctx).Address
	address, network, site := []byte(throttle.Address(from)), []byte(throttle.Network(from)), []byte(throttle.Site(from))
	ofAddress := s.begins(failure("", "", audit.LoginFailMax, model.CodeTooManyAttempts))
	pair, rate := s.counter(BudgetNetwork, account, network), s.rate()
	failed := throttle.Bucket{Size: 4 * rate, Every: time.Minute / time.Duration(rate)}
	sprayed := throttle.Bucket{Size: 2 * rate, Every: 10 * time.Minute / time.Duration(rate)}
	lines := []throttle.Line{
		{Budget: BudgetAddress, Key: s.counter(BudgetAddress, address), Begins: ofAddress, Rule: failed},
		{Budget: BudgetNetwork, Key: pair, About: account, Rule: passwords, Begins: ofAccount},
		{Budget: BudgetSpray, Key: s.counter(BudgetSpray, address), FirstOf: pair, Begins: ofAddress, Rule: sprayed},
		{Budget: BudgetAccount, Key: s.counter(BudgetAccount, account), About: account, Rule: anywhere, Begins: ofAccount},
	}
	if len(site) > 0 {
		lines = append(lines,
			throttle.Line{Budget: BudgetAddress, Key: s.counter(BudgetAddress, site), Begins: ofAddress, Rule: failed.ForSite()},
			throttle.Line{Budget: BudgetSpray, Key: s.counter(BudgetSpray, site), FirstOf: pair, Begins: ofAddress, Rule: sprayed.ForSite()})
	}
	return s.charge(ctx, lines...)
}

func (s *Service) rate() int64 {
	if s.LoginRate > 0 {
		return int64(s.LoginRate)
	}
	return DefaultLoginRate
}

func (s *Service) charge(ctx context.Context, lines ...throttle.Line) (throttle.Try, error) {
	return s.ledger.Charge(ctx, s.Store, s.Now, lines)
}

// unheard is the error of a hash, after the try was taken back where no worker
// came free for it: then nobody learned whether it was right.
func (s *Service) unheard(ctx context.Context, err error, t throttle.Try) error {
	if model.CodeOf(err) == model.CodeBusy {
		s.ledger.Undo(ctx, s.Store, s.Now, t)
	}
	return err
}

// account stands for a user name, also one nobody has. It is keyed, since names
// that were tried are at times passwords.
func (s *Service) account(tenant, usernameKey string) []byte {
	return s.KEK.MAC("throttle account", []byte(tenant), []byte(usernameKey))
}

// counter names a counter.
func (s *Service) counter(budget string, parts ...[]byte) []byte {
	return s.KEK.MAC("throttle "+budget, parts...)
}

// person stands for a user in the counters of what only that user can fail at.
// It rests on no key: a lock must not open because a key was replaced.
func person(budget, tenant, user string) []byte {
	h := sha256.New()
	for _, part := range []string{budget, tenant, user} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// ownLine is a counter of what only the user can fail at. Whose refusals begin is
// recorded once, as activity.
func (s *Service) ownLine(budget string, rule throttle.Rule, begins audit.Activity, tenant, user string) throttle.Line {
	return throttle.Line{Budget: budget, Key: person(budget, tenant, user), About: person("", tenant, user), Rule: rule, Own: true,
		Begins: s.begins(failure(tenant, user, begins, model.CodeTooManyAttempts))}
}

// begins records that refusals begin. A try that was taken goes on, and its request has
// failed only when an entry says of what (decision 0059).
func (s *Service) begins(e audit.Entry) func(context.Context, store.Tx, bool) error {
	return func(ctx context.Context, tx store.Tx, refused bool) error {
		if !refused {
			ctx = reqctx.Apart(ctx)
		}
		return s.Log.AppendIn(ctx, tx, e)
	}
}

func (s *Service) codeLine(tenant, user string) throttle.Line {
	return s.ownLine(BudgetCode, codes, audit.LoginLocked, tenant, user)
}

func (s *Service) recoveryLine(tenant, user string) throttle.Line {
	return s.ownLine(BudgetRecovery, recovery, audit.LoginFailMax, tenant, user)
}

func (s *Service) passwordLine(tenant, user string) throttle.Line {
	return s.ownLine(BudgetPassword, passwords, audit.LoginFailMax, tenant, user)
}

// tryCode charges one try of a one-time code to the account, in a transaction of
// its own and before the code is looked at, on every surface that takes one. Its
// error is the answer, the same for a right code and a wrong one: while the step
// is locked, no code is looked at.
func (s *Service) tryCode(ctx context.Context, tenant, user string) error {
	_, err := s.charge(ctx, s.codeLine(tenant, user))
	return err
}

// codeRight gives the account's tries back, in the transaction that settles the
// code.
func (s *Service) codeRight(ctx context.Context, tx store.Tx, tenant, user string) error {
	return s.right(ctx, tx, tenant, user, s.codeLine(tenant, user))
}

// tryRecovery is tryCode for recovery codes, which have a budget of their own:
// they are the way out when one-time codes are refused for good.
func (s *Service) tryRecovery(ctx context.Context, tenant, user string) error {
	_, err := s.charge(ctx, s.recoveryLine(tenant, user))
	return err
}

// recoveryRight gives the try back, and with it those of one-time codes: the
// device they came from is about to be replaced.
func (s *Service) recoveryRight(ctx context.Context, tx store.Tx, tenant, user string) error {
	return s.right(ctx, tx, tenant, user, s.recoveryLine(tenant, user), s.codeLine(tenant, user))
}

// tryRenewal charges one set of new recovery codes, before they are hashed: with
// nothing to bound it one person in a loop would keep the hash workers busy.
func (s *Service) tryRenewal(ctx context.Context, tenant, user string) error {
	_, err := s.charge(ctx, s.renewalLine(tenant, user))
	return err
}

func (s *Service) renewalLine(tenant, user string) throttle.Line {
	return s.ownLine(BudgetRenewal, renewals, audit.LoginFailMax, tenant, user)
}

// tryPassword charges one try of a known person's password, before it is hashed,
// where it is asked for again, such as at its change. Its error is the answer.
func (s *Service) tryPassword(ctx context.Context, tenant, user string) error {
	_, err := s.charge(ctx, s.passwordLine(tenant, user))
	return err
}

// passwordRight gives the tries back.
func (s *Service) passwordRight(ctx context.Context, tx store.Tx, tenant, user string) error {
	return s.right(ctx, tx, tenant, user, s.passwordLine(tenant, user))
}

// codeBack takes the account's try back in the transaction that refuses the code: it was
// right once, and no guess.
func (s *Service) codeBack(ctx context.Context, tx store.Tx, tenant, user string) error {
	locked, err := s.ledger.Back(ctx, tx, throttle.Of(s.codeLine(tenant, user)))
	return s.unlocked(ctx, tx, tenant, user, locked, err)
}

// right gives tries back.
func (s *Service) right(ctx context.Context, tx store.Tx, tenant, user string, lines ...throttle.Line) error {
	locked, err := s.ledger.Right(ctx, tx, throttle.Of(lines...))
	return s.unlocked(ctx, tx, tenant, user, locked, err)
}

// unlocked records, where the last of the tries that were given back had begun a lock,
// that it is over.
func (s *Service) unlocked(ctx context.Context, tx store.Tx, tenant, user string, locked bool, err error) error {
	if err != nil || !locked {
		return err
	}
	s.ledger.Forget()
	e := failure(tenant, user, audit.LoginUnlocked, "")
	e.Outcome = audit.OutcomeOK
	return s.Log.AppendIn(ctx, tx, e)
}

// Unlock forgets what was tried in vain at a user's account, on whoever's
// behalf: passwords, one-time codes and recovery codes count from zero again. The
// error is of model.CodeUserUnknown where there is no such user.
//
// Whoever is not on the host does so within a budget that no unlock renews, or with
// invitations of the same account they could try codes without an end.
func (s *Service) Unlock(ctx context.Context, caller model.Caller, tenant, user, reason string) error {
	if caller.Kind != model.CallerOperator {
		line := throttle.Line{Budget: BudgetUnlock, Key: person(BudgetUnlock, tenant, user), Rule: unlocks, Own: true}
		if _, err := s.charge(ctx, line); err != nil {
			return tooOften(err, user)
		}
	}
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		u, err := tx.User(ctx, tenant, user)
		if err != nil {
			return notFound(err, model.Errorf(model.CodeUserUnknown, "tenant %q has no user %q", tenant, user))
		}
		if err := tx.DeleteCounters(ctx, person("", tenant, u.ID), s.account(tenant, u.UsernameKey)); err != nil {
			return err
		}
		e := audit.Entry{Tenant: tenant, Class: audit.ClassAdmin, Activity: audit.LoginUnlocked, Outcome: audit.OutcomeOK,
			Caller: caller, Person: "user:" + u.ID}
		if reason != "" {
			e.Personal = map[string]any{"reason": reason}
		}
		if g := caller.Grounds; g != nil {
			e.Object, e.Op, e.Rule, e.PolicyHash = g.Object, g.Action, g.Rule, g.PolicyHash
		}
		return s.Log.AppendIn(ctx, tx, e)
	})
	s.ledger.Forget()
	return err
}

// tooOften says of a charge that was refused what was refused.
func tooOften(err error, user string) error {
	var e *model.Error
	if !errors.As(err, &e) || e.Code != model.CodeTooManyAttempts {
		return err
	}
	said := model.Errorf(e.Code, "people have unlocked %s as often as a day allows; on the host it can be done at once", user)
	said.RetryAfter = e.RetryAfter
	return said
}

// sweepTriesBatch bounds how long one sweep holds the database.
const sweepTriesBatch = 1000

// SweepTries removes counters and known devices that say nothing any more, with an
// hour to spare for clocks that jump, and tells whether there may be more.
func (s *Service) SweepTries(ctx context.Context) (more bool, err error) {
	before := s.Now().Add(-time.Hour)
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		counters, err := tx.SweepCounters(ctx, before, sweepTriesBatch)
		if err != nil {
			return err
		}
		devices, err := tx.SweepKnownDevices(ctx, before, sweepTriesBatch)
		more = counters == sweepTriesBatch || devices == sweepTriesBatch
		return err
	})
	return more, err
}
