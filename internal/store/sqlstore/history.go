package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A database that failed over to a standby which was behind, or was restored, has
// lost its latest commits, and with them revisions that processes remember: the
// next commits would take the same numbers, and memory would pass for current.
// So each new connection looks which history it is part of, and the first one of
// a new history moves all tenants past any revision that anybody may remember.

// historyKey names the history in table meta that the revisions are numbered for.
const historyKey = "history"

// historyGap is more revisions than a standby can be behind.
const historyGap = 1_000_000

// currentHistory spells a history: the cluster, and PostgreSQL's timeline, which
// a promotion or a restore from an archive begins anew.
const currentHistory = `SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()`

// settleHistory comes before a connection is used for anything. Where a database
// does not tell its history, all there is to go by is that its operators do not
// let it forget commits.
func (p *pool) settleHistory(ctx context.Context, c *pgx.Conn) error {
	var history string
	if err := c.QueryRow(ctx, currentHistory).Scan(&history); err != nil {
		var refused *pgconn.PgError
		switch {
		case !errors.As(err, &refused):
			return err
		case refused.Code == "55000": // recovery is in progress: what it will be when it ends, nobody knows
			return fmt.Errorf("a standby cannot be written: %w", driver.ErrBadConn)
		}
		return nil
	}
	if known := p.history.Load(); known != nil && *known == history {
		return nil
	}
	// Most connections find it settled, and need write nothing.
	var was []byte
	err := c.QueryRow(ctx, `SELECT value FROM meta WHERE key = $1`, historyKey).Scan(&was)
	if err == nil && string(was) != history || errors.Is(err, pgx.ErrNoRows) {
		err = beginHistory(ctx, c, history)
	}
	if err == nil {
		p.history.Store(&history)
	}
	return err
}

// beginHistory settles, in one transaction, that the database's history is this one.
func beginHistory(ctx context.Context, c *pgx.Conn, history string) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		// The row is locked from here on: others that connect wait, and find it settled.
		if _, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, historyKey, []byte(history)); err != nil {
			return err
		}
		var was []byte
		if err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE key = $1 FOR UPDATE`, historyKey).Scan(&was); err != nil || string(was) == history {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE tenants SET revision = revision + $1, snapshot_revision = revision + $1, changes_from = revision + $1`, historyGap); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE meta SET value = $2 WHERE key = $1`, historyKey, []byte(history))
		return err
	})
}
