package i18n

import "strings"

// template is a text cut at its braces, in every language.
type template struct{ en, zh []piece }

// piece is some text and the word after it; the last has no word.
type piece struct {
	text string
	word func(b []byte, l Lang, t Told) []byte
}

func compile(t text) template { return template{cut(t.en), cut(t.zh)} }

func cut(s string) []piece {
	var ps []piece
	for {
		before, rest, found := strings.Cut(s, "{")
		if !found {
			return append(ps, piece{text: before})
		}
		name, after, _ := strings.Cut(rest, "}")
		ps = append(ps, piece{before, words[name]})
		s = after
	}
}

// append fills the text in one pass: what is filled in is not looked at again.
func (c template) append(b []byte, l Lang, t Told) []byte {
	ps := c.en
	if l == Chinese {
		ps = c.zh
	}
	last := len(ps) - 1
	for _, p := range ps[:last] {
		b = append(b, p.text...)
		before := len(b)
		if p.word != nil {
			b = p.word(b, l, t)
		}
		if len(b) == before {
			b = append(b, missing...)
		}
	}
	return append(b, ps[last].text...)
}
