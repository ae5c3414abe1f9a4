package server

import (
	"net/http"

	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/model"
)

// assertionType is the one RFC 7523 section 2.2 defines for authentication.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authFields are the parameters of a form by which a client authenticates.
var authFields = []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}

// credentials are the client's: by HTTP Basic, in the form, or by an assertion,
// never two of them (RFC 6749 section 2.3).
func credentials(r *http.Request, form map[string]string) (login.ClientAuth, error) {
	none := bad(model.CodeInvalidClient, i18n.NoCredentials, "", nil)
	inForm := login.ClientAuth{ClientID: form["client_id"], ClientSecret: form["client_secret"], Assertion: form["client_assertion"]}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) > 1:
		return login.ClientAuth{}, none
	case inForm.Assertion != "" && (len(headers) > 0 || inForm.ClientSecret != ""):
		return login.ClientAuth{}, invalid(i18n.TwoCredentials, "")
	case inForm.Assertion != "" && form["client_assertion_type"] != assertionType:
		return login.ClientAuth{}, none
	case inForm.Assertion != "":
		return inForm, nil
	case len(headers) == 0 && (inForm.ClientID == "" || inForm.ClientSecret == ""):
		return login.ClientAuth{}, none
	case len(headers) == 0:
		return inForm, nil
	}
	id, secret, ok := basicClient(headers[0])
	switch {
	case !ok:
		return login.ClientAuth{}, none
	case inForm.ClientSecret != "" || inForm.ClientID != "" && inForm.ClientID != id:
		return login.ClientAuth{}, invalid(i18n.TwoCredentials, "")
	}
	return login.ClientAuth{ClientID: id, ClientSecret: secret}, nil
}

// holder is credentials, or the public client's name alone: whoever has a
// person's token may end it (RFC 7009 section 2.1).
func holder(r *http.Request, form map[string]string) (login.ClientAuth, error) {
	public := login.ClientAuth{ClientID: login.FirstPartyClient}
	if len(r.Header.Values("Authorization")) == 0 && form["client_id"] == public.ClientID &&
		form["client_secret"] == "" && form["client_assertion"] == "" {
		return public, nil
	}
	return credentials(r, form)
}
