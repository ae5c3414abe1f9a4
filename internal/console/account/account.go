// Package account is where people look after their own account: devices, recovery
// codes, password, sessions, and what their history has of all that.
//
//	/account ─┬─▶ devices ─▶ a new one: name ─▶ QR code ─▶ confirmed (─▶ recovery codes, for the first)
//	          ├─▶ recovery codes ─▶ new ones, shown once
//	          ├─▶ password
//	          ├─▶ sessions, known devices
//	          └─▶ history ─▶ this was not me ─▶ password
//
// It goes by the login service as /v1/me does, and takes what that takes: a fresh
// factor for what would let somebody else stay, none for what sends them away.
package account

import (
	"context"
	"embed"

	"rolegate/internal/console/page"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

//go:embed templates/*.html
var templates embed.FS

// Login is what these pages need of the login service.
type Login interface {
	Account(ctx context.Context, session login.Session) (login.Account, error)

	Devices(ctx context.Context, session login.Session) ([]login.Device, error)
	AddDevice(ctx context.Context, session login.Session, name string) (login.Enrolment, error)
	ConfirmDevice(ctx context.Context, session login.Session, id, code, form string) (login.Confirmed, error)
	RenameDevice(ctx context.Context, session login.Session, id, name string) (login.Device, error)
	RemoveDevice(ctx context.Context, session login.Session, id string) error

	RecoveryCodesLeft(ctx context.Context, session login.Session) (int, error)
	NewRecoveryCodes(ctx context.Context, session login.Session, form string) ([]string, error)
	NewForm(session login.Session) (string, error)
	CodesAgain(ctx context.Context, form, code string) ([]string, error)

	ChangePassword(ctx context.Context, session login.Session, current, next string) (login.Result, error)
	PasswordStrength(ctx context.Context, session login.Session, pass string) (login.Strength, error)

	Sessions(ctx context.Context, caller model.Caller) ([]store.Session, error)
	EndSession(ctx context.Context, caller model.Caller, id string) (revision int64, err error)
	EndOtherSessions(ctx context.Context, caller model.Caller) (ended int, revision int64, err error)

	KnownDevices(ctx context.Context, caller model.Caller) (devices []store.KnownDevice, current string, err error)
	ForgetDevice(ctx context.Context, caller model.Caller, id string) error

	History(ctx context.Context, caller model.Caller, before store.EventPlace, limit int) ([]store.Event, error)
	Event(ctx context.Context, session login.Session, at store.EventPlace) (store.Event, error)
	Disown(ctx context.Context, session login.Session, event store.EventPlace) (d login.Disowned, revision int64, err error)
}

type pages struct {
	*page.Area
	login Login
}

// Where the pages are.
const (
	devicesPath  = page.HomePath + "/devices"
	recoveryPath = page.HomePath + "/recovery-codes"
	passwordPath = page.HomePath + "/password"
	sessionsPath = page.HomePath + "/sessions"
	knownPath    = page.HomePath + "/known-devices"
	historyPath  = page.HomePath + "/history"
	disownPath   = page.HomePath + "/not-me"
)

// Add adds the pages to the frame.
func Add(f *page.Frame, l Login) {
	p := &pages{f.New(templates, texts), l}
	f.Section(page.Section{Path: page.HomePath, Text: texts["account.section"], Order: 10})

	p.Person("GET", page.HomePath, p.overview)

	p.Person("GET", devicesPath, p.devices)
	p.Fresh("POST", devicesPath, p.addDevice)
	p.Reopens(devicesPath + "/{id}/confirm")
	p.Twice(devicesPath+"/{id}/confirm", p.codesAgain)
	p.Fresh("POST", devicesPath+"/{id}/confirm", p.confirmDevice)
	p.Person("GET", devicesPath+"/{id}", p.device)
	p.Person("POST", devicesPath+"/{id}/name", p.renameDevice)
	p.Fresh("POST", devicesPath+"/{id}/remove", p.removeDevice)

	p.Person("GET", recoveryPath, p.recovery)
	p.Fresh("POST", recoveryPath, p.newCodes)
	p.Person("POST", recoveryPath+"/saved", p.saved)

	p.Fresh("GET", passwordPath, func(v *page.Visit) error { return v.Render("password.html", password{}) })
	p.Fresh("POST", passwordPath, p.changePassword)
	p.Person("POST", passwordPath+"/strength", p.strength)

	p.Person("GET", sessionsPath, p.sessions)
	p.Person("POST", sessionsPath+"/end-others", p.endOthers)
	p.Person("POST", sessionsPath+"/{id}/end", p.endSession)
	p.Person("GET", knownPath, p.known)
	p.Person("POST", knownPath+"/{id}/forget", p.forget)

	p.Person("GET", historyPath, p.history)
	p.Person("GET", disownPath, p.askDisown)
	p.Person("POST", disownPath, p.disown)
}
