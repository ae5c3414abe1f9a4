package sqlstore

import (
	"context"

	"rolegate/internal/store"
)

func scanPolicy(row scanner) (p store.PolicyRevision, err error) {
	err = row.Scan(&p.Tenant, &p.Revision, &p.Text, &p.Author, &p.Reason, timeInto(&p.CreatedAt))
	return p, err
}

func (q queries) InsertPolicy(ctx context.Context, p store.PolicyRevision) error {
	return q.insert(ctx, `INSERT INTO policies (tenant, revision, document, author, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		p.Tenant, p.Revision, p.Text, p.Author, p.Reason, micros(p.CreatedAt))
}

func (q queries) CurrentPolicy(ctx context.Context, tenant string) (store.PolicyRevision, error) {
	return one(ctx, q.conn, scanPolicy, `SELECT tenant, revision, document, author, reason, created_at FROM policies
		WHERE tenant = $1 ORDER BY revision DESC LIMIT 1`, tenant)
}

func (q queries) ListPolicies(ctx context.Context, tenant string, limit int) ([]store.PolicyRevision, error) {
	return all(ctx, q.conn, scanPolicy, `SELECT tenant, revision, '', author, reason, created_at FROM policies
		WHERE tenant = $1 ORDER BY revision DESC LIMIT $2`, tenant, max(limit, 0))
}
