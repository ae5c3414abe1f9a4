package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

func (q queries) BumpInstallation(ctx context.Context) (revision int64, err error) {
	err = q.atomically(ctx, func(c conn) error {
		revision, err = returned[int64](ctx, c, `UPDATE installation SET revision = revision + 1 WHERE id = 1 RETURNING revision`)
		if err != nil {
			return err
		}
		c.tx.bump(store.Installation, revision)
		return nil
	})
	return revision, err
}

func (q queries) InsertSigningKey(ctx context.Context, k store.SigningKey) error {
	return q.insert(ctx, `INSERT INTO signing_keys (id, algorithm, private, created_at, not_before, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		k.ID, k.Algorithm, bytesOf(k.Private), micros(k.CreatedAt), micros(k.NotBefore), micros(k.RevokedAt))
}

// ListSigningKeys takes a key that a replica of an older release has made, which
// has no not_before, to sign since it was made: that is what that replica does.
func (q queries) ListSigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return all(ctx, q.conn, func(row scanner) (k store.SigningKey, err error) {
		err = row.Scan(&k.ID, &k.Algorithm, bytesInto(&k.Private), timeInto(&k.CreatedAt), timeInto(&k.NotBefore), timeInto(&k.RevokedAt))
		return k, err
	}, `SELECT id, algorithm, private, created_at, since, revoked_at FROM (
			SELECT id, algorithm, private, created_at, CASE WHEN not_before = 0 THEN created_at ELSE not_before END AS since, revoked_at
			FROM signing_keys) k
		ORDER BY since DESC, created_at DESC, id`)
}

func (q queries) AdvanceSigningKey(ctx context.Context, id string, at time.Time) (bool, error) {
	return q.took(ctx, `UPDATE signing_keys SET not_before = $2 WHERE id = $1 AND not_before > $2 AND revoked_at = 0`, id, micros(at))
}

func (q queries) RevokeSigningKey(ctx context.Context, id string, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE signing_keys SET revoked_at = $2, private = $3 WHERE id = $1 AND revoked_at = 0`, id, micros(now), []byte{})
}

func (q queries) DeleteSigningKey(ctx context.Context, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM signing_keys WHERE id = $1`, id)
}

func (k *Keystore) PersonKey(ctx context.Context, index []byte) (store.PersonKey, error) {
	return one(ctx, k.conn, scanPersonKey, `SELECT idx, ref, wrapped, created_at FROM person_keys WHERE idx = $1`, bytesOf(index))
}

func (k *Keystore) PersonKeyByRef(ctx context.Context, ref []byte) (store.PersonKey, error) {
	return one(ctx, k.conn, scanPersonKey, `SELECT idx, ref, wrapped, created_at FROM person_keys WHERE ref = $1`, bytesOf(ref))
}

func scanPersonKey(row scanner) (p store.PersonKey, err error) {
	err = row.Scan(bytesInto(&p.Index), bytesInto(&p.Ref), bytesInto(&p.Wrapped), timeInto(&p.CreatedAt))
	return p, err
}

func (k *Keystore) InsertPersonKey(ctx context.Context, p store.PersonKey) error {
	return k.insert(ctx, `INSERT INTO person_keys (idx, ref, wrapped, created_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		bytesOf(p.Index), bytesOf(p.Ref), bytesOf(p.Wrapped), micros(p.CreatedAt))
}

func (k *Keystore) InsertPersonKeys(ctx context.Context, keys []store.PersonKey) error {
	return k.atomically(ctx, func(c conn) error {
		for _, p := range keys {
			_, err := c.exec(ctx, `INSERT INTO person_keys (idx, ref, wrapped, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
				bytesOf(p.Index), bytesOf(p.Ref), bytesOf(p.Wrapped), micros(p.CreatedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const monthKeyColumns = `SELECT tenant, class, month, wrapped, created_at FROM month_keys WHERE tenant = $1`

func (k *Keystore) MonthKey(ctx context.Context, tenant []byte, class, month string) (store.MonthKey, error) {
	return one(ctx, k.conn, scanMonthKey, monthKeyColumns+` AND class = $2 AND month = $3`, bytesOf(tenant), class, month)
}

func (k *Keystore) MonthKeys(ctx context.Context, tenant []byte) ([]store.MonthKey, error) {
	return all(ctx, k.conn, scanMonthKey, monthKeyColumns+` ORDER BY class, month`, bytesOf(tenant))
}

func scanMonthKey(row scanner) (m store.MonthKey, err error) {
	err = row.Scan(bytesInto(&m.Tenant), &m.Class, &m.Month, bytesInto(&m.Wrapped), timeInto(&m.CreatedAt))
	return m, err
}

func (k *Keystore) InsertMonthKey(ctx context.Context, m store.MonthKey) error {
	return k.insert(ctx, `INSERT INTO month_keys (tenant, class, month, wrapped, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		bytesOf(m.Tenant), m.Class, m.Month, bytesOf(m.Wrapped), micros(m.CreatedAt))
}
