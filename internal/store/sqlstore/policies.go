package sqlstore

import (
	"context"
	"math"

	"rolegate/internal/store"
)

const policyColumns = `tenant, revision, document, author, reason, created_at, cases, draft, approved_by`

func scanPolicy(row scanner) (p store.PolicyRevision, err error) {
	err = row.Scan(&p.Tenant, &p.Revision, &p.Text, &p.Author, &p.Reason, timeInto(&p.CreatedAt), &p.Cases, &p.Draft, &p.ApprovedBy)
	return p, err
}

func (q queries) InsertPolicy(ctx context.Context, p store.PolicyRevision) error {
	return q.insert(ctx, `INSERT INTO policies (`+policyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		p.Tenant, p.Revision, p.Text, p.Author, p.Reason, micros(p.CreatedAt), p.Cases, p.Draft, p.ApprovedBy)
}

func (q queries) CurrentPolicy(ctx context.Context, tenant string) (store.PolicyRevision, error) {
	return one(ctx, q.conn, scanPolicy, `SELECT `+policyColumns+` FROM policies
		WHERE tenant = $1 ORDER BY revision DESC LIMIT 1`, tenant)
}

func (q queries) Policy(ctx context.Context, tenant string, revision int64) (store.PolicyRevision, error) {
	return one(ctx, q.conn, scanPolicy, `SELECT `+policyColumns+` FROM policies
		WHERE tenant = $1 AND revision = $2`, tenant, revision)
}

func (q queries) ListPolicies(ctx context.Context, tenant string, before int64, limit int) ([]store.PolicyRevision, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return all(ctx, q.conn, scanPolicy, `SELECT tenant, revision, '', author, reason, created_at, '', draft, approved_by FROM policies
		WHERE tenant = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3`, tenant, before, max(limit, 0))
}
