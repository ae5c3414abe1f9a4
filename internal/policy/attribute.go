package policy

import "strings"

// one is a record attribute that names one thing. The zero value was not sent:
// it is unknown. Null and "" are known to be none.
type one struct {
	known bool
	id    string
}

func (a one) matches(f func(id string) bool) truth {
	if !a.known {
		return unknown
	}
	return truthOf(a.id != "" && f(a.id))
}

// is tells whether the attribute names id; nothing names "", so a subject
// without a unit is not in the unit of a record without one.
func (a one) is(id string) truth {
	return a.matches(func(got string) bool { return got == id })
}

func (a one) isNone() truth {
	if !a.known {
		return unknown
	}
	return truthOf(a.id == "")
}

// many is a record attribute that lists things, with the same three states.
type many[T any] struct {
	known bool
	list  []T
}

func (a many[T]) any(f func(T) bool) truth {
	if !a.known {
		return unknown
	}
	for _, v := range a.list {
		if f(v) {
			return yes
		}
	}
	return no
}

// ids is a list of ids.
type ids struct{ many[string] }

func (a ids) has(id string) truth {
	return a.any(func(got string) bool { return got == id && id != "" })
}

// bare drops the kind in front of an id of that kind: "user:bob" where users
// are named means bob. Any other id is left alone, colons and all.
func bare(kind, id string) string {
	return strings.TrimPrefix(id, kind+":")
}

// oneOf reads an attribute that names one thing of a kind. A value of another
// type says nothing.
func oneOf(kind string, v any, sent bool) one {
	switch v := v.(type) {
	case nil:
		return one{known: sent}
	case string:
		return one{known: true, id: bare(kind, v)}
	}
	return one{}
}

// idsOf reads an attribute that lists things of a kind. A list with one element
// of another type says nothing at all: half a list would be a guess.
func idsOf(kind string, v any, sent bool) ids {
	m, ok := listOf(v, sent, func(e any) (string, bool) {
		s, ok := e.(string)
		return bare(kind, s), ok
	})
	if !ok {
		return ids{}
	}
	return ids{m}
}

// listOf reads a list attribute by reading each element.
func listOf[T any](v any, sent bool, read func(any) (T, bool)) (many[T], bool) {
	if v == nil {
		return many[T]{known: sent}, true
	}
	list, ok := v.([]any)
	if !ok {
		return many[T]{}, false
	}
	m := many[T]{known: true, list: make([]T, 0, len(list))}
	for _, e := range list {
		got, ok := read(e)
		if !ok {
			return many[T]{}, false
		}
		m.list = append(m.list, got)
	}
	return m, true
}
