package reasons

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/policy"
	"rolegate/model"
)

// mayDo is all that a subject may do, as the page shows it.
type mayDo struct {
	Subject string
	Asked   bool
	policy.Effective
	Columns []string // actions that several objects have
	Rows    []mayRow // objects of which something may be done
	Nothing []string // the other objects
	Closed  string   // what closes everything, in words; "" for nothing
}

type mayRow struct {
	Object string
	Cells  []mayCell // of the columns
	More   []mayCell // of the object's other actions, as far as they may be done
	Fields model.FieldPermissions
}

// mayCell is one action on one object.
type mayCell struct {
	Action string
	Known  bool // the object has the action
	model.ActionPermission
	Reaches []reach
	Link    string // to why
}

// reach is one way of an action.
type reach struct{ policy.Reach }

// Key is the text of the scope, filled with how many levels of a reporting line it
// reaches.
func (r reach) Key() string {
	if r.Depth() != "" {
		return "short.subtree_n"
	}
	return "short." + r.Scope
}

func (r reach) Depth() string {
	_, depth, _ := strings.Cut(r.Scope, ":")
	return depth
}

// May tells whether there is something the action reaches, proof of identity aside.
func (c mayCell) May() bool { return c.Known && c.Kind != model.PermittedNever }

func (p *pages) permissions(v *page.Visit, o *administration.Officer) error {
	m := mayDo{Subject: v.Query("subject")}
	if m.Subject == "" {
		return v.Render("permissions.html", m)
	}
	if !strings.Contains(m.Subject, ":") {
		m.Subject = "user:" + m.Subject
	}
	typ, id, _ := strings.Cut(m.Subject, ":")
	// The API's checks of a name, by a question about the same subject.
	if _, err := p.question(&Form{Subject: m.Subject, Action: administration.Read, Object: administration.Policies}, policy.KnownObject{}); err != nil {
		return v.Again(err, "permissions.html", m)
	}
	out, err := o.Effective(v.Context(), policy.PermissionsRequest{Subject: model.Entity{Type: typ, ID: id}})
	if err != nil {
		return v.Again(err, "permissions.html", m)
	}
	m.Asked, m.Effective = true, out
	if out.Code != model.ReasonAllowed {
		m.Closed = v.T("closed." + string(out.Code))
	}
	m.lay()
	return v.Render("permissions.html", m)
}

// maxColumns bounds the actions that have a column of their own.
const maxColumns = 8

// usual actions come first, in this order.
var usual = []string{"read", "create", "update", "delete", "assign", "share", "export"}

// lay makes a table of what was found.
func (m *mayDo) lay() {
	often := map[string]int{}
	for _, o := range m.Objects {
		for action, p := range o.Actions {
			if p.Kind != model.PermittedNever {
				often[action]++
			}
		}
	}
	place := func(action string) int {
		if i := slices.Index(usual, action); i >= 0 {
			return i
		}
		return len(usual)
	}
	m.Columns = slices.SortedFunc(maps.Keys(often), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(often[b], often[a]), strings.Compare(a, b))
	})
	m.Columns = slices.DeleteFunc(m.Columns, func(a string) bool { return place(a) == len(usual) && often[a] < 3 })
	m.Columns = m.Columns[:min(len(m.Columns), maxColumns)]
	for _, object := range slices.Sorted(maps.Keys(m.Objects)) {
		of := m.Objects[object]
		row := mayRow{Object: object, Fields: of.Fields}
		some := false
		for _, action := range m.Columns {
			row.Cells = append(row.Cells, m.cell(object, action))
			some = some || row.Cells[len(row.Cells)-1].May()
		}
		for _, action := range slices.Sorted(maps.Keys(of.Actions)) {
			if c := m.cell(object, action); c.May() && !slices.Contains(m.Columns, action) {
				row.More, some = append(row.More, c), true
			}
		}
		if some {
			m.Rows = append(m.Rows, row)
		} else {
			m.Nothing = append(m.Nothing, object)
		}
	}
}

func (m *mayDo) cell(object, action string) mayCell {
	c := mayCell{Action: action, Link: Ask(m.Subject, action, object, "", "")}
	for _, r := range m.Reaches[object][action] {
		c.Reaches = append(c.Reaches, reach{r})
	}
	c.ActionPermission, c.Known = m.Objects[object].Actions[action]
	return c
}
