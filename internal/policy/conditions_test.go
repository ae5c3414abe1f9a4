package policy

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/model"
)

// A condition of a row for every object that does not suit the types of the
// object asked about is unknown there: it does not grant, and it denies. So is
// one of a policy in force that a new catalogue no longer suits.
func TestConditionsThatDoNotSuitAreUnknown(t *testing.T) {
	cat := mustCatalog(t, "objects:\n  doc:\n    actions: {read: {}}\n    fields:\n      level: {type: string}\n      due: {type: time}\n      tags: {type: list of string}\n")
	for _, c := range []struct {
		condition, field string
		value            any
	}{
		{"record.level < 3", "level", 5.0},
		{"record.due == 'never'", "due", "2026-01-01T00:00:00Z"},
		{"record.due.startsWith('2030')", "due", "2026-01-01T00:00:00Z"},
		{"record.tags == 'x'", "tags", "y"},
	} {
		if _, err := ParseFor(fmt.Sprintf("p, *, doc, read, all, %s, deny\n", c.condition), cat, model.DefaultLimits()); model.CodeOf(err) != model.CodePolicyInvalid {
			t.Errorf("%s for doc: %v", c.condition, err)
		}
		for _, object := range []string{"*", "doc"} {
			for _, row := range []string{"p, *, %s, read, all, , allow\np, *, %s, read, all, %s, deny\n", "p, *, %s, read, own, , allow\np, *, %s, read, all, %s, allow\n", "p, *, %s, read, all, , allow\np2, *, %s, read, %s, deny\n"} {
				text := fmt.Sprintf(row, object, object, c.condition)
				rules, err := compile(mustParse(t, text), cat, asPublished)
				if err != nil {
					t.Fatal(err)
				}
				s := &Snapshot{model.Tenant{}, rules, newRoster(company())}
				if got := s.answerTo(ask("ann", "read", "doc", "1", props{c.field: c.value}), Inputs{Now: noon}); got.Allow {
					t.Errorf("%s allows %v", text, c.value)
				}
			}
		}
	}
	if _, err := compile(mustParse(t, "p, *, doc, read, all, record.level < 3, deny\n"), cat, toPublish); model.CodeOf(err) != model.CodePolicyInvalid {
		t.Errorf("publishing: %v", err)
	}
}

// A condition of a policy in force that a new catalogue does not suit is named at
// the same place as one that is about to be published.
func TestConditionsThatDoNotSuitHaveTheirPlace(t *testing.T) {
	cat := mustCatalog(t, "objects:\n  doc:\n    actions: {read: {}}\n    fields:\n      level: {type: string}\n")
	for _, row := range []string{
		"p, *, doc, read, all, record.level < 3, deny",
		"p,  *, doc,  read,all,   record.level<3, deny",
		`p, *, doc, read, all, "has(record.note) && record.note == ""x"" && record.level < 3", deny`,
		`p2, *, doc, read, "record.level < 3", deny`,
	} {
		text := "# the first row is good\np, *, doc, read, all, , allow\n\n" + row + "\t\n"
		_, wanted := ParseFor(text, cat, model.DefaultLimits())
		_, err := compile(mustParse(t, text), cat, toPublish)
		want, got := details(t, wanted, model.CodePolicyInvalid), details(t, err, model.CodePolicyInvalid)
		if len(want) != 1 || len(got) != 1 || !strings.HasPrefix(got[0], want[0]+": ") || strings.HasPrefix(got[0], "4:1:") {
			t.Errorf("%s: in force %q, published %q", row, got, want)
		}
	}
}

// record.id is resource.id, whatever the request or the record calls id.
func TestRecordIDIsTheResources(t *testing.T) {
	s := mustSnapshot(t, `p, *, doc, read, all, record.id == '1', allow
p, *, doc, update, all, , allow
p2, *, doc, update, record.id == '1', deny
`, nil, company())
	for _, c := range []struct {
		action, id string
		sent       props
		want       bool
	}{
		{"read", "1", nil, true}, {"read", "1", props{"id": "2"}, true}, {"read", "2", props{"id": "1"}, false}, {"read", "1", props{"id": 7.0}, true},
		{"update", "1", nil, true}, {"update", "2", props{"id": "1"}, false},
	} {
		if got := s.answerTo(ask("ann", c.action, "doc", c.id, c.sent), Inputs{Now: noon, Stored: &model.Resource{Attributes: props{"id": "1"}}}); got.Allow != c.want {
			t.Errorf("%s %s with %v: %s", c.action, c.id, c.sent, got.Code)
		}
	}
	q := ask("ann", "update", "doc", "1", nil)
	q.Action.Properties = props{"changes": props{"id": "2"}}
	if got := s.answerTo(q, Inputs{Now: noon}); !got.Allow {
		t.Errorf("changing an attribute called id: %s", got.Code)
	}
}

// An update is held against restrictions twice, its grants once.
func TestChanges(t *testing.T) {
	s := mustSnapshot(t, `p, *, deal, update, own, , allow
p2, *, deal, update, record.stage != 'closed', deny
p, *, deal, read, all, , allow
p2, *, deal, read, record.stage != 'closed', deny
p, *, deal, mass_update, all, , allow
`, mustCatalog(t, "objects: {deal: {actions: {read: {}, update: {}, mass_update: {requires: [update]}}}}"), company())
	mine := props{"owner": "ann", "stage": "open"}
	for _, c := range []struct {
		name, action string
		record       props
		changes      any
		want         model.Code
	}{
		{"nothing", "update", mine, nil, model.ReasonAllowed},
		{"something else", "update", mine, props{"amount": 1.0}, model.ReasonAllowed},
		{"into what is restricted", "update", mine, props{"stage": "closed"}, model.ReasonRestricted},
		{"into nothing known", "update", mine, props{"stage": nil}, model.ReasonRestricted},
		{"out of what is restricted", "update", props{"owner": "ann", "stage": "closed"}, props{"stage": "open"}, model.ReasonRestricted},
		{"the owner away", "update", mine, props{"owner": "bob"}, model.ReasonAllowed}, // grants are about the record as it is
		{"another's to oneself", "update", props{"owner": "bob", "stage": "open"}, props{"owner": "ann"}, model.ReasonNotGranted},
		{"by a required update", "mass_update", mine, props{"stage": "closed"}, model.ReasonRequiredAction},
		{"of another action", "read", mine, props{"stage": "closed"}, model.ReasonAllowed},
		{"no object", "update", mine, "closed", model.ReasonItemInvalid},
	} {
		q := ask("ann", c.action, "deal", "1", c.record)
		q.Action.Properties = props{"changes": c.changes}
		if got := s.answerTo(q, Inputs{Now: noon}); got.Code != c.want {
			t.Errorf("%s: %s, want %s", c.name, got.Code, c.want)
		}
	}
}

// What conditions see of the subject: stored attributes, those sent only for a
// trusted client, and never roles, teams, unit or id.
func TestTrustedProperties(t *testing.T) {
	dir := company()
	dir.Subjects[0].Attributes = props{"region": "EU", "roles": list("role:boss"), "id": "bob"}
	for _, c := range []struct {
		condition string
		sent      props
		want      [2]bool // not trusted, trusted
	}{
		{"user.region == 'EU'", nil, [2]bool{true, true}},
		{"user.region == 'EU'", props{"region": "US"}, [2]bool{true, false}},
		{"user.region == 'US'", props{"region": "US"}, [2]bool{false, true}},
		{"user.region == 'EU'", props{"region": nil}, [2]bool{true, false}},
		{"user.level > 3", props{"level": 5.0}, [2]bool{false, true}},
		{"'role:boss' in user.roles", props{"roles": list("role:boss")}, [2]bool{false, false}},
		{"'apac' in user.teams", props{"teams": list("apac")}, [2]bool{false, false}},
		{"user.unit == 'ops'", props{"unit": "ops"}, [2]bool{false, false}},
		{"user.id == 'bob'", props{"id": "bob"}, [2]bool{false, false}},
		{"user.id == 'ann'", props{"id": "bob"}, [2]bool{true, true}},
	} {
		s := mustSnapshot(t, "p, *, deal, read, all, "+c.condition+", allow\n", nil, dir)
		for i, trusted := range []bool{false, true} {
			q := ask("ann", "read", "deal", "1", nil)
			q.Subject.Properties = c.sent
			if got := s.answerTo(q, Inputs{Now: noon, TrustSubjectProperties: trusted}); got.Allow != c.want[i] {
				t.Errorf("%s with %v, trusted %v: %s", c.condition, c.sent, trusted, got.Code)
			}
		}
	}
}

// Without a record, a condition counts for what the request alone settles.
func TestConditionsWithoutARecord(t *testing.T) {
	const grant = "p, *, deal, read, all, , allow\n"
	for _, c := range []struct {
		rows string
		want model.Code
	}{
		{"p, *, deal, read, all, record.stage == 'won', allow", model.ReasonAllowed},
		{"p, *, deal, read, all, record.stage == 'won' && request.acr >= 2, allow", model.ReasonNotGranted},
		{"p, *, deal, read, all, record.stage == 'won' || request.acr < 2, allow", model.ReasonAllowed},
		{"p, *, deal, read, all, record.region == user.region, allow", model.ReasonNotGranted}, // ann has none
		{grant + "p, *, deal, read, all, record.stage == 'won', deny", model.ReasonAllowed},
		{grant + "p, *, deal, read, all, request.acr < 2, deny", model.ReasonDenied},
		{grant + "p, *, deal, read, all, user.vip, deny", model.ReasonDenied}, // unknown denies
		{grant + "p, *, deal, read, own, request.acr < 2, deny", model.ReasonAllowed},
		{"p, *, deal, read, own, , allow\np, *, deal, read, own, request.acr < 2, deny", model.ReasonNotGranted},
		{"p, *, deal, read, own, , allow\np, *, deal, read, own, record.stage == 'won', deny", model.ReasonAllowed},
		{grant + "p2, *, deal, read, record.stage == 'won', deny", model.ReasonAllowed},
		{grant + "p2, *, deal, read, request.acr >= 2, deny", model.ReasonRestricted},
		{grant + "p2, *, deal, read, request.acr >= 2 || record.public, deny", model.ReasonAllowed},
	} {
		s := mustSnapshot(t, c.rows+"\n", nil, company())
		if got := s.answerTo(ask("ann", "read", "deal", "*", nil), Inputs{Now: noon, Assurance: model.Assurance{Level: 1, AuthTime: noon}}); got.Code != c.want || !got.AnyRecord {
			t.Errorf("%s: %s, want %s", strings.ReplaceAll(c.rows, "\n", "; "), got.Code, c.want)
		}
	}
}

// A team may be called like its member, and is another name all the same.
func TestTeamNamedLikeItsMember(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Teams: []string{"user:ann"}}}, Teams: []model.Team{{ID: "user:ann"}}}
	s := mustSnapshot(t, "p, *, deal, read, all, , allow\np, team:user:ann, deal, read, all, , deny\n", nil, dir)
	if got := s.answerTo(ask("ann", "read", "deal", "1", nil), Inputs{Now: noon}); got.Code != model.ReasonDenied {
		t.Errorf("the team's denial is lost: %s", got.Code)
	}
}
