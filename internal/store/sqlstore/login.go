package sqlstore

import (
	"context"
	"time"

	"rolegate/internal/store"
)

// Invitations and tickets have one row a user, so inserting one ends the older.

func (q queries) InsertInvite(ctx context.Context, i store.Invite) error {
	_, err := q.exec(ctx, `INSERT INTO invites (tenant, user_id, hash, made_by, created_at, expires_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0)
		ON CONFLICT (tenant, user_id) DO UPDATE SET hash = excluded.hash, made_by = excluded.made_by,
			created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = 0`,
		i.Tenant, i.User, bytesOf(i.Hash), i.MadeBy, micros(i.CreatedAt), micros(i.ExpiresAt))
	return err
}

func (q queries) Invite(ctx context.Context, hash []byte, now time.Time) (store.Invite, error) {
	return one(ctx, q.conn, func(row scanner) (i store.Invite, err error) {
		err = row.Scan(bytesInto(&i.Hash), &i.Tenant, &i.User, &i.MadeBy, timeInto(&i.CreatedAt), timeInto(&i.ExpiresAt))
		return i, err
	}, `SELECT hash, tenant, user_id, made_by, created_at, expires_at FROM invites
		WHERE hash = $1 AND used_at = 0 AND expires_at > $2`, bytesOf(hash), micros(now))
}

func (q queries) UseInvite(ctx context.Context, hash []byte, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE invites SET used_at = $2 WHERE hash = $1 AND used_at = 0 AND expires_at > $2`,
		bytesOf(hash), micros(now))
}

func (q queries) EndInvites(ctx context.Context, tenant, user string, now time.Time) error {
	_, err := q.exec(ctx, `UPDATE invites SET used_at = $3 WHERE tenant = $1 AND user_id = $2 AND used_at = 0`,
		tenant, user, micros(now))
	return err
}

func (q queries) InsertTicket(ctx context.Context, t store.Ticket) error {
	methods, err := jsonOf(t.Methods)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO tickets (tenant, user_id, hash, purpose, methods, auth_time, device, tries,
			password_hash, created_at, expires_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)
		ON CONFLICT (tenant, user_id) DO UPDATE SET hash = excluded.hash, purpose = excluded.purpose,
			methods = excluded.methods, auth_time = excluded.auth_time, device = excluded.device,
			tries = excluded.tries, password_hash = excluded.password_hash, created_at = excluded.created_at,
			expires_at = excluded.expires_at, ended_at = 0`,
		t.Tenant, t.User, bytesOf(t.Hash), string(t.Purpose), methods, micros(t.AuthTime), t.Device, t.Tries,
		t.Password, micros(t.CreatedAt), micros(t.ExpiresAt))
	return err
}

func (q queries) Ticket(ctx context.Context, hash []byte, now time.Time) (store.Ticket, error) {
	return one(ctx, q.conn, func(row scanner) (t store.Ticket, err error) {
		err = row.Scan(bytesInto(&t.Hash), &t.Tenant, &t.User, &t.Purpose, jsonInto(&t.Methods), timeInto(&t.AuthTime),
			&t.Device, &t.Tries, &t.Password, timeInto(&t.CreatedAt), timeInto(&t.ExpiresAt))
		return t, err
	}, `SELECT hash, tenant, user_id, purpose, methods, auth_time, device, tries, password_hash, created_at, expires_at FROM tickets
		WHERE hash = $1 AND ended_at = 0 AND expires_at > $2`, bytesOf(hash), micros(now))
}

func (q queries) TryTicket(ctx context.Context, hash []byte, max int, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE tickets SET tries = tries + 1
		WHERE hash = $1 AND ended_at = 0 AND expires_at > $2 AND tries < $3`, bytesOf(hash), micros(now), max)
}

func (q queries) SetTicketDevice(ctx context.Context, hash []byte, device string, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE tickets SET device = $3 WHERE hash = $1 AND ended_at = 0 AND expires_at > $2`,
		bytesOf(hash), micros(now), device)
}

func (q queries) EndTicket(ctx context.Context, hash []byte, now time.Time) (bool, error) {
	return q.took(ctx, `UPDATE tickets SET ended_at = $2, password_hash = '' WHERE hash = $1 AND ended_at = 0 AND expires_at > $2`,
		bytesOf(hash), micros(now))
}

func (q queries) EndTickets(ctx context.Context, tenant, user string, now time.Time) (int, error) {
	n, err := q.exec(ctx, `UPDATE tickets SET ended_at = $3, password_hash = '' WHERE tenant = $1 AND user_id = $2 AND ended_at = 0`,
		tenant, user, micros(now))
	return int(n), err
}
