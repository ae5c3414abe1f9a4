package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
)

// Factors is what the server needs for people who look after their own second
// factors. Errors carry a model.Code; a wrong code is a *login.WrongCode.
type Factors interface {
	Devices(ctx context.Context, session login.Session) ([]login.Device, error)
	// AddDevice and RenameDevice are CodeInvalidRequest for a name that cannot be shown.
	AddDevice(ctx context.Context, session login.Session, name string) (login.Enrolment, error)
	// ConfirmDevice, RenameDevice and RemoveDevice are CodeNotFound for a device that is not the person's.
	ConfirmDevice(ctx context.Context, session login.Session, id, code, form string) (login.Confirmed, error)
	RenameDevice(ctx context.Context, session login.Session, id, name string) (login.Device, error)
	RemoveDevice(ctx context.Context, session login.Session, id string) error

	RecoveryCodesLeft(ctx context.Context, session login.Session) (int, error)
	NewRecoveryCodes(ctx context.Context, session login.Session, form string) ([]string, error)

	StepUp(ctx context.Context, session login.Session, code string) (login.Result, error)
}

func (s *Server) devices(w http.ResponseWriter, r *http.Request, session login.Session) error {
	list, err := s.Factors.Devices(r.Context(), session)
	if err != nil {
		return err
	}
	answer := api.DeviceList{Devices: make([]api.Device, 0, len(list))}
	for _, d := range list {
		answer.Devices = append(answer.Devices, deviceOf(d))
	}
	return reply(w, http.StatusOK, answer)
}

func (s *Server) addDevice(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.DeviceName](s, w, r)
	if err != nil {
		return err
	}
	e, err := s.Factors.AddDevice(r.Context(), session, req.Name)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, enrolmentOf(e))
}

func (s *Server) confirmDevice(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.OneTimeCode](s, w, r)
	if err != nil {
		return err
	}
	c, err := s.Factors.ConfirmDevice(r.Context(), session, deviceID(r), req.Code, "")
	if err != nil {
		return err
	}
	answer := api.DeviceConfirmed{Device: deviceOf(c.Device), RecoveryCodes: c.RecoveryCodes}
	if t := c.Tokens; t != nil {
		answer.AccessToken, answer.RefreshToken, answer.ExpiresIn = t.AccessToken, t.RefreshToken, seconds(t.ExpiresIn)
		answer.TokenType = api.DeviceConfirmedTokenTypeBearer
	}
	return reply(w, http.StatusOK, answer)
}

func (s *Server) renameDevice(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.DeviceName](s, w, r)
	if err != nil {
		return err
	}
	d, err := s.Factors.RenameDevice(r.Context(), session, deviceID(r), req.Name)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, deviceOf(d))
}

func (s *Server) removeDevice(w http.ResponseWriter, r *http.Request, session login.Session) error {
	if err := s.Factors.RemoveDevice(r.Context(), session, deviceID(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) recoveryCodesLeft(w http.ResponseWriter, r *http.Request, session login.Session) error {
	left, err := s.Factors.RecoveryCodesLeft(r.Context(), session)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.RecoveryCodesLeft{Left: left})
}

func (s *Server) newRecoveryCodes(w http.ResponseWriter, r *http.Request, session login.Session) error {
	codes, err := s.Factors.NewRecoveryCodes(r.Context(), session, "")
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.RecoveryCodes{RecoveryCodes: codes})
}

func (s *Server) stepUp(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.OneTimeCode](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Factors.StepUp(r.Context(), session, req.Code)
	return replyLogin(w, res, err)
}

// deviceID is an id as we make them, or no id: they are letters and digits, so
// that nothing has to be unescaped.
func deviceID(r *http.Request) string { return chi.URLParam(r, "id") }

func deviceOf(d login.Device) api.Device {
	return api.Device{ID: d.ID, Name: d.Name, CreatedAt: onWire(d.CreatedAt), LastUsedAt: onWire(d.UsedAt)}
}

func enrolmentOf(e login.Enrolment) api.Enrolment {
	return api.Enrolment{DeviceID: e.DeviceID, Secret: e.Secret, OtpauthURI: e.OTPAuthURI, QRPNG: e.QRPNG}
}

// onWire is when something of ours happened or ends, in whole seconds, UTC (RFC
// 3339); the contract holds every answer to it.
func onWire(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// wrongCode adds to the problem of a wrong code what helps whoever has a wrong
// clock, or takes it from a device that is a factor no more.
func wrongCode(lang i18n.Lang, p *api.Problem, err error) {
	wrong, ok := errors.AsType[*login.WrongCode](err)
	if !ok {
		return
	}
	p.ServerTime = onWire(wrong.At)
	if wrong.Recovery {
		p.Detail = i18n.Sentence(lang, i18n.WrongRecovery, nil)
		return
	}
	if d := wrong.Removed; d != nil {
		p.Detail = i18n.Sentence(lang, i18n.DeviceRemoved, i18n.Words{"name": d.Name, "date": d.At.UTC().Format(time.DateOnly)})
		return
	}
	off := int(wrong.Off.Round(time.Second) / time.Second)
	if off == 0 {
		return
	}
	p.ClockOffset = off
	what := i18n.ClockFast
	if off < 0 {
		what, off = i18n.ClockSlow, -off
	}
	p.Detail = i18n.Sentence(lang, what, i18n.Words{"seconds": strconv.Itoa(off)})
}
