package login

import (
	"context"
	"sync"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/throttle"
)

// misses counts secrets that nobody has: tickets, refresh tokens, invitations
// and clients' secrets, of 256 random bits each. They cannot be guessed, so what
// is bounded is the record of trying: past the limit a miss is refused, and noted
// as any refusal is, and a secret that is right is heard as ever. So memory will do, and
// whoever has the right one is not locked out by a neighbour who has not.
type misses struct {
	once             sync.Once
	addresses, sites throttle.Meter
}

// take counts a miss of an address and of the site that is of, for a rate of failed logins,
// or tells how long it will be until it would; of what one of them refuses neither is charged.
func (m *misses) take(from string, rate int64, now time.Time) (wait time.Duration) {
	m.once.Do(func() {
		m.addresses.Rule = throttle.Bucket{Size: 4 * rate, Every: time.Minute / time.Duration(rate)}
		m.sites.Rule = m.addresses.Rule.ForSite()
	})
	address, site := throttle.Address(from), throttle.Site(from)
	if wait = m.addresses.Take(address, now); wait > 0 || site == "" {
		return wait
	}
	if wait = m.sites.Take(site, now); wait > 0 {
		m.addresses.Back(address)
	}
	return wait
}

// miss records that a secret was none, unless too many were none from the
// request's address or its site: then that is the answer.
func (s *Service) miss(ctx context.Context, e audit.Entry, answer error) error {
	if err := s.tooManyMisses(ctx); err != nil {
		return err
	}
	if err := s.Log.AppendRefusal(ctx, e); err != nil {
		return err
	}
	return answer
}

func (s *Service) tooManyMisses(ctx context.Context) error {
	wait := s.misses.take(reqctx.From(ctx).Address, s.rate(), s.Now())
	if wait == 0 {
		return nil
	}
	s.throttled(BudgetSecret)
	return throttle.TooMany(wait)
}

// WatchThrottling has refused told the budget of each try that is refused, and locked
// that of each lock that begins, one of Locks; it is called before the service is used.
func (s *Service) WatchThrottling(refused, locked func(budget string)) {
	s.ledger.Refused, s.ledger.Locked = refused, locked
}

func (s *Service) throttled(budget string) {
	if s.ledger.Refused != nil {
		s.ledger.Refused(budget)
	}
}
