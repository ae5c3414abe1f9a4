package sqlstore

import (
	"context"

	"rolegate/model"
)

const subjectColumns = `type, id, attributes, teams, unit, manager, territories, accounts, contact`

func scanSubject(row scanner) (s model.Subject, err error) {
	err = row.Scan(&s.Type, &s.ID, jsonInto(&s.Attributes), jsonInto(&s.Teams), &s.Unit, &s.Manager,
		jsonInto(&s.Territories), jsonInto(&s.Accounts), &s.Contact)
	return s, err
}

func (q queries) PutSubject(ctx context.Context, tenant string, s model.Subject) error {
	texts, err := jsonTexts(s.Attributes, s.Teams, s.Territories, s.Accounts)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO subjects (tenant, `+subjectColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (tenant, type, id) DO UPDATE SET attributes = excluded.attributes, teams = excluded.teams,
			unit = excluded.unit, manager = excluded.manager, territories = excluded.territories,
			accounts = excluded.accounts, contact = excluded.contact`,
		tenant, s.Type, s.ID, texts[0], texts[1], s.Unit, s.Manager, texts[2], texts[3], s.Contact)
	return err
}

func (q queries) Subject(ctx context.Context, tenant, typ, id string) (model.Subject, error) {
	return one(ctx, q.conn, scanSubject,
		`SELECT `+subjectColumns+` FROM subjects WHERE tenant = $1 AND type = $2 AND id = $3`, tenant, typ, id)
}

func (q queries) PutTeam(ctx context.Context, tenant string, t model.Team) error {
	_, err := q.exec(ctx, `INSERT INTO teams (tenant, id) VALUES ($1, $2) ON CONFLICT (tenant, id) DO NOTHING`, tenant, t.ID)
	return err
}

func (q queries) PutUnit(ctx context.Context, tenant string, u model.Unit) error {
	heads, err := jsonOf(u.Heads)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO units (tenant, id, parent, heads) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, id) DO UPDATE SET parent = excluded.parent, heads = excluded.heads`,
		tenant, u.ID, u.Parent, heads)
	return err
}

func (q queries) PutTerritory(ctx context.Context, tenant string, t model.Territory) error {
	_, err := q.exec(ctx, `INSERT INTO territories (tenant, id, parent) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, id) DO UPDATE SET parent = excluded.parent`, tenant, t.ID, t.Parent)
	return err
}

func (q queries) PutResource(ctx context.Context, tenant string, r model.Resource) error {
	attributes, err := jsonOf(r.Attributes)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO resources (tenant, type, id, attributes) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, type, id) DO UPDATE SET attributes = excluded.attributes`,
		tenant, r.Type, r.ID, attributes)
	return err
}

func (q queries) Resource(ctx context.Context, tenant, typ, id string) (model.Resource, error) {
	return one(ctx, q.conn, scanResource,
		`SELECT type, id, attributes FROM resources WHERE tenant = $1 AND type = $2 AND id = $3`, tenant, typ, id)
}

func (q queries) Resources(ctx context.Context, tenant, typ, after string, limit int) ([]model.Resource, error) {
	return all(ctx, q.conn, scanResource,
		`SELECT type, id, attributes FROM resources WHERE tenant = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT $4`,
		tenant, typ, after, max(limit, 0))
}

func scanResource(row scanner) (r model.Resource, err error) {
	err = row.Scan(&r.Type, &r.ID, jsonInto(&r.Attributes))
	return r, err
}

func (q queries) LoadDirectory(ctx context.Context, tenant string) (d model.Directory, err error) {
	err = q.snapshot(ctx, func(c conn) (err error) {
		load(ctx, c, &err, &d.Subjects, scanSubject,
			`SELECT `+subjectColumns+` FROM subjects WHERE tenant = $1 ORDER BY type, id`, tenant)
		load(ctx, c, &err, &d.Teams, scanTeam, `SELECT id FROM teams WHERE tenant = $1 ORDER BY id`, tenant)
		load(ctx, c, &err, &d.Units, scanUnit, `SELECT id, parent, heads FROM units WHERE tenant = $1 ORDER BY id`, tenant)
		load(ctx, c, &err, &d.Territories, scanTerritory, `SELECT id, parent FROM territories WHERE tenant = $1 ORDER BY id`, tenant)
		load(ctx, c, &err, &d.Roles, scanRole, `SELECT id, require_mfa FROM roles WHERE tenant = $1 ORDER BY id`, tenant)
		load(ctx, c, &err, &d.Assignments, scanAssignment,
			`SELECT `+assignmentColumns+` FROM assignments WHERE tenant = $1 ORDER BY member, role`, tenant)
		load(ctx, c, &err, &d.Disabled, scanValue[string], `SELECT id FROM users WHERE tenant = $1 AND disabled ORDER BY id`, tenant)
		load(ctx, c, &err, &d.ResourceTypes, scanValue[string], resourceTypes, tenant)
		return err
	})
	if err != nil {
		return model.Directory{}, err
	}
	return d, nil
}

// resourceTypes leaps from type to type along the primary key; DISTINCT would
// read every record there is.
const resourceTypes = `WITH RECURSIVE types (type) AS (
		SELECT (SELECT type FROM resources WHERE tenant = $1 ORDER BY type LIMIT 1)
	UNION ALL
		SELECT (SELECT r.type FROM resources r WHERE r.tenant = $1 AND r.type > types.type ORDER BY r.type LIMIT 1)
		FROM types WHERE types.type IS NOT NULL
	) SELECT type FROM types WHERE type IS NOT NULL ORDER BY type`

// load lists what a query finds into a field, unless something failed before.
func load[T any](ctx context.Context, c conn, err *error, to *[]T, read scan[T], query string, args ...any) {
	if *err == nil {
		*to, *err = all(ctx, c, read, query, args...)
	}
}

func scanTeam(row scanner) (t model.Team, err error) {
	err = row.Scan(&t.ID)
	return t, err
}

func scanUnit(row scanner) (u model.Unit, err error) {
	err = row.Scan(&u.ID, &u.Parent, jsonInto(&u.Heads))
	return u, err
}

func scanTerritory(row scanner) (t model.Territory, err error) {
	err = row.Scan(&t.ID, &t.Parent)
	return t, err
}
