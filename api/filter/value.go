package filter

import (
	"cmp"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// scalar is one value that is there. Scalars of one type are equal if they are ==.
type scalar struct {
	typ  Type // never AnyType
	nano int32
	num  float64 // of Number; of Bool 0 or 1
	sec  int64   // of Time, since 1970
	str  string
}

func (s scalar) compare(t scalar) int {
	return cmp.Or(cmp.Compare(s.str, t.str), cmp.Compare(s.num, t.num), cmp.Compare(s.sec, t.sec), cmp.Compare(s.nano, t.nano))
}

// maxExact is the largest integer up to which doubles hold every integer.
const maxExact = 1<<53 - 1

// exact tells whether two fields may be compared by the value.
func (s scalar) exact() bool { return s.typ != Number || math.Abs(s.num) <= maxExact }

// read reads a value as a type; as AnyType, as what it is. It is false for what
// is absent: null, or of another type.
func read(v any, as Type, prefix string) (scalar, bool) {
	switch v := v.(type) {
	case string:
		if as == Time {
			t, ok := parseTime(v)
			return scalar{typ: Time, sec: t.Unix(), nano: int32(t.Nanosecond())}, ok
		}
		return scalar{typ: String, str: bare(prefix, v)}, as == String || as == AnyType
	case float64:
		finite := !math.IsInf(v, 0) && !math.IsNaN(v)
		return scalar{typ: Number, num: v + 0}, finite && (as == Number || as == AnyType)
	case bool:
		s := scalar{typ: Bool}
		if v {
			s.num = 1
		}
		return s, as == Bool || as == AnyType
	}
	return scalar{}, false
}

// readList reads all elements as a type; as AnyType, as that of the first. One
// that is absent, and the list is.
func readList(v any, as Type, prefix string) ([]scalar, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]scalar, len(list))
	for i, e := range list {
		s, ok := read(e, as, prefix)
		if !ok {
			return nil, false
		}
		out[i], as = s, s.typ
	}
	return out, true
}

// bare takes the prefix off where something is left behind it.
func bare(prefix, s string) string {
	if rest, found := strings.CutPrefix(s, prefix); found && rest != "" {
		return rest
	}
	return s
}

// parseTime reads RFC 3339, strictly: time.Parse by itself also takes hours of
// one digit, a comma before the fraction, and offsets of a day. What is below a
// nanosecond is dropped.
func parseTime(s string) (time.Time, bool) {
	const clock = len("2006-01-02T15:04:05")
	if len(s) <= clock || s[len("2006-01-02T15")] != ':' || s[clock] == ',' {
		return time.Time{}, false
	}
	if s[len(s)-1] != 'Z' {
		offset := s[max(clock, len(s)-len("+08:00")):]
		if len(offset) != len("+08:00") || offset[1:3] > "23" || offset[4:6] > "59" {
			return time.Time{}, false
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

// share is an entry of a list of shares.
type share struct {
	to      string
	actions []string
	ends    bool
	until   time.Time // where it ends
}

// readShare reads {"to", "actions", "until"?}. Null actions are none, a null
// until is none.
func readShare(v any) (s share, ok bool) {
	entry, ok := v.(map[string]any)
	if !ok {
		return share{}, false
	}
	if s.to, ok = entry["to"].(string); !ok || !isSharedTo(s.to) {
		return share{}, false
	}
	actions, sent := entry["actions"]
	list, isList := actions.([]any)
	if !sent || actions != nil && !isList {
		return share{}, false
	}
	for _, a := range list {
		name, ok := a.(string)
		if !ok {
			return share{}, false
		}
		s.actions = append(s.actions, name)
	}
	switch until := entry["until"].(type) {
	case nil:
		return s, true
	case string:
		s.until, s.ends = parseTime(until)
		return s, s.ends
	}
	return share{}, false
}

// isSharedTo tells whether to is * or type:id.
func isSharedTo(to string) bool {
	kind, id, found := strings.Cut(to, ":")
	return to == "*" || found && kind != "" && id != ""
}

// text tells whether a string is one that JSON can hold.
func text(s string) bool { return utf8.ValidString(s) }
