package server

import (
	"context"
	"net/http"
	"strconv"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
)

// Tokens tells what tokens are worth, and ends them.
type Tokens interface {
	// Introspect is CodeInvalidClient for a client that does not show who it is,
	// CodeForbidden for one without the scope; anything wrong with the token is no
	// error, but a token that is not active.
	Introspect(ctx context.Context, a login.ClientAuth, token string) (login.Introspection, error)
	// Revoke returns the revision in which the token has ended, 0 if it had not to.
	Revoke(ctx context.Context, a login.ClientAuth, token string) (revision int64, err error)
}

// tokenFields name the token in question. What a token is can be seen by looking
// at it, so the hint changes nothing (RFC 7009 section 2.1, RFC 7662 section 2.1).
var tokenFields = append([]string{"token", "token_type_hint"}, authFields...)

// introspect is RFC 7662's.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) error {
	form, err := decodeForm(w, r, tokenFields...)
	if err != nil {
		return err
	}
	auth, err := credentials(r, form)
	if err != nil {
		return err
	}
	if form["token"] == "" {
		return invalid(i18n.FormMissing, "token")
	}
	in, err := s.Tokens.Introspect(r.Context(), auth, form["token"])
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	return reply(w, http.StatusOK, introspection(in))
}

// introspection is a token's worth on the wire: of one that is not active no
// more than that.
func introspection(in login.Introspection) api.Introspection {
	if !in.Active {
		return api.Introspection{}
	}
	c := in.Claims
	out := api.Introspection{
		Active: true, TokenType: api.IntrospectionTokenTypeBearer,
		Iss: c.Issuer, Sub: c.Subject, Aud: c.Audience, ClientID: c.ClientID, Tenant: c.Tenant, Scope: c.Scope,
		Exp: c.ExpiresAt.Unix(), Iat: c.IssuedAt.Unix(), Jti: c.ID,
		Username: in.Username, Sid: c.SessionID, ACR: c.ACR, AMR: c.AMR,
	}
	if !c.AuthTime.IsZero() {
		out.AuthTime = c.AuthTime.Unix()
	}
	return out
}

// revoke is RFC 7009's. Whether there was something to end does not show in the
// status; who ended something gets the revision to ask others for.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	form, err := decodeForm(w, r, tokenFields...)
	if err != nil {
		return err
	}
	auth, err := holder(r, form)
	if err != nil {
		return err
	}
	if form["token"] == "" {
		return invalid(i18n.FormMissing, "token")
	}
	revision, err := s.Tokens.Revoke(r.Context(), auth, form["token"])
	if err != nil {
		return err
	}
	if revision > 0 {
		w.Header().Set(revisionHeader, strconv.FormatInt(revision, 10))
	}
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(http.StatusOK)
	return nil
}
