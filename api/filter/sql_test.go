package filter_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
)

func conditional(e filter.Expr) filter.Filter {
	return filter.Filter{Kind: filter.Conditional, Expr: &e}
}

var dialects = []filter.Dialect{filter.SQLite, filter.PostgreSQL, filter.MySQL}

func TestSQLOfKinds(t *testing.T) {
	for _, d := range dialects {
		for kind, want := range map[filter.Kind]string{filter.Never: "FALSE", filter.Always: "TRUE"} {
			text, params, err := filter.Filter{Kind: kind}.SQL(d, nil, 1)
			if text != want || params == nil || len(params) > 0 || err != nil {
				t.Errorf("%s: %s is %q, %v, %v", d, kind, text, params, err)
			}
		}
		for _, f := range []filter.Filter{{}, {Kind: "some"}, {Kind: filter.Conditional}} {
			if text, _, err := f.SQL(d, nil, 1); text != "" || err == nil {
				t.Errorf("%s: %+v is %q, %v", d, f, text, err)
			}
		}
	}
	always := filter.Filter{Kind: filter.Always}
	for _, d := range []filter.Dialect{"", "oracle", "SQLite"} {
		if text, _, err := always.SQL(d, nil, 1); text != "" || err == nil {
			t.Errorf("dialect %q: %q, %v", d, text, err)
		}
	}
	if text, _, err := always.SQL(filter.PostgreSQL, nil, 0); text != "" || err == nil {
		t.Errorf("placeholders from 0: %q, %v", text, err)
	}
}

// Placeholders go on where the caller's own end, and a value has one.
func TestPlaceholders(t *testing.T) {
	e := parse(t, `{"op":"or","args":[
		{"op":"eq","field":"owner","type":"string","value":"bob"},
		{"op":"in","field":"owner","type":"string","value":["a","b"]}]}`)
	columns := map[string]filter.Column{"owner": {Name: "deals.owner", Type: filter.Text}}
	for d, want := range map[filter.Dialect]struct {
		text   string
		params []any
	}{
		filter.SQLite: {"(((`deals`.`owner` COLLATE BINARY = ?) AND (typeof(`deals`.`owner`) = 'text')) OR ((`deals`.`owner` COLLATE BINARY IN (SELECT value FROM json_each(?))) AND (typeof(`deals`.`owner`) = 'text')))",
			[]any{"bob", `["a","b"]`}},
		filter.PostgreSQL: {`(("deals"."owner" = CAST($4 AS text) AND ((CAST("deals"."owner" AS text) COLLATE "C") = CAST($4 AS text))) OR ("deals"."owner" = ANY(CAST($5 AS text[])) AND ((CAST("deals"."owner" AS text) COLLATE "C") = ANY(CAST($5 AS text[])))))`,
			[]any{"bob", []string{"a", "b"}}},
		filter.MySQL: {"((`deals`.`owner` = ? AND (CAST(CONVERT(`deals`.`owner` USING utf8mb4) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY))) OR (CAST(CONVERT(`deals`.`owner` USING utf8mb4) AS BINARY) IN (SELECT CAST(rolegate_v AS BINARY) FROM JSON_TABLE(?, '$[*]' COLUMNS(rolegate_v VARCHAR(1) CHARACTER SET utf8mb4 PATH '$')) rolegate_1)))",
			[]any{"bob", "bob", `["a","b"]`}},
	} {
		text, params, err := conditional(e).SQL(d, columns, 4)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.text, text); diff != "" {
			t.Errorf("%s: %s", d, diff)
		}
		if diff := cmp.Diff(want.params, params); diff != "" {
			t.Errorf("%s: %s", d, diff)
		}
	}
}

// No value is in the text, whatever it is: only in the parameters.
func TestValuesAreParameters(t *testing.T) {
	const secret = "zq'; DROP TABLE x; --\"`\\%"
	for _, d := range dialects {
		for field, c := range everyColumn(d) {
			for _, e := range everyLeaf(field, secret, 918273645.5, "2031-07-08T09:10:11.121314Z") {
				text, _, err := conditional(e).SQL(d, map[string]filter.Column{field: c}, 1)
				if err != nil {
					continue
				}
				for _, piece := range []string{"zq", "DROP", "918273645", "2031", "1941268211"} { // the last is the time in seconds
					if strings.Contains(text, piece) {
						t.Errorf("%s: %s %s has the value in its text: %s", d, e.Op, field, text)
					}
				}
			}
		}
	}
}

// everyColumn has a column of each type the dialect has.
func everyColumn(d filter.Dialect) map[string]filter.Column {
	columns := map[string]filter.Column{
		"text":   {Name: "t.a", Type: filter.Text},
		"int":    {Name: "t.b", Type: filter.Int},
		"float":  {Name: "t.c", Type: filter.Float},
		"dec":    {Name: "t.d", Type: filter.Decimal},
		"uuid":   {Name: "t.e", Type: filter.UUID},
		"bool":   {Name: "t.f", Type: filter.Boolean},
		"unix":   {Name: "t.g", Type: filter.Unix},
		"milli":  {Name: "t.h", Type: filter.UnixMilli},
		"micro":  {Name: "t.i", Type: filter.UnixMicro},
		"json":   {Name: "t.j", Type: filter.JSON},
		"join":   {Name: "t.k", Type: filter.Join, Table: "s", Key: "k", Value: "v", Elem: filter.Text},
		"shares": {Name: "t.l", Type: filter.Join, Table: "s", Key: "k", Value: "v", Action: "a", Until: "u", UntilType: filter.UnixMicro},
	}
	if d == filter.PostgreSQL {
		columns["array"] = filter.Column{Name: "t.m", Type: filter.Array, Elem: filter.Text}
		columns["stamp"] = filter.Column{Name: "t.n", Type: filter.Timestamp}
	}
	if d != filter.SQLite {
		columns["utc"] = filter.Column{Name: "t.o", Type: filter.TimestampUTC}
	}
	return columns
}

// everyLeaf asks a field everything there is to ask.
func everyLeaf(field, s string, n float64, at string) (leaves []filter.Expr) {
	values := map[filter.Type]any{filter.String: s, filter.Number: n, filter.Bool: true, filter.Time: at}
	for typ, v := range values {
		for _, op := range comparisons {
			leaves = append(leaves, filter.Expr{Op: op, Field: field, Type: typ, Value: v})
		}
		for _, op := range []filter.Op{filter.In, filter.Any, filter.All} {
			leaves = append(leaves, filter.Expr{Op: op, Field: field, Type: typ, Value: []any{v, v}})
		}
		leaves = append(leaves, filter.Expr{Op: filter.Has, Field: field, Type: typ, Value: v},
			filter.Expr{Op: filter.Present, Field: field, Type: typ})
	}
	for _, op := range tests {
		leaves = append(leaves, filter.Expr{Op: op, Field: field, Type: filter.String, Prefix: "p" + s, Value: s})
	}
	return append(leaves, filter.Expr{Op: filter.Present, Field: field},
		filter.Expr{Op: filter.Shared, Field: field, Share: &filter.Share{To: []string{s, "*"}, Action: s, At: at}})
}

// What a column can be asked: anything else is refused, naming field and op.
func TestColumnsAnswerOnlyTheirTypes(t *testing.T) {
	answers := map[filter.ColumnType][]filter.Type{
		filter.Text: {filter.String, filter.Time}, filter.Int: {filter.String, filter.Number}, filter.Float: {filter.Number}, filter.Decimal: {filter.Number},
		filter.UUID: {filter.String}, filter.Boolean: {filter.Bool}, filter.Unix: {filter.Time}, filter.UnixMilli: {filter.Time}, filter.UnixMicro: {filter.Time},
		filter.Timestamp: {filter.Time}, filter.TimestampUTC: {filter.Time},
	}
	lists := map[string][]filter.Type{"json": scalarTypes, "join": answers[filter.Text], "array": answers[filter.Text]}
	for _, d := range dialects {
		for field, c := range everyColumn(d) {
			for _, e := range everyLeaf(field, "a", 1, "2026-01-01T00:00:00Z") {
				if e.Validate() != nil {
					continue
				}
				var want bool
				switch {
				case e.Op == filter.Present && e.Type == filter.AnyType:
					want = true
				case e.Op == filter.Shared:
					want = field == "json" || field == "shares"
				case slices.Contains(quantifiers, e.Op):
					want = slices.Contains(lists[field], e.Type)
				default:
					want = slices.Contains(answers[c.Type], e.Type)
				}
				text, params, err := conditional(e).SQL(d, map[string]filter.Column{field: c}, 1)
				if want {
					if err != nil {
						t.Errorf("%s: %s of a %s column: %v", d, e.Op, c.Type, err)
					}
					continue
				}
				var refused *filter.ColumnError
				if !errors.As(err, &refused) || refused.Field != field || refused.Op != e.Op || text != "" || params != nil {
					t.Errorf("%s: %s as %q of a %s column (%s) is %q, %v", d, e.Op, e.Type, c.Type, field, text, err)
				}
			}
		}
	}
}

var scalarTypes = []filter.Type{filter.String, filter.Number, filter.Bool, filter.Time}

// What is wrong deep inside is wrong for the whole.
func TestUnmappedFieldIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"op":"present","field":"y"}`,
		`{"op":"known","args":[{"op":"present","field":"y"}]}`,
		`{"op":"or","args":[{"op":"true"},{"op":"eq","field":"x","other":"y"}]}`,
		`{"op":"and","args":[{"op":"false"},{"op":"not","args":[{"op":"present","field":"y"}]}]}`,
	} {
		for _, d := range dialects {
			got, _, err := conditional(parse(t, text)).SQL(d, map[string]filter.Column{"x": {Name: "x", Type: filter.Text}}, 1)
			var refused *filter.ColumnError
			if got != "" || !errors.As(err, &refused) || refused.Field != "y" {
				t.Errorf("%s: %s is %q, %v", d, text, got, err)
			}
		}
	}
}

func TestColumnsAreRefused(t *testing.T) {
	join := filter.Column{Name: "t.id", Type: filter.Join, Table: "s", Key: "k", Value: "v", Elem: filter.Text}
	with := func(c filter.Column, change func(*filter.Column)) filter.Column { change(&c); return c }
	text := func(name string) filter.Column { return filter.Column{Name: name, Type: filter.Text} }
	for _, c := range []struct {
		why    string
		column filter.Column
		only   filter.Dialect // "": all of them
	}{
		{"no name", text(""), ""},
		{"quote", text(`a"b`), ""},
		{"backquote", text("a`b"), ""},
		{"bracket", text("a]b"), ""},
		{"blank", text("a b"), ""},
		{"statement", text("a; DROP TABLE t"), ""},
		{"comment", text("a--"), ""},
		{"call", text("lower(a)"), ""},
		{"U+0000", text("a\x00"), ""},
		{"not UTF-8", text("a\xff"), ""},
		{"empty part", text("t."), ""},
		{"empty part in front", text(".a"), ""},
		{"four parts", text("a.b.c.d"), ""},
		{"star", text("t.*"), ""},
		{"digit first", text("1a"), ""},
		{"placeholder", text("$1"), ""},
		{"question mark", text("a?"), ""},
		{"64 bytes", text(strings.Repeat("a", 64)), ""},
		{"64 bytes in 22 letters", text(strings.Repeat("额", 22)), ""},
		{"our alias", text("rolegate_1.value"), ""},
		{"our alias in capitals", text("ROLEGATE_1.value"), ""},
		{"no type", filter.Column{Name: "a"}, ""},
		{"unknown type", filter.Column{Name: "a", Type: "varchar"}, ""},
		{"elem of a text", filter.Column{Name: "a", Type: filter.Text, Elem: filter.Text}, ""},
		{"table of a text", filter.Column{Name: "a", Type: filter.Text, Table: "s"}, ""},
		{"collation", filter.Column{Name: "a", Type: filter.Text, Collation: "utf8mb4_bin"}, filter.SQLite},
		{"collation of a number", filter.Column{Name: "a", Type: filter.Int, Collation: "utf8mb4_bin"}, filter.MySQL},
		{"collation of another character set", filter.Column{Name: "a", Type: filter.Text, Collation: "latin1_swedish_ci"}, filter.MySQL},
		{"hostile collation", filter.Column{Name: "a", Type: filter.Text, Collation: "utf8mb4_bin PATH '$'"}, filter.MySQL},
		{"array", filter.Column{Name: "a", Type: filter.Array, Elem: filter.Text}, filter.SQLite},
		{"array", filter.Column{Name: "a", Type: filter.Array, Elem: filter.Text}, filter.MySQL},
		{"array of nothing", filter.Column{Name: "a", Type: filter.Array}, filter.PostgreSQL},
		{"array of JSON", filter.Column{Name: "a", Type: filter.Array, Elem: filter.JSON}, filter.PostgreSQL},
		{"timestamp", filter.Column{Name: "a", Type: filter.Timestamp}, filter.MySQL},
		{"timestamp", filter.Column{Name: "a", Type: filter.Timestamp}, filter.SQLite},
		{"timestamp_utc", filter.Column{Name: "a", Type: filter.TimestampUTC}, filter.SQLite},
		{"join by a bare name", with(join, func(c *filter.Column) { c.Name = "id" }), ""},
		{"join without a table", with(join, func(c *filter.Column) { c.Table = "" }), ""},
		{"join of a hostile table", with(join, func(c *filter.Column) { c.Table = "s WHERE 1=1 --" }), ""},
		{"join of a hostile key", with(join, func(c *filter.Column) { c.Key = "k = k OR k" }), ""},
		{"join by a qualified key", with(join, func(c *filter.Column) { c.Key = "s.k" }), ""},
		{"join without a value", with(join, func(c *filter.Column) { c.Value = "" }), ""},
		{"join without elem", with(join, func(c *filter.Column) { c.Elem = "" }), ""},
		{"join of lists", with(join, func(c *filter.Column) { c.Elem = filter.JSON }), ""},
		{"shares without an end", with(join, func(c *filter.Column) { c.Action = "a" }), ""},
		{"shares with an end of no type", with(join, func(c *filter.Column) { c.Action, c.Until = "a", "u" }), ""},
		{"shares with an end that is a number", with(join, func(c *filter.Column) { c.Action, c.Until, c.UntilType = "a", "u", filter.Float }), ""},
		{"shares to numbers", with(join, func(c *filter.Column) { c.Action, c.Until, c.UntilType, c.Elem = "a", "u", filter.Unix, filter.Int }), ""},
		{"shares until a timestamp", with(join, func(c *filter.Column) { c.Action, c.Until, c.UntilType = "a", "u", filter.Timestamp }), filter.SQLite},
		{"json_each's own", filter.Column{Name: "value", Type: filter.JSON}, filter.SQLite},
		{"json_each's own in capitals", filter.Column{Name: "ID", Type: filter.JSON}, filter.SQLite},
	} {
		for _, d := range dialects {
			if c.only != "" && c.only != d {
				continue
			}
			e := filter.Expr{Op: filter.Present, Field: "x"}
			got, _, err := conditional(e).SQL(d, map[string]filter.Column{"x": c.column}, 1)
			var refused *filter.ColumnError
			if got != "" || !errors.As(err, &refused) || refused.Field != "x" || refused.Reason == "" {
				t.Errorf("%s: %s: %+v is %q, %v", d, c.why, c.column, got, err)
			}
		}
	}
}

func TestNamesAreQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"order":             `"order"`,
		"Order":             `"Order"`,
		"deals.order":       `"deals"."order"`,
		"crm.deals.user":    `"crm"."deals"."user"`,
		"金额":                `"金额"`,
		"_a1":               `"_a1"`,
		"rolegates.rolegat": `"rolegates"."rolegat"`,
	} {
		e := filter.Expr{Op: filter.Present, Field: "x"}
		for _, d := range dialects {
			want := want
			if d != filter.PostgreSQL {
				want = strings.ReplaceAll(want, `"`, "`")
			}
			got, _, err := conditional(e).SQL(d, map[string]filter.Column{"x": {Name: name, Type: filter.Text}}, 1)
			if got != "("+want+" IS NOT NULL)" || err != nil {
				t.Errorf("%s: %s is %s, %v", d, name, got, err)
			}
		}
	}
}

// Two columns are only compared where it is known what is sent for them.
func TestTwoColumnsAreRefused(t *testing.T) {
	columns := map[string]filter.Column{
		"text": {Name: "t.a", Type: filter.Text}, "bare": {Name: "a", Type: filter.Text}, "int": {Name: "t.b", Type: filter.Int}, "time": {Name: "t.c", Type: filter.UnixMicro},
		"json": {Name: "t.d", Type: filter.JSON}, "join": {Name: "t.n", Type: filter.Join, Table: "s", Key: "k", Value: "v", Elem: filter.Text},
		"refs": {Name: "t.n", Type: filter.Join, Table: "s", Key: "k", Value: "v", Elem: filter.Int},
	}
	for _, text := range []string{
		`{"op":"eq","field":"int","other":"int"}`,
		`{"op":"eq","field":"text","other":"int"}`,
		`{"op":"eq","field":"time","other":"time"}`,
		`{"op":"lt","field":"text","other":"time"}`,
		`{"op":"eq","field":"text","other":"int","type":"number"}`,
		`{"op":"lt","field":"text","other":"time","type":"string"}`,
		`{"op":"lt","field":"int","other":"time","type":"time"}`,
		`{"op":"eq","field":"json","other":"json"}`,
		`{"op":"eq","field":"text","other":"json","type":"string"}`,
		`{"op":"in","field":"text","other":"text","type":"string"}`,
		`{"op":"in","field":"int","other":"json"}`,
		`{"op":"in","field":"text","other":"refs"}`,
		`{"op":"in","field":"text","other":"refs","type":"number"}`,
		`{"op":"in","field":"json","other":"json","type":"string"}`,
		`{"op":"in","field":"bare","other":"join","type":"string"}`,
	} {
		for _, d := range dialects {
			got, _, err := conditional(parse(t, text)).SQL(d, columns, 1)
			var refused *filter.ColumnError
			if got != "" || !errors.As(err, &refused) {
				t.Errorf("%s: %s is %q, %v", d, text, got, err)
			}
		}
	}
}

func TestTooManyParameters(t *testing.T) {
	list := []any{}
	for i := range 70_000 {
		list = append(list, float64(i)+0.5)
	}
	e := filter.Expr{Op: filter.In, Field: "x", Type: filter.Number, Value: list}
	for d, fits := range map[filter.Dialect]bool{filter.SQLite: false, filter.MySQL: false, filter.PostgreSQL: true} {
		text, _, err := conditional(e).SQL(d, map[string]filter.Column{"x": {Name: "x", Type: filter.Float}}, 1)
		if (err == nil) != fits || (text != "") != fits {
			t.Errorf("%s: %d bytes, %v", d, len(text), err)
		}
	}
}

// A long list is one parameter.
func TestLongLists(t *testing.T) {
	list := []any{}
	for i := range 50_000 {
		list = append(list, fmt.Sprint("u", i))
	}
	e := filter.Expr{Op: filter.In, Field: "x", Type: filter.String, Prefix: "user:", Value: list}
	for _, d := range dialects {
		text, params, err := conditional(e).SQL(d, map[string]filter.Column{"x": {Name: "x", Type: filter.Text}}, 1)
		if err != nil || len(params) != 1 || len(text) > 1000 {
			t.Errorf("%s: %d bytes, %d parameters, %v", d, len(text), len(params), err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(`{"op":"and","args":[{"op":"eq","field":"a","type":"string","value":"x"}]}`)
	f.Add(`{"op":"in","field":"a","type":"number","value":[1,2]}`)
	f.Add(nested(5))
	f.Fuzz(func(t *testing.T, text string) {
		var e filter.Expr
		if json.Unmarshal([]byte(text), &e) != nil {
			return
		}
		if _, err := e.Eval(func(string) (any, bool) { return "x", true }); err != nil {
			t.Errorf("%q is accepted, and then not: %v", text, err)
		}
		for _, d := range dialects {
			columns := map[string]filter.Column{e.Field: {Name: "a", Type: filter.Text}}
			conditional(e).SQL(d, columns, 1) // must not panic
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back filter.Expr
		if err := json.Unmarshal(again, &back); err != nil {
			t.Fatalf("%s is not read back: %v", again, err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Error(diff)
		}
	})
}

// A column that is called as one of json_each's is itself, wherever that may stand
// without a qualifier.
func TestNamesOfJSONEach(t *testing.T) {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE r (id TEXT, value TEXT, type TEXT, tags TEXT); INSERT INTO r VALUES ('a', 'a', 'b', '["a"]'), ('b', 'x', 'a', '["x"]'), ('c', NULL, 'c', '[]')`); err != nil {
		t.Fatal(err)
	}
	text := func(name string) filter.Column { return filter.Column{Name: name, Type: filter.Text} }
	columns := map[string]filter.Column{"id": text("id"), "value": text("value"), "type": text("type"), "tags": {Name: "tags", Type: filter.JSON}}
	for _, c := range []struct {
		e    filter.Expr
		want string
	}{
		{filter.Expr{Op: filter.In, Field: "id", Type: filter.String, Value: []any{"a", "c"}}, "a c"},
		{filter.Expr{Op: filter.In, Field: "value", Type: filter.String, Value: []any{"a", "b"}}, "a"},
		{filter.Expr{Op: filter.Equal, Field: "type", Type: filter.String, Value: "a"}, "b"},
		{filter.Expr{Op: filter.Not, Args: []filter.Expr{{Op: filter.In, Field: "value", Type: filter.String, Value: []any{"a", "b"}}}}, "b"},
	} {
		where, params, err := conditional(c.e).SQL(filter.SQLite, columns, 1)
		if err != nil {
			t.Errorf("%+v: %v", c.e, err)
			continue
		}
		rows, err := db.Query("SELECT id FROM r WHERE "+where+" ORDER BY id", params...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", where, got, c.want)
		}
	}
	related := filter.Expr{Op: filter.In, Field: "value", Other: "tags", Type: filter.String}
	if where, _, err := conditional(related).SQL(filter.SQLite, columns, 1); err == nil {
		t.Errorf("within json_each it would be another: %s", where)
	}
}

// A mapping is looked at whole, whatever the filter asks for: a mistake in it does
// not wait for somebody whose filter needs that column.
func TestUnusedColumnsAreLookedAt(t *testing.T) {
	columns := map[string]filter.Column{"x": {Name: "x", Type: filter.Text}, "zzz": {Name: "1=1;--", Type: filter.Text}}
	for _, f := range []filter.Filter{{Kind: filter.Always}, {Kind: filter.Never}, conditional(filter.Expr{Op: filter.Present, Field: "x"})} {
		for _, d := range dialects {
			text, _, err := f.SQL(d, columns, 1)
			var refused *filter.ColumnError
			if text != "" || !errors.As(err, &refused) || refused.Field != "zzz" {
				t.Errorf("%s on %s: %q, %v", f.Kind, d, text, err)
			}
		}
	}
}
