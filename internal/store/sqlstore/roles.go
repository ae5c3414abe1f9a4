package sqlstore

import (
	"context"

	"rolegate/model"
)

func scanRole(row scanner) (r model.Role, err error) {
	err = row.Scan(&r.ID, &r.RequireMFA)
	return r, err
}

func (q queries) PutRole(ctx context.Context, tenant string, r model.Role) error {
	_, err := q.exec(ctx, `INSERT INTO roles (tenant, id, require_mfa) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, id) DO UPDATE SET require_mfa = excluded.require_mfa`, tenant, r.ID, r.RequireMFA)
	return err
}

func (q queries) Role(ctx context.Context, tenant, id string) (model.Role, error) {
	return one(ctx, q.conn, scanRole, `SELECT id, require_mfa FROM roles WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) DeleteRole(ctx context.Context, tenant, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM roles WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) EnsureRole(ctx context.Context, tenant string, id string) error {
	_, err := q.exec(ctx, `INSERT INTO roles (tenant, id, require_mfa) VALUES ($1, $2, FALSE)
		ON CONFLICT (tenant, id) DO NOTHING`, tenant, id)
	return err
}

func (q queries) PutAssignment(ctx context.Context, tenant string, a model.Assignment) error {
	_, err := q.exec(ctx, `INSERT INTO assignments (tenant, member, role, from_time, until_time) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, member, role) DO UPDATE SET from_time = excluded.from_time, until_time = excluded.until_time`,
		tenant, a.Member, a.Role, micros(a.From), micros(a.Until))
	return err
}

func (q queries) DeleteAssignment(ctx context.Context, tenant, member, role string) (bool, error) {
	return q.took(ctx, `DELETE FROM assignments WHERE tenant = $1 AND member = $2 AND role = $3`, tenant, member, role)
}

func (q queries) Assignments(ctx context.Context, tenant, member, role string) ([]model.Assignment, error) {
	where, args := `tenant = $1`, []any{tenant}
	switch {
	case member != "" && role != "":
		where, args = where+` AND member = $2 AND role = $3`, append(args, member, role)
	case member != "":
		where, args = where+` AND member = $2`, append(args, member)
	case role != "":
		where, args = where+` AND role = $2`, append(args, role)
	}
	return all(ctx, q.conn, scanAssignment,
		`SELECT `+assignmentColumns+` FROM assignments WHERE `+where+` ORDER BY member, role`, args...)
}

const assignmentColumns = `member, role, from_time, until_time`

func scanAssignment(row scanner) (a model.Assignment, err error) {
	err = row.Scan(&a.Member, &a.Role, timeInto(&a.From), timeInto(&a.Until))
	return a, err
}
