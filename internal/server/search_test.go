package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/model"
)

// seek is a search's request: ask without what is searched for.
func seek(kind string, replace ...string) string {
	members := map[string][]string{"subject": {"subject", `{"type":"user"}`}, "resource": {"resource", `{"type":"contact"}`}, "action": {"action", ""}}[kind]
	return ask(append(members, replace...)...)
}

var searches = []string{"subject", "resource", "action"}

func TestSearchReachesTheDecider(t *testing.T) {
	token := "secret"
	properties := map[string]any{"a": 1.0}
	for kind, c := range map[policy.SearchKind]struct {
		body string
		want model.Question
	}{
		policy.SearchSubject: {`{"subject":{"type":"user","id":{"not":"read"},"properties":{"a":1}},"action":{"name":"read","properties":{"a":1}},"resource":{"type":"contact","id":"101","properties":{"a":1}},
			"context":{"ip":"::1","access_token":"secret","min_revision":42},"unknown":1}`,
			model.Question{Subject: model.Entity{Type: "user", Properties: properties}, Action: model.Action{Name: "read", Properties: properties},
				Resource: model.Entity{Type: "contact", ID: "101", Properties: properties}, Context: map[string]any{"ip": "::1"}}},
		policy.SearchResource: {`{"subject":{"type":"user","id":"alice","properties":{"a":1}},"action":{"name":"read"},"resource":{"type":"contact","id":"*","properties":{"a":1}},
			"context":{"ip":"::1","access_token":"secret","min_revision":42}}`,
			model.Question{Subject: model.Entity{Type: "user", ID: "alice", Properties: properties}, Action: model.Action{Name: "read"},
				Resource: model.Entity{Type: "contact", Properties: properties}, Context: map[string]any{"ip": "::1"}}},
		policy.SearchAction: {`{"subject":{"type":"user","id":"alice"},"action":["not","read"],"resource":{"type":"contact","id":"*"},
			"context":{"ip":"::1","access_token":"secret","min_revision":42}}`,
			model.Question{Subject: model.Entity{Type: "user", ID: "alice"}, Resource: model.Entity{Type: "contact", ID: "*"}, Context: map[string]any{"ip": "::1"}}},
	} {
		h := newHarness(t)
		h.want(h.decide("search/"+string(kind), c.body), 200, "")
		want := []policy.SearchRequest{{Kind: kind, Limit: 1000, Request: policy.Request{Question: c.want, AccessToken: &token, MinRevision: 42}}}
		if diff := cmp.Diff(want, h.decider.searches); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if h.decider.caller.ID != "crm" || strings.Contains(h.logs.String(), "secret") {
			t.Errorf("caller %+v, log %s", h.decider.caller, h.logs)
		}
	}
}

// The answer byte for byte: page first, a list that is never null.
func TestSearchAnswers(t *testing.T) {
	for _, c := range []struct {
		kind  string
		names []string
		want  string
	}{
		{"subject", nil, `{"page":{"next_token":"","count":0},"results":[],"context":{"revision":42}}`},
		{"resource", nil, `{"page":{"next_token":"","count":0},"results":[],"context":{"revision":42}}`},
		{"action", nil, `{"page":{"next_token":"","count":0},"results":[],"context":{"revision":42}}`},
		{"subject", []string{"alice", "bob"}, `{"page":{"next_token":"","count":2},"results":[{"type":"user","id":"alice"},{"type":"user","id":"bob"}],"context":{"revision":42}}`},
		{"resource", []string{"101"}, `{"page":{"next_token":"","count":1},"results":[{"type":"contact","id":"101"}],"context":{"revision":42}}`},
		{"action", []string{"read", "update"}, `{"page":{"next_token":"","count":2},"results":[{"name":"read"},{"name":"update"}],"context":{"revision":42}}`},
	} {
		h := newHarness(t)
		h.decider.names = c.names
		a := h.decide("search/"+c.kind, seek(c.kind))
		h.want(a, 200, "")
		if got := strings.TrimSpace(string(a.body)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.kind, got, c.want)
		}
		if a.Header.Get("Content-Type") != "application/json" || len(h.recorder.entries) > 0 {
			t.Errorf("%s: headers %v, records %v", c.kind, a.Header, h.recorder.entries)
		}
	}
}

func TestSearchStrictness(t *testing.T) {
	for _, c := range []struct{ kind, body, detail string }{
		{"subject", seek("subject", "subject", ""), `The member "subject" is missing.`},
		{"subject", seek("subject", "subject", "{}"), `The member "subject.type" is missing.`},
		{"subject", seek("subject", "subject", `{"id":"alice"}`), `The member "subject.type" is missing.`},
		{"subject", seek("subject", "subject", `{"type":7}`), `The member "subject.type" must be a string.`},
		{"subject", seek("subject", "subject", `{"type":""}`), `The member "subject.type" must not be empty.`},
		{"subject", seek("subject", "subject", `{"type":"user","properties":[]}`), `The member "subject.properties" must be an object.`},
		{"subject", seek("subject", "action", ""), `The member "action" is missing.`},
		{"subject", seek("subject", "action", "{}"), `The member "action.name" is missing.`},
		{"subject", seek("subject", "resource", ""), `The member "resource" is missing.`},
		{"subject", seek("subject", "resource", `{"type":"contact"}`), `The member "resource.id" is missing.`},
		{"subject", seek("subject", "resource", `{"id":"1"}`), `The member "resource.type" is missing.`},
		{"subject", seek("subject", "resource", `{"type":"contact","id":"*","properties":{"a":1}}`), `A resource.id of "*" asks about no particular record, so it cannot have properties.`},
		{"resource", seek("resource", "subject", ""), `The member "subject" is missing.`},
		{"resource", seek("resource", "subject", `{"type":"user"}`), `The member "subject.id" is missing.`},
		{"resource", seek("resource", "action", ""), `The member "action" is missing.`},
		{"resource", seek("resource", "resource", ""), `The member "resource" is missing.`},
		{"resource", seek("resource", "resource", `{"id":"1"}`), `The member "resource.type" is missing.`},
		{"action", seek("action", "subject", ""), `The member "subject" is missing.`},
		{"action", seek("action", "subject", `{"type":"user"}`), `The member "subject.id" is missing.`},
		{"action", seek("action", "resource", ""), `The member "resource" is missing.`},
		{"action", seek("action", "resource", `{"type":"contact"}`), `The member "resource.id" is missing.`},
		{"action", seek("action", "context", "7"), `The member "context" must be an object.`},
		{"action", seek("action", "context", `{"min_revision":-1}`), `The member "context.min_revision" must be a whole number, not negative.`},
		{"subject", seek("subject", "page", `"next"`), `The member "page" must be an object.`},
		{"subject", seek("subject", "page", `{"limit":-1}`), `The member "page.limit" must be a whole number, not negative.`},
		{"subject", seek("subject", "page", `{"limit":1.5}`), `The member "page.limit" must be a whole number, not negative.`},
		{"subject", seek("subject", "page", `{"limit":"10"}`), `The member "page.limit" must be a whole number, not negative.`},
		{"subject", seek("subject", "page", `{"token":7}`), `The member "page.token" must be a string.`},
		{"subject", seek("subject", "page", `{"properties":[]}`), `The member "page.properties" must be an object.`},
	} {
		h := newHarness(t)
		v := h.want(h.decide("search/"+c.kind, c.body), 400, model.CodeInvalidRequest)
		if v["detail"] != c.detail {
			t.Errorf("%s search of %s: %q, want %q", c.kind, c.body, v["detail"], c.detail)
		}
		if h.decider.searches != nil || len(h.recorder.entries) != 1 {
			t.Errorf("%s: searched %v, recorded %v", c.body, h.decider.searches, h.recorder.entries)
		}
	}
}

// pageOf searches and gives the ids found and the next token.
func (h *harness) pageOf(body string, options ...option) (ids, next string) {
	h.t.Helper()
	a := h.decide("search/subject", body, options...)
	h.want(a, 200, "")
	var v struct {
		Page struct {
			Next  string `json:"next_token"`
			Count int    `json:"count"`
		} `json:"page"`
		Results []struct{ ID string } `json:"results"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		h.t.Fatal(err)
	}
	if v.Page.Count != len(v.Results) {
		h.t.Errorf("count %d of %d results", v.Page.Count, len(v.Results))
	}
	for _, r := range v.Results {
		ids += r.ID
	}
	return ids, v.Page.Next
}

func page(limit any, token string) string {
	var members []string
	if limit != nil {
		members = append(members, fmt.Sprintf(`"limit":%v`, limit))
	}
	if token != "" {
		members = append(members, fmt.Sprintf(`"token":%q`, token))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestSearchPaging(t *testing.T) {
	for _, c := range []struct {
		limit any
		want  string // pages, by bars
	}{
		{nil, "abcde"}, {1, "a|b|c|d|e"}, {2, "ab|cd|e"}, {4, "abcd|e"}, {5, "abcde"}, {6, "abcde"}, {1000, "abcde"}, {1001, "abcde"}, {"1e300", "abcde"}, {"2.0", "ab|cd|e"},
	} {
		for _, repeat := range []bool{false, true} { // the limit in follow-up requests
			h := newHarness(t)
			h.decider.names = []string{"a", "b", "c", "d", "e"}
			limit, token, got := c.limit, "", []string{}
			for range 7 {
				ids, next := h.pageOf(seek("subject", "page", page(limit, token)))
				got = append(got, ids)
				if token = next; token == "" {
					break
				}
				if !repeat {
					limit = nil
				}
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("limit %v, repeated %v: %s, want %s", c.limit, repeat, s, c.want)
			}
		}
	}
	h := newHarness(t)
	h.decider.names = []string{"a"}
	ids, next := h.pageOf(seek("subject", "page", `{"limit":0}`))
	if ids != "" || next == "" {
		t.Errorf("limit 0 gives %q and the token %q", ids, next)
	}
	if ids, again := h.pageOf(seek("subject", "page", page(nil, next))); ids != "" || again == "" {
		t.Errorf("limit 0 continued gives %q and the token %q", ids, again)
	}
	h.decider.names = nil
	if _, next := h.pageOf(seek("subject", "page", `{"limit":0}`)); next != "" {
		t.Error("limit 0 of nothing has a next page")
	}
}

// The largest page is a setting; more is cut to it, also by a token from before.
func TestSearchLimitIsCut(t *testing.T) {
	h := newHarness(t)
	for i := range 1500 {
		h.decider.names = append(h.decider.names, fmt.Sprintf("%04d", i))
	}
	for _, body := range []string{seek("subject"), seek("subject", "page", `{"limit":1000}`), seek("subject", "page", `{"limit":5000}`), seek("subject", "page", "null")} {
		h.lenient = true
		ids, next := h.pageOf(body)
		if len(ids) != 4*1000 || next == "" {
			t.Errorf("%s: %d results", body, len(ids)/4)
		}
	}
	_, next := h.pageOf(seek("subject"))
	h.server.Limits.Results = 3
	if ids, _ := h.pageOf(seek("subject", "page", page(nil, next))); ids != "100010011002" {
		t.Errorf("a token of a larger page gives %s", ids)
	}
	if ids, _ := h.pageOf(seek("subject")); ids != "000000010002" {
		t.Errorf("a lower setting gives %s", ids)
	}
}

func TestPageTokens(t *testing.T) {
	h := newHarness(t)
	h.decider.names = []string{"a", "b", "c", "d", "e"}
	body := func(more ...string) string {
		return seek("subject", append([]string{"resource", `{"type":"contact","id":"1","properties":{"x":1}}`, "context", `{"ip":"::1","access_token":"t"}`}, more...)...)
	}
	_, token := h.pageOf(body("page", `{"limit":2,"properties":{"sort":"id"}}`))
	at := func(t string) string { return `{"properties":{"sort":"id"},"token":"` + t + `"}` }
	for name, good := range map[string]string{
		"unchanged":      body("page", at(token)),
		"unknown member": body("page", at(token), "x", "1"),
		"an id":          body("page", at(token), "subject", `{"type":"user","id":"ignored"}`),
		"newer proof":    body("page", at(token), "context", `{"ip":"::1","access_token":"t2","min_revision":42}`),
		"same limit":     body("page", strings.Replace(at(token), "{", `{"limit":2,`, 1)),
		"other order":    `{"page":` + at(token) + `,` + body()[1:],
		"null limit":     body("page", strings.Replace(at(token), "{", `{"limit":null,`, 1)),
	} {
		h.lenient = true
		if ids, _ := h.pageOf(good); ids != "cd" {
			t.Errorf("%s: %s", name, ids)
		}
	}
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	for name, bad := range map[string]string{
		"another action":     body("page", at(token), "action", `{"name":"update"}`),
		"another type":       body("page", at(token), "subject", `{"type":"client"}`),
		"more properties":    body("page", at(token), "subject", `{"type":"user","properties":{"a":1}}`),
		"another resource":   body("page", at(token), "resource", `{"type":"contact","id":"2","properties":{"x":1}}`),
		"another property":   body("page", at(token), "resource", `{"type":"contact","id":"1","properties":{"x":2}}`),
		"no property":        body("page", at(token), "resource", `{"type":"contact","id":"1"}`),
		"another context":    body("page", at(token), "context", `{"ip":"::2","access_token":"t"}`),
		"no context":         body("page", at(token), "context", ""),
		"page properties":    body("page", page(nil, token)),
		"another limit":      body("page", strings.Replace(at(token), "{", `{"limit":3,`, 1)),
		"limit 0":            body("page", strings.Replace(at(token), "{", `{"limit":0,`, 1)),
		"empty":              body("page", at("")),
		"edited":             body("page", at(string(flipped))),
		"cut":                body("page", at(token[:len(token)-2])),
		"longer":             body("page", at(token+"AA")),
		"padded":             body("page", at(token+"==")),
		"no base64":          body("page", at("*;--'")),
		"made up":            body("page", at("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
		"with a line break":  body("page", at(token[:8]+`\n`+token[8:])),
		"somebody's id":      body("page", at("alice")),
		"very long":          body("page", at(strings.Repeat("A", 100_000))),
		"twice in one place": body("page", at(token+token)),
	} {
		before := len(h.decider.searches)
		v := h.want(h.decide("search/subject", bad), 400, model.CodeInvalidRequest)
		if path := v["errors"].([]any)[0].(map[string]any)["path"]; path != "page.token" && path != "page.limit" {
			t.Errorf("%s: path %v", name, path)
		}
		if len(h.decider.searches) != before {
			t.Errorf("%s: searched", name)
		}
	}
	// Another search, client or tenant: its token does not open here.
	for _, kind := range []string{"resource", "action"} {
		h.want(h.decide("search/"+kind, body("page", at(token), "subject", `{"type":"user","id":"x"}`)), 400, model.CodeInvalidRequest)
	}
	for name, caller := range map[string]model.Caller{"another client": {ID: "other", Tenant: "default"}, "another tenant": {ID: "crm", Tenant: "emea"}} {
		o, err := parse([]byte(body()), 64)
		if err != nil {
			t.Fatal(err)
		}
		a, err := questionOf(o).readFor(policy.SearchSubject)
		if err != nil {
			t.Fatal(err)
		}
		asked := map[string]any{"properties": map[string]any{"sort": "id"}, "token": token}
		own, err := h.server.pagesOf(model.Caller{ID: "crm", Tenant: "default"}, a.Question, asked)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := own.read(asked, 1000); err != nil || at != (place{"b", 2}) {
			t.Fatalf("the client's own token gives %+v, %v", at, err)
		}
		others, err := h.server.pagesOf(caller, a.Question, asked)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := others.read(asked, 1000); err == nil {
			t.Errorf("%s opens it: %+v", name, at)
		}
	}
	if strings.Contains(h.logs.String(), token) {
		t.Error("the log holds a token")
	}
}

// Nothing of who was looked at can be read from a token; the same request has the
// same one, any other request and place another.
func TestPageTokensAreOpaque(t *testing.T) {
	h := newHarness(t)
	h.decider.names = []string{"AAAAAAAAAAAAAAAA", "b", "c"}
	_, one := h.pageOf(seek("subject", "page", `{"limit":1}`))
	_, again := h.pageOf(seek("subject", "page", `{"limit":1}`))
	if plain, err := base64.RawURLEncoding.DecodeString(one); err != nil || strings.Contains(string(plain), "AAAA") || one != again {
		t.Errorf("%q, %q, %v", one, again, err)
	}
	_, second := h.pageOf(seek("subject", "page", page(nil, one)))
	_, wider := h.pageOf(seek("subject", "page", `{"limit":2}`))
	_, other := h.pageOf(seek("subject", "action", `{"name":"update"}`, "page", `{"limit":1}`))
	for _, token := range []string{second, wider, other} {
		if token == one || token[:16] == one[:16] { // the nonce
			t.Errorf("%q is like %q", token, one)
		}
	}
}

func TestSearchRefused(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   model.Code
	}{
		{&model.Error{Code: model.CodeRevisionBehind}, 503, model.CodeRevisionBehind},
		{&model.Error{Code: model.CodeAuditUnavailable}, 503, model.CodeAuditUnavailable},
		{&model.Error{Code: model.CodeStoreUnavailable}, 503, model.CodeStoreUnavailable},
		{model.Errorf(model.CodeInternal, "matcher exploded"), 500, model.CodeInternal},
	} {
		for _, kind := range searches {
			h := newHarness(t)
			h.decider.err = c.err
			a := h.decide("search/"+kind, seek(kind), header("X-Request-ID", "r"))
			h.want(a, c.status, c.code)
			if strings.Contains(string(a.body), "exploded") || a.Header.Get("X-Request-ID") != "r" || (a.Header.Get("Retry-After") == "") == (a.StatusCode == 503) {
				t.Errorf("%s %s: %s %v", kind, c.code, a.body, a.Header)
			}
		}
	}
}

// What holds of every AuthZEN endpoint before its own members are read.
func TestEveryEndpointAlike(t *testing.T) {
	good := map[string]string{"evaluation": aliceReads, "evaluations": ask("evaluations", "[{}]"),
		"search/subject": seek("subject"), "search/resource": seek("resource"), "search/action": seek("action")}
	for path, body := range good {
		t.Run(path, func(t *testing.T) {
			h := newHarness(t)
			id := header("X-Request-ID", "an id, any")
			check := func(name string, a answer, status int, code model.Code) {
				t.Helper()
				h.want(a, status, code)
				if a.Header.Get("X-Request-ID") != "an id, any" {
					t.Errorf("%s: X-Request-ID: %q", name, a.Header.Get("X-Request-ID"))
				}
			}
			first := h.decide(path, body, id)
			check("good", first, 200, "")
			if again := h.decide(path, body, id); string(again.body) != string(first.body) {
				t.Errorf("asked again:\n%s, first\n%s", again.body, first.body)
			}
			for _, ct := range []string{"application/json; charset=utf-8", "APPLICATION/JSON"} {
				check(ct, h.decide(path, body, id, header("Content-Type", ct)), 200, "")
			}
			for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				a := h.call(method, "/access/v1/"+path, body, as("client-token"), id)
				check(method, a, 405, model.CodeMethodNotAllowed)
				if a.Header.Get("Allow") != "POST" {
					t.Errorf("%s: Allow: %s", method, a.Header.Get("Allow"))
				}
			}
			for _, ct := range [][]string{nil, {"text/plain"}, {"application/x-www-form-urlencoded"}, {"application/json", "application/json"}} {
				check("Content-Type", h.decide(path, body, id, header("Content-Type", ct...)), 400, model.CodeInvalidRequest)
			}
			half := body[:len(body)-1]
			for name, bad := range map[string]string{
				"empty":          "",
				"blank":          " \n",
				"array":          "[" + body + "]",
				"string":         `"x"`,
				"null":           "null",
				"number":         "1",
				"malformed":      half,
				"trailing":       body + "x",
				"two objects":    body + body,
				"trailing comma": half + ",}",
				"duplicate":      half + `,"context":{},"context":{}}`,
				"duplicate deep": half + `,"x":[{"y":1,"y":2}]}`,
				"wrong case":     strings.Replace(strings.Replace(body, `"subject"`, `"Subject"`, 1), `"resource"`, `"RESOURCE"`, 1),
				"bad UTF-8":      half + ",\"x\":\"\xff\"}",
				"lone surrogate": half + `,"x":"\ud800"}`,
				"big number":     half + `,"x":1e309}`,
				"too deep":       half + `,"x":` + nested(64) + `}`,
				"byte order":     "\ufeff" + body,
			} {
				if path == "evaluations" && name == "wrong case" {
					continue // an item that is no question is denied in its place
				}
				check(name, h.decide(path, bad, id), 400, model.CodeInvalidRequest)
			}
			check("as deep as may be", h.decide(path, half+`,"x":`+nested(63)+`}`, id), 200, "")
			check("too large", h.decide(path, half+`,"x":"`+strings.Repeat("x", 256<<10)+`"}`, id), 413, model.CodeTooLarge)
			check("no token", h.post("/access/v1/"+path, body, id), 401, model.CodeUnauthorized)
			a := h.post("/access/v1/"+path, body, id, as("user-token"))
			check("a person's token", a, 401, model.CodeUnauthorized)
			if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="rolegate", error="invalid_token"` {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			h.login.scopes = []string{"explain", "directory", "audit"}
			a = h.decide(path, body, id)
			check("without scope", a, 403, model.CodeForbidden)
			if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="rolegate", error="insufficient_scope", scope="decide"` {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			h.login.scopes = nil
			h.recorder.err = &model.Error{Code: model.CodeStoreUnavailable}
			check("no record", h.decide(path, "{", id), 503, model.CodeAuditUnavailable)
		})
	}
}

// A PEP may say what obligations it understands; it changes nothing.
func TestSupportedObligationsAreNotNeeded(t *testing.T) {
	for _, supported := range []string{`["step-up"]`, `["custom"]`, `[]`, `"step-up"`, `{"x":1}`, `null`} {
		h := newHarness(t)
		h.decider.answer = func(policy.Request) model.Decision {
			return model.Decision{Code: model.ReasonStepUp, StepUp: &model.StepUp{ACR: 2}}
		}
		a := h.decide("evaluation", ask("context", `{"supported_obligations":`+supported+`}`))
		h.want(a, 200, "")
		if !strings.Contains(string(a.body), `"obligations":[{"id":"step-up","properties":{"acr_value":"2"`) {
			t.Errorf("%s: %s", supported, a.body)
		}
		for _, kind := range searches {
			h.want(h.decide("search/"+kind, seek(kind, "context", `{"supported_obligations":`+supported+`}`)), 200, "")
		}
	}
}

// Each limit is a setting, and whoever passes it is told which, and its value.
func TestLimitsAreSettings(t *testing.T) {
	for _, c := range []struct {
		within, beyond string
		status         int
		code           model.Code
		en, zh         string
	}{
		{ask("x", `"`+strings.Repeat("x", 800)+`"`), ask("x", `"`+strings.Repeat("x", 1100)+`"`), 413, model.CodeTooLarge,
			"The body has more than 1024 bytes (ROLEGATE_MAX_REQUEST).", "请求体超过 1024 字节（ROLEGATE_MAX_REQUEST）。"},
		{ask("evaluations", "[{},{}]"), ask("evaluations", "[{},{},{}]"), 400, model.CodeLimitExceeded,
			"There are more than 2 evaluations in one request (ROLEGATE_MAX_BATCH).", "一次请求中的 evaluations 超过 2 项（ROLEGATE_MAX_BATCH）。"},
		{ask("x", nested(7)), ask("x", nested(8)), 400, model.CodeInvalidRequest,
			"The body is nested deeper than 8 levels (ROLEGATE_MAX_NESTING).", "请求体的嵌套超过 8 层（ROLEGATE_MAX_NESTING）。"},
	} {
		h := newHarness(t)
		h.server.Limits = model.Limits{Request: 1024, Batch: 2, Nesting: 8, Results: 3}
		h.want(h.decide("evaluations", c.within), 200, "")
		for lang, want := range map[string]string{"en": c.en, "zh-CN": c.zh} {
			v := h.want(h.decide("evaluations", c.beyond, header("Accept-Language", lang)), c.status, c.code)
			if v["detail"] != want {
				t.Errorf("%s: %v, want %s", lang, v["detail"], want)
			}
		}
	}
	// A limit that a service holds is named in both languages as well.
	h := newHarness(t)
	h.decider.err = model.Exceeded(model.SettingDirectRoles, 64, "user:ann holds 64 roles already")
	for lang, want := range map[string]string{"en": "User:ann holds 64 roles already; ROLEGATE_MAX_DIRECT_ROLES is 64.", "zh-CN": "超出限制：ROLEGATE_MAX_DIRECT_ROLES 为 64。"} {
		v := h.want(h.decide("evaluation", aliceReads, header("Accept-Language", lang)), http.StatusBadRequest, model.CodeLimitExceeded)
		if v["detail"] != want {
			t.Errorf("%s: %v, want %s", lang, v["detail"], want)
		}
	}
}
