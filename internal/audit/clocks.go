package audit

import (
	"context"
	"errors"
	"time"
)

const clocksEvery = 10 * time.Second

// compareClocks notes how far the database's clock is ahead of this process's:
// leaves have this one's time, other replicas have theirs, and all of them see the
// database's. What the question took on its way is shared evenly between there and
// back. nil too where the database has no clock of its own.
func (w *watch) compareClocks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	asked := w.log.now()
	there, err := w.log.store.Clock(ctx)
	answered := w.log.now()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return err
	}
	w.log.metrics.drifted(there.Sub(asked.Add(answered.Sub(asked) / 2)))
	return nil
}
