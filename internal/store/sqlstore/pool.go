package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"rolegate/internal/store"
	"rolegate/model"
)

// pool is one database: its handles, its transactions, its errors.
type pool struct {
	dialect Dialect
	setting string  // the setting that names the database
	write   *sql.DB // SQLite: one connection
	read    *sql.DB // PostgreSQL: the same as write
	folder  *folder // SQLite only

	revisions store.Revisions        // main database only
	postgres  *pgx.ConnConfig        // nil: SQLite
	history   atomic.Pointer[string] // that connections were last part of
}

// Dialect tells which database it is.
func (p *pool) Dialect() Dialect { return p.dialect }

// Close gives the connections back. On SQLite the writer goes last, as the last
// connection folds the write-ahead log into the file.
func (p *pool) Close() error {
	p.folder.stop()
	if p.read == p.write {
		return p.write.Close()
	}
	return errors.Join(p.read.Close(), p.write.Close())
}

// Ping asks for something only a database that can be written allows, and
// changes nothing. BEGIN IMMEDIATE alone would not do: SQLite grants it on a
// read-only file.
func (p *pool) Ping(ctx context.Context) error {
	_, err := p.write.ExecContext(ctx, `DELETE FROM meta WHERE key = ''`)
	return p.fail(ctx, "ping", err)
}

// tx is a transaction and the first statement of it that failed. PostgreSQL
// undoes all of such a transaction while SQLite would commit the rest, so here
// it can only be rolled back, on both.
type tx struct {
	*sql.Tx
	whole  bool // its statements are run to their end, whoever goes away meanwhile
	failed error
	bumped map[string]int64 // the revisions it took; known to others once it is committed

	committed []func() // called then
}

func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.Tx.ExecContext(t.during(ctx), query, args...)
}

func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(t.during(ctx), query, args...)
}

// during is the context of a statement. To interrupt one, SQLite's driver starts a
// goroutine beside each, which costs as much as most of those that write: there is no
// network that they could hang in, and between them a transaction ends with its context.
func (t *tx) during(ctx context.Context) context.Context {
	if t.whole {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (t *tx) bump(tenant string, revision int64) {
	if t.bumped == nil {
		t.bumped = map[string]int64{}
	}
	t.bumped[tenant] = revision
}

// attempts is how often a transaction is run that keeps losing.
const attempts = 6

// inTx runs fn in a write transaction, again when it lost against another or
// the connection broke before the commit.
func (p *pool) inTx(ctx context.Context, fn func(conn) error) error {
	for n := 1; ; n++ {
		again, err := p.tryTx(ctx, fn)
		if !again || n == attempts || ctx.Err() != nil {
			return err
		}
		pause := time.Duration(1<<n) * 2 * time.Millisecond
		select {
		case <-ctx.Done():
			return p.fail(ctx, "transaction", ctx.Err())
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// tryTx runs fn once and tells whether trying again makes sense. A lost
// connection during the commit does not: the commit may have happened.
func (p *pool) tryTx(ctx context.Context, fn func(conn) error) (again bool, err error) {
	t, err := p.write.BeginTx(ctx, nil)
	if err != nil {
		f := faultOf(err)
		return f == faultConflict || f == faultLost, p.fail(ctx, "begin", err)
	}
	defer t.Rollback() // also when fn panics; nothing after a commit

	c := conn{pool: p, tx: &tx{Tx: t, whole: p.dialect == SQLite}}
	err = fn(c)
	if cause := c.tx.failed; cause != nil {
		f := faultOf(cause)
		if err == nil { // fn went on as if nothing had happened
			err = p.fail(ctx, "transaction", cause)
		}
		return f == faultConflict || f == faultLost, err
	}
	if err != nil {
		return false, err
	}
	if err := t.Commit(); err != nil {
		return faultOf(err) == faultConflict, p.fail(ctx, "commit", err)
	}
	p.folder.committed()
	for tenant, revision := range c.tx.bumped {
		p.revisions.Saw(tenant, revision)
	}
	for _, f := range c.tx.committed {
		f()
	}
	return false, nil
}

// fail turns a driver's error into the store's, keeping it as the cause.
func (p *pool) fail(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *model.Error
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists), errors.As(err, &known):
		return err
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		// The caller went away; whatever the driver made of that.
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case ctx.Err() != nil:
		return p.unavailable().Because(fmt.Errorf("%s: %w: %w", doing, ctx.Err(), err))
	}
	cause := fmt.Errorf("%s: %w", doing, err)
	switch faultOf(err) {
	case faultDuplicate:
		return fmt.Errorf("%w: %w", store.ErrExists, cause)
	case faultNoParent:
		return fmt.Errorf("%w: %w", store.ErrNotFound, cause)
	case faultFull:
		return model.Errorf(model.CodeStorageFull, "the disk of the database (%s) is full; nothing was lost, make room and try again", p.setting).Because(cause)
	case faultConflict, faultLost, faultTimeout, faultUnavailable:
		return p.unavailable().Because(cause)
	}
	return cause
}
