package changes

import (
	"errors"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/model"
)

// rebasePage is what was published since a draft was made, and what becomes of the
// draft over it.
type rebasePage struct {
	*draftPage
	Changed   rows[changed] // from the policy it was made from to the one in force
	Conflicts []change.Conflict
	Mistakes  []model.Detail // rows that cannot be read, to be mended first
	Happened  bool           // it was done, and these are the conflicts there were
}

func (p *pages) rebase(v *page.Visit, o *administration.Officer) error {
	r, err := p.rebasePage(v, o)
	if err != nil {
		return err
	}
	return v.Render("rebase.html", r)
}

func (p *pages) rebasePage(v *page.Visit, o *administration.Officer) (*rebasePage, error) {
	d, err := p.seen(v, o)
	if err != nil {
		return nil, err
	}
	r := &rebasePage{draftPage: d, Mistakes: details(d.Bad)}
	if !d.Outdated {
		return r, nil
	}
	rows, err := o.Compare(v.Context(), d.Draft.Base, d.InForce.Revision)
	if err != nil {
		return nil, err
	}
	r.Changed = said(v, rows)
	if d.Bad == nil {
		r.Conflicts, err = o.Conflicts(v.Context(), d.Draft.ID)
	}
	return r, err
}

// rebased does it. Which rows both sides had changed nobody keeps, so they are shown
// in the answer: to send it again is to send what another was faster with.
func (p *pages) rebased(v *page.Visit, o *administration.Officer) error {
	d, conflicts, err := o.RebaseDraft(v.Context(), v.Param("id"), version(v))
	if err == nil && len(conflicts) == 0 {
		return v.Done(draftPath(d.ID, ""), "done.rebase")
	}
	if moved, ok := errors.AsType[*change.Moved](err); ok && moved.Now.State == change.Open && moved.Now.EditedBy == o.Caller().String() {
		if now, failed := o.Policy(v.Context()); failed == nil && moved.Now.Base == now.Revision {
			return v.Already(err, draftPath(moved.Now.ID, ""), "already.rebase")
		}
	}
	r, failed := p.rebasePage(v, o)
	if failed != nil {
		return failed
	}
	if err != nil {
		errors.As(err, &r.Moved)
		return v.Again(err, "rebase.html", r)
	}
	r.Happened, r.Conflicts = true, conflicts
	return v.Render("rebase.html", r)
}
