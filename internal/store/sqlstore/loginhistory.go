package sqlstore

import (
	"context"
	"math"

	"rolegate/internal/store"
)

const eventColumns = `tenant, user_id, id, at, activity, outcome, code, level, network, agent, times`

func (q queries) NoteEvent(ctx context.Context, e store.Event) error {
	_, err := q.exec(ctx, `INSERT INTO login_history (`+eventColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (tenant, user_id, id) DO UPDATE SET at = excluded.at, network = excluded.network,
			agent = excluded.agent, times = login_history.times + excluded.times`,
		e.Tenant, e.User, e.ID, micros(e.At), e.Activity, e.Outcome, e.Code, e.Level, e.Network, e.Agent, max(e.Times, 1))
	return err
}

func (q queries) Events(ctx context.Context, tenant, user string, before store.EventPlace, limit int) ([]store.Event, error) {
	at := int64(math.MaxInt64)
	if !before.At.IsZero() {
		at = micros(before.At)
	}
	return all(ctx, q.conn, func(row scanner) (e store.Event, err error) {
		err = row.Scan(&e.Tenant, &e.User, &e.ID, timeInto(&e.At), &e.Activity, &e.Outcome, &e.Code, &e.Level,
			&e.Network, &e.Agent, &e.Times)
		return e, err
	}, `SELECT `+eventColumns+` FROM login_history
		WHERE tenant = $1 AND user_id = $2 AND (at < $3 OR at = $3 AND id < $4)
		ORDER BY at DESC, id DESC LIMIT $5`, tenant, user, at, before.ID, max(limit, 0))
}
