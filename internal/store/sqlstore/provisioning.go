package sqlstore

import (
	"context"
	"fmt"

	"rolegate/internal/store"
	"rolegate/model"
)

func (q queries) Team(ctx context.Context, tenant, id string) (model.Team, error) {
	return one(ctx, q.conn, scanTeam, `SELECT id FROM teams WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) Unit(ctx context.Context, tenant, id string) (model.Unit, error) {
	return one(ctx, q.conn, scanUnit, `SELECT id, parent, heads FROM units WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) Territory(ctx context.Context, tenant, id string) (model.Territory, error) {
	return one(ctx, q.conn, scanTerritory, `SELECT id, parent FROM territories WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) DeleteSubject(ctx context.Context, tenant, typ, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM subjects WHERE tenant = $1 AND type = $2 AND id = $3`, tenant, typ, id)
}

func (q queries) DeleteTeam(ctx context.Context, tenant, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM teams WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) DeleteUnit(ctx context.Context, tenant, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM units WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) DeleteTerritory(ctx context.Context, tenant, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM territories WHERE tenant = $1 AND id = $2`, tenant, id)
}

func (q queries) DeleteResource(ctx context.Context, tenant, typ, id string) (bool, error) {
	return q.took(ctx, `DELETE FROM resources WHERE tenant = $1 AND type = $2 AND id = $3`, tenant, typ, id)
}

func (q queries) DeleteAssignments(ctx context.Context, tenant, member string) (int, error) {
	n, err := q.exec(ctx, `DELETE FROM assignments WHERE tenant = $1 AND member = $2`, tenant, member)
	return int(n), err
}

func (q queries) PageSubjects(ctx context.Context, tenant, typ string, after store.Key, limit int) ([]model.Subject, error) {
	return pageOf(ctx, q.conn, scanSubject, subjectColumns, `subjects`, "type", "id", tenant, store.Key{typ}, after, limit)
}

func (q queries) PageResources(ctx context.Context, tenant, typ string, after store.Key, limit int) ([]model.Resource, error) {
	return pageOf(ctx, q.conn, scanResource, `type, id, attributes`, `resources`, "type", "id", tenant, store.Key{typ}, after, limit)
}

func (q queries) PageAssignments(ctx context.Context, tenant, member, role string, after store.Key, limit int) ([]model.Assignment, error) {
	return pageOf(ctx, q.conn, scanAssignment, assignmentColumns, `assignments`, "member", "role", tenant, store.Key{member, role}, after, limit)
}

func (q queries) PageTeams(ctx context.Context, tenant string, after store.Key, limit int) ([]model.Team, error) {
	return pageByID(ctx, q.conn, scanTeam, `id`, `teams`, tenant, after, limit)
}

func (q queries) PageUnits(ctx context.Context, tenant string, after store.Key, limit int) ([]model.Unit, error) {
	return pageByID(ctx, q.conn, scanUnit, `id, parent, heads`, `units`, tenant, after, limit)
}

func (q queries) PageTerritories(ctx context.Context, tenant string, after store.Key, limit int) ([]model.Territory, error) {
	return pageByID(ctx, q.conn, scanTerritory, `id, parent`, `territories`, tenant, after, limit)
}

func (q queries) PageRoles(ctx context.Context, tenant string, after store.Key, limit int) ([]model.Role, error) {
	return pageByID(ctx, q.conn, scanRole, `id, require_mfa`, `roles`, tenant, after, limit)
}

// pageOf pages through a table whose key has two parts; of is what they have to be.
func pageOf[T any](ctx context.Context, c conn, read scan[T], columns, table, first, second, tenant string, of, after store.Key, limit int) ([]T, error) {
	where, args := fmt.Sprintf(`tenant = $1 AND (%s, %s) > ($2, $3)`, first, second), []any{tenant, after[0], after[1], max(limit, 0)}
	for i, column := range []string{first, second} {
		if of[i] != "" {
			args = append(args, of[i])
			where += fmt.Sprintf(` AND %s = $%d`, column, len(args))
		}
	}
	return all(ctx, c, read, fmt.Sprintf(`SELECT %s FROM %s WHERE %s ORDER BY %s, %s LIMIT $4`, columns, table, where, first, second), args...)
}

// pageByID pages through a table whose key is an id.
func pageByID[T any](ctx context.Context, c conn, read scan[T], columns, table, tenant string, after store.Key, limit int) ([]T, error) {
	return all(ctx, c, read, fmt.Sprintf(`SELECT %s FROM %s WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, columns, table),
		tenant, after[0], max(limit, 0))
}
