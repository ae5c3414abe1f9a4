package filter_test

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"rolegate/api/filter"
)

var (
	str  = []filter.Type{filter.String}
	num  = []filter.Type{filter.Number}
	bln  = []filter.Type{filter.Bool}
	when = []filter.Type{filter.Time}
)

func name(field string, typ filter.ColumnType) filter.Column {
	return filter.Column{Name: "t." + field, Type: typ}
}

func textColumn(field, ddl string, texts ...string) column {
	return column{field: field, ddl: ddl, Column: name(field, filter.Text), types: str, any: true, cells: append(textCells(texts...), cell{})}
}

func clockColumn(field, ddl string) column {
	cells := append(textCells(clocks...), textCells(wrongClocks...)...)
	return column{field: field, ddl: ddl, Column: name(field, filter.Text), types: when, cells: append(cells, cell{})}
}

// countColumn counts time in integers.
func countColumn(field string, typ filter.ColumnType, count func(time.Time) int64, read func(int64) time.Time, outside ...int64) column {
	c := column{field: field, ddl: "bigint", Column: name(field, typ), types: when, cells: []cell{{}}}
	for _, s := range clocks {
		t, _ := time.Parse(time.RFC3339, s)
		n := count(t)
		if u := read(n).UTC(); u.Year() >= 0 && u.Year() < 10_000 {
			c.cells = append(c.cells, cell{n, u.Format(time.RFC3339Nano)})
		} else {
			c.cells = append(c.cells, cell{n, other{}})
		}
	}
	for _, n := range outside {
		c.cells = append(c.cells, cell{n, other{}})
	}
	return c
}

func countColumns() []column {
	return []column{
		countColumn("unix", filter.Unix, time.Time.Unix, func(n int64) time.Time { return time.Unix(n, 0) }, 253402300800, -62167219201, math.MaxInt64, math.MinInt64),
		countColumn("milli", filter.UnixMilli, time.Time.UnixMilli, time.UnixMilli, 253402300800_000, -62167219200_001, math.MaxInt64),
		countColumn("micro", filter.UnixMicro, time.Time.UnixMicro, time.UnixMicro, 253402300800_000_000, -62167219200_000_001, math.MinInt64),
	}
}

// stampColumn holds native times, given as text.
func stampColumn(field, ddl string, typ filter.ColumnType, put string, stored func(time.Time) string) column {
	c := column{field: field, ddl: ddl, put: put, Column: name(field, typ), types: when, cells: []cell{{}}}
	for _, s := range clocks {
		t, _ := time.Parse(time.RFC3339, s)
		t = t.UTC().Truncate(time.Microsecond)
		if t.Year() < 1 || t.Year() > 9999 {
			continue
		}
		c.cells = append(c.cells, cell{stored(t), t.Format(time.RFC3339Nano)})
	}
	return c
}

func uuidColumn(field, ddl string, stored func(string) any) column {
	c := column{field: field, ddl: ddl, Column: name(field, filter.UUID), types: str, any: true, cells: []cell{{}}}
	for _, s := range uuids {
		c.cells = append(c.cells, cell{stored(s), s})
	}
	return c
}

func uuidBytes(s string) any {
	b, _ := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return b
}

// jsonColumns ask one list column in each way that there is.
func jsonColumns(ddl, put string, cells []cell) []column {
	var out []column
	for field, types := range map[string][]filter.Type{"j_str": str, "j_num": num, "j_bool": bln, "j_time": when} {
		out = append(out, column{field: field, ddl: ddl, put: put, Column: name(field, filter.JSON), types: types, list: true, cells: cells})
	}
	return out
}

// sideTables are the lists of joins, by key.
func sideTables(text, float string, nul bool) map[string]*side {
	texts := map[string][][]any{
		"none": nil, "one": {{"a"}}, "twins": {{"a"}, {"A"}, {"a "}}, "prefixed": {{"user:bob"}, {"user:"}}, "null": {{"a"}, {nil}}, "odd": {{"%"}, {"_"}, {"😀"}, {"é"}, {"\\"}},
		"twice": {{"b"}, {"b"}}, "empty": {{""}},
	}
	shares := map[string][][]any{
		"none":      nil,
		"ann":       {{"user:ann", "read", nil}},
		"case":      {{"user:Ann", "read", nil}, {"user:ann", "Read", nil}, {"user:ann ", "read", nil}},
		"expired":   {{"user:ann", "read", int64(1767225600_000000)}, {"team:1", "read", int64(1767225599_000000)}},
		"year 1":    {{"user:ann", "read", int64(-62135596800_000000)}},
		"live":      {{"user:ann", "read", int64(1767225600_000001)}, {"*", "read", int64(4102444800_000000)}},
		"star":      {{"*", "read", nil}, {"role:a:b", "write", nil}},
		"malformed": {{"user:ann", "read", nil}, {"ann", "read", nil}},
		"nobody":    {{"user:ann", "read", nil}, {nil, "read", nil}},
		"nothing":   {{"user:ann", "read", nil}, {"team:1", nil, nil}},
		"never":     {{"user:ann", "read", nil}, {"team:1", "read", int64(math.MaxInt64)}},
		"spelled":   {{"user:ann", "read", nil}, {"user:", "read", nil}},
		"colon":     {{"user::", "read", nil}},
	}
	if nul {
		texts["nul"] = [][]any{{"a\x00"}, {"\x00"}}
		shares["nul"] = [][]any{{"user:\x00", "a\x00", nil}}
	}
	return map[string]*side{
		"tags":   {ddl: "tag " + text, rows: texts},
		"refs":   {ddl: "ref bigint", rows: map[string][][]any{"none": nil, "some": {{int64(17)}, {int64(1<<53 + 1)}}, "null": {{int64(17)}, {nil}}}},
		"marks":  {ddl: "mark " + float, rows: map[string][][]any{"none": nil, "some": {{0.1}, {2.5}}, "large": {{1e300}, {9007199254740992.0}}, "null": {{0.1}, {nil}}}},
		"shared": {ddl: "to_whom " + text + ", act " + text + ", ends bigint", rows: shares},
	}
}

func joinColumns(sides map[string]*side) []column {
	join := func(field, table, value string, elem filter.ColumnType, types []filter.Type, untyped bool) column {
		c := column{field: field, types: types, list: true, any: untyped,
			Column: filter.Column{Name: "t.n", Type: filter.Join, Table: table, Key: "of_n", Value: value, Elem: elem}}
		for key, rows := range sides[table].rows {
			list := []any{}
			for _, r := range rows {
				v := r[0]
				if n, is := v.(int64); is && types[0] == filter.Number {
					v = float64(n)
				} else if is {
					v = "17"
					if n != 17 {
						v = "9007199254740993"
					}
				}
				list = append(list, v)
			}
			c.cells = append(c.cells, cell{key, list})
		}
		return c
	}
	shares := column{field: "x_shares", share: true, list: true, Column: filter.Column{Name: "t.n", Type: filter.Join, Table: "shared", Key: "of_n",
		Value: "to_whom", Action: "act", Until: "ends", UntilType: filter.UnixMicro}}
	for key, rows := range sides["shared"].rows {
		list := []any{}
		for _, r := range rows {
			entry := map[string]any{"to": r[0], "actions": []any{r[1]}}
			if n, is := r[2].(int64); is {
				entry["until"] = time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
			}
			list = append(list, entry)
		}
		shares.cells = append(shares.cells, cell{key, list})
	}
	return []column{
		join("x_tags", "tags", "tag", filter.Text, str, true),
		join("x_refs", "refs", "ref", filter.Int, str, false),
		join("x_marks", "marks", "mark", filter.Float, num, true),
		shares,
	}
}

func numberColumn(field, ddl string, typ filter.ColumnType, cells []cell) column {
	return column{field: field, ddl: ddl, Column: name(field, typ), types: num, any: typ != filter.Int, cells: cells}
}
