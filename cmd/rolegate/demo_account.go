package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pquerna/otp/totp"

	"rolegate/internal/app"
	"rolegate/model"
)

// account is what alice does with her own account once she is in.
func (s *story) account() {
	s.wait()
	old := s.access
	a, err := s.http.post("/v1/step-up", s.access, map[string]any{"code": s.code()})
	s.check("a code proven now gives her tokens of a new session", errors.Join(err, want(a, 200, map[string]any{"status": "ok"})))
	s.access, s.refresh = a.text("access_token"), a.text("refresh_token")
	s.ask("the session before has ended", question("alice", "read", "contact", own, map[string]any{"access_token": old}), false, model.ReasonSessionInvalid)

	a, err = s.http.post("/v1/me/devices", s.access, map[string]any{"name": "Tablet"})
	s.check("she adds a second device", errors.Join(err, want(a, 200, nil)))
	tablet, id := a.text("secret"), a.text("device_id")
	code := func() string {
		code, err := totp.GenerateCode(tablet, s.now())
		if err != nil {
			return ""
		}
		return code
	}
	a, err = s.http.post("/v1/me/devices/"+id+"/confirm", s.access, map[string]any{"code": code()})
	s.check("which counts from its first code on", errors.Join(err, want(a, 200, nil)))

	s.wait()
	a, err = s.http.post("/v1/login", "", map[string]any{"username": "alice", "password": demoPassword})
	ticket := a.text("ticket")
	s.check("she logs in at another desk", errors.Join(err, want(a, 200, map[string]any{"status": "mfa_required"})))
	a, err = s.http.post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code()})
	s.check("with a code of the tablet", errors.Join(err, want(a, 200, map[string]any{"status": "ok"})))
	desk := question("alice", "read", "contact", own, map[string]any{"access_token": a.text("access_token")})
	s.ask("its token is good for a decision", desk, true, model.ReasonAllowed)

	a, err = s.http.get("/v1/me/sessions", s.access)
	sessions, _ := a.body["sessions"].([]any)
	if err == nil && len(sessions) < 2 {
		err = fmt.Errorf("%d sessions", len(sessions))
	}
	s.check("she sees her sessions", errors.Join(err, want(a, 200, nil)))
	a, err = s.http.post("/v1/me/end-other-sessions", s.access, nil)
	s.check("and ends the others from where she sits", errors.Join(err, want(a, 200, nil)))
	s.ask("the other desk is denied at once", desk, false, model.ReasonSessionInvalid)
}

// guess is somebody at alice's password.
func (s *story) guess(ctx context.Context) {
	var err error
	for i := range 5 {
		a, failed := s.http.post("/v1/login", "", map[string]any{"username": "alice", "password": fmt.Sprintf("guess number %d", i)})
		err = errors.Join(err, failed, want(a, 401, map[string]any{"code": "login_failed"}))
	}
	s.check("five wrong passwords are answered alike", err)
	right := map[string]any{"username": "alice", "password": demoPassword}
	a, err := s.http.post("/v1/login", "", right)
	s.check("the next try waits, also with the right one", errors.Join(err, want(a, 429, map[string]any{"code": "too_many_attempts"})))
	s.note("Retry-After: %s", a.header.Get("Retry-After"))

	_, err = app.UnlockUser.Do(ctx, s.cfg, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
	s.check("rolegate user unlock alice", err)
	a, err = s.http.post("/v1/login", "", right)
	s.check("and it is heard at once", errors.Join(err, want(a, 200, map[string]any{"status": "mfa_required"})))
}
