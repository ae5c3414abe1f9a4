package filter

import (
	"strconv"
	"strings"
)

// frag is a piece of SQL with its parameters, in the order of their places.
type frag struct {
	text   string // mark stands where a parameter goes
	params []*any
}

// mark is no part of any name or keyword we write.
const mark = "\x00"

// sql joins strings, numbers and pieces into a piece.
func sql(parts ...any) frag {
	var b strings.Builder
	var f frag
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case int:
			b.WriteString(strconv.Itoa(p))
		case frag:
			b.WriteString(p.text)
			f.params = append(f.params, p.params...)
		}
	}
	f.text = b.String()
	return f
}

// param is a place for a value. Used twice, it is one parameter where the
// dialect can number them.
func param(v any) frag { return frag{mark, []*any{&v}} }

func (f frag) empty() bool { return f.text == "" }

// render puts the dialect's placeholders in.
func (f frag) render(d Dialect, first int) (text string, params []any) {
	params = []any{}
	if d != PostgreSQL {
		for _, p := range f.params {
			params = append(params, *p)
		}
		return strings.ReplaceAll(f.text, mark, "?"), params
	}
	numbers := map[*any]int{}
	var b strings.Builder
	rest := f.text
	for _, p := range f.params {
		before, after, _ := strings.Cut(rest, mark)
		if numbers[p] == 0 {
			numbers[p] = first + len(params)
			params = append(params, *p)
		}
		b.WriteString(before)
		b.WriteString("$")
		b.WriteString(strconv.Itoa(numbers[p]))
		rest = after
	}
	b.WriteString(rest)
	return b.String(), params
}

// logic joins conditions by AND or OR, in pairs of pairs: databases bound the
// depth of an expression, not its length.
func logic(op string, conds ...frag) frag {
	switch len(conds) {
	case 1:
		return conds[0]
	case 2:
		return sql("(", conds[0], op, conds[1], ")")
	}
	half := len(conds) / 2
	return sql("(", logic(op, conds[:half]...), op, logic(op, conds[half:]...), ")")
}

func allOf(conds ...frag) frag { return logic(" AND ", compact(conds)...) }
func anyOf(conds ...frag) frag { return logic(" OR ", compact(conds)...) }

// compact drops what is empty; of nothing it makes TRUE.
func compact(conds []frag) []frag {
	var out []frag
	for _, c := range conds {
		if !c.empty() {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return []frag{sql("TRUE")}
	}
	return out
}

func notTrue(c frag) frag { return sql("((", c, ") IS NOT TRUE)") }
func negate(c frag) frag  { return sql("(NOT ", c, ")") }

// when is the condition where it can be asked, else NULL, in this order.
func when(there, cond frag) frag {
	if there.empty() {
		return cond
	}
	return sql("(CASE WHEN ", there, " THEN ", cond, " END)")
}
