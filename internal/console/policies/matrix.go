package policies

import (
	"net/url"

	"rolegate/internal/console/page"
)

// How much of the matrix one page shows. All roles times all objects is more than
// anybody reads, and more than a browser likes.
const (
	gridRows    = 25 // roles × objects
	gridColumns = 15
	listRows    = 30 // objects of one role, or roles of one object
)

// Shapes of the matrix, by what was picked.
const (
	shapeGrid   = "grid"   // roles × objects: how many actions
	shapeRole   = "role"   // one role: objects × actions, with scopes
	shapeObject = "object" // one object: roles × actions, with scopes
)

// matrixPage is what who may do.
type matrixPage struct {
	*desk
	Role, Object, Action string // as asked for

	Shape   string
	One     string // the role or object that was picked
	Columns []heading
	Rows    []matrixRow
	Next    string // address of the page that follows, "" for none
	Right   string // likewise to the right
}

type heading struct{ Name, Link string }

type matrixRow struct {
	heading
	Cells []cell
}

// cell is what a subject may do with an object, or whether it may do one thing.
type cell struct {
	Subject, Object, Action string
	Link                    string
	Known                   bool // the catalogue has this action of this object
	Rows                    []borne
	Limits                  int // restrictions that bear on it
	Proof                   int // assurance rows that do
	Count                   int // of the grid: actions granted
	Denied                  int // and denied
}

// Own tells whether a row of the subject's own is among them.
func (c cell) Own() bool {
	for _, r := range c.Rows {
		if r.From == "" {
			return true
		}
	}
	return false
}

// to is an address on the desk with a query of those values that are not empty.
func (d *desk) to(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return d.Base + path
	}
	return d.Base + path + "?" + q.Encode()
}

func (p *pages) matrix(v *page.Visit, d *desk) error {
	m := &matrixPage{desk: d, Role: v.Query("role"), Object: v.Query("object"), Action: v.Query("action")}
	if !d.whole() {
		return v.Render("bad.html", m)
	}
	subjects, objects := pick(d.subjects, m.Role), pick(d.objects, m.Object)
	switch after := v.Query("after"); {
	case len(subjects) == 1 && m.Role != "":
		m.ofRole(subjects[0], objects, after)
	case len(objects) == 1 && m.Object != "":
		m.ofObject(objects[0], subjects, after)
	default:
		m.grid(subjects, objects, after, v.Query("right"))
	}
	return v.Render("matrix.html", m)
}

// ofRole is one role: a row for each object, a column for each action.
func (m *matrixPage) ofRole(subject string, objects []string, after string) {
	m.Shape, m.One = shapeRole, subject
	objects, next := following(objects, after, listRows)
	if next != "" {
		m.Next = m.to("/matrix", "role", m.Role, "object", m.Object, "action", m.Action, "after", next)
	}
	actions := pick(m.actions(objects), m.Action)
	m.Columns = headings(actions)
	grants, limits, proof := m.reach(subject, "p"), m.reach(subject, "p2"), m.reach(subject, "p4")
	for _, o := range objects {
		row := matrixRow{heading: heading{o, m.to("/matrix", "object", o)}}
		for _, a := range actions {
			row.Cells = append(row.Cells, m.cell(subject, o, a, grants, limits, proof))
		}
		m.Rows = append(m.Rows, row)
	}
}

// ofObject is one object: a row for each role.
func (m *matrixPage) ofObject(object string, subjects []string, after string) {
	m.Shape, m.One = shapeObject, object
	subjects, next := following(subjects, after, listRows)
	if next != "" {
		m.Next = m.to("/matrix", "role", m.Role, "object", m.Object, "action", m.Action, "after", next)
	}
	actions := pick(m.actions([]string{object}), m.Action)
	m.Columns = headings(actions)
	for _, s := range subjects {
		grants, limits, proof := m.reach(s, "p"), m.reach(s, "p2"), m.reach(s, "p4")
		row := matrixRow{heading: heading{s, m.to("/matrix", "role", s)}}
		for _, a := range actions {
			row.Cells = append(row.Cells, m.cell(s, object, a, grants, limits, proof))
		}
		m.Rows = append(m.Rows, row)
	}
}

func headings(actions []string) (hs []heading) {
	for _, a := range actions {
		hs = append(hs, heading{Name: a})
	}
	return hs
}

func (d *desk) cell(subject, object, action string, grants, limits, proof reach) cell {
	return cell{Subject: subject, Object: object, Action: action, Known: d.knows(object, action),
		Link: d.to("/cell", "role", subject, "object", object, "action", action),
		Rows: grants.at(object, action), Limits: len(limits.at(object, action)), Proof: len(proof.at(object, action))}
}

// grid is roles × objects, with how many actions each has.
func (m *matrixPage) grid(subjects, objects []string, after, right string) {
	m.Shape = shapeGrid
	subjects, next := following(subjects, after, gridRows)
	objects, nextColumn := following(objects, right, gridColumns)
	filters := []string{"role", m.Role, "object", m.Object, "action", m.Action}
	if next != "" {
		m.Next = m.to("/matrix", append(filters, "after", next, "right", right)...)
	}
	if nextColumn != "" {
		m.Right = m.to("/matrix", append(filters, "after", after, "right", nextColumn)...)
	}
	actions := make([][]string, len(objects))
	for i, o := range objects {
		actions[i] = pick(m.actionsOf(o), m.Action)
		m.Columns = append(m.Columns, heading{o, m.to("/matrix", "object", o)})
	}
	for _, s := range subjects {
		grants := m.reach(s, "p")
		row := matrixRow{heading: heading{s, m.to("/matrix", "role", s)}}
		for i, o := range objects {
			c := cell{Subject: s, Object: o, Link: m.to("/matrix", "role", s, "object", o)}
			for _, a := range actions[i] {
				granted, denied := false, false
				for _, r := range grants.at(o, a) {
					granted, denied = granted || !r.Denies(), denied || r.Denies()
					c.Known = c.Known || r.From == ""
				}
				if granted {
					c.Count++
				}
				if denied {
					c.Denied++
				}
			}
			row.Cells = append(row.Cells, c)
		}
		m.Rows = append(m.Rows, row)
	}
}

// actionsOf are the actions of one object, of everything all there are.
func (x *index) actionsOf(object string) (actions []string) {
	if object == everything {
		return []string{everything}
	}
	entry := x.catalog.Objects[object]
	if entry == nil {
		return x.actions([]string{object})
	}
	for a := range entry.Actions {
		actions = append(actions, a)
	}
	return actions
}

// cellPage is everything that bears on one action of one subject on one object.
type cellPage struct {
	*desk
	cell
	Own, Given    []borne // the subject's rows, and others'
	Restrictions  []borne
	Assurance     []borne
	Requires      []cell // what must be allowed too
	Switched      bool   // the object is switched off whole
	Add, AddLimit string // addresses of the editors
	AddProof      string
	Here          string // path and query below Base
}

func (p *pages) cell(v *page.Visit, d *desk) error {
	subject, object, action := v.Query("role"), v.Query("object"), v.Query("action")
	c := &cellPage{desk: d, cell: cell{Subject: subject, Object: object, Action: action}}
	if !d.whole() {
		return v.Render("bad.html", c)
	}
	grants, limits, proof := d.reach(subject, "p"), d.reach(subject, "p2"), d.reach(subject, "p4")
	c.cell = d.cell(subject, object, action, grants, limits, proof)
	for _, r := range c.Rows {
		if r.From == "" {
			c.Own = append(c.Own, r)
		} else {
			c.Given = append(c.Given, r)
		}
	}
	c.Restrictions, c.Assurance = limits.at(object, action), proof.at(object, action)
	if entry := d.catalog.Objects[object]; entry != nil {
		c.Switched = !entry.Enabled
		for _, a := range entry.Actions[action].Requires {
			c.Requires = append(c.Requires, d.cell(subject, object, a, grants, limits, proof))
		}
	}
	about := []string{"subject", subject, "object", object, "action", action}
	c.Add = d.to("/row", append([]string{"kind", "p"}, about...)...)
	c.AddLimit = d.to("/row", append([]string{"kind", "p2"}, about...)...)
	c.AddProof = d.to("/row", append([]string{"kind", "p4"}, about...)...)
	c.Here = v.R.URL.RequestURI()[len(v.R.URL.EscapedPath())-len("/cell"):]
	return v.Render("cell.html", c)
}

// Edit is the address of a row's editor.
func (d *desk) Edit(line int) string { return d.to("/row", "line", itoa(line)) }
