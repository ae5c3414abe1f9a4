package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

const deviceColumns = `id, tenant, user_id, name, secret, algorithm, digits, period, last_step, drift, told_step,
	created_at, confirmed_at, used_at`

func scanDevice(row scanner) (d store.Device, err error) {
	err = row.Scan(&d.ID, &d.Tenant, &d.User, &d.Name, bytesInto(&d.Secret), &d.Algorithm, &d.Digits, &d.Period,
		&d.LastStep, &d.Drift, &d.ToldStep, timeInto(&d.CreatedAt), timeInto(&d.ConfirmedAt), timeInto(&d.UsedAt))
	return d, err
}

func (q queries) InsertDevice(ctx context.Context, d store.Device) error {
	return q.insert(ctx, `INSERT INTO totp_devices (`+deviceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
		d.ID, d.Tenant, d.User, d.Name, bytesOf(d.Secret), d.Algorithm, d.Digits, d.Period,
		d.LastStep, d.Drift, d.ToldStep, micros(d.CreatedAt), micros(d.ConfirmedAt), micros(d.UsedAt))
}

func (q queries) Device(ctx context.Context, id string) (store.Device, error) {
	return one(ctx, q.conn, scanDevice, `SELECT `+deviceColumns+` FROM totp_devices WHERE id = $1`, id)
}

func (q queries) Devices(ctx context.Context, tenant, user string) ([]store.Device, error) {
	return all(ctx, q.conn, scanDevice, `SELECT `+deviceColumns+` FROM totp_devices
		WHERE tenant = $1 AND user_id = $2 AND confirmed_at <> 0 ORDER BY created_at, id`, tenant, user)
}

func (q queries) PendingDevice(ctx context.Context, tenant, user string) (store.Device, error) {
	return one(ctx, q.conn, scanDevice, `SELECT `+deviceColumns+` FROM totp_devices
		WHERE tenant = $1 AND user_id = $2 AND confirmed_at = 0 ORDER BY created_at DESC, id LIMIT 1`, tenant, user)
}

func (q queries) UseStep(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE totp_devices SET last_step = $2, drift = $3, used_at = $4
		WHERE id = $1 AND last_step < $2 AND confirmed_at <> 0`, device, step, drift, micros(now))
}

func (q queries) TellStep(ctx context.Context, device string, step, oldest int64) (bool, error) {
	return q.took(ctx, `UPDATE totp_devices SET told_step = $2
		WHERE id = $1 AND told_step < $3 AND told_step < $2 AND last_step < $2`, device, step, oldest)
}

func (q queries) ConfirmDevice(ctx context.Context, device string, step, drift int64, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE totp_devices SET confirmed_at = $4, used_at = $4, last_step = $2, drift = $3
		WHERE id = $1 AND last_step < $2 AND confirmed_at = 0`, device, step, drift, micros(now))
}

func (q queries) RenameDevice(ctx context.Context, tenant, user, device, name string) error {
	return q.must(ctx, `UPDATE totp_devices SET name = $4 WHERE tenant = $1 AND user_id = $2 AND id = $3`, tenant, user, device, name)
}

func (q queries) DeleteDevice(ctx context.Context, tenant, user, device string, now time.Time) error {
	n, err := q.remove(ctx, "=", tenant, user, device, now)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// keptRemoved is how many removed devices of a user are kept, the latest.
const keptRemoved = 5

// remove takes away a user's devices whose id is, or is not, the one given. Those that were
// confirmed are removed ones from then on.
func (q queries) remove(ctx context.Context, is, tenant, user, device string, now time.Time) (n int64, err error) {
	which := ` WHERE tenant = $1 AND user_id = $2 AND id ` + is + ` $3`
	err = q.atomically(ctx, func(c conn) error {
		if _, err := c.exec(ctx, `INSERT INTO removed_devices (`+deviceColumns+`, removed_at)
			SELECT `+deviceColumns+`, CAST($4 AS BIGINT) FROM totp_devices`+which+` AND confirmed_at <> 0 ON CONFLICT DO NOTHING`,
			tenant, user, device, micros(now)); err != nil {
			return err
		}
		if n, err = c.exec(ctx, `DELETE FROM totp_devices`+which, tenant, user, device); err != nil {
			return err
		}
		_, err := c.exec(ctx, `DELETE FROM removed_devices WHERE tenant = $1 AND user_id = $2 AND id NOT IN (
			SELECT id FROM removed_devices WHERE tenant = $1 AND user_id = $2 ORDER BY removed_at DESC, id LIMIT $3)`, tenant, user, keptRemoved)
		return err
	})
	return n, err
}

func (q queries) RemovedDevices(ctx context.Context, tenant, user string, since time.Time) ([]store.RemovedDevice, error) {
	return all(ctx, q.conn, func(row scanner) (r store.RemovedDevice, err error) {
		r.Device, err = scanDevice(withMore{row, timeInto(&r.RemovedAt)})
		return r, err
	}, `SELECT `+deviceColumns+`, removed_at FROM removed_devices
		WHERE tenant = $1 AND user_id = $2 AND removed_at >= $3 ORDER BY removed_at DESC, id LIMIT $4`, tenant, user, micros(since), keptRemoved)
}

// withMore scans a row that has one more column than its scan function knows.
type withMore struct {
	scanner
	last any
}

func (w withMore) Scan(into ...any) error { return w.scanner.Scan(append(into, w.last)...) }

func (q queries) UseRemovedStep(ctx context.Context, device string, step int64) (bool, error) {
	return q.took(ctx, `UPDATE removed_devices SET last_step = $2 WHERE id = $1 AND last_step < $2`, device, step)
}

func (q queries) DeletePending(ctx context.Context, tenant, user string) error {
	_, err := q.exec(ctx, `DELETE FROM totp_devices WHERE tenant = $1 AND user_id = $2 AND confirmed_at = 0`, tenant, user)
	return err
}

func (q queries) DeleteDevices(ctx context.Context, tenant, user, keep string, now time.Time) error {
	_, err := q.remove(ctx, "<>", tenant, user, keep, now)
	return err
}

// ReplaceRecoveryCodes takes the user's row first, so that of two at once the
// later replaces the earlier instead of mixing with it.
func (q queries) ReplaceRecoveryCodes(ctx context.Context, tenant, user string, codes []store.RecoveryCode) error {
	return q.atomically(ctx, func(c conn) error {
		if err := c.must(ctx, `UPDATE users SET disabled = disabled WHERE tenant = $1 AND id = $2`, tenant, user); err != nil {
			return err
		}
		if _, err := c.exec(ctx, `DELETE FROM recovery_codes WHERE tenant = $1 AND user_id = $2`, tenant, user); err != nil {
			return err
		}
		for _, code := range codes {
			if err := c.insert(ctx, `INSERT INTO recovery_codes (tenant, user_id, selector, hash, used_at)
				VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
				tenant, user, code.Selector, bytesOf(code.Hash), micros(code.UsedAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q queries) RecoveryCode(ctx context.Context, tenant, user, selector string) (store.RecoveryCode, error) {
	return one(ctx, q.conn, func(row scanner) (r store.RecoveryCode, err error) {
		err = row.Scan(&r.Selector, &r.Tenant, &r.User, bytesInto(&r.Hash), timeInto(&r.UsedAt))
		return r, err
	}, `SELECT selector, tenant, user_id, hash, used_at FROM recovery_codes
		WHERE tenant = $1 AND user_id = $2 AND selector = $3`, tenant, user, selector)
}

func (q queries) UseRecoveryCode(ctx context.Context, tenant, user, selector string, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE recovery_codes SET used_at = $4
		WHERE tenant = $1 AND user_id = $2 AND selector = $3 AND used_at = 0`, tenant, user, selector, micros(now))
}

func (q queries) RecoveryCodesLeft(ctx context.Context, tenant, user string) (int, error) {
	return one(ctx, q.conn, scanValue[int],
		`SELECT count(*) FROM recovery_codes WHERE tenant = $1 AND user_id = $2 AND used_at = 0`, tenant, user)
}
