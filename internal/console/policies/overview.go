package policies

import (
	"rolegate/internal/change"
	"rolegate/internal/console/page"
)

// overviewPage is where the pages of a document begin.
type overviewPage struct {
	*desk
	Title           string // as entered
	At              string // where to go on in a new draft
	Version         int64
	Seen            string
	Rows, Roles     int
	Denials, Limits int
	Fields, Proof   int
	Drafts          []change.Draft // something can still come of
	Link            string         // to the life of the draft
	DraftLink       func(id string) string
}

func (p *pages) overview(v *page.Visit, d *desk) error {
	o, err := p.overviewPage(v, d)
	if err != nil {
		return err
	}
	return v.Render("overview.html", o)
}

// shownAgain is the overview with what went wrong.
func (p *pages) shownAgain(v *page.Visit, d *desk, err error) error {
	o, failed := p.overviewPage(v, d)
	if failed != nil {
		return failed
	}
	o.Title, o.At = v.Form("title"), v.Form("at")
	return v.Again(err, "overview.html", o)
}

func (p *pages) overviewPage(v *page.Visit, d *desk) (*overviewPage, error) {
	o := &overviewPage{desk: d, DraftLink: baseOf}
	if d.Draft != nil {
		o.Title, o.Version, o.Seen = d.Draft.Title, d.Draft.Version, pack(d.Text)
		o.Link = "/console/changes/" + d.Draft.ID
	} else {
		drafts, err := d.officer.Drafts(v.Context())
		if err != nil {
			return nil, err
		}
		for _, x := range drafts {
			if x.State.Open() {
				o.Drafts = append(o.Drafts, x)
			}
		}
	}
	if !d.whole() {
		return o, nil
	}
	o.count()
	return o, nil
}

func (o *overviewPage) count() {
	for _, s := range o.subjects {
		if rank(s) == 1 {
			o.Roles++
		}
	}
	for _, r := range o.rows {
		switch r.Kind {
		case "p":
			o.Rows++
			if r.Effect == "deny" {
				o.Denials++
			}
		case "p2":
			o.Limits++
		case "p3":
			o.Fields++
		case "p4":
			o.Proof++
		}
	}
}
