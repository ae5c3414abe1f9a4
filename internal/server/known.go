package server

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// KnownDevices is what the server needs of the devices that people have logged
// in with, which prove nothing and are not slowed by strangers.
type KnownDevices interface {
	// KnownDevice is the id of the device a request comes from, "" for none.
	KnownDevice(ctx context.Context) (string, error)
	KnownDevices(ctx context.Context, caller model.Caller) (devices []store.KnownDevice, current string, err error)
	// ForgetDevice is CodeNotFound where the caller has none of that id.
	ForgetDevice(ctx context.Context, caller model.Caller, id string) error
}

// A browser holds the device's secret in a cookie that no script and no other
// host sees; an app, or the page of a CRM on another site, sends and gets it in a
// header. Sending the header, with any value, chooses the header.
const (
	deviceCookie = login.DeviceCookie
	deviceHeader = "Rolegate-Device"
)

// maxDeviceSecret bounds what is looked up; ours are shorter.
const maxDeviceSecret = 64

// fromDevice is the request, with the secret of the device it comes from.
func fromDevice(r *http.Request) *http.Request {
	secret := r.Header.Get(deviceHeader)
	if secret == "" {
		if c, err := r.Cookie(deviceCookie); err == nil {
			secret = c.Value
		}
	}
	if secret == "" || len(secret) > maxDeviceSecret {
		return r
	}
	return r.WithContext(login.WithDevice(r.Context(), secret))
}

// replyPassed is replyLogin after a step that may end a login: the device is
// given its secret.
func replyPassed(w http.ResponseWriter, r *http.Request, res login.Result, err error) error {
	if err == nil && res.Tokens != nil && res.Tokens.Device != "" {
		if r.Header.Values(deviceHeader) != nil {
			w.Header().Set(deviceHeader, res.Tokens.Device)
		} else {
			http.SetCookie(w, &http.Cookie{Name: deviceCookie, Value: res.Tokens.Device, Path: "/", MaxAge: int(login.KnownDeviceTTL / time.Second),
				Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
	}
	return replyLogin(w, res, err)
}

func (s *Server) knownDevices(w http.ResponseWriter, r *http.Request, session login.Session) error {
	devices, current, err := s.Known.KnownDevices(fromDevice(r).Context(), session.Caller)
	if err != nil {
		return err
	}
	list := api.KnownDevices{Devices: []api.KnownDevice{}}
	for _, d := range devices {
		list.Devices = append(list.Devices, api.KnownDevice{ID: d.ID, Current: d.ID == current,
			CreatedAt: onWire(d.CreatedAt), UsedAt: onWire(d.UsedAt), ExpiresAt: onWire(d.ExpiresAt)})
	}
	return reply(w, http.StatusOK, list)
}

func (s *Server) forgetKnownDevice(w http.ResponseWriter, r *http.Request, session login.Session) error {
	if err := s.Known.ForgetDevice(r.Context(), session.Caller, chi.URLParam(r, "id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
