package server

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// maxPath bounds a member's path in a complaint, in bytes.
const maxPath = 80

// parse reads one JSON object as I-JSON (RFC 7493): valid UTF-8, no unpaired
// surrogates, no member twice, numbers within doubles, nothing after the
// object, and not nested deeper than depth. Values are nil, bool, float64, string,
// []any and map[string]any; the members' names are exactly those sent.
func parse(body []byte, depth int) (map[string]any, error) {
	if isBlank(body) {
		return nil, invalid(i18n.Empty, "")
	}
	if !utf8.Valid(body) {
		return nil, invalid(i18n.UTF8, "")
	}
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(body)), depth}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	end := d.InputOffset()
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, bad(model.CodeInvalidRequest, i18n.Trailing, "", offset(end))
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, invalid(i18n.NotObject, "")
	}
	return o, nil
}

type decoder struct {
	*jsontext.Decoder
	depth int // levels of nesting there may be
}

func (d decoder) value() (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, syntactic(err)
	}
	if d.StackDepth() > d.depth {
		return nil, overSetting(model.CodeInvalidRequest, i18n.TooDeep, "", model.SettingNesting, int64(d.depth))
	}
	switch token.Kind() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return token.String(), nil
	case '0':
		return d.number(token.String())
	case 'n':
		return nil, nil
	}
	return token.Bool(), nil
}

func (d decoder) object() (any, error) {
	o := map[string]any{}
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil, syntactic(err)
		}
		if token.Kind() == '}' {
			return o, nil
		}
		name := token.String()
		if o[name], err = d.value(); err != nil {
			return nil, err
		}
	}
}

func (d decoder) array() (any, error) {
	a := []any{}
	for d.PeekKind() != ']' {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, syntactic(err)
	}
	return a, nil
}

func (d decoder) number(s string) (any, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, invalid(i18n.BigNumber, dotted(d.StackPointer()))
	}
	return f, nil
}

// syntactic says where the text is no JSON. The library's own message is not
// shown: it quotes the body, which may hold a password.
func syntactic(err error) error {
	e, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok: // the text ended
		return invalid(i18n.Unreadable, "")
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return invalid(i18n.Duplicate, dotted(e.JSONPointer))
	case strings.Contains(e.Err.Error(), "surrogate"):
		return bad(model.CodeInvalidRequest, i18n.Surrogate, "", offset(e.ByteOffset))
	}
	return bad(model.CodeInvalidRequest, i18n.Syntax, "", offset(e.ByteOffset))
}

func offset(n int64) i18n.Words { return i18n.Words{"offset": strconv.FormatInt(n, 10)} }

// dotted spells a JSON pointer as people write paths: evaluations[3].subject.
func dotted(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return clipped(b.String())
}

// clipped is what a caller sent, short enough to be repeated.
func clipped(s string) string {
	if len(s) > maxPath {
		return strings.ToValidUTF8(s[:maxPath], "") + "…"
	}
	return s
}
