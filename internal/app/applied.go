package app

import (
	"context"
	"errors"
	"maps"
	"time"

	"rolegate/internal/store"
)

const (
	// noteEvery is how often a process looks whether what it decides by is another policy
	// than it said last.
	noteEvery = time.Second
	// noteAnyway is how often it looks at what the store has of it: others may have taken
	// it for gone.
	noteAnyway = keepKeysPause
	// maxNoted bounds of how many tenants it tells.
	maxNoted = 1_000
)

// noteApplied keeps the policies in memory those in force, and says in the store which
// they are, until ctx ends. That this process lives it says with its keys.
func (a *App) noteApplied(ctx context.Context) {
	ticker := time.NewTicker(noteEvery)
	defer ticker.Stop()
	looked := map[string]int64{}
	var noted map[string]int64
	var at time.Time
	for {
		err := a.Policy.Snapshots.FollowPolicies(ctx, looked)
		if now := a.Policy.Snapshots.Policies(maxNoted); !maps.Equal(now, noted) || time.Since(at) >= noteAnyway {
			failed := a.Store.NoteApplied(ctx, a.process, now)
			if failed == nil {
				noted, at = now, time.Now()
			}
			if !errors.Is(failed, store.ErrNotFound) { // until the next heartbeat
				err = errors.Join(err, failed)
			}
		}
		if err != nil && ctx.Err() == nil {
			a.Logger.Debug("which policies are applied could not be said; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
