// Package sqlstore implements package store for SQLite and PostgreSQL with one
// set of SQL texts.
//
// What must differ between the two is in dialect.go: how they are opened, what
// their error codes mean, a few words of the DDL, and how lists of parameters
// are written. Everything else is plain SQL both read alike, with the races
// settled inside single statements:
//
//	UPDATE totp_devices SET last_step = $2 WHERE id = $1 AND last_step < $2 …
//
// and the row count tells who won. Inserts say ON CONFLICT DO NOTHING and look at
// the row count too, because on PostgreSQL a statement that fails spoils its
// transaction.
//
//	DB        queries ─┐              pool: a database's handles; transactions, errors
//	Keystore ──────────┴── conn ────▶ conn: a pool, perhaps in a transaction; runs SQL
package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"rolegate/internal/store"
	"rolegate/model"
)

var (
	_ store.Store    = (*DB)(nil)
	_ store.Keystore = (*Keystore)(nil)
)

// The settings that name the databases, for the sentences of errors.
const (
	settingData     = "ROLEGATE_DATA"
	settingURL      = "ROLEGATE_DATABASE_URL"
	settingKeystore = "ROLEGATE_KEYSTORE_URL"
)

// DB is the main database.
type DB struct{ queries }

// queries are the methods of store.Queries, in or out of a transaction.
type queries struct{ conn }

// Keystore is the database of the log's wrapped keys.
type Keystore struct{ conn }

// OpenSQLite opens the main database in a file, made if it is not there, and
// brings its tables up to date. The caller holds a lock that keeps other
// processes off the file.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	p, err := newSQLitePool(ctx, path, settingData, mainSchema)
	if err != nil {
		return nil, err
	}
	return &DB{queries{conn{pool: p}}}, nil
}

// OpenPostgres opens the main database at a postgres:// URL and brings its
// tables up to date; several processes may do so at once.
func OpenPostgres(ctx context.Context, url string) (*DB, error) {
	p, err := newPostgresPool(ctx, url, settingURL, mainSchema)
	if err != nil {
		return nil, err
	}
	return &DB{queries{conn{pool: p}}}, nil
}

// OpenKeystoreSQLite is OpenSQLite for the keystore.
func OpenKeystoreSQLite(ctx context.Context, path string) (*Keystore, error) {
	p, err := newSQLitePool(ctx, path, settingKeystore, keystoreSchema)
	if err != nil {
		return nil, err
	}
	return &Keystore{conn{pool: p}}, nil
}

// OpenKeystorePostgres is OpenPostgres for the keystore.
func OpenKeystorePostgres(ctx context.Context, url string) (*Keystore, error) {
	p, err := newPostgresPool(ctx, url, settingKeystore, keystoreSchema)
	if err != nil {
		return nil, err
	}
	return &Keystore{conn{pool: p}}, nil
}

// InTx runs fn in a write transaction; see store.Store. On SQLite there is one
// at a time, so fn must use tx and never the DB itself, which would wait for it.
//
// READ COMMITTED is enough on PostgreSQL: races are settled by the condition of
// an UPDATE or by a unique key, and PostgreSQL checks both again on the row as it
// is once a concurrent writer is done. Checks over several rows are put in order
// by Bump, which locks the tenant's row. SERIALIZABLE would instead fail all but
// one of any appends to the log that overlap, as all of them write its head.
func (db *DB) InTx(ctx context.Context, fn func(tx store.Tx) error) error {
	return db.inTx(ctx, func(c conn) error { return fn(txQueries{queries{c}}) })
}

// txQueries are queries in a transaction.
type txQueries struct{ queries }

func (q txQueries) OnCommit(f func()) { q.tx.committed = append(q.tx.committed, f) }

// Revisions is what this process knows of the tenants' revisions; see store.Store.
func (db *DB) Revisions() *store.Revisions { return &db.pool.revisions }

// Clock is the database's time; see store.Store.
func (db *DB) Clock(ctx context.Context) (time.Time, error) {
	if db.dialect == SQLite {
		return time.Time{}, errors.ErrUnsupported
	}
	us, err := one(ctx, db.conn, scanValue[int64], `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`)
	return time.UnixMicro(us).UTC(), err
}

func newSQLitePool(ctx context.Context, path, setting string, s schema) (*pool, error) {
	p := &pool{dialect: SQLite, setting: setting}
	var err error
	if p.write, p.read, err = openSQLite(ctx, path); err != nil {
		return nil, p.fail(ctx, "open", err)
	}
	if err := p.migrate(ctx, p.write, s); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.folder = startFolding(p.read)
	return p, nil
}

func newPostgresPool(ctx context.Context, url, setting string, s schema) (*pool, error) {
	cfg, err := postgresConfig(url, setting)
	if err != nil {
		return nil, err
	}
	p := &pool{dialect: Postgres, setting: setting, postgres: cfg}
	m := openPostgresForMigration(cfg)
	defer m.Close()
	if err := p.migrate(ctx, m, s); err != nil {
		return nil, err
	}
	connected := func(context.Context, *pgx.Conn) error { return nil }
	if s == mainSchema {
		connected = p.settleHistory
	}
	p.write = openPostgres(cfg, connected)
	p.read = p.write
	if err := p.write.PingContext(ctx); err != nil { // settles the history
		return nil, errors.Join(p.fail(ctx, "open", err), p.Close())
	}
	return p, nil
}

// unavailable is what people are told; the cause is for operators.
func (p *pool) unavailable() *model.Error {
	if p.dialect == SQLite {
		return model.Errorf(model.CodeStoreUnavailable, "the database file in %s cannot be opened or written; see that its directory exists and belongs to the service", p.setting)
	}
	return model.Errorf(model.CodeStoreUnavailable, "the database at %s does not answer or cannot be written; see that it runs and accepts this service", p.setting)
}
