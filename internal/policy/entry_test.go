package policy

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/internal/audit"
	"rolegate/model"
)

// Of an action whose audit level is minimal the record keeps no record's id,
// neither the subject's nor that of whom it is about, asked alone, in a batch, by
// a search, through a proxy or to be explained; of the other actions of the object
// it does.
func TestMinimalAuditKeepsNoResource(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	records := []model.Resource{{Type: "ticket", ID: "k1", Attributes: map[string]any{"lead": "l1"}}, {Type: "memo", ID: "m1"}}
	caller := h.tenant(t, `
objects:
  ticket: {data_subject: lead, actions: {open: {audit: minimal}, read: {}}}
  memo: {actions: {open: {audit: minimal}, read: {}}}
routes:
  - {method: GET, path: "/open/tickets/{id}", object: ticket, action: open}
  - {method: GET, path: "/read/tickets/{id}", object: ticket, action: read}
  - {method: GET, path: "/open/memos/{id}", object: memo, action: open}
  - {method: GET, path: "/read/memos/{id}", object: memo, action: read}
`, "p, *, *, *, all, , allow\n", dir, records)
	view, err := h.Snapshots.Current(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	question := func(action, typ, id string) Request {
		return Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: action}, Resource: model.Entity{Type: typ, ID: id}}}
	}
	for _, c := range []struct {
		action, typ, id string
		kept            bool
	}{
		{"open", "ticket", "k1", false}, {"read", "ticket", "k1", true},
		{"open", "memo", "m1", false}, {"read", "memo", "m1", true},
	} {
		r := question(c.action, c.typ, c.id)
		a, err := h.decide(t.Context(), caller, view, &r, noon)
		if err != nil || !a.Allow {
			t.Fatalf("%+v, %v", a, err)
		}
		entries := map[string]audit.Entry{"single": entryOf(caller, a, noon), "batch": batchEntry(caller, view, []answered{a})}
		for _, kind := range []SearchKind{SearchSubject, SearchResource} {
			run := searching{s: h.remembering(), caller: caller, view: view, now: noon, sr: SearchRequest{Kind: kind, Limit: 10, Request: r}}
			if found, err := run.page(t.Context(), pageBounds); err != nil || len(found.Results) != 1 {
				t.Fatalf("%s: %+v, %v", kind, found, err)
			}
			entries["search "+string(kind)] = run.entry()
		}
		var out Explained
		explained, err := h.explain(t.Context(), caller, view, &ExplainRequest{Request: r}, noon, &out)
		if err != nil {
			t.Fatal(err)
		}
		entries["explained"] = explainedEntry(caller, explained, out, noon)
		fr := by("ann", "GET", "/"+c.action+"/"+c.typ+"s/"+c.id)
		routed := Request{}
		var refused model.Code
		if routed.Question, refused = view.rules.routes.question(fr.User, fr.Method, fr.Target); refused != "" {
			t.Fatal(refused)
		}
		if a, err = h.decide(t.Context(), caller, view, &routed, noon); err != nil || !a.Allow {
			t.Fatalf("%+v, %v", a, err)
		}
		entries["forward"] = entryOf(caller, a, noon)
		for name, e := range entries {
			text := fmt.Sprintf("%v %v", e.Personal, e.Others)
			if strings.Contains(text, c.typ+":"+c.id) != c.kept || strings.Contains(text, "lead:l1") != (c.kept && c.typ == "ticket") {
				t.Errorf("%s %s, %s: %s", c.action, c.typ, name, text)
			}
			if !strings.Contains(text, c.action) {
				t.Errorf("%s: without the action: %s", name, text)
			}
		}
	}
}
