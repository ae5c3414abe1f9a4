package server

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
	"rolegate/internal/policy"
	"rolegate/model"
)

// filterBody is a filter's request: ask without an id.
func filterBody(replace ...string) string {
	return ask(append([]string{"resource", `{"type":"contact"}`}, replace...)...)
}

func (h *harness) filter(body string, options ...option) answer {
	h.t.Helper()
	return h.post("/v1/filter", body, append([]option{as("client-token")}, options...)...)
}

func TestFilterReachesTheDecider(t *testing.T) {
	h := newHarness(t)
	h.want(h.filter(`{"subject":{"type":"user","id":"alice","properties":{"a":1}},"action":{"name":"read","properties":{"filter_fields":["b"]}},"resource":{"type":"contact"},
		"context":{"ip":"::1","access_token":"secret","min_revision":42}}`), 200, "")
	token := "secret"
	want := []policy.Request{{AccessToken: &token, MinRevision: 42, Question: model.Question{
		Subject: model.Entity{Type: "user", ID: "alice", Properties: map[string]any{"a": 1.0}},
		Action:  model.Action{Name: "read", Properties: map[string]any{"filter_fields": []any{"b"}}}, Resource: model.Entity{Type: "contact"}, Context: map[string]any{"ip": "::1"}}}}
	if diff := cmp.Diff(want, h.decider.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if h.decider.caller.ID != "crm" || strings.Contains(h.logs.String(), "secret") {
		t.Errorf("caller %+v, log %s", h.decider.caller, h.logs)
	}
}

// The answer byte for byte: nothing of an expression is left out because it is
// empty, and no filter is an empty string.
func TestFilterAnswers(t *testing.T) {
	const reasons = `"reason_admin":{"allowed":"user:alice may read contact records."},"reason_user":{"allowed":"You may do this."},"revision":42`
	yes := model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42}
	conditional := func(e filter.Expr) policy.Listed {
		return policy.Listed{Decision: yes, Filter: filter.Filter{Kind: filter.Conditional, Expr: &e}}
	}
	mine := conditional(filter.Expr{Op: filter.In, Field: "owner", Type: filter.String, Value: []any{"<a>&", "user:<a>&"}})
	fields := yes
	fields.Fields = &model.Fields{Hidden: []string{"margin"}}
	sql := func(dialect, columns string) []string { return []string{"dialect", dialect, "columns", columns} }
	const owner = `{"owner":{"name":"owner_id","type":"text"}}`
	for _, c := range []struct {
		name    string
		listed  policy.Listed
		replace []string
		want    string
	}{
		{"always", policy.Listed{Decision: fields, Filter: filter.Filter{Kind: filter.Always}}, nil,
			`{"context":{"code":"allowed","fields":{"hidden":["margin"],"masked":[],"masks":{},"readonly":[]},` + reasons + `},"kind":"always","revision":42}`},
		{"always in SQL", policy.Listed{Decision: yes, Filter: filter.Filter{Kind: filter.Always}}, sql(`"sqlite"`, `{}`),
			`{"context":{"code":"allowed",` + reasons + `},"kind":"always","params":[],"revision":42,"sql":"TRUE"}`},
		{"conditional", mine, nil,
			`{"context":{"code":"allowed",` + reasons + `},"filter":{"op":"in","field":"owner","type":"string","value":["<a>&","user:<a>&"]},"kind":"conditional","revision":42}`},
		{"empty values", conditional(filter.Expr{Op: filter.And, Args: []filter.Expr{{Op: filter.Equal, Field: "a", Type: filter.String, Value: ""}, {Op: filter.Any, Field: "b", Type: filter.String, Value: []any{}}, {Op: filter.Equal, Field: "c", Type: filter.Bool, Value: false}}}), nil,
			`{"context":{"code":"allowed",` + reasons + `},"filter":{"op":"and","args":[{"op":"eq","field":"a","type":"string","value":""},{"op":"any","field":"b","type":"string","value":[]},{"op":"eq","field":"c","type":"bool","value":false}]},"kind":"conditional","revision":42}`},
		{"never", policy.Listed{Decision: model.Decision{Code: model.ReasonStepUp, Revision: 42, StepUp: &model.StepUp{ACR: 2, MaxAge: time.Minute}}, Filter: filter.Filter{Kind: filter.Never}}, sql(`"mysql"`, owner),
			`"kind":"never","params":[],"revision":42,"sql":"FALSE"}`},
		{"a step-up", policy.Listed{Decision: model.Decision{Code: model.ReasonStepUp, Revision: 42, StepUp: &model.StepUp{ACR: 2, MaxAge: time.Minute}}, Filter: filter.Filter{Kind: filter.Never}}, nil,
			`{"context":{"acr_values":"2","code":"insufficient_user_authentication","max_age":60,"obligations":[{`},
	} {
		h := newHarness(t)
		h.decider.listed = &c.listed
		a := h.filter(filterBody(c.replace...))
		h.want(a, 200, "")
		got := strings.TrimSpace(string(a.body))
		if strings.HasPrefix(c.want, `{"context":{"code"`) && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// With a dialect the answer has SQL too, whose values are all parameters.
func TestFilterInSQL(t *testing.T) {
	h := newHarness(t)
	hostile := `x'); DROP TABLE contacts; --`
	h.decider.listed = &policy.Listed{Decision: model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42},
		Filter: filter.Filter{Kind: filter.Conditional, Expr: &filter.Expr{Op: filter.In, Field: "owner", Type: filter.String, Value: []any{hostile, "user:" + hostile}}}}
	for dialect, placeholder := range map[string]string{"sqlite": "?", "postgres": "$7", "mysql": "?"} {
		a := h.filter(filterBody("dialect", `"`+dialect+`"`, "first_placeholder", "7", "columns", `{"owner":{"name":"c.owner_id","type":"text"},"unused":{"name":"x","type":"int"}}`))
		h.want(a, 200, "")
		v := a.json(t)
		text, _ := v["sql"].(string)
		if !strings.Contains(text, "owner_id") || !strings.Contains(text, placeholder) || strings.Contains(text, "DROP") || len(v["params"].([]any)) == 0 {
			t.Errorf("%s: %s", dialect, a.body)
		}
	}
	for _, c := range []struct{ columns, path, reason string }{
		{`{}`, "columns.owner", "the field has no column"},
		{`{"owner":{"name":"owner; DROP TABLE x","type":"text"}}`, "columns.owner", `"owner; DROP TABLE x" is not the name of a column`},
		{`{"owner":{"name":"owner","type":"bool"}}`, "columns.owner", "a bool column cannot be read as string"},
		{`{"owner":{"name":"owner"}}`, "columns.owner", `unknown type ""`},
	} {
		h.lenient = true
		a := h.filter(filterBody("dialect", `"sqlite"`, "columns", c.columns))
		v := h.want(a, 422, model.CodeInexpressible)
		places, _ := v["errors"].([]any)
		if len(places) != 1 || !cmp.Equal(places[0], map[string]any{"path": c.path, "reason": c.reason}) {
			t.Errorf("%s: %s", c.columns, a.body)
		}
	}
}

func TestFilterStrictness(t *testing.T) {
	dialect := []string{"dialect", `"sqlite"`}
	for _, c := range []struct {
		replace []string
		detail  string
	}{
		{[]string{"subject", ""}, `The member "subject" is missing.`},
		{[]string{"subject", `{"type":"user"}`}, `The member "subject.id" is missing.`},
		{[]string{"subject", `{"type":"user","id":"a","name":"x"}`}, `The member "subject.name" is unknown here.`},
		{[]string{"action", ""}, `The member "action" is missing.`},
		{[]string{"action", `{"name":"*"}`}, `The member "action.name" must name one thing, and "*" stands for all.`},
		{[]string{"action", `{"name":"read","fields":["a"]}`}, `The member "action.fields" is unknown here.`},
		{[]string{"action", `{"name":"read","properties":{"filter_fields":"a"}}`}, `The member "action.properties.filter_fields" must be an array of field names, none of them empty, "*" or longer than 256 bytes.`},
		{[]string{"resource", ""}, `The member "resource" is missing.`},
		{[]string{"resource", `{"type":7}`}, `The member "resource.type" must be a string.`},
		{[]string{"resource", `{"type":"*"}`}, `The member "resource.type" must name one thing, and "*" stands for all.`},
		{[]string{"resource", `{"type":"contact","id":"*"}`}, `The member "resource.id" is unknown here.`},
		{[]string{"resource", `{"type":"contact","properties":{}}`}, `The member "resource.properties" is unknown here.`},
		{[]string{"context", `{"min_revision":-1}`}, `The member "context.min_revision" must be a whole number, not negative.`},
		{[]string{"page", `{"limit":10}`}, `The member "page" is unknown here.`},
		{[]string{"columns", `{}`}, `The member "dialect" is missing.`},
		{[]string{"first_placeholder", `1`}, `The member "dialect" is missing.`},
		{[]string{"dialect", `"oracle"`}, `The member "dialect" must be sqlite, postgres or mysql.`},
		{[]string{"dialect", `1`}, `The member "dialect" must be sqlite, postgres or mysql.`},
		{append(dialect, "first_placeholder", `0`), `The member "first_placeholder" must be a whole number from 1 to 65535.`},
		{append(dialect, "first_placeholder", `1.5`), `The member "first_placeholder" must be a whole number from 1 to 65535.`},
		{append(dialect, "first_placeholder", `65536`), `The member "first_placeholder" must be a whole number from 1 to 65535.`},
		{append(dialect, "columns", `[]`), `The member "columns" must be an object.`},
		{append(dialect, "columns", `{"a":"b"}`), `The member "columns.a" must be an object.`},
		{append(dialect, "columns", `{"a":{"name":7,"type":"text"}}`), `The member "columns.a.name" must be a string.`},
		{append(dialect, "columns", `{"a":{"name":"a","type":"text","sql":"1=1"}}`), `The member "columns.a.sql" is unknown here.`},
		{append(dialect, "columns", `{"`+strings.Repeat("a", 300)+`":7}`), `The member "columns.` + strings.Repeat("a", 72) + `…" must be an object.`},
	} {
		h := newHarness(t)
		h.lenient = true
		v := h.want(h.filter(filterBody(c.replace...)), 400, model.CodeInvalidRequest)
		if v["detail"] != c.detail {
			t.Errorf("%v: %q, want %q", c.replace, v["detail"], c.detail)
		}
		if h.decider.got != nil || len(h.recorder.entries) != 1 {
			t.Errorf("%v: asked %v, recorded %v", c.replace, h.decider.got, h.recorder.entries)
		}
	}
	h := newHarness(t)
	h.lenient = true
	h.want(h.filter(filterBody(), header("Content-Type", "text/plain")), 415, model.CodeUnsupportedMedia)
	h.want(h.filter(`{"a":"`+strings.Repeat("x", 256<<10)+`"}`), 413, model.CodeTooLarge)
	h.login.scopes = []string{"explain"}
	h.want(h.filter(filterBody()), 403, model.CodeForbidden)
}

// There is no filter where there is none, in either language.
func TestFilterRefused(t *testing.T) {
	tooLarge := model.Exceeded(model.SettingFilterIDs, 3, "the filter would compare owner with a list of more ids than that")
	tooLarge.Code = model.CodeFilterTooLarge
	for _, c := range []struct {
		err              error
		status           int
		english, chinese string
	}{
		{tooLarge, 422, "The filter would compare owner with a list of more ids than that; ROLEGATE_MAX_FILTER_IDS is 3.", "超出限制：ROLEGATE_MAX_FILTER_IDS 为 3。"},
		{model.Errorf(model.CodeInexpressible, "the row cannot"), 422, "The row cannot.", "策略对该列表的规定无法用记录的列表示，系统不会返回更宽的过滤条件。"},
		{&model.Error{Code: model.CodeRevisionBehind}, 503, "The answer would be older than was demanded. Please try again shortly.", "应答所依据的版本低于所要求的版本，请稍后重试。"},
		{&model.Error{Code: model.CodeAuditUnavailable}, 503, "", ""},
		{&model.Error{Code: model.CodeInternal}, 500, "", ""},
	} {
		for lang, detail := range map[string]string{"en": c.english, "zh-CN": c.chinese} {
			h := newHarness(t)
			h.decider.err = c.err
			v := h.want(h.filter(filterBody("dialect", `"sqlite"`), header("Accept-Language", lang)), c.status, model.CodeOf(c.err))
			if detail != "" && v["detail"] != detail || v["sql"] != nil || v["kind"] != nil {
				t.Errorf("%v in %s: %v", c.err, lang, v)
			}
		}
	}
}

// A list filter counts among the decisions, with its outcome and code.
func TestFiltersAreCounted(t *testing.T) {
	h := newHarness(t)
	h.want(h.filter(filterBody()), 200, "")
	h.decider.listed = &policy.Listed{Decision: model.Decision{Code: model.ReasonNotGranted, Revision: 42}, Filter: filter.Filter{Kind: filter.Never}}
	h.want(h.filter(filterBody()), 200, "")
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "rolegate_decisions_total" {
				got[labels(m)] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{" code=allowed outcome=allow": 1, " code=not_granted outcome=deny": 1}; !cmp.Equal(want, got) {
		t.Errorf("counted %v", got)
	}
}
