package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

// TestFieldRules walks section 5 of the policy language, (a) to (d), for ann,
// who holds role:rep and role:base. Each case says which accesses are open.
func TestFieldRules(t *testing.T) {
	for _, c := range []struct {
		name, rows, field string
		open, strict      string // letters: r read, u update, c create, m unmask
	}{
		{"(d) a field follows the record", "", "name", "ruc", "ruc"},
		{"(d) but no mask is lifted", "", "phone", "ruc", "ruc"},
		{"(d) secured closes", "", "margin", "", ""},
		{"a field nobody declared", "", "other", "ruc", "ruc"},
		{"(a) everybody's denial", "p3, *, deal, name, read, deny\np3, role:rep, deal, name, read, allow", "name", "uc", "uc"},
		{"(a) of all fields", "p3, *, deal, *, update, deny\np3, role:rep, deal, name, update, allow", "name", "rc", "rc"},
		{"(a) on any object", "p3, *, *, name, create, deny", "name", "ru", "ru"},
		{"(b) a denial that names it", "p3, role:rep, deal, name, read, deny", "name", "uc", "uc"},
		{"(b) the most permissive wins", "p3, role:rep, deal, name, read, deny\np3, role:base, deal, name, read, allow", "name", "ruc", "uc"},
		{"(b) whichever row stands first", "p3, role:base, deal, name, read, allow\np3, role:rep, deal, name, read, deny", "name", "ruc", "uc"},
		{"(b) opens a secured field", "p3, role:rep, deal, margin, read, allow", "margin", "r", "r"},
		{"(b) before (c)", "p3, role:rep, deal, *, read, deny\np3, role:base, deal, name, read, allow", "name", "ruc", "uc"},
		{"(b) denial before (c) allowance", "p3, role:rep, deal, *, read, allow\np3, role:base, deal, name, read, deny", "name", "uc", "uc"},
		{"(c) closes the rest", "p3, role:rep, deal, *, read, deny\np3, role:base, deal, name, read, allow", "phone", "uc", "uc"},
		{"(c) the most permissive wins", "p3, role:rep, deal, *, read, deny\np3, role:base, deal, *, read, allow", "phone", "ruc", "uc"},
		{"(c) never opens a secured field", "p3, role:rep, deal, *, read, allow", "margin", "", ""},
		{"unmask by name", "p3, role:rep, deal, phone, unmask, allow", "phone", "rucm", "rucm"},
		{"unmask of all", "p3, role:rep, deal, *, unmask, allow", "phone", "rucm", "rucm"},
		{"unmask denied to everybody", "p3, role:rep, deal, *, unmask, allow\np3, *, deal, phone, unmask, deny", "phone", "ruc", "ruc"},
		{"another role's rows", "p3, role:boss, deal, name, read, deny\np3, user:bob, deal, *, read, deny", "name", "ruc", "ruc"},
		{"another object's rows", "p3, role:rep, note, name, read, deny", "name", "ruc", "ruc"},
		{"one's own rows", "p3, user:ann, deal, name, read, deny", "name", "uc", "uc"},
		{"a team's rows", "p3, team:emea, deal, name, read, deny", "name", "uc", "uc"},
	} {
		for _, strict := range []bool{false, true} {
			s, err := NewSnapshot(model.Tenant{StrictFields: strict}, mustParse(t, "g, role:rep, role:base\np, *, deal, read, all, , allow\n"+c.rows), mustCatalog(t, dealCatalog), company())
			if err != nil {
				t.Fatal(err)
			}
			a := s.asking(t, ask("ann", "read", "deal", "1", nil), Inputs{Now: noon})
			want := c.open
			if strict {
				want = c.strict
			}
			for letter, access := range map[string]Access{"r": AccessRead, "u": AccessUpdate, "c": AccessCreate, "m": AccessUnmask} {
				v, err := a.may(c.field, access)
				if err != nil || v.allow != strings.Contains(want, letter) {
					t.Errorf("%s (strict %v): %s %s is %v, %v", c.name, strict, access, c.field, v.allow, err)
				}
				if open, err := (index{}).opens(a, c.field, access); err != nil || open != v.allow {
					t.Errorf("%s (strict %v): %s %s is %v by bits, %v", c.name, strict, access, c.field, open, err)
				}
			}
		}
	}
}

// TestFieldsOfQuestions: what is refused, and what an answer says about fields.
func TestFieldsOfQuestions(t *testing.T) {
	s := mustSnapshot(t, `p, *, *, *, all, , allow
p, *, note, read, all, , allow
p3, role:rep, deal, stage, update, deny
p3, role:rep, deal, secret, read, deny
p3, *, note, *, read, deny
p3, role:rep, *, badge, read, deny
`, mustCatalog(t, dealCatalog), company())
	all := &model.Fields{Hidden: []string{"badge", "margin", "secret"}, Masked: []string{"phone"}, ReadOnly: []string{"stage"}, Masks: map[string]string{"phone": "phone"}}
	none := map[string]string{}
	for _, c := range []struct {
		name, action, object string
		ask                  props
		want                 model.Code
		closed               []string
		fields               *model.Fields
	}{
		{"reading all", "read", "deal", nil, model.ReasonAllowed, nil, all},
		{"reading all, said with nulls", "read", "deal", props{"fields": nil, "filter_fields": nil, "strict_fields": nil}, model.ReasonAllowed, nil, all},
		{"another action reads", "export", "deal", nil, model.ReasonAllowed, nil, all},
		{"reading some", "read", "deal", props{"fields": list("secret", "name", "name")}, model.ReasonAllowed, nil, &model.Fields{Hidden: []string{"secret"}, Masks: none}},
		{"reading strictly", "read", "deal", props{"fields": list("secret", "margin", "name"), "strict_fields": true}, model.ReasonFieldsClosed, []string{"margin", "secret"}, nil},
		{"a mask is no secret", "read", "deal", props{"fields": list("phone"), "strict_fields": true}, model.ReasonAllowed, nil, &model.Fields{Masked: []string{"phone"}, Masks: map[string]string{"phone": "phone"}}},
		{"strictly about nothing named", "read", "deal", props{"strict_fields": true}, model.ReasonAllowed, nil, all},
		{"filtering", "read", "deal", props{"filter_fields": list("name")}, model.ReasonAllowed, nil, all},
		{"filtering by a hidden one", "read", "deal", props{"filter_fields": list("secret")}, model.ReasonFieldsClosed, []string{"secret"}, nil},
		{"sorting by a masked one", "read", "deal", props{"sort_fields": list("phone")}, model.ReasonFieldsClosed, []string{"phone"}, nil},
		{"adding up a secured one", "read", "deal", props{"aggregate_fields": list("margin", "name")}, model.ReasonFieldsClosed, []string{"margin"}, nil},
		{"writing", "update", "deal", props{"fields": list("name", "phone")}, model.ReasonAllowed, nil, nil},
		{"writing nothing named", "update", "deal", nil, model.ReasonAllowed, nil, nil},
		{"writing closed ones", "update", "deal", props{"fields": list("stage", "margin", "name")}, model.ReasonFieldsClosed, []string{"margin", "stage"}, nil},
		{"changing closed ones", "update", "deal", props{"changes": props{"stage": "won", "margin": 1, "name": "x"}}, model.ReasonFieldsClosed, []string{"margin", "stage"}, nil},
		{"reading with changes", "read", "deal", props{"changes": props{"margin": 1}, "fields": list("name")}, model.ReasonAllowed, nil, &model.Fields{Masks: map[string]string{}}},
		{"changes that are no object", "update", "deal", props{"changes": list("name")}, model.ReasonItemInvalid, nil, nil},
		{"writing what one cannot read", "update", "deal", props{"fields": list("secret")}, model.ReasonAllowed, nil, nil},
		{"reading back", "update", "deal", props{"fields": list("secret"), "return_fields": list("secret", "phone")}, model.ReasonAllowed, nil, &model.Fields{Hidden: []string{"secret"}, Masked: []string{"phone"}, Masks: map[string]string{"phone": "phone"}}},
		{"reading back strictly", "update", "deal", props{"return_fields": list("secret"), "strict_fields": true}, model.ReasonFieldsClosed, []string{"secret"}, nil},
		{"creating", "create", "note", props{"fields": list("x")}, model.ReasonActionUnknown, nil, nil},
		{"fields that have no names", "read", "note", nil, model.ReasonAllowed, nil, &model.Fields{Hidden: []string{"*", "badge"}, Masks: none}},
		{"malformed: text", "read", "deal", props{"fields": "name"}, model.ReasonItemInvalid, nil, nil},
		{"malformed: a number inside", "read", "deal", props{"sort_fields": list("name", 1.0)}, model.ReasonItemInvalid, nil, nil},
		{"malformed: an empty name", "read", "deal", props{"return_fields": list("")}, model.ReasonItemInvalid, nil, nil},
		{"malformed: a star is no field", "read", "deal", props{"filter_fields": list("*")}, model.ReasonItemInvalid, nil, nil},
		{"malformed: strict", "read", "deal", props{"strict_fields": "yes"}, model.ReasonItemInvalid, nil, nil},
	} {
		q := ask("ann", c.action, c.object, "1", nil)
		q.Action.Properties = c.ask
		got := s.answerTo(q, Inputs{Now: noon})
		if got.Code != c.want {
			t.Errorf("%s: %s, want %s", c.name, got.Code, c.want)
		}
		if diff := cmp.Diff(c.closed, got.Closed); diff != "" {
			t.Errorf("%s: closed (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.fields, got.Fields); diff != "" {
			t.Errorf("%s: fields (-want +got):\n%s", c.name, diff)
		}
	}
}
