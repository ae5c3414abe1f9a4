package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// deciding makes a decider that denies the resources named.
func deciding(denied ...string) func(policy.Request) model.Decision {
	return func(r policy.Request) model.Decision {
		for _, id := range denied {
			if r.Question.Resource.ID == id {
				return model.Decision{Code: model.ReasonNotGranted, Revision: 42}
			}
		}
		return model.Decision{Allow: true, Code: model.ReasonAllowed, Revision: 42}
	}
}

// decisions are those of an answer, as a string of y and n.
func decisions(t *testing.T, a answer) string {
	t.Helper()
	v := a.json(t)
	if _, there := v["decision"]; there {
		t.Errorf("a batch's answer has a decision of its own: %s", a.body)
	}
	var b strings.Builder
	for _, item := range v["evaluations"].([]any) {
		if item.(map[string]any)["decision"] == true {
			b.WriteByte('y')
		} else {
			b.WriteByte('n')
		}
	}
	return b.String()
}

func records(ids ...string) string {
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"resource":{"type":"contact","id":%q}}`, id))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestBatchSemantics(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{"", "ynyn"},
		{`{}`, "ynyn"},
		{`{"unknown":1}`, "ynyn"},
		{`{"evaluations_semantic":"execute_all"}`, "ynyn"},
		{`{"evaluations_semantic":"deny_on_first_deny"}`, "yn"},
		{`{"evaluations_semantic":"permit_on_first_permit"}`, "y"},
	} {
		h := newHarness(t)
		h.decider.answer = deciding("2", "4")
		a := h.decide("evaluations", ask("resource", "", "evaluations", records("1", "2", "3", "4"), "options", c.options))
		h.want(a, 200, "")
		if got := decisions(t, a); got != c.want {
			t.Errorf("options %s: %s, want %s", c.options, got, c.want)
		}
	}
	h := newHarness(t)
	h.decider.answer = deciding()
	a := h.decide("evaluations", ask("evaluations", records("1", "2"), "options", `{"evaluations_semantic":"deny_on_first_deny"}`))
	if got := decisions(t, a); got != "yy" {
		t.Errorf("without a denial: %s", got)
	}
}

func TestBatchOptionsAreChecked(t *testing.T) {
	for _, options := range []string{`{"evaluations_semantic":"Execute_All"}`, `{"evaluations_semantic":""}`, `{"evaluations_semantic":"first"}`,
		`{"evaluations_semantic":1}`, `{"evaluations_semantic":["execute_all"]}`, `"execute_all"`, `[]`} {
		h := newHarness(t)
		h.want(h.decide("evaluations", ask("evaluations", records("1"), "options", options)), 400, model.CodeInvalidRequest)
		if h.decider.got != nil {
			t.Errorf("%s: decided", options)
		}
	}
}

func TestWithoutItemsItIsASingleEvaluation(t *testing.T) {
	for _, body := range []string{aliceReads, ask("evaluations", "[]"), ask("options", `{"unknown":1}`)} {
		h := newHarness(t)
		a := h.decide("evaluations", body)
		h.want(a, 200, "")
		v := a.json(t)
		if _, there := v["evaluations"]; there || v["decision"] != true {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	h := newHarness(t)
	h.want(h.decide("evaluations", ask("subject", "")), 400, model.CodeInvalidRequest)
	h.want(h.decide("evaluations", ask("subject", "", "evaluations", "[]")), 400, model.CodeInvalidRequest)
	for _, evaluations := range []string{`{}`, `"x"`, `1`, `true`} {
		h.want(h.decide("evaluations", ask("evaluations", evaluations)), 400, model.CodeInvalidRequest)
	}
}

func TestDefaultsAreReplacedWhole(t *testing.T) {
	h := newHarness(t)
	h.lenient = true
	a := h.decide("evaluations", `{
		"subject": {"type":"user","id":"alice","properties":{"leak":1}},
		"action": {"name":"read"},
		"resource": {"type":"contact"},
		"context": {"ip":"10.0.0.1","access_token":"default"},
		"evaluations": [
			{"resource":{"type":"contact","id":"1"}},
			{"resource":{"type":"contact","id":"2"},"subject":{"type":"user","id":"bob"}},
			{"resource":{"type":"contact","id":"3"},"context":{"device":"x"}},
			{"resource":{"type":"contact","id":"4"},"action":{"name":"delete"},"context":{}}
		]}`)
	h.want(a, 200, "")
	token := "default"
	alice := model.Entity{Type: "user", ID: "alice", Properties: map[string]any{"leak": 1.0}}
	record := func(id string) model.Entity { return model.Entity{Type: "contact", ID: id} }
	read := model.Action{Name: "read"}
	ip := map[string]any{"ip": "10.0.0.1"}
	want := []policy.Request{
		{Question: model.Question{Subject: alice, Action: read, Resource: record("1"), Context: ip}, AccessToken: &token},
		{Question: model.Question{Subject: model.Entity{Type: "user", ID: "bob"}, Action: read, Resource: record("2"), Context: ip}, AccessToken: &token},
		{Question: model.Question{Subject: alice, Action: read, Resource: record("3"), Context: map[string]any{"device": "x"}}},
		{Question: model.Question{Subject: alice, Action: model.Action{Name: "delete"}, Resource: record("4"), Context: map[string]any{}}},
	}
	if diff := cmp.Diff(want, h.decider.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadItemsAreDenied(t *testing.T) {
	for name, c := range map[string]struct{ body, message string }{
		"no subject anywhere":             {ask("subject", "", "evaluations", "[{}]"), `The member "subject" is missing.`},
		"half an entity":                  {ask("evaluations", `[{"resource":{"id":"x"}}]`), `The member "evaluations[0].resource.type" is missing.`},
		"incomplete default that is used": {ask("resource", `{"type":"contact"}`, "evaluations", "[{}]"), `The member "resource.id" is missing.`},
		"null instead of the default":     {ask("evaluations", `[{"subject":null}]`), `The member "evaluations[0].subject" is missing.`},
		"wrong type":                      {ask("evaluations", `[{"action":"read"}]`), `The member "evaluations[0].action" must be an object.`},
		"an item that is a number":        {ask("evaluations", `[7]`), `The member "evaluations[0]" must be an object.`},
		"an item that is null":            {ask("evaluations", `[null]`), `The member "evaluations[0]" is missing.`},
		"context":                         {ask("evaluations", `[{"context":1}]`), `The member "evaluations[0].context" must be an object.`},
		"any record with properties":      {ask("evaluations", `[{"resource":{"type":"x","id":"*","properties":{"a":1}}}]`), `A resource.id of "*" asks about no particular record, so it cannot have properties.`},
		"other case":                      {ask("subject", "", "evaluations", `[{"Subject":{"type":"user","id":"a"}}]`), `The member "subject" is missing.`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.lenient = true
			a := h.decide("evaluations", c.body)
			h.want(a, 200, "")
			item := a.json(t)["evaluations"].([]any)[0].(map[string]any)
			ctx := item["context"].(map[string]any)
			want := map[string]any{"status": 400.0, "message": c.message}
			if item["decision"] != false || ctx["code"] != "invalid_request" || !cmp.Equal(ctx["error"], any(want)) {
				t.Errorf("%s", a.body)
			}
			if got := ctx["reason_admin"].(map[string]any)["invalid_request"]; got != "This is not a complete question: "+c.message {
				t.Errorf("reason %q", got)
			}
			if h.decider.got[0].Invalid != c.message {
				t.Errorf("the decider was told %q", h.decider.got[0].Invalid)
			}
		})
	}
}

// An item that is no question stays denied, whatever the decider says.
func TestBadItemsStayDenied(t *testing.T) {
	a := newAnswerWriter(i18n.English)
	a.item(&model.Question{}, invalid(i18n.Missing, "subject"), &model.Decision{Allow: true, Code: model.ReasonAllowed})
	var got api.Decision
	if err := json.Unmarshal(a.out, &got); err != nil || got.Decision || got.Context.Code != "invalid_request" || got.Context.Error.Status != 400 {
		t.Errorf("%s", a.out)
	}
}

func TestBadItemAmongGoodOnes(t *testing.T) {
	const items = `[{"resource":{"type":"contact","id":"1"}},{"resource":{}},{"resource":{"type":"contact","id":"3"}}]`
	for semantic, want := range map[string]string{"execute_all": "yny", "deny_on_first_deny": "yn", "permit_on_first_permit": "y"} {
		h := newHarness(t)
		h.lenient = true
		a := h.decide("evaluations", ask("evaluations", items, "options", `{"evaluations_semantic":"`+semantic+`"}`))
		if got := decisions(t, a); got != want {
			t.Errorf("%s: %s, want %s", semantic, got, want)
		}
	}
}

func TestBatchLimit(t *testing.T) {
	items := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("{},", n), ",") + "]" }
	h := newHarness(t)
	a := h.decide("evaluations", ask("evaluations", items(1000)))
	h.want(a, 200, "")
	if got := decisions(t, a); got != strings.Repeat("y", 1000) {
		t.Errorf("%d decisions", len(got))
	}
	v := h.want(h.decide("evaluations", ask("evaluations", items(1001))), 400, model.CodeLimitExceeded)
	if v["detail"] != "There are more than 1000 evaluations in one request (ROLEGATE_MAX_BATCH)." {
		t.Errorf("detail %v", v["detail"])
	}
}

func TestTruncateHoldsTheDecider(t *testing.T) {
	yes, no := model.Decision{Allow: true}, model.Decision{}
	for _, c := range []struct {
		ds    []model.Decision
		asked int
		sem   policy.Semantic
		want  int // -1 for an error
	}{
		{[]model.Decision{yes, no}, 2, policy.ExecuteAll, 2},
		{[]model.Decision{yes}, 2, policy.ExecuteAll, -1},
		{[]model.Decision{yes, yes, yes}, 2, policy.ExecuteAll, -1},
		{nil, 1, policy.ExecuteAll, -1},
		{[]model.Decision{yes, no}, 3, policy.DenyOnFirstDeny, 2},
		{[]model.Decision{yes, no, yes}, 3, policy.DenyOnFirstDeny, 2},
		{[]model.Decision{yes, yes}, 3, policy.DenyOnFirstDeny, -1},
		{[]model.Decision{no, yes}, 3, policy.PermitOnFirstPermit, 2},
		{[]model.Decision{no}, 3, policy.PermitOnFirstPermit, -1},
	} {
		got, err := truncate(c.ds, c.asked, c.sem)
		if (err != nil) != (c.want < 0) || err == nil && len(got) != c.want {
			t.Errorf("truncate(%v, %d, %s) = %v, %v", c.ds, c.asked, c.sem, got, err)
		}
	}
}

func TestBatchFailure(t *testing.T) {
	h := newHarness(t)
	h.decider.err = errors.New("no snapshot")
	h.want(h.decide("evaluations", ask("evaluations", "[{}]")), 500, model.CodeInternal)
}
