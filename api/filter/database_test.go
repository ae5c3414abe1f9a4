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

// sweep asks every column that holds one value about every hostile value, and all
// shares, so that none is left to chance.
func (tab *table) sweep(t *testing.T) {
	values := map[filter.Type][]any{}
	for _, s := range hostile {
		values[filter.String] = append(values[filter.String], s)
	}
	for _, n := range doubles {
		values[filter.Number] = append(values[filter.Number], n)
	}
	for _, n := range ints {
		values[filter.Number] = append(values[filter.Number], float64(n))
	}
	for _, s := range clocks {
		values[filter.Time] = append(values[filter.Time], s)
	}
	var exprs []filter.Expr
	pairs := 0
	for _, c := range tab.columns {
		if c.share {
			exprs = append(exprs, everyShare(c.field)...)
			continue
		}
		if c.list || c.types[0] == filter.Bool {
			continue
		}
		for i, v := range values[c.types[0]] {
			e := filter.Expr{Field: c.field, Type: c.types[0], Value: v}
			ask := func(op filter.Op, v any, prefix string) {
				e.Op, e.Value, e.Prefix = op, v, prefix
				exprs = append(exprs, e)
			}
			list := []any{v, values[e.Type][(i+1)%len(values[e.Type])]}
			if e.Type == filter.String {
				ask(filter.Equal, v, "")
				ask(filter.In, list, "user:")
				ask(filter.Less, v, "")
				ask(filter.EndsWith, v, "")
				continue
			}
			ask(filter.In, list, "")
			for _, op := range comparisons {
				ask(op, v, "")
			}
		}
	}
	for len(exprs) > 0 {
		n := min(len(exprs), 60)
		pairs += tab.compare(t, t, exprs[:n], false)
		exprs = exprs[n:]
	}
	t.Logf("%s: %d pairs of expression and row", tab.dialect, pairs)
}

// lookUp asks as lists do, in WHERE and over indexes, where a plan may be taken
// that a question of every row never sees.
func (tab *table) lookUp(t *testing.T, index string) {
	queries := 0
	for _, c := range tab.columns {
		if c.list || c.types[0] != filter.String {
			continue
		}
		if c.Type == filter.Text {
			exec(t, tab.db, fmt.Sprintf(index, c.field))
		}
		for i, s := range hostile {
			for _, e := range []filter.Expr{
				{Op: filter.Equal, Field: c.field, Type: filter.String, Value: s},
				{Op: filter.In, Field: c.field, Type: filter.String, Prefix: "user:", Value: []any{s, hostile[(i+7)%len(hostile)], "bob"}},
			} {
				queries++
				tab.lookUpOne(t, e)
			}
		}
	}
	t.Logf("%s: %d queries", tab.dialect, queries)
}

func (tab *table) lookUpOne(t *testing.T, e filter.Expr) {
	t.Helper()
	text, params, err := conditional(e).SQL(tab.dialect, tab.mapping, 1)
	if err != nil {
		t.Fatal(err)
	}
	found, err := tab.db.QueryContext(t.Context(), "SELECT n FROM t WHERE "+text, params...)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer found.Close()
	passed := make([]bool, len(tab.rows))
	for found.Next() {
		var n int
		if err := found.Scan(&n); err != nil {
			t.Fatal(err)
		}
		passed[n] = true
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	for n, r := range tab.rows {
		if want, err := conditional(e).Passes(r.record(tab.columns)); passed[n] != want || err != nil {
			t.Fatalf("%s: row %d passes: %v in SQL, %v in Eval, %v\n%s", show(e), n, passed[n], want, err, text)
		}
	}
}

func everyShare(field string) (exprs []filter.Expr) {
	for _, to := range []string{"user:ann", "team:1", "*", "role:a:b", "user::", "user:b"} {
		for _, action := range []string{"read", "write"} {
			for _, at := range []string{"2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
				exprs = append(exprs, filter.Expr{Op: filter.Shared, Field: field, Share: &filter.Share{To: []string{to}, Action: action, At: at}})
			}
		}
	}
	return exprs
}

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
