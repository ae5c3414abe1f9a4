package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

const sessionColumns = `id, tenant, user_id, restricted, acr, amr, auth_time, created_at, last_seen, expires_at, ended_at, network, agent, epoch`

func scanSession(row scanner) (s store.Session, err error) {
	err = row.Scan(&s.ID, &s.Tenant, &s.User, &s.Restricted, &s.ACR, jsonInto(&s.AMR), timeInto(&s.AuthTime),
		timeInto(&s.CreatedAt), timeInto(&s.LastSeen), timeInto(&s.ExpiresAt), timeInto(&s.EndedAt),
		&s.Network, &s.Agent, &s.Epoch)
	return s, err
}

func (q queries) InsertSession(ctx context.Context, s store.Session) error {
	amr, err := jsonOf(s.AMR)
	if err != nil {
		return err
	}
	return q.insert(ctx, `INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
			COALESCE((SELECT epoch FROM users WHERE tenant = $2 AND id = $3), 0)) ON CONFLICT DO NOTHING`,
		s.ID, s.Tenant, s.User, s.Restricted, s.ACR, amr, micros(s.AuthTime),
		micros(s.CreatedAt), micros(s.LastSeen), micros(s.ExpiresAt), micros(s.EndedAt), s.Network, s.Agent)
}

func (q queries) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, q.conn, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id)
}

func (q queries) EndSession(ctx context.Context, id string, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at = 0`, id, micros(now))
}

func (q queries) LiveSessions(ctx context.Context, tenant, user string, now, idle time.Time) ([]store.Session, error) {
	return all(ctx, q.conn, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE tenant = $1 AND user_id = $2 AND ended_at = 0 AND expires_at > $3 AND last_seen > $4
			AND epoch = (SELECT epoch FROM users WHERE tenant = $1 AND id = $2)
		ORDER BY created_at, id`, tenant, user, micros(now), micros(idle))
}

func (q queries) EndSessions(ctx context.Context, tenant, user, keep string, now time.Time) (n int, err error) {
	err = q.atomically(ctx, func(c conn) error {
		if keep == "" {
			_, err := c.exec(ctx, `UPDATE users SET epoch = epoch + 1 WHERE tenant = $1 AND id = $2`, tenant, user)
			if err != nil {
				return err
			}
		}
		ended, err := c.exec(ctx, `UPDATE sessions SET ended_at = $4
			WHERE tenant = $1 AND user_id = $2 AND id <> $3 AND ended_at = 0 AND expires_at > $4`,
			tenant, user, keep, micros(now))
		n = int(ended)
		return err
	})
	return n, err
}

func (q queries) SeeSession(ctx context.Context, id string, now time.Time) error {
	return q.must(ctx, `UPDATE sessions SET last_seen = $2 WHERE id = $1`, id, micros(now))
}

const refreshColumns = `hash, session, created_at, expires_at, used_at, successor`

func (q queries) InsertRefreshToken(ctx context.Context, t store.RefreshToken) error {
	return q.insert(ctx, `INSERT INTO refresh_tokens (`+refreshColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		bytesOf(t.Hash), t.Session, micros(t.CreatedAt), micros(t.ExpiresAt), micros(t.UsedAt), t.Successor)
}

func (q queries) RefreshToken(ctx context.Context, hash []byte) (store.RefreshToken, error) {
	return one(ctx, q.conn, func(row scanner) (t store.RefreshToken, err error) {
		err = row.Scan(bytesInto(&t.Hash), &t.Session, timeInto(&t.CreatedAt), timeInto(&t.ExpiresAt), timeInto(&t.UsedAt),
			bytesInto(&t.Successor))
		return t, err
	}, `SELECT `+refreshColumns+` FROM refresh_tokens WHERE hash = $1`, bytesOf(hash))
}

func (q queries) UseRefreshToken(ctx context.Context, hash, successor []byte, now time.Time) (took bool, err error) {
	err = q.atomically(ctx, func(c conn) error {
		took, err = c.took(ctx, `UPDATE refresh_tokens SET used_at = $2, successor = $3
			WHERE hash = $1 AND used_at = 0 AND expires_at > $2`, bytesOf(hash), micros(now), successor)
		if err != nil || !took {
			return err
		}
		_, err = c.exec(ctx, `UPDATE refresh_tokens SET successor = NULL
			WHERE session = (SELECT session FROM refresh_tokens WHERE hash = $1) AND hash <> $1 AND successor IS NOT NULL`,
			bytesOf(hash))
		return err
	})
	return took && err == nil, err
}
