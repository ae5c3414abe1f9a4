package entrance

import (
	"regexp"

	"rolegate/internal/console/page"
	"rolegate/model"
)

// invitation is what its page shows.
type invitation struct {
	Invite   string // the secret, for the form alone: no reader needs to see it
	Strength *page.Strength
}

// secret is what an invitation is spelled with; nothing else is ever taken up.
var secret = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// invitation asks for a password. It does not look the invitation up: whether it is
// valid is told only to who accepts it.
func (p *pages) invitation(v *page.Visit) error {
	invite := v.Param("invite")
	if !secret.MatchString(invite) {
		return p.damaged(v)
	}
	return v.Render("invite.html", invitation{Invite: invite})
}

// damaged is for a link that lost a part.
func (p *pages) damaged(v *page.Visit) error {
	return v.Again(&model.Error{Code: model.CodeNotFound}, "damaged.html", nil)
}

func (p *pages) accept(v *page.Visit) error {
	res, err := p.login.AcceptInvite(v.Context(), v.Raw("invite"), v.Raw("password"))
	if err != nil {
		return p.notAccepted(v, err, "page")
	}
	return p.on(v, step{Next: "/", Chosen: true}, res)
}

// strength tells what a password is worth while it is typed, or, without a script, on a
// page of its own.
func (p *pages) strength(v *page.Visit) error {
	i := invitation{Invite: v.Raw("invite")}
	if password := v.Raw("password"); password != "" {
		s, err := p.login.InviteStrength(v.Context(), i.Invite, password)
		if err != nil {
			return p.notAccepted(v, err, "refusedstrength")
		}
		i.Strength = v.Strength(s)
	}
	if v.HTMX() {
		return v.Part("invite.html", "strength", i)
	}
	return v.Render("invite.html", i)
}

// notAccepted tells why, on a page without a form where the invitation is no good.
func (p *pages) notAccepted(v *page.Visit, err error, part string) error {
	invite := v.Raw("invite")
	if model.CodeOf(err) == model.CodeInviteInvalid || !secret.MatchString(invite) {
		return v.AgainPart(err, "spent.html", part, nil)
	}
	return v.AgainPart(err, "invite.html", part, invitation{Invite: invite})
}
