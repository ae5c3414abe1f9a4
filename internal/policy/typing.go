package policy

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"rolegate/internal/policy/condition"
)

// conditions are those compiled before: a new revision of a policy compiles only
// what is new in it.
var conditions condition.Cache

// compileCondition compiles a condition about records of an object, in the types
// the catalogue's entry gives to the fields it names; entry may be nil. What is
// wrong without any types is wrong with them.
func compileCondition(text string, entry *Object) (*condition.Condition, error) {
	untyped, err := conditions.Compile(text, "", nil)
	if err != nil {
		return nil, err
	}
	types := entry.typesOf(untyped.Fields())
	if types == "" {
		return untyped, nil
	}
	return conditions.Compile(text, types, func(field string) string { return entry.Fields[field].Type })
}

// typesOf is the declared types of fields, as text that tells them from others;
// "" where none is declared.
func (o *Object) typesOf(fields []string) string {
	if o == nil {
		return ""
	}
	var b strings.Builder
	for _, field := range fields {
		if typ := o.Fields[field].Type; typ != "" {
			b.WriteString(field + "\x00" + typ + "\x00")
		}
	}
	return b.String()
}

// typed are conditions with the types of one object's fields, compiled when they
// are first asked for: a row for every object may have a condition, and there
// may be many of both. nil is one that does not suit the types: what it compares
// is never of the type it is compared with, so it is unknown.
type typed struct {
	conditions atomic.Pointer[map[*clause]*condition.Condition] // replaced, never written to
	adding     sync.Mutex
}

// condition is the clause as it applies to records of the object; nil is unknown.
func (o *object) condition(c *clause) *condition.Condition {
	if o.entry == nil || len(o.entry.Fields) == 0 || c.untyped == nil {
		return c.untyped
	}
	if known := o.typed.conditions.Load(); known != nil {
		if cond, there := (*known)[c]; there {
			return cond
		}
	}
	cond, err := compileCondition(c.text, o.entry)
	if err != nil {
		cond = nil
	}
	o.typed.keep(c, cond)
	return cond
}

func (t *typed) keep(c *clause, cond *condition.Condition) {
	t.adding.Lock()
	defer t.adding.Unlock()
	all := map[*clause]*condition.Condition{}
	if known := t.conditions.Load(); known != nil {
		all = maps.Clone(*known)
	}
	all[c] = cond
	t.conditions.Store(&all)
}
