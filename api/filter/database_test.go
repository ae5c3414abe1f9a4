package filter_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/api/filter"
)

// table is a hostile table in a real database.
type table struct {
	db      *sql.DB
	dialect filter.Dialect
	columns []column
	rows    []row
	mapping map[string]filter.Column
	sides   map[string]*side // by column
}

// side is a side table: the rows that stand for a list.
type side struct {
	ddl  string // its columns but the key
	rows map[string][][]any
}

const tableRows = 160

// fill makes the table and its side tables.
func fill(t testing.TB, db *sql.DB, d filter.Dialect, options string, columns []column, sides map[string]*side) *table {
	t.Helper()
	tab := &table{db: db, dialect: d, columns: columns, rows: rows(columns, tableRows), mapping: map[string]filter.Column{}, sides: sides}
	var ddl []string
	for _, c := range columns {
		tab.mapping[c.field] = c.Column
		if c.Type != filter.Join {
			ddl = append(ddl, strings.TrimPrefix(c.Name, "t.")+" "+c.ddl)
		}
	}
	exec(t, db, "CREATE TABLE t (n bigint PRIMARY KEY, "+strings.Join(ddl, ", ")+") "+options)
	for name, s := range sides {
		exec(t, db, "CREATE TABLE "+name+" (of_n bigint, "+s.ddl+") "+options)
	}
	for n, r := range tab.rows {
		names, places, args := []string{"n"}, []string{tab.place(1, "")}, []any{n}
		for i, c := range columns {
			if c.Type == filter.Join {
				tab.fillSide(t, c, n, r[i].stored.(string))
				continue
			}
			names, args = append(names, strings.TrimPrefix(c.Name, "t.")), append(args, r[i].stored)
			places = append(places, tab.place(len(args), c.put))
		}
		exec(t, db, "INSERT INTO t ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(places, ", ")+")", args...)
	}
	return tab
}

func (tab *table) place(n int, put string) string {
	p := "?"
	if tab.dialect == filter.PostgreSQL {
		p = fmt.Sprint("$", n)
	}
	if put == "" {
		return p
	}
	return strings.Replace(put, "?", p, 1)
}

func (tab *table) fillSide(t testing.TB, c column, n int, key string) {
	t.Helper()
	for _, values := range tab.sides[c.Table].rows[key] {
		places := []string{tab.place(1, "")}
		for i := range values {
			put := ""
			if i == 2 {
				put = c.put
			}
			places = append(places, tab.place(i+2, put))
		}
		exec(t, tab.db, "INSERT INTO "+c.Table+" VALUES ("+strings.Join(places, ", ")+")", append([]any{n}, values...)...)
	}
}

func exec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%.300s: %v\n%.500q", query, err, args)
	}
}

// manyExprs is how many expressions one query asks of every row.
const manyExprs = 12

// agree is the property that the package is about: for every row the SQL of an
// expression is TRUE where Eval says Yes, and that of its negation where it says
// No.
func (tab *table) agree(t *testing.T) {
	g := generator{tab.columns}
	pairs := 0
	rapid.Check(t, func(rt *rapid.T) {
		var exprs []filter.Expr
		for range manyExprs {
			exprs = append(exprs, g.expr(rt, 3))
		}
		viaJSON := rapid.Bool().Draw(rt, "through JSON")
		pairs += tab.compare(t, rt, exprs, viaJSON)
	})
	t.Logf("%s: %d pairs of expression and row", tab.dialect, pairs)
}

type failer interface {
	Fatalf(format string, args ...any)
}

func (tab *table) compare(t testing.TB, f failer, exprs []filter.Expr, viaJSON bool) (pairs int) {
	var selects []string
	var params []any
	for i := range exprs {
		e := &exprs[i]
		for _, e := range []*filter.Expr{e, {Op: filter.Not, Args: []filter.Expr{*e}}} {
			text, p, err := filter.Filter{Kind: filter.Conditional, Expr: e}.SQL(tab.dialect, tab.mapping, len(params)+1)
			if err != nil {
				f.Fatalf("%+v: %v", *e, err)
			}
			if viaJSON {
				p = throughJSON(t, p)
			}
			selects, params = append(selects, "CASE WHEN "+text+" THEN 1 ELSE 0 END"), append(params, p...)
		}
	}
	found, err := tab.db.QueryContext(t.Context(), "SELECT n, "+strings.Join(selects, ", ")+" FROM t ORDER BY n", params...)
	if err != nil {
		f.Fatalf("%v\n%s\n%.3000q", err, strings.Join(selects, "\n"), params)
	}
	defer found.Close()
	seen := 0
	for ; found.Next(); seen++ {
		var n int
		truths := make([]int, len(selects))
		dest := []any{&n}
		for i := range truths {
			dest = append(dest, &truths[i])
		}
		if err := found.Scan(dest...); err != nil {
			f.Fatalf("%v", err)
		}
		for i := range exprs {
			pairs++
			want, err := exprs[i].Eval(tab.rows[n].record(tab.columns))
			if err != nil {
				f.Fatalf("%+v: %v", exprs[i], err)
			}
			got := filter.Unsure
			switch {
			case truths[2*i] == 1 && truths[2*i+1] == 1:
				f.Fatalf("%+v: both it and its negation hold of row %d", exprs[i], n)
			case truths[2*i] == 1:
				got = filter.Yes
			case truths[2*i+1] == 1:
				got = filter.No
			}
			if got != want {
				f.Fatalf("%s of row %d is %v in SQL, %v in Eval\n%s\n%s", show(exprs[i]), n, got, want, tab.fields(exprs[i], n), selects[2*i])
			}
		}
	}
	if err := found.Err(); err != nil || seen != len(tab.rows) {
		f.Fatalf("%d of %d rows: %v\n%s\n%.3000q", seen, len(tab.rows), err, strings.Join(selects, "\n"), params)
	}
	return pairs
}

func show(e filter.Expr) string {
	if len(e.Args) > 0 {
		var parts []string
		for _, a := range e.Args {
			parts = append(parts, show(a))
		}
		return string(e.Op) + "(" + strings.Join(parts, ", ") + ")"
	}
	s := fmt.Sprintf("%s %s %s:%s %q/%q %.200q", e.Field, e.Op, e.Other, e.Type, e.Prefix, e.OtherPrefix, e.Value)
	if e.Share != nil {
		s += fmt.Sprintf(" %q", *e.Share)
	}
	return s
}

// fields shows what the expression asks of a row.
func (tab *table) fields(e filter.Expr, n int) string {
	if len(e.Args) > 0 {
		var parts []string
		for _, a := range e.Args {
			parts = append(parts, tab.fields(a, n))
		}
		return strings.Join(parts, "\n")
	}
	var parts []string
	for i, c := range tab.columns {
		if c.field == e.Field || c.field == e.Other {
			parts = append(parts, fmt.Sprintf("%s: stored %.200q, sent %.200q", c.field, tab.rows[n][i].stored, tab.rows[n][i].sent))
		}
	}
	return strings.Join(parts, "\n")
}
