package changes

import (
	"errors"
	"strconv"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
)

// version is the one of the draft that the form's reader saw.
func version(v *page.Visit) int64 { return number(v.Form("version")) }

func (p *pages) submit(v *page.Visit, o *administration.Officer) error {
	_, err := o.SubmitDraft(v.Context(), v.Param("id"), version(v))
	return p.then(v, o, err, "submit", func(d change.Draft, me string) bool { return d.State == change.Submitted && d.SubmittedBy == me })
}

func (p *pages) withdraw(v *page.Visit, o *administration.Officer) error {
	_, err := o.WithdrawDraft(v.Context(), v.Param("id"), version(v))
	return p.then(v, o, err, "withdraw", func(d change.Draft, _ string) bool { return d.State == change.Withdrawn })
}

func (p *pages) approve(v *page.Visit, o *administration.Officer) error {
	_, err := o.DecideDraft(v.Context(), v.Param("id"), version(v), true, v.Form("comment"))
	return p.then(v, o, err, "approve", func(d change.Draft, me string) bool { return d.State == change.Approved && d.DecidedBy == me })
}

func (p *pages) reject(v *page.Visit, o *administration.Officer) error {
	_, err := o.DecideDraft(v.Context(), v.Param("id"), version(v), false, v.Form("comment"))
	return p.then(v, o, err, "reject", func(d change.Draft, me string) bool { return d.State == change.Open && d.DecidedBy == me })
}

func (p *pages) publish(v *page.Visit, o *administration.Officer) error {
	done, err := o.PublishDraft(v.Context(), v.Param("id"), version(v), v.Form("reason"))
	if err == nil {
		return v.Done(revisionPath(done.Revision, ""), "done.publish", "revision", strconv.FormatInt(done.Revision, 10))
	}
	return p.then(v, o, err, "publish", func(d change.Draft, _ string) bool { return d.State == change.Published })
}

// then goes on after an act: to the draft, or to its page with what went wrong. Where
// the draft has moved on to where the act would have brought it, the form was sent
// twice, and all is well.
func (p *pages) then(v *page.Visit, o *administration.Officer, err error, act string, came func(d change.Draft, me string) bool) error {
	home := draftPath(v.Param("id"), "")
	if err == nil {
		return v.Done(home, "done."+act)
	}
	moved, ok := errors.AsType[*change.Moved](err)
	if ok && came(moved.Now, o.Caller().String()) {
		if moved.Now.State == change.Published {
			home = revisionPath(moved.Now.Published, "")
		}
		return v.Already(err, home, "already."+act)
	}
	d, failed := p.seen(v, o)
	if failed != nil {
		return failed
	}
	d.Moved, d.Comment, d.Reason = moved, v.Form("comment"), v.Form("reason")
	return v.Again(err, "draft.html", d)
}
