package sqlstore

import (
	"context"

	"rolegate/internal/store"
)

// pruneRows is about how many old changes a Bump deletes: more than it usually
// adds, so the table shrinks to its bound, and few enough to be no burden.
const pruneRows = 100

func (q queries) Bump(ctx context.Context, tenant string, changes ...store.Change) (revision int64, err error) {
	changes = store.Compact(changes)
	err = q.atomically(ctx, func(c conn) error {
		if revision, err = c.takeRevision(ctx, tenant, len(changes) > 0); err != nil {
			return err
		}
		return c.noteChanges(ctx, tenant, revision, changes)
	})
	if err != nil {
		return 0, err
	}
	return revision, nil
}

// takeRevision counts the tenant's revision up, which locks its row until the commit.
func (c conn) takeRevision(ctx context.Context, tenant string, snapshot bool) (int64, error) {
	set := `revision = revision + 1`
	if snapshot {
		set += `, snapshot_revision = revision + 1`
	}
	revision, err := first(list(ctx, c, c.writer(), scanFirst[int64],
		`UPDATE tenants SET `+set+` WHERE id = $1 RETURNING revision, `+c.dialect.notice(), tenant))
	if err != nil {
		return 0, err
	}
	c.tx.bump(tenant, revision)
	return revision, nil
}

// noteChanges adds to the history and cuts it off at its far end. What is
// before changes_from does not count any more, and goes a little at a time:
// whole revisions, those of the oldest rows.
func (c conn) noteChanges(ctx context.Context, tenant string, revision int64, changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	values := make([]any, 0, 5*len(changes))
	for n, ch := range changes {
		values = append(values, tenant, revision, n, string(ch.Kind), ch.Key)
	}
	if err := insertRows(ctx, c, `INSERT INTO changes (tenant, revision, n, kind, key) VALUES `, 5, values); err != nil {
		return err
	}
	floor := revision - store.KeptRevisions
	if floor <= 0 {
		return nil
	}
	if _, err := c.exec(ctx, `UPDATE tenants SET changes_from = $2 WHERE id = $1 AND changes_from < $2`, tenant, floor); err != nil {
		return err
	}
	_, err := c.exec(ctx, `DELETE FROM changes WHERE tenant = $1 AND revision IN (
			SELECT revision FROM changes WHERE tenant = $1 AND revision <= $2 ORDER BY revision, n LIMIT $3)`,
		tenant, floor, pruneRows)
	return err
}

// ChangesSince reads the tenant's row and the changes in one statement, so that
// both are of one moment.
func (q queries) ChangesSince(ctx context.Context, tenant string, after int64, limit int) ([]store.Change, bool, error) {
	type row struct {
		from int64
		store.Change
	}
	found, err := all(ctx, q.conn, func(s scanner) (r row, err error) {
		err = s.Scan(&r.from, &r.Kind, &r.Key)
		return r, err
	}, `SELECT t.changes_from, COALESCE(c.kind, ''), COALESCE(c.key, '')
		FROM tenants t LEFT JOIN changes c ON c.tenant = t.id AND c.revision > $2
		WHERE t.id = $1 ORDER BY c.revision, c.n LIMIT $3`, tenant, after, max(limit, 0)+1)
	if err != nil {
		return nil, false, err
	}
	if len(found) == 0 {
		return nil, false, store.ErrNotFound
	}
	var changes []store.Change
	for _, r := range found {
		if r.Kind != "" { // a tenant without changes has one row, too
			changes = append(changes, r.Change)
		}
	}
	if after < found[0].from || len(changes) > max(limit, 0) {
		return nil, false, nil
	}
	return changes, true, nil
}

func (q queries) TenantRevisions(ctx context.Context, tenants ...string) (map[string]int64, error) {
	type row struct {
		id       string
		revision int64
	}
	found := make(map[string]int64, len(tenants))
	read := func(where string, args ...any) error {
		rows, err := all(ctx, q.conn, func(s scanner) (r row, err error) {
			err = s.Scan(&r.id, &r.revision)
			return r, err
		}, `SELECT id, revision FROM tenants`+where, args...)
		for _, r := range rows {
			found[r.id] = r.revision
			q.saw(r.id, r.revision)
		}
		return err
	}
	if len(tenants) == 0 {
		err := read(` UNION ALL SELECT '', revision FROM installation`)
		delete(found, store.Installation)
		return found, err
	}
	for len(tenants) > 0 {
		n := min(len(tenants), rowsPerInsert)
		args := make([]any, n)
		for i, id := range tenants[:n] {
			args[i] = id
		}
		if err := read(` WHERE id IN `+q.dialect.tuples(1, n), args...); err != nil {
			return nil, err
		}
		tenants = tenants[n:]
	}
	return found, nil
}

// saw notes a revision that was read, unless inside a transaction, which may
// have taken it itself and not be committed.
func (c conn) saw(tenant string, revision int64) {
	if c.tx == nil {
		c.revisions.Saw(tenant, revision)
	}
}
