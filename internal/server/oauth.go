package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// clientToken is the token endpoint of RFC 6749, for the client_credentials
// grant only.
func (s *Server) clientToken(w http.ResponseWriter, r *http.Request) error {
	form, err := decodeForm(w, r, append([]string{"grant_type", "scope", "tenant"}, authFields...)...)
	if err != nil {
		return err
	}
	switch form["grant_type"] {
	case "client_credentials":
	case "":
		return invalid(i18n.FormMissing, "grant_type")
	default:
		return &model.Error{Code: model.CodeUnsupportedGrant}
	}
	auth, err := credentials(r, form)
	if err != nil {
		return err
	}
	tokens, err := s.Login.ClientToken(r.Context(), login.ClientCredentials{ClientAuth: auth, Scope: form["scope"], Tenant: form["tenant"]})
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	return reply(w, http.StatusOK, api.ClientToken{AccessToken: tokens.AccessToken, TokenType: api.ClientTokenTokenTypeBearer,
		ExpiresIn: seconds(tokens.ExpiresIn), Scope: tokens.Scope})
}

// decodeForm reads the parameters named from a form. None occurs twice, not even of
// those that are ignored, but for resource (RFC 8707 section 2); one without a value
// counts as left out (RFC 6749 section 3.2). The query does not count.
func decodeForm(w http.ResponseWriter, r *http.Request, names ...string) (map[string]string, error) {
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, bad(model.CodeUnsupportedMedia, i18n.FormType, "", nil)
	}
	body, err := readBody(nil, r, model.CodeUnsupportedMedia, ownBody)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid(i18n.FormSyntax, "")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 && name != "resource" {
			return nil, invalid(i18n.FormTwice, clipped(name))
		}
	}
	form := map[string]string{}
	for _, name := range names {
		form[name] = values.Get(name)
	}
	return form, nil
}

// oauthErrors are the codes RFC 6749 section 5.2 has words for; of the others a
// fault of ours is server_error or temporarily_unavailable, and everything else
// invalid_request.
var oauthErrors = map[model.Code]api.OAuthErrorError{
	model.CodeInvalidClient:    api.OAuthErrorErrorInvalidClient,
	model.CodeInvalidScope:     api.OAuthErrorErrorInvalidScope,
	model.CodeUnsupportedGrant: api.OAuthErrorErrorUnsupportedGrantType,
	model.CodeForbidden:        api.OAuthErrorErrorUnauthorizedClient,
}

// oauthError answers an error of the token endpoint. Its description is English,
// since RFC 6749 allows ASCII only.
func (s *Server) oauthError(w http.ResponseWriter, r *http.Request, err error) {
	code := codeOf(r, err)
	to := fail(w, r, code, err)
	word, ok := oauthErrors[code]
	switch {
	case ok:
	case to.status == http.StatusServiceUnavailable, to.status == http.StatusTooManyRequests:
		word = api.OAuthErrorErrorTemporarilyUnavailable
	case to.status >= 500:
		word = api.OAuthErrorErrorServerError
	default:
		word = api.OAuthErrorErrorInvalidRequest
	}
	status := to.status
	switch status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
		status = http.StatusBadRequest
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
	}
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("Content-Language", string(i18n.English))
	description, _ := explain(i18n.English, code, to, err)
	if code == model.CodeTooManyAttempts { // a person is told of their devices
		description = "There were too many attempts. Try again when the time in Retry-After is over."
	}
	write(w, "application/json", status, api.OAuthError{Error: word, ErrorDescription: ascii(description),
		Code: string(code), TraceID: reqctx.From(r.Context()).TraceID})
}

// ascii keeps what RFC 6749 allows in a description.
func ascii(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < ' ' || c > '~':
			return '?'
		}
		return c
	}, s)
}
