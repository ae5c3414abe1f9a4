package policies

import (
	"fmt"
	"slices"

	"rolegate/internal/console/page"
	"rolegate/model"
)

// maxDrawn is how many roles a picture shows; of more, one role's surroundings are.
const maxDrawn = 150

// rolesPage is who has the rights of whom.
type rolesPage struct {
	*desk
	Role    string
	Tree    []treeNode // from roles nobody inherits, downwards
	Alone   []string   // roles that neither inherit nor are inherited
	Picture *picture
	TooMany bool // for a picture
	Version int64
	Seen    string
	Form    rowForm
	Known   []string // roles to choose from
}

// treeNode is a role with the roles whose rights it has.
type treeNode struct {
	Role  string
	Link  *model.PolicyRow // by which the one above has it; nil at the top
	Below []treeNode
	Again bool // its own are listed further up
}

func (p *pages) roles(v *page.Visit, d *desk) error {
	r := &rolesPage{desk: d, Role: v.Query("role")}
	if !d.whole() {
		return v.Render("bad.html", r)
	}
	r.fill()
	return v.Render("roles.html", r)
}

// fill works out what the page shows.
func (r *rolesPage) fill() {
	all := slices.DeleteFunc(slices.Clone(r.subjects), func(s string) bool { return rank(s) != 1 })
	r.Known = all
	shown := all
	if one := subjectOf(r.desk, r.Role); one != "" {
		shown = r.around(one)
	}
	in := map[string]bool{}
	for _, s := range shown {
		in[s] = true
	}
	done := map[string]bool{}
	var linked []string
	for _, s := range shown {
		if len(r.links[s]) == 0 && len(r.heirs[s]) == 0 {
			r.Alone = append(r.Alone, s)
			continue
		}
		linked = append(linked, s)
		if !slices.ContainsFunc(r.heirs[s], func(h string) bool { return in[h] }) {
			r.Tree = append(r.Tree, r.node(s, nil, in, done))
		}
	}
	if r.TooMany = len(linked) > maxDrawn; !r.TooMany && len(linked) > 0 {
		r.Picture = draw(linked, r.links, func(role string) string { return r.to("/matrix", "role", role) })
	}
	if r.Draft != nil {
		r.Version, r.Seen = r.Draft.Version, pack(r.Text)
	}
}

// around are a role, the roles it inherits, and those that inherit it.
func (d *desk) around(role string) []string {
	all, _ := d.chain(role)
	all = slices.DeleteFunc(all, func(s string) bool { return rank(s) != 1 })
	above := []string{role}
	for i := 0; i < len(above); i++ {
		for _, h := range d.heirs[above[i]] {
			if !slices.Contains(above, h) {
				above = append(above, h)
			}
		}
	}
	all = append(all, above[1:]...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *rolesPage) node(role string, by *model.PolicyRow, in, done map[string]bool) treeNode {
	n := treeNode{Role: role, Link: by, Again: done[role] && len(r.links[role]) > 0}
	if done[role] {
		return n
	}
	done[role] = true
	for _, l := range r.links[role] {
		if in[l.Inherits] {
			n.Below = append(n.Below, r.node(l.Inherits, l, in, done))
		}
	}
	return n
}

// picture is the hierarchy drawn: whoever inherits stands left of whom it inherits.
type picture struct {
	Width, Height int
	Boxes         []box
	Arrows        []arrow
}

type box struct {
	X, Y, W, H   int
	TextX, TextY int
	Role, Label  string
	Link         string
}

type arrow struct{ Path, From, To string }

// Sizes of the picture, in its own units.
const (
	boxWidth  = 190
	boxHeight = 34
	stepX     = 260
	stepY     = 50
	margin    = 10
)

// draw places each role by the longest way down to a role that inherits nothing, and
// heirs in the middle of what they inherit.
func draw(roles []string, links map[string][]*model.PolicyRow, to func(role string) string) *picture {
	in := map[string]bool{}
	for _, r := range roles {
		in[r] = true
	}
	depth, height, row := map[string]int{}, map[string]float64{}, 0.0
	deepest := 0
	var visit func(role string) int
	visit = func(role string) int {
		if d, met := depth[role]; met {
			return d
		}
		depth[role] = 0
		d, sum, n := 0, 0.0, 0.0
		for _, l := range links[role] {
			if in[l.Inherits] {
				d = max(d, visit(l.Inherits)+1)
				sum, n = sum+height[l.Inherits], n+1
			}
		}
		if depth[role] = d; n > 0 {
			height[role] = sum / n
		} else {
			height[role] = row
			row++
		}
		deepest = max(deepest, d)
		return d
	}
	for _, r := range roles {
		visit(r)
	}
	// No two boxes on top of each other.
	p := &picture{Width: 2*margin + deepest*stepX + boxWidth}
	taken := map[[2]int]bool{}
	at := map[string]box{}
	for _, r := range roles {
		y := int(height[r]*2 + .5) // half rows
		for taken[[2]int{depth[r], y}] || taken[[2]int{depth[r], y - 1}] || taken[[2]int{depth[r], y + 1}] {
			y++
		}
		taken[[2]int{depth[r], y}] = true
		b := box{X: margin + (deepest-depth[r])*stepX, Y: margin + y*stepY/2, W: boxWidth, H: boxHeight, Role: r, Label: fit(Short(r)), Link: to(r)}
		b.TextX, b.TextY = b.X+10, b.Y+22
		at[r] = b
		p.Boxes = append(p.Boxes, b)
		p.Height = max(p.Height, b.Y+boxHeight+margin)
	}
	for _, r := range roles {
		for _, l := range links[r] {
			if !in[l.Inherits] {
				continue
			}
			a, b := at[r], at[l.Inherits]
			x1, y1, x2, y2 := a.X+boxWidth, a.Y+boxHeight/2, b.X-6, b.Y+boxHeight/2
			p.Arrows = append(p.Arrows, arrow{fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x1, y1, x1+40, y1, x2-40, y2, x2, y2), r, l.Inherits})
		}
	}
	return p
}

// fit cuts a name to what a box holds; characters of Chinese are two wide.
func fit(name string) string {
	width := 0
	for i, c := range name {
		w := 1
		if c >= 0x1100 {
			w = 2
		}
		if width += w; width > 22 {
			return name[:i] + "…"
		}
	}
	return name
}
