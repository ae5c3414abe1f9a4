package condition

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/parser"
)

// FuzzCompile holds that no text makes Compile panic, that errors point into
// the text, that names CEL does not know are all that is added to it, and that
// what is accepted can be asked, is read alike by CEL's two parsers, and is CEL.
// Its facts come from the text too.
func FuzzCompile(f *testing.F) {
	for _, text := range benchmarks {
		f.Add(text, "a", 1.0)
	}
	for _, text := range []string{"", "record.x", "!(", "record.x == '\\u00e9' // é", "record.`a-b` in [1, -2.5e3, user.x]", "[[[", "x.y.z(1)[2]", "\xff",
		"record.金额 > 1 // 金额", "record.`合同 金额（元）` in [rb'中', '''文\\'''', R\"字\"]", "金(`额`.`_==_`(1))", "!!!record.x", "1金 iné `a"} {
		f.Add(text, "2026-03-04T12:00:00Z", -0.5)
	}
	antlr := newParser(parser.EnablePrattParser(false))
	f.Fuzz(func(t *testing.T, text, s string, n float64) {
		for _, declared := range []Schema{nil, schema} {
			c, err := Compile(text, declared)
			if checkText(text) == nil {
				sameAsCEL(t, text, declared, c, err)
			}
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Reason.IsZero() || !utf8.ValidString(e.Reason.Text) {
					t.Fatalf("Compile(%q): %#v", text, err)
				}
				continue
			}
			if beyondQuotes.MatchString(text) || strings.Contains(text, "0X") {
				continue // CEL's other parser insists on its characters, and on 0x
			}
			theirs, err := compile(newSource(text), text, declared, antlr)
			if err != nil || !reflect.DeepEqual(c.root, theirs.root) {
				t.Fatalf("%q has two readings: %+v and %+v, %v", text, c.root, theirs, err)
			}
			if _, issues := celEnv.ParseSource(newSource(text)); issues.Err() != nil {
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

// beyondQuotes finds what CEL refuses between backticks, or may do so.
var beyondQuotes = regexp.MustCompile("`[^`]*[^\\w./ `-][^`]*`")

// sameAsCEL holds that a text compiles as it does when CEL sees it as it is,
// unless CEL finds fault with characters of names.
func sameAsCEL(t *testing.T, text string, declared Schema, c *Condition, err error) {
	t.Helper()
	plain, plainErr := compile(common.NewTextSource(text), text, declared, celParser)
	if plainErr == nil {
		if err != nil || !reflect.DeepEqual(c, plain) {
			t.Fatalf("%q is %+v, %v; before it was %+v", text, c, err, plain)
		}
		return
	}
	switch plainErr.(*Error).Reason.Text {
	case "this is not CEL: unexpected character", "this is not CEL: unexpected quoted identifier":
		return
	}
	var e *Error
	if errors.As(err, &e) && e.Offset == plainErr.(*Error).Offset && strings.Contains(e.Reason.Text, "mismatched input") {
		return // which is shown, and may be longer now
	}
	if !reflect.DeepEqual(err, plainErr) {
		t.Fatalf("%q is refused: %v; before it was %v", text, err, plainErr)
	}
}

// always is a record in which every attribute is the same.
type always struct{ v any }

func (a always) Attribute(string) (any, bool) { return a.v, true }
