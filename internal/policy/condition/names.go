package condition

import (
	"regexp"
	"strings"
	"unicode"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/runes"
)

// CEL's names are of ASCII, and a CRM's fields are called 金额 or 合同 金额（元）.
// So CEL's lexer, which judges single characters and takes the text of a token
// from its place, is shown other characters than there are, one for one: what
// is a string, a comment or a name stays CEL's to say, every place remains where
// it is, and names arrive as they are written.

// source is a text as CEL's parser is to see it.
type source struct {
	common.Source // of lines
	runes.Buffer  // of characters
}

func newSource(text string) source {
	return source{common.NewTextSource(text), runes.NewBuffer(text)}
}

// Get shows a letter or digit beyond ASCII as one that CEL allows in names. What
// ends strings and comments is ASCII, and shown as it is.
func (s source) Get(i int) rune {
	r := s.Buffer.Get(i)
	if r > unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return '_'
	}
	return r
}

// celQuoted are the names in backticks that CEL does not refuse for their
// characters.
var celQuoted = regexp.MustCompile("^`[\\w./ -]*`$")

// Slice returns the text of a token; of a name in backticks that CEL would refuse
// for its characters, without the first backtick, so that it looks like one
// without any. The last remains as a mark: no name without backticks has it, so
// that `_==_` is not taken for CEL's operator of that name.
func (s source) Slice(i, j int) string {
	token := s.Buffer.Slice(i, j)
	if name, quoted := strings.CutPrefix(token, "`"); quoted && !celQuoted.MatchString(token) && !strings.ContainsFunc(name, unseen) {
		return name
	}
	return token
}

// unseen characters are refused: who reads the condition would take the name for
// another. No field's name has any.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// hasUnseen tells whether the name in backticks that text begins with has some.
func hasUnseen(text string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "`"), "`")
	return strings.ContainsFunc(name, unseen)
}

// nameOf is the name that a token stands for.
func nameOf(token string) string { return strings.TrimSuffix(token, "`") }

// bare are the names that need no backticks; CEL knows some with a dot in front.
var bare = regexp.MustCompile(`^\.?[\pL_][\pL\p{Nd}_]*$`)

// spell gives a token, or a name, as authors write it.
func spell(token string) string {
	if bare.MatchString(token) {
		return token
	}
	return "`" + nameOf(token) + "`"
}
