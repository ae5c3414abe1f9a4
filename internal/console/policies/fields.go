package policies

import (
	"maps"
	"slices"
	"strconv"

	"rolegate/internal/console/page"
	"rolegate/internal/policy"
	"rolegate/model"
)

func itoa(n int) string { return strconv.Itoa(n) }

// accesses of a field, in the order pages show them.
var accesses = []string{"read", "update", "create", "unmask"}

// fieldColumns is how many roles the fields of an object are shown for at once.
const fieldColumns = 8

// States of an access to a field, for one role.
const (
	fieldOpen    = "open"    // a row opens it
	fieldClosed  = "closed"  // a row closes it
	fieldSecured = "secured" // the catalogue does, and no row that names it opens it
	fieldMasked  = "masked"  // nobody said it may be seen as it is
	fieldFollows = "follows" // whoever may do it to the record may do it to the field
)

// fieldState is what is so of a field, and the rows that make it so.
type fieldState struct {
	State string
	By    []borne
}

// fieldState is section 5 of the policy language for one role: denials for everybody;
// then rows that name the field, then rows for all fields, of which an allowing one
// wins; then the catalogue. Strict tenants let any denial win.
func (d *desk) fieldState(r reach, object, field, access string) fieldState {
	var closes, named, wide []borne
	for _, row := range r.at(object, field) {
		switch {
		case row.Access != access:
		case row.Subject == everything:
			closes = append(closes, row)
		case row.Field == everything && field != everything:
			wide = append(wide, row)
		default:
			named = append(named, row)
		}
	}
	if len(closes) > 0 {
		return fieldState{fieldClosed, closes}
	}
	if denials := slices.Concat(denying(named), denying(wide)); d.Vocabulary.Strict && len(denials) > 0 {
		return fieldState{fieldClosed, denials}
	}
	secured := d.field(object, field).Secured
	for _, rows := range [][]borne{named, wide} {
		allows := slices.DeleteFunc(slices.Clone(rows), borne.Denies)
		switch {
		case len(rows) == 0:
		case len(allows) == 0:
			return fieldState{fieldClosed, rows}
		case !secured || rows[0].Field == field:
			return fieldState{fieldOpen, allows}
		}
	}
	switch {
	case secured:
		return fieldState{State: fieldSecured}
	case access == string(policy.AccessUnmask):
		return fieldState{State: fieldMasked}
	}
	return fieldState{State: fieldFollows}
}

func denying(rows []borne) (some []borne) {
	for _, r := range rows {
		if r.Denies() {
			some = append(some, r)
		}
	}
	return some
}

func (d *desk) field(object, field string) policy.Field {
	if entry := d.catalog.Objects[object]; entry != nil {
		return entry.Fields[field]
	}
	return policy.Field{}
}

// fieldsPage is who may do what with the fields of an object.
type fieldsPage struct {
	*desk
	Role, Object string
	One          string   // the role that was picked
	Objects      []string // to choose from
	Roles        []string // the columns, where none was picked
	Rows         []fieldRow
	Next         string
	Add          string
}

type fieldRow struct {
	Name string
	policy.Field
	Cells []fieldCell
}

// fieldCell is one access of one role, or all of them.
type fieldCell struct {
	Link   string
	Role   string
	Access string
	fieldState
	All []fieldCell // those that are not as without any row
}

func (p *pages) fields(v *page.Visit, d *desk) error {
	f := &fieldsPage{desk: d, Role: v.Query("role"), Object: v.Query("object")}
	if !d.whole() {
		return v.Render("bad.html", f)
	}
	for _, o := range d.objects {
		if o == everything || len(d.fieldNames(o)) > 1 {
			f.Objects = append(f.Objects, o)
		}
	}
	if f.Object == "" {
		f.Object = everything
		for _, o := range f.Objects {
			if o != everything {
				f.Object = o
				break
			}
		}
	}
	f.Add = d.to("/row", "kind", "p3", "subject", subjectOf(d, f.Role), "object", f.Object, "field", "*", "access", "read")
	names := d.fieldNames(f.Object)
	if subjects := pick(d.subjects, f.Role); f.Role != "" && len(subjects) == 1 {
		f.One = subjects[0]
		f.ofRole(names)
		return v.Render("fields.html", f)
	}
	var some []string // roles that any row about these fields bears on
	for _, s := range pick(d.subjects, f.Role) {
		for key := range d.reach(s, "p3") {
			if key[0] == f.Object || key[0] == everything {
				some = append(some, s)
				break
			}
		}
	}
	var next string
	if f.Roles, next = following(some, v.Query("after"), fieldColumns); next != "" {
		f.Next = d.to("/fields", "role", f.Role, "object", f.Object, "after", next)
	}
	f.ofRoles(names)
	return v.Render("fields.html", f)
}

// subjectOf is the subject a reader means, "" for none or several.
func subjectOf(d *desk, said string) string {
	if found := pick(d.subjects, said); said != "" && len(found) == 1 {
		return found[0]
	}
	return ""
}

// fieldNames are the fields of an object: those of the catalogue and of rows, and all.
func (d *desk) fieldNames(object string) []string {
	names := map[string]bool{everything: true}
	if entry := d.catalog.Objects[object]; entry != nil {
		for name := range entry.Fields {
			names[name] = true
		}
	}
	for _, r := range d.rows {
		if r.Kind == "p3" && r.Object == object {
			names[r.Field] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (f *fieldsPage) ofRole(names []string) {
	r := f.reach(f.One, "p3")
	for _, name := range names {
		row := fieldRow{Name: name, Field: f.field(f.Object, name)}
		for _, a := range accesses {
			row.Cells = append(row.Cells, f.fieldCell(r, f.One, name, a))
		}
		f.Rows = append(f.Rows, row)
	}
}

func (f *fieldsPage) ofRoles(names []string) {
	reaches := make([]reach, len(f.Roles))
	for i, role := range f.Roles {
		reaches[i] = f.reach(role, "p3")
	}
	for _, name := range names {
		row := fieldRow{Name: name, Field: f.field(f.Object, name)}
		for i, role := range f.Roles {
			c := fieldCell{Role: role, Link: f.to("/fields", "role", role, "object", f.Object)}
			for _, a := range accesses {
				if one := f.fieldCell(reaches[i], role, name, a); len(one.By) > 0 {
					c.All = append(c.All, one)
				}
			}
			row.Cells = append(row.Cells, c)
		}
		f.Rows = append(f.Rows, row)
	}
}

// fieldCell links to the row that says it, if it is the role's own, or to a new one.
func (f *fieldsPage) fieldCell(r reach, role, name, access string) fieldCell {
	c := fieldCell{Role: role, Access: access, fieldState: f.fieldState(r, f.Object, name, access)}
	c.Link = f.to("/row", "kind", "p3", "subject", role, "object", f.Object, "field", name, "access", access)
	for _, row := range c.By {
		if row.From == "" && row.Object == f.Object && row.Field == name {
			c.Link = f.Edit(row.Line)
			break
		}
	}
	return c
}

// limitsPage are the restrictions and what has to be proven.
type limitsPage struct {
	*desk
	Role, Object            string
	Restrictions, Assurance []*model.PolicyRow
	Next                    string
}

// listed is how many rows a list shows at once.
const listed = 100

func (p *pages) limits(v *page.Visit, d *desk) error {
	l := &limitsPage{desk: d, Role: v.Query("role"), Object: v.Query("object")}
	if !d.whole() {
		return v.Render("bad.html", l)
	}
	after, _ := strconv.Atoi(v.Query("after"))
	n := 0
	for _, r := range d.rows {
		if r.Line <= after || r.Kind != "p2" && r.Kind != "p4" ||
			len(pick([]string{r.Subject}, l.Role)) == 0 || len(pick([]string{r.Object}, l.Object)) == 0 {
			continue
		}
		if n++; n > listed {
			l.Next = d.to("/limits", "role", l.Role, "object", l.Object, "after", itoa(after))
			break
		}
		if r.Kind == "p2" {
			l.Restrictions = append(l.Restrictions, r)
		} else {
			l.Assurance = append(l.Assurance, r)
		}
		after = r.Line
	}
	return v.Render("limits.html", l)
}
