package account

import (
	"rolegate/internal/console/page"
	"rolegate/internal/store"
	"rolegate/model"
)

// opened is a live session of the person's.
type opened struct {
	store.Session
	Current bool
}

// Device is what it was opened with, see describe.
func (o opened) Device() string { return describe(o.Agent) }

// openedList is what the page of sessions shows.
type openedList struct {
	Sessions []opened
	Others   int
}

func (p *pages) sessions(v *page.Visit) error {
	live, err := p.login.Sessions(v.Context(), v.Session.Caller)
	if err != nil {
		return err
	}
	var l openedList
	for _, s := range live {
		o := opened{s, s.ID == v.Session.Caller.Session}
		if o.Current {
			l.Sessions = append([]opened{o}, l.Sessions...) // one's own comes first
			continue
		}
		l.Sessions = append(l.Sessions, o)
		l.Others++
	}
	return v.Render("sessions.html", l)
}

func (p *pages) endSession(v *page.Visit) error {
	_, err := p.login.EndSession(v.Context(), v.Session.Caller, v.Param("id"))
	switch {
	case model.CodeOf(err) == model.CodeNotFound: // as it is when it has ended already
		return v.Already(err, sessionsPath, "sessions.gone")
	case err != nil:
		return err
	}
	return v.Done(sessionsPath, "sessions.ended")
}

func (p *pages) endOthers(v *page.Visit) error {
	n, _, err := p.login.EndOtherSessions(v.Context(), v.Session.Caller)
	if err != nil {
		return err
	}
	return v.Done(sessionsPath, "sessions.ended.others", "n", n)
}

// knownDevice is a browser or an app that the person has logged in with.
type knownDevice struct {
	store.KnownDevice
	Current bool
}

func (p *pages) known(v *page.Visit) error {
	devices, current, err := p.login.KnownDevices(v.Context(), v.Session.Caller)
	if err != nil {
		return err
	}
	list := make([]knownDevice, len(devices))
	for i, d := range devices {
		list[i] = knownDevice{d, d.ID == current}
	}
	return v.Render("known.html", list)
}

func (p *pages) forget(v *page.Visit) error {
	err := p.login.ForgetDevice(v.Context(), v.Session.Caller, v.Param("id"))
	switch {
	case model.CodeOf(err) == model.CodeNotFound: // as it is when the form comes twice
		return v.Already(err, knownPath, "known.forgotten")
	case err != nil:
		return err
	}
	return v.Done(knownPath, "known.forgotten")
}
