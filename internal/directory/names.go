package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// MaxID is the longest id in bytes.
const MaxID = 256

// checkID refuses what cannot be an id: empty, too long, not text, or the wildcard.
func checkID(what model.Phrase, id string) error {
	switch {
	case id == "":
		return model.Errorf(model.CodeInvalidRequest, "the %s is empty", what)
	case len(id) > MaxID:
		return model.Errorf(model.CodeInvalidRequest, "the %s is longer than %d bytes", what, MaxID)
	case id == "*":
		return model.Errorf(model.CodeInvalidRequest, "the %s is *, which stands for all of them", what)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, invisible):
		return model.Errorf(model.CodeInvalidRequest, "the %s %q holds characters that cannot be seen, or is not UTF-8", what, id)
	}
	return nil
}

// invisible tells control and format characters: two names that look the same
// must not be two names.
func invisible(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// checkBare is checkID for an id whose kind was taken off: a second prefix would
// make it another id to whoever takes it off again.
func checkBare(kind, id string) error { return checkBareAs(noun(kind), kind, id) }

// checkBareAs is checkBare for an id that is called what it is an id of: a manager,
// not a user.
func checkBareAs(what model.Phrase, kind, id string) error {
	if strings.HasPrefix(id, kind+":") {
		return model.Errorf(model.CodeInvalidRequest, "%q begins with %s: twice", kind+":"+id, kind)
	}
	return checkID(what, id)
}

// checkGroup is checkBare for a role or team that is about to be known: a policy
// row could never name it otherwise. The rule is policy's for the names in rows.
func checkGroup(kind, id string) error {
	if err := checkBare(kind, id); err != nil {
		return err
	}
	var reason model.Phrase
	switch {
	case strings.Contains(id, "*"):
		reason = model.Say("contains *: in a policy there are no patterns")
	case strings.Contains(id, ","):
		reason = model.Say("contains a comma, which ends a name in a policy")
	case strings.TrimSpace(id) != id:
		reason = model.Say("begins or ends with a blank")
	default:
		return nil
	}
	return model.Errorf(model.CodeInvalidRequest, "the %s %q %s", noun(kind), id, reason)
}

// nouns are what ids name, and members that do, as sentences have them.
var nouns = map[string]model.Phrase{
	"manager":   model.Say("manager"),
	"parent":    model.Say("parent"),
	"role":      model.Say("role"),
	"subject":   model.Say("subject"),
	"team":      model.Say("team"),
	"territory": model.Say("territory"),
	"unit":      model.Say("unit"),
}

// noun is a kind as a word of a sentence.
func noun(kind string) model.Phrase {
	if p, ok := nouns[kind]; ok {
		return p
	}
	return model.Verbatim(kind)
}

// Bare takes the kind's prefix off an id that may be written with it:
// "role:sales-rep" and "sales-rep" are the same role.
func Bare(kind, id string) string { return strings.TrimPrefix(id, kind+":") }

func bareUser(key string) string { return Bare("user", key) }

// MemberKey completes the member of an assignment: without a prefix it is a user.
func MemberKey(id string) string {
	if strings.Contains(id, ":") {
		return id
	}
	return "user:" + id
}

// checkMember refuses what cannot hold a role.
func checkMember(key string) error {
	typ, id, ok := strings.Cut(key, ":")
	if !ok || typ == "" {
		return model.Errorf(model.CodeInvalidRequest, "%q is no member: write type:id, such as user:alice or team:emea", key)
	}
	if typ == "role" {
		return model.Errorf(model.CodeInvalidRequest, "%q is a role; which roles inherit which is written in the policy document, as g rows", key)
	}
	return checkID(model.Say("member's id"), id)
}
