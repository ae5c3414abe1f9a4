package filter_test

import (
	"slices"

	"pgregory.net/rapid"

	"rolegate/api/filter"
)

// generator draws expressions over the columns of a table, with values that are
// stored somewhere in it.
type generator struct{ columns []column }

func (g generator) expr(t *rapid.T, depth int) filter.Expr {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
		return g.leaf(t)
	}
	op := rapid.SampledFrom([]filter.Op{filter.And, filter.Or, filter.Not, filter.Known}).Draw(t, "op")
	n := 1
	if op == filter.And || op == filter.Or {
		n = rapid.IntRange(1, 4).Draw(t, "n")
	}
	e := filter.Expr{Op: op}
	for range n {
		e.Args = append(e.Args, g.expr(t, depth-1))
	}
	return e
}

var (
	comparisons = []filter.Op{filter.Equal, filter.NotEqual, filter.Less, filter.LessOrEqual, filter.Greater, filter.GreaterOrEqual}
	tests       = []filter.Op{filter.StartsWith, filter.EndsWith, filter.Contains}
	quantifiers = []filter.Op{filter.Has, filter.Any, filter.All}
	prefixes    = []string{"", "", "user:", "a", "é", "1"}
)

func (g generator) leaf(t *rapid.T) filter.Expr {
	c := draw(t, g.columns)
	if c.share {
		return g.shared(t, c)
	}
	if rapid.IntRange(0, 9).Draw(t, "present") == 0 {
		e := filter.Expr{Op: filter.Present, Field: c.field}
		if !c.list && rapid.Bool().Draw(t, "typed") {
			e.Type = rapid.SampledFrom(c.types).Draw(t, "type")
		}
		return e
	}
	if rapid.IntRange(0, 30).Draw(t, "constant") == 0 {
		return filter.Expr{Op: rapid.SampledFrom([]filter.Op{filter.True, filter.False, filter.Unknown}).Draw(t, "op")}
	}
	typ := rapid.SampledFrom(c.types).Draw(t, "type")
	e := filter.Expr{Field: c.field, Type: typ}
	if typ == filter.String {
		e.Prefix = rapid.SampledFrom(prefixes).Draw(t, "prefix")
	}
	if c.list {
		e.Op = rapid.SampledFrom(quantifiers).Draw(t, "op")
		e.Value = g.value(t, e.Op, typ)
		return e
	}
	switch k := rapid.IntRange(0, 9).Draw(t, "leaf"); {
	case k < 2:
		if g.relate(t, &e, c) {
			return e
		}
		fallthrough
	case k < 4:
		e.Op = filter.In
	case k < 6 && typ == filter.String:
		e.Op = rapid.SampledFrom(tests).Draw(t, "op")
	case typ == filter.Bool:
		e.Op = rapid.SampledFrom(comparisons[:2]).Draw(t, "op")
	default:
		e.Op = rapid.SampledFrom(comparisons).Draw(t, "op")
	}
	e.Value = g.value(t, e.Op, typ)
	return e
}

// draw draws a column by its place: what rapid prints of it is short then.
func draw(t *rapid.T, columns []column) column {
	return columns[rapid.IntRange(0, len(columns)-1).Draw(t, "column")]
}

// relate makes the expression one about two columns, if there are two.
func (g generator) relate(t *rapid.T, e *filter.Expr, c column) bool {
	untyped := c.any && rapid.Bool().Draw(t, "untyped")
	var others []column
	for _, o := range g.columns {
		isJSON := o.Type == filter.JSON
		fits := slices.Contains(o.types, e.Type)
		if untyped {
			fits = o.any && !o.list || o.list && (isJSON || o.any && o.types[0] == c.types[0])
		}
		if fits && !o.share {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return false
	}
	o := draw(t, others)
	e.Other = o.field
	switch {
	case o.list:
		e.Op = filter.In
	case e.Type == filter.Bool && !untyped:
		e.Op = rapid.SampledFrom(comparisons[:2]).Draw(t, "op")
	default:
		e.Op = rapid.SampledFrom(comparisons).Draw(t, "op")
	}
	if untyped {
		e.Type = filter.AnyType
	}
	if e.Type == filter.String || untyped {
		e.OtherPrefix = rapid.SampledFrom(prefixes).Draw(t, "prefix")
	}
	return true
}

// value is bound: a list or one, as the op needs.
func (g generator) value(t *rapid.T, op filter.Op, typ filter.Type) any {
	if op != filter.In && op != filter.Any && op != filter.All {
		return g.scalar(t, typ)
	}
	list := []any{}
	for range rapid.SampledFrom([]int{0, 1, 2, 3, 10, 40}).Draw(t, "n") {
		list = append(list, g.scalar(t, typ))
	}
	return list
}

func (g generator) scalar(t *rapid.T, typ filter.Type) any {
	switch typ {
	case filter.String:
		if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
			return rapid.String().Draw(t, "string")
		}
		return rapid.SampledFrom(hostile).Draw(t, "string")
	case filter.Number:
		switch rapid.IntRange(0, 9).Draw(t, "any") {
		case 0:
			return rapid.Float64().Draw(t, "number")
		case 1, 2, 3:
			return float64(rapid.SampledFrom(ints).Draw(t, "number"))
		}
		return rapid.SampledFrom(doubles).Draw(t, "number")
	case filter.Bool:
		return rapid.Bool().Draw(t, "bool")
	}
	return rapid.SampledFrom(clocks).Draw(t, "time")
}

func (g generator) shared(t *rapid.T, c column) filter.Expr {
	s := filter.Share{
		To:     rapid.SliceOfN(rapid.SampledFrom([]string{"user:ann", "*", "team:1", "role:a:b", "user:b", "user:\x00", "user::"}), 0, 3).Draw(t, "to"),
		Action: rapid.SampledFrom([]string{"read", "read", "write", "", "a\x00"}).Draw(t, "action"),
		At:     rapid.SampledFrom(clocks).Draw(t, "at"),
	}
	if rapid.Bool().Draw(t, "near") {
		s.At = "2026-01-01T00:00:00Z"
	}
	return filter.Expr{Op: filter.Shared, Field: c.field, Share: &s}
}
