package policy

import (
	"cmp"
	"slices"
	"strings"

	"rolegate/model"
)

// Parts takes all rows and role links apart, in the order of lines.
func (d *Document) Parts() []model.PolicyRow {
	all := make([]model.PolicyRow, 0, len(d.Rows)+len(d.RoleLinks))
	for i := range d.Rows {
		all = append(all, d.part(&d.Rows[i]))
	}
	if len(d.RoleLinks) > 0 {
		begins := lineBegins(d.Text)
		for _, l := range d.RoleLinks {
			r := ruleAt(d.Text, begins[l.Line-1], Grant, l.Line)
			all = append(all, model.PolicyRow{Kind: "g", Line: l.Line, Name: r.Name, Text: r.Text, Subject: l.Role, Inherits: l.Inherits})
		}
		slices.SortFunc(all, func(a, b model.PolicyRow) int { return cmp.Compare(a.Line, b.Line) })
	}
	return all
}

func (d *Document) part(r *Row) model.PolicyRow {
	rule := d.Rule(r)
	p := model.PolicyRow{Kind: rule.Kind, Line: rule.Line, Name: rule.Name, Text: rule.Text, Subject: r.Cells[colSubject], Object: r.Cells[colObject]}
	switch r.Kind {
	case Grant:
		p.Action, p.Scope, p.Condition, p.Effect = r.Cells[colAction], r.Cells[colScope], r.Cells[colCond], r.Cells[colEffect]
	case Restriction:
		p.Action, p.Condition, p.Effect = r.Cells[colAction], r.Cells[colLimit], deny
	case FieldRule:
		p.Field, p.Access, p.Effect = r.Cells[colField], r.Cells[colAccess], r.Cells[colVerdict]
	case Assurance:
		p.Action, p.ACR, p.MaxAge, p.Effect = r.Cells[colAction], r.Cells[colACR], r.Cells[colMaxAge], deny
	}
	return p
}

// lineBegins is where each line begins.
func lineBegins(text string) []uint32 {
	begins := []uint32{0}
	for at := 0; ; {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return begins
		}
		at += n + 1
		begins = append(begins, uint32(at))
	}
}

// ScopeCovers tells whether one scope reaches every record, for every subject,
// that another reaches, and may reach every one that the other may.
func ScopeCovers(wide, narrow string) bool {
	w, ok := parseScope(wide)
	n, known := parseScope(narrow)
	if !ok || !known {
		return false
	}
	return w.covers(n)
}

func (s scope) covers(n scope) bool {
	switch {
	case s == n || s.kind == scopeAll:
		return true
	case s.kind == scopeSubtree && n.kind == scopeSubtree:
		return s.depth == 0 || n.depth != 0 && n.depth <= s.depth
	case n.kind == scopeOwn:
		return s.kind == scopeTeam || s.kind == scopeSubtree || s.kind == scopeUnit || s.kind == scopeUnitTree
	case n.kind == scopeAssigned:
		return s.kind == scopeSubtree
	case n.kind == scopeUnit:
		return s.kind == scopeUnitTree
	}
	return false
}
