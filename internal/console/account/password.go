package account

import "rolegate/internal/console/page"

// password is what the page of the password shows. What was entered is not in it.
type password struct {
	Strength *page.Strength
}

func (p *pages) changePassword(v *page.Visit) error {
	res, err := p.login.ChangePassword(v.Context(), *v.Session, v.Raw("current"), v.Raw("new"))
	if err != nil {
		return v.Again(err, "password.html", password{})
	}
	v.LogIn(res.Tokens)
	return v.Done(page.HomePath, "password.changed")
}

// strength tells what a password is worth while it is typed, or, without a script, on a
// page of its own.
func (p *pages) strength(v *page.Visit) error {
	var shown password
	if entered := v.Raw("new"); entered != "" {
		s, err := p.login.PasswordStrength(v.Context(), *v.Session, entered)
		if err != nil {
			return v.AgainPart(err, "password.html", "refusedstrength", shown)
		}
		shown.Strength = v.Strength(s)
	}
	if v.HTMX() {
		return v.Part("password.html", "strength", shown)
	}
	return v.Render("password.html", shown)
}
