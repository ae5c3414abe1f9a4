package entrance

import (
	"rolegate/internal/console/page"
)

// enrol shows a new device. Asking again makes another one, so it is done once for a
// ticket, and what is shown is carried along from then on.
func (p *pages) enrol(v *page.Visit, s step) error {
	e, err := p.login.Enrol(v.Context(), s.Ticket)
	if err != nil {
		return p.refused(v, err, "login.html", s)
	}
	d, err := page.NewDevice(e.OTPAuthURI)
	if err != nil {
		return err
	}
	s.Device, s.Form, s.Username = &d, e.Form, e.Username // an invitation says it nowhere else
	return v.Render("enrol.html", s)
}

// enrolAnew makes another device in place of the one that is shown.
func (p *pages) enrolAnew(v *page.Visit) error { return p.enrol(v, p.carried(v)) }

// confirm makes the device count, and shows the recovery codes; to the same form once
// more, too, whose session came with the answer before.
func (p *pages) confirm(v *page.Visit) error {
	s := p.carried(v)
	res, err := p.login.ConfirmEnrolment(v.Context(), s.Ticket, v.Code(), s.Form)
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

// saved goes on from the recovery codes. A browser asks for the tick itself; where one
// did not, it is too late to show the codes again.
func (p *pages) saved(v *page.Visit) error {
	next := page.Local(v.Form("next"))
	if v.Form("saved") == "" {
		return v.Done(next, "codes.unsaved")
	}
	return v.Redirect(next)
}
