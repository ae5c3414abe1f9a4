package account

import (
	"rolegate/internal/audit"
	"rolegate/internal/console/page"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// overview is who somebody is and how safe their account is.
type overview struct {
	login.Account
	Devices, Codes, Sessions int
	Last                     *line // the login before this session
	Refused                  int   // attempts since then
	Most                     int   // devices
}

// fewCodes are so few recovery codes that it is time for new ones.
const fewCodes = 3

// Few tells whether there are too few recovery codes.
func (o overview) Few() bool { return o.Devices > 0 && o.Codes < fewCodes }

// lookedBack is how many lines of the history the overview looks through.
const lookedBack = 100

func (p *pages) overview(v *page.Visit) error {
	ctx, caller := v.Context(), v.Session.Caller
	o := overview{Most: login.MaxDevices}
	var err error
	if o.Account, err = p.login.Account(ctx, *v.Session); err != nil {
		return err
	}
	devices, err := p.login.Devices(ctx, *v.Session)
	if err != nil {
		return err
	}
	if o.Codes, err = p.login.RecoveryCodesLeft(ctx, *v.Session); err != nil {
		return err
	}
	sessions, err := p.login.Sessions(ctx, caller)
	if err != nil {
		return err
	}
	events, err := p.login.History(ctx, caller, store.EventPlace{}, lookedBack)
	if err != nil {
		return err
	}
	o.Devices, o.Sessions = len(devices), len(sessions)
	o.Last, o.Refused = before(events, sessions, caller)
	return v.Render("overview.html", o)
}

// before finds the login before this session, and counts what was refused since it.
func before(events []store.Event, sessions []store.Session, caller model.Caller) (last *line, refused int) {
	var mine store.Session
	for _, s := range sessions {
		if s.ID == caller.Session {
			mine = s
		}
	}
	for _, e := range events {
		switch audit.Activity(e.Activity) {
		case audit.LoginSucceeded:
			if e.At.Before(mine.CreatedAt) {
				return &line{e}, refused
			}
		case audit.PasswordFailed, audit.OTPFailed, audit.RecoveryFailed, audit.RefreshReused:
			refused += e.Times
		}
	}
	return nil, refused
}
