package server

import (
	"net/http"
	"net/url"
	"strings"

	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/model"
)

// proxyAuthorization is where a proxy puts its own credentials: Authorization
// holds the person's. Nothing a request says is believed before these are.
const proxyAuthorization = "Rolegate-Client-Authorization"

// proxied is a request that a proxy asks about: the person it came from, with
// the token that says so.
type proxied struct {
	proxy  model.Caller
	person login.Session
	token  string
}

// proxy serves a client that stands in front of the CRM, for the person whose
// token came with the request. Either header twice, or not at all, is 401.
func (s *Server) proxy(scope string, h func(http.ResponseWriter, *http.Request, proxied) error) endpoint {
	return s.recorded("proxy("+scope+")", s.forwardProblem, func(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
		c, err := s.proxyClient(r)
		if err != nil {
			if model.CodeOf(err) == model.CodeProxyUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`-proxy"`)
			}
			return err
		}
		*caller = c
		if !c.HasScope(scope) {
			return bad(model.CodeForbidden, i18n.ScopeMissing, "", i18n.Words{"scope": scope})
		}
		raw, err := bearer(r)
		if err != nil {
			return err
		}
		person, err := s.Login.Person(r.Context(), raw)
		if err != nil {
			return err
		}
		if person.Caller.Tenant != c.Tenant || person.Restricted {
			return errNoToken
		}
		if c.MinRevision, err = demandedRevision(r); err != nil {
			return err
		}
		return h(w, r, proxied{c, person, raw})
	})
}

var errNoProxy = &model.Error{Code: model.CodeProxyUnauthorized}

// proxyClient is the client a proxy says it is: by a token, scheme Bearer, or by
// id and secret, scheme Basic, for the many that cannot renew a token.
func (s *Server) proxyClient(r *http.Request) (model.Caller, error) {
	values := r.Header[proxyAuthorization]
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return model.Caller{}, errNoProxy
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	var c model.Caller
	var err error
	switch {
	case strings.EqualFold(scheme, "Bearer") && isToken68(rest):
		c, err = s.Login.AuthenticateClient(r.Context(), rest)
	case strings.EqualFold(scheme, "Basic"):
		id, secret, ok := basicClient(values[0])
		if !ok {
			return c, errNoProxy
		}
		c, err = s.Login.AuthenticateClientSecret(r.Context(), id, secret)
	default:
		return c, errNoProxy
	}
	if model.CodeOf(err) == model.CodeUnauthorized {
		err = errNoProxy.Because(err)
	}
	return c, err
}

// basicClient reads a client's id and secret as RFC 6749 section 2.3.1 spells
// them: each is form-urlencoded first.
func basicClient(value string) (id, secret string, ok bool) {
	r := http.Request{Header: http.Header{"Authorization": {value}}}
	user, pass, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(pass)
	return id, secret, errID == nil && errSecret == nil && id != "" && secret != ""
}
