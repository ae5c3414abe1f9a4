package sqlstore

import (
	"context"
	"errors"

	"rolegate/internal/store"
)

func (q queries) InsertCheckpoint(ctx context.Context, c store.Checkpoint) error {
	return q.insert(ctx, `INSERT INTO audit_checkpoints (size, note, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		c.Size, bytesOf(c.Note), micros(c.CreatedAt))
}

func (q queries) LastCheckpoint(ctx context.Context) (store.Checkpoint, error) {
	return one(ctx, q.conn, scanCheckpoint, `SELECT size, note, created_at FROM audit_checkpoints ORDER BY size DESC LIMIT 1`)
}

func (q queries) CheckpointsFrom(ctx context.Context, size int64, limit int) ([]store.Checkpoint, error) {
	return all(ctx, q.conn, scanCheckpoint,
		`SELECT size, note, created_at FROM audit_checkpoints WHERE size >= $1 ORDER BY size LIMIT $2`, size, max(limit, 0))
}

func scanCheckpoint(row scanner) (c store.Checkpoint, err error) {
	err = row.Scan(&c.Size, bytesInto(&c.Note), timeInto(&c.CreatedAt))
	return c, err
}

func (q queries) InsertTiles(ctx context.Context, tiles []store.Tile) error {
	return q.atomically(ctx, func(c conn) error {
		for _, t := range tiles {
			if _, err := c.exec(ctx, `INSERT INTO audit_tiles (level, n, hashes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				t.Level, t.N, bytesOf(t.Hashes)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q queries) Tile(ctx context.Context, level int, n int64) (store.Tile, error) {
	return one(ctx, q.conn, scanTile, `SELECT level, n, hashes FROM audit_tiles WHERE level = $1 AND n = $2`, level, n)
}

func (q queries) TilesFrom(ctx context.Context, level int, n int64, limit int) ([]store.Tile, error) {
	return all(ctx, q.conn, scanTile,
		`SELECT level, n, hashes FROM audit_tiles WHERE level = $1 AND n >= $2 ORDER BY n LIMIT $3`, level, n, max(limit, 0))
}

func scanTile(row scanner) (t store.Tile, err error) {
	err = row.Scan(&t.Level, &t.N, bytesInto(&t.Hashes))
	return t, err
}

func (q queries) LockJob(ctx context.Context, name string) (store.Job, error) {
	return first(list(ctx, q.conn, q.writer(), scanJob, `INSERT INTO audit_jobs (name, position, at) VALUES ($1, 0, 0)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING name, position, at, mac, `+q.dialect.impatience(), name))
}

func (q queries) SetJob(ctx context.Context, j store.Job) error {
	_, err := q.exec(ctx, `INSERT INTO audit_jobs (name, position, at, mac) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position, at = excluded.at, mac = excluded.mac`, j.Name, j.Position, micros(j.At), bytesOf(j.MAC))
	return err
}

func (q queries) Job(ctx context.Context, name string) (store.Job, error) {
	j, err := one(ctx, q.conn, scanJob, `SELECT name, position, at, mac, NULL FROM audit_jobs WHERE name = $1`, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Job{Name: name}, nil
	}
	return j, err
}

// scanJob reads the last column only for what it does.
func scanJob(row scanner) (j store.Job, err error) {
	err = row.Scan(&j.Name, &j.Position, timeInto(&j.At), bytesInto(&j.MAC), new(any))
	return j, err
}
