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
// id of a subject, or nothing when it can. Names are compared byte for byte, so what
// looks like another name or cannot be seen is refused. Commas are refused
// because Casbin keys its rows by their cells joined with commas, and would
// take two different rows for one.
func checkName(s string) (reason model.Phrase) {
	if isPlain(s) {
		return reason
	}
	switch {
	case s == "":
		return model.Say("is empty")
	case len(s) > maxID:
		return model.Say("is longer than 256 bytes")
	case !utf8.ValidString(s):
		return model.Say("is not valid UTF-8")
	case strings.Contains(s, everything):
		return model.Say("contains *: there are no patterns, * stands alone or not at all")
	case strings.Contains(s, ","):
		return model.Say("contains a comma")
	case strings.TrimSpace(s) != s:
		return model.Say("begins or ends with a blank")
	case strings.ContainsFunc(s, unicode.IsControl):
		return model.Say("contains a control character")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) }):
		return model.Say("contains a character that cannot be seen")
	}
	return reason
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
func checkNameOrAny(s string) (reason model.Phrase) {
	if s == everything {
		return reason
	}
	return checkName(s)
}

// checkSubject tells why s is not spelled type:id (role:id included).
func checkSubject(s string) (reason model.Phrase) {
	kind, id, found := strings.Cut(s, ":")
	if s == "" {
		return model.Say("is empty")
	}
	if !found {
		return model.Say("is not spelled type:id, such as user:alice or role:sales-rep")
	}
	if r := checkName(kind); !r.IsZero() {
		return model.Say("has a type that %s", r)
	}
	if r := checkName(id); !r.IsZero() {
		return model.Say("has an id that %s", r)
	}
	if strings.HasPrefix(id, kind+":") {
		return model.Say("says %s: twice", kind)
	}
	return reason
}

// roleID returns the bare id of a "role:id" key.
func roleID(key string) (id string, ok bool) {
	return strings.CutPrefix(key, model.RolePrefix)
}
