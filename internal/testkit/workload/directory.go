package workload

import (
	"math/rand/v2"

	"rolegate/model"
)

var regions = []string{"north", "east", "south", "west"}

// directory makes the people: who they are, where they stand, which roles they
// hold.
func (t *Tenant) directory(rng *rand.Rand) model.Directory {
	s, n := t.shape, t.names
	var d model.Directory
	for _, id := range n.roles {
		d.Roles = append(d.Roles, model.Role{ID: id})
	}
	for _, id := range n.teams {
		d.Teams = append(d.Teams, model.Team{ID: id})
	}
	for i, id := range n.units {
		u := model.Unit{ID: id, Heads: []string{n.users[rng.IntN(s.Users)]}}
		if i > 0 {
			u.Parent = n.units[(i-1)/3]
		}
		d.Units = append(d.Units, u)
	}
	for i, id := range n.territories {
		a := model.Territory{ID: id}
		if i > 0 {
			a.Parent = n.territories[(i-1)/4]
		}
		d.Territories = append(d.Territories, a)
	}
	boss := t.lines()
	for i, id := range n.users {
		d.Subjects = append(d.Subjects, t.person(rng, i, id, boss[i]))
	}
	t.assign(rng, &d)
	return d
}

func (t *Tenant) person(rng *rand.Rand, i int, id string, boss int) model.Subject {
	n := t.names
	p := model.Subject{Type: "user", ID: id}
	if boss >= 0 {
		p.Manager = n.users[boss]
	}
	if t.shape.Teams > 0 {
		p.Teams = []string{n.teams[i%len(n.teams)]}
		if other := rng.IntN(len(n.teams)); rng.IntN(3) == 0 && other != i%len(n.teams) {
			p.Teams = append(p.Teams, n.teams[other])
		}
	}
	if t.shape.Scoped {
		p.Unit = n.units[rng.IntN(units)]
		p.Territories = []string{n.territories[rng.IntN(territories)]}
		if rng.IntN(10) == 0 {
			p.Accounts, p.Contact = []string{account(rng)}, contact(rng)
		}
		p.Attributes = map[string]any{"region": regions[rng.IntN(len(regions))], "level": float64(1 + rng.IntN(4))}
	}
	return p
}

// lines gives everybody a manager, -1 for none: full trees with as few reports a
// manager as the levels allow, one of exactly Branch people below user 1 and
// one of the others below user 0, to whom user 1 reports.
func (t *Tenant) lines() []int {
	s := t.shape
	boss := make([]int, s.Users)
	for i := range boss {
		boss[i] = -1
	}
	t.below = make([][]int32, s.Users)
	report := func(who, to int) {
		boss[who] = to
		t.below[to] = append(t.below[to], int32(who))
	}
	if s.Lines == 0 {
		return boss
	}
	// tree hangs users first.. below root; root counts as its number 0.
	tree := func(root, first, n, levels int) {
		k := reports(n+1, levels)
		for i := 1; i <= n; i++ {
			to := root
			if p := (i - 1) / k; p > 0 {
				to = first + p - 1
			}
			report(first+i-1, to)
		}
	}
	if s.Branch == 0 {
		tree(0, 1, s.Users-1, s.Lines)
		return boss
	}
	report(1, 0)
	tree(1, 2, s.Branch, s.Lines-1)
	tree(0, 2+s.Branch, s.Users-2-s.Branch, s.Lines)
	return boss
}

// reports is the least number of reports a manager has for n people to stand on
// at most so many levels.
func reports(n, levels int) int {
	for k := 2; ; k++ {
		room, width := 0, 1
		for range levels {
			room += width
			width *= k
		}
		if room >= n {
			return k
		}
	}
}

// assign hands out what Links leaves after inheritance. Most people hold the
// last role of a line, few the first; teams hold one in fifty.
func (t *Tenant) assign(rng *rand.Rand, d *model.Directory) {
	s := t.shape
	t.held = make([][]int32, s.Users)
	total := s.Links - t.Links
	forTeams := 0
	if s.Teams > 0 {
		forTeams = min(total/50, s.Teams)
	}
	give := func(member string, role int) {
		d.Assignments = append(d.Assignments, model.Assignment{Member: member, Role: t.names.roles[role]})
		t.Links++
	}
	for i := range forTeams {
		give("team:"+t.names.teams[i], s.role(rng))
	}
	for i := range s.Users {
		for range share(total-forTeams, s.Users, i) {
			role := s.role(rng)
			for contains(t.held[i], role) {
				role = rng.IntN(s.Roles)
			}
			t.held[i] = append(t.held[i], int32(role))
			give("user:"+t.names.users[i], role)
		}
	}
}

// role draws a role: of a line drawn evenly, the last in nine cases of ten.
func (s Shape) role(rng *rand.Rand) int {
	lines := (s.Roles + s.Depth - 1) / s.Depth
	line, place := rng.IntN(lines), s.Depth-1
	if rng.IntN(10) == 0 {
		place = rng.IntN(s.Depth)
	}
	return min(line*s.Depth+place, s.Roles-1)
}

func contains(roles []int32, role int) bool {
	for _, r := range roles {
		if int(r) == role {
			return true
		}
	}
	return false
}
