package entrance

import (
	"rolegate/internal/console/page"
	"rolegate/internal/login"
	"rolegate/model"
)

// recovered tells whether the visitor's session is one that a recovery code opened.
func recovered(v *page.Visit) bool { return v.Session != nil && v.Session.Restricted }

// enrol shows a new device. Asking again makes another one, so it is done once for a
// ticket, and what is shown is carried along from then on.
func (p *pages) enrol(v *page.Visit, s step) (err error) {
	var e login.Enrolment
	if s.Replaces && recovered(v) {
		e, err = p.login.ReEnrol(v.Context(), *v.Session)
	} else {
		e, err = p.login.Enrol(v.Context(), s.Ticket)
	}
	if err != nil {
		return p.refused(v, err, "login.html", s)
	}
	return p.showDevice(v, s, e)
}

func (p *pages) showDevice(v *page.Visit, s step, e login.Enrolment) error {
	s, err := s.with(e)
	if err != nil {
		return err
	}
	return v.Render("enrol.html", s)
}

// with is the step with a device to confirm.
func (s step) with(e login.Enrolment) (step, error) {
	d, err := page.NewDevice(e.OTPAuthURI)
	s.Device, s.Form, s.Username = &d, e.Form, e.Username // an invitation says it nowhere else
	return s, err
}

// enrolAnew makes another device in place of the one that is shown.
func (p *pages) enrolAnew(v *page.Visit) error { return p.enrol(v, p.carried(v)) }

// confirm makes the device count, and shows the recovery codes; to the same form once
// more, too, whose session came with the answer before.
func (p *pages) confirm(v *page.Visit) error {
	s := p.carried(v)
	var res login.Result
	var err error
	if s.Replaces && recovered(v) {
		res, err = p.login.ConfirmReEnrolment(v.Context(), *v.Session, v.Code(), s.Form)
		if model.CodeOf(err) == model.CodeConflict {
			return p.tooLate(v, s, err)
		}
	} else {
		res, err = p.login.ConfirmEnrolment(v.Context(), s.Ticket, v.Code(), s.Form)
	}
	if err != nil {
		return p.refused(v, err, "enrol.html", s)
	}
	if res.Tokens != nil {
		p.enter(v, res.Tokens)
	}
	codes := page.Codes{Codes: res.RecoveryCodes, Next: s.Next, Made: p.Now()}
	if s.Device != nil {
		codes.Account = s.Device.Account()
	}
	return v.Render("codes.html", codes)
}

// tooLate shows another device in place of one that waited for too long, and why.
func (p *pages) tooLate(v *page.Visit, s step, late error) error {
	e, err := p.login.ReEnrol(v.Context(), *v.Session)
	if err != nil {
		return err
	}
	if s, err = s.with(e); err != nil {
		return err
	}
	return v.Again(late, "enrol.html", s)
}

// saved goes on from the recovery codes. A browser asks for the tick itself; where one
// did not, it is too late to show the codes again.
func (p *pages) saved(v *page.Visit) error {
	next := page.Local(v.Form("next"))
	if v.Form("saved") == "" {
		return v.Done(next, "codes.unsaved")
	}
	return v.Redirect(next)
}
