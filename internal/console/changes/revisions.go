package changes

import (
	"errors"
	"strconv"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// history is published policies, the newest first.
type history struct {
	Revisions []change.Revision
	InForce   int64  // the newest of all
	Older     string // where the next page is; "" where there is none
	MayBack   bool   // roll back to one
	First     bool   // it begins with the newest
}

// perHistory is how many one page shows.
const perHistory = 50

func (p *pages) revisions(v *page.Visit, o *administration.Officer) error {
	h, err := p.history(v, o, number(v.Query("before")), perHistory)
	if err != nil {
		return err
	}
	return v.Render("revisions.html", &h)
}

func (p *pages) history(v *page.Visit, o *administration.Officer, before int64, most int) (h history, err error) {
	h.MayBack, h.First = v.May(administration.Policies, administration.Rollback), before == 0
	if h.Revisions, err = o.Revisions(v.Context(), before, most+1); err != nil {
		return h, err
	}
	if len(h.Revisions) > most {
		h.Revisions = h.Revisions[:most]
		h.Older = Home + "/revisions?before=" + strconv.FormatInt(h.Revisions[most-1].Revision, 10)
	}
	if h.First && len(h.Revisions) > 0 {
		h.InForce = h.Revisions[0].Revision
	}
	return h, nil
}

// Path is the page of a revision.
func (h *history) Path(revision int64) string { return revisionPath(revision, "") }

// revisionPage is one published policy.
type revisionPage struct {
	Policy  change.Revision
	Before  int64 // the revision before it, 0 for none
	Changed rows[changed]
	MayBack bool
	Applied applied
}

// applied is which policy decisions follow now.
type applied struct {
	change.Applied
	Of int64 // the revision that is looked at
}

// Path is where it is told again.
func (a applied) Path() string { return revisionPath(a.Of, "/applied") }

// Reached tells whether every replica decides by the revision, or by a later one, or
// will when it is asked.
func (a applied) Reached() bool { return a.Here >= a.Of && a.Reach().Behind == 0 }

// Reach counts the replicas.
func (a applied) Reach() change.Reach { return a.Applied.Reach(a.Of) }

// All is how many replicas run.
func (a applied) All() int { return len(a.Replicas) }

// Replaced tells whether another one is in force.
func (a applied) Replaced() bool { return a.InForce != a.Of }

// Path is a page of the revision.
func (r *revisionPage) Path(below string) string { return revisionPath(r.Policy.Revision, below) }

// Was is the page of the revision before it.
func (r *revisionPage) Was() string { return revisionPath(r.Before, "") }

// DraftPath is the page of the draft it was.
func (r *revisionPage) DraftPath() string { return draftPath(r.Policy.Draft, "") }

func (p *pages) revision(v *page.Visit, o *administration.Officer) error {
	n, err := ofPath(v)
	if err != nil {
		return err
	}
	r := &revisionPage{MayBack: v.May(administration.Policies, administration.Rollback), Applied: applied{Of: n}}
	if r.Policy, err = o.Revision(v.Context(), n); err != nil {
		return err
	}
	older, err := o.Revisions(v.Context(), n, 1)
	if err != nil {
		return err
	}
	if len(older) > 0 {
		r.Before = older[0].Revision
	}
	rows, err := o.Compare(v.Context(), r.Before, n)
	if err != nil {
		return err
	}
	r.Changed = said(v, rows)
	if r.Applied.Applied, err = o.Applied(v.Context()); err != nil {
		return err
	}
	return v.Render("revision.html", r)
}

// applied tells again what became of a revision: to a page that waits for it, or, where
// no script runs, to whoever looks again.
func (p *pages) applied(v *page.Visit, o *administration.Officer) error {
	n, err := ofPath(v)
	if err != nil {
		return err
	}
	if !v.HTMX() {
		return v.Redirect(revisionPath(n, ""))
	}
	now, err := o.Applied(v.Context())
	if err != nil {
		return err
	}
	return v.Part("revision.html", "applied", &revisionPage{Applied: applied{now, n}})
}

// rollbackPage asks whether to go back, and shows what that changes and what is
// noticed about it.
type rollbackPage struct {
	change.Back
	Mistakes []model.Detail // of rows that cannot be published any more
	found
	Changed rows[changed] // from the one in force
	Cases   bool          // its cases are others, too
	Reason  string        // as entered
	Only    string        // "all" to show what is so already, too
	lang    i18n.Lang
}

// Path is a page of the revision to go back to.
func (r *rollbackPage) Path(below string) string { return revisionPath(r.To.Revision, below) }

// Same tells whether there is nothing to go back from.
func (r *rollbackPage) Same() bool { return r.To.Text == r.InForce.Text && !r.Cases }

// Refused is the finding for which nobody can go back by these pages; nil for none.
func (r *rollbackPage) Refused() *model.Finding { return refusedFor(r.Findings) }

// Why says in a sentence what stands in the way.
func (r *rollbackPage) Why(err error) string { return why(r.lang, err) }

// Row leads nowhere: what was published is not edited.
func (r *rollbackPage) Row(int) string { return "" }

func (p *pages) askRollback(v *page.Visit, o *administration.Officer) error {
	r, err := p.rollbackPage(v, o)
	if err != nil {
		return err
	}
	return v.Render("rollback.html", r)
}

func (p *pages) rollbackPage(v *page.Visit, o *administration.Officer) (*rollbackPage, error) {
	n, err := ofPath(v)
	if err != nil {
		return nil, err
	}
	r := &rollbackPage{Only: v.Query("only"), lang: v.Lang}
	if r.Back, err = o.LookBack(v.Context(), n); err != nil {
		return nil, err
	}
	r.Mistakes = details(r.Bad)
	r.Cases = r.To.Cases != r.InForce.Cases
	r.found = foundIn(v, "found", r.Findings, r.Only != "all")
	r.Changed = said(v, r.Changes)
	return r, nil
}

// rollback goes back, from the policy that the form was about and no other.
func (p *pages) rollback(v *page.Visit, o *administration.Officer) error {
	n, err := ofPath(v)
	if err != nil {
		return err
	}
	var done policy.Published
	if from := number(v.Form("from")); from > 0 {
		done, err = o.RollbackFrom(v.Context(), from, n, v.Form("reason"))
	} else {
		err = &change.Outdated{} // a form of no page of ours
	}
	if err == nil {
		return v.Done(revisionPath(done.Revision, ""), "done.rollback", "revision", strconv.FormatInt(n, 10))
	}
	r, failed := p.rollbackPage(v, o)
	if failed != nil {
		return failed
	}
	if _, ok := errors.AsType[*change.Outdated](err); ok && r.Same() { // sent twice, or somebody else went back, too
		return v.Already(err, revisionPath(r.InForce.Revision, ""), "already.rollback", "revision", strconv.FormatInt(n, 10))
	}
	r.Reason = v.Form("reason")
	return v.Again(err, "rollback.html", r)
}
