package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// object reads a JSON object so that nothing in it can be read in two ways:
// valid Unicode, no name twice in any object, nothing behind it (RFC 7493).
func object(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("an answer that is not UTF-8")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("an answer that is not a JSON object: %w", err)
	}
	if members == nil {
		return nil, errors.New("an answer that is null")
	}
	if halved(body) {
		return nil, errors.New("an answer with half a surrogate pair")
	}
	if name, ok := twice(body); ok {
		return nil, fmt.Errorf("an answer that names %q twice", name)
	}
	return members, nil
}

// halved finds an escaped half of a surrogate pair without its other half, in a
// valid JSON text: encoding/json would read any such as U+FFFD.
func halved(body []byte) bool {
	for {
		at := bytes.IndexByte(body, '\\')
		if at < 0 {
			return false
		}
		r := escaped(body[at:])
		if body = body[at+2:]; !utf16.IsSurrogate(r) {
			continue
		}
		body = body[4:]
		if utf16.DecodeRune(r, escaped(body)) == utf8.RuneError {
			return true
		}
		body = body[6:]
	}
}

// escaped is the UTF-16 code that s, of a valid JSON text, begins with as \uXXXX;
// 0 if it begins otherwise.
func escaped(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// twice finds a name that one object of a valid JSON text has twice.
func twice(body []byte) (string, bool) {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // of an object: the next token is a value
	}
	var open []level
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		t, err := dec.Token()
		if err != nil {
			return "", false // the end
		}
		in := len(open) - 1
		if name, ok := t.(string); ok && in >= 0 && open[in].names != nil && !open[in].value {
			if open[in].names[name] {
				return name, true
			}
			open[in].names[name], open[in].value = true, true
			continue
		}
		switch t {
		case json.Delim('}'), json.Delim(']'):
			open = open[:in]
			continue
		}
		if in >= 0 {
			open[in].value = false
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}
