// Package entrance is the pages of a login, from an invitation or a password to a
// session, and what concerns a session as a whole: a step-up, its end, the language.
//
//	/invite/SECRET ─▶ password ─┬─▶ /login/enrol (QR code) ─▶ recovery codes, saved ─▶ where one wanted to go
//	/login ───────────▶ password ┼─▶ /login/code ────────────────────────────────────▶
//	                            │        └─▶ /login/recovery ─▶ /login/enrol, for a new device;
//	                            │                └─▶ /login, for an hour ─▶ /login/enrol
//	                            └─▶ where no second factor is due ──────────────────▶
//
// A ticket goes from page to page in a hidden field: it proves the steps before, lives
// five minutes, and is in no address. So is what else the steps pass on; none of it is
// believed by more than the next page. After a recovery code the browser holds the session
// that it opened, which can enrol a new device and nothing else, so that the code is not
// lost with the page or the ticket.
package entrance

import (
	"context"
	"embed"
	"slices"
	"strconv"

	"rolegate/internal/console/page"
	"rolegate/internal/login"
	"rolegate/model"
)

//go:embed templates/*.html
var templates embed.FS

// Login is what these pages need of the login service.
type Login interface {
	AcceptInvite(ctx context.Context, invite, password string) (login.Result, error)
	InviteStrength(ctx context.Context, invite, password string) (login.Strength, error)
	Login(ctx context.Context, tenant, username, password string) (login.Result, error)
	VerifyTOTP(ctx context.Context, ticket, code string) (login.Result, error)
	VerifyRecovery(ctx context.Context, ticket, code string) (login.Result, error)
	Enrol(ctx context.Context, ticket string) (login.Enrolment, error)
	ConfirmEnrolment(ctx context.Context, ticket, code, form string) (login.Result, error)
	Recovers(ctx context.Context, session login.Session, ticket string) (bool, error)
	ReEnrol(ctx context.Context, session login.Session) (login.Enrolment, error)
	ConfirmReEnrolment(ctx context.Context, session login.Session, code, form string) (login.Result, error)
	StepUp(ctx context.Context, session login.Session, code string) (login.Result, error)
	Logout(ctx context.Context, caller model.Caller) (revision int64, err error)
}

type pages struct {
	*page.Area
	login Login
}

// Where the steps of a login are.
const (
	codePath     = page.LoginPath + "/code"
	recoveryPath = page.LoginPath + "/recovery"
	enrolPath    = page.LoginPath + "/enrol"
	confirmPath  = enrolPath + "/confirm"
	savedPath    = page.LoginPath + "/saved"
	donePath     = page.LoginPath + "/done"
)

// Add adds the pages to the frame.
func Add(f *page.Frame, l Login) {
	p := &pages{f.New(templates, texts), l}
	p.Open("GET", "/", p.start)

	p.Open("GET", "/invite/{invite}", p.invitation)
	p.Open("GET", "/invite", func(v *page.Visit) error { return v.Render("damaged.html", nil) })
	p.Open("POST", "/invite", p.accept)
	p.Open("POST", "/invite/strength", p.strength)

	p.Open("GET", page.LoginPath, p.ask)
	p.Open("POST", page.LoginPath, p.password)
	p.Open("POST", codePath, p.code)
	p.Open("POST", recoveryPath, p.recovery)
	p.Open("POST", enrolPath, p.enrolAnew)
	p.Open("POST", confirmPath, p.confirm)
	p.Open("POST", savedPath, p.saved)
	p.Open("POST", page.LoginPath+"/language", p.stepLanguage)
	p.Open("GET", donePath, p.done)
	p.Open("GET", page.LoginPath+"/*", func(v *page.Visit) error { return v.Redirect(page.LoginPath) }) // the address of a step, entered by hand

	p.Open("POST", "/logout", p.logout)
	p.Open("POST", "/language", p.language)
	p.Documents(page.StepUpPath)
	p.Person("GET", page.StepUpPath, func(v *page.Visit) error { return v.AskCode(nil) })
	p.Person("POST", page.StepUpPath, p.stepUp)
}

// step is what the page of a login's step shows, and carries to the next.
type step struct {
	Tenant, Username string
	Remember         bool   // the user name
	Next             string // where to go when it is done
	Ticket           string
	Until            int64        // when the ticket ends, in milliseconds since 1970
	Chosen           bool         // a password was, with an invitation
	Note             string       // what became of that, by the key of its text
	Recovery         bool         // a recovery code would do, too
	Recovering       bool         // and was tried last
	Replaces         bool         // the device that is enrolled replaces those before
	Device           *page.Device // that is enrolled
	Form             string       // names the form that confirms it
}

// carried is the step that the form of its page brought along.
func (p *pages) carried(v *page.Visit) step {
	s := step{Username: v.Form("username"), Next: page.Local(v.Form("next")), Ticket: v.Raw("ticket"), Recovery: v.Form("recovery") != "", Replaces: v.Form("replaces") != ""}
	s.Form, s.Chosen = v.Raw("form"), v.Form("chosen") != ""
	s.Until, _ = strconv.ParseInt(v.Form("until"), 10, 64) // 0 shows no countdown
	if d, err := page.NewDevice(v.Form("device")); err == nil {
		s.Device = &d
	}
	return s
}

// on goes on with what a step answered.
func (p *pages) on(v *page.Visit, s step, res login.Result) error {
	if res.Status != login.StatusOK {
		s = p.ticketed(s, res)
	}
	switch res.Status {
	case login.StatusMFARequired:
		return v.Render("code.html", s)
	case login.StatusEnrolmentRequired:
		return p.enrol(v, s)
	default:
		p.enter(v, res.Tokens)
		return v.Redirect(s.Next)
	}
}

func (p *pages) ticketed(s step, res login.Result) step {
	s.Ticket, s.Until, s.Recovery = res.Ticket, p.Now().Add(res.ExpiresIn).UnixMilli(), slices.Contains(res.Factors, "recovery")
	return s
}

// enter has the browser hold the new session. The one it held before ends: it may be
// somebody else's, and nobody could end it from here any more. Where that fails it ends
// when it is idle.
func (p *pages) enter(v *page.Visit, t *login.Tokens) {
	if v.Session != nil {
		_, _ = p.login.Logout(v.Context(), v.Session.Caller)
	}
	v.LogIn(t)
}

// refused tells a failure on the page of its step, or, where only the password helps,
// on that of the login.
func (p *pages) refused(v *page.Visit, err error, name string, s step) error {
	if model.CodeOf(err) != model.CodeTicketInvalid {
		return v.Again(err, name, s)
	}
	if p.usable(v) { // the form came twice, and the first time it was good
		return v.Redirect(loginTo(s.Next))
	}
	return v.Again(err, "login.html", remembered(v, step{Next: s.Next, Note: s.chosen(name)}))
}

// chosen is what is said of a password that was chosen with an invitation when the step of
// the page is over: where a device was, it waited for the code.
func (s step) chosen(page string) string {
	switch {
	case !s.Chosen:
		return ""
	case page == "code.html":
		return "chosen.waited"
	}
	return "chosen.counts"
}

// usable tells whether the visitor has a session that opens pages.
func (p *pages) usable(v *page.Visit) bool {
	return v.Session != nil && !v.Session.Restricted && p.Login.Sufficient(v.Context(), *v.Session) == nil
}
