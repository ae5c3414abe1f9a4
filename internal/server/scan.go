package server

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/policy"
	"rolegate/model"
)

// scanner reads decision requests of the shape nearly all have, many times
// faster than parse: known members only, each once, each of its right type. It
// never says what is wrong. Whatever it does not know it leaves to parse, which
// is the only judge of requests: what the scanner takes, parse takes with the
// same meaning.
//
// Strings that hold no escape share the memory of the text.
type scanner struct {
	text    string
	at      int
	nesting int // levels at most
}

// scanEvaluation reads a single question.
func scanEvaluation(text string, nesting int) (policy.Request, bool) {
	c := scanner{text: text, nesting: nesting}
	var q sent
	if !utf8.ValidString(text) || !c.object(func(name string) bool { return c.member(&q, name, 1) }) || !c.end() {
		return policy.Request{}, false
	}
	return q.Request, q.has&whole == whole && policy.CheckQuestion(&q.Question) == nil
}

// scanEvaluations reads a batch of one item or more.
func scanEvaluations(text string, limits model.Limits) (rs []policy.Request, sem policy.Semantic, ok bool) {
	c := scanner{text: text, nesting: limits.Nesting}
	var defaults sent
	var items []sent
	sem = policy.ExecuteAll
	listed, optioned := false, false
	ok = utf8.ValidString(text) && c.object(func(name string) bool {
		switch name {
		case "evaluations":
			if listed {
				return false
			}
			listed = true
			items = make([]sent, 0, min(limits.Batch, len(text)/48+1))
			return c.array(func() bool {
				items = append(items, sent{})
				item := &items[len(items)-1]
				return len(items) <= limits.Batch && c.object(func(name string) bool { return c.member(item, name, 3) })
			})
		case "options":
			if optioned {
				return false
			}
			optioned = true
			return c.options(&sem)
		}
		return c.member(&defaults, name, 1)
	}) && c.end()
	if !ok || len(items) == 0 {
		return nil, "", false
	}
	rs = make([]policy.Request, len(items))
	for i := range items {
		if !items[i].complete(&defaults) || policy.CheckQuestion(&items[i].Question) != nil {
			return nil, "", false
		}
		rs[i] = items[i].Request
	}
	return rs, sem, true
}

// sent is a question as far as it was sent.
type sent struct {
	policy.Request
	has uint8
}

const (
	hasSubject = 1 << iota
	hasAction
	hasResource
	hasContext

	whole = hasSubject | hasAction | hasResource
)

// complete takes what the item does not have from the defaults, and tells
// whether it then is a question.
func (q *sent) complete(defaults *sent) bool {
	taken := defaults.has &^ q.has
	if taken&hasSubject != 0 {
		q.Question.Subject = defaults.Question.Subject
	}
	if taken&hasAction != 0 {
		q.Question.Action = defaults.Question.Action
	}
	if taken&hasResource != 0 {
		q.Question.Resource = defaults.Question.Resource
	}
	if taken&hasContext != 0 {
		q.Question.Context = defaults.Question.Context
		q.AccessToken, q.MinRevision = defaults.AccessToken, defaults.MinRevision
	}
	return (q.has|taken)&whole == whole
}

// member reads the value of one of a question's members, which stands in an
// object on the given level.
func (c *scanner) member(q *sent, name string, level int) bool {
	var bit uint8
	switch name {
	case "subject":
		bit = hasSubject
	case "action":
		bit = hasAction
	case "resource":
		bit = hasResource
	case "context":
		bit = hasContext
	}
	if bit == 0 || q.has&bit != 0 {
		return false
	}
	q.has |= bit
	switch bit {
	case hasSubject:
		return c.entity(&q.Question.Subject, level+1)
	case hasAction:
		return c.action(&q.Question.Action, level+1)
	case hasResource:
		return c.entity(&q.Question.Resource, level+1)
	}
	return c.context(q, level+1)
}

func (c *scanner) entity(e *model.Entity, level int) bool {
	ok := c.object(func(name string) bool {
		switch name {
		case "type":
			return e.Type == "" && c.identifier(&e.Type)
		case "id":
			return e.ID == "" && c.identifier(&e.ID)
		case "properties":
			return e.Properties == nil && c.tree(&e.Properties, level+1)
		}
		return false
	})
	return ok && e.Type != "" && e.ID != ""
}

func (c *scanner) action(a *model.Action, level int) bool {
	ok := c.object(func(name string) bool {
		switch name {
		case "name":
			return a.Name == "" && c.identifier(&a.Name)
		case "properties":
			return a.Properties == nil && c.tree(&a.Properties, level+1)
		}
		return false
	})
	return ok && a.Name != ""
}

// context takes out what is meant for us.
func (c *scanner) context(q *sent, level int) bool {
	q.Question.Context = map[string]any{}
	revised := false
	return c.members(func(name string) bool {
		switch name {
		case accessToken:
			if q.AccessToken != nil {
				return false
			}
			token, ok := c.str()
			q.AccessToken = &token
			return ok
		case minRevision:
			n, ok := c.number()
			if !ok || revised || !isRevision(n) {
				return false
			}
			q.MinRevision, revised = int64(n), true
			return true
		}
		return c.into(q.Question.Context, name, level)
	})
}

func (c *scanner) options(sem *policy.Semantic) bool {
	var o map[string]any
	if !c.tree(&o, 2) {
		return false
	}
	word, there := o[semanticOption]
	if !there {
		return true
	}
	s, _ := word.(string)
	*sem = policy.Semantic(s)
	return isSemantic(*sem)
}

// identifier reads a type, an id or a name, as member.name wants it.
func (c *scanner) identifier(s *string) (ok bool) {
	*s, ok = c.str()
	return ok && *s != "" && len(*s) <= maxName && strings.IndexByte(*s, 0) < 0
}

// object reads an object whose names need no unescaping; value reads each
// member's value.
func (c *scanner) object(value func(name string) bool) bool {
	return c.each(value, c.plain)
}

// members reads an object with any names.
func (c *scanner) members(value func(name string) bool) bool {
	return c.each(value, c.str)
}

func (c *scanner) each(value func(name string) bool, readName func() (string, bool)) bool {
	if !c.take('{') {
		return false
	}
	if c.take('}') {
		return true
	}
	for {
		c.space()
		name, ok := readName()
		if !ok || !c.take(':') || !value(name) {
			return false
		}
		if !c.take(',') {
			return c.take('}')
		}
	}
}

func (c *scanner) array(value func() bool) bool {
	if !c.take('[') {
		return false
	}
	if c.take(']') {
		return true
	}
	for value() {
		if !c.take(',') {
			return c.take(']')
		}
	}
	return false
}

// tree reads an object of anything, on the given level.
func (c *scanner) tree(o *map[string]any, level int) bool {
	m := map[string]any{}
	*o = m
	return level <= c.nesting && c.members(func(name string) bool { return c.into(m, name, level) })
}

// into reads a value of an object on the given level, unless the name is there.
func (c *scanner) into(m map[string]any, name string, level int) bool {
	if _, twice := m[name]; twice {
		return false
	}
	v, ok := c.value(level)
	m[name] = v
	return ok
}

// value reads any value of an object or array on the given level.
func (c *scanner) value(level int) (any, bool) {
	c.space()
	if c.at == len(c.text) {
		return nil, false
	}
	switch c.text[c.at] {
	case '{':
		var o map[string]any
		ok := c.tree(&o, level+1)
		return o, ok
	case '[':
		return c.list(level + 1)
	case '"':
		return boxed(c.str())
	case 't':
		return true, c.word("true")
	case 'f':
		return false, c.word("false")
	case 'n':
		return nil, c.word("null")
	}
	return boxed(c.number())
}

func boxed[T any](v T, ok bool) (any, bool) { return v, ok }

// list reads an array of anything, on the given level.
func (c *scanner) list(level int) (any, bool) {
	a := []any{}
	ok := level <= c.nesting && c.array(func() bool {
		v, ok := c.value(level)
		a = append(a, v)
		return ok
	})
	return a, ok
}

// plain reads a string that holds no escape.
func (c *scanner) plain() (string, bool) {
	if c.at == len(c.text) || c.text[c.at] != '"' {
		return "", false
	}
	start := c.at + 1
	for i := start; i < len(c.text); i++ {
		if safe[c.text[i]] || c.text[i] >= utf8.RuneSelf { // the text as a whole is UTF-8
			continue
		}
		c.at = i + 1
		return c.text[start:i], c.text[i] == '"'
	}
	return "", false
}

// str reads a string.
func (c *scanner) str() (string, bool) {
	c.space()
	start := c.at
	if s, ok := c.plain(); ok || c.at == start || c.text[c.at-1] != '\\' {
		return s, ok
	}
	for c.at++; c.at < len(c.text) && c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] == '\\' {
			c.at++
		}
	}
	if c.at >= len(c.text) {
		return "", false
	}
	c.at++
	s, err := jsontext.AppendUnquote(nil, c.text[start:c.at])
	return string(s), err == nil
}

// number reads a number, RFC 8259 section 6.
func (c *scanner) number() (float64, bool) {
	c.space()
	start := c.at
	c.skip('-')
	if !c.skip('0') && !c.digits() {
		return 0, false
	}
	if c.skip('.') && !c.digits() {
		return 0, false
	}
	if c.skip('e') || c.skip('E') {
		if !c.skip('+') {
			c.skip('-')
		}
		if !c.digits() {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(c.text[start:c.at], 64)
	return n, err == nil
}

func (c *scanner) digits() bool {
	start := c.at
	for c.at < len(c.text) && '0' <= c.text[c.at] && c.text[c.at] <= '9' {
		c.at++
	}
	return c.at > start
}

func (c *scanner) word(w string) bool {
	if !strings.HasPrefix(c.text[c.at:], w) {
		return false
	}
	c.at += len(w)
	return true
}

// take reads the one byte, with white space before it.
func (c *scanner) take(b byte) bool {
	c.space()
	return c.skip(b)
}

// skip reads the one byte.
func (c *scanner) skip(b byte) bool {
	if c.at == len(c.text) || c.text[c.at] != b {
		return false
	}
	c.at++
	return true
}

func (c *scanner) space() {
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return
		}
	}
}

// end tells whether nothing follows.
func (c *scanner) end() bool {
	c.space()
	return c.at == len(c.text)
}
