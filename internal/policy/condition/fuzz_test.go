package condition

import (
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"cel.dev/cel-go/parser"
)

// FuzzCompile holds that no text makes Compile panic, that errors point into
// the text, and that what is accepted can be asked, is read alike by CEL's two
// parsers, and is CEL. Its facts come from the text too.
func FuzzCompile(f *testing.F) {
	for _, text := range benchmarks {
		f.Add(text, "a", 1.0)
	}
	for _, text := range []string{"", "record.x", "!(", "record.x == '\\u00e9' // é", "record.`a-b` in [1, -2.5e3, user.x]", "[[[", "x.y.z(1)[2]", "\xff"} {
		f.Add(text, "2026-03-04T12:00:00Z", -0.5)
	}
	antlr := newParser(parser.EnablePrattParser(false))
	f.Fuzz(func(t *testing.T, text, s string, n float64) {
		for _, declared := range []Schema{nil, schema} {
			c, err := Compile(text, declared)
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Reason == "" || !utf8.ValidString(e.Reason) {
					t.Fatalf("Compile(%q): %#v", text, err)
				}
				continue
			}
			theirs, err := compile(text, declared, antlr)
			if err != nil || !reflect.DeepEqual(c.root, theirs.root) {
				t.Fatalf("%q has two readings: %+v and %+v, %v", text, c.root, theirs, err)
			}
			if _, issues := celEnv.Parse(text); issues.Err() != nil {
				t.Fatalf("%q is accepted, and CEL refuses it: %v", text, issues.Err())
			}
			facts := world(t, "{}")
			possible := c.Possible(facts)
			for _, v := range []any{nil, s, n, true, []any{s}, []any{n, s}, []any{}, map[string]any{s: n}} {
				facts.Record = always{v}
				if got := c.Eval(facts); !possible.Has(got) {
					t.Fatalf("%q is %v, which Possible (%03b) leaves out", text, got, possible)
				}
			}
		}
	})
}

// always is a record in which every attribute is the same.
type always struct{ v any }

func (a always) Attribute(string) (any, bool) { return a.v, true }
