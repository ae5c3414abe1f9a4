package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver

	"rolegate/api/client"
)

//go:embed schema.sql
var schema string

// store keeps contacts and deals. It knows nothing of access but the condition
// that a list is given.
type store struct{ db *sql.DB }

func openStore(ctx context.Context, file string) (*store, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	return &store{db}, nil
}

const contactFields = "id, name, email, phone, title, owner, assignees, teams, created_at, version"

// scanner is a row of either kind.
type scanner interface{ Scan(...any) error }

func scanContact(row scanner) (c contact, err error) {
	err = row.Scan(&c.ID, &c.Name, &c.Email, &c.Phone, &c.Title, &c.Owner, &c.Assignees, &c.Teams, &c.CreatedAt, &c.version)
	return c, err
}

func (s *store) contact(ctx context.Context, id string) (contact, error) {
	c, err := scanContact(s.db.QueryRowContext(ctx, "SELECT "+contactFields+" FROM contacts WHERE id = ?", id))
	return c, notFound(err)
}

func (s *store) insertContact(ctx context.Context, c contact) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO contacts ("+contactFields+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
		c.ID, c.Name, c.Email, c.Phone, c.Title, c.Owner, c.Assignees, c.Teams, c.CreatedAt)
	return err
}

// saveContact changes the row that was looked at, and no later one.
func saveContact(ctx context.Context, db execer, c contact) error {
	return one(db.ExecContext(ctx, "UPDATE contacts SET name = ?, email = ?, phone = ?, title = ?, version = version + 1 WHERE id = ? AND version = ?",
		c.Name, c.Email, c.Phone, c.Title, c.ID, c.version))
}

// removeContact deletes the row that was looked at, and no later one.
func removeContact(ctx context.Context, db execer, c contact) error {
	return one(db.ExecContext(ctx, "DELETE FROM contacts WHERE id = ? AND version = ?", c.ID, c.version))
}

// mergeContacts changes one contact and deletes the others, all or nothing. Their
// deals follow to the one that is kept, and nobody is asked about those: that
// belongs to deleting a contact, whoever may see or change its deals, which else
// would be of a contact that is gone.
func (s *store) mergeContacts(ctx context.Context, kept contact, dropped []contact) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := saveContact(ctx, tx, kept); err != nil {
		return err
	}
	for _, c := range dropped {
		if err := removeContact(ctx, tx, c); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE deals SET contact = ? WHERE contact = ?", kept.ID, c.ID); err != nil {
			return err
		}
	}
	return tx.Commit()
}

const dealFields = "id, title, stage, amount, margin, contact, owner, assignees, teams, created_at"

func scanDeal(row scanner) (d deal, err error) {
	err = row.Scan(&d.ID, &d.Title, &d.Stage, &d.Amount, &d.Margin, &d.Contact, &d.Owner, &d.Assignees, &d.Teams, &d.CreatedAt)
	return d, err
}

func (s *store) deal(ctx context.Context, id string) (deal, error) {
	d, err := scanDeal(s.db.QueryRowContext(ctx, "SELECT "+dealFields+" FROM deals WHERE id = ?", id))
	return d, notFound(err)
}

// selectAll reads every row of a query.
func selectAll[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args []any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// execer is a database or a transaction.
type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// one wants exactly one row to have changed.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errChanged
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return client.ErrNotFound
	}
	return err
}
