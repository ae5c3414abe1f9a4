package login

import (
	"context"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/totp"
)

// RemovedFor is how long it is known of a device that it was removed or replaced. Who still
// takes codes from it is told so, and is not held for somebody who guesses (decision 0060).
const RemovedFor = 30 * 24 * time.Hour

// Removed is a device that is a factor no more.
type Removed struct {
	ID, Name string
	At       time.Time
}

// removed tells whose code it is among the person's removed devices, nil for none. A code
// that none of the others takes gives the account's try back by that, once for each step:
// who sends the same one again is charged as ever. It opens nothing.
func (s *Service) removed(ctx context.Context, tx store.Tx, tenant, user, code string, now time.Time) (*Removed, error) {
	devices, err := tx.RemovedDevices(ctx, tenant, user, now.Add(-RemovedFor))
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		device, err := s.open(d.Device)
		if err != nil {
			continue // it is remembered as far as its secret can be read
		}
		step, ok, err := totp.Match(device, code, now, totp.State{Drift: d.Drift}, s.window())
		if err != nil || !ok {
			continue
		}
		first, err := tx.UseRemovedStep(ctx, d.ID, step)
		if err == nil && first {
			err = s.codeBack(ctx, tx, tenant, user)
		}
		return &Removed{d.ID, d.Name, d.RemovedAt}, err
	}
	return nil, nil
}
