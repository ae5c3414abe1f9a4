package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"rolegate/api"
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
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", publicCache)
	h.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	w.Write(keys) // an error means the caller is gone
	return nil
}

// metadata is RFC 8414's. Every URL begins with the configured issuer, whatever
// host the request named.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", publicCache)
	return reply(w, http.StatusOK, api.AuthorizationServerMetadata{
		Issuer:                            s.Issuer,
		TokenEndpoint:                     s.Issuer + "/oauth2/token",
		JWKSURI:                           s.Issuer + "/.well-known/jwks.json",
		GrantTypesSupported:               []string{"client_credentials"},
		ResponseTypesSupported:            []string{}, // there is no authorization endpoint
		TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post"},
		ScopesSupported:                   model.Scopes,
	})
}
