package policy

import (
	"testing"

	"pgregory.net/rapid"

	"rolegate/model"
)

// Whoever is allowed something is among those that a row for it is for.
func TestMayMatchLeavesNobodyOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		subjects := []string{"*", "user:ann", "user:bob", "role:a", "role:b", "role:c", "team:t"}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			text += "p, " + rapid.SampledFrom(subjects).Draw(t, "subject") + ", " + rapid.SampledFrom([]string{"deal", "*", "contact"}).Draw(t, "object") +
				", " + rapid.SampledFrom([]string{"read", "*"}).Draw(t, "action") + ", all, , allow\n"
		}
		if rapid.Bool().Draw(t, "inherits") {
			text += "g, role:b, role:a\ng, role:c, role:b\n"
		}
		dir := model.Directory{Teams: []model.Team{{ID: "t"}}, Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}, {Type: "user", ID: "cid", Teams: []string{"t"}}}}
		for _, member := range []string{"user:ann", "user:bob", "team:t"} {
			for _, role := range []string{"a", "b", "c"} {
				if rapid.IntRange(0, 3).Draw(t, member+role) == 0 {
					dir.Assignments = append(dir.Assignments, model.Assignment{Member: member, Role: role})
				}
			}
		}
		doc, err := Parse(text)
		if err != nil {
			t.Skip(err)
		}
		s, err := NewSnapshot(model.Tenant{}, doc, &Catalog{}, dir)
		if err != nil {
			t.Skip(err)
		}
		may := map[string]bool{}
		for _, e := range s.MayMatch("deal", noon, "read") {
			may[e.ID] = true
		}
		for _, who := range s.Subjects() {
			q := model.Question{Subject: who, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "deal", ID: "*"}}
			if d := s.Decide(&q, &Inputs{Now: noon}); d.Allow && !may[who.ID] {
				t.Errorf("%s may, and is left out:\n%s", who.ID, text)
			}
		}
	})
}
