package app

import (
	"context"
	"time"

	"rolegate/internal/login"
)

// sweepAsk is how often a process asks whether what has ended is to be swept: the
// one that did it last may have gone.
const sweepAsk = login.SweepEvery / 4

// sweep has what ended long ago deleted, until ctx ends. What fails is tried again
// when it is due again.
func (a *App) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepAsk)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		swept, due, err := a.Login.Sweep(ctx, a.historyAge())
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.Logger.Warn("what has ended could not be swept", "error", err)
		case due:
			a.Logger.Info("what has ended was swept", "rows", swept)
		}
	}
}

// historyAge is how far back people see in their own login history.
func (a *App) historyAge() time.Duration { return time.Duration(a.Config.HistoryDays) * 24 * time.Hour }

// sweepTriesEvery is how often what says nothing any more is removed. What is there
// by then is bounded by what one address may try in that time.
const sweepTriesEvery = 5 * time.Minute

// sweepTries removes it until ctx ends, at any start first, as the service may have
// been down for long.
func (a *App) sweepTries(ctx context.Context) {
	tick := time.NewTicker(sweepTriesEvery)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = a.Login.SweepTries(ctx); err != nil && ctx.Err() == nil {
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
