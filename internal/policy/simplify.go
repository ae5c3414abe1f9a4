package policy

import (
	"reflect"

	"rolegate/api/filter"
)

func allOf(args ...filter.Expr) filter.Expr { return filter.Expr{Op: filter.And, Args: args} }
func anyOf(args ...filter.Expr) filter.Expr { return filter.Expr{Op: filter.Or, Args: args} }
func notOf(e filter.Expr) filter.Expr       { return filter.Expr{Op: filter.Not, Args: []filter.Expr{e}} }

// simplified is an expression that is true for the same records, and shorter. It
// is true, or false, only where that needs no record; no part of it is.
func simplified(e filter.Expr) filter.Expr { return reduced(e, true) }

// reduced is true for the same records if passing, and else false for the same:
// below a not, that is what matters. What is unknown is then as good as false, or
// as true.
func reduced(e filter.Expr, passing bool) filter.Expr {
	switch e.Op {
	case filter.Unknown:
		return settled(!passing)
	case filter.Not:
		return negated(reduced(e.Args[0], !passing))
	case filter.And, filter.Or:
		return joined(e, passing)
	}
	return e
}

// settled is an expression without a question.
func settled(t bool) filter.Expr {
	if t {
		return filter.Expr{Op: filter.True}
	}
	return filter.Expr{Op: filter.False}
}

func negated(e filter.Expr) filter.Expr {
	switch e.Op {
	case filter.True, filter.False:
		return settled(e.Op == filter.False)
	case filter.Not:
		return e.Args[0]
	case filter.Equal:
		e.Op = filter.NotEqual
		return e
	case filter.NotEqual:
		e.Op = filter.Equal
		return e
	}
	return notOf(e)
}

// joined reduces and, or: one operand may settle it, some make no difference, and
// nested ones of the same kind are one.
func joined(e filter.Expr, passing bool) filter.Expr {
	settles, idle := filter.False, filter.True
	if e.Op == filter.Or {
		settles, idle = idle, settles
	}
	var args []filter.Expr
	for _, arg := range e.Args {
		switch arg = reduced(arg, passing); arg.Op {
		case settles:
			return arg
		case idle:
		case e.Op:
			args = append(args, arg.Args...)
		default:
			args = append(args, arg)
		}
	}
	if e.Op == filter.Or {
		args = mergedLists(args)
	}
	switch args = distinct(args); len(args) {
	case 0:
		return filter.Expr{Op: idle}
	case 1:
		return args[0]
	}
	return filter.Expr{Op: e.Op, Args: args}
}

// mergedLists makes one list of several that a column is looked for in, or that
// one of is looked for in a column. What is absent is unknown in all of them.
func mergedLists(args []filter.Expr) []filter.Expr {
	type column struct {
		op    filter.Op
		field string
		typ   filter.Type
	}
	merged := make([]filter.Expr, 0, len(args))
	at := map[column]int{}
	lists := map[int][][]any{}
	for _, e := range args {
		list, ok := listOf(&e)
		if !ok {
			merged = append(merged, e)
			continue
		}
		key := column{filter.In, e.Field, e.Type}
		if e.Op == filter.Any {
			key.op = filter.Any
		}
		i, met := at[key]
		if !met {
			i = len(merged)
			at[key] = i
			merged = append(merged, e)
		}
		lists[i] = append(lists[i], list)
	}
	for i, several := range lists {
		if len(several) == 1 {
			continue
		}
		e := &merged[i]
		if e.Op == filter.Equal {
			e.Op = filter.In
		}
		e.Value = union(several)
		if list := e.Value.([]any); len(list) == 1 && e.Op == filter.In {
			e.Op, e.Value = filter.Equal, list[0]
		}
	}
	return merged
}

// listOf is the values that e finds, where it is In, Any, or Equal as an In of
// one. Values of one type are comparable, and times are left as they are spelled.
func listOf(e *filter.Expr) ([]any, bool) {
	if e.Other != "" || e.Prefix != "" {
		return nil, false
	}
	switch e.Op {
	case filter.In, filter.Any:
		list, ok := e.Value.([]any)
		return list, ok
	case filter.Equal:
		return []any{e.Value}, e.Type != filter.AnyType
	}
	return nil, false
}

// union is what is in any of the lists, each once.
func union(lists [][]any) []any {
	met := map[any]bool{}
	out := []any{}
	for _, list := range lists {
		for _, v := range list {
			if !met[v] {
				met[v] = true
				out = append(out, v)
			}
		}
	}
	return out
}

// manyArgs is from where on looking for equal arguments costs more than it saves.
const manyArgs = 64

// distinct leaves out what stands there twice.
func distinct(args []filter.Expr) []filter.Expr {
	if len(args) > manyArgs {
		return args
	}
	var out []filter.Expr
next:
	for i := range args {
		for j := range out {
			if args[i].Op == out[j].Op && args[i].Field == out[j].Field && reflect.DeepEqual(args[i], out[j]) {
				continue next
			}
		}
		out = append(out, args[i])
	}
	return out
}
