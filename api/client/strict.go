package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// object reads a JSON object so that nothing in it can be read in two ways:
// valid UTF-8, no name twice in any object, nothing behind it.
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
	if name, ok := twice(body); ok {
		return nil, fmt.Errorf("an answer that names %q twice", name)
	}
	return members, nil
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
