package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"modernc.org/sqlite"
)

// maxStatements bounds what is kept of one connection. There are about two hundred
// texts, and a few kilobytes of each.
const maxStatements = 512

// openSQLitePool opens connections that keep the statements they have compiled:
// the driver compiles each text anew, which costs more than running most of them.
// (PostgreSQL's driver keeps its own.)
func openSQLitePool(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeper{c}), nil
}

// keeper is a connector of keepingConns.
type keeper struct{ driver.Connector }

func (k keeper) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keepingConn{sqliteConn: c.(sqliteConn), kept: map[string]sqliteStmt{}}, nil
}

// sqliteConn is what the driver's connections are, all of which database/sql asks for.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keepingConn runs a text by the statement it was compiled to before. As any
// driver.Conn it is used by one goroutine at a time.
type keepingConn struct {
	sqliteConn
	kept map[string]sqliteStmt // none of them running
}

// Unwrap lets functions of the driver find the connection.
func (c *keepingConn) Unwrap() driver.Conn { return c.sqliteConn }

// take gives a statement out until it is kept again or closed.
func (c *keepingConn) take(ctx context.Context, query string) (sqliteStmt, error) {
	if s, ok := c.kept[query]; ok {
		delete(c.kept, query)
		return s, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(sqliteStmt), nil
}

// keep takes a statement back that ran well, and closes any other.
func (c *keepingConn) keep(query string, s sqliteStmt, err error) {
	_, another := c.kept[query] // which began while this one ran
	if err != nil || another {
		s.Close()
		return
	}
	if len(c.kept) >= maxStatements {
		for old, s := range c.kept { // any
			delete(c.kept, old)
			s.Close()
			break
		}
	}
	c.kept[query] = s
}

func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	c.keep(query, s, err)
	return r, err
}

func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &keptRows{r, func(err error) { c.keep(query, s, err) }}, nil
}

func (c *keepingConn) Close() error {
	for _, s := range c.kept {
		s.Close()
	}
	clear(c.kept)
	return c.sqliteConn.Close()
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	driver.Rows
	end func(error)
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	if r.end != nil {
		r.end(err)
		r.end = nil
	}
	return err
}
