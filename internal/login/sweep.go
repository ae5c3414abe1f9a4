package login

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

const (
	// SweepEvery is how often what has ended is swept, by one process for all.
	SweepEvery = time.Hour

	// keepEnded is how long what has ended is kept: a token of it that comes back
	// is still recorded as its person's.
	keepEnded = 24 * time.Hour

	keepEvents = 1000 // of a person's history, the newest
	sweepBatch = 500  // rows of a statement, so that nobody waits for it
)

// Sweep deletes what ended or expired a day ago: sessions with their refresh
// tokens, tickets, invitations; devices that can no longer be confirmed, with
// their secrets, and those that were removed long ago; and lines of login histories older than history.
// One that fails or is cut off leaves an entry with how many rows it had come to.
// It does nothing and is false while it is not due, or another process does it. A
// session that lives keeps all its used refresh tokens: by them copies are told.
func (s *Service) Sweep(ctx context.Context, history time.Duration) (swept int, due bool, err error) {
	now := s.Now()
	if due, err = s.Store.Claim(ctx, "sweep", now, now.Add(SweepEvery)); err != nil || !due {
		return 0, due, err
	}
	before := now.Add(-keepEnded)
	for _, step := range []func(limit int) (int, error){
		func(n int) (int, error) { return s.Store.DeleteSessions(ctx, before, n) },
		func(n int) (int, error) { return s.Store.VoidSuccessors(ctx, now.Add(-RefreshGrace), n) },
		func(n int) (int, error) { return s.Store.DeleteTickets(ctx, before, n) },
		func(n int) (int, error) { return s.Store.DeletePendingDevices(ctx, now.Add(-PendingTTL), n) },
		func(n int) (int, error) { return s.Store.DeleteRemovedDevices(ctx, now.Add(-RemovedFor), n) },
		func(n int) (int, error) { return s.Store.DeleteInvites(ctx, before, n) },
		func(n int) (int, error) { return s.Store.DeleteEvents(ctx, now.Add(-history), keepEvents, n) },
	} {
		for n := sweepBatch; n == sweepBatch; {
			if n, err = step(sweepBatch); err != nil {
				return swept, true, errors.Join(err, s.cutOff(ctx, swept, err))
			}
			swept += n
		}
	}
	return swept, true, nil
}

// cutOff records a sweep that ended early: after so many rows, and why.
func (s *Service) cutOff(ctx context.Context, swept int, cause error) error {
	code := model.CodeOf(cause)
	if ctx.Err() != nil {
		code = model.CodeStopping
	}
	return s.Log.Append(context.WithoutCancel(ctx), audit.Entry{Class: audit.ClassSystem, Activity: audit.JobCutOff, Outcome: audit.OutcomeError, Code: code,
		Op: "sweep", Count: int64(swept), Caller: model.Caller{Kind: model.CallerSystem}})
}
