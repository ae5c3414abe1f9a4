package review_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

const crmPolicy = `# Reps read what they own
p, role:rep, deal, read, own, , allow
p, role:rep, deal, update, team, , allow
p, role:rep, deal, export, own, , allow
p2, *, deal, update, record.stage != 'won', deny
p3, role:rep, deal, stage, update, deny
p4, *, deal, export, 2, 300, deny
p, role:night, deal, read, all, request.time.getHours('UTC') >= 20, allow
p, role:eu, deal, read, all, record.region == user.region && request.context.channel == 'web', allow
`

func view(t failer, text string) *policy.View {
	t.Helper()
	doc, cat := mustDocument(t, text), mustCatalog(t, crmCatalog)
	s, err := policy.NewSnapshot(model.Tenant{ID: "t"}, doc, cat, model.Directory{
		Subjects:    []model.Subject{{Type: "user", ID: "ann", Teams: []string{"t1"}}, {Type: "user", ID: "bob"}, {Type: "client", ID: "crm"}},
		Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return policy.NewView(s)
}

func TestCases(t *testing.T) {
	cases, err := review.ParseCases(`
# What the sales director signed off.
- name: a rep reads her own deal
  roles: [rep]
  action: read
  resource: {type: deal, properties: {owner: me}}
  want: allow
- name: and nobody else's
  subject: user:ann
  action: read
  resource: {type: deal, id: "17", properties: {owner: bob}}
  want: deny
  reason: not_granted
- name: deals that are won stay as they are
  roles: [role:rep]
  teams: [emea]
  action: update
  resource: {type: deal, properties: {stage: won, teams: [team:emea]}}
  want: deny
  reason: restricted
- name: nor may they become so
  roles: [rep]
  action: {name: update, properties: {changes: {stage: won}}}
  resource: {type: deal, properties: {stage: lost, owner: me}}
  want: deny
  reason: restricted
- name: stages are closed
  roles: [rep]
  action: update
  fields: [stage]
  resource: {type: deal, properties: {stage: lost, owner: me}}
  want: deny
  reason: fields_closed
- name: exporting needs proof
  roles: [rep]
  action: export
  resource: {type: deal, properties: {owner: me}}
  want: deny
  reason: insufficient_user_authentication
- name: not from this morning
  roles: [rep]
  action: export
  resource: {type: deal, properties: {owner: me}}
  assurance: {acr: 2, age: 301}
  want: deny
- name: but with it all is well
  roles: [rep]
  action: export
  resource: {type: deal, properties: {owner: me}}
  assurance: {acr: 2, age: 300}
  want: allow
  reason: allowed
- name: the module shows
  roles: [rep]
  action: read
  resource: deal
  want: allow
- name: at night
  roles: [night]
  action: read
  resource: deal
  at: 2026-03-01T21:00:00Z
  want: allow
- name: by day
  roles: [night]
  action: read
  resource: deal
  want: deny
- name: regions
  roles: [eu]
  attributes: {region: EU}
  action: read
  resource: {type: deal, properties: {region: EU, amount: 5, tags: [a, null], since: 2026-01-01}}
  context: {channel: web}
  want: allow
- name: somebody without roles
  roles: []
  action: read
  resource: deal
  want: allow
`)
	if err != nil {
		t.Fatal(err)
	}
	v := view(t, crmPolicy)
	results := cases.Run(v, noon)
	for _, r := range results[:len(results)-1] {
		if !r.Passed {
			t.Errorf("%+v", r)
		}
	}
	want := model.CaseResult{Name: "a rep reads her own deal", Line: 3, Passed: true, Want: "allow", Got: "allow", Code: model.ReasonAllowed,
		Rule:    model.ExplainedRule{Row: "p, role:rep, deal, read, own, , allow", Name: "Reps read what they own", Line: 2},
		Subject: "role:rep", Action: "read", Object: "deal", Record: "some"}
	if diff := cmp.Diff(want, results[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	failed := results[len(results)-1]
	if failed.Passed || failed.Got != "deny" || failed.Subject != "user:me" || failed.Record != "*" {
		t.Errorf("%+v", failed)
	}
	if cases.Len() != len(results) {
		t.Errorf("%d cases, %d results", cases.Len(), len(results))
	}
	// Somebody made up is there for a case, and for nobody else.
	q := model.Question{Subject: model.Entity{Type: "user", ID: "me"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "deal", ID: "*"}}
	if d := v.Decide(&q, &policy.Inputs{Now: noon}); d.Code != model.ReasonSubjectUnknown {
		t.Errorf("after the cases user:me is answered %s", d.Code)
	}
	// The reason counts.
	again, err := review.ParseCases("- {name: a, subject: user:ann, action: read, resource: {type: deal, id: '1', properties: {owner: bob}}, want: deny, reason: denied}")
	if err != nil {
		t.Fatal(err)
	}
	if r := again.Run(v, noon)[0]; r.Passed || r.Got != "deny" || r.WantCode != model.ReasonDenied {
		t.Errorf("%+v", r)
	}
}

func TestCasesRefused(t *testing.T) {
	sound := "- {name: a, subject: user:ann, action: read, resource: deal, want: allow}\n"
	for _, c := range []struct{ text, want string }{
		{"name: a", "1:1: a list is wanted here"},
		{"- a", "1:3: [0]: a mapping is wanted here"},
		{"- {subject: user:ann, action: read, resource: deal}", "1:3: [0]: name is missing; 1:3: [0]: want is missing"},
		{"- {name: a, action: read, resource: deal, want: allow}", "1:3: [0]: who asks is missing: subject, such as user:ann, or roles"},
		{"- {name: a, subject: user:ann, roles: [rep], action: read, resource: deal, want: allow}", "1:3: [0]: subject and roles exclude each other: roles are those of somebody made up"},
		{"- {name: a, subject: user:ann, unit: u, action: read, resource: deal, want: allow}", "1:3: [0]: teams, unit and attributes are for somebody made up: a subject has its own"},
		{"- {name: a, subject: ann, action: read, resource: deal, want: allow}", `1:22: [0].subject: "ann" is not spelled type:id, such as user:ann`},
		{sound + "- {name: b, subject: user:ann, action: read, resource: deal, want: maybe}", `2:68: [1].want: "maybe" is not one of allow, deny`},
		{sound + "- {name: b, subject: user:ann, action: read, resource: deal, want: deny, reason: because}", `2:82: [1].reason: "because" is not one of allowed, subject_unknown, subject_disabled, object_unknown, action_unknown, object_disabled, not_granted, denied, restricted, insufficient_user_authentication, fields_closed, required_action_denied, tenant_disabled`},
		{sound + "- {name: b, subject: user:ann, action: read, resource: deal, want: allow, reason: denied}", "2:3: [1].reason: the reason denied is none to allow"},
		{sound + sound, `2:3: [1].name: the name "a" is that of the case in line 1`},
		{"- {name: a, name: b, subject: user:ann, action: read, resource: deal, want: allow}", "1:13: [0].name: the key name is there twice"},
		{"- {name: a, subject: user:ann, action: read, resource: deal, want: allow, wnat: deny}", "1:75: [0].wnat: unknown key; there are action, assurance, at, attributes, context, fields, name, reason, resource, roles, subject, teams, unit, want"},
		{"- {name: 5, subject: user:ann, action: read, resource: deal, want: allow}", "1:10: [0].name: text is wanted here; put numbers and the like in quotes"},
		{"- {name: a, subject: user:ann, action: '*', resource: deal, want: allow}", "1:3: [0]: action.name is not what it has to be"},
		{"- {name: a, subject: user:ann, action: read, resource: {type: deal, id: '*', properties: {x: 1}}, want: allow}", "1:3: [0]: resource is not what it has to be"},
		{"- {name: a, subject: user:ann, action: read, resource: {id: x}, want: allow}", "1:56: [0].resource: type is missing"},
		{"- {name: a, subject: user:ann, action: read, resource: deal, want: allow, assurance: {acr: 4}}", "1:92: [0].assurance.acr: a whole number from 1 to 3 is wanted here"},
		{"- {name: a, subject: user:ann, action: read, resource: deal, want: allow, at: noon}", "1:79: [0].at: a time such as 2026-03-01T12:00:00Z is wanted here (RFC 3339)"},
		{"- {name: a, subject: user:ann, action: read, resource: {type: deal, properties: {x: .inf}}, want: allow}", `1:85: [0].resource.properties.x: ".inf" is no value a request could have`},
		{"- &a {name: a, subject: user:ann, action: read, resource: deal, want: allow}\n- *a", "2:3: [1]: a mapping is wanted here"},
		{"- {name: a, subject: user:ann, action: read, resource: {type: deal, properties: {x: &x 1, y: *x}}, want: allow}", "1:94: [0].resource.properties.y: an alias is not wanted here; write the value out"},
		{"- name: [", "1: not YAML: yaml: line 1: did not find expected node content"},
		{"[]\n---\n[]", "more than one YAML document"},
	} {
		_, err := review.ParseCases(c.text)
		var e *model.Error
		if !errors.As(err, &e) || e.Code != model.CodeCasesInvalid {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var got []string
		for _, d := range e.Details {
			got = append(got, d.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, strings.Join(got, "; "), c.want)
		}
	}
	for _, text := range []string{"", "\n", "# nothing yet\n", "[]"} {
		if c, err := review.ParseCases(text); err != nil || c.Len() != 0 {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	if _, err := review.ParseCases(strings.Repeat("#", review.MaxCases+1)); model.CodeOf(err) != model.CodeLimitExceeded {
		t.Errorf("too large: %v", err)
	}
	var many strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&many, "- {name: a%d, roles: [], action: a, resource: a, want: deny}\n", i)
	}
	if _, err := review.ParseCases(many.String()); model.CodeOf(err) != model.CodeCasesInvalid {
		t.Errorf("too many: %v", err)
	}
}

// FuzzParseCases: whatever is accepted runs, and nothing panics.
func FuzzParseCases(f *testing.F) {
	f.Add("- {name: a, roles: [rep], action: read, resource: {type: deal, properties: {owner: me}}, want: allow}")
	f.Add("- &a {name: *a}")
	f.Add("- ? [a]\n  : b")
	v := view(f, crmPolicy)
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := review.ParseCases(text)
		if err == nil && len(cases.Run(v, noon)) != cases.Len() {
			t.Error("some cases have no result")
		}
	})
}
