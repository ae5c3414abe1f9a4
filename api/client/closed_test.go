package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	stdjson "encoding/json"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"rolegate/api"
	"rolegate/api/filter"
)

const yes = `{"decision":true,"context":{"code":"allowed"}}`

// allows asks in every way there is and tells whether any lets something through.
func allows(t *testing.T, c *Client) string {
	t.Helper()
	ctx := context.Background()
	d, err := c.Check(ctx, ann)
	if d.Allow || err == nil || len(d.Show(map[string]any{"name": "Zoe"})) > 0 {
		return "Check"
	}
	for name, ask := range map[string]func(context.Context, ...Question) ([]Decision, error){"CheckAll": c.CheckAll, "CheckAny": c.CheckAny, "CheckEach": c.CheckEach} {
		ds, err := ask(ctx, ann, ann)
		if err == nil && name != "CheckEach" {
			return name
		}
		for _, d := range ds {
			if d.Allow || d.Err() == nil {
				return name
			}
		}
	}
	l, err := c.Filter(ctx, ann)
	where, params, _ := l.Where(filter.SQLite, nil, 1)
	if err == nil || where != "FALSE" || len(params) > 0 {
		return "Filter"
	}
	p, err := c.Permissions(ctx, ann.Subject, "")
	if err == nil || p.May("read", "contact") {
		return "Permissions"
	}
	r := httptest.NewRequest("GET", "/contacts/17", nil)
	r.Header.Set("Authorization", "Bearer "+tokenOf("ann"))
	rec := httptest.NewRecorder()
	called := false
	c.Require("read", "contact", AnyOf)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })).ServeHTTP(rec, r)
	if called || rec.Code < 400 {
		return "Require"
	}
	return ""
}

// Whatever goes wrong, nothing goes through.
func TestFailsClosed(t *testing.T) {
	elsewhere := httptest.NewServer(says(200, yes))
	defer elsewhere.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"500":                 says(500, yes),
		"501":                 says(501, yes),
		"503":                 says(503, yes),
		"503, come again":     says(503, yes, "Retry-After", "0"),
		"429":                 says(429, yes, "Retry-After", "3600"),
		"401":                 says(401, yes),
		"403":                 says(403, yes),
		"404":                 says(404, yes),
		"201":                 says(201, yes),
		"203":                 says(203, yes),
		"204":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"206":                 says(206, yes),
		"redirect":            says(307, yes, "Location", elsewhere.URL),
		"permanent redirect":  says(308, yes, "Location", elsewhere.URL),
		"see other":           says(303, yes, "Location", elsewhere.URL),
		"text":                says(200, yes, "Content-Type", "text/plain"),
		"page":                says(200, "<html>Welcome</html>", "Content-Type", "text/html"),
		"problem":             says(200, yes, "Content-Type", "application/problem+json"),
		"no type":             says(200, yes, "Content-Type", ""),
		"bad type":            says(200, yes, "Content-Type", "application/json; charset"),
		"empty":               says(200, ""),
		"nothing":             says(200, "null"),
		"true":                says(200, "true"),
		"object":              says(200, "{}"),
		"list":                says(200, "["+yes+"]"),
		"cut":                 says(200, yes[:len(yes)-1]),
		"broken off":          breaksOff,
		"trailing":            says(200, yes+"{}"),
		"string":              says(200, `{"decision":"true"}`),
		"number":              says(200, `{"decision":1}`),
		"null decision":       says(200, `{"decision":null}`),
		"other letters":       says(200, `{"Decision":true}`),
		"two letters":         says(200, `{"decision":true,"DECISION":false}`),
		"twice":               says(200, `{"decision":false,"decision":true}`),
		"twice below":         says(200, `{"decision":true,"context":{"code":"allowed","code":"denied"}}`),
		"context of no shape": says(200, `{"decision":true,"context":[]}`),
		"not UTF-8":           says(200, "{\"decision\":true,\"x\":\"\xff\"}"),
		"denied":              says(200, `{"decision":false,"context":{"code":"denied"}}`),
		"never":               says(200, `{"decision":false,"kind":"never"}`),
		"filter of no shape":  says(200, `{"kind":"conditional","filter":{"op":"widen"}}`),
		"filter from future":  says(200, `{"kind":"conditional","filter":{"op":"true","but":{}}}`),
		"kind from future":    says(200, `{"kind":"sometimes"}`),
		"too many":            says(200, `{"evaluations":[`+yes+`,`+yes+`,`+yes+`]}`),
		"none":                says(200, `{"evaluations":[]}`),
		"item of no shape":    says(200, `{"evaluations":[true,true]}`),
		"item twice":          says(200, `{"evaluations":[{"decision":false,"decision":true},`+yes+`]}`),
		"hangs up":            func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.server.Config.ErrorLog = nil
			f.will(answer)
			if way := allows(t, f.client()); way != "" {
				t.Errorf("%s lets through", way)
			}
		})
		t.Run("token/"+name, func(t *testing.T) {
			f := newFake(t)
			f.token = answer
			if way := allows(t, f.client()); way != "" {
				t.Errorf("%s lets through", way)
			}
			if n := len(f.questions()); n > 0 {
				t.Errorf("%d questions without a token", n)
			}
		})
	}

	t.Run("down", func(t *testing.T) {
		f := newFake(t)
		f.server.Close()
		c := f.client(func(o *Options) { o.Retries = 2 })
		if way := allows(t, c); way != "" {
			t.Errorf("%s lets through", way)
		}
		if _, err := c.Check(t.Context(), ann); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Check: %v", err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		f := newFake(t)
		f.will(says(200, `{"decision":true,"x":"`+strings.Repeat("x", maxAnswer)+`"}`))
		if d, err := f.client().Check(t.Context(), ann); d.Allow || !errors.Is(err, ErrUnavailable) {
			t.Errorf("Allow %t, %v", d.Allow, err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		f := newFake(t)
		f.will(hangs)
		began := time.Now()
		if way := allows(t, f.client(func(o *Options) { o.Timeout = 20 * time.Millisecond })); way != "" {
			t.Errorf("%s lets through", way)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("seven questions of at most 20 ms took %v", took)
		}
	})
	t.Run("breaker open", func(t *testing.T) {
		f := newFake(t)
		c := f.client(func(o *Options) { o.Failures, o.Pause = 1, time.Hour })
		f.will(says(500, ""))
		_, _ = c.Check(t.Context(), ann)
		f.will(nil) // it would allow again
		if way := allows(t, c); way != "" {
			t.Errorf("%s lets through", way)
		}
		if n := len(f.questions()); n != 1 {
			t.Errorf("%d questions, want the one that failed", n)
		}
	})
	t.Run("zero values", func(t *testing.T) {
		var d Decision
		var l List
		if d.Allow || d.Err() == nil || l.Allow || len(d.Show(map[string]any{"a": 1})) > 0 || From(t.Context()).Decision.Allow {
			t.Error("a zero value allows")
		}
		if where, _, err := l.Where(filter.PostgreSQL, nil, 1); where != "FALSE" || err != nil {
			t.Errorf("the zero list is %q, %v", where, err)
		}
	})
}

// strictly tells what a body says, by another reader than ours: the member
// decision, and whether the body is one that says anything.
func strictly(body []byte) (decision, ok bool) {
	var members map[string]jsontext.Value
	if json.Unmarshal(body, &members) != nil || members == nil {
		return false, false
	}
	for name := range members {
		if name != "decision" && strings.EqualFold(name, "decision") {
			return false, false
		}
	}
	if raw, there := members["context"]; there && stdjson.Unmarshal(raw, new(api.DecisionContext)) != nil {
		return false, false
	}
	switch string(members["decision"]) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// Nothing but {"decision": true} with status 200 lets through.
func TestOnlyTrueLetsThrough(t *testing.T) {
	f := newFake(t)
	c := f.client()
	pieces := []string{`{`, `}`, `"decision"`, `"Decision"`, `"decisıon"`, `:`, `,`, `true`, `false`, `null`, `"true"`, `1`, `"context"`, `{}`, `[]`, ` `, "\xff", "\x00",
		yes, `{"decision":true}`, `{"decision":false}`, `,"x":1`, `{"decision": true, "x": `, `{"decision":true,"decision":`, "\ufeff"}
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "body"), "")
		status := rapid.SampledFrom([]int{200, 200, 200, 200, 201, 202, 203, 206, 300, 400, 404, 500}).Draw(t, "status")
		kind := rapid.SampledFrom([]string{"application/json", "application/json; charset=utf-8", "Application/JSON", "text/html", "application/jsonp", ""}).Draw(t, "type")
		f.will(says(status, body, "Content-Type", kind))
		decision, ok := strictly([]byte(body))
		want := ok && decision && status == 200 && strings.HasPrefix(strings.ToLower(kind+";"), "application/json;")
		d, err := c.Check(context.Background(), ann)
		if d.Allow != want || (err == nil) != want {
			t.Fatalf("%d %s %q: Allow %t, %v; want %t", status, kind, body, d.Allow, err, want)
		}
	})
}

func FuzzDecision(f *testing.F) {
	for _, seed := range []string{yes, `{"decision":false}`, `{"decision":true,"decision":true}`, `{"a":{"b":[{"c":1,"c":2}]},"decision":true}`, `{"decision":true} `, `{"DECISION":true}`, `{"decision":true,"x":"\ud800"}`, `{"decision":true,"x":"\\ud83d \ud83d\ude00"}`, `{"decision":true,"x":"\ude00\ud83d"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decision
		members, err := object(body)
		if err == nil {
			d, err = readDecision(members)
		}
		decision, ok := strictly(body)
		if d.Allow && (err != nil || !ok || !decision) {
			t.Errorf("%q: allowed, %v; strictly %t, %t", body, err, decision, ok)
		}
	})
}

func FuzzList(f *testing.F) {
	for _, seed := range []string{`{"kind":"never"}`, `{"kind":"always"}`, `{"kind":"conditional","filter":{"op":"eq","field":"owner","type":"string","value":"ann"}}`, `{"kind":"conditional","filter":{"op":"or","args":[{"op":"unknown"}]}}`, `{"kind":"always","filter":null}`} {
		f.Add([]byte(seed))
	}
	columns := map[string]filter.Column{"owner": {Name: "owner", Type: filter.Text}}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := object(body)
		if err != nil {
			return
		}
		l, err := readList(members)
		if err != nil && l.Allow {
			t.Errorf("%q: allowed, %v", body, err)
		}
		where, _, err := l.Where(filter.SQLite, columns, 1)
		if where == "" || (err != nil || !l.Allow) && where != "FALSE" {
			t.Errorf("%q: WHERE %s, %v", body, where, err)
		}
	})
}
