package model

import (
	"errors"
	"fmt"
)

// Phrase is a sentence without its full stop, or a part of one: its English text,
// and what that was made of, so that package i18n can say it in another language.
// It is written out, as in JSON, as its English text.
type Phrase struct {
	Text   string // in English; "" for nothing to say
	Format string // what Say made the text of, and with what
	Args   []any  // a Phrase among them is said in the other language as well
}

// Say makes a phrase as fmt.Sprintf does. What is a word of a language among the
// arguments is a Phrase itself; all others are shown as they are.
func Say(format string, args ...any) Phrase {
	return Phrase{fmt.Sprintf(format, args...), format, args}
}

// Verbatim is what is the same in every language.
func Verbatim(text string) Phrase { return Say("%s", text) }

// Noting adds what is there in English only, such as a library's own message:
// other languages leave it out.
func (p Phrase) Noting(english string) Phrase {
	p.Text += ": " + english
	return p
}

func (p Phrase) String() string { return p.Text }

// IsZero tells whether there is nothing to say.
func (p Phrase) IsZero() bool { return p.Text == "" }

// Equal tells whether two phrases say the same.
func (p Phrase) Equal(q Phrase) bool { return p.Text == q.Text }

// MarshalText gives the English text.
func (p Phrase) MarshalText() ([]byte, error) { return []byte(p.Text), nil }

// UnmarshalText reads a text, of which nobody knows any more what it was made of.
func (p *Phrase) UnmarshalText(text []byte) error {
	*p = Verbatim(string(text))
	return nil
}

// Err is an error that says the phrase, and has no code.
func (p Phrase) Err() error { return &saying{p} }

type saying struct{ what Phrase }

func (e *saying) Error() string  { return e.what.Text }
func (e *saying) Phrase() Phrase { return e.what }

// PhraseOf is an error as a phrase: what it was made of where the error, or one in
// its chain, is an Error or one of Err, else its text.
func PhraseOf(err error) Phrase {
	p := Verbatim(err.Error())
	if e, ok := errors.AsType[interface {
		error
		Phrase() Phrase
	}](err); ok {
		said := e.Phrase()
		p.Format, p.Args = said.Format, said.Args
	}
	return p
}
