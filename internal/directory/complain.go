package directory

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rolegate/model"
)

// complain says in plain words what of text cannot be decoded, and where: by its
// path below base, or by line and column where the text is no JSON at all.
// Nothing of a library's own message is shown.
func complain(base string, text []byte, err error) model.Detail {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return model.Detail{Path: below(base, e.JSONPointer), Reason: unfit(e)}
	}
	e, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(e.Err, jsontext.ErrDuplicateName):
		return model.Detail{Path: below(base, e.JSONPointer), Reason: "is there more than once"}
	case !ok, errors.Is(e.Err, io.ErrUnexpectedEOF):
		return model.Detail{Path: base, Reason: "the JSON text ends early"}
	}
	line, column := position(text, e.ByteOffset)
	return model.Detail{Path: base, Line: line, Column: column,
		Reason: "here the text stops being JSON: one object in UTF-8, with nothing behind it"}
}

// unfit says what is wanted instead of what stands there.
func unfit(e *json.SemanticError) string {
	if errors.Is(e.Err, json.ErrUnknownName) {
		return unknown(members(e.GoType))
	}
	wanted := "a number of usual size"
	switch t := e.GoType; {
	case t == nil:
		wanted = "something else"
	case t == reflect.TypeFor[time.Time]():
		return "a time with its zone is wanted here, such as 2026-01-01T08:00:00Z"
	case t.Kind() == reflect.String:
		wanted = "text"
	case t.Kind() == reflect.Slice:
		wanted = "a list"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		wanted = "an object"
	}
	return fmt.Sprintf("%s is wanted here, not %s", wanted, kinds[e.JSONKind])
}

// unknown says of a name that it is none of those there are.
func unknown(names []string) string { return "is unknown here; there are " + strings.Join(names, ", ") }

// members lists the names an object of a wire type may have.
func members(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// kinds names what can stand in JSON.
var kinds = map[jsontext.Kind]string{
	'n': "null", 't': "true", 'f': "false", '"': "text", '0': "this number", '{': "an object", '[': "a list", 0: "this",
}

// below spells the place of a value as people write paths: subjects[3].manager.
func below(base string, p jsontext.Pointer) string {
	path := base
	for token := range p.Tokens() {
		switch _, err := strconv.Atoi(token); {
		case err == nil:
			path += "[" + token + "]"
		case path == "":
			path = token
		default:
			path += "." + token
		}
	}
	return path
}
