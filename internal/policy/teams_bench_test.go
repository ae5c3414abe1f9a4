package policy

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/model"
)

// BenchmarkRolesByTeams is what the roles somebody has by teams cost, which add
// up over teams (docs/decisions/0018): "first" when roles, teams or policy are
// others than before, "next" in each decision after that. A team's roles inherit
// 1,024 others, as many as they may.
func BenchmarkRolesByTeams(b *testing.B) {
	for _, teams := range []int{1, 16, 64} {
		var text strings.Builder
		ann := model.Subject{Type: "user", ID: "ann"}
		dir := model.Directory{}
		for team := range teams {
			id := fmt.Sprint("t", team)
			ann.Teams = append(ann.Teams, id)
			dir.Teams = append(dir.Teams, model.Team{ID: id})
			dir.Assignments = append(dir.Assignments, model.Assignment{Member: "team:" + id, Role: id})
			for i := range 1024 {
				fmt.Fprintf(&text, "g, role:%s, role:%s-%d\n", id, id, i)
				fmt.Fprintf(&text, "p, role:%s-%d, deal, read, own, , allow\n", id, i)
			}
		}
		text.WriteString("p, role:t0-7, deal, read, all, , allow\n")
		dir.Subjects = []model.Subject{ann}
		s := mustSnapshot(b, text.String(), nil, dir)
		q := model.Question{Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "deal", ID: "1", Properties: map[string]any{"owner": "bob"}}}
		in := Inputs{Now: noon}
		if d := s.answerTo(q, in); !d.Allow || len(d.Roles) != teams*1025 {
			b.Fatalf("%s, %d roles", d.Code, len(d.Roles))
		}
		b.Run(fmt.Sprint(teams, "/first"), func(b *testing.B) {
			for b.Loop() {
				s.people.findKey("user:ann").bound.Store(nil)
				s.rules.holders = holders{}
				s.Decide(&q, &in)
			}
		})
		b.Run(fmt.Sprint(teams, "/next"), func(b *testing.B) {
			for b.Loop() {
				s.Decide(&q, &in)
			}
		})
	}
}
