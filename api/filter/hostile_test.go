package filter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rolegate/api/filter"
)

// cell is what is stored in a column and what a CRM's backend sends for it.
type cell struct{ stored, sent any }

// other is sent for what JSON has no value for.
type other struct{}

// column is a column of a hostile table, and how it is asked about.
type column struct {
	field string
	ddl   string // its type
	put   string // how a parameter is put in; "" is ?
	cells []cell
	filter.Column
	types []filter.Type // it can be read as
	any   bool          // and without a type, between two fields
	list  bool
	share bool
}

// same are cells that are sent as they are stored.
func same[T any](values ...T) []cell {
	cells := []cell{{nil, nil}}
	for _, v := range values {
		cells = append(cells, cell{v, v})
	}
	return cells
}

// hostile strings. Those with U+0000 are last.
var hostile = []string{
	"", " ", "a", "A", "a ", " a", "b", "B", "ab", "aB", "bob", "Bob", "bob ", "user:bob", "USER:bob", "user:", "user:user:bob", "user: ",
	"user:a", "user:%", "%", "_", "a%", "a_", "%a", "\\", "a\\", "\\%", "'", "\"", "`", "''", "a'b", "a\"b", "?", "$1", "\t", "\n", "a\n",
	"é", "e\u0301", "É", "ÿ", "ß", "ss", "SS", "ı", "i", "I", "İ", "😀", "a😀", "😀a", "𝒜", "金额", "\uffff", "\ue000", "\U0010ffff",
	"10", "9", "010", "1e1", "-0", "17", "9007199254740993", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "NULL", "true", "{}", "[]", "\u2028", "\u200b", "\x7f",
	"0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-D9CB-469F-A165-70867728950E", "00000000-0000-0000-0000-000000000000",
	strings.Repeat("x", 255), strings.Repeat("é", 255), strings.Repeat("é", 256), strings.Repeat("ab", 500),
	"\x00", "a\x00", "a\x00b", "user:\x00",
}

func withoutNUL() []string {
	return slices.DeleteFunc(slices.Clone(hostile), func(s string) bool { return strings.Contains(s, "\x00") })
}

// latin are those of the hostile strings that ISO 8859-1 has.
func latin() []string {
	return slices.DeleteFunc(slices.Clone(hostile), func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r > 255 || 0x7f < r && r < 0xa0 })
	})
}

func ascii() []string {
	return slices.DeleteFunc(slices.Clone(hostile), func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) })
}

var clocks = []string{
	"2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00", "2025-12-31T19:00:00.000000-05:00", "2026-01-01T00:00:00.000001Z",
	"2026-01-01T00:00:00.000001500Z", "2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.0000000009Z",
	"2025-12-31T23:59:59.999999999Z", "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:01Z", "2024-02-29T12:00:00Z", "2000-02-29T23:59:59+23:59",
	"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.25Z", "1970-01-01T00:00:00Z", "1582-10-10T00:00:00Z", "0001-01-01T00:00:00Z",
	"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59",
	"0000-01-01T00:00:00Z", "0000-02-29T01:00:00+02:00", "0000-01-01T00:00:00+01:00",
}

// wrongClocks look like times.
var wrongClocks = []string{
	"2026-01-01", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01t00:00:00Z", "2026-01-01T00:00:00z", "2026-01-01T24:00:00Z",
	"2026-01-01T00:00:60Z", "2026-01-01T00:60:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z",
	"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T0:00:00Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.Z",
	"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00+0800", "2026-01-01T00:00:00Z\n", "2026-01-01T00:00:00Z ",
	" 2026-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ", "+2026-01-01T00:00:00Z", "12026-01-01T00:00:00Z", "2026-01-01T00:00:00.5.5Z", "2026-01-01T00:00:00.5e1Z",
	"２０２６-01-01T00:00:00Z", "now", "infinity", "2026-01-01T00:00:00-Z", "2026-01-01T00:00:00+08:00Z", "2026-01-01T00:00:00Z+08:00",
}

var doubles = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.1, 0.2, 0.1 + 0.2, 0.3, 1.5, 2.5, -2.5, 9, 10, 17, 1e15, 123456789.123456789, 1e-7, 1e300, -1e300,
	math.MaxFloat64, -math.MaxFloat64, 5e-324, 1<<53 - 1, 1 << 53, 1<<53 + 2, -(1<<53 - 1), -(1 << 53), 1 << 63, -(1 << 63), 1e19, 4503599627370497.5,
}

var ints = []int64{
	0, 1, -1, 2, 9, 10, 17, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<53 + 2, 1<<53 + 3, -(1<<53 - 1), -(1 << 53), -(1<<53 + 1), math.MaxInt64, math.MinInt64,
}

func asStrings() (cells []cell) {
	cells = append(cells, cell{nil, nil})
	for _, n := range ints {
		cells = append(cells, cell{n, fmt.Sprint(n)})
	}
	return cells
}

// unsigned are integers that are none of 64 bits with a sign, and those next to them.
var unsigned = []string{"9223372036854775807", "9223372036854775808", "9223372036854775809", "18446744073709551614", "18446744073709551615"}

func asNumbers() (cells []cell) {
	cells = append(cells, cell{nil, nil})
	for _, n := range ints {
		cells = append(cells, cell{n, float64(n)})
	}
	return cells
}

var uuids = []string{
	"0f8fad5b-d9cb-469f-a165-70867728950e", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "0f8fad5b-d9cb-469f-a165-70867728950f",
}

// lists are in JSON, sound and not.
var lists = []string{
	`[]`, `["a"]`, `["A"]`, `["a "]`, `["a","b"]`, `["b","a","a"]`, `["user:bob"]`, `["bob","user:"]`, `["é","😀"]`, `["\u00e9","\ud83d\ude00","\/","\"","\\","\t"]`,
	`["a",null]`, `["a",1]`, `["a",["a"]]`, `["a",{"a":"a"}]`, `[null]`, `[[]]`, `[{}]`, `[""]`, `["%","_"]`, `["c","d"]`, `["10","9"]`, ` [ "a" , "b" ] `,
	`[1]`, `[1,2.5]`, `[1.0]`, `[1e1]`, `[0.1]`, `[-0]`, `[-0.0]`, `[9007199254740993]`, `[9007199254740991]`, `[9007199254740992]`, `[123456789.123456789]`, `[0.30000000000000004]`,
	`[1,"1"]`, `[1,null]`, `[1,true]`, `[100000000000000000000]`, `[1e300]`, `[true]`, `[false]`, `[true,false]`, `[true,"true"]`, `[true,1]`, `["true"]`,
	`["2026-01-01T00:00:00Z"]`, `["2026-01-01T08:00:00+08:00","1970-01-01T00:00:00Z"]`, `["2026-01-01T00:00:00Z","x"]`,
	`["\\x"]`, `["\\\""]`, `{}`, `{"a":1}`, `"a"`, `1`, `true`, `null`, `""`,
}

// withNUL are lists that PostgreSQL cannot hold.
var withNUL = []string{`["a\u0000"]`, `["a","\u0000"]`, `["a\u0000b"]`, `["user:\u0000"]`}

// notJSON is text that is none.
var notJSON = []string{``, `a`, `[`, `["a"`, `["a",]`, `['a']`, `[a]`, `[01]`, `[NaN]`, `["a"] x`, "[\"\x01\"]", `{a:1}`, `[1,]`, `nul`, `["\x"]`, `["a\\\x"]`, `["\u12"]`, `["\uzzzz"]`}

// shareLists are in JSON, sound and not.
var shareLists = func() []string {
	sound := []string{
		`{"to":"user:ann","actions":["read"]}`, `{"to":"user:Ann","actions":["read"]}`, `{"to":"team:1","actions":["write","read"],"until":null}`,
		`{"to":"*","actions":["read"]}`, `{"to":"role:a:b","actions":["read"],"until":"2026-01-01T00:00:00.000000001Z"}`, `{"to":"user:ann","actions":["read"],"until":"2026-01-01T00:00:00Z"}`, `{"to":"user:ann","actions":["read"],"until":"0001-01-01T00:00:00Z"}`,
		`{"to":"user:ann","actions":["read"],"until":"2026-01-01T02:00:00+01:00","x":[1,{"to":1}]}`, `{"actions":["Read","read "],"to":"user:ann"}`, `{"to":"user:ann","actions":null}`, `{"to":"user:ann","actions":[]}`,
		`{"to":"user:ann","actions":["write"]}`, `{"to":"user:\u0061nn","actions":["re\u0061d"]}`, `{"to":"user:ann ","actions":["read"]}`, `{"to":"user::","actions":["read"]}`,
	}
	malformed := []string{
		`{"to":"ann","actions":["read"]}`, `{"to":":ann","actions":["read"]}`, `{"to":"user:","actions":["read"]}`, `{"to":"","actions":["read"]}`, `{"to":null,"actions":["read"]}`,
		`{"to":["user:ann"],"actions":["read"]}`, `{"actions":["read"]}`, `{"to":"user:ann"}`, `{"to":"user:ann","actions":"read"}`, `{"to":"user:ann","actions":{}}`, `{"to":"user:ann","actions":["read",null]}`,
		`{"to":"user:ann","actions":["read",["x"]]}`, `{"to":"user:ann","actions":["read"],"until":""}`, `{"to":"user:ann","actions":["read"],"until":1}`, `{"to":"user:ann","actions":["read"],"until":{}}`,
		`{"to":"user:ann","actions":["read"],"until":"2027-02-29T00:00:00Z"}`, `{"to":"user:ann","actions":["read"],"until":"2027-01-01T1:00:00Z"}`, `{"to":"user:ann","actions":["read"],"until":"2027-01-01"}`,
		`{"To":"user:ann","actions":["read"]}`, `"user:ann"`, `1`, `null`, `[]`, `{}`, `true`, `{"to":"**","actions":["read"]}`,
	}
	all := []string{`[]`, `null`, `{}`, `"x"`}
	for i, s := range sound {
		all = append(all, "["+s+"]", "["+s+","+sound[(i+5)%len(sound)]+"]")
	}
	for i, s := range malformed {
		all = append(all, "["+s+"]", "["+sound[i%len(sound)]+","+s+"]")
	}
	return all
}()

// twice names a member twice: what is read then depends on who reads.
var twice = []string{
	`[{"to":"user:ann","to":"user:x","actions":["read"]}]`, `[{"to":"user:x","to":"user:ann","actions":["read"]}]`,
	`[{"to":"user:ann","actions":["read"],"until":"2025-01-01T00:00:00Z","until":null}]`, `[{"to":"user:ann","actions":["read"],"x":1,"x":2}]`,
}

// fromJSON is sent for a JSON column; absent for what names a member twice.
func fromJSON(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text // a string, which is no list
	}
	return v
}

func jsonCells(texts ...string) []cell {
	cells := []cell{{nil, nil}}
	for _, s := range texts {
		cells = append(cells, cell{s, fromJSON(s)})
	}
	return cells
}

func textCells(texts ...string) []cell {
	var cells []cell
	for _, s := range texts {
		cells = append(cells, cell{s, s})
	}
	return cells
}

// row is one record: what is stored in each column and what is sent.
type row []cell

// rows mixes the cells of the columns, so that each is met at least once.
func rows(columns []column, n int) []row {
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([]row, n)
	for _, c := range columns {
		order := rng.Perm(len(c.cells))
		for i := range all {
			k := rng.IntN(len(c.cells))
			if i < len(order) {
				k = order[i]
			}
			all[i] = append(all[i], c.cells[k])
		}
	}
	return all
}

// record is what is sent for a row.
func (r row) record(columns []column) filter.Record {
	return func(field string) (any, bool) {
		for i, c := range columns {
			if c.field == field {
				return r[i].sent, true
			}
		}
		return nil, false
	}
}

// throughJSON gives the parameters to a client that reads our answer: numbers
// are doubles, lists are made arrays again as docs/filters.md says.
func throughJSON(t testing.TB, params []any) []any {
	t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var out []any
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&out); err != nil {
		t.Fatal(err)
	}
	for i, v := range out {
		list, is := v.([]any)
		if !is {
			continue
		}
		if _, numbers := params[i].([]float64); numbers {
			out[i] = typed[float64](t, list)
		} else {
			out[i] = typed[string](t, list)
		}
	}
	return out
}

func typed[T any](t testing.TB, list []any) []T {
	t.Helper()
	out := make([]T, len(list))
	for i, v := range list {
		var ok bool
		if out[i], ok = v.(T); !ok {
			t.Fatal(errors.New("a list of mixed types"))
		}
	}
	return out
}
