package policy

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

const dealCatalog = `
objects:
  deal:
    actions:
      read: {}
      update: {}
      share: {requires: [read]}
      export: {requires: [read]}
      transfer: {requires: [update, share]}
    fields:
      name: {type: string}
      phone: {type: string, class: personal, mask: phone}
      margin: {type: number, secured: true}
  off:
    enabled: false
    actions: {read: {}}
  user: {actions: {assign: {}}}
  team: {actions: {assign: {}}}
`

// TestGates holds the order of the gates: of two that are closed, the earlier
// names the reason.
func TestGates(t *testing.T) {
	dir := company()
	dir.Disabled = []string{"cyd"}
	s := mustSnapshot(t, `
p, role:rep, deal, read, own, , allow
p, role:rep, deal, read, assigned, , deny
p, role:rep, deal, export, all, , allow
p, role:rep, off, read, all, , allow
p, role:rep, note, read, all, , allow
p, role:rep, *, stamp, all, , allow
p, role:boss, memo, *, all, , allow
p3, role:rep, deal, name, read, deny
p4, *, deal, export, 2, 300, deny
`, mustCatalog(t, dealCatalog), dir)
	mine, hers := props{"owner": "ann", "assignees": nil}, props{"owner": "bob", "assignees": nil}
	filtered := func(q model.Question) model.Question {
		q.Action.Properties = props{"filter_fields": list("phone")}
		return q
	}
	for _, c := range []struct {
		name string
		q    model.Question
		in   Inputs
		want model.Code
	}{
		{"allowed", ask("ann", "read", "deal", "1", mine), Inputs{}, model.ReasonAllowed},
		{"unknown before the object", ask("eve", "read", "nothing", "1", mine), Inputs{}, model.ReasonSubjectUnknown},
		{"disabled before the object", ask("cyd", "read", "nothing", "1", mine), Inputs{}, model.ReasonSubjectDisabled},
		{"object", ask("ann", "dance", "nothing", "1", mine), Inputs{}, model.ReasonObjectUnknown},
		{"a star row names no object", ask("ann", "stamp", "nothing", "1", mine), Inputs{}, model.ReasonObjectUnknown},
		{"action", ask("ann", "dance", "deal", "1", mine), Inputs{}, model.ReasonActionUnknown},
		{"action before switched off", ask("ann", "dance", "off", "1", mine), Inputs{}, model.ReasonActionUnknown},
		{"switched off", ask("ann", "read", "off", "1", mine), Inputs{}, model.ReasonObjectDisabled},
		{"an object of rows alone", ask("ann", "read", "note", "1", nil), Inputs{}, model.ReasonAllowed},
		{"its other actions", ask("ann", "update", "note", "1", nil), Inputs{}, model.ReasonActionUnknown},
		{"an action named for any object", ask("ann", "stamp", "note", "1", nil), Inputs{}, model.ReasonAllowed},
		{"and on a declared one", ask("ann", "stamp", "deal", "1", nil), Inputs{}, model.ReasonAllowed},
		{"any action on an object of rows", ask("ann", "whatever", "memo", "1", nil), Inputs{}, model.ReasonNotGranted},
		{"not granted", ask("ann", "update", "deal", "1", mine), Inputs{}, model.ReasonNotGranted},
		{"not her record", ask("ann", "read", "deal", "1", hers), Inputs{}, model.ReasonNotGranted},
		{"denied", ask("ann", "read", "deal", "1", props{"owner": "ann", "assignees": list("ann")}), Inputs{}, model.ReasonDenied},
		{"denied for want of knowledge", ask("ann", "read", "deal", "1", props{"owner": "ann"}), Inputs{}, model.ReasonDenied},
		{"grants before fields", filtered(ask("ann", "read", "deal", "1", hers)), Inputs{}, model.ReasonNotGranted},
		{"fields", filtered(ask("ann", "read", "deal", "1", mine)), Inputs{}, model.ReasonFieldsClosed},
		{"fields before required", filtered(ask("ann", "export", "deal", "1", hers)), Inputs{}, model.ReasonFieldsClosed},
		{"required before assurance", ask("ann", "export", "deal", "1", hers), Inputs{}, model.ReasonRequiredAction},
		{"assurance last", ask("ann", "export", "deal", "1", mine), Inputs{}, model.ReasonStepUp},
		{"not fresh enough", ask("ann", "export", "deal", "1", mine), Inputs{Assurance: model.Assurance{Level: 3, AuthTime: noon.Add(-301 * time.Second)}}, model.ReasonStepUp},
		{"fresh", ask("ann", "export", "deal", "1", mine), Inputs{Assurance: model.Assurance{Level: 2, AuthTime: noon.Add(-300 * time.Second)}}, model.ReasonAllowed},
	} {
		c.in.Now = noon
		got := s.answerTo(c.q, c.in)
		if got.Code != c.want || got.Allow != (c.want == model.ReasonAllowed) {
			t.Errorf("%s: %s, want %s", c.name, got.Code, c.want)
		}
		if got.Revision != 7 || !slices.Equal(got.PolicyHash, s.PolicyHash()) {
			t.Errorf("%s: revision %d, hash %x", c.name, got.Revision, got.PolicyHash)
		}
	}
	off, err := NewSnapshot(model.Tenant{Disabled: true}, mustParse(t, "p, *, *, *, all, , allow"), &Catalog{}, company())
	if err != nil {
		t.Fatal(err)
	}
	if got := off.answerTo(ask("eve", "read", "deal", "1", nil), Inputs{Now: noon}); got.Code != model.ReasonTenantDisabled || got.Allow {
		t.Errorf("disabled tenant: %s", got.Code)
	}
}

func TestZeroValuesDeny(t *testing.T) {
	if (model.Decision{}).Allow || (verdict{}).allow {
		t.Error("a zero answer allows")
	}
	if _, err := NewSnapshot(model.Tenant{}, nil, &Catalog{}, model.Directory{}); err == nil {
		t.Error("a snapshot without a document")
	}
	if _, err := NewSnapshot(model.Tenant{}, &Document{}, nil, model.Directory{}); err == nil {
		t.Error("a snapshot without a catalogue")
	}
	for _, e := range []engine{index{}, &reference{clauses: map[string]*clause{"a condition": {text: "a condition"}}}} {
		s := mustSnapshot(t, "p, *, deal, read, own, , allow", nil, company())
		a := s.asking(t, ask("ann", "read", "deal", "1", nil), Inputs{Now: noon})
		unreadable := int32(len(s.rules.grants))
		s.rules.grants = append(s.rules.grants, grant{scope{kind: scopeAll}, &clause{text: "a condition"}}, grant{})
		switch e := e.(type) {
		case index:
			if !a.denies(unreadable) || a.allows(unreadable) || !a.restricts(unreadable) {
				t.Error("a condition nobody can read opens something")
			}
			if a.allows(unreadable+1) || a.denies(unreadable+1) {
				t.Error("a scope nobody can read reaches something")
			}
			if !a.denies(1) || a.allows(1) {
				t.Error("an owner not sent opens something")
			}
		case *reference:
			for _, effect := range []string{deny, "", "Deny"} {
				if !e.within(a, "own", "", effect) || !e.within(a, "nonsense", "", effect) || !e.within(a, "all", "a condition", effect) || !e.within(a, "all", "another", effect) {
					t.Errorf("effect %q does not deny what is unknown", effect)
				}
			}
			if e.within(a, "own", "", allow) || e.within(a, "nonsense", "", allow) || e.within(a, "all", "a condition", allow) || e.within(a, "all", "another", allow) ||
				e.holds(a, "a condition") || e.holds(a, "another") || e.holds(a, "") || assured(a, "1", "") || assured(a, "0", "") || assured(a, "1", "x") {
				t.Error("what is unknown opens something")
			}
		}
	}
}

// TestExplained: the answer names the row.
func TestExplained(t *testing.T) {
	s := mustSnapshot(t, `# Reps read their own
p, role:rep, deal, read, own, , allow
# Nobody reads what emea has
p, *, deal, read, team, , deny
p, role:rep, deal, update, all, , allow
p, role:rep, deal, export, all, , allow
p, role:rep, deal, share, all, , allow
p, role:rep, deal, transfer, all, , allow
p3, role:rep, deal, name, update, deny
`, mustCatalog(t, dealCatalog), company())
	in := Inputs{Now: noon, Assurance: model.Assurance{Level: 1, AuthTime: noon}}
	free := props{"owner": "cyd", "teams": nil}
	base := model.Decision{Roles: []string{"role:rep"}, Revision: 7, PolicyHash: s.PolicyHash(), Assurance: in.Assurance}
	updating := ask("ann", "update", "deal", "1", free)
	updating.Action.Properties = props{"fields": list("name", "margin", "name")}
	for _, c := range []struct {
		q    model.Question
		want func(*model.Decision)
	}{
		{ask("ann", "read", "deal", "1", props{"owner": "ann", "teams": nil}), func(d *model.Decision) {
			d.Code, d.Rule = model.ReasonDenied, s.row(1) // team contains own
		}},
		{ask("ann", "read", "deal", "1", free), func(d *model.Decision) {
			d.Code = model.ReasonNotGranted
		}},
		{ask("ann", "update", "deal", "1", free), func(d *model.Decision) {
			d.Allow, d.Code, d.Rule = true, model.ReasonAllowed, s.row(2)
		}},
		{updating, func(d *model.Decision) {
			d.Code, d.Rule, d.Closed = model.ReasonFieldsClosed, s.row(6), []string{"margin", "name"}
		}},
		{ask("ann", "transfer", "deal", "1", free), func(d *model.Decision) { // transfer → share → read
			d.Code, d.Required = model.ReasonRequiredAction, "read"
		}},
		{ask("ann", "export", "deal", "1", props{"owner": "ann", "teams": nil}), func(d *model.Decision) {
			d.Code, d.Required, d.Rule = model.ReasonRequiredAction, "read", s.row(1)
		}},
	} {
		want := base
		c.want(&want)
		if diff := cmp.Diff(want, s.answerTo(c.q, in)); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", c.q.Action.Name, c.q.Resource.Properties, diff)
		}
	}
}

// TestStepUp: what is asked for is what all failing rows need together, those
// of required actions included.
func TestStepUp(t *testing.T) {
	const grants = "p, *, deal, *, all, , allow\n"
	read, export := ask("ann", "read", "deal", "1", nil), ask("ann", "export", "deal", "1", nil)
	for _, c := range []struct {
		name, rows string
		q          model.Question
		level      int
		age        time.Duration
		want       *model.StepUp
		rule       int
	}{
		{"no demand", "", read, 0, 0, nil, 0},
		{"any age", "p4, *, deal, read, 2, , deny", read, 1, 0, &model.StepUp{ACR: 2}, 1},
		{"met", "p4, *, deal, read, 2, , deny", read, 2, 1000 * time.Hour, nil, 0},
		{"too old", "p4, *, deal, read, 1, 60, deny", read, 1, 61 * time.Second, &model.StepUp{ACR: 1, MaxAge: time.Minute}, 1},
		{"the strongest of all", "p4, *, deal, *, 1, 60, deny\np4, role:rep, *, read, 3, , deny\np4, user:ann, deal, read, 2, 600, deny", read, 0, 0,
			&model.StepUp{ACR: 3, MaxAge: time.Minute}, 1},
		{"only what fails", "p4, *, deal, *, 1, 60, deny\np4, role:rep, *, read, 3, , deny", read, 1, 0, &model.StepUp{ACR: 3}, 2},
		{"not another's", "p4, role:boss, deal, read, 3, , deny\np4, user:bob, *, *, 3, , deny\np4, *, note, *, 3, , deny", read, 0, 0, nil, 0},
		{"of a required action", "p4, *, deal, read, 2, 60, deny", export, 1, 0, &model.StepUp{ACR: 2, MaxAge: time.Minute}, 1},
		{"of both, one's own first", "p4, *, deal, read, 3, 600, deny\np4, *, deal, export, 2, 60, deny", export, 1, 0, &model.StepUp{ACR: 3, MaxAge: time.Minute}, 2},
		{"this very moment", "p4, *, deal, read, 2, 0, deny", read, 2, time.Second, &model.StepUp{ACR: 2, MaxAge: time.Second}, 1},
		{"this very moment, met", "p4, *, deal, read, 2, 0, deny", read, 2, 0, nil, 0},
		{"a team's rows", "p4, team:emea, deal, read, 2, , deny", read, 1, 0, &model.StepUp{ACR: 2}, 1},
	} {
		s := mustSnapshot(t, grants+c.rows, mustCatalog(t, dealCatalog), company())
		in := Inputs{Now: noon}
		if c.level > 0 {
			in.Assurance = model.Assurance{Level: c.level, AuthTime: noon.Add(-c.age)}
		}
		got := s.answerTo(c.q, in)
		if diff := cmp.Diff(c.want, got.StepUp); diff != "" || got.Allow != (c.want == nil) {
			t.Errorf("%s: %s (-want +got):\n%s", c.name, got.Code, diff)
		}
		if c.rule > 0 && got.Rule != s.row(c.rule) {
			t.Errorf("%s: rule %+v", c.name, got.Rule)
		}
	}
	// A demand never hides a denial that no login mends.
	s := mustSnapshot(t, "p, *, deal, export, all, , allow\np4, *, deal, *, 3, , deny", mustCatalog(t, dealCatalog), company())
	if got := s.answerTo(export, Inputs{Now: noon}); got.Code != model.ReasonRequiredAction || got.StepUp != nil {
		t.Errorf("a denied requirement: %s, %v", got.Code, got.StepUp)
	}
}

// TestDirectoryRecords: users and teams are records of the directory, so that
// giving a record away can be ruled like anything else.
func TestDirectoryRecords(t *testing.T) {
	rows := "p, role:rep, user, assign, own, , allow\np, role:rep, user, assign, subtree:1, , allow\np, role:rep, user, assign, unassigned, , allow\np, role:rep, team, assign, team, , allow\n"
	s := mustSnapshot(t, rows, mustCatalog(t, dealCatalog), company())
	for _, c := range []struct {
		who, object, id string
		want            bool
	}{
		{"ann", "user", "ann", true},
		{"ann", "user", "bob", false},
		{"bob", "user", "ann", true},
		{"ann", "user", "*nobody", true},
		{"ann", "user", "stranger", false}, // not registered: nothing is known
		{"ann", "team", "emea", true},
		{"ann", "team", "apac", false},
		{"ann", "team", "ghosts", false},
	} {
		in := Inputs{Now: noon}
		if got := s.answerTo(ask(c.who, "assign", c.object, c.id, nil), in); got.Allow != c.want {
			t.Errorf("%s assigns to %s %s: %s", c.who, c.object, c.id, got.Code)
		}
		in.Stored = &model.Resource{Attributes: props{"owner": "nonsense", "region": "EU"}}
		if c.want && !s.answerTo(ask(c.who, "assign", c.object, c.id, nil), in).Allow {
			t.Errorf("a registered resource overrules the directory on %s %s", c.object, c.id)
		}
	}
}

func TestRequiresMFA(t *testing.T) {
	dir := company()
	dir.Roles = []model.Role{{ID: "rep"}, {ID: "lead", RequireMFA: true}, {ID: model.AuditAdmin}}
	dir.Assignments = []model.Assignment{{Member: "user:ann", Role: "rep"}, {Member: "team:apac", Role: "boss"}, {Member: "user:dan", Role: model.AuditAdmin}}
	s := mustSnapshot(t, "g, role:boss, role:lead", nil, dir)
	for key, want := range map[string]bool{"user:ann": false, "user:cyd": true, "user:dan": true, "user:eve": false} {
		if got := s.RequiresMFA(key, noon); got != want {
			t.Errorf("RequiresMFA(%s) = %v", key, got)
		}
	}
}

// TestAuthZEN is the certification scenario as far as it needs no conditions
// (rules 1 to 4): alice writes, bob reads.
func TestAuthZEN(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "alice"}, {Type: "user", ID: "bob", Attributes: map[string]any{"role": "admin"}}}}
	s := mustSnapshot(t, "p, *, record, read, all, , allow\np, user:alice, record, write, all, , allow\np, user:alice, record, delete, all, , allow", nil, dir)
	for _, c := range []struct {
		who, action, id string
		want            bool
	}{
		{"alice", "read", "record-1", true}, {"alice", "write", "record-1", true},
		{"bob", "read", "record-1", true}, {"bob", "write", "record-1", false},
		{"alice", "read", "record-2", true}, {"alice", "read", "no-such-record", true},
		{"carol", "read", "record-1", false}, {"alice", "shred", "record-1", false},
	} {
		q := ask(c.who, c.action, "record", c.id, nil)
		var first model.Decision
		for i, context := range []map[string]any{nil, {"time": "now"}, {"ip": "10.0.0.1"}} { // context never changes these
			q.Context = context
			got := s.answerTo(q, Inputs{Now: noon})
			if got.Allow != c.want {
				t.Errorf("%s %s %s: %s", c.who, c.action, c.id, got.Code)
			}
			if i == 0 {
				first = got
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("asked again (-first +again):\n%s", diff)
			}
		}
	}
}

// TestConcurrent: one snapshot, many askers; the race detector looks on.
func TestConcurrent(t *testing.T) {
	s := mustSnapshot(t, "g, role:rep, role:base\np, role:base, deal, read, team, , allow\np, *, deal, *, unassigned, , deny\np3, role:base, deal, margin, read, allow\np4, *, *, export, 2, 60, deny",
		mustCatalog(t, dealCatalog), company())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				who := []string{"ann", "bob", "cyd", "dan", "eve"}[i%5]
				got := s.answerTo(ask(who, "read", "deal", "1", props{"owner": "ann", "teams": list("emea")}), Inputs{Now: noon})
				if want := who == "ann" || who == "bob"; got.Allow != want {
					t.Errorf("%s: %s", who, got.Code)
				}
			}
		})
	}
	wg.Wait()
}
