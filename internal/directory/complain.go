package directory

import (
	"errors"
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
		return model.Detail{Path: below(base, e.JSONPointer), Reason: model.Say("is there more than once")}
	case !ok, errors.Is(e.Err, io.ErrUnexpectedEOF):
		return model.Detail{Path: base, Reason: model.Say("the JSON text ends early")}
	}
	line, column := position(text, e.ByteOffset)
	return model.Detail{Path: base, Line: line, Column: column,
		Reason: model.Say("here the text stops being JSON: one object in UTF-8, with nothing behind it")}
}

// unfit says what is wanted instead of what stands there.
func unfit(e *json.SemanticError) model.Phrase {
	if errors.Is(e.Err, json.ErrUnknownName) {
		return unknown(members(e.GoType))
	}
	wanted := model.Say("a number of usual size")
	switch t := e.GoType; {
	case t == nil:
		wanted = model.Say("something else")
	case t == reflect.TypeFor[time.Time]():
		return model.Say("a time with its zone is wanted here, such as 2026-01-01T08:00:00Z")
	case t.Kind() == reflect.String:
		wanted = model.Say("text")
	case t.Kind() == reflect.Slice:
		wanted = model.Say("a list")
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		wanted = model.Say("an object")
	}
	return model.Say("%s is wanted here, not %s", wanted, kinds[e.JSONKind])
}

// unknown says of a name that it is none of those there are.
func unknown(names []string) model.Phrase {
	return model.Say("is unknown here; there are %s", strings.Join(names, ", "))
}

// members lists the names an object of a wire type may have.
func members(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// kinds names what can stand in JSON.
var kinds = map[jsontext.Kind]model.Phrase{
	'n': model.Verbatim("null"), 't': model.Verbatim("true"), 'f': model.Verbatim("false"), '"': model.Say("text"),
	'0': model.Say("this number"), '{': model.Say("an object"), '[': model.Say("a list"), 0: model.Say("this"),
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
