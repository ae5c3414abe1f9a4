package app

import (
	"context"
	"time"
)

// sweepEvery is how often what says nothing any more is removed. What is there
// by then is bounded by what one address may try in that time.
const sweepEvery = 5 * time.Minute

// sweep removes it until ctx ends, at any start first, as the service may have
// been down for long.
func (a *App) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = a.Login.Sweep(ctx); err != nil && ctx.Err() == nil {
				a.Logger.Warn("what has expired could not be removed; it will be tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
