package selfverify

import (
	"context"
	"sync/atomic"
	"time"

	"rolegate/internal/store"
)

const (
	// restFactor is how many times as long as a page of entries took to read and
	// to verify a pass rests after it: what people wait for comes first.
	restFactor  = 3
	longestRest = 250 * time.Millisecond

	renewEvery = leaseFor / 6
)

// patient is a store that is read with rests in between: no statement of a pass is
// long, no transaction lasts from one to the next, and a pass takes a quarter of
// one processor at most.
type patient struct {
	store.Store
	ctx      context.Context
	renew    func(context.Context) error
	progress *progress

	busy    time.Time // since when
	renewed time.Time
}

// progress is how far a pass has come.
type progress struct{ at, size atomic.Int64 }

// StoredFrom is called for each page, from one goroutine.
func (p *patient) StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]store.Stored, error) {
	now := time.Now()
	if p.renewed.IsZero() {
		p.renewed = now
	}
	if !p.busy.IsZero() {
		if err := sleep(p.ctx, min(restFactor*now.Sub(p.busy), longestRest)); err != nil {
			return nil, err
		}
	}
	if time.Since(p.renewed) > renewEvery {
		if err := p.renew(p.ctx); err != nil {
			return nil, err
		}
		p.renewed = time.Now()
	}
	if sealed {
		p.progress.at.Store(max(from, 0))
	}
	p.busy = time.Now()
	return p.Store.StoredFrom(ctx, from, until, sealed)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
