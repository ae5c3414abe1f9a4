package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"rolegate/internal/store"
)

// tenantRevision is a row of a tenant and a revision.
type tenantRevision struct {
	tenant   string
	revision int64
}

func scanTenantRevision(row scanner) (r tenantRevision, err error) {
	err = row.Scan(&r.tenant, &r.revision)
	return r, err
}

func (q queries) NoteApplied(ctx context.Context, process string, revisions map[string]int64) error {
	said, err := all(ctx, q.conn, scanTenantRevision, `SELECT tenant, revision FROM applied_policies WHERE process = $1`, process)
	if err != nil {
		return err
	}
	differ := maps.Clone(revisions)
	for _, r := range said {
		if now, still := revisions[r.tenant]; still && now == r.revision {
			delete(differ, r.tenant)
		} else if !still {
			if _, err := q.exec(ctx, `DELETE FROM applied_policies WHERE process = $1 AND tenant = $2`, process, r.tenant); err != nil {
				return err
			}
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(differ)) {
		if err := q.insert(ctx, `INSERT INTO applied_policies (process, tenant, revision) VALUES ($1, $2, $3)
			ON CONFLICT (process, tenant) DO UPDATE SET revision = excluded.revision`, process, tenant, differ[tenant]); err != nil {
			return err
		}
	}
	return nil
}

func (q queries) AppliedPolicies(ctx context.Context, tenant string, since time.Time, limit int) ([]store.AppliedPolicy, error) {
	return all(ctx, q.conn, func(row scanner) (p store.AppliedPolicy, err error) {
		var revision int64
		err = row.Scan(&p.Process, &p.Host, timeInto(&p.SeenAt), &revision)
		p.InMemory, p.Revision = revision >= 0, max(revision, 0)
		return p, err
	}, `SELECT h.process, h.host, h.seen_at, COALESCE(a.revision, -1) FROM key_holders h
		LEFT JOIN applied_policies a ON a.process = h.process AND a.tenant = $1
		WHERE h.seen_at >= $2 ORDER BY h.host, h.process LIMIT $3`, tenant, micros(since), max(limit, 0))
}

func (q queries) PolicyRevisions(ctx context.Context, tenants ...string) (map[string]int64, error) {
	found := make(map[string]int64, len(tenants))
	for some := range slices.Chunk(tenants, rowsPerInsert) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		rows, err := all(ctx, q.conn, scanTenantRevision, `SELECT tenant, MAX(revision) FROM policies
			WHERE tenant IN `+q.dialect.tuples(1, len(some))+` GROUP BY tenant`, args...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[r.tenant] = r.revision
		}
	}
	return found, nil
}
