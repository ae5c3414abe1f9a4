package client

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api"
)

func shows(f api.Fields, named ...string) Decision {
	return Decision{Allow: true, Context: api.DecisionContext{Fields: f}, fields: named}
}

func TestShow(t *testing.T) {
	record := map[string]any{"name": "王小明", "phone": "+86 138-1234-5678", "salary": 100, "note": nil}
	f := api.Fields{Hidden: []string{"salary"}, Masked: []string{"phone"}, Masks: map[string]string{"phone": "phone"}}
	for _, c := range []struct {
		name string
		d    Decision
		want map[string]any
	}{
		{"all", shows(api.Fields{Hidden: []string{}}), record},
		{"some", shows(f), map[string]any{"name": "王小明", "phone": "861****5678", "note": nil}},
		{"named", shows(f, "name", "salary"), map[string]any{"name": "王小明"}},
		{"closed but for names", shows(api.Fields{Hidden: []string{"*", "note"}, Masked: []string{"phone"}, Open: []string{"name", "phone"}, Masks: f.Masks}), map[string]any{"name": "王小明", "phone": "861****5678"}},
		{"closed whole", shows(api.Fields{Hidden: []string{"*"}}), map[string]any{}},
		{"not to be written", shows(api.Fields{Hidden: []string{}, Readonly: []string{"*"}, Open: []string{"name"}}), record},
		{"all masked", shows(api.Fields{Masked: []string{"*"}}), map[string]any{"name": "***", "phone": "***", "salary": "***", "note": nil}},
		{"nothing said", Decision{Allow: true}, map[string]any{}},
		{"denied", Decision{Context: api.DecisionContext{Fields: f}}, map[string]any{}},
	} {
		if diff := cmp.Diff(c.want, c.d.Show(record)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if record["phone"] != "+86 138-1234-5678" || len(record) != 4 {
		t.Errorf("the record was changed: %v", record)
	}

	type contact struct {
		ID     int64  `json:"id"`
		Phone  string `json:"phone"`
		Salary int    `json:"salary"`
	}
	facts, err := Facts(contact{ID: 1 << 60, Phone: "1", Salary: 2})
	if diff := cmp.Diff(map[string]any{"id": json.Number("1152921504606846976"), "phone": "***"}, shows(f).Show(facts)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := Facts("no object"); err == nil {
		t.Error("a string has facts")
	}
}

// After a write only what was to be read back is shown: of the others the answer
// says nothing, even that they are hidden.
func TestShowAfterAWrite(t *testing.T) {
	record := map[string]any{"name": "Zoe", "salary": 1}
	for _, action := range []string{"create", "update", "read"} {
		d := shows(api.Fields{Hidden: []string{}})
		d.askedBy(Question{Action: action, Fields: []string{"salary"}, ReturnFields: []string{"name"}})
		want := map[string]any{"name": "Zoe"}
		if action == "read" {
			want = record
		}
		if diff := cmp.Diff(want, d.Show(record)); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
	}
}

func TestMasks(t *testing.T) {
	for _, c := range []struct{ style, in, want string }{
		{"phone", "13812345678", "138****5678"}, {"phone", "555-0101", "***"}, {"phone", "call me", "***"},
		{"email", "ann@example.com", "a***@example.com"}, {"email", "a@example.com", "***"}, {"email", "ann@", "***"}, {"email", "ann", "***"}, {"email", "a@b@c", "***"},
		{"name", "王小明", "王**"}, {"name", "Ann", "A***"}, {"name", "A", "***"}, {"name", "", "***"},
		{"id", "110101199003072019", "1101****2019"}, {"id", "12345678", "12****78"}, {"id", "1234567", "***"},
		{"amount", "1200", "***"}, {"text", "anything", "***"}, {"", "anything", "***"}, {"future", "anything", "***"},
	} {
		if got := mask(c.style, c.in); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.style, c.in, got, c.want)
		}
	}
	for _, v := range []any{1, 1.5, true, map[string]any{"a": 1}, json.Number("1")} {
		if got := mask("phone", v); got != "***" {
			t.Errorf("%v: %v", v, got)
		}
	}
	if diff := cmp.Diff([]any{"A***", "B***"}, mask("name", []string{"Ann", "Bob"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"A***", nil, "***"}, mask("name", []any{"Ann", nil, 7})); diff != "" {
		t.Error(diff)
	}
}

// No mask shows as much as half of what it hides, but for the domain of an address.
func TestMasksHide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		style := rapid.SampledFrom([]string{"phone", "name", "id", "amount", "text", "?"}).Draw(t, "style")
		in := rapid.StringOf(rapid.RuneFrom([]rune("0123456789abcz王é@+"))).Draw(t, "value")
		shown := strings.ReplaceAll(mask(style, in).(string), "*", "")
		limit := len([]rune(in)) / 2
		if style == "phone" {
			limit = len([]rune(in)) * 7 / 11
		}
		if n := len([]rune(shown)); n > limit {
			t.Fatalf("%s of %q shows %q", style, in, shown)
		}
	})
}
