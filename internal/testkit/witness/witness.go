// Package witness says what filter expressions mean, a second time and without
// a thought for speed, so that tests need not take package filter's word for it.
package witness

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rolegate/api/filter"
)

// Truth is a value of Kleene's logic.
type Truth int

const (
	False   Truth = -1
	Unknown Truth = 0
	True    Truth = 1
)

// Passes tells whether the record, columns with their values as encoding/json
// decodes them, is let through. A column that is missing is NULL.
func Passes(f filter.Filter, record map[string]any) bool {
	switch f.Kind {
	case filter.Always:
		return true
	case filter.Conditional:
		return Eval(*f.Expr, record) == True
	}
	return false
}

func is(b bool) Truth {
	if b {
		return True
	}
	return False
}

// Eval is the expression's truth for a record.
func Eval(e filter.Expr, record map[string]any) Truth {
	switch e.Op {
	case filter.True:
		return True
	case filter.False:
		return False
	case filter.Unknown:
		return Unknown
	case filter.And, filter.Or:
		all := make([]Truth, len(e.Args))
		for i, a := range e.Args {
			all[i] = Eval(a, record)
		}
		if e.Op == filter.And {
			return slices.Min(all)
		}
		return slices.Max(all)
	case filter.Not:
		return -Eval(e.Args[0], record)
	case filter.Known:
		return is(Eval(e.Args[0], record) == True)
	case filter.Present:
		v := record[e.Field]
		if v == nil {
			return False
		}
		if e.Type == filter.AnyType {
			return True
		}
		if one(v, e.Type, e.Prefix) == nil {
			return Unknown
		}
		return True
	case filter.Shared:
		return shared(*e.Share, record["shares"])
	case filter.Has, filter.Any, filter.All:
		return ofList(e, record[e.Field])
	case filter.In:
		return in(e, record)
	}
	x, y := one(record[e.Field], e.Type, e.Prefix), any(nil)
	if e.Other != "" {
		x, y = exact(x), exact(one(record[e.Other], e.Type, e.OtherPrefix))
	} else {
		y = one(e.Value, e.Type, "")
	}
	if kind(x) == "" || kind(x) != kind(y) {
		return Unknown
	}
	return compare(e.Op, x, y)
}

func in(e filter.Expr, record map[string]any) Truth {
	x := one(record[e.Field], e.Type, e.Prefix)
	list, ok := e.Value.([]any)
	prefix := ""
	if e.Other != "" {
		x = exact(x)
		list, ok = record[e.Other].([]any)
		prefix = e.OtherPrefix
	}
	if x == nil || !ok {
		return Unknown
	}
	found := False
	for _, v := range list {
		v = one(v, e.Type, prefix)
		if e.Other != "" {
			v = exact(v)
		}
		if kind(v) != kind(x) {
			return Unknown
		}
		if v == x {
			found = True
		}
	}
	return found
}

func ofList(e filter.Expr, column any) Truth {
	list, ok := column.([]any)
	if !ok {
		return Unknown
	}
	wanted, many := e.Value.([]any)
	if !many {
		wanted = []any{e.Value}
	}
	some, every := False, True
	for _, v := range list {
		v = one(v, e.Type, e.Prefix)
		if v == nil {
			return Unknown
		}
		t := False
		for _, w := range wanted {
			if one(w, e.Type, "") == v {
				t = True
			}
		}
		some, every = max(some, t), min(every, t)
	}
	if e.Op == filter.All {
		return every
	}
	return some
}

var moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// one reads a single value; nil is absent. A time becomes one in UTC.
func one(v any, t filter.Type, prefix string) any {
	s, isText := v.(string)
	if isText && prefix != "" && len(s) > len(prefix) && s[:len(prefix)] == prefix {
		s = s[len(prefix):]
	}
	switch t {
	case filter.Time:
		at, err := time.Parse(time.RFC3339, s)
		if !isText || err != nil || !moment.MatchString(s) {
			return nil
		}
		return at.UTC()
	case filter.String:
		if isText {
			return s
		}
	case filter.Number:
		if n, ok := v.(float64); ok {
			return n
		}
	case filter.Bool:
		if b, ok := v.(bool); ok {
			return b
		}
	case filter.AnyType:
		switch v.(type) {
		case string:
			return s
		case float64, bool:
			return v
		}
	}
	return nil
}

func exact(v any) any {
	if n, ok := v.(float64); ok && (n > 1<<53-1 || n < -(1<<53-1)) {
		return nil
	}
	return v
}

func kind(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%T", v)
}

func compare(op filter.Op, x, y any) Truth {
	if s, isText := x.(string); isText {
		switch op {
		case filter.StartsWith:
			return is(strings.HasPrefix(s, y.(string)))
		case filter.EndsWith:
			return is(strings.HasSuffix(s, y.(string)))
		case filter.Contains:
			return is(strings.Contains(s, y.(string)))
		}
	}
	var less, equal bool
	switch x := x.(type) {
	case string:
		less, equal = x < y.(string), x == y.(string)
	case float64:
		less, equal = x < y.(float64), x == y.(float64)
	case time.Time:
		less, equal = x.Before(y.(time.Time)), x.Equal(y.(time.Time))
	case bool:
		if op != filter.Equal && op != filter.NotEqual {
			return Unknown
		}
		equal = x == y.(bool)
	}
	switch op {
	case filter.Equal:
		return is(equal)
	case filter.NotEqual:
		return is(!equal)
	case filter.Less:
		return is(less)
	case filter.LessOrEqual:
		return is(less || equal)
	case filter.Greater:
		return is(!less && !equal)
	case filter.GreaterOrEqual:
		return is(!less)
	}
	panic("no expression has the op " + string(op))
}

func shared(s filter.Share, column any) Truth {
	list, ok := column.([]any)
	if !ok {
		return Unknown
	}
	at, err := time.Parse(time.RFC3339, s.At)
	if err != nil {
		panic(err)
	}
	found := False
	for _, v := range list {
		entry, ok := v.(map[string]any)
		if !ok {
			return Unknown
		}
		to, ok := entry["to"].(string)
		typ, id, colon := strings.Cut(to, ":")
		if !ok || to != "*" && (!colon || typ == "" || id == "") {
			return Unknown
		}
		actions, sent := entry["actions"]
		names, ok := actions.([]any)
		if !sent || actions != nil && !ok {
			return Unknown
		}
		live := true
		if until := entry["until"]; until != nil {
			text, ok := until.(string)
			end, err := time.Parse(time.RFC3339, text)
			if !ok || err != nil || !moment.MatchString(text) {
				return Unknown
			}
			live = end.After(at)
		}
		named := false
		for _, n := range names {
			name, ok := n.(string)
			if !ok {
				return Unknown
			}
			named = named || name == s.Action
		}
		if named && live && slices.Contains(s.To, to) {
			found = True
		}
	}
	return found
}
