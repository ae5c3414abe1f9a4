package sqlstore

import "context"

// SetMeta is for the keystore only: what the main database has of these stays.
func (k *Keystore) SetMeta(ctx context.Context, key string, value []byte) error {
	_, err := k.exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, bytesOf(value))
	return err
}

// SwapMeta is one statement: of two that see the same value one sets it.
func (k *Keystore) SwapMeta(ctx context.Context, key string, was, value []byte) (bool, error) {
	statement := `UPDATE meta SET value = $2 WHERE key = $1 AND value = $3`
	if len(was) == 0 {
		statement = `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value = $3`
	}
	n, err := k.exec(ctx, statement, key, bytesOf(value), bytesOf(was))
	return n > 0, err
}

// MetaValue and InsertMeta serve the main database and the keystore alike.
func (c conn) MetaValue(ctx context.Context, key string) ([]byte, error) {
	return one(ctx, c, func(row scanner) (v []byte, err error) {
		err = row.Scan(bytesInto(&v))
		return v, err
	}, `SELECT value FROM meta WHERE key = $1`, key)
}

func (c conn) InsertMeta(ctx context.Context, key string, value []byte) error {
	return c.insert(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, key, bytesOf(value))
}
