// Package i18n holds every text a person may see in an answer, in English and
// in Simplified Chinese, and chooses between them. Codes are never translated;
// texts are chosen by code. Tests hold every code of model to a text in each
// language, and every text to the words it is given.
package i18n

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"golang.org/x/text/language"
)

// Lang is a language answers come in, as Content-Language spells it.
type Lang string

const (
	English Lang = "en"    // the default
	Chinese Lang = "zh-CN" // Simplified Chinese
)

// Langs lists the languages, the default first.
var Langs = []Lang{English, Chinese}

// asked are the languages people ask for, each with the one they are answered in: who
// reads Traditional Chinese reads Simplified sooner than English.
var asked = []struct {
	tag  language.Tag
	lang Lang
}{{language.English, English}, {language.SimplifiedChinese, Chinese}, {language.TraditionalChinese, Chinese}}

var matcher = func() language.Matcher {
	var tags []language.Tag
	for _, a := range asked {
		tags = append(tags, a.tag)
	}
	return language.NewMatcher(tags)
}()

// maxAcceptLanguage bounds what is parsed; browsers send far less.
const maxAcceptLanguage = 512

// Negotiate chooses the language for an Accept-Language header. Whatever cannot
// be read, or names neither language, means English.
func Negotiate(header string) Lang {
	if header == "" || len(header) > maxAcceptLanguage {
		return English
	}
	place := &negotiated[maphash.String(seed, header)%uint64(len(negotiated))]
	if n := place.Load(); n != nil && n.header == header {
		return n.lang
	}
	n := &negotiation{strings.Clone(header), negotiate(header)}
	place.Store(n)
	return n.lang
}

// negotiated remembers headers, since most callers send one of a few. Each has
// one place, and the newest takes it: what callers make up costs them time, and
// us 256 places at most.
var (
	negotiated [256]atomic.Pointer[negotiation]
	seed       = maphash.MakeSeed()
)

type negotiation struct {
	header string
	lang   Lang
}

func negotiate(header string) Lang {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return English
	}
	_, index, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return English
	}
	return asked[index].lang
}

// text is one text in every language. Words in braces are filled in.
type text struct{ en, zh string }

func (t text) in(l Lang) string {
	if l == Chinese {
		return t.zh
	}
	return t.en
}

// Words fill the braces of a text by name.
type Words map[string]string

// missing stands for a word nobody gave, so that no brace is ever shown.
const missing = "…"

// fill replaces {name} by words[name] in one pass: what is filled in is not
// looked at again.
func fill(template string, words Words) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		word := words[name]
		if word == "" {
			word = missing
		}
		b.WriteString(word)
		template = after
	}
}

// Text is a text of a page in every language: words in braces are filled in. Pages keep
// theirs beside their templates.
type Text struct{ EN, ZH string }

// In is the text in a language, with words in its braces.
func (t Text) In(l Lang, words Words) string { return fill(text{t.EN, t.ZH}.in(l), words) }
