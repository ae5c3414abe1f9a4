package condition

import (
	"regexp"
	"strings"

	"rolegate/model"
)

// maxNesting is the limit of parentheses, brackets and operators within one
// another. CEL's parser holds it for all but a row of !, of which it makes one
// or none.
const maxNesting = 64

func tooDeep() *Error {
	return &Error{0, model.Say("the condition is nested more than 64 levels deep")}
}

var (
	// opaque is what a ! is no operator in: comments, names in backticks,
	// strings. It is right about texts that CEL has parsed.
	opaque = regexp.MustCompile(`(?s)//[^\n]*|` + "`[^`]*`" +
		`|(?i:r|rb|br)(?:'''.*?'''|""".*?"""|'[^']*'|"[^"]*")` +
		`|'''(?:\\.|[^\\])*?'''|"""(?:\\.|[^\\])*?"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"`)

	manyNots = regexp.MustCompile(`!(?:\s*!){64}`)
)

// tooManyNots tells whether a text that CEL has parsed has more ! in a row than
// the limit.
func tooManyNots(text string) bool {
	if strings.Count(text, "!") <= maxNesting {
		return false
	}
	return manyNots.MatchString(opaque.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "//") {
			return "" // it may stand between two
		}
		return "''"
	}))
}
