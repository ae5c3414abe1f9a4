package client

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Show is the record as the person may see it: without hidden fields, with
// masked ones masked, and only with those the question named, if it named any.
// Of a denial, and of a decision that says nothing about fields, nothing is
// shown. The record itself is left alone.
func (d Decision) Show(record map[string]any) map[string]any {
	f := d.Context.Fields
	shown := map[string]any{}
	if !d.Allow || f.Hidden == nil && f.Masked == nil && f.Masks == nil {
		return shown
	}
	closed := slices.Contains(f.Hidden, "*") // all but those said to be open
	for name, value := range record {
		masked := slices.Contains(f.Masked, name)
		switch {
		case slices.Contains(f.Hidden, name), closed && !slices.Contains(f.Open, name), len(d.fields) > 0 && !slices.Contains(d.fields, name):
		case masked || slices.Contains(f.Masked, "*"):
			shown[name] = mask(f.Masks[name], value)
		default:
			shown[name] = value
		}
	}
	return shown
}

// Facts are the members of anything that is a JSON object, a struct with tags,
// say: what Question.Record and Show take. A record and the columns of its list
// must say the same, so what is null in the one is null in the other.
func Facts(record any) (map[string]any, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a float64 would round large ids
	err = dec.Decode(&members)
	return members, err
}

// nothing of a value is seen in it, not even its length.
const nothing = "***"

// mask shows a value in a style of the catalogue. Null stays null; what is no
// text, or is in a style this version does not know, is not shown.
func mask(style string, value any) any {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		return maskText(style, v)
	case []string:
		masked := make([]any, len(v))
		for i := range v {
			masked[i] = maskText(style, v[i])
		}
		return masked
	case []any:
		masked := make([]any, len(v))
		for i := range v {
			masked[i] = mask(style, v[i])
		}
		return masked
	}
	return nothing
}

func maskText(style, s string) string {
	switch style {
	case "phone": // 138****5678
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
		if len(digits) >= 11 {
			return digits[:3] + "****" + digits[len(digits)-4:]
		}
	case "email": // a***@example.com
		local, domain, ok := strings.Cut(s, "@")
		if ok && domain != "" && !strings.Contains(domain, "@") && utf8.RuneCountInString(local) > 1 {
			first, _ := utf8.DecodeRuneInString(local)
			return string(first) + nothing + "@" + domain
		}
	case "name": // 王**, A***
		if first, n := utf8.DecodeRuneInString(s); n < len(s) {
			if unicode.Is(unicode.Han, first) {
				return string(first) + "**"
			}
			return string(first) + nothing
		}
	case "id": // 1101****2019
		if r := []rune(s); len(r) >= 8 {
			keep := min(len(r)/4, 4)
			return string(r[:keep]) + "****" + string(r[len(r)-keep:])
		}
	}
	return nothing // also of an amount
}
