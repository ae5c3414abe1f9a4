package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"rolegate/internal/store"
	"rolegate/model"
)

// conn runs SQL on a pool, or inside the transaction it carries.
type conn struct {
	*pool
	tx *tx // nil outside a transaction
}

type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (c conn) writer() runner {
	if c.tx != nil {
		return c.tx
	}
	return c.write
}

func (c conn) reader() runner {
	if c.tx != nil {
		return c.tx
	}
	return c.read
}

// atomically runs fn in the transaction there is, or in one of its own.
func (c conn) atomically(ctx context.Context, fn func(conn) error) error {
	if c.tx != nil {
		return fn(c)
	}
	return c.inTx(ctx, fn)
}

// snapshot runs fn, which only reads, so that all its queries see one moment.
// Inside a write transaction on PostgreSQL each sees what is committed by then.
func (c conn) snapshot(ctx context.Context, fn func(conn) error) error {
	if c.tx != nil {
		return fn(c)
	}
	t, err := c.read.BeginTx(ctx, c.dialect.snapshotOptions())
	if err != nil {
		return c.fail(ctx, "begin", err)
	}
	defer t.Rollback()
	return fn(conn{pool: c.pool, tx: &tx{Tx: t}})
}

// usable refuses to go on in a transaction with a failed statement, and text
// PostgreSQL would not take.
func (c conn) usable(ctx context.Context, args []any) error {
	if c.tx != nil && c.tx.failed != nil {
		return c.fail(ctx, "a statement after one that failed", c.tx.failed)
	}
	for _, a := range args {
		if s, ok := a.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return model.Errorf(model.CodeInvalidRequest, "text must be valid UTF-8 without NUL")
		}
	}
	return nil
}

// failed notes a driver's error in the transaction and sorts it.
func (c conn) failed(ctx context.Context, query string, err error) error {
	if err != nil && c.tx != nil && c.tx.failed == nil {
		c.tx.failed = err
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(query), "\n")
	return c.fail(ctx, verb, err)
}

// exec runs a statement and counts the rows it touched.
func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := c.usable(ctx, args); err != nil {
		return 0, err
	}
	res, err := c.writer().ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.failed(ctx, query, err)
	}
	n, err := res.RowsAffected()
	return n, c.failed(ctx, query, err)
}

// took runs a conditional update and tells whether it took effect.
func (c conn) took(ctx context.Context, query string, args ...any) (bool, error) {
	n, err := c.exec(ctx, query, args...)
	return n > 0, err
}

// must runs an update of a row that has to be there.
func (c conn) must(ctx context.Context, query string, args ...any) error {
	n, err := c.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// insert runs an INSERT … ON CONFLICT DO NOTHING.
func (c conn) insert(ctx context.Context, query string, args ...any) error {
	n, err := c.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrExists
	}
	return err
}

// scanner is a row of an answer.
type scanner interface{ Scan(...any) error }

// scan reads one row.
type scan[T any] func(row scanner) (T, error)

// list runs a query to its end. On SQLite a RETURNING statement outside a
// transaction is committed by then, and not before.
func list[T any](ctx context.Context, c conn, on runner, read scan[T], query string, args ...any) ([]T, error) {
	if err := c.usable(ctx, args); err != nil {
		return nil, err
	}
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.failed(ctx, query, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			return nil, c.failed(ctx, query, err)
		}
		out = append(out, v)
	}
	return out, c.failed(ctx, query, rows.Err())
}

// all lists what a query finds.
func all[T any](ctx context.Context, c conn, read scan[T], query string, args ...any) ([]T, error) {
	return list(ctx, c, c.reader(), read, query, args...)
}

// one is the row a query finds, or ErrNotFound.
func one[T any](ctx context.Context, c conn, read scan[T], query string, args ...any) (T, error) {
	return first(list(ctx, c, c.reader(), read, query, args...))
}

// returned is the row an UPDATE … RETURNING gives, or ErrNotFound.
func returned[T any](ctx context.Context, c conn, query string, args ...any) (T, error) {
	return first(list(ctx, c, c.writer(), scanValue[T], query, args...))
}

func first[T any](found []T, err error) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, store.ErrNotFound
	}
	return found[0], nil
}

// scanValue reads a row of one column.
func scanValue[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// scanFirst reads the first of a row's two columns; the other was only to have an
// effect, see Dialect.notice.
func scanFirst[T any](row scanner) (v T, err error) {
	err = row.Scan(&v, new(any))
	return v, err
}

// micros is how a time is stored: Unix microseconds, 0 for the zero time. (So
// the very first microsecond of 1970 reads back as the zero time.)
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// bytesOf is how bytes are stored: nil as no bytes, never as NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// jsonOf is how lists and maps are stored; JSON escapes NUL, so any string goes.
func jsonOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", model.Errorf(model.CodeInvalidRequest, "a value cannot be written as JSON").Because(err)
	}
	return string(b), nil
}

func jsonTexts(values ...any) ([]string, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		var err error
		if texts[i], err = jsonOf(v); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// into makes a destination of Scan from a func that keeps what was read. Both
// drivers give integers and texts as they are, which needs no conversion.
type into[T int64 | string] func(T) error

func (f into[T]) Scan(src any) error {
	if v, ok := src.(T); ok {
		return f(v)
	}
	var v sql.Null[T]
	if err := v.Scan(src); err != nil {
		return err
	}
	return f(v.V)
}

func timeInto(t *time.Time) sql.Scanner {
	return into[int64](func(us int64) error {
		*t = time.Time{}
		if us != 0 {
			*t = time.UnixMicro(us).UTC()
		}
		return nil
	})
}

// bytesInto copies, as the driver's bytes end with the row, and reads no bytes as nil.
func bytesInto(b *[]byte) sql.Scanner { return (*bytesScanner)(b) }

type bytesScanner []byte

func (b *bytesScanner) Scan(src any) error {
	var v sql.Null[[]byte]
	if err := v.Scan(src); err != nil {
		return err
	}
	*b = nil
	if len(v.V) > 0 {
		*b = v.V
	}
	return nil
}

// jsonInto leaves an empty list or map as it is, nil, without a parser.
func jsonInto(v any) sql.Scanner {
	return into[string](func(s string) error {
		switch s {
		case "null", "[]", "{}":
			return nil
		}
		return json.Unmarshal([]byte(s), v)
	})
}
