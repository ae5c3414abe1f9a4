package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"

	"rolegate/internal/store"
)

// destroyedMark is the row that DestroyKeys replaces. What is in it means nothing:
// only that it is another one.
const destroyedMark = "destroyed_mark"

func (k *Keystore) DestroyKeys(ctx context.Context, refs [][]byte, months []store.MonthKey) (n int, err error) {
	err = k.atomically(ctx, func(c conn) error {
		n = 0
		drop := func(query string, args ...any) error {
			gone, err := c.exec(ctx, query, args...)
			n += int(gone)
			return err
		}
		for _, ref := range refs {
			if err := drop(`DELETE FROM person_keys WHERE ref = $1`, bytesOf(ref)); err != nil {
				return err
			}
		}
		for _, m := range months {
			if err := drop(`DELETE FROM month_keys WHERE tenant = $1 AND class = $2 AND month = $3`, bytesOf(m.Tenant), m.Class, m.Month); err != nil {
				return err
			}
		}
		mark := make([]byte, 16)
		rand.Read(mark)
		_, err := c.exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, destroyedMark, mark)
		return err
	})
	return n, err
}

func (k *Keystore) DestroyedMark(ctx context.Context) ([]byte, error) {
	mark, err := k.MetaValue(ctx, destroyedMark)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return mark, err
}
