package changes

import (
	"errors"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// casesPage is the cases kept with a draft, and what becomes of each.
type casesPage struct {
	*draftPage
	Text     string         // as stored, or as entered
	Mistakes []model.Detail // of the stored ones
	Ran      rows[model.CaseResult]
	Theirs   string // as stored, where another was first and these are not what was entered
}

func (p *pages) cases(v *page.Visit, o *administration.Officer) error {
	c, err := p.casesPage(v, o)
	if err != nil {
		return err
	}
	return v.Render("cases.html", c)
}

func (p *pages) casesPage(v *page.Visit, o *administration.Officer) (*casesPage, error) {
	d, err := p.seen(v, o)
	if err != nil {
		return nil, err
	}
	var failed, passed []model.CaseResult
	for _, r := range d.Results {
		if r.Passed {
			passed = append(passed, r)
		} else {
			failed = append(failed, r)
		}
	}
	c := &casesPage{draftPage: d, Text: d.Draft.Cases, Mistakes: details(d.BadCases), Ran: cut(v, "from", append(failed, passed...))}
	i18n.CaseResults(v.Lang, c.Ran.Shown)
	return c, nil
}

// saveCases keeps cases, mistakes and all: nothing that was written is lost. It leaves
// the rows as they are in the version that was seen, and so as they are.
func (p *pages) saveCases(v *page.Visit, o *administration.Officer) error {
	entered := v.Document("cases")
	d, err := o.Draft(v.Context(), v.Param("id"))
	if err != nil {
		return err
	}
	_, err = o.SaveDraft(v.Context(), d.ID, version(v), change.Edit{Title: d.Title, Document: d.Document, Cases: entered})
	if err == nil {
		return v.Done(draftPath(d.ID, "/cases"), "done.cases")
	}
	c, failed := p.casesPage(v, o)
	if failed != nil {
		return failed
	}
	if errors.As(err, &c.Moved) {
		if c.Draft.Cases == entered && c.Draft.EditedBy == o.Caller().String() {
			return v.Already(err, draftPath(d.ID, "/cases"), "done.cases") // sent twice
		}
		if c.Draft.Cases != entered {
			c.Theirs = c.Draft.Cases
		}
	}
	c.Text = entered
	return v.Again(err, "cases.html", c)
}
