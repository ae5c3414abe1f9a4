package server

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// nested is an object n levels deep, itself included.
func nested(n int) string {
	return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1)
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want i18n.Input // "" where the body is fine
	}{
		"object":                {`{"a":[1,-0.5e3,"\u00e9\ud83d\ude00",null,true,{}]}`, ""},
		"white space":           {" \t\r\n{}\n", ""},
		"deep enough":           {nested(64), ""},
		"escaped name":          {`{"\u0061":1}`, ""},
		"names by case":         {`{"a":1,"A":2}`, ""},
		"small number":          {`{"a":1e-999}`, ""},
		"empty":                 {"", i18n.Empty},
		"blank":                 {" \n", i18n.Empty},
		"array":                 {`[{}]`, i18n.NotObject},
		"string":                {`"{}"`, i18n.NotObject},
		"null":                  {`null`, i18n.NotObject},
		"number":                {`1`, i18n.NotObject},
		"cut off":               {`{"a":`, i18n.Syntax},
		"cut off in a string":   {`{"a":"b`, i18n.Syntax},
		"two objects":           {`{}{}`, i18n.Trailing},
		"trailing comma":        {`{"a":1,}`, i18n.Syntax},
		"trailing text":         {`{} x`, i18n.Trailing},
		"trailing NUL":          {"{}\x00", i18n.Trailing},
		"comment":               {`{/**/}`, i18n.Syntax},
		"single quotes":         {`{'a':1}`, i18n.Syntax},
		"bare name":             {`{a:1}`, i18n.Syntax},
		"NaN":                   {`{"a":NaN}`, i18n.Syntax},
		"leading zero":          {`{"a":01}`, i18n.Syntax},
		"hexadecimal":           {`{"a":0x1}`, i18n.Syntax},
		"plus":                  {`{"a":+1}`, i18n.Syntax},
		"tab in a string":       {"{\"a\":\"\t\"}", i18n.Syntax},
		"bad escape":            {`{"a":"\q"}`, i18n.Syntax},
		"byte order mark":       {"\ufeff{}", i18n.Syntax},
		"invalid UTF-8":         {"{\"a\":\"\xff\"}", i18n.UTF8},
		"overlong UTF-8":        {"{\"a\":\"\xc0\xaf\"}", i18n.UTF8},
		"raw surrogate":         {"{\"a\":\"\xed\xa0\x80\"}", i18n.UTF8},
		"lone high surrogate":   {`{"a":"\ud800"}`, i18n.Surrogate},
		"lone low surrogate":    {`{"a":"\udc00x"}`, i18n.Surrogate},
		"surrogate in a name":   {`{"\ud800":1}`, i18n.Surrogate},
		"duplicate":             {`{"a":1,"a":1}`, i18n.Duplicate},
		"duplicate by escape":   {`{"a":1,"\u0061":1}`, i18n.Duplicate},
		"duplicate deep inside": {`{"a":[{"b":{"c":1,"c":2}}]}`, i18n.Duplicate},
		"big number":            {`{"a":1e309}`, i18n.BigNumber},
		"big negative number":   {`{"a":{"b":[-1e999]}}`, i18n.BigNumber},
		"too deep":              {nested(65), i18n.TooDeep},
		"much too deep":         {strings.Repeat(`{"a":`, 100_000), i18n.TooDeep},
		"deep arrays":           {`{"a":` + strings.Repeat(`[`, 64), i18n.TooDeep},
	} {
		_, err := parse([]byte(c.body), 64)
		var e *inputError
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.what != c.want || e.code != model.CodeInvalidRequest {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestDecodeOwnRoutes(t *testing.T) {
	const good = `{"username":"alice","password":"p"}`
	for name, c := range map[string]struct {
		body   string
		detail string
		path   string
	}{
		"unknown member":     {`{"username":"a","password":"p","role":"admin"}`, `The member "role" is unknown here.`, "role"},
		"wrong case":         {`{"Username":"a","password":"p"}`, `The member "Username" is unknown here.`, "Username"},
		"both cases":         {`{"username":"a","USERNAME":"b","password":"p"}`, `The member "USERNAME" is unknown here.`, "USERNAME"},
		"missing":            {`{"username":"a"}`, `The member "password" is missing.`, "password"},
		"null":               {`{"username":"a","password":null}`, `The member "password" is missing.`, "password"},
		"empty":              {`{"username":"a","password":""}`, `The member "password" must not be empty.`, "password"},
		"number":             {`{"username":"a","password":1}`, `The member "password" must be a string.`, "password"},
		"array":              {`{"username":"a","password":["p"]}`, `The member "password" must be a string.`, "password"},
		"object":             {`{"username":"a","password":{"x":1}}`, `The member "password" must be a string.`, "password"},
		"boolean":            {`{"username":"a","password":true}`, `The member "password" must be a string.`, "password"},
		"duplicate":          {`{"username":"a","password":"p","password":"q"}`, `The member "password" is there more than once.`, "password"},
		"trailing":           {good + good, "There is something after the JSON object, at byte 35.", ""},
		"empty body":         {"", "The body is empty; a JSON object is expected.", ""},
		"array at the top":   {"[" + good + "]", "The body must be one JSON object.", ""},
		"deep unknown":       {`{"username":"a","password":"p","x":{"y":1}}`, `The member "x" is unknown here.`, "x"},
		"no JSON":            {`username=a&password=p`, "The body is not valid JSON at byte 0.", ""},
		"secret in the text": {`{"username":"a","password":"hunter2\q"}`, "The body is not valid JSON at byte 35.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			v := h.want(h.post("/v1/login", c.body), 400, model.CodeInvalidRequest)
			if v["detail"] != c.detail {
				t.Errorf("detail %q, want %q", v["detail"], c.detail)
			}
			var path string
			if errs, ok := v["errors"].([]any); ok {
				path = errs[0].(map[string]any)["path"].(string)
			}
			if path != c.path {
				t.Errorf("path %q, want %q", path, c.path)
			}
			if h.login.got != nil {
				t.Errorf("the service was called with %q", h.login.got)
			}
			if strings.Contains(h.logs.String(), "hunter2") {
				t.Error("the log holds the password")
			}
		})
	}
}

func TestNullMeansMissing(t *testing.T) {
	req, err := decodeBytes[api.LoginRequest]([]byte(`{"tenant":null,"username":"u","password":"p"}`), 64)
	if err != nil || req.Tenant != "" {
		t.Errorf("%+v, %v", req, err)
	}
}

func TestMediaTypes(t *testing.T) {
	const own, authzen = "/v1/login", "/access/v1/evaluation"
	bodies := map[string]string{own: `{"username":"a","password":"p"}`,
		authzen: `{"subject":{"type":"user","id":"a"},"action":{"name":"read"},"resource":{"type":"x","id":"1"}}`}
	for _, ct := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", `application/json; v="1"`} {
		for path, body := range bodies {
			h := newHarness(t)
			h.want(h.post(path, body, as("client-token"), header("Content-Type", ct)), 200, "")
		}
	}
	for _, ct := range [][]string{nil, {""}, {"text/plain"}, {"text/json"}, {"application/jsonx"}, {"application/problem+json"},
		{"application/x-www-form-urlencoded"}, {"multipart/form-data; boundary=x"}, {"application/json, text/plain"},
		{"application/json", "application/json"}, {"application/json; charset"}} {
		h := newHarness(t)
		h.want(h.post(own, bodies[own], header("Content-Type", ct...)), 415, model.CodeUnsupportedMedia)
		h.want(h.post(authzen, bodies[authzen], as("client-token"), header("Content-Type", ct...)), 400, model.CodeInvalidRequest)
	}
	for _, ce := range []string{"gzip", "br", "deflate, gzip", "identity, gzip"} {
		h := newHarness(t)
		h.want(h.post(own, bodies[own], header("Content-Encoding", ce)), 415, model.CodeUnsupportedMedia)
		h.want(h.post(authzen, bodies[authzen], as("client-token"), header("Content-Encoding", ce)), 400, model.CodeInvalidRequest)
	}
}

func TestBodyLimits(t *testing.T) {
	pad := func(prefix, suffix string, size int) string {
		return prefix + strings.Repeat(" ", size-len(prefix)-len(suffix)) + suffix
	}
	const login = `{"username":"a","password":"p"`
	const question = `{"subject":{"type":"user","id":"a"},"action":{"name":"read"},"resource":{"type":"x","id":"1"}`
	maxRequest := int(model.DefaultLimits().Request)
	for _, chunked := range []bool{false, true} {
		unknownLength := func(r *http.Request) {
			if chunked {
				r.ContentLength = -1
			}
		}
		h := newHarness(t)
		h.want(h.post("/v1/login", pad(login, "}", maxBody), unknownLength), 200, "")
		a := h.post("/v1/login", pad(login, "}", maxBody+1), unknownLength)
		v := h.want(a, 413, model.CodeTooLarge)
		if v["detail"] != "The body has more than 16384 bytes." || a.Header.Get("Connection") != "close" {
			t.Errorf("%v, Connection: %s", v["detail"], a.Header.Get("Connection"))
		}
		h.want(h.decide("evaluation", pad(question, "}", maxRequest), unknownLength), 200, "")
		h.want(h.decide("evaluation", pad(question, "}", maxRequest+1), unknownLength), 413, model.CodeTooLarge)
	}
}

// TestBrokenBody: a caller that stops sending has sent nothing.
func TestBrokenBody(t *testing.T) {
	h := newHarness(t)
	h.want(h.post("/v1/login", "", func(r *http.Request) { r.Body = io.NopCloser(brokenReader{}) }), 400, model.CodeInvalidRequest)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// hasDuplicates finds a member that occurs twice in one object, by the standard
// library's tokens alone.
func hasDuplicates(body []byte) bool {
	d := stdjson.NewDecoder(bytes.NewReader(body))
	type level struct {
		names map[string]bool
		name  bool // a name is due
	}
	var stack []*level
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if delim, ok := token.(stdjson.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].names != nil {
			top := stack[n-1]
			if top.name {
				name := token.(string)
				if top.names[name] {
					return true
				}
				top.names[name], top.name = true, false
				continue
			}
			top.name = true
		}
		switch token {
		case stdjson.Delim('{'):
			stack = append(stack, &level{names: map[string]bool{}, name: true})
		case stdjson.Delim('['):
			stack = append(stack, &level{})
		}
	}
}

// FuzzDecode holds what we accept to the standard library: it accepts it too,
// means the same by it, and finds no name twice.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"username":"a","password":"p"}`, `{"a":1,"a":2}`, `{"a":{"b":[1,"x",null,true,-1.5e3]}}`,
		`{"username":"a","Username":"b","password":"p"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`, `{}{}`, `[]`, nested(64), nested(65),
		`{"a":1e309}`, `{"a":-0}`, `{"tenant":null,"username":"é","password":"p"}`, "\ufeff{}", `{"\u0061":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parse(body, 64)
		if err == nil {
			var want map[string]any
			if err := stdjson.Unmarshal(body, &want); err != nil {
				t.Fatalf("accepted what encoding/json refuses: %v", err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("parse = %#v, encoding/json = %#v", got, want)
			}
			if hasDuplicates(body) {
				t.Fatal("accepted a duplicate name")
			}
		}
		req, err := decodeBytes[api.LoginRequest](body, 64)
		if err != nil {
			if model.CodeOf(err) != model.CodeInvalidRequest {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		var want api.LoginRequest
		d := stdjson.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || req != want {
			t.Fatalf("decode = %+v, encoding/json = %+v, %v", req, want, err)
		}
	})
}
