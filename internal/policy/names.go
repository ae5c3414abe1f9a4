package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// everything is the one wildcard there is: a lone star for any subject, object,
// action or field. There are no patterns.
const everything = "*"

// maxID bounds types, ids and names, in bytes.
const maxID = 256

// checkName tells why s cannot be a name (of an object, action or field) or the
// id of a subject, or "" when it can. Names are compared byte for byte, so what
// looks like another name or cannot be seen is refused. Commas are refused
// because Casbin keys its rows by their cells joined with commas, and would
// take two different rows for one.
func checkName(s string) (reason string) {
	if isPlain(s) {
		return ""
	}
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxID:
		return "is longer than 256 bytes"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.Contains(s, everything):
		return "contains *: there are no patterns, * stands alone or not at all"
	case strings.Contains(s, ","):
		return "contains a comma"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a blank"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) }):
		return "contains a character that cannot be seen"
	}
	return ""
}

// isPlain tells whether s is a name beyond doubt, as nearly all are: letters,
// digits and signs of ASCII.
func isPlain(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '*' || c == ',' {
			return false
		}
	}
	return true
}

// checkNameOrAny is checkName for places where a lone star is allowed.
func checkNameOrAny(s string) (reason string) {
	if s == everything {
		return ""
	}
	return checkName(s)
}

// checkSubject tells why s is not spelled type:id (role:id included).
func checkSubject(s string) (reason string) {
	kind, id, found := strings.Cut(s, ":")
	if s == "" {
		return "is empty"
	}
	if !found {
		return "is not spelled type:id, such as user:alice or role:sales-rep"
	}
	if r := checkName(kind); r != "" {
		return "has a type that " + r
	}
	if r := checkName(id); r != "" {
		return "has an id that " + r
	}
	if strings.HasPrefix(id, kind+":") {
		return "says " + kind + ": twice"
	}
	return ""
}

// roleID returns the bare id of a "role:id" key.
func roleID(key string) (id string, ok bool) {
	return strings.CutPrefix(key, model.RolePrefix)
}
