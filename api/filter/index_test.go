package filter_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"rolegate/api/filter"
	"rolegate/internal/testkit/mariatest"
)

// deals is a table as CRMs have them, with an index on what lists are filtered by.
type deals struct {
	db      *sql.DB
	dialect filter.Dialect
	mapping map[string]filter.Column
	explain string         // before a query
	found   *regexp.Regexp // in a plan that looks rows up
}

func (d deals) plan(t *testing.T, query string, params []any) string {
	t.Helper()
	found, err := d.db.QueryContext(t.Context(), d.explain+query, params...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer found.Close()
	names, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for found.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			fmt.Fprint(&plan, v.(*sql.NullString).String, " ")
		}
		plan.WriteString("\n")
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// TestIndexes holds that what lists are mostly filtered by is looked up, and not
// looked for in every row.
func TestIndexes(t *testing.T) {
	owners := []any{}
	for i := range 50 {
		owners = append(owners, fmt.Sprint("u", i*1000))
	}
	ids := []any{"17", "18", "x", "9007199254740993"}
	known := func(e filter.Expr) filter.Expr { return filter.Expr{Op: filter.Known, Args: []filter.Expr{e}} }
	exprs := map[string]filter.Expr{
		"owner":        {Op: filter.Equal, Field: "owner", Type: filter.String, Value: "u17"},
		"owner, known": known(filter.Expr{Op: filter.Equal, Field: "owner", Type: filter.String, Value: "u17"}),
		"owners":       known(filter.Expr{Op: filter.In, Field: "owner", Type: filter.String, Value: owners}),
		"bare owner":   {Op: filter.Equal, Field: "owner", Type: filter.String, Prefix: "user:", Value: "u17"},
		"id":           {Op: filter.Equal, Field: "account", Type: filter.String, Value: "17"},
		"ids":          {Op: filter.In, Field: "account", Type: filter.String, Value: ids},
		"uuid":         {Op: filter.Equal, Field: "unit", Type: filter.String, Value: uuids[0]},
		"uuids":        {Op: filter.In, Field: "unit", Type: filter.String, Value: []any{uuids[0], uuids[2]}},
		"time":         {Op: filter.Greater, Field: "closed", Type: filter.Time, Value: "2026-01-01T00:00:00.0000001Z"},
		"number":       {Op: filter.LessOrEqual, Field: "account", Type: filter.Number, Value: 5.5},
		"teams":        {Op: filter.Any, Field: "teams", Type: filter.String, Prefix: "team:", Value: []any{"t17", "t18"}},
		"both": {Op: filter.And, Args: []filter.Expr{
			known(filter.Expr{Op: filter.In, Field: "owner", Type: filter.String, Value: owners}),
			{Op: filter.Not, Args: []filter.Expr{known(filter.Expr{Op: filter.Equal, Field: "unit", Type: filter.String, Value: uuids[1]})}},
		}},
	}

	mapping := map[string]filter.Column{
		"owner":   {Name: "owner", Type: filter.Text},
		"account": {Name: "deals.account", Type: filter.Int},
		"unit":    {Name: "unit", Type: filter.UUID},
		"closed":  {Name: "closed", Type: filter.UnixMicro},
	}
	with := func(field string, c filter.Column) map[string]filter.Column {
		m := map[string]filter.Column{}
		for k, v := range mapping {
			m[k] = v
		}
		m[field] = c
		return m
	}

	for _, c := range []struct {
		name string
		open func(testing.TB) deals
	}{
		{"sqlite", func(t testing.TB) deals {
			db := openSQLite(t)
			exec(t, db, "CREATE TABLE deals (id integer PRIMARY KEY, owner text, account integer, unit blob, closed integer)")
			exec(t, db, "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) INSERT INTO deals SELECT n, 'u' || n, n, randomblob(16), 1700000000000000 + n FROM s")
			return deals{db: db, dialect: filter.SQLite, mapping: mapping, explain: "EXPLAIN QUERY PLAN ",
				found: regexp.MustCompile("SEARCH deals USING INDEX")}
		}},
		{"postgres", func(t testing.TB) deals {
			db := openPostgreSQL(t)
			exec(t, db, "CREATE TABLE deals (id bigint PRIMARY KEY, owner text, account bigint, unit uuid, closed timestamptz, teams text[])")
			exec(t, db, "INSERT INTO deals SELECT n, 'u' || n, n, gen_random_uuid(), timestamptz '2020-01-01 00:00:00Z' + n * interval '1 minute', ARRAY['t' || n, 't' || n % 1000] FROM generate_series(1, 20000) n")
			exec(t, db, "CREATE INDEX deals_teams ON deals USING gin (teams)")
			m := with("closed", filter.Column{Name: "closed", Type: filter.Timestamp})
			m["teams"] = filter.Column{Name: "teams", Type: filter.Array, Elem: filter.Text}
			return deals{db: db, dialect: filter.PostgreSQL, mapping: m, explain: "EXPLAIN ",
				found: regexp.MustCompile("Index Cond")}
		}},
		{"mariadb", func(t testing.TB) deals {
			db := mariatest.Open(t)
			exec(t, db, "CREATE TABLE deals (id bigint PRIMARY KEY, owner varchar(100), account bigint, unit binary(16), closed datetime(6)) COLLATE utf8mb4_general_ci")
			exec(t, db, "INSERT INTO deals SELECT seq, CONCAT('u', seq), seq, RANDOM_BYTES(16), TIMESTAMPADD(MINUTE, seq, '2020-01-01') FROM seq_1_to_20000")
			m := with("closed", filter.Column{Name: "closed", Type: filter.TimestampUTC})
			m["owner"] = filter.Column{Name: "owner", Type: filter.Text, Collation: "utf8mb4_general_ci"}
			return deals{db: db, dialect: filter.MySQL, mapping: m, explain: "EXPLAIN ",
				found: regexp.MustCompile("(?m) deals (ref|eq_ref|range|const) ")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.open(t)
			for _, column := range []string{"owner", "account", "unit", "closed"} {
				exec(t, d.db, "CREATE INDEX deals_"+column+" ON deals ("+column+")")
			}
			exec(t, d.db, map[string]string{"sqlite": "ANALYZE", "postgres": "ANALYZE deals", "mariadb": "ANALYZE TABLE deals"}[c.name])
			for name, e := range exprs {
				if _, has := d.mapping[e.Field]; !has && e.Field != "" {
					continue // only PostgreSQL has arrays
				}
				text, params, err := filter.Filter{Kind: filter.Conditional, Expr: &e}.SQL(d.dialect, d.mapping, 1)
				if err != nil {
					t.Fatal(err)
				}
				if plan := d.plan(t, "SELECT * FROM deals WHERE "+text, params); !d.found.MatchString(plan) {
					t.Errorf("%s: no index is used\n%s\n%s", name, text, plan)
				}
			}
		})
	}
}
