package sqlstore

import (
	"context"

	"rolegate/model"
)

const tenantColumns = `id, ref, mfa, strict_fields, disabled, catalog, revision, snapshot_revision, created_at`

func scanTenant(row scanner) (t model.Tenant, err error) {
	err = row.Scan(&t.ID, bytesInto(&t.Ref), &t.MFA, &t.StrictFields, &t.Disabled, &t.Catalog,
		&t.Revision, &t.SnapshotRevision, timeInto(&t.CreatedAt))
	return t, err
}

func (q queries) InsertTenant(ctx context.Context, t model.Tenant) error {
	return q.insert(ctx, `INSERT INTO tenants (`+tenantColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		t.ID, bytesOf(t.Ref), string(t.MFA), t.StrictFields, t.Disabled, t.Catalog,
		t.Revision, t.SnapshotRevision, micros(t.CreatedAt))
}

func (q queries) Tenant(ctx context.Context, id string) (model.Tenant, error) {
	return one(ctx, q.conn, scanTenant, `SELECT `+tenantColumns+` FROM tenants WHERE id = $1`, id)
}

func (q queries) ListTenants(ctx context.Context) ([]model.Tenant, error) {
	return all(ctx, q.conn, scanTenant, `SELECT `+tenantColumns+` FROM tenants ORDER BY id`)
}

func (q queries) UpdateTenant(ctx context.Context, t model.Tenant) error {
	return q.must(ctx, `UPDATE tenants
		SET mfa = $2, strict_fields = $3, disabled = $4, catalog = $5 WHERE id = $1`,
		t.ID, string(t.MFA), t.StrictFields, t.Disabled, t.Catalog)
}

func (q queries) Bump(ctx context.Context, tenant string, snapshot bool) (int64, error) {
	if snapshot {
		return returned[int64](ctx, q.conn, `UPDATE tenants
			SET revision = revision + 1, snapshot_revision = revision + 1 WHERE id = $1 RETURNING revision`, tenant)
	}
	return returned[int64](ctx, q.conn, `UPDATE tenants
		SET revision = revision + 1 WHERE id = $1 RETURNING revision`, tenant)
}
