package filter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Record gives the value of a column of a record as encoding/json decodes it:
// nil where it is NULL, a string, float64, bool, []any or map[string]any; a time
// as a string in RFC 3339. Any other value counts as one of another type than
// asked for. ok is false if there is no such column.
type Record func(field string) (value any, ok bool)

// FieldError tells that an expression asks for a field that has no column.
type FieldError struct{ Field string }

func (e *FieldError) Error() string {
	return fmt.Sprintf("filter: no column for the field %q", e.Field)
}

// Passes tells whether the record is one of those the filter lets through. With
// an error, which is a FieldError or says what is wrong with the filter, it does
// not.
func (f Filter) Passes(r Record) (bool, error) {
	if err := f.Validate(); err != nil {
		return false, err
	}
	switch f.Kind {
	case Always:
		return true, nil
	case Conditional:
		t, err := evaluator{r}.eval(f.Expr)
		return t == Yes && err == nil, err
	}
	return false, nil
}

// Eval tells what the expression says of a record. With an error it is No. Every
// field is asked for, whatever the others say, so that a missing column is found
// with the first record.
func (e *Expr) Eval(r Record) (Truth, error) {
	if err := e.Validate(); err != nil {
		return No, err
	}
	return evaluator{r}.eval(e)
}

type evaluator struct{ record Record }

func (r evaluator) eval(e *Expr) (Truth, error) {
	switch e.Op {
	case True:
		return Yes, nil
	case False:
		return No, nil
	case Unknown:
		return Unsure, nil
	case And, Or:
		return r.fold(e)
	case Not:
		t, err := r.eval(&e.Args[0])
		return fine(t.not(), err)
	case Known:
		t, err := r.eval(&e.Args[0])
		return fine(truthOf(t == Yes), err)
	}
	v, ok := r.record(e.Field)
	if !ok {
		return No, &FieldError{e.Field}
	}
	if e.Other == "" {
		return test(e, v), nil
	}
	w, ok := r.record(e.Other)
	if !ok {
		return No, &FieldError{e.Other}
	}
	return relate(e, v, w), nil
}

// fine is t, unless there is an error: then nothing is said, and No is the
// answer whatever stands around it.
func fine(t Truth, err error) (Truth, error) {
	if err != nil {
		return No, err
	}
	return t, nil
}

func (r evaluator) fold(e *Expr) (Truth, error) {
	t := truthOf(e.Op == And)
	for i := range e.Args {
		u, err := r.eval(&e.Args[i])
		if err != nil {
			return No, err
		}
		if e.Op == And {
			t = t.and(u)
		} else {
			t = t.or(u)
		}
	}
	return t, nil
}

// test asks about one field. The expression is valid.
func test(e *Expr, v any) Truth {
	switch e.Op {
	case Present:
		if v == nil {
			return No
		}
		if _, ok := read(v, e.Type, ""); !ok && e.Type != AnyType {
			return Unsure
		}
		return Yes
	case Has, Any, All:
		list, ok := readList(v, e.Type, e.Prefix)
		if !ok {
			return Unsure
		}
		return hold(e, list)
	case Shared:
		return shared(e.Share, v)
	}
	s, ok := read(v, e.Type, e.Prefix)
	if !ok {
		return Unsure
	}
	switch e.Op {
	case StartsWith:
		return truthOf(strings.HasPrefix(s.str, e.Value.(string)))
	case EndsWith:
		return truthOf(strings.HasSuffix(s.str, e.Value.(string)))
	case Contains:
		return truthOf(strings.Contains(s.str, e.Value.(string)))
	case In:
		return truthOf(slices.Contains(bound(e), s))
	}
	return e.Op.holds(s.compare(bound(e)[0]))
}

// bound reads the Value, a list or not.
func bound(e *Expr) []scalar {
	list, isList := e.Value.([]any)
	if !isList {
		list = []any{e.Value}
	}
	out := make([]scalar, len(list))
	for i, v := range list {
		out[i], _ = read(v, e.Type, "")
	}
	return out
}

// manyValues is from where on a set of the bound values is worth making.
const manyValues = 8

func hold(e *Expr, list []scalar) Truth {
	values := bound(e)
	in := func(s scalar) bool { return slices.Contains(values, s) }
	if len(values) > manyValues && len(list) > manyValues {
		set := make(map[scalar]bool, len(values))
		for _, v := range values {
			set[v] = true
		}
		in = func(s scalar) bool { return set[s] }
	}
	if e.Op == All {
		return truthOf(!slices.ContainsFunc(list, func(s scalar) bool { return !in(s) }))
	}
	return truthOf(slices.ContainsFunc(list, in))
}

// relate asks about two fields.
func relate(e *Expr, v, w any) Truth {
	s, ok := read(v, e.Type, e.Prefix)
	if !ok || !s.exact() {
		return Unsure
	}
	if e.Op == In {
		list, ok := readList(w, s.typ, e.OtherPrefix)
		if !ok || slices.ContainsFunc(list, func(t scalar) bool { return !t.exact() }) {
			return Unsure
		}
		return truthOf(slices.Contains(list, s))
	}
	t, ok := read(w, s.typ, e.OtherPrefix)
	if !ok || !t.exact() || s.typ == Bool && e.Op.orders() {
		return Unsure
	}
	return e.Op.holds(s.compare(t))
}

// orders tells whether the op asks which of two values is the greater.
func (o Op) orders() bool {
	return o == Less || o == LessOrEqual || o == Greater || o == GreaterOrEqual
}

// holds tells whether two values that compare as c (-1, 0, 1) stand so.
func (o Op) holds(c int) Truth {
	switch o {
	case Equal:
		return truthOf(c == 0)
	case NotEqual:
		return truthOf(c != 0)
	case Less:
		return truthOf(c < 0)
	case LessOrEqual:
		return truthOf(c <= 0)
	case Greater:
		return truthOf(c > 0)
	case GreaterOrEqual:
		return truthOf(c >= 0)
	}
	return Unsure
}

func shared(want *Share, v any) Truth {
	list, ok := v.([]any)
	if !ok {
		return Unsure
	}
	at, _ := parseTime(want.At)
	found := No
	for _, entry := range list {
		s, ok := readShare(entry)
		if !ok {
			return Unsure
		}
		if slices.Contains(s.actions, want.Action) && slices.Contains(want.To, s.to) && s.live(at) {
			found = Yes
		}
	}
	return found
}

func (s share) live(at time.Time) bool { return !s.ends || at.Before(s.until) }
