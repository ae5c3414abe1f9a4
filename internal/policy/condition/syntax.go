package condition

import (
	"strings"

	"cel.dev/cel-go/common"

	"rolegate/model"
)

// syntaxError words what the parser says. It counts lines from 1 and columns
// from 0, in code points.
func syntaxError(text string, e *common.Error) *Error {
	offset := 0
	for range e.Location.Line() - 1 {
		offset += strings.IndexByte(text[offset:], '\n') + 1
	}
	offset += bytesOf(text[offset:], e.Location.Column())

	message := strings.TrimPrefix(e.Message, "Syntax error: ")
	reason := notCEL(message, text[offset:])
	switch {
	case strings.HasPrefix(message, "expression recursion limit"):
		return tooDeep()
	case strings.Contains(message, "<EOF>"):
		reason = model.Say("the condition ends too early")
	case message == "invalid int literal":
		reason = model.Say("the number is %s", tooLarge)
	case message == "invalid double literal":
		reason = model.Say("the number is too large: numbers end at 2^53-1")
	case message == "unexpected quoted identifier" && hasUnseen(text[offset:]):
		reason = model.Say("the name contains a character that cannot be seen")
	}
	return &Error{offset, reason}
}

var tooLarge = model.Say("beyond 2^53-1, where numbers are no longer exact")

// notCEL says what the parser does, of the text from where it says it.
func notCEL(message, from string) model.Phrase {
	const mismatch, reserved = "mismatched input '", "reserved identifier: "
	if rest, ok := strings.CutPrefix(message, mismatch); ok {
		if strings.HasPrefix(from, "`") {
			rest = "`" + strings.TrimPrefix(rest, "`") // which Slice took
		}
		if token, wanted, ok := strings.Cut(strings.TrimSuffix(rest, "'"), "' expecting '"); ok {
			return model.Say("this is not CEL: mismatched input '%s' expecting '%s'", token, wanted)
		}
	}
	if word, ok := strings.CutPrefix(message, reserved); ok {
		return model.Say("this is not CEL: reserved identifier: %s", word)
	}
	if known, ok := messages[message]; ok {
		return model.Say("this is not CEL: %s", known)
	}
	return model.Say("this is not CEL").Noting(message)
}

// messages are the parser's other ones, by their text.
var messages = func() map[string]model.Phrase {
	by := map[string]model.Phrase{}
	for _, p := range []model.Phrase{
		model.Say("unexpected token"),
		model.Say("unexpected token after expression"),
		model.Say("unexpected character"),
		model.Say("unexpected '-'"),
		model.Say("unexpected single '&', expected '&&'"),
		model.Say("unexpected single '|', expected '||'"),
		model.Say("unexpected quoted identifier"),
		model.Say("unterminated quoted identifier"),
		model.Say("unterminated string literal"),
		model.Say("unterminated bytes literal"),
		model.Say("unable to unescape string"),
		model.Say("unable to unescape octal sequence in string"),
		model.Say(`unable to unescape string, found '\' as last character`),
		model.Say("invalid unicode code point"),
		model.Say("invalid uint literal"),
		model.Say("floating point literal missing digits after decimal separator"),
		model.Say("floating point literal missing digits after exponent separator"),
		model.Say("integral literal missing digits after hexadecimal separator"),
		model.Say("expected identifier"),
		model.Say("expected identifier after '.'"),
		model.Say("expected struct field name"),
		model.Say("expected ':' in conditional expression"),
		model.Say("expected ':' in struct field"),
		model.Say("expected ':' in map entry"),
		model.Say("expected ']'"),
		model.Say("expected '}'"),
		model.Say("expected ')'"),
		model.Say("unsupported syntax '.?'"),
		model.Say("unsupported syntax '[?'"),
		model.Say("unsupported syntax '?'"),
		model.Say("unsupported syntax: '`'"),
	} {
		by[p.Text] = p
	}
	return by
}()
