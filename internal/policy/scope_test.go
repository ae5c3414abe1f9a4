package policy

import (
	"slices"
	"testing"
	"time"

	"rolegate/model"
)

// company is the directory of the hand-written tests:
//
//	dan ── boss of ── bob ── boss of ── ann (sales, team emea)    cyd: another unit and team
//	units co > sales > east; bob heads sales; territories world > north
func company() model.Directory {
	user := func(id, manager, unit string, teams ...string) model.Subject {
		return model.Subject{Type: "user", ID: id, Manager: manager, Unit: unit, Teams: teams}
	}
	ann := user("ann", "bob", "sales", "emea")
	ann.Territories, ann.Accounts, ann.Contact = []string{"world"}, []string{"acme"}, "c1"
	return model.Directory{
		Subjects: []model.Subject{
			ann, user("bob", "user:dan", "sales", "emea"), user("cyd", "", "ops", "apac"), user("dan", "", "co"),
			{Type: "client", ID: "crm"},
		},
		Teams:       []model.Team{{ID: "emea"}, {ID: "apac"}},
		Units:       []model.Unit{{ID: "co"}, {ID: "sales", Parent: "co", Heads: []string{"bob"}}, {ID: "east", Parent: "unit:sales"}, {ID: "ops", Parent: "co"}},
		Territories: []model.Territory{{ID: "world"}, {ID: "north", Parent: "world"}},
		Assignments: []model.Assignment{
			{Member: "user:ann", Role: "rep"}, {Member: "user:bob", Role: "rep"}, {Member: "user:cyd", Role: "rep"}, {Member: "user:dan", Role: "rep"},
		},
	}
}

func mustSnapshot(t testing.TB, policy string, cat *Catalog, dir model.Directory) *Snapshot {
	t.Helper()
	if cat == nil {
		cat = &Catalog{}
	}
	s, err := NewSnapshot(model.Tenant{ID: "t", Revision: 7}, mustParse(t, policy), cat, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record is a record's properties.
type props = map[string]any

func ask(subject, action, object, id string, properties props) model.Question {
	kind, name := "user", subject
	if subject == "crm" {
		kind = "client"
	}
	return model.Question{
		Subject:  model.Entity{Type: kind, ID: name},
		Action:   model.Action{Name: action},
		Resource: model.Entity{Type: object, ID: id, Properties: properties},
	}
}

func list(elements ...any) []any { return elements }

// TestScopes asks, for every scope, about records that match, that are known
// not to, and of which too little is known; each with a grant, which must match
// surely, and a denial, which must surely not.
func TestScopes(t *testing.T) {
	share := func(to string, extra ...any) props {
		s := props{"to": to, "actions": list("read")}
		for i := 0; i < len(extra); i += 2 {
			s[extra[i].(string)] = extra[i+1]
		}
		return props{"shares": list(s)}
	}
	const emea, other = "emea", "someone"
	for _, c := range []struct {
		scope, who string
		want       truth
		record     props
	}{
		{"all", "ann", yes, nil},
		{"all", "ann", yes, props{"owner": nil}},

		{"own", "ann", yes, props{"owner": "ann"}},
		{"own", "ann", yes, props{"owner": "user:ann"}},
		{"own", "ann", no, props{"owner": "bob"}},
		{"own", "ann", no, props{"owner": "Ann"}},
		{"own", "ann", no, props{"owner": "ann "}},
		{"own", "ann", no, props{"owner": "client:ann"}},
		{"own", "ann", no, props{"owner": nil}},
		{"own", "ann", no, props{"owner": ""}},
		{"own", "ann", unknown, nil},
		{"own", "ann", unknown, props{"owner": 7.0}},
		{"own", "ann", unknown, props{"owner": list("ann")}},
		{"own", "crm", no, props{"owner": "crm"}}, // owners are users

		{"created", "ann", yes, props{"created_by": "ann"}},
		{"created", "ann", no, props{"created_by": "bob", "owner": "ann"}},
		{"created", "ann", no, props{"created_by": nil}},
		{"created", "ann", unknown, props{"owner": "ann"}},

		{"assigned", "ann", yes, props{"assignees": list("bob", "user:ann")}},
		{"assigned", "ann", no, props{"assignees": list("bob")}},
		{"assigned", "ann", no, props{"assignees": list()}},
		{"assigned", "ann", no, props{"assignees": nil}},
		{"assigned", "ann", unknown, nil},
		{"assigned", "ann", unknown, props{"assignees": "ann"}},
		{"assigned", "ann", unknown, props{"assignees": list("ann", 7.0)}},
		{"assigned", "ann", unknown, props{"assignees": list("bob", nil)}},

		{"unassigned", "ann", yes, props{"owner": nil}},
		{"unassigned", "ann", yes, props{"owner": ""}},
		{"unassigned", "ann", no, props{"owner": "bob"}},
		{"unassigned", "ann", unknown, nil},
		{"unassigned", "ann", unknown, props{"owner": false}},

		{"team", "ann", yes, props{"owner": "ann", "teams": nil}},
		{"team", "ann", yes, props{"owner": "bob", "teams": list("team:emea")}},
		{"team", "ann", yes, props{"owner": "ann"}},        // teams unknown, but own already is
		{"team", "ann", yes, props{"teams": list("emea")}}, // owner unknown, likewise
		{"team", "ann", no, props{"owner": "bob", "teams": list("apac")}},
		{"team", "ann", no, props{"owner": nil, "teams": nil}},
		{"team", "ann", unknown, props{"owner": "bob"}},
		{"team", "ann", unknown, props{"teams": list()}},
		{"team", "crm", no, props{"owner": "bob", "teams": list(emea)}}, // in no team

		{"subtree", "dan", yes, props{"owner": "dan"}},
		{"subtree", "dan", yes, props{"owner": "ann", "assignees": nil}},
		{"subtree", "dan", yes, props{"owner": other, "assignees": list("ann")}},
		{"subtree", "dan", yes, props{"assignees": list("ann")}},
		{"subtree", "dan", no, props{"owner": "cyd", "assignees": list()}},
		{"subtree", "ann", no, props{"owner": "bob", "assignees": nil}}, // not upwards
		{"subtree", "dan", no, props{"owner": nil, "assignees": nil}},
		{"subtree", "dan", unknown, props{"owner": "cyd"}},
		{"subtree", "dan", unknown, props{"assignees": nil}},
		{"subtree:1", "dan", yes, props{"owner": "bob", "assignees": nil}},
		{"subtree:1", "dan", no, props{"owner": "ann", "assignees": nil}},
		{"subtree:1", "dan", unknown, props{"owner": "ann"}},
		{"subtree:2", "dan", yes, props{"owner": "ann", "assignees": nil}},

		{"unit", "ann", yes, props{"unit": "unit:sales", "owner": nil}},
		{"unit", "ann", yes, props{"unit": "ops", "owner": "ann"}},
		{"unit", "ann", no, props{"unit": "east", "owner": nil}},
		{"unit", "ann", no, props{"unit": "", "owner": nil}},
		{"unit", "ann", unknown, props{"owner": "bob"}},
		{"unit", "crm", no, props{"unit": "", "owner": nil}}, // no unit is not the same unit

		{"unit_tree", "ann", yes, props{"unit": "east", "owner": nil}},
		{"unit_tree", "ann", yes, props{"unit": "sales"}},
		{"unit_tree", "ann", no, props{"unit": "co", "owner": nil}},
		{"unit_tree", "ann", no, props{"unit": "nowhere", "owner": nil}},
		{"unit_tree", "ann", no, props{"unit": nil, "owner": "bob"}},
		{"unit_tree", "ann", unknown, props{"unit": "co"}},
		{"unit_tree", "ann", unknown, nil},

		{"unit_head", "bob", yes, props{"unit": "sales"}},
		{"unit_head", "bob", yes, props{"unit": "east"}},
		{"unit_head", "bob", no, props{"unit": "co"}},
		{"unit_head", "ann", no, props{"unit": "sales"}},
		{"unit_head", "bob", no, props{"unit": nil}},
		{"unit_head", "bob", unknown, props{"owner": "bob"}},

		{"territory", "ann", yes, props{"territory": "north"}},
		{"territory", "ann", yes, props{"territory": "territory:world"}},
		{"territory", "ann", no, props{"territory": "moon"}},
		{"territory", "bob", no, props{"territory": "north"}},
		{"territory", "ann", no, props{"territory": nil}},
		{"territory", "ann", unknown, nil},

		{"account", "ann", yes, props{"account": "acme"}},
		{"account", "ann", no, props{"account": "other"}},
		{"account", "bob", no, props{"account": nil}},
		{"account", "ann", unknown, nil},

		{"contact", "ann", yes, props{"contacts": list("contact:c1")}},
		{"contact", "ann", no, props{"contacts": list("c2")}},
		{"contact", "bob", no, props{"contacts": list("")}}, // no contact is not the empty one
		{"contact", "ann", no, props{"contacts": nil}},
		{"contact", "ann", unknown, nil},

		{"shared", "ann", yes, share("user:ann")},
		{"shared", "ann", yes, share("role:rep")},
		{"shared", "ann", yes, share("team:emea")},
		{"shared", "ann", no, share("*")}, // everyone is granted apart
		{"shared", "ann", no, share("user:bob")},
		{"shared", "ann", no, share("team:apac")},
		{"shared", "ann", no, share("user:ann", "actions", list("update"))},
		{"shared", "ann", no, share("user:ann", "actions", list("*"))}, // actions are literal
		{"shared", "ann", no, share("user:ann", "actions", list())},
		{"shared", "ann", yes, share("user:ann", "until", nil)},
		{"shared", "ann", yes, share("user:ann", "until", "2026-03-01T12:00:00.001Z")},
		{"shared", "ann", no, share("user:ann", "until", "2026-03-01T12:00:00Z")},
		{"shared", "ann", yes, share("user:ann", "until", "2026-03-01T14:00:01+02:00")},
		{"shared", "ann", no, share("user:ann", "until", "2026-03-01T13:59:59+02:00")},
		{"shared", "ann", no, props{"shares": list()}},
		{"shared", "ann", no, props{"shares": nil}},
		{"shared", "ann", unknown, nil},
		{"shared", "ann", unknown, share("ann")},
		{"shared", "ann", no, share("user:ann", "until", "0001-01-01T00:00:00Z")}, // Go's zero time, and no end for ever
		{"shared", "ann", unknown, share("user:ann", "until", "tomorrow")},
		{"shared", "ann", unknown, share("user:ann", "until", "2026-03-02T1:00:00Z")}, // time.Parse takes it
		{"shared", "ann", unknown, share("user:ann", "until", "")},
		{"shared", "ann", unknown, share("user:ann", "until", 7.0)},
		{"shared", "ann", unknown, share("user:ann", "actions", "read")},
		{"shared", "ann", unknown, props{"shares": list(props{"to": "user:ann"})}},
		{"shared", "ann", unknown, props{"shares": list("user:ann")}},
		{"shared", "ann", unknown, props{"shares": "user:ann"}},

		{"everyone", "ann", yes, share("*")},
		{"everyone", "ann", no, share("user:ann")},
		{"everyone", "ann", no, props{"shares": nil}},
		{"everyone", "ann", unknown, nil},
	} {
		grant := mustSnapshot(t, "p, *, deal, read, "+c.scope+", , allow", nil, company())
		denial := mustSnapshot(t, "p, *, deal, read, all, , allow\np, *, deal, read, "+c.scope+", , deny", nil, company())
		q := ask(c.who, "read", "deal", "1", c.record)
		in := Inputs{Now: noon}
		if got := grant.answerTo(q, in); got.Allow != (c.want == yes) {
			t.Errorf("grant %s: %s reads %v: %s, want %v", c.scope, c.who, c.record, got.Code, c.want)
		}
		if got := denial.answerTo(q, in); got.Allow != (c.want == no) {
			t.Errorf("denial %s: %s reads %v: %s, want %v", c.scope, c.who, c.record, got.Code, c.want)
		}
		// The same record registered, and nothing sent: what is unknown above
		// for want of an attribute is now known to be none.
		in.Stored = &model.Resource{Type: "deal", ID: "1", Attributes: c.record}
		q.Resource.Properties = nil
		if got := grant.answerTo(q, in); c.want == yes && !got.Allow {
			t.Errorf("grant %s: %s reads stored %v: %s", c.scope, c.who, c.record, got.Code)
		}
	}
}

func TestStoredAttributes(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, own, , allow\np, *, deal, read, unassigned, , allow", nil, company())
	for _, c := range []struct {
		name         string
		sent, stored props
		want         bool
	}{
		{"what is sent overlays what is stored", props{"owner": "bob"}, props{"owner": "ann"}, false},
		{"and opens as well", props{"owner": "ann"}, props{"owner": "bob"}, true},
		{"null sent is none", props{"owner": nil}, props{"owner": "bob"}, true},
		{"nothing sent leaves what is stored", nil, props{"owner": "ann"}, true},
		{"what is not stored is none", nil, props{}, true},
		{"nonsense sent is unknown, whatever is stored", props{"owner": 1.0}, props{"owner": "ann"}, false},
	} {
		in := Inputs{Now: noon, Stored: &model.Resource{Type: "deal", ID: "1", Attributes: c.stored}}
		if got := s.answerTo(ask("ann", "read", "deal", "1", c.sent), in); got.Allow != c.want {
			t.Errorf("%s: %v over %v: %s", c.name, c.sent, c.stored, got.Code)
		}
	}
}

func TestAnyRecord(t *testing.T) {
	nobodys := model.Subject{Type: "user", ID: "eve"}
	dir := company()
	dir.Subjects = append(dir.Subjects, nobodys)
	for _, c := range []struct {
		who    string
		grants []string
		denied []string
		want   bool
	}{
		{"ann", nil, nil, false},
		{"ann", []string{"all"}, nil, true},
		{"ann", []string{"own"}, nil, true},
		{"crm", []string{"own", "created", "assigned", "team", "unit", "subtree"}, nil, false}, // clients own nothing and are in no team
		{"ann", []string{"shared", "everyone"}, nil, false},                                    // a share lives on a record
		{"eve", []string{"territory", "account", "contact", "unit_head"}, nil, false},
		{"ann", []string{"territory"}, nil, true},
		{"ann", []string{"account"}, nil, true},
		{"ann", []string{"contact"}, nil, true},
		{"ann", []string{"unit_head"}, nil, false},
		{"bob", []string{"unit_head"}, nil, true},
		{"eve", []string{"team", "unit", "unit_tree", "subtree"}, nil, true}, // what she owns
		{"eve", []string{"unassigned"}, nil, true},

		{"ann", []string{"all"}, []string{"all"}, false},
		{"ann", []string{"all"}, []string{"own", "team", "subtree", "shared", "everyone"}, true},
		{"ann", []string{"own"}, []string{"own"}, false},
		{"ann", []string{"own"}, []string{"team"}, false}, // a team's denial covers one's own
		{"ann", []string{"team"}, []string{"own"}, true},
		{"eve", []string{"team"}, []string{"own"}, false}, // without a team nothing is left
		{"bob", []string{"subtree"}, []string{"subtree:1"}, true},
		{"bob", []string{"subtree:1"}, []string{"subtree:2"}, false},
		{"ann", []string{"subtree"}, []string{"own", "assigned"}, false}, // nobody reports to ann
		{"bob", []string{"subtree"}, []string{"own", "assigned"}, true},
		{"ann", []string{"unit"}, []string{"unit_tree"}, false},
		{"ann", []string{"unit_tree"}, []string{"unit"}, true},
		{"ann", []string{"territory"}, []string{"territory"}, false},
		{"ann", []string{"own", "created"}, []string{"own"}, true},
		{"ann", []string{"own"}, []string{"shared"}, true},
	} {
		policy := ""
		for _, scope := range c.grants {
			policy += "p, *, deal, read, " + scope + ", , allow\n"
		}
		for _, scope := range c.denied {
			policy += "p, *, deal, read, " + scope + ", , deny\n"
		}
		s := mustSnapshot(t, policy+"p4, role:x, deal, read, 1, , deny", nil, dir)
		got := s.answerTo(ask(c.who, "read", "deal", "*", nil), Inputs{Now: noon})
		if got.Allow != c.want || !got.AnyRecord {
			t.Errorf("%s with %v without %v: %s, want %v", c.who, c.grants, c.denied, got.Code, c.want)
		}
	}
	s := mustSnapshot(t, "p, *, deal, read, all, , allow", nil, dir)
	if got := s.answerTo(ask("ann", "read", "deal", "*", props{"owner": "ann"}), Inputs{Now: noon}); got.Code != model.ReasonItemInvalid {
		t.Errorf("* with properties: %s", got.Code)
	}
}

// TestOrgCycles: cycles are refused when they are written; one that is there
// all the same neither hangs nor hides who is on it.
func TestOrgCycles(t *testing.T) {
	dir := company()
	dir.Subjects = append(dir.Subjects,
		model.Subject{Type: "user", ID: "x", Manager: "y", Unit: "u1", Territories: []string{"t1"}},
		model.Subject{Type: "user", ID: "y", Manager: "z"}, model.Subject{Type: "user", ID: "z", Manager: "y"},
		model.Subject{Type: "user", ID: "self", Manager: "self"})
	dir.Units = append(dir.Units, model.Unit{ID: "u1", Parent: "u2"}, model.Unit{ID: "u2", Parent: "u1", Heads: []string{"z"}})
	dir.Territories = append(dir.Territories, model.Territory{ID: "t1", Parent: "t2"}, model.Territory{ID: "t2", Parent: "t1"})
	s := mustSnapshot(t, "p, *, deal, read, subtree, , allow\np, *, deal, unit, unit_tree, , allow\np, *, deal, head, unit_head, , allow\np, *, deal, area, territory, , allow", nil, dir)
	for _, c := range []struct {
		who, action string
		record      props
		want        bool
	}{
		{"z", "read", props{"owner": "x", "assignees": nil}, true},
		{"y", "read", props{"owner": "z", "assignees": nil}, true},
		{"x", "read", props{"owner": "z", "assignees": nil}, false},
		{"ann", "read", props{"owner": "self", "assignees": list("x", "y")}, false},
		{"x", "unit", props{"unit": "u2"}, true},
		{"x", "unit", props{"unit": "co", "owner": nil}, false},
		{"z", "head", props{"unit": "u1"}, true},
		{"x", "head", props{"unit": "u1"}, false},
		{"x", "area", props{"territory": "t2"}, true},
		{"x", "area", props{"territory": "north"}, false},
	} {
		if got := s.answerTo(ask(c.who, c.action, "deal", "1", c.record), Inputs{Now: noon}); got.Allow != c.want {
			t.Errorf("%s %s %v: %s", c.who, c.action, c.record, got.Code)
		}
	}
	for n := range 40 { // a tail of n people before a circle of 1 to 5
		for circle := 1; circle <= 5; circle++ {
			parent := map[string]string{}
			name := func(i int) string { return string(rune('A' + i)) }
			for i := range n + circle {
				parent[name(i)] = name(i + 1)
			}
			parent[name(n+circle-1)] = name(n)
			f := newForest(parent)
			for i := range n + circle {
				if !f.within(name(0), name(i), 0) || f.within(name(i), "elsewhere", 0) {
					t.Fatalf("a tail of %d and a circle of %d: member %d is not met", n, circle, i)
				}
			}
		}
	}
}

// TestAssignmentWindows: a role counts from From (inclusive) to Until
// (exclusive), in one and the same snapshot.
func TestAssignmentWindows(t *testing.T) {
	hour := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Teams: []string{"emea"}}}}
	dir.Assignments = []model.Assignment{
		{Member: "user:ann", Role: "ever"},
		{Member: "user:ann", Role: "past", Until: noon},
		{Member: "user:ann", Role: "now", From: noon, Until: hour(5)},
		{Member: "user:ann", Role: "later", From: hour(3)},
		{Member: "user:ann", Role: "empty", From: hour(3), Until: hour(2)},
		{Member: "team:emea", Role: "team", Until: hour(2)},
		{Member: "user:ghost", Role: "ghost", From: hour(4)},
		{Member: "user:ann", Role: "someday", From: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Member: "user:ann", Role: "antique", From: time.Date(1, 2, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	s := mustSnapshot(t, "g, role:now, role:inherited\np, role:inherited, deal, read, all, , allow", nil, dir)
	for _, c := range []struct {
		now   time.Time
		roles []string
	}{
		{noon.Add(-1), []string{"role:ever", "role:past", "role:team"}},
		{noon, []string{"role:ever", "role:inherited", "role:now", "role:team"}},
		{hour(2).Add(-1), []string{"role:ever", "role:inherited", "role:now", "role:team"}},
		{hour(2), []string{"role:ever", "role:inherited", "role:now"}},
		{hour(3), []string{"role:ever", "role:inherited", "role:later", "role:now"}},
		{hour(5), []string{"role:ever", "role:later"}},
		{noon.Add(-1), []string{"role:ever", "role:past", "role:team"}}, // clocks go back
	} {
		if got := s.RolesOf("user:ann", c.now); !slices.Equal(got, c.roles) {
			t.Errorf("at %s: roles %q, want %q", c.now, got, c.roles)
		}
		got := s.answerTo(ask("ann", "read", "deal", "1", nil), Inputs{Now: c.now})
		if got.Allow != slices.Contains(c.roles, "role:inherited") || !slices.Equal(got.Roles, c.roles) {
			t.Errorf("at %s: %s with %q", c.now, got.Code, got.Roles)
		}
	}
}
