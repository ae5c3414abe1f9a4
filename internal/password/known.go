package password

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold makes passwords that a guesser tries together the same: case, width and
// composition. Only comparisons see it; what is hashed is never folded.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// plain undoes the usual replacements of letters, one character for another, so
// places in the text stay what they are.
func plain(folded string) []rune {
	runes := []rune(folded)
	for i, r := range runes {
		switch r {
		case '0':
			runes[i] = 'o'
		case '1', '!', 'l':
			runes[i] = 'i'
		case '3':
			runes[i] = 'e'
		case '4', '@':
			runes[i] = 'a'
		case '5', '$':
			runes[i] = 's'
		case '7', '+':
			runes[i] = 't'
		}
	}
	return runes
}

// Lengths from which a name, and a part of one, is looked for inside a password;
// what is shorter stands in too many words by chance.
const (
	minName = 3
	minPart = 4
)

// leansOn tells whether little but names is in a folded password: without them
// it would be no password of MinLengthMFA characters, or a common one. names are
// what is known of the person and of the service; their parts, such as those of
// an e-mail address, are names too.
func leansOn(folded string, names []string) bool {
	text := plain(folded)
	named := make([]bool, len(text))
	for _, name := range spelled(names) {
		for i := 0; i+len(name) <= len(text); i++ {
			if slices.Equal(text[i:i+len(name)], name) {
				for j := range name {
					named[i+j] = true
				}
			}
		}
	}
	if !slices.Contains(named, true) {
		return false
	}
	var rest strings.Builder
	for i, r := range []rune(folded) {
		if !named[i] {
			rest.WriteRune(r)
		}
	}
	return utf8.RuneCountInString(rest.String()) < MinLengthMFA || isCommon(rest.String())
}

// spelled are the names and their parts as they are looked for, the longest first.
func spelled(names []string) (out [][]rune) {
	for _, name := range names {
		if whole := plain(fold(name)); len(whole) >= minName {
			out = append(out, whole)
		}
		parts := strings.FieldsFunc(fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, part := range parts {
			if p := plain(part); len(p) >= minPart {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b []rune) int { return cmp.Compare(len(b), len(a)) })
	return out
}
