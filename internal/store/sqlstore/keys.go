package sqlstore

import (
	"context"

	"rolegate/internal/store"
)

func (q queries) InsertSigningKey(ctx context.Context, k store.SigningKey) error {
	return q.insert(ctx, `INSERT INTO signing_keys (id, algorithm, private, created_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, k.ID, k.Algorithm, bytesOf(k.Private), micros(k.CreatedAt))
}

func (q queries) ListSigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return all(ctx, q.conn, func(row scanner) (k store.SigningKey, err error) {
		err = row.Scan(&k.ID, &k.Algorithm, bytesInto(&k.Private), timeInto(&k.CreatedAt))
		return k, err
	}, `SELECT id, algorithm, private, created_at FROM signing_keys ORDER BY created_at DESC, id`)
}

func (k *Keystore) PersonKey(ctx context.Context, index []byte) (store.PersonKey, error) {
	return one(ctx, k.conn, func(row scanner) (p store.PersonKey, err error) {
		err = row.Scan(bytesInto(&p.Index), bytesInto(&p.Ref), bytesInto(&p.Wrapped), timeInto(&p.CreatedAt))
		return p, err
	}, `SELECT idx, ref, wrapped, created_at FROM person_keys WHERE idx = $1`, bytesOf(index))
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

func (k *Keystore) MonthKey(ctx context.Context, tenant []byte, class, month string) (store.MonthKey, error) {
	return one(ctx, k.conn, func(row scanner) (m store.MonthKey, err error) {
		err = row.Scan(bytesInto(&m.Tenant), &m.Class, &m.Month, bytesInto(&m.Wrapped), timeInto(&m.CreatedAt))
		return m, err
	}, `SELECT tenant, class, month, wrapped, created_at FROM month_keys
		WHERE tenant = $1 AND class = $2 AND month = $3`, bytesOf(tenant), class, month)
}

func (k *Keystore) InsertMonthKey(ctx context.Context, m store.MonthKey) error {
	return k.insert(ctx, `INSERT INTO month_keys (tenant, class, month, wrapped, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		bytesOf(m.Tenant), m.Class, m.Month, bytesOf(m.Wrapped), micros(m.CreatedAt))
}
