// Package policies is the pages of a tenant's policy: the one in force, to be read, and
// drafts of the next, to be written. What becomes of a draft afterwards is package
// changes'.
//
//	/console/policy…               desk (in force) ─┐
//	                                                ├─ index ─▶ matrix, cell, fields, limits, roles, lines
//	/console/policy/drafts/{id}…   desk (a draft) ──┘
//	                                 ▲   └─ row, text: a change of the document's text ─▶ Officer.SaveDraft
//	                                 └───── moved: what somebody else saved meanwhile, and mine on top ◀─┘
//
// A row is changed in the text, by package rewrite, so that comments and order stay. A
// form says which row it is about by what the row says, and of which version of the
// draft it is; it carries that version's text along, packed, so that the second of two
// editors is told what the first changed.
package policies

import (
	"embed"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
)

//go:embed all:templates
var templates embed.FS

// Home is where the pages are, Drafts the drafts.
const (
	Home   = "/console/policy"
	Drafts = Home + "/drafts"
)

type pages struct {
	*page.Area
	read cache
}

// Add adds the pages to the frame.
func Add(f *page.Frame) {
	p := &pages{Area: f.New(templates, texts)}
	f.Section(page.Section{Path: Home, Text: texts["policy.section"], Order: 30, Object: administration.Policies, Action: administration.Read})

	p.view("", p.overview)
	p.view("/matrix", p.matrix)
	p.view("/cell", p.cell)
	p.view("/fields", p.fields)
	p.view("/limits", p.limits)
	p.view("/roles", p.roles)
	p.view("/lines", p.lines)
	p.view("/policy.csv", p.download)

	p.editor("GET", "/row", p.row)
	p.editor("POST", "/row", p.saveRow)
	p.editor("GET", "/text", p.text)
	p.editor("POST", "/text", p.saveText)
	p.editor("POST", "/title", p.saveTitle)
	for _, path := range []string{"/row", "/text", "/title"} { // each carries the draft as it was seen
		p.Documents(Drafts + "/{id}" + path)
	}
	p.Officer("POST", Drafts, administration.Policies, administration.Import, p.create)
}

// view adds a page that shows the policy in force, and one that shows a draft.
func (p *pages) view(path string, show func(v *page.Visit, d *desk) error) {
	p.Officer("GET", Home+path, administration.Policies, administration.Read, func(v *page.Visit, o *administration.Officer) error {
		d, err := p.inForce(v, o)
		if err != nil {
			return err
		}
		return show(v, d)
	})
	p.Officer("GET", Drafts+"/{id}"+path, administration.Policies, administration.Read, func(v *page.Visit, o *administration.Officer) error {
		d, err := p.draft(v, o)
		if err != nil {
			return err
		}
		return show(v, d)
	})
}

// editor adds a page that writes to a draft.
func (p *pages) editor(method, path string, h func(v *page.Visit, d *desk) error) {
	p.Officer(method, Drafts+"/{id}"+path, administration.Policies, administration.Import, func(v *page.Visit, o *administration.Officer) error {
		d, err := p.draft(v, o)
		if err != nil {
			return err
		}
		return h(v, d)
	})
}
