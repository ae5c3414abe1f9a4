package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/token"
	"rolegate/model"
)

// publicCache is how long verifiers may keep what is the same for everybody. A
// new signing key is published at least this long before its first use.
const publicCache = "public, max-age=300"

func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, api.Health{Status: "ok"})
}

func (s *Server) jwks(w http.ResponseWriter, r *http.Request) error {
	keys, err := s.Login.JWKS(r.Context())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(keys)
	w.Header().Set("Cache-Control", publicCache)
	if unchanged(w, r, hex.EncodeToString(sum[:16])) {
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(keys) // an error means the caller is gone
	return nil
}

// metadata is RFC 8414's. Every URL begins with the configured issuer, whatever
// host the request named.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", publicCache)
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	algorithms := []string{token.ES256, token.EdDSA, token.RS256}
	return reply(w, http.StatusOK, api.AuthorizationServerMetadata{
		Issuer:                 s.Issuer,
		TokenEndpoint:          s.Issuer + "/oauth2/token",
		JWKSURI:                s.Issuer + "/.well-known/jwks.json",
		GrantTypesSupported:    []string{"client_credentials"},
		ResponseTypesSupported: []string{}, // there is no authorization endpoint, hence no PKCE either
		ScopesSupported:        model.Scopes,
		UILocalesSupported:     []string{string(i18n.Chinese), string(i18n.English)},

		TokenEndpointAuthMethodsSupported:          methods,
		TokenEndpointAuthSigningAlgValuesSupported: algorithms,

		IntrospectionEndpoint:                              s.Issuer + "/oauth2/introspect",
		IntrospectionEndpointAuthMethodsSupported:          methods,
		IntrospectionEndpointAuthSigningAlgValuesSupported: algorithms,

		RevocationEndpoint:                              s.Issuer + "/oauth2/revoke",
		RevocationEndpointAuthMethodsSupported:          append(slices.Clone(methods), "none"), // a person's token is enough
		RevocationEndpointAuthSigningAlgValuesSupported: algorithms,
	})
}

const (
	wellKnownOAuth = "/.well-known/oauth-authorization-server"
	wellKnownPDP   = "/.well-known/authzen-configuration"
)

// issuerPath is the path of the issuer, without a slash at its end: mostly none.
func (s *Server) issuerPath() string {
	u, err := url.Parse(s.Issuer)
	if err != nil { // the settings were checked
		panic(err)
	}
	return u.Path
}

// pdpMetadata is AuthZEN 1.0 section 9's, of the decision point as a whole.
func (s *Server) pdpMetadata(w http.ResponseWriter, _ *http.Request) error {
	return s.replyPDP(w, s.Issuer)
}

// tenantPDPMetadata is that of one tenant's decision point, the issuer followed by
// the tenant's name. A tenant is told by the client's token, so the endpoints are
// those of all. One that is switched off is as unknown here as it is to a login.
func (s *Server) tenantPDPMetadata(w http.ResponseWriter, r *http.Request) error {
	t, err := s.Tenants.Tenant(r.Context(), chi.URLParam(r, "tenant"))
	if model.CodeOf(err) == model.CodeTenantUnknown || err == nil && t.Disabled {
		return &model.Error{Code: model.CodeTenantUnknown} // without the words meant for operators
	}
	if err != nil {
		return err
	}
	return s.replyPDP(w, s.Issuer+"/"+t.ID)
}

// replyPDP describes the decision point of an identifier. Clients take it only if
// the identifier is the one they made the address of (section 9.2.3).
func (s *Server) replyPDP(w http.ResponseWriter, identifier string) error {
	w.Header().Set("Cache-Control", publicCache)
	return reply(w, http.StatusOK, api.PDPMetadata{
		PolicyDecisionPoint:       identifier,
		AccessEvaluationEndpoint:  s.Issuer + "/access/v1/evaluation",
		AccessEvaluationsEndpoint: s.Issuer + "/access/v1/evaluations",
		SearchSubjectEndpoint:     s.Issuer + "/access/v1/search/subject",
		SearchResourceEndpoint:    s.Issuer + "/access/v1/search/resource",
		SearchActionEndpoint:      s.Issuer + "/access/v1/search/action",
		SupportedObligations:      []string{string(api.ObligationTypeStepUp)},
	})
}
