package policy

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/model"
)

// What entryOf and batchEntry keep of a question is read back, and what they do not is
// said to be missing: nothing is made up.
func TestRecall(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}}}
	caller := h.tenant(t, `
objects:
  ticket: {data_subject: lead, actions: {open: {audit: minimal}, read: {}}}
`, "p, user:ann, ticket, *, all, , allow\n", dir, []model.Resource{{Type: "ticket", ID: "k1", Attributes: map[string]any{"lead": "l1"}}})
	view, err := h.Snapshots.Current(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	decided := func(user, action string) answered {
		r := Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: user}, Action: model.Action{Name: action}, Resource: model.Entity{Type: "ticket", ID: "k1"}}}
		a, err := h.decide(t.Context(), caller, view, &r, noon)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	read, denied, minimal := decided("ann", "read"), decided("bob", "read"), decided("ann", "open")
	read.Assurance = model.Assurance{Level: 2, AuthTime: noon.Add(-40 * time.Second)}

	ann, bob := model.Entity{Type: "user", ID: "ann"}, model.Entity{Type: "user", ID: "bob"}
	base := Recalled{Index: 7, At: noon, Object: "ticket", Client: clientOf(caller), PolicyHash: view.PolicyHash()}
	with := func(f func(r *Recalled)) Recalled { r := base; f(&r); return r }
	proven := with(func(r *Recalled) {
		r.Asked, r.Action, r.Record, r.Code, r.Rule = ann, "read", "k1", model.ReasonAllowed, "p:1"
		r.Proven = read.Assurance
	})
	batch := batchEntry(caller, view, []answered{read, denied, minimal})
	for _, c := range []struct {
		name string
		e    audit.Entry
		gone int // the part that was destroyed, from 1
		want []Recalled
	}{
		{"one", entryOf(caller, read, noon), 0, []Recalled{proven}},
		{"whose record was erased", entryOf(caller, read, noon), 2, []Recalled{with(func(r *Recalled) { *r = proven; r.Record, r.Erased = "", true })}},
		{"whose person was erased", entryOf(caller, read, noon), 1, []Recalled{with(func(r *Recalled) { *r = proven; r.Asked, r.Erased = model.Entity{}, true })}},
		{"of which no record is kept", entryOf(caller, minimal, noon), 0, []Recalled{with(func(r *Recalled) {
			r.Asked, r.Action, r.Code, r.Rule = ann, "open", model.ReasonAllowed, "p:1"
		})}},
		{"a batch", batch, 0, []Recalled{
			with(func(r *Recalled) {
				*r = proven
				r.Proven, r.Unsaid = model.Assurance{}, true
			}),
			with(func(r *Recalled) {
				r.Asked, r.Action, r.Record, r.Code, r.Unsaid = bob, "read", "k1", model.ReasonNotGranted, true
			}),
			with(func(r *Recalled) {
				r.Asked, r.Action, r.Code, r.Rule, r.Unsaid = ann, "open", model.ReasonAllowed, "p:1", true
			}),
		}},
	} {
		leaf, opened := leafOf(t, &c.e)
		if c.gone > 0 {
			opened[c.gone-1] = nil
		}
		got, counted := Recall(7, &leaf, opened)
		if diff := cmp.Diff(c.want, got); diff != "" || counted != 0 {
			t.Errorf("%s (-want +got), and %d counted:\n%s", c.name, counted, diff)
		}
	}
	flood, _ := leafOf(t, &audit.Entry{Activity: audit.Evaluated, Count: 9, Since: noon})
	if got, counted := Recall(1, &flood, nil); got != nil || counted != 9 {
		t.Errorf("of a flood: %v and %d counted", got, counted)
	}
	for _, a := range []audit.Activity{audit.Filtered, audit.SearchedSubject, audit.Explained, audit.RequestFailed} {
		other, opened := leafOf(t, &audit.Entry{Activity: a, Personal: map[string]any{"subject": "user:ann", "action": "read", "resource": "ticket:k1"}})
		if got, counted := Recall(1, &other, opened); got != nil || counted != 0 {
			t.Errorf("%s: %v and %d counted", a, got, counted)
		}
	}
	// A hostile part of a batch, or of another release.
	for _, members := range []any{"x", []any{"x", map[string]any{"item": -1.0}, map[string]any{"item": 3.0}, map[string]any{"item": "0", "subject": "user:ann"}}} {
		leaf, _ := leafOf(t, &batch)
		got, _ := Recall(7, &leaf, []map[string]any{{"members": members}})
		if len(got) != 3 || got[0].Asked.ID != "" {
			t.Errorf("of %v: %+v", members, got)
		}
	}
}

// leafOf is an entry as the log keeps it, and what it seals once it is opened.
func leafOf(t *testing.T, e *audit.Entry) (audit.Leaf, []map[string]any) {
	t.Helper()
	leaf := audit.Leaf{Time: noon.UnixMicro(), Activity: e.Activity, Outcome: e.Outcome, Code: e.Code, Object: e.Object, Op: e.Op, Rule: e.Rule,
		PolicyHash: e.PolicyHash, Service: e.Service, Level: e.Level, Age: e.Age, Items: e.Items, Count: e.Count}
	var opened []map[string]any
	for _, p := range append([]audit.Part{{Personal: e.Personal}}, e.Others...) {
		if len(p.Personal) == 0 {
			continue
		}
		if members, is := p.Personal["members"].([]audit.Member); is {
			var list []map[string]any
			for _, m := range members {
				one := map[string]any{"item": m.Item}
				for name, v := range map[string]string{"subject": m.Subject, "action": m.Action, "resource": m.Resource, "person": m.Person} {
					if v != "" {
						one[name] = v
					}
				}
				list = append(list, one)
			}
			p.Personal = map[string]any{"person": p.Person, "members": list}
		}
		b, err := json.Marshal(p.Personal)
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		opened = append(opened, back)
	}
	return leaf, opened
}
