package sqlstore

import (
	"context"

	"rolegate/internal/store"
)

const draftColumns = `id, tenant, title, state, base, version, document, cases, author, created_at, edited_by, edited_at, editors,
	submitted_by, submitted_at, digest, alone_from, decided_by, decided_at, comment, published, published_at`

func scanDraft(row scanner) (d store.Draft, err error) {
	err = row.Scan(&d.ID, &d.Tenant, &d.Title, &d.State, &d.Base, &d.Version, &d.Document, &d.Cases, &d.Author, timeInto(&d.CreatedAt),
		&d.EditedBy, timeInto(&d.EditedAt), jsonInto(&d.Editors), &d.SubmittedBy, timeInto(&d.SubmittedAt), &d.Digest, timeInto(&d.AloneFrom),
		&d.DecidedBy, timeInto(&d.DecidedAt), &d.Comment, &d.Published, timeInto(&d.PublishedAt))
	return d, err
}

// draftValues are those of draftColumns.
func draftValues(d store.Draft) ([]any, error) {
	editors, err := jsonOf(d.Editors)
	return []any{d.ID, d.Tenant, d.Title, string(d.State), d.Base, d.Version, d.Document, d.Cases, d.Author, micros(d.CreatedAt),
		d.EditedBy, micros(d.EditedAt), editors, d.SubmittedBy, micros(d.SubmittedAt), d.Digest, micros(d.AloneFrom),
		d.DecidedBy, micros(d.DecidedAt), d.Comment, d.Published, micros(d.PublishedAt)}, err
}

func (q queries) InsertDraft(ctx context.Context, d store.Draft) error {
	values, err := draftValues(d)
	if err != nil {
		return err
	}
	return q.insert(ctx, `INSERT INTO drafts (`+draftColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING`, values...)
}

func (q queries) Draft(ctx context.Context, tenant, id string) (store.Draft, error) {
	return one(ctx, q.conn, scanDraft, `SELECT `+draftColumns+` FROM drafts WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) ListDrafts(ctx context.Context, tenant string, limit int) ([]store.Draft, error) {
	return all(ctx, q.conn, scanDraft, `SELECT id, tenant, title, state, base, version, '', '', author, created_at, edited_by, edited_at, editors,
		submitted_by, submitted_at, digest, alone_from, decided_by, decided_at, comment, published, published_at FROM drafts
		WHERE tenant = $1 ORDER BY CASE WHEN state IN ('draft', 'submitted', 'approved') THEN 0 ELSE 1 END, edited_at DESC, id LIMIT $2`,
		tenant, max(limit, 0))
}

func (q queries) UpdateDraft(ctx context.Context, d store.Draft) (bool, error) {
	values, err := draftValues(d)
	if err != nil {
		return false, err
	}
	// The author and the time the draft was made at stay: they are not in the list.
	values = append(values[:8:8], values[10:]...)
	return q.took(ctx, `UPDATE drafts SET title = $3, state = $4, base = $5, version = $6, document = $7, cases = $8,
		edited_by = $9, edited_at = $10, editors = $11, submitted_by = $12, submitted_at = $13, digest = $14, alone_from = $15,
		decided_by = $16, decided_at = $17, comment = $18, published = $19, published_at = $20
		WHERE id = $1 AND tenant = $2 AND version = $6 - 1`, values...)
}
