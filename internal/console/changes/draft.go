package changes

import (
	"errors"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// draftPage is a draft: where it stands, what is next, and who may do it.
type draftPage struct {
	change.Look
	administration.Outlook
	Steps     []step
	Now       *step         // what it waits for; nil where nothing more comes of it
	Waits     bool          // for the day to pass that one person alone waits
	Single    bool          // one person may publish alone
	Simulates bool          // whoever looks may simulate
	Moved     *change.Moved // somebody else was first
	Meanwhile
	Comment, Reason string // as entered
	lang            i18n.Lang
}

// Meanwhile is what was published since a draft was made.
type Meanwhile struct {
	Outdated bool
	Since    []change.Revision // the newest first
}

// sinceShown bounds how many revisions are told of.
const sinceShown = 10

func (p *pages) draft(v *page.Visit, o *administration.Officer) error {
	d, err := p.seen(v, o)
	if err != nil {
		return err
	}
	return v.Render("draft.html", d)
}

// seen is the page of the draft in the path.
func (p *pages) seen(v *page.Visit, o *administration.Officer) (*draftPage, error) {
	look, err := o.LookAtDraft(v.Context(), v.Param("id"))
	if err != nil {
		return nil, err
	}
	d := &draftPage{Look: look, Single: o.Change.Single, lang: v.Lang, Simulates: v.May(administration.Policies, administration.Simulate)}
	if d.Outlook, err = o.Outlook(v.Context(), look.Draft); err != nil {
		return nil, err
	}
	if d.Meanwhile, err = meanwhile(v, o, look.Draft, look.InForce); err != nil {
		return nil, err
	}
	d.Waits = d.Draft.State == change.Submitted && p.Now().Before(d.Draft.AloneFrom)
	d.Steps, d.Now = stepsOf(d)
	return d, nil
}

func meanwhile(v *page.Visit, o *administration.Officer, d change.Draft, now change.Revision) (m Meanwhile, err error) {
	if m.Outdated = d.State.Open() && d.Base != now.Revision; !m.Outdated {
		return m, nil
	}
	last, err := o.Revisions(v.Context(), 0, sinceShown)
	for _, r := range last {
		if r.Revision > d.Base {
			m.Since = append(m.Since, r)
		}
	}
	return m, err
}

// Path is a page of the draft.
func (d *draftPage) Path(below string) string { return draftPath(d.Draft.ID, below) }

// Editor is a page of its rows.
func (d *draftPage) Editor(below string) string { return editorPath(d.Draft.ID, below) }

// Why says in a sentence what stands in the way of an act.
func (d *draftPage) Why(err error) string { return why(d.lang, err) }

// Warnings are the findings that matter most.
func (d *draftPage) Warnings() (n int) {
	for i := range d.Findings {
		if d.Findings[i].Severity == model.SeverityWarning && d.Findings[i].New {
			n++
		}
	}
	return n
}

// Refused is the finding for which the draft cannot be submitted; nil for none.
func (d *draftPage) Refused() *model.Finding { return refusedFor(d.Findings) }

func refusedFor(all []model.Finding) *model.Finding {
	for i := range all {
		if all[i].Severity == model.SeverityError {
			return &all[i]
		}
	}
	return nil
}

// Passed is how many of the cases pass.
func (d *draftPage) Passed() (n int) {
	for i := range d.Results {
		if d.Results[i].Passed {
			n++
		}
	}
	return n
}

// NewCases tells whether the draft has other cases than the policy in force.
func (d *draftPage) NewCases() bool { return d.Draft.Cases != d.InForce.Cases }

// Unchanged tells whether nothing would be published.
func (d *draftPage) Unchanged() bool { return d.Draft.Document == d.InForce.Text && !d.NewCases() }

// Alone tells of a change that one person publishes alone.
func (d *draftPage) Alone() bool { return !d.Draft.AloneFrom.IsZero() && d.Draft.DecidedBy == "" }

// why says in a sentence what an error says.
func why(l i18n.Lang, err error) string {
	e, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok || e.Message == "":
		return i18n.Detail(l, model.CodeOf(err))
	case l == i18n.English:
		return i18n.Capital(e.Message)
	}
	if said := i18n.Said(l, e); said != "" {
		return said
	}
	return i18n.Detail(l, e.Code)
}

// details are the places an error names.
func details(err error) []model.Detail {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Details
	}
	return nil
}
