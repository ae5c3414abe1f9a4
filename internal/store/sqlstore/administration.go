package sqlstore

import (
	"context"
	"time"
	"unicode/utf8"

	"rolegate/internal/store"
	"rolegate/model"
)

// behindAll follows every text that begins with what it is appended to.
const behindAll = string(utf8.MaxRune)

func (q queries) PageUsers(ctx context.Context, tenant string, u store.UserQuery) ([]model.User, error) {
	state := ""
	switch u.State {
	case store.UserInvited:
		state = ` AND NOT disabled AND password_hash = ''`
	case store.UserActive:
		state = ` AND NOT disabled AND password_hash <> ''`
	case store.UserDisabled:
		state = ` AND disabled`
	}
	return all(ctx, q.conn, scanUser, `SELECT `+userColumns+` FROM users
		WHERE tenant = $1 AND id > $2 AND username_key >= $3 AND username_key < $4`+state+` ORDER BY id LIMIT $5`,
		tenant, u.After, u.Name, u.Name+behindAll, max(u.Limit, 0))
}

const officeColumns = `id, tenant, member, office, reason, requested_by, created_at, expires_at, state, decided_by, decided_at`

func scanOfficeRequest(row scanner) (r store.OfficeRequest, err error) {
	err = row.Scan(&r.ID, &r.Tenant, &r.Member, &r.Office, &r.Reason, &r.RequestedBy, timeInto(&r.CreatedAt),
		timeInto(&r.ExpiresAt), &r.State, &r.DecidedBy, timeInto(&r.DecidedAt))
	return r, err
}

func (q queries) InsertOfficeRequest(ctx context.Context, r store.OfficeRequest) error {
	return q.insert(ctx, `INSERT INTO office_requests (`+officeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		r.ID, r.Tenant, r.Member, r.Office, r.Reason, r.RequestedBy, micros(r.CreatedAt), micros(r.ExpiresAt),
		string(r.State), r.DecidedBy, micros(r.DecidedAt))
}

func (q queries) OfficeRequest(ctx context.Context, tenant, id string) (store.OfficeRequest, error) {
	return one(ctx, q.conn, scanOfficeRequest,
		`SELECT `+officeColumns+` FROM office_requests WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) OfficeRequests(ctx context.Context, tenant string, limit int) ([]store.OfficeRequest, error) {
	return all(ctx, q.conn, scanOfficeRequest, `SELECT `+officeColumns+` FROM office_requests
		WHERE tenant = $1 ORDER BY created_at DESC, id LIMIT $2`, tenant, max(limit, 0))
}

func (q queries) OfficePending(ctx context.Context, tenant, member, office string, now time.Time) (bool, error) {
	n, err := one(ctx, q.conn, scanValue[int], `SELECT count(*) FROM office_requests
		WHERE tenant = $1 AND member = $2 AND office = $3 AND state = $4 AND expires_at > $5`,
		tenant, member, office, string(store.RequestPending), micros(now))
	return n > 0, err
}

func (q queries) DecideOfficeRequest(ctx context.Context, tenant, id string, state store.RequestState, by string, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE office_requests SET state = $3, decided_by = $4, decided_at = $5
		WHERE tenant = $1 AND id = $2 AND state = $6 AND expires_at > $5`,
		tenant, id, string(state), by, micros(now), string(store.RequestPending))
}
