package account

import (
	"rolegate/internal/console/page"
	"rolegate/internal/login"
)

// codes is what the page of recovery codes shows.
type codes struct {
	Left    int
	Devices int
	Form    string // names the one that makes new codes
}

func (p *pages) codesLeft(v *page.Visit) (c codes, err error) {
	if c.Left, err = p.login.RecoveryCodesLeft(v.Context(), *v.Session); err != nil {
		return c, err
	}
	var devices []login.Device
	devices, err = p.login.Devices(v.Context(), *v.Session)
	c.Devices = len(devices)
	if err == nil {
		c.Form, err = p.login.NewForm(*v.Session)
	}
	return c, err
}

func (p *pages) recovery(v *page.Visit) error {
	c, err := p.codesLeft(v)
	if err != nil {
		return err
	}
	return v.Render("recovery.html", c)
}

// newCodes makes new codes and shows them, to the same form once more, too.
func (p *pages) newCodes(v *page.Visit) error {
	a, err := p.login.Account(v.Context(), *v.Session)
	if err != nil {
		return err
	}
	made, err := p.login.NewRecoveryCodes(v.Context(), *v.Session, v.Raw("form"))
	if err != nil {
		c, leftErr := p.codesLeft(v)
		if leftErr != nil {
			return leftErr
		}
		return v.Again(err, "recovery.html", c)
	}
	return v.Render("codes.html", page.Codes{Codes: made, Account: a.Username, Next: recoveryPath, Made: p.Now()})
}

// saved goes on from the codes, as at the entrance.
func (p *pages) saved(v *page.Visit) error {
	if v.Form("saved") == "" {
		return v.Done(v.Form("next"), "codes.unsaved")
	}
	return v.Done(v.Form("next"), "recovery.saved")
}
