package sqlstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"rolegate/internal/store"
)

// LockCounters writes each key, so that the transaction holds its row; on SQLite
// a transaction that writes is the only one anyway.
func (q queries) LockCounters(ctx context.Context, keys [][]byte) ([]store.Counter, error) {
	args := make([]any, 0, 5*len(keys))
	for _, k := range keys {
		args = append(args, bytesOf(k), []byte{}, 0, 0, 0)
	}
	counters, err := list(ctx, q.conn, q.writer(), func(row scanner) (c store.Counter, err error) {
		err = row.Scan(bytesInto(&c.Key), bytesInto(&c.About), &c.Tries, timeInto(&c.At), timeInto(&c.ExpiresAt))
		return c, err
	}, `INSERT INTO throttle_counters (key, about, tries, at, expires_at)
		VALUES `+q.dialect.tuples(len(keys), 5)+`
		ON CONFLICT (key) DO UPDATE SET key = excluded.key
		RETURNING key, about, tries, at, expires_at`, args...)
	slices.SortFunc(counters, func(a, b store.Counter) int { return bytes.Compare(a.Key, b.Key) })
	return counters, err
}

func (q queries) PutCounters(ctx context.Context, counters []store.Counter) error {
	var put, gone []any
	for _, c := range counters {
		if c.Tries == 0 {
			gone = append(gone, bytesOf(c.Key))
			continue
		}
		put = append(put, bytesOf(c.Key), bytesOf(c.About), c.Tries, micros(c.At), micros(c.ExpiresAt))
	}
	if len(put) > 0 {
		_, err := q.exec(ctx, `INSERT INTO throttle_counters (key, about, tries, at, expires_at)
			VALUES `+q.dialect.tuples(len(put)/5, 5)+`
			ON CONFLICT (key) DO UPDATE SET about = excluded.about, tries = excluded.tries, at = excluded.at,
				expires_at = excluded.expires_at`, put...)
		if err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		_, err := q.exec(ctx, `DELETE FROM throttle_counters WHERE key IN `+q.dialect.tuples(1, len(gone)), gone...)
		return err
	}
	return nil
}

func (q queries) DeleteCounters(ctx context.Context, about ...[]byte) error {
	args := make([]any, len(about))
	for i, a := range about {
		args[i] = bytesOf(a)
	}
	_, err := q.exec(ctx, `DELETE FROM throttle_counters WHERE about IN `+q.dialect.tuples(1, len(about)), args...)
	return err
}

func (q queries) SweepCounters(ctx context.Context, now time.Time, limit int) (int, error) {
	n, err := q.exec(ctx, `DELETE FROM throttle_counters WHERE key IN (
		SELECT key FROM throttle_counters WHERE expires_at > 0 AND expires_at < $1 ORDER BY expires_at LIMIT $2)
		AND expires_at > 0 AND expires_at < $1`, micros(now), limit)
	return int(n), err
}

const knownDeviceColumns = `id, tenant, user_id, hash, previous, created_at, used_at, expires_at`

func scanKnownDevice(row scanner) (d store.KnownDevice, err error) {
	err = row.Scan(&d.ID, &d.Tenant, &d.User, bytesInto(&d.Hash), bytesInto(&d.Previous),
		timeInto(&d.CreatedAt), timeInto(&d.UsedAt), timeInto(&d.ExpiresAt))
	return d, err
}

func (q queries) InsertKnownDevice(ctx context.Context, d store.KnownDevice, keep int) error {
	return q.atomically(ctx, func(c conn) error {
		err := c.insert(ctx, `INSERT INTO known_devices (`+knownDeviceColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			d.ID, d.Tenant, d.User, bytesOf(d.Hash), bytesOf(d.Previous), micros(d.CreatedAt), micros(d.UsedAt), micros(d.ExpiresAt))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `DELETE FROM known_devices WHERE tenant = $1 AND user_id = $2 AND id NOT IN (
			SELECT id FROM known_devices WHERE tenant = $1 AND user_id = $2 ORDER BY used_at DESC, id LIMIT $3)`,
			d.Tenant, d.User, keep)
		return err
	})
}

func (q queries) KnownDevice(ctx context.Context, hash []byte, now time.Time) (store.KnownDevice, error) {
	return one(ctx, q.conn, scanKnownDevice, `SELECT `+knownDeviceColumns+` FROM known_devices
		WHERE (hash = $1 OR previous = $1) AND expires_at > $2`, bytesOf(hash), micros(now))
}

func (q queries) RotateKnownDevice(ctx context.Context, id string, old, hash []byte, now, expires time.Time) (bool, error) {
	return q.took(ctx, `UPDATE known_devices SET previous = hash, hash = $3, used_at = $4, expires_at = $5
		WHERE id = $1 AND hash = $2`, id, bytesOf(old), bytesOf(hash), micros(now), micros(expires))
}

func (q queries) KnownDevices(ctx context.Context, tenant, user string, now time.Time) ([]store.KnownDevice, error) {
	return all(ctx, q.conn, scanKnownDevice, `SELECT `+knownDeviceColumns+` FROM known_devices
		WHERE tenant = $1 AND user_id = $2 AND expires_at > $3 ORDER BY used_at DESC, id`, tenant, user, micros(now))
}

func (q queries) DeleteKnownDevice(ctx context.Context, tenant, user, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM known_devices WHERE tenant = $1 AND user_id = $2 AND id = $3`, tenant, user, id)
}

func (q queries) DeleteKnownDevices(ctx context.Context, tenant, user string) (int, error) {
	n, err := q.exec(ctx, `DELETE FROM known_devices WHERE tenant = $1 AND user_id = $2`, tenant, user)
	return int(n), err
}

func (q queries) SweepKnownDevices(ctx context.Context, now time.Time, limit int) (int, error) {
	n, err := q.exec(ctx, `DELETE FROM known_devices WHERE id IN (
		SELECT id FROM known_devices WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, micros(now), limit)
	return int(n), err
}
