package entrance

import (
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/model"
)

func (p *pages) stepUp(v *page.Visit) error {
	res, err := p.login.StepUp(v.Context(), *v.Session, v.Code())
	if err != nil {
		return v.AskCode(err)
	}
	v.LogIn(res.Tokens)
	return v.Resume()
}

// logout ends the session. One that has ended already is as good. Who logs in again is
// led on to where they were asked to.
func (p *pages) logout(v *page.Visit) error {
	if err := v.Unread(); err != nil { // it would go on, and nobody here could end it
		return err
	}
	if v.Session != nil {
		if _, err := p.login.Logout(v.Context(), v.Session.Caller); err != nil && model.CodeOf(err) != model.CodeUnauthorized {
			return err
		}
	}
	v.LogOut()
	to := page.LoginPath
	if next := v.Form("next"); next != "" {
		to = loginTo(next)
	}
	return v.Done(to, "logout.done")
}

func (p *pages) language(v *page.Visit) error {
	choose(v)
	return v.Redirect(v.Form("next"))
}

// stepLanguage shows the page of a step once more, in the language that was chosen: no
// address leads back to it, or, of the login itself after a failure, to where it leads.
func (p *pages) stepLanguage(v *page.Visit) error {
	choose(v)
	s := p.carried(v)
	switch {
	case s.Ticket == "":
		s.Tenant = v.Form("tenant")
		return v.Redirect(s.login())
	case s.Device != nil:
		return v.Render("enrol.html", s)
	}
	return v.Render("code.html", s)
}

func choose(v *page.Visit) {
	switch l := i18n.Lang(v.Form("language")); l {
	case i18n.English, i18n.Chinese:
		v.SetLanguage(l)
		v.Lang = l
	}
}
