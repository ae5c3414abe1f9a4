package account

import (
	"slices"

	"rolegate/internal/console/page"
	"rolegate/internal/login"
	"rolegate/model"
)

// deviceList is what the page of devices shows.
type deviceList struct {
	login.Account
	Devices []login.Device
	Name    string // of a new one, as entered
	Most    int
}

// Full tells whether there is room for no more.
func (l deviceList) Full() bool { return len(l.Devices) >= l.Most }

func (p *pages) deviceList(v *page.Visit) (l deviceList, err error) {
	l.Most = login.MaxDevices
	if l.Account, err = p.login.Account(v.Context(), *v.Session); err != nil {
		return l, err
	}
	l.Devices, err = p.login.Devices(v.Context(), *v.Session)
	return l, err
}

func (p *pages) devices(v *page.Visit) error {
	l, err := p.deviceList(v)
	if err != nil {
		return err
	}
	return v.Render("devices.html", l)
}

// added is a new device while it is confirmed. Its form carries it along, so that a
// wrong code shows the same picture again.
type added struct {
	ID, Name string
	Device   page.Device
	Form     string // names the form that confirms it
}

// addDevice shows a new device, in place of one that was shown before.
func (p *pages) addDevice(v *page.Visit) error {
	name := v.Form("name")
	e, err := p.login.AddDevice(v.Context(), *v.Session, name)
	if err != nil {
		l, listErr := p.deviceList(v)
		if listErr != nil {
			return listErr
		}
		l.Name = name
		return v.Again(err, "devices.html", l)
	}
	d, err := page.NewDevice(e.OTPAuthURI)
	if err != nil {
		return err
	}
	return v.Render("enrol.html", added{e.DeviceID, name, d, e.Form})
}

// confirmDevice makes it count. Without a code the form comes back from a step-up.
func (p *pages) confirmDevice(v *page.Visit) error {
	a := added{ID: v.Param("id"), Name: v.Form("name"), Form: v.Raw("form")}
	var err error
	if a.Device, err = page.NewDevice(v.Form("device")); err != nil {
		return err
	}
	code := v.Code()
	if code == "" {
		return v.Render("enrol.html", a)
	}
	c, err := p.login.ConfirmDevice(v.Context(), *v.Session, a.ID, code, a.Form)
	switch {
	case model.CodeOf(err) == model.CodeNotFound: // it waited for too long, or the form came twice
		return v.Already(err, devicesPath, "devices.over")
	case err != nil:
		return v.Again(err, "enrol.html", a)
	}
	if c.RecoveryCodes == nil {
		return v.Done(devicesPath, "devices.added", "name", c.Device.Name)
	}
	if c.Tokens != nil {
		v.LogIn(c.Tokens)
	}
	return p.firstCodes(v, a, c.RecoveryCodes)
}

// firstCodes shows the recovery codes that came with a first device.
func (p *pages) firstCodes(v *page.Visit, a added, codes []string) error {
	return v.Render("codes.html", page.Codes{Codes: codes, Account: a.Device.Account(), Next: devicesPath, Made: p.Now()})
}

// codesAgain shows them to the form that came twice: a first device ends the session
// that it is added by, and the one in its place came with the answer before.
func (p *pages) codesAgain(v *page.Visit) (err error) {
	var a added
	if a.Device, err = page.NewDevice(v.Form("device")); err != nil {
		return err
	}
	codes, err := p.login.CodesAgain(v.Context(), v.Raw("form"), v.Code())
	if err != nil {
		return err
	}
	return p.firstCodes(v, a, codes)
}

// one is what the page of one device shows.
type one struct {
	login.Device
	Entered string // another name for it
	Others  int    // devices besides
	Last    bool   // it may not go
}

// find is one of the person's devices; none of theirs is CodeNotFound.
func (p *pages) find(v *page.Visit) (o one, err error) {
	l, err := p.deviceList(v)
	if err != nil {
		return o, err
	}
	i := slices.IndexFunc(l.Devices, func(d login.Device) bool { return d.ID == v.Param("id") })
	if i < 0 {
		return o, &model.Error{Code: model.CodeNotFound}
	}
	o = one{Device: l.Devices[i], Entered: l.Devices[i].Name, Others: len(l.Devices) - 1}
	o.Last = o.Others == 0 && l.Required
	return o, nil
}

func (p *pages) device(v *page.Visit) error {
	o, err := p.find(v)
	if err != nil {
		return err
	}
	return v.Render("device.html", o)
}

func (p *pages) renameDevice(v *page.Visit) error {
	d, err := p.login.RenameDevice(v.Context(), *v.Session, v.Param("id"), v.Form("name"))
	if err != nil {
		return p.deviceAgain(v, err)
	}
	return v.Done(devicesPath, "devices.renamed", "name", d.Name)
}

func (p *pages) removeDevice(v *page.Visit) error {
	o, err := p.find(v)
	if model.CodeOf(err) == model.CodeNotFound { // as it is when the form comes twice
		return v.Already(err, devicesPath, "devices.gone")
	}
	if err == nil {
		err = p.login.RemoveDevice(v.Context(), *v.Session, o.ID)
	}
	if err != nil {
		return p.deviceAgain(v, err)
	}
	return v.Done(devicesPath, "devices.removed", "name", o.Name)
}

// deviceAgain tells a failure on the device's page, or on the list where it is gone.
func (p *pages) deviceAgain(v *page.Visit, err error) error {
	o, findErr := p.find(v)
	switch {
	case model.CodeOf(findErr) == model.CodeNotFound:
		return v.Already(err, devicesPath, "devices.gone")
	case findErr != nil:
		return findErr
	}
	if name := v.Form("name"); name != "" {
		o.Entered = name
	}
	return v.Again(err, "device.html", o)
}
