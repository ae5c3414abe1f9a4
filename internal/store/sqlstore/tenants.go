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
	return q.insert(ctx, `INSERT INTO tenants (`+tenantColumns+`, changes_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7) ON CONFLICT DO NOTHING`,
		t.ID, bytesOf(t.Ref), string(t.MFA), t.StrictFields, t.Disabled, t.Catalog,
		t.Revision, t.SnapshotRevision, micros(t.CreatedAt))
}

func (q queries) Tenant(ctx context.Context, id string) (model.Tenant, error) {
	t, err := one(ctx, q.conn, scanTenant, `SELECT `+tenantColumns+` FROM tenants WHERE id = $1`, id)
	if err == nil {
		q.saw(id, t.Revision)
	}
	return t, err
}

func (q queries) TenantHead(ctx context.Context, id string) (model.Tenant, error) {
	t, err := one(ctx, q.conn, scanTenant, `SELECT id, ref, mfa, strict_fields, disabled, '', revision, snapshot_revision, created_at
		FROM tenants WHERE id = $1`, id)
	if err == nil {
		q.saw(id, t.Revision)
	}
	return t, err
}

func (q queries) ListTenants(ctx context.Context) ([]model.Tenant, error) {
	list, err := all(ctx, q.conn, scanTenant, `SELECT `+tenantColumns+` FROM tenants ORDER BY id`)
	for _, t := range list {
		q.saw(t.ID, t.Revision)
	}
	return list, err
}

func (q queries) UpdateTenant(ctx context.Context, t model.Tenant) error {
	return q.must(ctx, `UPDATE tenants
		SET mfa = $2, strict_fields = $3, disabled = $4, catalog = $5 WHERE id = $1`,
		t.ID, string(t.MFA), t.StrictFields, t.Disabled, t.Catalog)
}
