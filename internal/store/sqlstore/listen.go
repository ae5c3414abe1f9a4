package sqlstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rolegate/internal/store"
)

// Listen has a connection of its own, beside the pool's: one that listens can do
// nothing else. See store.Store.
func (db *DB) Listen(ctx context.Context, heard func(store.Notice)) error {
	if db.dialect == SQLite {
		return errors.ErrUnsupported
	}
	c, err := pgx.ConnectConfig(ctx, db.postgres.Copy())
	if err != nil {
		return db.fail(ctx, "listen", err)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		c.Close(ending)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+noticeChannel); err != nil {
		return db.fail(ctx, "listen", err)
	}
	heard(store.Notice{})
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return db.fail(ctx, "listen", err)
		}
		if notice, ok := readNotice(n.Payload); ok {
			heard(notice)
		}
	}
}

// readNotice reads what Dialect.notice wrote.
func readNotice(payload string) (store.Notice, bool) {
	number, tenant, ok := strings.Cut(payload, " ")
	revision, err := strconv.ParseInt(number, 10, 64)
	return store.Notice{Tenant: tenant, Revision: revision}, ok && err == nil && tenant != "" && revision > 0
}
