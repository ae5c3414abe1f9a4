package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rolegate/model"
)

// Dialect names the database behind a store.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// The DDL is PostgreSQL's; these words make it each database's own.
//
// SQLite gets STRICT tables, which refuse a text in a number's column as
// PostgreSQL does, and whose type names are few. PostgreSQL gets the byte-wise
// collation on every text column, so that order, paging and case sensitivity are
// SQLite's whatever locale the database was made with.
var (
	sqliteWords   = strings.NewReplacer("BIGINT", "INTEGER", "BOOLEAN", "INTEGER", "BYTEA", "BLOB", "\n);", "\n) STRICT;")
	postgresWords = strings.NewReplacer("TEXT", `TEXT COLLATE "C"`)
)

func (d Dialect) other() Dialect {
	if d == SQLite {
		return Postgres
	}
	return SQLite
}

func (d Dialect) words() *strings.Replacer {
	if d == SQLite {
		return sqliteWords
	}
	return postgresWords
}

func (d Dialect) goose() goose.Dialect {
	if d == SQLite {
		return goose.DialectSQLite3
	}
	return goose.DialectPostgres
}

// snapshotOptions start a transaction whose reads all see one moment. SQLite's
// are always like that.
func (d Dialect) snapshotOptions() *sql.TxOptions {
	if d == SQLite {
		return &sql.TxOptions{ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

// notice is an expression over a row of tenants that tells listeners, once the
// transaction is committed, which revision the tenant has reached. On SQLite
// nobody else is there to listen.
func (d Dialect) notice() string {
	if d == SQLite {
		return `NULL`
	}
	return `pg_notify('` + noticeChannel + `', revision || ' ' || id)`
}

// impatience is an expression that shortens how long the rest of a transaction may
// leave the database waiting. It is for one that holds what everybody needs: a
// process that is stopped, or cut off without a word, in the middle of it would
// hold up all replicas.
func (d Dialect) impatience() string {
	if d == SQLite {
		return `NULL` // its process is the only one
	}
	return `set_config('idle_in_transaction_session_timeout', '3s', true)`
}

// noticeChannel is the database's. Rolegates in other schemas of it hear of
// tenants they do not have, and find nothing to read.
const noticeChannel = "rolegate"

// tuples writes n tuples of k parameters, "($1,$2),($3,$4)". To SQLite $1 is a
// name, and it looks each name up among all the others, which a long statement
// feels; its nameless parameter is ?.
func (d Dialect) tuples(n, k int) string {
	b := make([]byte, 0, n*k*5+2*n)
	for i := range n * k {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%k == 0:
			b = append(b, "),("...)
		default:
			b = append(b, ',')
		}
		if d == SQLite {
			b = append(b, '?')
		} else {
			b = strconv.AppendInt(append(b, '$'), int64(i+1), 10)
		}
	}
	return string(append(b, ')'))
}

// openSQLite makes the file, readable by its owner only, and opens its two pools.
//
// All writes go through one connection, so a writer waits in Go, in order and
// with its context, instead of meeting SQLITE_BUSY; a process lock held by the
// caller keeps other processes off the file. Readers have connections of their
// own: with the write-ahead log they never wait and see what is committed.
func openSQLite(ctx context.Context, path string) (write, read *sql.DB, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	f.Close()
	write, err = openSQLitePool(sqliteDSN(path, writerOptions+foldOption))
	if err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	// The first connection turns the write-ahead log on, before any reader comes.
	if err := write.PingContext(ctx); err != nil {
		write.Close()
		return nil, nil, err
	}
	read, err = openSQLitePool(sqliteDSN(path, readerOptions))
	if err != nil {
		write.Close()
		return nil, nil, err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// writerOptions has temp_store for the pages that SQLite puts aside during a statement
// of many rows, to undo that one alone: we undo the transaction, and a file for them
// is a quarter of the system's time of an append. It holds for sorting as well, so a
// migration that makes an index over a log has to say temp_store = FILE.
const writerOptions = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=temp_store(MEMORY)&_txlock=immediate"

// readerOptions have each reader keep half a megabyte of pages and not two: the system
// has them too, and four readers of a log of 100,000 entries held 13 MB more for the
// same processor's time but a fiftieth.
const readerOptions = "_pragma=query_only(1)&_pragma=cache_size(-512)"

// sqliteDSN names the file as a URI, so that ? # % and spaces in a path are
// part of the path. Pragmas go here, so each pooled connection has them.
func sqliteDSN(path, options string) string {
	u := url.URL{Scheme: "file", Path: path}
	return u.String() + "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&" + options
}

// postgresLimits end what hangs: a statement, a wait for a lock, a transaction
// whose process has stopped. The URL may set others.
var postgresLimits = map[string]string{
	"application_name":                    "rolegate",
	"statement_timeout":                   "15s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "30s",
}

const postgresConns = 20

// postgresConfig reads the URL. The parser's error repeats parts of the URL,
// perhaps the password, so it is not passed on.
func postgresConfig(dsn, setting string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, model.Errorf(model.CodeSettingInvalid, "%s is not a PostgreSQL URL; it should look like postgres://user:password@host:5432/database", setting)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	// A server that went away without a word is noticed in half a minute.
	dialer := &net.Dialer{Timeout: cfg.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	cfg.DialFunc = dialer.DialContext
	for k, v := range postgresLimits {
		if _, set := cfg.RuntimeParams[k]; !set {
			cfg.RuntimeParams[k] = v
		}
	}
	// What the store is written for, whatever the server's default is.
	cfg.RuntimeParams["default_transaction_isolation"] = "read committed"
	return cfg, nil
}

// openPostgres opens a pool; each new connection is used after connected.
func openPostgres(cfg *pgx.ConnConfig, connected func(context.Context, *pgx.Conn) error) *sql.DB {
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(connected))
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return db
}

// openPostgresForMigration opens a connection without the limits, as a
// migration may rightly take long.
func openPostgresForMigration(cfg *pgx.ConnConfig) *sql.DB {
	c := cfg.Copy()
	for k := range postgresLimits {
		if strings.HasSuffix(k, "_timeout") {
			c.RuntimeParams[k] = "0"
		}
	}
	return stdlib.OpenDB(*c)
}

// fault sorts the errors of the drivers.
type fault int

const (
	faultOther       fault = iota
	faultDuplicate         // a unique key is taken
	faultNoParent          // the row a foreign key points to is missing
	faultConflict          // lost against another transaction; trying again may help
	faultLost              // the connection broke; what was not committed is undone
	faultTimeout           // a limit of the database or of the caller
	faultUnavailable       // cannot be reached, opened or written
	faultFull              // no room
)

// faultOf sorts by code, never by text.
func faultOf(err error) fault {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return sqliteFault(lite.Code())
	case errors.As(err, &pg):
		return postgresFault(pg.Code)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return faultFull
	case errors.Is(err, context.DeadlineExceeded):
		return faultTimeout
	}
	var refused *pgconn.ConnectError
	var file *os.PathError
	if errors.As(err, &refused) || errors.As(err, &file) {
		return faultUnavailable
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) {
		return faultLost
	}
	return faultOther
}

func sqliteFault(code int) fault {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return faultDuplicate
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return faultNoParent
	case sqlite3.SQLITE_IOERR_SHMSIZE: // the log's index file could not grow
		return faultFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultConflict
	case sqlite3.SQLITE_FULL:
		return faultFull
	case sqlite3.SQLITE_INTERRUPT:
		return faultTimeout
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM:
		return faultUnavailable
	}
	return faultOther
}

// postgresFault sorts by SQLSTATE (PostgreSQL manual, appendix A).
func postgresFault(code string) fault {
	switch code {
	case "23505": // unique_violation
		return faultDuplicate
	case "23503": // foreign_key_violation
		return faultNoParent
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return faultConflict
	case "53100": // disk_full
		return faultFull
	case "57014", "55P03": // query_canceled (statement_timeout), lock_not_available (lock_timeout)
		return faultTimeout
	case "57P01", "57P02", "25P03": // admin_shutdown, crash_shutdown, idle_in_transaction_session_timeout
		return faultLost
	case "25006", "42501", "3D000", "57P03": // read_only_sql_transaction, insufficient_privilege, invalid_catalog_name, cannot_connect_now
		return faultUnavailable
	}
	if len(code) == 5 {
		switch code[:2] {
		case "08": // connection exceptions
			return faultLost
		case "28", "53", "57", "58": // authorization, resources, operator intervention, system errors
			return faultUnavailable
		}
	}
	return faultOther
}
