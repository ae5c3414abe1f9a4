package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

var errClient = model.Errorf(model.CodeInvalidClient, "client authentication failed")

// ClientToken is the client_credentials grant (RFC 6749 section 4.4). Asking
// for a scope the client lacks is refused, never narrowed; asking for none
// gives all it has.
func (s *Service) ClientToken(ctx context.Context, cc ClientCredentials) (Tokens, error) {
	c, err := s.Store.Client(ctx, cc.ClientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Tokens{}, err
	}
	// An unknown client's hash is empty: the comparison costs the same and fails.
	right := subtle.ConstantTimeCompare(c.SecretHash, token.Hash(cc.ClientSecret)) == 1
	if !right || c.ID == "" || c.Disabled {
		return Tokens{}, s.miss(ctx, clientEntry(cc.ClientID, c.Tenant, audit.ClientFailed, model.CodeInvalidClient), errClient)
	}
	tenant, err := s.clientTenant(ctx, c, cc.Tenant)
	if err != nil {
		return Tokens{}, s.refuseClient(ctx, c, err)
	}
	scopes, err := clientScopes(c, cc.Scope)
	if err != nil {
		return Tokens{}, s.refuseClient(ctx, c, err)
	}
	scope := strings.Join(scopes, " ")
	access, err := s.sign(token.Claims{Subject: c.ID, ClientID: c.ID, Tenant: tenant, Scope: scope}, AccessTTL)
	if err != nil {
		return Tokens{}, err
	}
	if err := s.Log.Append(ctx, clientEntry(c.ID, tenant, audit.ClientToken, "")); err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: access, ExpiresIn: AccessTTL, Scope: scope}, nil
}

// clientTenant is the one tenant the token will hold.
func (s *Service) clientTenant(ctx context.Context, c model.Client, asked string) (string, error) {
	tenant := asked
	if tenant == "" {
		tenant = c.Tenant
	}
	if tenant == "" {
		return "", model.Errorf(model.CodeClientTenantNeeded, "this client serves several tenants: name one in the parameter tenant")
	}
	if !c.MayActIn(tenant) {
		return "", model.Errorf(model.CodeInvalidScope, "this client may not act in the tenant it asks for")
	}
	t, err := s.Store.Tenant(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.Disabled {
		return "", model.Errorf(model.CodeInvalidScope, "this client may not act in the tenant it asks for")
	}
	return tenant, err
}

func clientScopes(c model.Client, asked string) ([]string, error) {
	if strings.TrimSpace(asked) == "" {
		return c.Scopes, nil
	}
	scopes := strings.Fields(asked)
	for _, scope := range scopes {
		if !slices.Contains(c.Scopes, scope) {
			return nil, model.Errorf(model.CodeInvalidScope, "this client does not have the scope it asks for")
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(scopes))), nil
}

func (s *Service) refuseClient(ctx context.Context, c model.Client, refused error) error {
	switch code := model.CodeOf(refused); code {
	case model.CodeInvalidScope, model.CodeClientTenantNeeded:
		return s.refuse(ctx, clientEntry(c.ID, c.Tenant, audit.ClientFailed, code), refused)
	}
	return refused
}

// clientEntry names the client in the clear only when it is one of ours.
func clientEntry(id, tenant string, a audit.Activity, code model.Code) audit.Entry {
	e := audit.Entry{Tenant: tenant, Class: audit.ClassLogin, Activity: a, Outcome: audit.OutcomeOK, Code: code,
		Caller: model.Caller{Kind: model.CallerAnonymous}, Personal: map[string]any{"client_id": id}}
	if code != "" {
		e.Outcome = audit.OutcomeDeny
		return e
	}
	e.Service = id
	e.Caller.Kind = model.CallerClient
	return e
}

// AuthenticateClient verifies a client token and the live client behind it.
func (s *Service) AuthenticateClient(ctx context.Context, raw string) (model.Caller, error) {
	v, err := s.verify(raw)
	if err != nil || v.claims.SessionID != "" || v.claims.Subject != v.claims.ClientID {
		return model.Caller{}, errUnauthorized.Because(err)
	}
	revision := s.Revisions.Known(v.claims.Tenant) // before the rows are read
	if l := v.liveAt(revision); l != nil {
		return l.caller, nil
	}
	caller, err := s.liveClient(ctx, v.claims.ClientID, v.claims.Tenant, strings.Fields(v.claims.Scope), revision)
	if err != nil {
		return model.Caller{}, err
	}
	v.keep(live{revision: revision, caller: caller})
	return caller, nil
}

// AuthenticateClientSecret is AuthenticateClient for a caller that can hold a
// secret but not renew a token, such as a proxy. It needs a client of one tenant,
// whose name the secret then stands for.
func (s *Service) AuthenticateClientSecret(ctx context.Context, id, secret string) (model.Caller, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return model.Caller{}, err
	}
	// An unknown client's hash is empty: the comparison costs the same and fails.
	right := subtle.ConstantTimeCompare(c.SecretHash, token.Hash(secret)) == 1
	if !right || c.ID == "" || c.Disabled || c.Tenant == "" {
		return model.Caller{}, errUnauthorized
	}
	// Without a revision: whoever decides for this caller looks at it again.
	return model.Caller{Kind: model.CallerClient, ID: c.ID, Tenant: c.Tenant, Scopes: c.Scopes, Client: c}, nil
}

// Recheck looks at the client behind a caller again, for whoever finds that the
// caller's tenant has moved meanwhile. CodeUnauthorized means that it was
// disabled, or may no longer act in the tenant; scopes that were taken away are
// gone. Callers of other kinds come back as they are.
func (s *Service) Recheck(ctx context.Context, caller model.Caller) (model.Caller, error) {
	if caller.Kind != model.CallerClient {
		return caller, nil
	}
	return s.liveClient(ctx, caller.ID, caller.Tenant, caller.Scopes, s.Revisions.Known(caller.Tenant))
}

// liveClient is the client as it is now, with those of the scopes it still has.
// The revision was known before.
func (s *Service) liveClient(ctx context.Context, id, tenant string, granted []string, revision int64) (model.Caller, error) {
	c, err := s.Store.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return model.Caller{}, errUnauthorized
	}
	if err != nil {
		return model.Caller{}, err
	}
	if c.Disabled || !c.MayActIn(tenant) {
		return model.Caller{}, errUnauthorized
	}
	var scopes []string
	for _, scope := range granted {
		if slices.Contains(c.Scopes, scope) { // taken away since is taken away now
			scopes = append(scopes, scope)
		}
	}
	return model.Caller{Kind: model.CallerClient, ID: c.ID, Tenant: tenant, Scopes: scopes, Client: c, Revision: revision}, nil
}
