package filter_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"rolegate/api/filter"
)

// parse reads an expression, which must be valid.
func parse(t testing.TB, text string) filter.Expr {
	t.Helper()
	var e filter.Expr
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// record reads a record from JSON: a member that is not there is no column.
func record(t testing.TB, text string) filter.Record {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return func(field string) (any, bool) { v, ok := m[field]; return v, ok }
}

func TestEval(t *testing.T) {
	const (
		ownerBob = `{"op":"eq","field":"x","type":"string","prefix":"user:","value":"bob"}`
		shares   = `{"op":"shared","field":"x","share":{"to":["user:ann","team:1"],"action":"read","at":"2026-01-01T00:00:00Z"}}`
		after    = `{"op":"gt","field":"x","type":"time","value":"2026-01-01T00:00:00Z"}`
		anyAB    = `{"op":"any","field":"x","type":"string","prefix":"team:","value":["a","b"]}`
		allAB    = `{"op":"all","field":"x","type":"string","value":["a","b"]}`
		fields   = `{"op":"eq","field":"x","other":"y","prefix":"user:"}`
		inOther  = `{"op":"in","field":"x","other":"y","prefix":"user:","other_prefix":"team:"}`
	)
	for _, c := range []struct {
		expr, record string
		want         filter.Truth
	}{
		{`{"op":"true"}`, `{}`, filter.Yes},
		{`{"op":"false"}`, `{}`, filter.No},
		{`{"op":"unknown"}`, `{}`, filter.Unsure},
		{`{"op":"not","args":[{"op":"unknown"}]}`, `{}`, filter.Unsure},
		{`{"op":"known","args":[{"op":"unknown"}]}`, `{}`, filter.No},
		{`{"op":"and","args":[{"op":"unknown"},{"op":"false"}]}`, `{}`, filter.No},
		{`{"op":"and","args":[{"op":"unknown"},{"op":"true"}]}`, `{}`, filter.Unsure},
		{`{"op":"or","args":[{"op":"unknown"},{"op":"true"}]}`, `{}`, filter.Yes},
		{`{"op":"or","args":[{"op":"unknown"},{"op":"false"}]}`, `{}`, filter.Unsure},

		{ownerBob, `{"x":"bob"}`, filter.Yes},
		{ownerBob, `{"x":"user:bob"}`, filter.Yes},
		{ownerBob, `{"x":"user:user:bob"}`, filter.No},
		{ownerBob, `{"x":"Bob"}`, filter.No},
		{ownerBob, `{"x":"bob "}`, filter.No},
		{ownerBob, `{"x":null}`, filter.Unsure},
		{ownerBob, `{"x":7}`, filter.Unsure},
		{`{"op":"eq","field":"x","type":"string","prefix":"user:","value":"user:"}`, `{"x":"user:"}`, filter.Yes},
		{`{"op":"eq","field":"x","type":"string","prefix":"user:","value":""}`, `{"x":"user:"}`, filter.No},
		{`{"op":"ne","field":"x","type":"string","value":"a"}`, `{"x":null}`, filter.Unsure},
		{`{"op":"lt","field":"x","type":"string","value":"a"}`, `{"x":"B"}`, filter.Yes},
		{`{"op":"le","field":"x","type":"number","value":9007199254740993}`, `{"x":9007199254740992}`, filter.Yes},
		{`{"op":"eq","field":"x","type":"number","value":0}`, `{"x":-0.0}`, filter.Yes},
		{`{"op":"eq","field":"x","type":"bool","value":false}`, `{"x":false}`, filter.Yes},
		{`{"op":"eq","field":"x","type":"bool","value":false}`, `{"x":0}`, filter.Unsure},

		{after, `{"x":"2026-01-01T08:00:00.000000001+08:00"}`, filter.Yes},
		{after, `{"x":"2026-01-01T08:00:00+08:00"}`, filter.No},
		{after, `{"x":"2026-01-01 08:00:00Z"}`, filter.Unsure},
		{after, `{"x":"2026-02-30T08:00:00Z"}`, filter.Unsure},
		{after, `{"x":"2026-02-01T8:00:00Z"}`, filter.Unsure},

		{`{"op":"in","field":"x","type":"string","value":[]}`, `{"x":"a"}`, filter.No},
		{`{"op":"in","field":"x","type":"string","value":[]}`, `{"x":1}`, filter.Unsure},
		{`{"op":"starts_with","field":"x","type":"string","value":""}`, `{"x":""}`, filter.Yes},
		{`{"op":"starts_with","field":"x","type":"string","value":""}`, `{"x":null}`, filter.Unsure},
		{`{"op":"starts_with","field":"x","type":"string","value":"a_"}`, `{"x":"ab"}`, filter.No},
		{`{"op":"ends_with","field":"x","type":"string","value":"%b"}`, `{"x":"a%b"}`, filter.Yes},
		{`{"op":"contains","field":"x","type":"string","prefix":"u:","value":"u:"}`, `{"x":"u:a"}`, filter.No},

		{`{"op":"present","field":"x"}`, `{"x":null}`, filter.No},
		{`{"op":"present","field":"x"}`, `{"x":{}}`, filter.Yes},
		{`{"op":"present","field":"x","type":"string"}`, `{"x":1}`, filter.Unsure},

		{`{"op":"has","field":"x","type":"string","value":"a"}`, `{"x":["b","a"]}`, filter.Yes},
		{`{"op":"has","field":"x","type":"string","value":"a"}`, `{"x":["a",null]}`, filter.Unsure},
		{`{"op":"has","field":"x","type":"string","value":"a"}`, `{"x":null}`, filter.Unsure},
		{anyAB, `{"x":["c","team:b"]}`, filter.Yes},
		{anyAB, `{"x":[]}`, filter.No},
		{anyAB, `{"x":"a"}`, filter.Unsure},
		{allAB, `{"x":[]}`, filter.Yes},
		{allAB, `{"x":["a","b","a"]}`, filter.Yes},
		{allAB, `{"x":["a","c"]}`, filter.No},
		{allAB, `{"x":["c",1]}`, filter.Unsure},

		{fields, `{"x":"user:a","y":"a"}`, filter.Yes},
		{fields, `{"x":"a","y":"user:a"}`, filter.No},
		{fields, `{"x":1,"y":"1"}`, filter.Unsure},
		{fields, `{"x":9007199254740992,"y":9007199254740992}`, filter.Unsure},
		{fields, `{"x":9007199254740991,"y":9007199254740991}`, filter.Yes},
		{fields, `{"x":true,"y":true}`, filter.Yes},
		{`{"op":"lt","field":"x","other":"y"}`, `{"x":false,"y":true}`, filter.Unsure},
		{`{"op":"lt","field":"x","other":"y","type":"time"}`, `{"x":"2026-01-01T00:00:00+01:00","y":"2026-01-01T00:00:00Z"}`, filter.Yes},
		{inOther, `{"x":"user:a","y":["team:a"]}`, filter.Yes},
		{inOther, `{"x":1,"y":[]}`, filter.No},
		{inOther, `{"x":1,"y":["1"]}`, filter.Unsure},
		{inOther, `{"x":["a"],"y":["a"]}`, filter.Unsure},

		{shares, `{"x":[{"to":"user:ann","actions":["read"]}]}`, filter.Yes},
		{shares, `{"x":[{"to":"team:1","actions":["share","read"],"until":"2026-01-01T00:00:00.1Z"}]}`, filter.Yes},
		{shares, `{"x":[{"to":"team:1","actions":["read"],"until":"2026-01-01T00:00:00Z"}]}`, filter.No},
		{shares, `{"x":[{"to":"team:1","actions":["read"],"until":"0001-01-01T00:00:00Z"}]}`, filter.No}, // which is Go's zero time
		{shares, `{"x":[{"to":"team:1","actions":["Read"],"until":null}]}`, filter.No},
		{shares, `{"x":[{"to":"*","actions":["read"]}]}`, filter.No},
		{shares, `{"x":[{"to":"user:ann","actions":["read"]},{"to":"ann","actions":[]}]}`, filter.Unsure},
		{shares, `{"x":[{"to":"user:ann","actions":["read"]},{"to":"user:b"}]}`, filter.Unsure},
		{shares, `{"x":[{"to":"user:ann","actions":["read"],"until":"2027-01-01"}]}`, filter.Unsure},
		{shares, `{"x":[{"to":"user:ann","actions":["read",1]}]}`, filter.Unsure},
		{shares, `{"x":[{"to":"user:b","actions":null}]}`, filter.No},
		{shares, `{"x":[]}`, filter.No},
		{shares, `{"x":null}`, filter.Unsure},
	} {
		e := parse(t, c.expr)
		if got, err := e.Eval(record(t, c.record)); got != c.want || err != nil {
			t.Errorf("%s of %s is %v, %v; want %v", c.expr, c.record, got, err, c.want)
		}
	}
}

// A column that does not exist is a mistake in the mapping, wherever it is asked.
func TestEvalWithoutColumn(t *testing.T) {
	for _, text := range []string{
		`{"op":"present","field":"y"}`,
		`{"op":"eq","field":"x","other":"y"}`,
		`{"op":"not","args":[{"op":"present","field":"y"}]}`,
		`{"op":"known","args":[{"op":"present","field":"y"}]}`,
		`{"op":"or","args":[{"op":"true"},{"op":"present","field":"y"}]}`,
		`{"op":"and","args":[{"op":"false"},{"op":"not","args":[{"op":"present","field":"y"}]}]}`,
	} {
		e := parse(t, text)
		got, err := e.Eval(record(t, `{"x":"a"}`))
		var missing *filter.FieldError
		if got != filter.No || !errors.As(err, &missing) || missing.Field != "y" {
			t.Errorf("%s: %v, %v; want an error about y", text, got, err)
		}
		if passes, err := (filter.Filter{Kind: filter.Conditional, Expr: &e}).Passes(record(t, `{"x":"a"}`)); passes || err == nil {
			t.Errorf("%s: passes %v, %v", text, passes, err)
		}
	}
}

func TestPasses(t *testing.T) {
	unsure, yes := parse(t, `{"op":"unknown"}`), parse(t, `{"op":"true"}`)
	for _, c := range []struct {
		f    filter.Filter
		want bool
	}{
		{filter.Filter{Kind: filter.Never}, false},
		{filter.Filter{Kind: filter.Always}, true},
		{filter.Filter{Kind: filter.Conditional, Expr: &unsure}, false},
		{filter.Filter{Kind: filter.Conditional, Expr: &yes}, true},
	} {
		if got, err := c.f.Passes(record(t, `{}`)); got != c.want || err != nil {
			t.Errorf("%s: %v, %v; want %v", c.f.Kind, got, err, c.want)
		}
	}
	for _, f := range []filter.Filter{{}, {Kind: "sometimes"}, {Kind: filter.Conditional}, {Kind: filter.Always, Expr: &unsure}} {
		if got, err := f.Passes(record(t, `{}`)); got || err == nil {
			t.Errorf("%+v passes: %v, %v", f, got, err)
		}
	}
}

func nested(depth int) string {
	return strings.Repeat(`{"op":"not","args":[`, depth) + `{"op":"true"}` + strings.Repeat(`]}`, depth)
}

// What this version does not understand whole is an error.
func TestUnmarshalRefuses(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"op":"true"},`, filter.MaxParts), ",")
	for _, text := range []string{
		`{}`,
		`null`,
		`{"op":"xor","args":[{"op":"true"}]}`,
		`{"op":"not","args":[{"op":"perhaps"}]}`,
		`{"op":"true","negate":true}`,
		`{"op":"not","args":[{"op":"true","negate":true}]}`,
		`{"op":"true","args":[{"op":"true"}]}`,
		`{"op":"and"}`,
		`{"op":"and","args":[]}`,
		`{"op":"not","args":[{"op":"true"},{"op":"true"}]}`,
		`{"op":"eq","type":"string","value":"a"}`,
		`{"op":"eq","field":"x","value":"a"}`,
		`{"op":"eq","field":"x","type":"text","value":"a"}`,
		`{"op":"eq","field":"x","type":"string"}`,
		`{"op":"eq","field":"x","type":"string","value":null}`,
		`{"op":"eq","field":"x","type":"string","value":1}`,
		`{"op":"eq","field":"x","type":"string","value":["a"]}`,
		`{"op":"eq","field":"x","type":"time","value":"yesterday"}`,
		`{"op":"eq","field":"x","type":"string","value":"a","other":"y"}`,
		`{"op":"eq","field":"x","type":"number","value":1e400}`,
		`{"op":"lt","field":"x","type":"bool","value":true}`,
		`{"op":"eq","field":"x","type":"number","prefix":"user:","value":1}`,
		`{"op":"eq","field":"x","type":"string","other_prefix":"user:","value":"a"}`,
		`{"op":"in","field":"x","type":"string","value":"a"}`,
		`{"op":"in","field":"x","type":"string","value":["a",1]}`,
		`{"op":"in","field":"x","value":[]}`,
		`{"op":"any","field":"x","type":"string","other":"y"}`,
		`{"op":"starts_with","field":"x","type":"number","value":1}`,
		`{"op":"present","field":"x","value":"a"}`,
		`{"op":"present","field":"x","type":"list"}`,
		`{"op":"shared","field":"x"}`,
		`{"op":"shared","field":"x","share":{"to":["*"],"action":"read","at":"now"}}`,
		`{"op":"shared","field":"x","share":{"to":["*"],"action":"read","at":"2026-01-01T00:00:00Z","unless":"x"}}`,
		`{"op":"true","share":{"to":[],"action":"read","at":"2026-01-01T00:00:00Z"}}`,
		nested(filter.MaxDepth),
		`{"op":"and","args":[` + many + `]}`,
	} {
		var e filter.Expr
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%.200s is accepted", text)
		} else if e.Op != "" {
			t.Errorf("%.200s: half of it is kept: %+v", text, e)
		}
	}
	parse(t, nested(filter.MaxDepth-1))
}

func TestValidateRefusesWhatJSONCannotHold(t *testing.T) {
	for name, e := range map[string]filter.Expr{
		"string that is not UTF-8": {Op: filter.Equal, Field: "x", Type: filter.String, Value: "\xff"},
		"field that is not UTF-8":  {Op: filter.Present, Field: "\xff"},
		"prefix that is not UTF-8": {Op: filter.Equal, Field: "x", Type: filter.String, Prefix: "\xff", Value: "a"},
		"list of strings":          {Op: filter.In, Field: "x", Type: filter.String, Value: []string{"a"}},
		"int":                      {Op: filter.Equal, Field: "x", Type: filter.Number, Value: 1},
		"share that is not UTF-8":  {Op: filter.Shared, Field: "x", Share: &filter.Share{To: []string{"\xff"}, At: "2026-01-01T00:00:00Z"}},
	} {
		if err := e.Validate(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// What is written down is read again as it was.
func TestRoundTrip(t *testing.T) {
	for _, text := range []string{
		`{"op":"eq","field":"x","type":"bool","value":false}`,
		`{"op":"eq","field":"x","type":"string","value":""}`,
		`{"op":"in","field":"x","type":"string","value":[]}`,
		`{"op":"in","field":"x","other":"y","prefix":"user:","other_prefix":"team:"}`,
		`{"op":"known","args":[{"op":"shared","field":"s","share":{"to":["*"],"action":"read","at":"2026-01-01T00:00:00Z"}}]}`,
	} {
		e := parse(t, text)
		got, err := json.Marshal(e)
		if err != nil || string(got) != text {
			t.Errorf("%s is written %s, %v", text, got, err)
		}
	}
}
