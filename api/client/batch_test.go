package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
)

// answers are decisions in JSON, a letter each: y or n.
func answers(letters string) string {
	var items []string
	for _, l := range letters {
		items = append(items, fmt.Sprintf(`{"decision":%t,"context":{"code":"c"}}`, l == 'y'))
	}
	return `{"evaluations":[` + strings.Join(items, ",") + `]}`
}

// A batch is answered as its semantic says, or not at all.
func TestBatch(t *testing.T) {
	f := newFake(t)
	c := f.client()
	type ask = func(context.Context, ...Question) ([]Decision, error)
	for _, test := range []struct {
		semantic string
		ask      ask
		answer   string // to three questions
		want     string // "" for no answer
		allowed  bool
	}{
		{"deny_on_first_deny", c.CheckAll, "yyy", "yyy", true},
		{"deny_on_first_deny", c.CheckAll, "yyn", "yyn", false},
		{"deny_on_first_deny", c.CheckAll, "n", "n", false},
		{"deny_on_first_deny", c.CheckAll, "yy", "", false},
		{"deny_on_first_deny", c.CheckAll, "y", "", false},
		{"deny_on_first_deny", c.CheckAll, "yny", "", false},
		{"deny_on_first_deny", c.CheckAll, "nyy", "", false},
		{"deny_on_first_deny", c.CheckAll, "yyyy", "", false},
		{"permit_on_first_permit", c.CheckAny, "nny", "nny", true},
		{"permit_on_first_permit", c.CheckAny, "y", "y", true},
		{"permit_on_first_permit", c.CheckAny, "nnn", "nnn", false},
		{"permit_on_first_permit", c.CheckAny, "nn", "", false},
		{"permit_on_first_permit", c.CheckAny, "yn", "", false},
		{"permit_on_first_permit", c.CheckAny, "yyy", "", false},
		{"execute_all", c.CheckEach, "yny", "yny", true},
		{"execute_all", c.CheckEach, "nnn", "nnn", true},
		{"execute_all", c.CheckEach, "yy", "", false},
		{"execute_all", c.CheckEach, "yyyy", "", false},
	} {
		f.will(says(200, answers(test.answer)))
		ds, err := test.ask(t.Context(), ann, ann, ann)
		got := ""
		for _, d := range ds {
			got += map[bool]string{true: "y", false: "n"}[d.Allow]
		}
		if got != test.want || (err == nil) != test.allowed || test.want == "" && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s %s: %s, %v; want %q", test.semantic, test.answer, got, err, test.want)
		}
		asked := f.questions()
		sent := asked[len(asked)-1].body
		if diff := cmp.Diff(map[string]any{"evaluations_semantic": test.semantic}, sent["options"]); diff != "" || len(sent["evaluations"].([]any)) != 3 {
			t.Errorf("sent %v", sent)
		}
	}
	asked := len(f.questions())
	for name, ask := range map[string]ask{"CheckAll": c.CheckAll, "CheckAny": c.CheckAny, "CheckEach": c.CheckEach} {
		if _, err := ask(t.Context()); err == nil {
			t.Errorf("%s of nothing is allowed", name)
		}
	}
	if len(f.questions()) != asked {
		t.Error("nothing was asked about")
	}
}

func TestFilter(t *testing.T) {
	f := newFake(t)
	c := f.client()
	columns := map[string]filter.Column{"owner": {Name: "owner_id", Type: filter.Text}}
	for _, test := range []struct{ answer, where string }{
		{`{"kind":"always","revision":1}`, "(TRUE)"},
		{`{"kind":"never","revision":1,"context":{"code":"not_granted"}}`, "FALSE"},
	} {
		f.will(says(200, test.answer))
		l, err := c.Filter(t.Context(), ann)
		where, _, whereErr := l.Where(filter.PostgreSQL, columns, 3)
		if where != test.where || whereErr != nil || (err == nil) != l.Allow {
			t.Errorf("%s: %s, %v, %v", test.answer, where, err, whereErr)
		}
	}
	f.will(says(200, `{"kind":"conditional","filter":{"op":"eq","field":"owner","type":"string","value":"ann"},"context":{"code":"allowed","fields":{"hidden":["salary"],"masked":[],"readonly":[],"masks":{}}}}`))
	l, err := c.Filter(t.Context(), ann)
	if err != nil {
		t.Fatal(err)
	}
	where, params, err := l.Where(filter.PostgreSQL, columns, 3)
	if err != nil || !strings.Contains(where, `"owner_id"`) || !strings.Contains(where, "$3") || !cmp.Equal(params, []any{"ann"}) {
		t.Errorf("%s, %v, %v", where, params, err)
	}
	if diff := cmp.Diff(map[string]any{"name": "Zoe"}, l.Show(map[string]any{"name": "Zoe", "salary": 1})); diff != "" {
		t.Error(diff)
	}
	var column *filter.ColumnError
	if where, _, err := l.Where(filter.PostgreSQL, nil, 1); where != "FALSE" || !errors.As(err, &column) {
		t.Errorf("without a column: %s, %v", where, err)
	}
	sent := f.questions()[2].body["resource"]
	if diff := cmp.Diff(map[string]any{"type": "contact"}, sent); diff != "" {
		t.Error(diff)
	}
}

func TestPermissions(t *testing.T) {
	f := newFake(t)
	f.will(says(200, `{"subject":"user:ann","code":"allowed","revision":42,"objects":{"contact":{"actions":{
		"read":{"kind":"conditional","code":"allowed"},"create":{"kind":"always","code":"allowed"},
		"export":{"kind":"conditional","code":"insufficient_user_authentication","step_up":{"acr":2,"max_age":300}},"delete":{"kind":"never","code":"not_granted"}},
		"fields":{"readable":["name"],"writable":[],"creatable":[],"masked":{"phone":"phone"}}}}}`))
	p, err := f.client().Permissions(t.Context(), ann.Subject, "contact")
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]bool{"read": true, "create": true, "export": false, "delete": false, "fly": false} {
		if got := p.May(action, "contact"); got != want {
			t.Errorf("%s: %t", action, got)
		}
	}
	if p.May("read", "deal") || p.Revision != 42 || *p.Objects["contact"].Actions["export"].StepUp != (NeededProof{2, 300}) {
		t.Errorf("%+v", p)
	}
	if got := f.questions()[0].header.Get("Rolegate-Access-Token"); got != "a.b.c" {
		t.Errorf("the person's token: %q", got)
	}

	f.will(says(200, `{"subject":"user:ann","code":"session_invalid","revision":42,"objects":{}}`))
	var denied *DeniedError
	if _, err := f.client().Permissions(t.Context(), ann.Subject, ""); !errors.As(err, &denied) || denied.Decision.Context.Code != "session_invalid" {
		t.Errorf("%v", err)
	}
}
