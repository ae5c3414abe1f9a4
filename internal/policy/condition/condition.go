package condition

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/parser"

	"rolegate/model"
)

// MaxText is the size limit of a condition, in bytes.
const MaxText = 4 << 10

// Schema gives the declared type of an object's field, as the catalogue spells
// it: string, number, bool, time, ref, or "list of" one of these; "" is not
// declared. A nil Schema declares nothing.
type Schema func(field string) string

// Error is what is wrong with a condition.
type Error struct {
	Offset int          // of the construct, in bytes from the start of the text
	Reason model.Phrase // a sentence that names it
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// Condition is a compiled condition. It is immutable, and safe for concurrent use.
type Condition struct {
	root   Node
	fields []string
}

// Eval tells whether the condition holds. It is a pure function of the facts,
// and does not allocate, but for very long lists in exists and all, and times
// whose zone is not whole hours off.
func (c *Condition) Eval(f *Facts) Truth { return c.root.eval(f) }

// Possible returns what Eval may come to with any record in place of f.Record,
// which is not read. It may name values that no record brings about, for it
// takes each comparison by itself; it never leaves one out.
func (c *Condition) Possible(f *Facts) Set { return c.root.possible(f) }

// Fields lists the attributes of the record that the condition names. It is
// shared: do not change it.
func (c *Condition) Fields() []string { return c.fields }

// Compile reads a condition about objects of a schema. The error is always an
// *Error, about the first thing that is wrong.
func Compile(text string, schema Schema) (*Condition, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	return compile(newSource(text), text, schema, celParser)
}

func compile(src common.Source, text string, schema Schema, p *parser.Parser) (*Condition, error) {
	tree, errs := p.Parse(src)
	if list := errs.GetErrors(); len(list) > 0 {
		return nil, syntaxError(text, list[0])
	}
	if tooManyNots(text) {
		return nil, tooDeep()
	}
	c := &compiler{text: text, schema: schema, info: tree.SourceInfo()}
	root := c.condition(tree.Expr())
	if c.err != nil {
		return nil, c.err
	}
	return &Condition{root: root, fields: c.fields}, nil
}

// celParser is CEL's, without any macro: has, exists and all arrive as the calls
// they look like, which the compiler reads more easily than what they would be
// expanded to, and others are refused by their own name.
var celParser = newParser(parser.EnablePrattParser(true))

func newParser(opts ...parser.Option) *parser.Parser {
	p, err := parser.NewParser(append(opts,
		parser.EnableVariadicOperatorASTs(true),
		parser.MaxRecursionDepth(maxNesting),
		parser.ErrorReportingLimit(1),
	)...)
	if err != nil {
		panic(err) // the options are constants
	}
	return p
}

func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return &Error{0, model.Say("the condition is empty")}
	case len(text) > MaxText:
		return &Error{MaxText, model.Say("the condition has %d bytes, more than the limit of 4 KiB", len(text))}
	}
	for i, r := range text {
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			return &Error{i, model.Say("the condition is not valid UTF-8")}
		}
	}
	return nil
}

// bytesOf is the length of the first n code points of s.
func bytesOf(s string, n int) int {
	for i := range s {
		if n <= 0 {
			return i
		}
		n--
	}
	return len(s)
}

// compiler turns CEL's tree into ours. It goes on after something was refused,
// with zero operands, and keeps the first error.
type compiler struct {
	text   string
	schema Schema
	info   *ast.SourceInfo
	err    *Error
	fields []string
}

func (c *compiler) refuse(offset int, format string, args ...any) {
	if c.err == nil {
		c.err = &Error{offset, model.Say(format, args...)}
	}
}

// place is where an expression is best pointed at: a name at its beginning, an
// operator at itself.
func (c *compiler) place(e ast.Expr) int {
	switch e.Kind() {
	case ast.SelectKind:
		return c.place(e.AsSelect().Operand())
	case ast.CallKind:
		// CEL points at the parenthesis of a call.
		at, name := c.offset(e), spell(e.AsCall().FunctionName())
		if before := strings.TrimRight(c.text[:at], " \t\r\n"); strings.HasSuffix(before, name) && strings.HasPrefix(c.text[at:], "(") {
			return len(before) - len(name)
		}
	}
	return c.offset(e)
}

func (c *compiler) offset(e ast.Expr) int {
	r, _ := c.info.GetOffsetRange(e.ID())
	return bytesOf(c.text, int(r.Start))
}
