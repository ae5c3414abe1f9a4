package sqlstore

import (
	"context"
	"time"
)

func (q queries) Claim(ctx context.Context, chore string, now, next time.Time) (bool, error) {
	return q.took(ctx, `INSERT INTO chores (name, due_at) VALUES ($1, $3)
		ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE chores.due_at <= $2`,
		chore, micros(now), micros(next))
}

// sweep runs a DELETE or UPDATE, whose last parameter is the number of rows at most.
func (q queries) sweep(ctx context.Context, query string, args ...any) (int, error) {
	n, err := q.exec(ctx, query, args...)
	return int(n), err
}

func (q queries) DeleteSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE ended_at > 0 AND ended_at < $1 OR expires_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) VoidSuccessors(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `UPDATE refresh_tokens SET successor = NULL WHERE hash IN (
		SELECT hash FROM refresh_tokens WHERE successor IS NOT NULL AND used_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) DeleteTickets(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `DELETE FROM tickets WHERE hash IN (
		SELECT hash FROM tickets WHERE ended_at > 0 AND ended_at < $1 OR expires_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) DeletePendingDevices(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `DELETE FROM totp_devices WHERE confirmed_at = 0 AND id IN (
		SELECT id FROM totp_devices WHERE confirmed_at = 0 AND created_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) DeleteRemovedDevices(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `DELETE FROM removed_devices WHERE id IN (
		SELECT id FROM removed_devices WHERE removed_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) DeleteInvites(ctx context.Context, before time.Time, limit int) (int, error) {
	return q.sweep(ctx, `DELETE FROM invites WHERE hash IN (
		SELECT hash FROM invites WHERE used_at > 0 AND used_at < $1 OR expires_at < $1 LIMIT $2)`, micros(before), limit)
}

func (q queries) DeleteEvents(ctx context.Context, before time.Time, keep, limit int) (int, error) {
	old, err := q.sweep(ctx, `DELETE FROM login_history WHERE (tenant, user_id, id) IN (
		SELECT tenant, user_id, id FROM login_history WHERE at < $1 LIMIT $2)`, micros(before), limit)
	if err != nil || old == limit {
		return old, err
	}
	// Of few people is there more than may be kept: they are found first, so that
	// not everybody's history is put in order.
	many, err := q.sweep(ctx, `DELETE FROM login_history WHERE (tenant, user_id, id) IN (
		SELECT tenant, user_id, id FROM (
			SELECT h.tenant, h.user_id, h.id,
				ROW_NUMBER() OVER (PARTITION BY h.tenant, h.user_id ORDER BY h.at DESC, h.id DESC) AS place
			FROM login_history h JOIN (
				SELECT tenant, user_id FROM login_history GROUP BY tenant, user_id HAVING COUNT(*) > $1) m
			ON m.tenant = h.tenant AND m.user_id = h.user_id) ranked
		WHERE place > $1 LIMIT $2)`, keep, limit-old)
	return old + many, err
}
