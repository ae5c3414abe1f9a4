package policies

import (
	"errors"
	"slices"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/policy/rewrite"
	"rolegate/model"
)

// columns are the fields of the form that the cells of each kind of row are made of.
var columns = map[string][]string{
	"p":  {"subject", "object", "action", "scope", "condition", "effect"},
	"p2": {"subject", "object", "action", "condition", "effect"},
	"p3": {"subject", "object", "field", "access", "effect"},
	"p4": {"subject", "object", "action", "acr", "max_age", "effect"},
	"g":  {"subject", "inherits"},
}

// scopes in the order of how far they reach, of oneself first.
var scopes = []string{"all", "own", "created", "assigned", "unassigned", "team", "subtree", "subtree_n", "unit", "unit_tree", "unit_head",
	"territory", "account", "contact", "shared", "everyone"}

// rowForm is a row as its form has it.
type rowForm struct {
	Kind string
	Old  string // the row it is to take the place of, as rewrite writes it; "" for a new one
	Name string

	Subject, Object, Action, Scope, Depth, Condition, Effect, Field, Access, ACR, MaxAge, Inherits string
}

// formOf is a row that is there, to be changed.
func formOf(r *model.PolicyRow) rowForm {
	f := rowForm{Kind: r.Kind, Name: r.Name, Subject: r.Subject, Object: r.Object, Action: r.Action, Condition: r.Condition, Effect: r.Effect,
		Field: r.Field, Access: r.Access, ACR: r.ACR, MaxAge: r.MaxAge, Inherits: r.Inherits}
	s := scopeOf(r.Scope)
	f.Scope, f.Depth = s.Name, s.Depth
	f.Old = f.written().Line()
	return f
}

// sent is the row that was entered.
func sent(v *page.Visit) rowForm {
	f := rowForm{Kind: v.Form("kind"), Old: v.Raw("old"), Name: v.Form("name"), Subject: v.Form("subject"), Object: v.Form("object"), Action: v.Form("action"),
		Scope: v.Form("scope"), Depth: v.Form("depth"), Effect: v.Form("effect"), Field: v.Form("field"), Access: v.Form("access"),
		ACR: v.Form("acr"), MaxAge: v.Form("max_age"), Inherits: v.Form("inherits")}
	// A row is one line; a condition may have been entered on several.
	f.Condition = strings.TrimSpace(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(v.Raw("condition")))
	if f.Kind == "p2" || f.Kind == "p4" {
		f.Effect = "deny"
	}
	f.Inherits = roleKey(f.Inherits)
	if f.Kind == "g" {
		f.Subject = roleKey(f.Subject)
	}
	return f
}

// roleKey takes "rep" for "role:rep".
func roleKey(said string) string {
	if said == "" || strings.Contains(said, ":") {
		return said
	}
	return model.RolePrefix + said
}

// cell is a column by its name.
func (f rowForm) cell(column string) string {
	switch column {
	case "subject":
		return f.Subject
	case "object":
		return f.Object
	case "action":
		return f.Action
	case "scope":
		if f.Scope == "subtree_n" {
			return "subtree:" + f.Depth
		}
		return f.Scope
	case "condition":
		return f.Condition
	case "effect":
		return f.Effect
	case "field":
		return f.Field
	case "access":
		return f.Access
	case "acr":
		return f.ACR
	case "max_age":
		return f.MaxAge
	default:
		return f.Inherits
	}
}

// written is the row to be written.
func (f rowForm) written() rewrite.Row {
	r := rewrite.Row{Kind: f.Kind, Name: f.Name}
	for _, c := range columns[f.Kind] {
		r.Cells = append(r.Cells, f.cell(c))
	}
	return r
}

// errGone says that the row a form is about is not there any more.
var errGone = page.Exactly(model.Errorf(model.CodePrecondition, "the row you were changing is not in the draft any more: somebody has changed or removed it"))

// find is the line of the row that a form was made from, 0 where it is gone.
func (f rowForm) find(x *index) int {
	for _, r := range x.rows {
		if r.Kind == f.Kind && formOf(r).Old == f.Old {
			return r.Line
		}
	}
	return 0
}

// on makes the text with the row changed, or removed, of a text that holds it.
func (f rowForm) on(d *desk, remove bool) (string, error) {
	text := d.Doc.Text
	if f.Old == "" {
		return rewrite.Insert(text, f.place(d.index), f.written())
	}
	line := f.find(d.index)
	switch {
	case line == 0:
		return "", errGone
	case remove:
		return rewrite.Delete(text, line)
	}
	return rewrite.Replace(text, line, f.written())
}

// place is the line behind which a new row belongs: with others that say the same sort
// of thing of the same subject, or at the end.
func (f rowForm) place(x *index) int {
	best, at := 0, 0
	for _, r := range x.rows {
		fits := 0
		switch {
		case r.Subject != f.Subject:
		case r.Kind != f.Kind:
			fits = 1
		case r.Object != f.Object:
			fits = 2
		case r.Action != f.Action || r.Field != f.Field:
			fits = 3
		default:
			fits = 4
		}
		if fits > 0 && fits >= best {
			best, at = fits, r.Line
		}
	}
	if at == 0 {
		return 1 << 30
	}
	return at
}

// wrong says what is wrong with a field, and where in it.
type wrong struct {
	Reason     model.Phrase
	Good, From string // of the value: before the place, and from there on
}

// rowPage is the editor of one row.
type rowPage struct {
	*desk
	Form    rowForm
	Wrong   map[string]wrong // by field
	Line    int              // of the row; 0 for a new one
	Version int64
	Seen    string
	Back    string // where to go on

	Scopes   []string
	Accesses []string
	Roles    []string // the heirs of the row's role, who are given what it says
	Fields   []string // of the object, for conditions and field rules
}

func (p *pages) rowPage(d *desk, f rowForm, back string) *rowPage {
	r := &rowPage{desk: d, Form: f, Version: d.Draft.Version, Seen: pack(d.Text), Back: back, Scopes: scopes, Accesses: accesses}
	if d.whole() {
		if f.Old != "" {
			r.Line = f.find(d.index)
		}
		r.Fields = d.fieldNames(f.Object)
		for _, s := range d.around(f.Subject) {
			if s != f.Subject && slices.Contains(d.subjects, s) && inherits(d.index, s, f.Subject) {
				r.Roles = append(r.Roles, s)
			}
		}
	}
	return r
}

func inherits(x *index, heir, role string) bool {
	all, _ := x.chain(heir)
	return slices.Contains(all, role)
}

// backOf is where a row is seen.
func (d *desk) backOf(f rowForm) string {
	switch f.Kind {
	case "p":
		return d.to("/cell", "role", f.Subject, "object", f.Object, "action", f.Action)
	case "p3":
		return d.to("/fields", "role", f.Subject, "object", f.Object)
	case "g":
		return d.to("/roles")
	}
	return d.to("/limits")
}

func (p *pages) row(v *page.Visit, d *desk) error {
	f := rowForm{Kind: v.Query("kind"), Subject: v.Query("subject"), Object: v.Query("object"), Action: v.Query("action"), Field: v.Query("field"),
		Access: v.Query("access"), Scope: "own", Effect: "allow", ACR: "2"}
	switch {
	case !d.whole():
		return v.Render("bad.html", p.rowPage(d, f, ""))
	case v.Query("line") != "":
		n := atoi(v.Query("line"))
		row := d.line(n)
		if row == nil {
			return model.Errorf(model.CodeNotFound, "line %d has no row", n)
		}
		f = formOf(row)
	case columns[f.Kind] == nil:
		return &model.Error{Code: model.CodeNotFound}
	}
	return v.Render("row.html", p.rowPage(d, f, d.backOf(f)))
}

func (p *pages) saveRow(v *page.Visit, d *desk) error {
	f, remove := sent(v), v.Form("do") == "remove"
	back := page.Local(v.Form("back"))
	if columns[f.Kind] == nil {
		return model.Errorf(model.CodeInvalidRequest, "unknown kind of row %q", f.Kind)
	}
	shown := p.rowPage(d, f, back)
	if moved := p.moved(v, d); moved != nil {
		return v.Again(moved, "moved.html", p.movedPage(v, d))
	}
	if !d.whole() {
		return v.Again(d.badError(), "row.html", shown)
	}
	text, err := f.on(d, remove)
	if errors.Is(err, errGone) {
		shown.Form.Old = ""
		return v.Again(err, "row.html", shown)
	}
	if err != nil {
		return v.Again(err, "row.html", shown)
	}
	after, err := p.reading(v, text, d.Vocabulary.Catalog)
	if err != nil {
		return v.Again(err, "row.html", shown)
	}
	if after.Doc == nil {
		shown.Wrong = f.wrong(d.Text, text, after.Bad)
		return v.Again((&desk{reading: after}).badError(), "row.html", shown)
	}
	if err := p.save(v, d, change.Edit{Title: d.Draft.Title, Document: text, Cases: d.Draft.Cases}); err != nil {
		if model.CodeOf(err) == model.CodePrecondition {
			return p.again(v, d, err)
		}
		return v.Again(err, "row.html", shown)
	}
	done := "row.saved"
	switch {
	case remove:
		done = "row.removed"
	case f.Old == "":
		done = "row.added"
	}
	if back == "/" {
		back = d.backOf(f)
	}
	return v.Done(back, done)
}

// badError says that a text has bad rows, and which.
func (d *desk) badError() error {
	e := model.Errorf(model.CodePolicyInvalid, "the policy document has bad rows")
	e.Details = d.Bad
	return e
}

// wrong sorts what is wrong with a text by the fields of the row that was just written.
func (f rowForm) wrong(before, after string, bad []model.Detail) map[string]wrong {
	found := map[string]wrong{}
	row := f.written()
	line := 0
	for _, h := range rewrite.Compare(before, after) {
		if i := slices.Index(h.In, row.Line()); i >= 0 {
			line = h.B + i
		}
	}
	for _, b := range bad {
		if b.Line != line || b.Column == 0 {
			continue
		}
		cell, offset := row.Locate(b.Column)
		if cell == 0 || cell > len(columns[f.Kind]) {
			continue
		}
		name := columns[f.Kind][cell-1]
		if _, told := found[name]; !told {
			value := f.cell(name)
			found[name] = wrong{b.Reason, value[:offset], value[offset:]}
		}
	}
	return found
}

func (p *pages) saveTitle(v *page.Visit, d *desk) error {
	if p.moved(v, d) != nil {
		return p.again(v, d, p.moved(v, d))
	}
	if err := p.save(v, d, change.Edit{Title: v.Form("title"), Document: d.Draft.Document, Cases: d.Draft.Cases}); err != nil {
		if model.CodeOf(err) == model.CodePrecondition {
			return p.again(v, d, err)
		}
		return p.shownAgain(v, d, err)
	}
	return v.Done(d.Base, "title.saved")
}

// save writes to the draft as the form saw it.
func (p *pages) save(v *page.Visit, d *desk, e change.Edit) error {
	_, err := d.officer.SaveDraft(v.Context(), d.Draft.ID, d.Draft.Version, e)
	return err
}

func (p *pages) create(v *page.Visit, o *administration.Officer) error {
	draft, err := o.CreateDraft(v.Context(), v.Form("title"))
	if err != nil {
		d, again := p.inForce(v, o)
		if again != nil {
			return err
		}
		return p.shownAgain(v, d, err)
	}
	at := v.Form("at")
	if at != "" && page.Local(baseOf(draft.ID)+at) == "/" {
		at = ""
	}
	return v.Done(baseOf(draft.ID)+at, "draft.created")
}

// Sent are the columns of the row that is there, for the form that removes it.
func (r *rowPage) Sent() map[string]string {
	sent := map[string]string{"name": r.Form.Name}
	for _, c := range columns[r.Form.Kind] {
		sent[c] = r.Form.cell(c)
	}
	if r.Form.Scope == "subtree_n" {
		sent["scope"], sent["depth"] = r.Form.Scope, r.Form.Depth
	}
	return sent
}
