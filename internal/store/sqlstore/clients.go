package sqlstore

import (
	"context"

	"rolegate/model"
)

const selectClient = `SELECT id, COALESCE(tenant, ''), tenants, scopes, trust_subject_properties, require_token,
	secret_hash, public_key, disabled, created_at FROM clients`

func scanClient(row scanner) (c model.Client, err error) {
	err = row.Scan(&c.ID, &c.Tenant, jsonInto(&c.Tenants), jsonInto(&c.Scopes), &c.TrustSubjectProperties,
		&c.RequireToken, bytesInto(&c.SecretHash), &c.PublicKey, &c.Disabled, timeInto(&c.CreatedAt))
	return c, err
}

func (q queries) InsertClient(ctx context.Context, c model.Client) error {
	texts, err := jsonTexts(c.Tenants, c.Scopes)
	if err != nil {
		return err
	}
	return q.insert(ctx, `INSERT INTO clients (id, tenant, tenants, scopes, trust_subject_properties, require_token,
			secret_hash, public_key, disabled, created_at)
		VALUES ($1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		c.ID, c.Tenant, texts[0], texts[1], c.TrustSubjectProperties, c.RequireToken,
		bytesOf(c.SecretHash), c.PublicKey, c.Disabled, micros(c.CreatedAt))
}

func (q queries) Client(ctx context.Context, id string) (model.Client, error) {
	return one(ctx, q.conn, scanClient, selectClient+` WHERE id = $1`, id)
}

func (q queries) ListClients(ctx context.Context) ([]model.Client, error) {
	return all(ctx, q.conn, scanClient, selectClient+` ORDER BY id`)
}

func (q queries) SetClientDisabled(ctx context.Context, id string, disabled bool) (bool, error) {
	return q.took(ctx, `UPDATE clients SET disabled = $2 WHERE id = $1`, id, disabled)
}

func (q queries) SetClientSecret(ctx context.Context, id string, hash []byte) (bool, error) {
	return q.took(ctx, `UPDATE clients SET secret_hash = $2, public_key = '' WHERE id = $1`, id, bytesOf(hash))
}

func (q queries) SetClientKey(ctx context.Context, id, publicKey string) (bool, error) {
	return q.took(ctx, `UPDATE clients SET secret_hash = $2, public_key = $3 WHERE id = $1`, id, bytesOf(nil), publicKey)
}
