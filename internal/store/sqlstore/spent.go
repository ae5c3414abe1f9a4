package sqlstore

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/store"
)

func (q queries) Spend(ctx context.Context, id []byte, expires time.Time) (bool, error) {
	return q.took(ctx, `INSERT INTO spent (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, bytesOf(id), micros(expires))
}

func (q queries) IsSpent(ctx context.Context, id []byte) (bool, error) {
	_, err := one(ctx, q.conn, func(row scanner) (at time.Time, err error) {
		err = row.Scan(timeInto(&at))
		return at, err
	}, `SELECT expires_at FROM spent WHERE id = $1`, bytesOf(id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (q queries) SweepSpent(ctx context.Context, now time.Time) error {
	_, err := q.exec(ctx, `DELETE FROM spent WHERE expires_at <= $1`, micros(now))
	return err
}
