package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

func (q queries) EndAll(ctx context.Context, now time.Time) (e store.Ended, err error) {
	at := []any{micros(now)}
	err = q.atomically(ctx, func(c conn) error {
		var uncounted int
		for _, s := range []struct {
			count *int
			text  string
			args  []any
		}{
			{&e.Sessions, `UPDATE sessions SET ended_at = $1 WHERE ended_at = 0`, at},
			{&e.Tickets, `UPDATE tickets SET ended_at = $1, password_hash = '' WHERE ended_at = 0`, at},
			{&e.Invites, `UPDATE invites SET used_at = $1 WHERE used_at = 0`, at},
			{&e.RecoveryCodes, `UPDATE recovery_codes SET used_at = $1 WHERE used_at = 0`, at},
			{&e.OfficeRequests, `UPDATE office_requests SET expires_at = $1 WHERE state = 'pending' AND expires_at > $1`, at},
			{&e.Drafts, `UPDATE drafts SET state = 'draft', version = version + 1, digest = '', submitted_by = '', submitted_at = 0, alone_from = 0,
				decided_by = '', decided_at = 0 WHERE state IN ('submitted', 'approved')`, nil},
			{&e.KnownDevices, `DELETE FROM known_devices`, nil},
			{&uncounted, `DELETE FROM totp_devices WHERE confirmed_at = 0`, nil},
			{&uncounted, `UPDATE totp_devices SET last_step = $1 / period + 1 + CASE WHEN drift > 0 THEN drift ELSE 0 END
				WHERE period > 0 AND last_step < $1 / period + 1 + CASE WHEN drift > 0 THEN drift ELSE 0 END`, []any{now.Unix()}},
		} {
			n, err := c.exec(ctx, s.text, s.args...)
			if err != nil {
				return err
			}
			*s.count = int(n)
		}
		return nil
	})
	return e, err
}
