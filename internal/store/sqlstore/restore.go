package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

func (q queries) EndAll(ctx context.Context, now time.Time) (e store.Ended, err error) {
	err = q.atomically(ctx, func(c conn) error {
		for _, s := range []struct {
			count *int
			text  string
		}{
			{&e.Sessions, `UPDATE sessions SET ended_at = $1 WHERE ended_at = 0`},
			{&e.Tickets, `UPDATE tickets SET ended_at = $1 WHERE ended_at = 0`},
			{&e.Invites, `UPDATE invites SET used_at = $1 WHERE used_at = 0`},
			{&e.RecoveryCodes, `UPDATE recovery_codes SET used_at = $1 WHERE used_at = 0`},
		} {
			n, err := c.exec(ctx, s.text, micros(now))
			if err != nil {
				return err
			}
			*s.count = int(n)
		}
		_, err := c.exec(ctx, `UPDATE totp_devices SET last_step = $1 / period + 1
			WHERE confirmed_at <> 0 AND period > 0 AND last_step < $1 / period + 1`, now.Unix())
		return err
	})
	return e, err
}
