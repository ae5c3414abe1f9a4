package requirements

import (
	"net/http"
	"net/url"
	"strings"

	"rolegate/internal/testkit"
)

// people is what somebody does with their own account, and strangers with anybody's.
func (s *story) people(p *testkit.Person, username, invite string) {
	s.t.Helper()
	const wrong = "wrong pony cell clip"
	s.keep("wrong password", wrong)
	s.want(200, "GET", "/healthz", "", nil)
	s.want(200, "HEAD", "/healthz", "", nil)
	s.want(200, "GET", "/.well-known/jwks.json", "", nil)
	s.want(200, "GET", "/.well-known/oauth-authorization-server", "", nil)
	s.want(200, "GET", "/.well-known/authzen-configuration", "", nil)
	s.want(200, "GET", "/.well-known/authzen-configuration/default", "", nil)
	s.want(200, "GET", "/invite/"+s.keep("invitation", invite), "", nil)
	s.want(200, "POST", "/v1/invite/strength", "", object{"invite": invite, "password": s.keep("password that is rated", "seven purple staples nap")})

	// Badly: what is typed into any field, and put into any address, may be somebody's.
	for _, name := range []string{strangerMail, chineseName, phone, testkit.Password} {
		s.call("POST", "/v1/login", "", object{"username": name, "password": wrong})
		s.call("POST", "/v1/login", "", object{"username": username, "password": wrong, "code": name})
		s.call("POST", "/v1/login", "", []byte(`{"username":"`+name+`",`))
		s.call("GET", "/"+url.PathEscape(name), "", nil)
		s.call("GET", "/v1/me/history?who="+url.QueryEscape(name), p.Access, nil)
		s.call("DELETE", "/v1/me/sessions/"+url.PathEscape(name), p.Access, nil)
		s.call("POST", "/v1/login/totp", "", object{"ticket": name, "code": "123456"})
		s.call("POST", "/v1/token/refresh", "", object{"refresh_token": name})
		s.call("POST", "/v1/invite/accept", "", object{"invite": name, "password": wrong})
		s.call("POST", "/v1/me/devices", "not.a."+url.QueryEscape(name), object{"name": name})
	}
	s.foreign(strings.ReplaceAll(strangerMail, "@", "."))
	s.call("QUIMBYANN", "/v1/login", "", nil)

	ticket := func() string {
		a := s.want(200, "POST", "/v1/login", "", object{"username": username, "password": testkit.Password})
		return s.keep("ticket", a.Text("ticket"))
	}
	t := ticket()
	s.call("POST", "/v1/login/totp", "", object{"ticket": t, "code": s.keepCode("wrong code", "918273")})
	a := s.want(200, "POST", "/v1/login/totp", "", object{"ticket": t, "code": s.code(p)})
	s.tokens(p, a)
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		s.keep("secret of a known device", c.Value)
	}
	a = s.want(200, "POST", "/v1/login/totp", "", object{"ticket": ticket(), "code": s.code(p)}, "Rolegate-Device", s.keep("made-up device", "m4de-up-dev1ce-s3cret"))
	s.keep("secret of a known app", a.Header.Get("Rolegate-Device"))
	s.tokens(p, a)
	s.tokens(p, s.want(200, "POST", "/v1/token/refresh", "", object{"refresh_token": p.Refresh}))
	s.stepUp(p)

	first := s.want(200, "GET", "/v1/me/devices", p.Access, nil).Body["devices"].([]any)[0].(object)["id"].(string)
	s.want(200, "PATCH", "/v1/me/devices/"+s.keep("device's id", first), p.Access, object{"name": s.keep("device's name", "Quimbys Telefon")})
	a = s.want(200, "POST", "/v1/me/devices", p.Access, object{"name": "Quimbys Tablet"})
	second := a.Text("device_id")
	s.keep("TOTP secret's address", a.Text("otpauth_uri"))
	code := s.keepCode("code of a second device", s.CodeAt(s.keep("second TOTP secret", a.Text("secret")), 0))
	s.want(200, "POST", "/v1/me/devices/"+second+"/confirm", p.Access, object{"code": code})
	s.want(204, "DELETE", "/v1/me/devices/"+second, p.Access, nil)
	for _, c := range s.want(200, "POST", "/v1/me/recovery-codes", p.Access, nil).Body["recovery_codes"].([]any) {
		s.keep("new recovery code", c.(string))
		p.RecoveryCodes = []string{c.(string)}
	}
	s.want(200, "GET", "/v1/me/recovery-codes", p.Access, nil)
	s.want(200, "POST", "/v1/me/password/strength", p.Access, object{"password": "seven purple staples nap"})
	next := s.keep("new password", "nine purple staples sing")
	s.call("POST", "/v1/me/password", p.Access, object{"current": wrong, "new": next})
	s.tokens(p, s.want(200, "POST", "/v1/me/password", p.Access, object{"current": testkit.Password, "new": next}))
	s.stepUp(p)
	s.tokens(p, s.want(200, "POST", "/v1/me/password", p.Access, object{"current": next, "new": testkit.Password}))

	s.want(200, "POST", "/v1/login/totp", "", object{"ticket": ticket(), "code": s.code(p)})
	for _, session := range s.want(200, "GET", "/v1/me/sessions", p.Access, nil).Body["sessions"].([]any) {
		if one := session.(object); one["current"] != true {
			s.want(204, "DELETE", "/v1/me/sessions/"+s.keep("session's id", one["id"].(string)), p.Access, nil)
			break
		}
	}
	s.want(200, "POST", "/v1/me/end-other-sessions", p.Access, nil)
	s.want(200, "GET", "/v1/me/history", p.Access, nil)
	known := s.want(200, "GET", "/v1/me/known-devices", p.Access, nil).Body["devices"].([]any)
	s.want(204, "DELETE", "/v1/me/known-devices/"+known[0].(object)["id"].(string), p.Access, nil)

	recovered := *p
	s.tokens(&recovered, s.want(200, "POST", "/v1/login/recovery", "", object{"ticket": ticket(), "code": p.RecoveryCodes[0]}))
	p.Secret = s.keep("TOTP secret of a new device", s.want(200, "POST", "/v1/me/re-enrol", recovered.Access, nil).Text("secret"))
	a = s.want(200, "POST", "/v1/me/re-enrol/confirm", recovered.Access, object{"code": s.code(p)})
	for _, c := range a.Body["recovery_codes"].([]any) {
		s.keep("recovery code of a new device", c.(string))
	}
	s.tokens(p, a)
	s.tokens(p, s.want(200, "POST", "/v1/login/totp", "", object{"ticket": ticket(), "code": s.code(p)}))
}

// foreign is a browser that asks whether a page of another origin may log people in.
func (s *story) foreign(host string) {
	s.t.Helper()
	req, err := http.NewRequest("OPTIONS", s.URL+"/v1/login", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{"Origin": "https://" + host, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": annID} {
		req.Header.Set(name, value)
	}
	s.send(req)
}
