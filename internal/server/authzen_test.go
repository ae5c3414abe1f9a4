package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/model"
)

const aliceReads = `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"contact","id":"101"}}`

// ask is a question with some of its members replaced, or left out by "".
func ask(replace ...string) string {
	members := map[string]string{"subject": `{"type":"user","id":"alice"}`, "action": `{"name":"read"}`, "resource": `{"type":"contact","id":"101"}`}
	for i := 0; i < len(replace); i += 2 {
		members[replace[i]] = replace[i+1]
	}
	var parts []string
	for _, name := range []string{"subject", "action", "resource", "context", "evaluations", "options", "page", "who_could", "x", "dialect", "columns", "first_placeholder"} {
		if members[name] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, members[name]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestQuestionReachesTheDecider(t *testing.T) {
	h := newHarness(t)
	h.want(h.decide("evaluation", `{
		"subject": {"type":"user","id":"alice","properties":{"role":"admin","n":null},"unknown":1},
		"action": {"name":"read","properties":{"fields":["a","b"],"soft":true}},
		"resource": {"type":"contact","id":"101","properties":{"owner":"user:alice","tags":["x",1.5,{"y":[]}]}},
		"context": {"ip":"10.0.0.1","access_token":"secret","min_revision":42},
		"unknown": {"a":[1]}}`), 200, "")
	token := "secret"
	want := []policy.Request{{
		AccessToken: &token,
		MinRevision: 42,
		Question: model.Question{
			Subject:  model.Entity{Type: "user", ID: "alice", Properties: map[string]any{"role": "admin", "n": nil}},
			Action:   model.Action{Name: "read", Properties: map[string]any{"fields": []any{"a", "b"}, "soft": true}},
			Resource: model.Entity{Type: "contact", ID: "101", Properties: map[string]any{"owner": "user:alice", "tags": []any{"x", 1.5, map[string]any{"y": []any{}}}}},
			Context:  map[string]any{"ip": "10.0.0.1"},
		},
	}}
	if diff := cmp.Diff(want, h.decider.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if h.decider.caller.ID != "crm" || h.decider.caller.Kind != model.CallerClient {
		t.Errorf("caller %+v", h.decider.caller)
	}
	if strings.Contains(h.logs.String(), "secret") || strings.Contains(h.logs.String(), "alice") {
		t.Errorf("the log knows too much: %s", h.logs)
	}
}

// A name is any string: nothing is trimmed, folded or matched.
func TestNamesAreTakenAsSent(t *testing.T) {
	for _, id := range []string{" alice ", "ALICE", "用户", "a:b", "**", "a*", ".*", "😀", strings.Repeat("x", 256), "role:admin"} {
		quoted, _ := json.Marshal(id)
		h := newHarness(t)
		h.want(h.decide("evaluation", ask("subject", `{"type":"user","id":`+string(quoted)+`}`)), 200, "")
		if got := h.decider.got[0].Question.Subject.ID; got != id {
			t.Errorf("%q arrived as %q", id, got)
		}
	}
}

func TestEvaluationStrictness(t *testing.T) {
	long := `"` + strings.Repeat("x", 257) + `"`
	wide := `"` + strings.Repeat("é", 129) + `"` // bytes count, not characters
	for name, c := range map[string]struct{ body, detail string }{
		"no subject":                   {ask("subject", ""), `The member "subject" is missing.`},
		"no action":                    {ask("action", ""), `The member "action" is missing.`},
		"no resource":                  {ask("resource", ""), `The member "resource" is missing.`},
		"null subject":                 {ask("subject", "null"), `The member "subject" is missing.`},
		"empty object":                 {"{}", `The member "subject" is missing.`},
		"subject in capitals":          {strings.Replace(aliceReads, "subject", "SUBJECT", 1), `The member "subject" is missing.`},
		"Subject":                      {strings.Replace(aliceReads, "subject", "Subject", 1), `The member "subject" is missing.`},
		"ID in capitals":               {ask("subject", `{"type":"user","ID":"alice"}`), `The member "subject.id" is missing.`},
		"subject a string":             {ask("subject", `"alice"`), `The member "subject" must be an object.`},
		"subject an array":             {ask("subject", `[]`), `The member "subject" must be an object.`},
		"subject empty":                {ask("subject", `{}`), `The member "subject.type" is missing.`},
		"no subject.type":              {ask("subject", `{"id":"a"}`), `The member "subject.type" is missing.`},
		"no subject.id":                {ask("subject", `{"type":"user"}`), `The member "subject.id" is missing.`},
		"null subject.id":              {ask("subject", `{"type":"user","id":null}`), `The member "subject.id" is missing.`},
		"number subject.id":            {ask("subject", `{"type":"user","id":1}`), `The member "subject.id" must be a string.`},
		"boolean subject.type":         {ask("subject", `{"type":true,"id":"a"}`), `The member "subject.type" must be a string.`},
		"empty subject.id":             {ask("subject", `{"type":"user","id":""}`), `The member "subject.id" must not be empty.`},
		"empty subject.type":           {ask("subject", `{"type":"","id":"a"}`), `The member "subject.type" must not be empty.`},
		"long subject.id":              {ask("subject", `{"type":"user","id":`+long+`}`), `The member "subject.id" has more than 256 bytes.`},
		"long resource.id":             {ask("resource", `{"type":"contact","id":`+wide+`}`), `The member "resource.id" has more than 256 bytes.`},
		"long action.name":             {ask("action", `{"name":`+long+`}`), `The member "action.name" has more than 256 bytes.`},
		"subject.properties":           {ask("subject", `{"type":"user","id":"a","properties":[]}`), `The member "subject.properties" must be an object.`},
		"no action.name":               {ask("action", `{}`), `The member "action.name" is missing.`},
		"action a string":              {ask("action", `"read"`), `The member "action" must be an object.`},
		"number action.name":           {ask("action", `{"name":7}`), `The member "action.name" must be a string.`},
		"action.properties":            {ask("action", `{"name":"read","properties":"x"}`), `The member "action.properties" must be an object.`},
		"no resource.type":             {ask("resource", `{"id":"1"}`), `The member "resource.type" is missing.`},
		"no resource.id":               {ask("resource", `{"type":"contact"}`), `The member "resource.id" is missing.`},
		"object resource.id":           {ask("resource", `{"type":"contact","id":{}}`), `The member "resource.id" must be a string.`},
		"any record, with properties":  {ask("resource", `{"type":"contact","id":"*","properties":{"a":1}}`), `A resource.id of "*" asks about no particular record, so it cannot have properties.`},
		"context a string":             {ask("context", `"x"`), `The member "context" must be an object.`},
		"access_token a number":        {ask("context", `{"access_token":1}`), `The member "context.access_token" must be a string.`},
		"access_token an array":        {ask("context", `{"access_token":["a"]}`), `The member "context.access_token" must be a string.`},
		"min_revision a string":        {ask("context", `{"min_revision":"1"}`), `The member "context.min_revision" must be a whole number, not negative.`},
		"min_revision negative":        {ask("context", `{"min_revision":-1}`), `The member "context.min_revision" must be a whole number, not negative.`},
		"min_revision a fraction":      {ask("context", `{"min_revision":1.5}`), `The member "context.min_revision" must be a whole number, not negative.`},
		"min_revision huge":            {ask("context", `{"min_revision":1e300}`), `The member "context.min_revision" must be at most 9007199254740992.`},
		"empty body":                   {"", "The body is empty; a JSON object is expected."},
		"malformed":                    {`{"subject":`, "The body is not valid JSON at byte 11."},
		"an array":                     {"[" + aliceReads + "]", "The body must be one JSON object."},
		"a string":                     {`"x"`, "The body must be one JSON object."},
		"two objects":                  {aliceReads + aliceReads, "There is something after the JSON object, at byte 106."},
		"duplicate subject":            {`{"subject":{"type":"user","id":"evil"},` + aliceReads[1:], `The member "subject" is there more than once.`},
		"duplicate in properties":      {ask("resource", `{"type":"contact","id":"1","properties":{"owner":"a","owner":"b"}}`), `The member "resource.properties.owner" is there more than once.`},
		"duplicate in unknown member":  {ask("x", `{"y":1,"y":2}`), `The member "x.y" is there more than once.`},
		"invalid UTF-8":                {ask("subject", "{\"type\":\"user\",\"id\":\"\xff\"}"), "The body is not valid UTF-8."},
		"lone surrogate":               {ask("subject", `{"type":"user","id":"\ud800"}`), "The body has an unpaired surrogate at byte 32."},
		"number out of range":          {ask("context", `{"n":1e400}`), `The number at "context.n" does not fit a double.`},
		"too deep":                     {ask("context", nested(64)), "The body is nested deeper than 64 levels (ROLEGATE_MAX_NESTING)."},
		"form":                         {"subject=alice", "The body is not valid JSON at byte 0."},
		"evaluations of another route": {ask("subject", "", "evaluations", "[{}]"), `The member "subject" is missing.`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			a := h.decide("evaluation", c.body, header("X-Request-ID", "req-1"))
			v := h.want(a, 400, model.CodeInvalidRequest)
			if v["detail"] != c.detail {
				t.Errorf("detail %q, want %q", v["detail"], c.detail)
			}
			if a.Header.Get("X-Request-ID") != "req-1" {
				t.Errorf("X-Request-ID: %q", a.Header.Get("X-Request-ID"))
			}
			want := []recorded{{model.Caller{Kind: model.CallerClient, ID: "crm", Tenant: "default", Scopes: []string{"decide"}}, "POST /access/v1/evaluation", model.CodeInvalidRequest}}
			if diff := cmp.Diff(want, h.recorder.entries, cmp.AllowUnexported(recorded{})); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvaluationTakes(t *testing.T) {
	for name, body := range map[string]string{
		"unknown members":         ask("x", `{"a":[1,{"b":null}]}`),
		"other case beside":       `{"SUBJECT":{"type":"user","id":"evil"},` + aliceReads[1:],
		"any record":              ask("resource", `{"type":"contact","id":"*"}`),
		"any record, no property": ask("resource", `{"type":"contact","id":"*","properties":{}}`),
		"empty context":           ask("context", `{}`),
		"as deep as may be":       ask("context", nested(63)),
		"options are unknown":     ask("options", `{"evaluations_semantic":"deny_on_first_deny"}`),
		"evaluations are unknown": ask("evaluations", `[{}]`),
		"min_revision":            ask("context", `{"min_revision":42}`),
	} {
		h := newHarness(t)
		a := h.decide("evaluation", body)
		if a.StatusCode != 200 || a.json(t)["decision"] != true {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if h.decider.got[0].Question.Subject.ID != "alice" {
			t.Errorf("%s: the subject is %v", name, h.decider.got[0].Question.Subject)
		}
	}
}

// null means missing. The contract's schema language cannot say so, so these
// are read without a server.
func TestOptionalNulls(t *testing.T) {
	o, err := parse([]byte(`{"subject":{"type":"user","id":"a","properties":null},"action":{"name":"read","properties":null},
		"resource":{"type":"x","id":"*","properties":null},"context":{"access_token":null,"min_revision":null}}`), 64)
	if err != nil {
		t.Fatal(err)
	}
	a, err := questionOf(o).read()
	if err != nil || a.AccessToken != nil || a.MinRevision != 0 || len(a.Question.Context) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestDenialIsAnAnswer(t *testing.T) {
	h := newHarness(t)
	h.decider.answer = func(policy.Request) model.Decision {
		return model.Decision{Code: model.ReasonNotGranted, Revision: 7}
	}
	a := h.decide("evaluation", aliceReads)
	want := map[string]any{"decision": false, "context": map[string]any{
		"code": "not_granted", "revision": 7.0,
		"reason_user":  map[string]any{"not_granted": "You do not have the right to do this."},
		"reason_admin": map[string]any{"not_granted": `No grant lets user:alice read contact "101".`},
	}}
	h.want(a, 200, "")
	if diff := cmp.Diff(want, a.json(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	if len(h.recorder.entries) > 0 {
		t.Error("a denial was recorded as a failure")
	}
}

func TestDecisionContext(t *testing.T) {
	for name, c := range map[string]struct {
		decision model.Decision
		want     string // members beside code, revision and reasons
	}{
		"rule": {
			model.Decision{Allow: true, Code: model.ReasonAllowed, Rule: model.Rule{Kind: "p", Text: `p, role:rep, contact, read, all, """x"" in record.tags, really", allow`, Name: "Reps read", Line: 3}},
			`{"rule":{"row":"p, role:rep, contact, read, all, \"\"\"x\"\" in record.tags, really\", allow","name":"Reps read","line":3}}`,
		},
		"fields": {
			model.Decision{Allow: true, Code: model.ReasonAllowed, Fields: &model.Fields{Hidden: []string{"salary"}, Masked: []string{"phone"}, Masks: map[string]string{"phone": "phone"}}},
			`{"fields":{"hidden":["salary"],"masked":["phone"],"readonly":[],"masks":{"phone":"phone"}}}`,
		},
		"nothing to hide": {
			model.Decision{Allow: true, Code: model.ReasonAllowed, Fields: &model.Fields{}},
			`{"fields":{"hidden":[],"masked":[],"readonly":[],"masks":{}}}`,
		},
		"closed fields": {
			model.Decision{Code: model.ReasonFieldsClosed, Closed: []string{"salary"}},
			`{"closed_fields":["salary"]}`,
		},
		"required action": {
			model.Decision{Code: model.ReasonRequiredAction, Required: "read"},
			`{"required_action":"read"}`,
		},
		"any record": {model.Decision{Allow: true, Code: model.ReasonAllowed, AnyRecord: true}, `{"any_record":true}`},
		"step-up": {
			model.Decision{Code: model.ReasonStepUp, StepUp: &model.StepUp{ACR: 2, MaxAge: 5 * time.Minute}},
			`{"acr_values":"2","max_age":300,"obligations":[{"id":"step-up","type":"step-up","properties":{"acr_value":"2","amr_values":["mfa","otp"],"max_age":300}}]}`,
		},
		"step-up of any age": {
			model.Decision{Code: model.ReasonStepUp, StepUp: &model.StepUp{ACR: 3}},
			`{"acr_values":"3","obligations":[{"id":"step-up","type":"step-up","properties":{"acr_value":"3","amr_values":["mfa","hwk"]}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.decider.answer = func(policy.Request) model.Decision { return c.decision }
			a := h.decide("evaluation", aliceReads)
			got := a.json(t)["context"].(map[string]any)
			for _, always := range []string{"code", "revision", "reason_user", "reason_admin"} {
				if got[always] == nil {
					t.Errorf("no %s", always)
				}
				delete(got, always)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(string(a.body), "null") || strings.Contains(string(a.body), "…") {
				t.Errorf("a null, or a text without its word: %s", a.body)
			}
		})
	}
}

func TestReasonsInChinese(t *testing.T) {
	h := newHarness(t)
	h.decider.answer = func(policy.Request) model.Decision { return model.Decision{Code: model.ReasonNotGranted} }
	a := h.decide("evaluation", aliceReads, header("Accept-Language", "zh-CN,zh;q=0.9"))
	c := a.json(t)["context"].(map[string]any)
	if c["code"] != "not_granted" || c["reason_user"].(map[string]any)["not_granted"] != "您没有执行此操作的权限。" ||
		c["reason_admin"].(map[string]any)["not_granted"] != "没有任何授权允许 user:alice 对 contact“101” 执行 read。" {
		t.Errorf("%s", a.body)
	}
	if a.Header.Get("Content-Language") != "zh-CN" || !strings.Contains(a.Header.Get("Vary"), "Accept-Language") {
		t.Errorf("headers %v", a.Header)
	}
}

func TestFaultyDecision(t *testing.T) {
	fault := model.Decision{Code: model.CodeInternal, Cause: errors.New("matcher exploded")}
	h := newHarness(t)
	h.decider.answer = func(policy.Request) model.Decision { return fault }
	a := h.decide("evaluation", aliceReads)
	h.want(a, 500, model.CodeInternal)
	if strings.Contains(string(a.body), "exploded") || !strings.Contains(h.logs.String(), "exploded") || len(h.recorder.entries) > 0 {
		t.Errorf("answer %s\nlog %s\nrecords %v", a.body, h.logs, h.recorder.entries)
	}
	h.logs.Reset()
	a = h.decide("evaluations", ask("evaluations", "[{}]"))
	h.want(a, 200, "")
	item := a.json(t)["evaluations"].([]any)[0].(map[string]any)
	if item["decision"] != false || item["context"].(map[string]any)["error"].(map[string]any)["status"] != 500.0 {
		t.Errorf("%s", a.body)
	}
	if strings.Contains(string(a.body), "exploded") || !strings.Contains(h.logs.String(), "exploded") {
		t.Errorf("answer %s\nlog %s", a.body, h.logs)
	}
}

func TestMinRevision(t *testing.T) {
	h := newHarness(t) // decides on revision 42
	h.want(h.decide("evaluation", ask("context", `{"min_revision":42}`)), 200, "")
	a := h.decide("evaluation", ask("context", `{"min_revision":43}`))
	h.want(a, 503, model.CodeRevisionBehind)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if line := h.lastLog(); line["level"] != "INFO" || line["error"] != nil || line["code"] != string(model.CodeRevisionBehind) {
		t.Errorf("what a caller brought about is no fault of ours: %v", line)
	}
	for lang, message := range map[string]string{"en": "The answer would be older than was demanded. Please try again shortly.", "zh": "应答所依据的版本低于所要求的版本，请稍后重试。"} {
		a = h.decide("evaluations", ask("evaluations", `[{},{"context":{"min_revision":43}},{}]`), header("Accept-Language", lang))
		h.want(a, 200, "")
		if got := decisions(t, a); got != "yny" {
			t.Errorf("decisions %s", got)
		}
		item := a.json(t)["evaluations"].([]any)[1].(map[string]any)["context"].(map[string]any)
		want := map[string]any{"status": 503.0, "message": message}
		if item["code"] != "revision_unavailable" || !cmp.Equal(item["error"], any(want)) || item["reason_user"] == nil || item["reason_admin"] == nil {
			t.Errorf("the item: %v", item)
		}
	}
	h.want(h.decide("evaluations", ask("context", `{"min_revision":43}`, "evaluations", `[{"context":{}}]`)), 200, "")
}

func TestDecisionsNeedAClient(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
		a := h.post(path, aliceReads, header("X-Request-ID", "r"))
		h.want(a, 401, model.CodeUnauthorized)
		if a.Header.Get("WWW-Authenticate") != `Bearer realm="rolegate"` || a.Header.Get("X-Request-ID") != "r" {
			t.Errorf("headers %v", a.Header)
		}
		a = h.post(path, aliceReads, as("user-token"))
		h.want(a, 401, model.CodeUnauthorized)
		if a.Header.Get("WWW-Authenticate") != `Bearer realm="rolegate", error="invalid_token"` {
			t.Errorf("headers %v", a.Header)
		}
	}
	h.login.scopes = []string{"explain", "audit"}
	a := h.decide("evaluation", aliceReads)
	h.want(a, 403, model.CodeForbidden)
	if a.Header.Get("WWW-Authenticate") != `Bearer realm="rolegate", error="insufficient_scope", scope="decide"` {
		t.Errorf("headers %v", a.Header)
	}
	if h.decider.got != nil {
		t.Error("a question got through")
	}
	if n := len(h.recorder.entries); n != 5 || h.recorder.entries[0].caller.Kind != model.CallerAnonymous || h.recorder.entries[4].caller.ID != "crm" {
		t.Errorf("records %+v", h.recorder.entries)
	}
}
