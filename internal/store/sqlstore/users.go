package sqlstore

import (
	"context"

	"rolegate/model"
)

const userColumns = `tenant, id, username, username_key, password_hash, disabled, created_at, epoch`

func scanUser(row scanner) (u model.User, err error) {
	err = row.Scan(&u.Tenant, &u.ID, &u.Username, &u.UsernameKey, &u.PasswordHash, &u.Disabled, timeInto(&u.CreatedAt), &u.Epoch)
	return u, err
}

func (q queries) InsertUser(ctx context.Context, u model.User) error {
	return q.insert(ctx, `INSERT INTO users (tenant, id, username, username_key, password_hash, disabled, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		u.Tenant, u.ID, u.Username, u.UsernameKey, u.PasswordHash, u.Disabled, micros(u.CreatedAt))
}

func (q queries) User(ctx context.Context, tenant, id string) (model.User, error) {
	return one(ctx, q.conn, scanUser, `SELECT `+userColumns+` FROM users WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) UserByName(ctx context.Context, tenant, usernameKey string) (model.User, error) {
	return one(ctx, q.conn, scanUser,
		`SELECT `+userColumns+` FROM users WHERE tenant = $1 AND username_key = $2`, tenant, usernameKey)
}

func (q queries) ListUsers(ctx context.Context, tenant, after string, limit int) ([]model.User, error) {
	return all(ctx, q.conn, scanUser,
		`SELECT `+userColumns+` FROM users WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`,
		tenant, after, max(limit, 0))
}

func (q queries) SetPassword(ctx context.Context, tenant, id, old, hash string) (bool, error) {
	return q.took(ctx, `UPDATE users SET password_hash = $4 WHERE tenant = $1 AND id = $2 AND password_hash = $3`,
		tenant, id, old, hash)
}

func (q queries) SetUserDisabled(ctx context.Context, tenant, id string, disabled bool) (bool, error) {
	return q.took(ctx, `UPDATE users SET disabled = $3 WHERE tenant = $1 AND id = $2`, tenant, id, disabled)
}
