package app

import (
	"context"
	"time"
)

// summarizeEvery is how often some replica looks whether summaries of the log are due.
// What has none yet is read entry by entry, which a search notices after minutes of
// load, not after seconds.
const summarizeEvery = 10 * time.Second

// summarize has summaries of the log written until ctx ends. Those of a log that was
// there before them come a turn at a time, with as much rest between as each took.
func (a *App) summarize(ctx context.Context) {
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = summarizeEvery
		began := time.Now()
		if due, err := a.Store.Claim(ctx, "log summaries", a.now(), a.now().Add(summarizeEvery)); err != nil || !due {
			continue // the next one of whoever asks will do
		}
		for more := true; more && ctx.Err() == nil && time.Since(began) < summarizeEvery; {
			turn := time.Now()
			var err error
			if more, err = a.Search.Summarize(ctx); err != nil && ctx.Err() == nil {
				a.Logger.Warn("summaries of the log could not be written; searches are slower until they are", "error", err)
				break
			}
			if more {
				wait = 0
				pause(ctx, time.Since(turn))
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
