// Package entrance is the pages of a login, from an invitation or a password to a
// session, and what concerns a session as a whole: a step-up, its end, the language.
//
// A ticket goes from page to page in a hidden field: it proves the steps before, lives
// five minutes, and is in no address.
package entrance

import (
	"context"
	"embed"

	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/model"
)

//go:embed templates
var templates embed.FS

// Login is what these pages need of the login service.
type Login interface {
	Login(ctx context.Context, tenant, username, password string) (login.Result, error)
	VerifyTOTP(ctx context.Context, ticket, code string) (login.Result, error)
	StepUp(ctx context.Context, session login.Session, code string) (login.Result, error)
	Logout(ctx context.Context, caller model.Caller) (revision int64, err error)
}

type pages struct {
	*page.Area
	login Login
}

// Add adds the pages to the frame.
func Add(f *page.Frame, l Login) {
	p := &pages{f.New(templates, texts), l}
	p.Open("GET", "/", p.start)
	p.Open("GET", page.LoginPath, p.ask)
	p.Open("POST", page.LoginPath, p.password)
	p.Open("POST", page.LoginPath+"/code", p.code)
	p.Any("POST", "/logout", p.logout)
	p.Open("POST", "/language", p.language)

	p.Documents(page.StepUpPath)
	p.Person("GET", page.StepUpPath, func(v *page.Visit) error { return v.AskCode(nil) })
	p.Person("POST", page.StepUpPath, p.stepUp)
}

// step is what the page of a login's step shows, and carries to the next.
type step struct {
	Tenant, Username string
	Next             string // where to go when it is done
	Ticket           string
	Factors          []string
}

// start is the start page: one's account, or the login.
func (p *pages) start(v *page.Visit) error {
	if v.Session == nil {
		return v.Redirect(page.LoginPath)
	}
	return v.Redirect(page.HomePath)
}

func (p *pages) ask(v *page.Visit) error {
	return v.Render("login.html", step{Tenant: v.Query("tenant"), Next: page.Local(v.Query("next"))})
}

func (p *pages) password(v *page.Visit) error {
	s := step{Tenant: v.Form("tenant"), Username: v.Form("username"), Next: page.Local(v.Form("next"))}
	tenant := s.Tenant
	if tenant == "" {
		tenant = model.DefaultTenant
	}
	res, err := p.login.Login(v.Context(), tenant, s.Username, v.Raw("password"))
	if err != nil {
		return v.Again(err, "login.html", s)
	}
	return p.on(v, s, res)
}

// on goes on with what a step answered.
func (p *pages) on(v *page.Visit, s step, res login.Result) error {
	switch res.Status {
	case login.StatusMFARequired:
		s.Ticket, s.Factors = res.Ticket, res.Factors
		return v.Render("code.html", s)
	default:
		v.LogIn(res.Tokens)
		return v.Redirect(s.Next)
	}
}

func (p *pages) code(v *page.Visit) error {
	s := step{Next: page.Local(v.Form("next")), Ticket: v.Raw("ticket")}
	res, err := p.login.VerifyTOTP(v.Context(), s.Ticket, v.Form("code"))
	switch model.CodeOf(err) {
	case "":
		return p.on(v, s, res)
	case model.CodeTicketInvalid: // only the password helps
		return v.Again(err, "login.html", s)
	}
	return v.Again(err, "code.html", s)
}

func (p *pages) stepUp(v *page.Visit) error {
	res, err := p.login.StepUp(v.Context(), *v.Session, v.Form("code"))
	if err != nil {
		return v.AskCode(err)
	}
	v.LogIn(res.Tokens)
	return v.Resume()
}

func (p *pages) logout(v *page.Visit) error {
	if _, err := p.login.Logout(v.Context(), v.Session.Caller); err != nil {
		return err
	}
	v.LogOut()
	return v.Done(page.LoginPath, "logout.done")
}

func (p *pages) language(v *page.Visit) error {
	switch l := i18n.Lang(v.Form("language")); l {
	case i18n.English, i18n.Chinese:
		v.SetLanguage(l)
	}
	return v.Redirect(v.Form("next"))
}
