package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api/filter"
	"rolegate/internal/testkit/witness"
)

func TestSimplified(t *testing.T) {
	const (
		yes = iota
		no
		unsure
	)
	constants := [3]filter.Expr{{Op: filter.True}, {Op: filter.False}, {Op: filter.Unknown}}
	is := func(field string, v any) filter.Expr {
		return filter.Expr{Op: filter.Equal, Field: field, Type: filter.String, Value: v}
	}
	in := func(op filter.Op, field string, vs ...any) filter.Expr {
		return filter.Expr{Op: op, Field: field, Type: filter.String, Value: append([]any{}, vs...)}
	}
	a, b := is("a", "1"), in(filter.Has, "b", "2")
	prefixed, number, fields := is("a", "2"), filter.Expr{Op: filter.Equal, Field: "a", Type: filter.Number, Value: 1.0}, filter.Expr{Op: filter.Equal, Field: "a", Other: "b"}
	prefixed.Prefix = "user:"
	for _, c := range []struct {
		name    string
		e, want filter.Expr
	}{
		{"nothing required", allOf(), constants[yes]},
		{"nothing granted", anyOf(), constants[no]},
		{"one of one", anyOf(allOf(a)), a},
		{"what makes no difference", allOf(constants[yes], a, anyOf(constants[no], b)), allOf(a, b)},
		{"what settles it", allOf(a, anyOf(b, constants[yes]), constants[no]), constants[no]},
		{"unknown does not pass", anyOf(a, allOf(b, constants[unsure])), a},
		{"unknown denies", allOf(a, notOf(anyOf(constants[unsure], b))), constants[no]},
		{"unknown within a denial", notOf(allOf(b, constants[unsure])), notOf(b)},
		{"twice not", notOf(notOf(b)), b},
		{"not equal", notOf(a), filter.Expr{Op: filter.NotEqual, Field: "a", Type: filter.String, Value: "1"}},
		{"not not equal", notOf(filter.Expr{Op: filter.NotEqual, Field: "a", Other: "b"}), fields},
		{"nested", anyOf(anyOf(b, notOf(b)), fields), anyOf(b, notOf(b), fields)},
		{"the same twice", allOf(notOf(b), fields, notOf(b)), allOf(notOf(b), fields)},
		{"lists", anyOf(in(filter.In, "a", "1", "2"), b, is("a", "3"), in(filter.In, "a", "2", "4")), anyOf(in(filter.In, "a", "1", "2", "3", "4"), b)},
		{"equals", anyOf(a, is("a", "2")), in(filter.In, "a", "1", "2")},
		{"the same equals", anyOf(a, in(filter.In, "a"), a), a},
		{"a list in a column", anyOf(in(filter.Any, "a", "1"), in(filter.Any, "a", "2")), in(filter.Any, "a", "1", "2")},
		{"of two ops", anyOf(in(filter.Any, "a", "1"), in(filter.In, "a", "2")), anyOf(in(filter.Any, "a", "1"), in(filter.In, "a", "2"))},
		{"of two types", anyOf(a, number), anyOf(a, number)},
		{"with a prefix", anyOf(a, prefixed), anyOf(a, prefixed)},
		{"with two fields", anyOf(a, fields), anyOf(a, fields)},
		{"lists of and", allOf(a, is("a", "2")), allOf(a, is("a", "2"))},
	} {
		if diff := cmp.Diff(c.want, simplified(c.e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	many := make([]filter.Expr, manyArgs+1)
	for i := range many {
		many[i] = notOf(b)
	}
	if got := simplified(anyOf(many...)); len(got.Args) != len(many) {
		t.Errorf("%d arguments were compared", len(many))
	}
}

// What is simplified lets the same records through, whatever it was.
func TestSimplifiedIsTheSame(t *testing.T) {
	leaf := func(t *rapid.T) filter.Expr {
		field := pick(t, "a", "b")
		switch rapid.IntRange(0, 5).Draw(t, "leaf") {
		case 0:
			return filter.Expr{Op: pick(t, filter.True, filter.False, filter.Unknown)}
		case 1:
			return filter.Expr{Op: pick(t, filter.Equal, filter.NotEqual), Field: field, Type: filter.String, Value: pick(t, "x", "y")}
		case 2:
			return filter.Expr{Op: pick(t, filter.Any, filter.All, filter.In), Field: field, Type: filter.String, Value: some[any](t, "x", "y", "z")}
		case 3:
			return filter.Expr{Op: filter.Equal, Field: field, Type: filter.Number, Value: 1.0}
		case 4:
			return filter.Expr{Op: filter.Equal, Field: field, Type: filter.String, Prefix: "user:", Value: "x"}
		}
		return present(field)
	}
	var draw func(t *rapid.T, depth int) filter.Expr
	draw = func(t *rapid.T, depth int) filter.Expr {
		if depth == 0 {
			e := leaf(t)
			if list, ok := e.Value.([]any); ok && list == nil {
				e.Value = []any{}
			}
			return e
		}
		if rapid.IntRange(0, 3).Draw(t, "op") == 3 {
			return notOf(draw(t, depth-1))
		}
		e := filter.Expr{Op: pick(t, filter.And, filter.Or)}
		for range rapid.IntRange(1, 4).Draw(t, "args") {
			e.Args = append(e.Args, draw(t, depth-1))
		}
		return e
	}
	values := []any{nil, "x", "y", "user:x", "", 1.0, []any{}, []any{"x"}, []any{"y", "z"}, []any{"x", 1.0}}
	rapid.Check(t, func(t *rapid.T) {
		e := draw(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		short := simplified(e)
		for _, a := range values {
			for _, b := range values {
				record := map[string]any{"a": a, "b": b}
				if want, got := witness.Eval(e, record), witness.Eval(short, record); (want == witness.True) != (got == witness.True) {
					t.Fatalf("%v: %+v is %v, simplified %+v is %v", record, e, want, short, got)
				}
			}
		}
	})
}
