package sink

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"sync"
	"time"

	"rolegate/internal/store"
)

// lease is the right of one replica to deliver. It is the time in the cursor's
// row: only who wrote it last knows it, and every move of the cursor changes it.
//
//	nobody has it        the time is zero: who comes first takes it
//	somebody has it      the time changes every few seconds
//	that one is dead     the time has not changed for as long as a lease is
//
// How long it has not changed is told by the clock of who waits, from when that one
// looked: no two clocks are held against each other. A holder that finds another's
// time has lost it; it may have delivered what the other delivers again, but its
// cursor does not count.
type lease struct {
	sink *Sink

	mu      sync.Mutex // one write at a time
	fence   time.Time  // what was written last
	renewed time.Time  // when that was
	at      int64      // where the cursor is; -1: not read yet
	left    bool       // noted apart from it: it has left the beginning
}

var errLost = errors.New("another replica delivers")

// acquire waits until this replica may deliver, and says from which entry on.
func (s *Sink) acquire(ctx context.Context) (l *lease, from int64, ok bool) {
	var seen store.Job
	var since time.Time
	for ctx.Err() == nil {
		now, err := s.cursor(ctx)
		switch {
		case err != nil:
		case since.IsZero() || !now.At.Equal(seen.At):
			seen, since = now, time.Now()
		}
		if err == nil && (s.Alone || now.At.IsZero() || time.Since(since) >= s.timing.lease) {
			l := &lease{sink: s, fence: now.At, at: -1}
			if l.left, err = s.hasLeft(ctx); err == nil {
				var job store.Job
				if job, err = l.write(ctx, func(*store.Job) {}); err == nil {
					return l, job.Position, true
				}
			}
		}
		if err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
			s.failed("cursor", err)
		}
		sleep(ctx, s.timing.poll)
	}
	return nil, 0, false
}

// cursor reads the row as it is committed.
func (s *Sink) cursor(ctx context.Context) (store.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.database)
	defer cancel()
	return s.Store.Job(ctx, s.job())
}

// hasLeft asks whether the cursor is known to have left the beginning.
func (s *Sink) hasLeft(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.database)
	defer cancel()
	return s.Left(ctx)
}

// write changes the row, and with it the time, unless another has changed it. Where
// the cursor is not where it was left the sink goes on from what this replica knows to be
// safe, or from the log's beginning: it may send twice, and leaves nothing out.
func (l *lease) write(ctx context.Context, change func(*store.Job)) (job store.Job, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, l.sink.timing.database)
	defer cancel()
	began := time.Now()
	var claimed, from int64
	var moved bool
	err = l.sink.Store.InTx(ctx, func(tx store.Tx) error {
		if job, err = tx.LockJob(ctx, l.sink.job()); err != nil {
			return err
		}
		if !job.At.Equal(l.fence) {
			return errLost
		}
		claimed = job.Position
		switch {
		case l.at >= 0:
			job.Position = l.at
		case !l.sink.authentic(job):
			job.Position = 0
		}
		from = job.Position
		if moved = from != claimed || l.at < 0 && from == 0 && l.left; moved {
			if err := l.sink.Moved(ctx, tx, claimed, from); err != nil {
				return err
			}
		}
		job.At = l.sink.Now().UTC().Truncate(time.Microsecond)
		if !job.At.After(l.fence) { // the clock was set back
			job.At = l.fence.Add(time.Microsecond)
		}
		change(&job)
		job.MAC = l.sink.macOf(job.Position)
		return tx.SetJob(ctx, job)
	})
	if err != nil {
		return job, err
	}
	l.fence, l.renewed, l.at = job.At, began, job.Position
	if moved {
		l.sink.metrics.moved.Inc()
		l.sink.Logger.Error("the cursor of a sink of the log was altered in the database", "sink", l.sink.Name, "claimed", claimed, "goes_on_at", from)
	}
	if left := l.at > 0; left != l.left && l.sink.SetLeft(ctx, left) == nil { // else with the next write
		l.left = left
	}
	return job, nil
}

// authentic tells whether the cursor is where a sink has left it. At the beginning
// nothing can have been left out, and none has been there yet, or Options.Left says so.
func (s *Sink) authentic(j store.Job) bool {
	return j.Position == 0 || hmac.Equal(j.MAC, s.macOf(j.Position))
}

func (s *Sink) macOf(position int64) []byte {
	return s.Log.MAC("sink", fmt.Appendf(nil, "%s|%d", s.Name, position))
}

// TakeOver gives the cursor of an earlier release, which had no MAC, its first one, and
// tells where it is.
func (s *Sink) TakeOver(ctx context.Context) (position int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.database)
	defer cancel()
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		job, err := tx.LockJob(ctx, s.job())
		if position = job.Position; err != nil || position == 0 {
			return err
		}
		job.MAC = s.macOf(position)
		return tx.SetJob(ctx, job)
	})
	if err == nil && position > 0 {
		err = s.SetLeft(ctx, true)
	}
	return position, err
}

// move says that all before an entry is safe.
func (l *lease) move(ctx context.Context, to int64) error {
	_, err := l.write(ctx, func(j *store.Job) { j.Position = to })
	return err
}

// keep gives signs of life until ctx ends or the lease is lost: another has it, or
// the last sign is so old that another may.
func (l *lease) keep(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, l.sink.timing.renew)
		_, err := l.write(ctx, func(*store.Job) {})
		if errors.Is(err, errLost) || l.age() > l.sink.timing.lease-l.sink.timing.renew-l.sink.timing.database {
			return
		}
	}
}

func (l *lease) age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.renewed)
}

// release gives it up, so that another need not wait, and tells whether it was held;
// one that cannot be given up runs out.
func (l *lease) release(ctx context.Context) bool {
	_, err := l.write(ctx, func(j *store.Job) { j.At = time.Time{} })
	return err == nil
}
