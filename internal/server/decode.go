package server

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// bodyLimit bounds a body, and says so when it is passed.
type bodyLimit struct {
	bytes  int64
	passed error
}

// maxBody bounds a login or token request, in bytes.
const maxBody = 16 << 10

var ownBody = bodyLimit{maxBody, over(model.CodeTooLarge, i18n.TooLarge, "", maxBody)}

// decisionBody is the limit of AuthZEN's routes.
func (s *Server) decisionBody() bodyLimit {
	n := s.Limits.Request
	return bodyLimit{n, overSetting(model.CodeTooLarge, i18n.RequestTooLarge, "", model.SettingRequest, n)}
}

// decode reads the JSON body of one of our own routes into T, a wire type.
// Members T does not have are refused, and those T requires must be there.
func decode[T any](s *Server, w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	body, err := readJSON(nil, r, model.CodeUnsupportedMedia, ownBody)
	if err != nil {
		return v, err
	}
	return decodeBytes[T](body, s.Limits.Nesting)
}

func decodeBytes[T any](body []byte, depth int) (T, error) {
	var v T
	tree, err := parse(body, depth)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(body, &v, json.RejectUnknownMembers(true)); err != nil {
		return v, semantic(err)
	}
	return v, required(v, tree)
}

// decodeAuthZEN reads the JSON body of one of AuthZEN's routes into a tree.
// Members nobody asks for are ignored; a wrong Content-Type is 400 there.
func (s *Server) decodeAuthZEN(r *http.Request) (map[string]any, error) {
	body, err := readJSON(nil, r, model.CodeInvalidRequest, s.decisionBody())
	if err != nil {
		return nil, err
	}
	return parse(body, s.Limits.Nesting)
}

// readJSON reads a body that says it is JSON; badType is the code if it does not.
// It is appended to into, which may be nil.
func readJSON(into []byte, r *http.Request, badType model.Code, limit bodyLimit) ([]byte, error) {
	if !hasType(r, "application/json") {
		return into, bad(badType, i18n.MediaType, "", nil)
	}
	return readBody(into, r, badType, limit)
}

// readBody reads a body within its limit. Only plain bodies are taken, so that
// the limit is one on what has to be parsed.
func readBody(into []byte, r *http.Request, badType model.Code, limit bodyLimit) ([]byte, error) {
	if e := r.Header["Content-Encoding"]; len(e) > 1 || len(e) == 1 && !strings.EqualFold(e[0], "identity") {
		return into, bad(badType, i18n.ContentEncoding, "", nil)
	}
	if r.ContentLength > limit.bytes {
		return into, limit.passed
	}
	for {
		if len(into) == cap(into) {
			into = slices.Grow(into, 512)
		}
		n, err := r.Body.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		switch {
		case int64(len(into)) > limit.bytes: // without Content-Length, or past it
			return into, limit.passed
		case err == io.EOF:
			return into, nil
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded): // which ends the context, too, but not the sender
			return into, invalid(i18n.Unreadable, "")
		case r.Context().Err() != nil:
			return into, r.Context().Err()
		default:
			return into, invalid(i18n.Unreadable, "")
		}
	}
}

// hasType tells whether the request has exactly one Content-Type, of the media
// type whatever its parameters.
func hasType(r *http.Request, want string) bool {
	values := r.Header["Content-Type"]
	if len(values) != 1 {
		return false
	}
	if values[0] == want {
		return true
	}
	got, _, err := mime.ParseMediaType(values[0])
	return err == nil && got == want
}

// semantic says which member does not fit the wire type. Nothing of the
// library's own message is shown: it may quote the body.
func semantic(err error) error {
	e, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return invalid(i18n.Syntax, "")
	}
	path := dotted(e.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return invalid(i18n.Unknown, path)
	case e.GoType != nil && e.GoType.Kind() == reflect.String:
		return invalid(i18n.WantString, path)
	case e.GoType == reflect.TypeFor[time.Time]():
		return invalid(i18n.WantTime, path)
	}
	return invalid(i18n.WantOther, path)
}

// required tells which member of a wire type is missing or empty. Those the
// contract requires have no omitempty in their tag.
func required(v any, tree map[string]any) error {
	rv := reflect.ValueOf(v)
	for i := range rv.NumField() {
		name, options, _ := strings.Cut(rv.Type().Field(i).Tag.Get("json"), ",")
		switch {
		case strings.Contains(options, "omitempty") || !rv.Field(i).IsZero():
		case tree[name] == nil:
			return invalid(i18n.Missing, name)
		default:
			return invalid(i18n.EmptyString, name)
		}
	}
	return nil
}

// isBlank tells whether there is nothing but JSON white space in b.
func isBlank(b []byte) bool { return len(bytes.Trim(b, " \t\r\n")) == 0 }
