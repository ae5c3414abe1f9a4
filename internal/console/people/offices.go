package people

import (
	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/store"
	"rolegate/model"
)

// officePage is who holds the offices, and who was asked for.
type officePage struct {
	Held            []held
	Pending, Before []store.OfficeRequest
	Offices         []string
	Me              string // as requests name people

	Member, Office, Reason string
}

func (p *pages) offices(v *page.Visit, o *administration.Officer) error {
	d, err := p.officePage(v, o)
	if err != nil {
		return err
	}
	return v.Render("offices.html", d)
}

func (p *pages) officePage(v *page.Visit, o *administration.Officer) (officePage, error) {
	d := officePage{Offices: model.Offices, Me: o.Caller().String()}
	holders, err := o.OfficeHolders(v.Context())
	if err != nil {
		return d, err
	}
	d.Held = heldAt(holders, p.Now())
	requests, err := o.OfficeRequests(v.Context())
	for _, r := range requests {
		switch {
		case r.State != store.RequestPending:
			d.Before = append(d.Before, r)
		case !p.Now().Before(r.ExpiresAt):
			r.State = "expired"
			d.Before = append(d.Before, r)
		default:
			d.Pending = append(d.Pending, r)
		}
	}
	return d, err
}

// officesAgain shows the page once more with what failed.
func (p *pages) officesAgain(v *page.Visit, failed error) error {
	o, err := v.Enter(administration.Offices, administration.Read)
	if err != nil {
		return failed
	}
	d, err := p.officePage(v, o)
	if err != nil {
		return failed
	}
	d.Member, d.Office, d.Reason = v.Form("member"), v.Form("office"), v.Raw("reason")
	return v.Again(failed, "offices.html", d)
}

func (p *pages) requestOffice(v *page.Visit, o *administration.Officer) error {
	done, err := o.RequestOffice(v.Context(), v.Form("member"), v.Form("office"), v.Form("reason"))
	if err != nil {
		return p.officesAgain(v, err)
	}
	return v.Done(Home+"/offices", "office.requested", "office", done.Office, "member", done.Member)
}

func (p *pages) decideOffice(approve bool) func(*page.Visit, *administration.Officer) error {
	return func(v *page.Visit, o *administration.Officer) error {
		done, err := o.DecideOffice(v.Context(), v.Raw("id"), approve)
		switch {
		case err != nil:
			return p.officesAgain(v, err)
		case approve:
			return v.Done(Home+"/offices", "office.approved", "office", done.Office, "member", done.Member)
		}
		return v.Done(Home+"/offices", "office.denied", "office", done.Office, "member", done.Member)
	}
}
