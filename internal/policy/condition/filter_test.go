package condition

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api/filter"
	"rolegate/internal/testkit/witness"
)

// wholeRecord is a record of which everything is known: what is not there is null.
type wholeRecord map[string]any

func (r wholeRecord) Attribute(name string) (any, bool) { return r[name], true }

var witnessed = map[witness.Truth]Truth{witness.True: True, witness.False: False, witness.Unknown: Unknown}

var filterTruths = map[filter.Truth]Truth{filter.Yes: True, filter.No: False, filter.Unsure: Unknown}

func unitsBelow(root string) (units []string, cut bool) {
	units = []string{root}
	for _, w := range words {
		if strings.HasPrefix(w, root+"/") {
			units = append(units, w)
		}
	}
	return units, false
}

// TestFilterIsEval holds a condition's expression equal to Eval, in all three
// values, for records of which all attributes are known; and that it never
// asks a record about what Possible says is settled.
func TestFilterIsEval(t *testing.T) {
	const subjects, records = 12, 10
	var compared, definite int
	rapid.Check(t, func(t *rapid.T) {
		w := condition(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		c, err := Compile(w.text, generatedSchema)
		if err != nil {
			t.Fatalf("%s is refused: %v", w.text, err)
		}
		for range subjects {
			f := drawFacts(t).build()
			f.Record, f.Units = nil, unitsBelow
			if rapid.IntRange(0, 3).Draw(t, "changes") == 0 {
				f.Fixed = rapid.Custom(drawColumns).Draw(t, "fixed")
				for name := range f.Fixed {
					if rapid.Bool().Draw(t, "column") {
						delete(f.Fixed, name)
					}
				}
			}
			e, err := c.Filter(f)
			if err != nil {
				if f.Fixed == nil {
					t.Fatalf("%s for %+v: %v", w.text, f, err)
				}
				continue
			}
			possible := c.Possible(f)
			for range records {
				record := drawColumns(t)
				whole := *f
				whole.Record = wholeRecord(record)
				want, got := c.Eval(&whole), witnessed[witness.Eval(e, record)]
				if got != want {
					t.Fatalf("%s of %#v is %v, and as a filter %v\n%+v\nfixed %v", w.text, record, want, got, e, f.Fixed)
				}
				if theirs, err := e.Eval(func(name string) (any, bool) { return record[name], true }); err != nil || filterTruths[theirs] != want {
					t.Fatalf("%s of %#v is %v, to package filter %v, %v\n%+v", w.text, record, want, theirs, err, e)
				}
				if !possible.Has(want) {
					t.Fatalf("%s of %v is %v, which Possible (%03b) leaves out; fixed %v", w.text, record, want, possible, f.Fixed)
				}
				compared++
				if want != Unknown {
					definite++
				}
			}
		}
	})
	t.Logf("%d comparisons, %d of them with an answer", compared, definite)
	if definite < compared/4 {
		t.Error("too few to say anything")
	}
}

// drawColumns is a record's row: what facts may draw of a record, and more.
func drawColumns(t *rapid.T) map[string]any {
	row := map[string]any{}
	for _, a := range plain {
		if notRecord(a) {
			continue
		}
		switch rapid.IntRange(0, 9).Draw(t, "hostile") {
		case 0:
			row[a.name()] = rapid.SampledFrom([]any{"", "user:", "user:ann", "user:user:ann", "unit:", "unit:sales", "team:a", 9007199254740993.0, -1e300, true,
				[]any{}, []any{"user:ann", "user:"}, []any{nil}, []any{1.0, "a"}, []any{9007199254740993.0}, map[string]any{"a": 1.0}}).Draw(t, "value")
		default:
			row[a.name()] = drawValue(t, a).json // nil where it is not sent
		}
	}
	return row
}

func TestFilter(t *testing.T) {
	eq := func(field string, typ filter.Type, value any) filter.Expr {
		return filter.Expr{Op: filter.Equal, Field: field, Type: typ, Value: value}
	}
	unknown := filter.Expr{Op: filter.Unknown}
	for text, want := range map[string]filter.Expr{
		`'role:lead' in user.roles`:             {Op: filter.True},
		`request.acr > 2`:                       {Op: filter.False},
		`record.x == user.none`:                 unknown,
		`record.x < user.vip`:                   unknown,
		`record.n == user.huge`:                 unknown,
		`record.stage == 'won'`:                 eq("stage", filter.String, "won"),
		`3 < record.amount`:                     {Op: filter.Greater, Field: "amount", Type: filter.Number, Value: 3.0},
		`record.vip`:                            eq("vip", filter.Bool, true),
		`record.due < request.time`:             {Op: filter.Less, Field: "due", Type: filter.Time, Value: "2026-03-04T12:00:00Z"},
		`record.due >= user.deadline`:           {Op: filter.GreaterOrEqual, Field: "due", Type: filter.Time, Value: "2026-03-04T10:00:00Z"},
		`record.owner == user.id`:               {Op: filter.In, Field: "owner", Type: filter.String, Value: []any{"ann", "user:ann"}},
		`record.owner != ''`:                    not(eq("owner", filter.String, "")),
		`record.owner < 'b'`:                    {Op: filter.Less, Field: "owner", Type: filter.String, Prefix: "user:", Value: "b"},
		`record.owner in record.assignees`:      {Op: filter.In, Field: "owner", Other: "assignees", Type: filter.String, Prefix: "user:", OtherPrefix: "user:"},
		`record.stage == record.y`:              {Op: filter.Equal, Field: "stage", Other: "y", Type: filter.String},
		`record.x == record.y`:                  {Op: filter.Equal, Field: "x", Other: "y"},
		`record.stage in ['a', user.region]`:    {Op: filter.In, Field: "stage", Type: filter.String, Value: []any{"a", "EU"}},
		`record.stage in user.mixed`:            unknown,
		`user.id in record.assignees`:           {Op: filter.Any, Field: "assignees", Type: filter.String, Value: []any{"ann", "user:ann"}},
		`'a' in record.tags`:                    {Op: filter.Has, Field: "tags", Type: filter.String, Value: "a"},
		`record.tags.all(x, x in user.regions)`: {Op: filter.All, Field: "tags", Type: filter.String, Value: []any{"EU", "US"}},
		`record.owner.startsWith('a')`:          {Op: filter.StartsWith, Field: "owner", Type: filter.String, Prefix: "user:", Value: "a"},
		`record.owner.startsWith(user.blank)`:   {Op: filter.StartsWith, Field: "owner", Type: filter.String, Value: ""},
		`has(record.x)`:                         {Op: filter.Present, Field: "x"},
		`has(record.due)`:                       {Op: filter.Present, Field: "due", Type: filter.Time},
		`below(record.unit, user.unit)`:         {Op: filter.In, Field: "unit", Type: filter.String, Value: []any{"sales", "unit:sales", "sales/emea", "unit:sales/emea"}},
		`below(record.unit, user.none)`:         unknown,
		`inCIDR(request.ip, '10.0.0.0/8')`:      {Op: filter.True},
		`!record.vip || record.id == '1'`:       {Op: filter.Or, Args: []filter.Expr{not(eq("vip", filter.Bool, true)), eq("id", filter.String, "1")}},
	} {
		f := world(t, `{}`)
		f.Record, f.Units = unreadable{t}, unitsBelow
		got, err := mustCompile(t, text, schema).Filter(f)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// Of what is settled for every record, and of lists of nothing.
func TestFilterEdges(t *testing.T) {
	const huge = 9007199254740993.0 // which a double does not hold
	for _, c := range []struct {
		text          string
		fixed, record map[string]any
		want          witness.Truth
	}{
		{`record.n in record.scores`, map[string]any{"scores": []any{1.0}}, map[string]any{"n": 1.0}, witness.True},
		{`record.n in record.scores`, map[string]any{"scores": []any{1.0}}, map[string]any{"n": 2.0}, witness.False},
		{`record.n in record.scores`, map[string]any{"scores": []any{1.0}}, map[string]any{"n": huge}, witness.Unknown},
		{`record.n in record.x`, map[string]any{"x": []any{}}, map[string]any{"n": huge}, witness.Unknown},
		{`record.n in record.x`, map[string]any{"x": []any{}}, map[string]any{"n": 1.0}, witness.False},
		{`record.n < record.amount`, map[string]any{"n": 1.0}, map[string]any{"amount": huge}, witness.Unknown},
		{`record.n < record.amount`, map[string]any{"n": nil}, map[string]any{"amount": 2.0}, witness.Unknown},
		{`record.id == '1'`, map[string]any{"id": "2"}, map[string]any{"id": "1"}, witness.True},
		{`record.x in []`, nil, map[string]any{"x": true}, witness.False},
		{`record.x in []`, nil, map[string]any{"x": "a"}, witness.False},
		{`record.x in []`, nil, map[string]any{"x": []any{}}, witness.Unknown},
		{`record.x.all(y, y in [])`, nil, map[string]any{"x": []any{true}}, witness.False},
		{`record.x.all(y, y in [])`, nil, map[string]any{"x": []any{}}, witness.True},
		{`record.x.all(y, y in [])`, nil, map[string]any{"x": []any{true, 1.0}}, witness.Unknown},
	} {
		f := world(t, `{}`)
		f.Record, f.Fixed = nil, c.fixed
		e, err := mustCompile(t, c.text, schema).Filter(f)
		if got := witness.Eval(e, c.record); got != c.want || err != nil {
			t.Errorf("%s of %v, settled %v: %v, %v, want %v", c.text, c.record, c.fixed, got, err, c.want)
		}
	}
}

// What an expression cannot say is an error, never another expression.
func TestFilterRefuses(t *testing.T) {
	for _, c := range []struct {
		text  string
		facts func(*Facts)
		want  string
	}{
		{`below(record.unit, user.unit)`, func(f *Facts) { f.Units = nil }, "the units below another are not known"},
		{`record.t < timestamp('9999-12-31T23:59:59-23:00')`, nil, "a time in the year 10000 cannot be written down"},
		{`record.t in [timestamp('0000-01-01T00:00:00+23:00')]`, nil, "a time in the year -1 cannot be written down"},
		{`record.n in record.scores`, func(f *Facts) { f.Fixed = map[string]any{"n": 1.0} }, "n in record.scores compares two numbers of the record of which one is about to change"},
	} {
		f := world(t, `{}`)
		f.Units = unitsBelow
		if c.facts != nil {
			c.facts(f)
		}
		if _, err := mustCompile(t, c.text, schema).Filter(f); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

// An id has a spelling for every way in which a column may hold it.
func TestSpellings(t *testing.T) {
	for _, c := range []struct{ prefix, id, want string }{
		{"user:", "bob", "bob,user:bob"}, {"user:", "", ""}, {"user:", "user:", "user:,user:user:"}, {"user:", "user:bob", "user:user:bob"}, {"", "bob", "bob"}, {"user:", "unit:x", "unit:x,user:unit:x"},
	} {
		var got []string
		for _, s := range Spellings(c.prefix, c.id) {
			got = append(got, s.(string))
			if read := bareOf(c.prefix, s.(string)); read != c.id {
				t.Errorf("%q is read as %q, not %q", s, read, c.id)
			}
		}
		if want := strings.Split(c.want, ","); !slices.Equal(got, want) {
			t.Errorf("Spellings(%q, %q) = %q, want %q", c.prefix, c.id, got, want)
		}
	}
}
