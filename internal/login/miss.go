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
	once  sync.Once
	meter throttle.Meter
}

// miss records that a secret was none, unless too many were none from the
// request's address: then that is the answer.
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
	s.misses.once.Do(func() {
		s.misses.meter.Rule = throttle.Bucket{Size: 4 * s.rate(), Every: time.Minute / time.Duration(s.rate())}
	})
	wait := s.misses.meter.Take(throttle.Address(reqctx.From(ctx).Address), s.Now())
	if wait == 0 {
		return nil
	}
	s.throttled(BudgetSecret)
	return throttle.TooMany(wait)
}

// WatchThrottling has told told the budget of each try that is refused; it is
// called before the service is used.
func (s *Service) WatchThrottling(told func(budget string)) { s.ledger.Refused = told }

func (s *Service) throttled(budget string) {
	if s.ledger.Refused != nil {
		s.ledger.Refused(budget)
	}
}
