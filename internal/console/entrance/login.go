package entrance

import (
	"net/url"

	"rolegate/internal/console/page"
	"rolegate/model"
)

// start is the start page: one's account, or the login.
func (p *pages) start(v *page.Visit) error {
	if v.Session == nil {
		return v.Redirect(page.LoginPath)
	}
	return v.Redirect(page.HomePath)
}

// loginTo is the login that leads on to a page.
func loginTo(next string) string { return step{Next: next}.login() }

// login is the login that leads to where the step does.
func (s step) login() string {
	to := url.Values{"next": {s.Next}}
	if s.Tenant != "" {
		to.Set("tenant", s.Tenant)
	}
	return page.LoginPath + "?" + to.Encode()
}

// ask asks for user name and password. Who has a session may go on with it.
func (p *pages) ask(v *page.Visit) error {
	s := step{Tenant: v.Query("tenant"), Next: page.Local(v.Query("next"))}
	switch {
	case p.usable(v):
		return v.Render("already.html", s)
	case recovered(v):
		return v.Render("recovered.html", s)
	}
	return v.Render("login.html", remembered(v, s))
}

// remembered fills in the user name that this browser was told to remember.
func remembered(v *page.Visit, s step) step {
	tenant, username := v.RememberedUser()
	if username != "" && (s.Tenant == "" || s.Tenant == tenant) {
		s.Tenant, s.Username, s.Remember = tenant, username, true
	}
	return s
}

func (p *pages) password(v *page.Visit) error {
	s := step{Tenant: v.Form("tenant"), Username: v.Form("username"), Remember: v.Form("remember") != "", Next: page.Local(v.Form("next"))}
	tenant := s.Tenant
	if tenant == "" {
		tenant = model.DefaultTenant
	}
	res, err := p.login.Login(v.Context(), tenant, s.Username, v.Raw("password"))
	if err != nil {
		return v.Again(err, "login.html", s)
	}
	if s.Remember {
		v.RememberUser(s.Tenant, s.Username)
	} else {
		v.RememberUser("", "")
	}
	return p.on(v, s, res)
}

func (p *pages) code(v *page.Visit) error {
	s := p.carried(v)
	res, err := p.login.VerifyTOTP(v.Context(), s.Ticket, v.Code())
	if err != nil {
		return p.refused(v, err, "code.html", s)
	}
	return p.on(v, s, res)
}

// recovery takes a recovery code, which opens the enrolment of a new device and nothing
// else: by the session from the next page on, and here by the ticket beside it. Where the
// browser holds such a session of the same person, the code is not looked at.
func (p *pages) recovery(v *page.Visit) error {
	s := p.carried(v)
	if recovered(v) {
		if open, err := p.login.Recovers(v.Context(), *v.Session, s.Ticket); err != nil {
			return err
		} else if open {
			return v.Done(loginTo(s.Next), "recovery.unspent")
		}
	}
	res, err := p.login.VerifyRecovery(v.Context(), s.Ticket, v.Form("code"))
	if err != nil {
		if recovered(v) && model.CodeOf(err) == model.CodeTicketInvalid { // the form came twice, likely
			return v.Redirect(loginTo(s.Next))
		}
		s.Recovering = true
		return p.refused(v, err, "code.html", s)
	}
	p.enter(v, res.Tokens)
	s = p.ticketed(s, res)
	s.Replaces, s.Until = true, 0 // the session is open for longer
	e, err := p.login.Enrol(v.Context(), s.Ticket)
	if err != nil {
		return p.refused(v, err, "login.html", s)
	}
	return p.showDevice(v, s, e)
}

// done is where a login in a second tab ends, see page's ended.html.
func (p *pages) done(v *page.Visit) error {
	if !p.usable(v) {
		return v.Redirect(loginTo(donePath))
	}
	return v.Render("done.html", nil)
}
