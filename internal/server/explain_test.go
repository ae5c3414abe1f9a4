package server

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Explain finds bob's record out of ann's reach; who could is found as a search.
func (f *fakeDecider) Explain(ctx context.Context, caller model.Caller, r policy.ExplainRequest) (policy.Explained, error) {
	f.explains = append(f.explains, r)
	var out policy.Explained
	if f.err != nil {
		return out, f.err
	}
	q := r.Question
	out.Explanation = model.Explanation{Code: model.ReasonNotGranted, Subject: q.Subject.Type + ":" + q.Subject.ID, Action: q.Action.Name,
		Object: q.Resource.Type, Record: q.Resource.ID, Gates: []model.Reason{}, WouldHelp: []string{"role:manager"}, Revision: 42,
		Actions: []model.ActionReasons{{Action: q.Action.Name, Code: model.ReasonNotGranted, Reasons: []model.Reason{}, Misses: []model.Reason{{
			Kind: model.ReasonMiss, Code: model.ReasonNotGranted, Rule: &model.ExplainedRule{Row: "p, role:rep, contact, read, own, , allow"}, Holder: "role:rep", Scope: "own",
			Paths: []model.RolePath{{Path: []string{"user:alice", "role:rep"}}}, Missed: []model.Missed{model.MissedScope},
			Looked: []model.Looked{{Name: "owner", State: model.AttributeKnown, Value: "bob"}}}}}}}
	if r.WhoCould {
		found, err := f.Search(ctx, caller, policy.SearchRequest{After: r.After, Limit: r.Limit})
		out.WhoCould = found
		return out, err
	}
	f.caller = caller
	return out, nil
}

func (h *harness) explain(body string, options ...option) answer {
	h.t.Helper()
	h.login.scopes = []string{"explain"}
	return h.post("/v1/explain", body, append([]option{as("client-token")}, options...)...)
}

func TestExplainReachesTheDecider(t *testing.T) {
	h := newHarness(t)
	body := ask("context", `{"ip":"::1","access_token":"secret","min_revision":7}`, "who_could", "true", "page", `{"limit":3}`)
	h.want(h.explain(body), 200, "")
	token := "secret"
	want := []policy.ExplainRequest{{WhoCould: true, Limit: 3, Request: policy.Request{AccessToken: &token, MinRevision: 7, Question: model.Question{
		Subject: model.Entity{Type: "user", ID: "alice"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "contact", ID: "101"}, Context: map[string]any{"ip": "::1"}}}}}
	if diff := cmp.Diff(want, h.decider.explains); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if h.decider.caller.ID != "crm" || strings.Contains(h.logs.String(), "secret") || len(h.recorder.entries) > 0 {
		t.Errorf("caller %+v, records %v, log %s", h.decider.caller, h.recorder.entries, h.logs)
	}
}

// The answer byte for byte, and its texts in the language asked for.
func TestExplainAnswers(t *testing.T) {
	h := newHarness(t)
	a := h.explain(ask())
	h.want(a, 200, "")
	want := `{"decision":false,"code":"not_granted","text":"No grant lets user:alice read contact \"101\".","subject":"user:alice","action":"read","object":"contact","record":"101",` +
		`"gates":[],"actions":[{"action":"read","code":"not_granted","text":"No grant lets user:alice read contact \"101\".","reasons":[],"near_misses":[{"kind":"near_miss","code":"not_granted",` +
		`"text":"role:rep may read contact records it owns (user:alice → role:rep); owner is user:bob.","rule":{"row":"p, role:rep, contact, read, own, , allow"},"holder":"role:rep",` +
		`"paths":[{"path":["user:alice","role:rep"]}],"scope":"own","missed":["scope"],"attributes":[{"name":"owner","state":"known","value":"bob"}]}]}],"would_allow":["role:manager"],"revision":42}`
	if got := strings.TrimSpace(string(a.body)); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	a = h.explain(ask(), header("Accept-Language", "zh-CN"))
	if h.want(a, 200, ""); a.Header.Get("Content-Language") != "zh-CN" || !strings.Contains(string(a.body), "role:rep 可以对其拥有的 contact 记录执行 read（user:alice → role:rep）；owner 为 user:bob。") {
		t.Errorf("%v %s", a.Header, a.body)
	}
}

func TestExplainPages(t *testing.T) {
	h := newHarness(t)
	h.decider.names = []string{"a", "b", "c"}
	first := h.explain(ask("who_could", "true", "page", `{"limit":2}`))
	h.want(first, 200, "")
	who := first.json(t)["who_could"].(map[string]any)
	next := who["next_token"].(string)
	if diff := cmp.Diff(map[string]any{"type": "user", "results": []any{"a", "b"}, "next_token": next}, who); diff != "" || next == "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last := h.explain(ask("who_could", "true", "page", `{"token":"`+next+`"}`))
	h.want(last, 200, "")
	if diff := cmp.Diff(map[string]any{"type": "user", "results": []any{"c"}, "next_token": ""}, last.json(t)["who_could"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.want(h.explain(ask("who_could", "true", "subject", `{"type":"user","id":"bob"}`, "page", `{"token":"`+next+`"}`)), 400, model.CodeInvalidRequest)
}

func TestExplainStrictness(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		body, detail string
		code         model.Code
	}{
		{ask("subject", ""), `The member "subject" is missing.`, ""},
		{ask("subject", `{"type":"user"}`), `The member "subject.id" is missing.`, ""},
		{ask("subject", `{"type":"user","id":"alice","roles":["role:admin"]}`), `The member "subject.roles" is unknown here.`, ""},
		{ask("action", `{"name":"*"}`), `The member "action.name" must name one thing, and "*" stands for all.`, ""},
		{ask("action", `{"name":"read","fields":["x"]}`), `The member "action.fields" is unknown here.`, ""},
		{ask("resource", `{"type":"contact","id":"1","owner":"alice"}`), `The member "resource.owner" is unknown here.`, ""},
		{ask("resource", `{"type":"contact","id":"*","properties":{"a":1}}`), `A resource.id of "*" asks about no particular record, so it cannot have properties.`, ""},
		{ask("who_could", `"yes"`), `The member "who_could" must be true or false.`, ""},
		{ask("page", `{"limit":-1}`), `The member "page.limit" must be a whole number, not negative.`, ""},
		{ask("page", `{"size":1}`), `The member "page.size" is unknown here.`, ""},
		{ask("page", `7`), `The member "page" must be an object.`, ""},
		{ask("page", `{"token":"none of ours"}`), "page.token was not answered to this request; repeat the request unchanged with its token, or start again without one.", ""},
		{ask("evaluations", "[]"), `The member "evaluations" is unknown here.`, ""},
		{strings.Replace(ask("x", "1"), `"x":`, `"`+long+`":`, 1), `The member "` + long[:80] + `…" is unknown here.`, ""},
		{`{"subject":1,"subject":2}`, `The member "subject" is there more than once.`, ""},
		{`{}`, `The member "subject" is missing.`, ""},
		{`[]`, `The body must be one JSON object.`, ""},
		{"", "The body is empty; a JSON object is expected.", ""},
	} {
		h := newHarness(t)
		v := h.want(h.explain(c.body), 400, model.CodeInvalidRequest)
		if v["detail"] != c.detail {
			t.Errorf("%s: %q, want %q", c.body, v["detail"], c.detail)
		}
		if h.decider.explains != nil || len(h.recorder.entries) != 1 {
			t.Errorf("%s: asked %v, recorded %v", c.body, h.decider.explains, h.recorder.entries)
		}
	}
}

func TestExplainRefusals(t *testing.T) {
	h := newHarness(t)
	h.login.scopes = []string{"decide"}
	h.want(h.post("/v1/explain", ask(), as("client-token")), 403, model.CodeForbidden)
	h.want(h.post("/v1/explain", ask(), as("user-token")), 401, model.CodeUnauthorized)
	h.want(h.post("/v1/explain", ask()), 401, model.CodeUnauthorized)
	h.want(h.explain(ask(), header("Content-Type", "text/plain")), 415, model.CodeUnsupportedMedia)
	h.server.Limits.Request = 100
	h.want(h.explain(ask("context", `{"a":"`+strings.Repeat("x", 100)+`"}`)), 413, model.CodeTooLarge)
	h.server.Limits.Request = 1000
	h.decider.err = &model.Error{Code: model.CodeRevisionBehind}
	h.want(h.explain(ask()), 503, model.CodeRevisionBehind)
	h.decider.err = &model.Error{Code: model.CodeAuditUnavailable}
	h.want(h.explain(ask()), 503, model.CodeAuditUnavailable)
	if h.decider.err = nil; len(h.recorder.entries) != 6 {
		t.Errorf("records %v", h.recorder.entries)
	}
}

func (f deciderFunc) Explain(ctx context.Context, _ model.Caller, _ policy.ExplainRequest) (policy.Explained, error) {
	return policy.Explained{}, f(ctx)
}

func (f deciderFunc) Permissions(ctx context.Context, _ model.Caller, _ policy.PermissionsRequest) (model.Permissions, error) {
	return model.Permissions{}, f(ctx)
}
